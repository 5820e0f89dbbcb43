/* SPDX-License-Identifier: MIT */
#include "httpd/files/incoming.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"

/* The disk begins to write while more is coming, and fsync at the end finds little to do. */
#define FLUSH_STEP  (8u * 1024u * 1024u)
#define REHASH_SIZE (64u * 1024u)

static int begin(struct incoming *incoming, const struct store *store, struct quota *quota,
	const char *address, const char *file, uint64_t expected, bool is_hashed, int flags)
{
	struct quota_wish wish = {
		.address = address, .bytes = expected, .part = store_is_part(file) ? file : NULL};
	struct stat st;
	int r;

	memset(incoming, 0, sizeof(*incoming));
	incoming->store = store;
	incoming->fd = -1;
	incoming->size_max = quota_file_max(quota);
	incoming->is_hashed = is_hashed;
	sha256_init(&incoming->hash);
	if ((flags & O_CREAT) == 0) {
		if (fstatat(store_incoming_fd(store), file, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return -errno;
		wish.there = incoming->size = incoming->flushed = (uint64_t)st.st_size;
	}
	r = quota_reserve(quota, &incoming->reservation, &wish);
	if (r < 0)
		return r;
	incoming->fd = openat(store_incoming_fd(store), file,
		flags | O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY, 0600);
	if (incoming->fd < 0) {
		r = -errno;
		incoming_drop(incoming, false);
		return r;
	}
	memcpy(incoming->file, file, strlen(file) + 1);
	return 0;
}

int incoming_create(struct incoming *incoming, const struct store *store, struct quota *quota,
	const char *address, const char *file, uint64_t expected, bool is_hashed)
{
	return begin(incoming, store, quota, address, file, expected, is_hashed, O_CREAT | O_EXCL);
}

int incoming_reopen(struct incoming *incoming, const struct store *store, struct quota *quota,
	const char *address, const char *file, uint64_t expected, bool is_hashed)
{
	return begin(incoming, store, quota, address, file, expected, is_hashed, 0);
}

/* What was there before the server was started again has not been hashed yet. */
static int catch_up(struct incoming *incoming, uint64_t until)
{
	uint8_t bytes[REHASH_SIZE];

	while (incoming->hashed < until) {
		uint64_t left = until - incoming->hashed;
		ssize_t n = pread(incoming->fd, bytes,
			left < sizeof(bytes) ? (size_t)left : sizeof(bytes),
			(off_t)incoming->hashed);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		sha256_update(&incoming->hash, (size_t)n, bytes);
		incoming->hashed += (uint64_t)n;
	}
	return 0;
}

int incoming_write(struct incoming *incoming, const char *bytes, size_t len)
{
	uint64_t before = incoming->size;
	int r;

	if (len > incoming->size_max || incoming->size > incoming->size_max - len)
		return -EFBIG;
	r = reservation_extend(&incoming->reservation, incoming->size + len);
	if (r < 0)
		return r;
	for (size_t at = 0; at < len;) {
		ssize_t n = pwrite(incoming->fd, bytes + at, len - at, (off_t)incoming->size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += (size_t)n;
		incoming->size += (uint64_t)n;
		reservation_use(&incoming->reservation, (uint64_t)n);
	}
	if (incoming->is_hashed) {
		r = catch_up(incoming, before);
		if (r < 0)
			return r;
		sha256_update(&incoming->hash, len, (const uint8_t *)bytes);
		incoming->hashed += len;
	}
	if (incoming->size - incoming->flushed >= FLUSH_STEP) {
		sync_file_range(incoming->fd, (off_t)incoming->flushed,
			(off_t)(incoming->size - incoming->flushed), SYNC_FILE_RANGE_WRITE);
		incoming->flushed = incoming->size;
	}
	return 0;
}

int incoming_hash(struct incoming *incoming, struct file_meta *meta)
{
	struct sha256_ctx hash;
	int r;

	meta->has_hash = false;
	if (incoming->is_hashed) {
		r = catch_up(incoming, incoming->size);
		if (r < 0)
			return r;
		hash = incoming->hash; /* the digest begins it anew */
		sha256_digest(&hash, ENTRY_HASH_SIZE, meta->sha256);
		meta->has_hash = true;
	}
	return 0;
}

int incoming_place(struct incoming *incoming, const char *name, const struct file_meta *meta,
	struct file_entry **out)
{
	int r = store_place(incoming->store, incoming->file, incoming->fd, name, meta, out);

	if (r == 0)
		incoming->file[0] = '\0';
	return r;
}

void incoming_drop(struct incoming *incoming, bool remove)
{
	fd_close(&incoming->fd);
	if (remove && incoming->file[0] != '\0')
		unlinkat(store_incoming_fd(incoming->store), incoming->file, 0);
	incoming->file[0] = '\0';
	reservation_end(&incoming->reservation);
}
