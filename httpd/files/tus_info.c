/* SPDX-License-Identifier: MIT */
#include "httpd/files/tus_info.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "common/fd.h"
#include "httpd/files/tus_head.h"

#define INFO_SIZE (4u * TUS_METADATA_MAX)

void tus_info_names(const char *id, char part[STORE_PART_SIZE], char info[STORE_PART_SIZE])
{
	snprintf(part, STORE_PART_SIZE, "%.32s.part", id);
	snprintf(info, STORE_PART_SIZE, "%.32s.info", id);
}

static int write_text(const struct store *store, const char *id, const char *text, bool is_synced)
{
	char part[STORE_PART_SIZE], name[STORE_PART_SIZE], temporary[STORE_PART_SIZE];
	int dir = store_incoming_fd(store), fd, r = 0;
	size_t len = strlen(text);

	tus_info_names(id, part, name);
	snprintf(temporary, sizeof(temporary), "%.32s.tmp", id);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len)
		r = -ENOSPC;
	else if (is_synced && fsync(fd) < 0)
		r = -errno;
	fd_close(&fd);
	if (r == 0 && renameat(dir, temporary, dir, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dir, temporary, 0);
	return r;
}

json_t *tus_info_pack(const struct tus_info *info)
{
	return json_pack("{sI ss ss ss ss ss ss}", "length", (json_int_t)info->length, "name",
		info->name, "placed", info->placed, "metadata",
		info->metadata ? info->metadata : "", "sender", info->meta.sender, "address",
		info->meta.address, "owner", info->meta.owner);
}

int tus_info_write(
	const struct store *store, const char *id, const struct tus_info *info, bool is_synced)
{
	json_t *json = tus_info_pack(info);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	int r = text ? write_text(store, id, text, is_synced) : -ENOMEM;

	free(text);
	json_decref(json);
	return r;
}

static bool copy_text(const json_t *json, const char *key, char *out, size_t size)
{
	const char *text = json_string_value(json_object_get(json, key));

	if (!text || strlen(text) >= size)
		return false;
	strcpy(out, text);
	return true;
}

bool tus_info_unpack(const json_t *json, struct tus_info *info)
{
	json_int_t length = json_integer_value(json_object_get(json, "length"));
	const char *metadata = json_string_value(json_object_get(json, "metadata"));

	memset(info, 0, sizeof(*info));
	if (!json_is_integer(json_object_get(json, "length")) || length < 0 || !metadata ||
		!copy_text(json, "name", info->name, sizeof(info->name)) ||
		!copy_text(json, "placed", info->placed, sizeof(info->placed)) ||
		!copy_text(json, "sender", info->meta.sender, sizeof(info->meta.sender)) ||
		!copy_text(json, "address", info->meta.address, sizeof(info->meta.address)) ||
		!copy_text(json, "owner", info->meta.owner, sizeof(info->meta.owner)) ||
		!filename_is_shown(info->name))
		return false;
	info->length = (uint64_t)length;
	info->metadata = strdup(metadata);
	return info->metadata != NULL;
}

int tus_info_read(const struct store *store, const char *id, struct tus_info *info)
{
	char part[STORE_PART_SIZE], name[STORE_PART_SIZE], text[INFO_SIZE];
	json_t *json;
	ssize_t len;
	bool is_info;
	int fd;

	tus_info_names(id, part, name);
	fd = openat(store_incoming_fd(store), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, text, sizeof(text));
	fd_close(&fd);
	json = len > 0 ? json_loadb(text, (size_t)len, 0, NULL) : NULL;
	is_info = tus_info_unpack(json, info);
	json_decref(json);
	return is_info ? 0 : -ENOENT;
}

int tus_info_remove(const struct store *store, const char *id)
{
	char part[STORE_PART_SIZE], name[STORE_PART_SIZE];
	int r = 0;

	tus_info_names(id, part, name);
	if (unlinkat(store_incoming_fd(store), part, 0) < 0 && errno != ENOENT)
		r = -errno;
	if (unlinkat(store_incoming_fd(store), name, 0) < 0 && errno != ENOENT && r == 0)
		r = -errno;
	return r;
}

void tus_info_touch(const struct store *store, const char *id)
{
	char part[STORE_PART_SIZE], name[STORE_PART_SIZE];

	tus_info_names(id, part, name);
	utimensat(store_incoming_fd(store), part, NULL, AT_SYMLINK_NOFOLLOW);
	utimensat(store_incoming_fd(store), name, NULL, AT_SYMLINK_NOFOLLOW);
}
