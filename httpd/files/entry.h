/* SPDX-License-Identifier: MIT */
/*
 * An entry is what is known of one shared file: never changed, shared by reference, any thread.
 *
 * Who sent it, and its hash, lie in an extended attribute of the file itself, so that they come and
 * go with it: set before it gets its name, kept through rename, trash and copies that keep
 * attributes.  The hash holds only for the size and time that it was computed at.  File systems
 * without such attributes (FAT) forget both when the server stops.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#define ENTRY_HASH_SIZE    32u
#define ENTRY_SENDER_SIZE  128u
#define ENTRY_ADDRESS_SIZE 48u
#define ENTRY_OWNER_SIZE   33u /* 32 hexadecimal digits, or "" */

/* Who sent a file. */
struct file_meta {
	char sender[ENTRY_SENDER_SIZE];   /* the name that it gave, cleaned; "" */
	char address[ENTRY_ADDRESS_SIZE]; /* "": put there by hand */
	char owner[ENTRY_OWNER_SIZE];     /* owner_of() who sent it; "" */
	bool has_hash;
	uint8_t sha256[ENTRY_HASH_SIZE];
};

struct file_entry {
	atomic_uint refs;
	uint64_t size;
	int64_t mtime_ns;
	struct file_meta *meta; /* in the same piece of memory; NULL: nothing is known */
	char name[];
};

/* One reference, the caller's; `meta` may be NULL.  NULL: no memory. */
struct file_entry *entry_create(
	const char *name, uint64_t size, int64_t mtime_ns, const struct file_meta *meta);
struct file_entry *entry_ref(struct file_entry *entry);
void entry_unref(struct file_entry *entry); /* accepts NULL */

/* The time of a file in ns. */
int64_t entry_mtime_ns(const struct stat *st);

/* Copies what somebody calls themselves: valid UTF-8 without control characters and what turns the
 * direction of writing, or an address that stands beside it would be read backwards; cut to fit. */
void entry_clean_sender(const char *sent, char out[ENTRY_SENDER_SIZE]);

/* To and from the attribute.  entry_read_meta() is false where there is none that is whole. */
int entry_write_meta(int fd, const struct file_meta *meta, const struct stat *st);
bool entry_read_meta(int fd, const struct stat *st, struct file_meta *meta);

/* 64 hexadecimal digits and a NUL; and back (false: they are none). */
void entry_hash_text(const uint8_t hash[ENTRY_HASH_SIZE], char out[2 * ENTRY_HASH_SIZE + 1]);
bool entry_parse_hash(const char *text, uint8_t hash[ENTRY_HASH_SIZE]);
