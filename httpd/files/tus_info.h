/* SPDX-License-Identifier: MIT */
/*
 * What is kept on the disk of a resumable upload, beside its bytes: .incoming/ID.info, JSON,
 * written anew and renamed, so that it is whole at any moment.  Worker threads only.
 */
#pragma once

#include "httpd/files/store.h"

struct json_t;

struct tus_info {
	uint64_t length;
	char name[FILENAME_SIZE];   /* wished for, cleaned */
	char placed[FILENAME_SIZE]; /* … and given, once it is whole; "" */
	bool is_whole;         /* all bytes are there: about to be, or already placed; not kept */
	char *metadata;        /* as it was sent; owned; NULL: none */
	struct file_meta meta; /* of the sender */
};

/* All of it but the hash, as a new object; NULL: no memory.  And back: false for what is no info,
 * else `metadata` is the caller's. */
struct json_t *tus_info_pack(const struct tus_info *info);
bool tus_info_unpack(const struct json_t *json, struct tus_info *info);

void tus_info_names(const char *id, char part[STORE_PART_SIZE], char info[STORE_PART_SIZE]);
/* 0 or -errno; with `is_synced` it outlasts a loss of power, too. */
int tus_info_write(
	const struct store *store, const char *id, const struct tus_info *info, bool is_synced);
/* 0; -ENOENT, also for what is no info. */
int tus_info_read(const struct store *store, const char *id, struct tus_info *info);
/* And the bytes.  0, also where there is nothing of it; -errno. */
int tus_info_remove(const struct store *store, const char *id);
void tus_info_touch(const struct store *store, const char *id); /* it is in use: not too old */
