/* SPDX-License-Identifier: MIT */
/*
 * The store is the shared folder on the disk.
 *
 *     folder/              what is shared, in subfolders too
 *     folder/.incoming/    uploads that are not whole: ID.tmp; of tus ID.part, ID.info; and
 *                          whole.log, whole.old (ledger.h)
 *     folder/.trash/       what was deleted (trash.h)
 *
 * It and the trash are the only code that names files in it.  Every path from outside is resolved
 * by openat2() beneath the folder (path.h), through no symbolic link, no /proc link and into no
 * other file system: whatever is planted inside it, nothing outside is reached.  A file is written
 * in .incoming and gets its name by one rename that replaces nothing, after it and before its
 * folder have been synced: under its name it is whole, or not there. All calls may wait for the
 * disk: workers only (and main() at the start).
 */
#pragma once

#include <sys/stat.h>

#include "httpd/files/entry.h"
#include "httpd/files/filename.h"
#include "httpd/files/trash.h"

#define STORE_ID_SIZE      33u                  /* 32 hexadecimal digits */
#define STORE_PART_SIZE    (STORE_ID_SIZE + 8u) /* ID.part, ID.info */
#define STORE_DEFAULT_NAME "uploads"            /* the folder, in that of the state */

struct store; /* opaque */

/*
 * Opens `folder`, making it and its hidden subfolders where they are missing.  0; -ENOSYS: no
 * openat2() here; other -errno, as of a folder that cannot be written.
 */
int store_open(const char *folder, struct store **out);
void store_close(struct store *store); /* accepts NULL */
/*
 * Somebody may have moved the folder away, or removed it, or one of its hidden ones, and put
 * another in its place: what has the name now is used from here on, in the same descriptors.  A
 * hidden one that is missing is made, the folder itself not: what has gone with a disk must not
 * come back on another.  0, also where all is as it was; -errno: nothing there can be used.  One
 * thread at a time.
 */
int store_renew(struct store *store);
/* … as it was found then.  Any thread, at once. */
bool store_is_away(const struct store *store);
/* Whether the file system keeps who sent a file. */
bool store_keeps_meta(const struct store *store);
int store_free_bytes(const struct store *store, uint64_t *bytes);

/* A random name that nobody can guess.  0 or -errno. */
int store_new_id(char id[STORE_ID_SIZE]);
bool store_is_id(const char *id);

/* --- what is shared --- */

/* Opens a regular file to be read.  0; -ENOENT, also for what is no shown name, a folder, a link.
 */
int store_open_file(const struct store *store, const char *name, int *fd, struct stat *st);
/*
 * Waits until a part of such a file is in memory: what reads it next does not wait for the disk.  A
 * sendfile() to nowhere: it reads as the one to a viewer will, ahead of itself and in large folios,
 * and copies nothing (POSIX_FADV_WILLNEED and MADV_POPULATE_READ, page by page, cost ten times its
 * CPU). Where it cannot be read it returns: who reads it next is told.
 */
void store_read_in(const struct store *store, int fd, uint64_t from, uint64_t until);
/* The entry of one file; -ENOENT; -EISDIR: it is a folder; -EACCES: it may not be read. */
int store_look(const struct store *store, const char *name, struct file_entry **out);
/* It has more names than this one: it was linked here, and not begun. */
bool store_is_linked(const struct store *store, const char *name);

struct store_scan_ops {
	/* A folder is about to be read: "" the shared one, "a/b" below; the fd is borrowed. */
	void (*on_folder)(void *arg, const char *name, int fd);
	/* There is something of that name, to be looked at.  -EISDIR: what is in it is wanted, too.
	 */
	int (*on_name)(void *arg, const char *name);
};
/* Everything that is shown, in no order; `folder` "" is all.  0 or -errno: what could not be read
 * is left out. */
int store_scan(
	const struct store *store, const char *folder, const struct store_scan_ops *ops, void *arg);

/* 0; -ENOENT; -EEXIST: there is a file of the new name. */
int store_rename(const struct store *store, const char *from, const char *to);

/* --- uploads --- */

/* fds relative to .incoming, names "ID.tmp" and the like, made by us alone. */
int store_incoming_fd(const struct store *store);

/* The file ("ID.part") of every upload that can be resumed.  0 or -errno. */
int store_each_part(
	const struct store *store, void (*on_part)(void *arg, const char *file), void *arg);
/* How many bytes there are of it; 0, too, where it has just gone. */
uint64_t store_part_bytes(const struct store *store, const char *file);
bool store_is_part(const char *incoming);

/*
 * Gives the whole file `incoming` of .incoming its name, or "name (2)" and so on where that is
 * taken; makes its folders.  `fd` is the file, synced by this.  0 and the entry; -ENOTDIR: a file
 * has the name of its folder; -EEXIST: a thousand have its name.
 */
int store_place(const struct store *store, const char *incoming, int fd, const char *name,
	const struct file_meta *meta, struct file_entry **out);

/* Removes what was begun before that moment (CLOCK_REALTIME) and has not grown since; with
 * `everything`, what is older than this process and of no use to anybody any more, too. */
void store_clean(const struct store *store, int64_t before_s, bool everything);

/* Where deleted files are; the store's own. */
struct trash *store_trash(struct store *store);
