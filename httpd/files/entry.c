/* SPDX-License-Identifier: MIT */
#include "httpd/files/entry.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "common/parse.h"
#include "common/utf8.h"

#define ATTRIBUTE      "user.screenshare"
#define ATTRIBUTE_SIZE 512

struct file_entry *entry_create(
	const char *name, uint64_t size, int64_t mtime_ns, const struct file_meta *meta)
{
	size_t name_size = strlen(name) + 1;
	/* The meta data behind the name, where it is aligned. */
	size_t meta_at = (sizeof(struct file_entry) + name_size + 7) & ~(size_t)7;
	struct file_entry *entry = malloc(meta_at + (meta ? sizeof(*meta) : 0));

	if (!entry)
		return NULL;
	atomic_init(&entry->refs, 1);
	entry->size = size;
	entry->mtime_ns = mtime_ns;
	memcpy(entry->name, name, name_size);
	entry->meta = NULL;
	if (meta) {
		entry->meta = (struct file_meta *)((char *)entry + meta_at);
		*entry->meta = *meta;
	}
	return entry;
}

struct file_entry *entry_ref(struct file_entry *entry)
{
	atomic_fetch_add_explicit(&entry->refs, 1, memory_order_relaxed);
	return entry;
}

void entry_unref(struct file_entry *entry)
{
	if (entry && atomic_fetch_sub_explicit(&entry->refs, 1, memory_order_acq_rel) == 1)
		free(entry);
}

int64_t entry_mtime_ns(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

void entry_clean_sender(const char *sent, char out[ENTRY_SENDER_SIZE])
{
	size_t len = strlen(sent), used = 0;

	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_character_len(sent + i, len - i);
		if (n == 0 || utf8_is_harmful(sent + i)) {
			n = n ? n : 1;
			continue;
		}
		if (used + n >= ENTRY_SENDER_SIZE)
			break;
		if (used == 0 && sent[i] == ' ')
			continue;
		memcpy(out + used, sent + i, n);
		used += n;
	}
	while (used > 0 && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
}

void entry_hash_text(const uint8_t hash[ENTRY_HASH_SIZE], char out[2 * ENTRY_HASH_SIZE + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < ENTRY_HASH_SIZE; i++) {
		out[2 * i] = digits[hash[i] >> 4];
		out[2 * i + 1] = digits[hash[i] & 15];
	}
	out[2 * ENTRY_HASH_SIZE] = '\0';
}

bool entry_parse_hash(const char *text, uint8_t hash[ENTRY_HASH_SIZE])
{
	if (strlen(text) != 2 * ENTRY_HASH_SIZE ||
		strspn(text, "0123456789abcdef") != 2 * ENTRY_HASH_SIZE)
		return false;
	for (size_t i = 0; i < ENTRY_HASH_SIZE; i++) {
		const char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};

		hash[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

/* --- the attribute: lines of KEY=VALUE --- */

int entry_write_meta(int fd, const struct file_meta *meta, const struct stat *st)
{
	char text[ATTRIBUTE_SIZE], hash[2 * ENTRY_HASH_SIZE + 1] = "";
	int len;

	if (meta->has_hash)
		entry_hash_text(meta->sha256, hash);
	len = snprintf(text, sizeof(text),
		"sender=%s\naddress=%s\nowner=%s\nsha256=%s\nsize=%" PRIu64 "\nmtime=%" PRId64 "\n",
		meta->sender, meta->address, meta->owner, hash, (uint64_t)st->st_size,
		entry_mtime_ns(st));
	if (len < 0 || (size_t)len >= sizeof(text))
		return -EMSGSIZE;
	return fsetxattr(fd, ATTRIBUTE, text, (size_t)len, 0) < 0 ? -errno : 0;
}

static void copy_value(const char *value, const char *valid, char *out, size_t size)
{
	if (strlen(value) < size && (!valid || value[strspn(value, valid)] == '\0'))
		strcpy(out, value);
}

bool entry_read_meta(int fd, const struct stat *st, struct file_meta *meta)
{
	char text[ATTRIBUTE_SIZE + 1], *line, *rest = text;
	uint64_t size = UINT64_MAX, mtime_ns = UINT64_MAX;
	ssize_t len = fgetxattr(fd, ATTRIBUTE, text, ATTRIBUTE_SIZE);

	memset(meta, 0, sizeof(*meta));
	if (len <= 0)
		return false;
	text[len] = '\0';
	while ((line = strsep(&rest, "\n")) && *line) {
		char *value = strchr(line, '=');

		if (!value)
			return false;
		*value++ = '\0';
		/* Any program of the file's owner may have written it. */
		if (strcmp(line, "sender") == 0)
			entry_clean_sender(value, meta->sender);
		else if (strcmp(line, "address") == 0)
			copy_value(value, "0123456789abcdefABCDEF.:%", meta->address,
				sizeof(meta->address));
		else if (strcmp(line, "owner") == 0)
			copy_value(value, "0123456789abcdef", meta->owner, sizeof(meta->owner));
		else if (strcmp(line, "sha256") == 0)
			meta->has_hash = entry_parse_hash(value, meta->sha256);
		else if (strcmp(line, "size") == 0)
			parse_number(value, strlen(value), 0, UINT64_MAX - 1, &size);
		else if (strcmp(line, "mtime") == 0)
			parse_number(value, strlen(value), 0, INT64_MAX, &mtime_ns);
	}
	if (size != (uint64_t)st->st_size || mtime_ns != (uint64_t)entry_mtime_ns(st))
		meta->has_hash = false;
	return true;
}
