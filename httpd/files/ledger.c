/* SPDX-License-Identifier: MIT */
#include "httpd/files/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "common/fd.h"

#define NEWEST "whole.log"
#define OLDER  "whole.old"
#define ID_LEN (STORE_ID_SIZE - 1)
#define N_BITS (1u << 20) /* five digits */

struct ledger {
	const struct store *store;
	pthread_mutex_t lock; /* of the files' names and ends, and the rest */
	bool was_read;        /* the bits tell of what lies there from before */
	uint8_t bits[N_BITS / 8];
};

/* --- the bits; locked --- */

static unsigned bit_of(const char *id)
{
	char digits[6] = "";

	memcpy(digits, id, 5);
	return (unsigned)strtoul(digits, NULL, 16) % N_BITS;
}

static void set_bit(struct ledger *ledger, const char *id)
{
	ledger->bits[bit_of(id) / 8] |= (uint8_t)(1u << bit_of(id) % 8);
}

static bool has_bit(const struct ledger *ledger, const char *id)
{
	return ledger->bits[bit_of(id) / 8] >> bit_of(id) % 8 & 1;
}

/* --- lines --- */

static char *make_line(const char *id, const struct tus_info *info)
{
	char hash[2 * ENTRY_HASH_SIZE + 1], *text = NULL, *line = NULL;
	json_t *json = tus_info_pack(info);

	if (json && info->meta.has_hash) {
		entry_hash_text(info->meta.sha256, hash);
		json_object_set_new(json, "sha256", json_string(hash));
	}
	text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	/* It begins a line of its own, whatever a kill or a full disk has left of the one before.
	 */
	if (text && asprintf(&line, "\n%s %s\n", id, text) < 0)
		line = NULL;
	free(text);
	return line;
}

/* Behind the ID. */
static bool parse_line(const char *text, struct tus_info *info)
{
	json_t *json = json_loads(text, 0, NULL);
	const char *hash = json_string_value(json_object_get(json, "sha256"));
	bool is_info = tus_info_unpack(json, info);

	info->meta.has_hash = is_info && hash && entry_parse_hash(hash, info->meta.sha256);
	json_decref(json);
	return is_info;
}

/*
 * The last line of `id` in one file.  1 and what is behind the ID, the caller's; 0: there is none;
 * -errno.  With an `id` of NULL nothing is found, but all bits are set.
 */
static int find_line(struct ledger *ledger, const char *name, const char *id, char **rest)
{
	int fd = openat(store_incoming_fd(ledger->store), name,
		O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "re");
	char *line = NULL, *found = NULL;
	size_t size = 0;
	int r = 0;

	if (!file) {
		r = errno == ENOENT ? 0 : -errno;
		fd_close(&fd);
		return r;
	}
	while (r == 0 && getline(&line, &size, file) > 0)
		if (!id) {
			if (strlen(line) > ID_LEN)
				set_bit(ledger, line);
		} else if (strncmp(line, id, ID_LEN) == 0) {
			free(found);
			found = strdup(line + ID_LEN);
			r = found ? 0 : -ENOMEM;
		}
	if (r == 0 && ferror(file))
		r = -EIO;
	fclose(file);
	free(line);
	if (r < 0 || !found) {
		free(found);
		return r;
	}
	*rest = found;
	return 1;
}

static int append(struct ledger *ledger, const char *id, const char *line, bool is_synced)
{
	int dir = store_incoming_fd(ledger->store), r = 0;
	size_t len = strlen(line);
	struct stat st;
	int fd;

	pthread_mutex_lock(&ledger->lock);
	set_bit(ledger, id);
	if (fstatat(dir, NEWEST, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		st.st_size + (off_t)len > (off_t)LEDGER_SIZE_MAX)
		renameat(dir, NEWEST, dir, OLDER);
	fd = openat(dir, NEWEST, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		r = -errno;
	else if (write(fd, line, len) != (ssize_t)len)
		r = -ENOSPC;
	pthread_mutex_unlock(&ledger->lock);
	if (r == 0 && is_synced && fdatasync(fd) < 0)
		r = -errno;
	fd_close(&fd);
	return r;
}

/* --- what others call --- */

int ledger_write(struct ledger *ledger, const char *id, const struct tus_info *info, bool is_synced)
{
	char *line = make_line(id, info);
	int r = line ? append(ledger, id, line, is_synced) : -ENOMEM;

	free(line);
	return r;
}

int ledger_find(struct ledger *ledger, const char *id, struct tus_info *info)
{
	static const char *const names[] = {NEWEST, OLDER};
	const size_t n_names = sizeof(names) / sizeof(names[0]);
	char *rest = NULL;
	int r = 0;

	pthread_mutex_lock(&ledger->lock);
	for (size_t i = 0; !ledger->was_read && r == 0 && i < n_names; i++)
		r = find_line(ledger, names[i], NULL, NULL);
	ledger->was_read = r == 0;
	for (size_t i = 0; r == 0 && has_bit(ledger, id) && i < n_names; i++)
		r = find_line(ledger, names[i], id, &rest);
	pthread_mutex_unlock(&ledger->lock);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = parse_line(rest, info) ? 0 : -ENOENT;
	free(rest);
	return r;
}

int ledger_strike(struct ledger *ledger, const char *id)
{
	char line[STORE_ID_SIZE + 2];
	struct tus_info info;
	int r = ledger_find(ledger, id, &info);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	free(info.metadata);
	snprintf(line, sizeof(line), "\n%.32s\n", id);
	return append(ledger, id, line, false);
}

int ledger_create(const struct store *store, struct ledger **out)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (!ledger)
		return -ENOMEM;
	ledger->store = store;
	pthread_mutex_init(&ledger->lock, NULL);
	*out = ledger;
	return 0;
}

void ledger_destroy(struct ledger *ledger)
{
	if (!ledger)
		return;
	pthread_mutex_destroy(&ledger->lock);
	free(ledger);
}
