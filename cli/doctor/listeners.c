/* SPDX-License-Identifier: MIT */
#include "cli/doctor/listeners.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/text.h"

#define STATE_LISTEN 0x0au /* TCP_LISTEN, as /proc/net/tcp writes it */
#define SOCKETS_MAX  8

struct sockets {
	unsigned long inodes[SOCKETS_MAX];
	size_t n;
	bool is_any_open; /* listens on more than loopback */
	struct in6_addr address;
};

/* An address as the kernel prints it: words of 32 bits in host order. */
static bool is_loopback(const char *hex)
{
	size_t len = strlen(hex);

	if (len == 8)
		return strcmp(hex + 6, "7F") == 0;
	return strcmp(hex, "00000000000000000000000001000000") == 0;
}

static struct in6_addr read_address(const char *hex)
{
	struct in6_addr address = IN6ADDR_ANY_INIT;
	size_t n_words = strlen(hex) / 8, first = n_words == 1 ? 3 : 0;

	for (size_t i = 0; i < n_words && first + i < 4; i++) {
		unsigned word = 0;

		sscanf(hex + 8 * i, "%8x", &word);
		memcpy(&address.s6_addr[4 * (first + i)], &word, sizeof(word));
	}
	if (n_words == 1 && !IN6_IS_ADDR_UNSPECIFIED(&address))
		memset(&address.s6_addr[10], 0xff, 2);
	return address;
}

static void read_table(const char *path, uint16_t port, struct sockets *sockets)
{
	FILE *file = fopen(path, "re");
	char line[512];

	if (!file)
		return; /* without IPv6 there is no such table */
	while (sockets->n < SOCKETS_MAX && fgets(line, sizeof(line), file)) {
		char address[40];
		unsigned its_port, state;
		unsigned long inode;

		if (sscanf(line, " %*u: %39[0-9A-F]:%4x %*s %2x %*s %*s %*s %*u %*u %lu", address,
			    &its_port, &state, &inode) != 4 ||
			its_port != port || state != STATE_LISTEN)
			continue;
		if (sockets->n == 0)
			sockets->address = read_address(address);
		sockets->inodes[sockets->n++] = inode;
		sockets->is_any_open |= !is_loopback(address);
	}
	fclose(file);
}

/* --- who holds them --- */

static bool is_one_of(const char *link, const struct sockets *sockets)
{
	unsigned long inode;

	if (sscanf(link, "socket:[%lu]", &inode) != 1)
		return false;
	for (size_t i = 0; i < sockets->n; i++)
		if (sockets->inodes[i] == inode)
			return true;
	return false;
}

static bool holds(const char *pid, const struct sockets *sockets)
{
	char path[64], link[64];
	struct dirent *entry;
	bool is_found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false; /* another user's, or gone */
	while (!is_found && (entry = readdir(dir))) {
		ssize_t len = readlinkat(dirfd(dir), entry->d_name, link, sizeof(link) - 1);

		link[len > 0 ? len : 0] = '\0';
		is_found = is_one_of(link, sockets);
	}
	closedir(dir);
	return is_found;
}

static void read_name(const char *pid, char out[LISTENER_NAME_SIZE])
{
	char path[64], name[LISTENER_NAME_SIZE] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.16s/comm", pid);
	file = fopen(path, "re");
	if (file && !fgets(name, sizeof(name), file))
		name[0] = '\0';
	if (file)
		fclose(file);
	name[strcspn(name, "\n")] = '\0';
	text_clean(name, LISTENER_NAME_SIZE - 1, out, LISTENER_NAME_SIZE);
}

static void find_holder(const struct sockets *sockets, struct listener *out)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc");

	while (dir && out->pid == 0 && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]) || !holds(entry->d_name, sockets))
			continue;
		read_name(entry->d_name, out->name);
		out->pid = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	if (dir)
		closedir(dir);
}

bool listener_find(uint16_t port, struct listener *out)
{
	struct sockets sockets = {.n = 0};

	*out = (struct listener){.pid = 0};
	read_table("/proc/net/tcp", port, &sockets);
	read_table("/proc/net/tcp6", port, &sockets);
	out->address = sockets.address;
	out->is_local_only = sockets.n > 0 && !sockets.is_any_open;
	if (sockets.n > 0)
		find_holder(&sockets, out);
	return sockets.n > 0;
}
