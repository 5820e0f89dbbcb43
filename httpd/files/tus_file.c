/* SPDX-License-Identifier: MIT */
#include "httpd/files/tus_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

void tus_file_init(struct tus_file *file, const struct store *store, struct quota *quota,
	struct listing *listing, struct ledger *ledger, bool is_hashed, const char *id)
{
	memset(file, 0, sizeof(*file));
	file->store = store;
	file->quota = quota;
	file->listing = listing;
	file->ledger = ledger;
	file->is_hashed = is_hashed;
	file->incoming.fd = -1;
	memcpy(file->id, id, STORE_ID_SIZE);
}

void tus_file_fini(struct tus_file *file)
{
	entry_unref(file->placed);
	free(file->info.metadata);
}

/*
 * All bytes are there.  Whom ID.info was promised, that is said first, so that whoever finds
 * neither bytes nor info later knows what has become of them.  A ledger that cannot be written
 * keeps nobody from its file: then the memory alone knows.
 */
static int place(struct tus_file *file)
{
	struct tus_info *info = &file->info;
	int r = incoming_hash(&file->incoming, &info->meta);

	info->is_whole = true;
	if (r < 0)
		return r;
	if (file->has_info)
		ledger_write(file->ledger, file->id, info, true);
	r = incoming_place(&file->incoming, info->name, &info->meta, &file->placed);
	if (r < 0) {
		if (file->has_info)
			ledger_strike(file->ledger, file->id);
		return r;
	}
	listing_put(file->listing, entry_ref(file->placed));
	strcpy(info->placed, file->placed->name);
	file->is_in_ledger = ledger_write(file->ledger, file->id, info, false) == 0;
	if (file->is_in_ledger && file->has_info)
		tus_info_remove(file->store, file->id);
	return 0;
}

/* It has become whole before. */
static int load_whole(struct tus_file *file)
{
	struct tus_info info;
	int r = ledger_find(file->ledger, file->id, &info);

	if (r < 0)
		return r;
	free(file->info.metadata);
	file->info = info;
	file->info.is_whole = true;
	file->offset = info.length;
	file->is_in_ledger = true;
	return 0;
}

int tus_file_load(struct tus_file *file)
{
	char part[STORE_PART_SIZE], info[STORE_PART_SIZE];
	struct stat st;
	int r = tus_info_read(file->store, file->id, &file->info);

	file->has_info = r == 0;
	tus_info_names(file->id, part, info);
	if (r == 0 && fstatat(store_incoming_fd(file->store), part, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == -ENOENT)
		return load_whole(file);
	if (r < 0)
		return r;
	file->offset = (uint64_t)st.st_size;
	if (file->offset != file->info.length)
		return 0;
	/* Whole, and killed before it was placed. */
	r = tus_file_open(file);
	if (r == 0)
		r = place(file);
	tus_file_put_away(file);
	return r;
}

int tus_file_create(struct tus_file *file)
{
	char part[STORE_PART_SIZE], info[STORE_PART_SIZE];
	int r;

	tus_info_names(file->id, part, info);
	r = incoming_create(&file->incoming, file->store, file->quota, file->info.meta.address,
		part, file->info.length, file->is_hashed);
	file->was_not_made = r < 0;
	return r;
}

int tus_file_open(struct tus_file *file)
{
	char part[STORE_PART_SIZE], info[STORE_PART_SIZE];
	int r;

	tus_info_names(file->id, part, info);
	tus_info_touch(file->store, file->id);
	r = incoming_reopen(&file->incoming, file->store, file->quota, file->info.meta.address,
		part, file->info.length, file->is_hashed);
	if (r == 0 && file->has_hash_state && file->hashed <= file->incoming.size) {
		file->incoming.hash = file->hash;
		file->incoming.hashed = file->hashed;
	}
	return r;
}

int tus_file_write(struct tus_file *file, const char *bytes, size_t len)
{
	if (len > file->info.length - file->incoming.size)
		return -EFBIG;
	return incoming_write(&file->incoming, bytes, len);
}

int tus_file_end(struct tus_file *file)
{
	int r = 0;

	if (file->incoming.size == file->info.length) {
		r = place(file);
	} else if (!file->has_info) {
		r = tus_info_write(file->store, file->id, &file->info, true);
		file->has_info = r == 0;
	}
	if (r == 0)
		tus_file_put_away(file);
	return r;
}

void tus_file_put_away(struct tus_file *file)
{
	struct incoming *incoming = &file->incoming;

	if (!file->has_info && !file->placed) {
		incoming_drop(incoming, true);
		file->was_not_made = true;
		return;
	}
	if (incoming->fd >= 0) {
		file->offset = incoming->size;
		file->has_hash_state = true;
		file->hashed = incoming->hashed;
		file->hash = incoming->hash;
	}
	incoming_drop(incoming, false);
}

int tus_file_remove(struct tus_file *file)
{
	int struck = ledger_strike(file->ledger, file->id);
	int removed = tus_info_remove(file->store, file->id);

	return removed < 0 ? removed : struck;
}
