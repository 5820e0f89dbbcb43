/* SPDX-License-Identifier: MIT */
#include "cli/upload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/text.h"
#include "common/fd.h"
#include "common/log.h"

#define NAME_SIZE 256 /* of a file's name, with its end */
#define HEAD_SIZE 8192
#define URL_MAX   128
#define WORDS_MAX 160 /* characters of an answer */
#define SEND_STEP (16u * 1024u * 1024u)

bool upload_open(struct upload *upload, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct stat st;
	int r = 0;

	*upload = (struct upload){.path = path,
		.name = slash ? slash + 1 : path,
		.file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
	if (upload->file < 0 || fstat(upload->file, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode))
		r = S_ISDIR(st.st_mode) ? -EISDIR : -ENODATA;
	else if (strlen(upload->name) >= NAME_SIZE)
		r = -ENAMETOOLONG;
	if (r < 0) {
		log_err("Could not add %s: %s", path,
			r == -ENODATA ? "it has no end; only files can be added" : strerror(-r));
		upload_close(upload);
		return false;
	}
	upload->size = (uint64_t)st.st_size;
	return true;
}

void upload_close(struct upload *upload)
{
	fd_close(&upload->file);
}

/* "http://192.168.1.5:8001/" → a connection, and what to write into Host. */
static int connect_to(const char *url, char host[URL_MAX])
{
	struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *found;
	char name[URL_MAX], *port;
	int fd, r;

	if (strncmp(url, "http://", 7) != 0)
		return -EPROTO;
	snprintf(host, URL_MAX, "%.*s", (int)strcspn(url + 7, "/"), url + 7);
	snprintf(name, sizeof(name), "%s", host);
	port = strrchr(name, ':');
	if (!port || port == name)
		return -EPROTO;
	*port++ = '\0';
	if (name[0] == '[' && port[-2] == ']') {
		port[-2] = '\0';
		memmove(name, name + 1, strlen(name));
	}
	if (getaddrinfo(name, port, &wanted, &found) != 0)
		return -EHOSTUNREACH;
	fd = socket(found->ai_family, found->ai_socktype | SOCK_CLOEXEC, 0);
	r = fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen) < 0 ? -errno : fd;
	freeaddrinfo(found);
	if (r < 0)
		fd_close(&fd);
	return r;
}

/* Any of the site's addresses that answers; -errno: none, and that has been said. */
static int connect_to_site(const json_t *urls, char host[URL_MAX])
{
	int fd = -ENOENT;
	json_t *url;
	size_t i;

	json_array_foreach(urls, i, url)
	{
		fd = json_is_string(url) ? connect_to(json_string_value(url), host) : -EPROTO;
		if (fd >= 0)
			break;
	}
	if (fd < 0)
		log_err("Could not reach the server at any of its addresses: %s", strerror(-fd));
	return fd;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* "/uploads/" and the name, percent-encoded. */
static void write_target(const char *name, char *out)
{
	out += sprintf(out, "/uploads/");
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
			*out++ = *name;
		else
			out += sprintf(out, "%%%02X", c);
	}
	*out = '\0';
}

/* Sends the open file.  0 or -errno; a refusal comes as an answer. */
static int send_file(int fd, const struct upload *upload, const char *host, const char *token)
{
	char head[HEAD_SIZE], target[3 * NAME_SIZE + 16];
	uint64_t size = upload->size;
	int len;

	write_target(upload->name, target);
	len = snprintf(head, sizeof(head),
		"PUT %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %" PRIu64
		"\r\nX-Screenshare-Presenter: %s\r\nConnection: close\r\n\r\n",
		target, host, size, token);
	if (!write_all(fd, head, (size_t)len))
		return -errno;
	while (size > 0) {
		ssize_t n = sendfile(
			fd, upload->file, NULL, size < SEND_STEP ? (size_t)size : SEND_STEP);

		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		size -= (uint64_t)n;
	}
	return 0;
}

/* Whether it was taken; if not, it says why. */
static bool was_taken(int fd, const char *path)
{
	char answer[HEAD_SIZE], words[TEXT_SIZE(WORDS_MAX)];
	size_t len = 0;
	ssize_t n;
	char *body;

	while (len < sizeof(answer) - 1 &&
		(n = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0)
		len += (size_t)n;
	answer[len] = '\0';
	if (strncmp(answer, "HTTP/1.1 201 ", 13) == 0)
		return true;
	body = strstr(answer, "\r\n\r\n");
	if (body)
		body[4 + strcspn(body + 4, "\r\n")] = '\0';
	log_err("Could not add %s: %s", path,
		body ? text_clean(body + 4, WORDS_MAX, words, sizeof(words))
		     : "the server closed the connection");
	return false;
}

bool upload_send(const struct upload *upload, const json_t *urls, const char *token)
{
	char host[URL_MAX];
	int fd = connect_to_site(urls, host), r;
	bool is_taken = false;

	if (fd < 0)
		return false;
	r = send_file(fd, upload, host, token);
	if (r < 0)
		log_err("Could not add %s: %s", upload->path, strerror(-r));
	else
		is_taken = was_taken(fd, upload->path);
	fd_close(&fd);
	return is_taken;
}
