/* SPDX-License-Identifier: MIT */
/*
 * A path names something beneath the shared folder, and never anything else.
 *
 *     "a/b/c" ──openat2(BENEATH, no links, no other file system)──► fd │ -ELOOP, -EXDEV
 *
 * Everything that changes names goes through here: a name is only given where none is, and the
 * folder that it is in is synced.  `root_fd` is the shared folder's; names are relative to it.
 * Worker threads only (and main() at the start): all of it may wait for the disk.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#include "httpd/files/filename.h"

#define PATH_ATTEMPTS 20u /* where somebody else removes the folder that is made */

/* `name` "" is the folder itself; `flags` as of open().  The fd, the caller's, or -errno. */
int path_open(int root_fd, const char *name, int flags);
/* A regular file that is shown, to be read.  0; -EISDIR; -ENOENT, also for what is no shown name or
 * a link. */
int path_open_file(int root_fd, const char *name, int *fd, struct stat *st);
/* The folder that `name` lies in, made if it is missing and that is wanted, and the last part of
 * the name.  The fd or -errno. */
int path_open_parent(int root_fd, const char *name, bool make_it, const char **base);
int path_sync_folder(int fd); /* 0 or -errno */

/* Both names are bare, each in the folder of its fd.  0; -EEXIST: that name is taken. */
int path_move(int from_fd, const char *from, int to_fd, const char *to);
/* Moves `from` of the folder `from_fd` to `name`, or the first number of it that is free, which is
 * `placed`; its folders are made.  0; -ENOTDIR: a file has the name of its folder; -EEXIST: a
 * thousand have its name. */
int path_place(
	int root_fd, int from_fd, const char *from, const char *name, char placed[FILENAME_SIZE]);
/* The folders of `name` that are empty now were made for what was in them: they go. */
void path_remove_empty_folders(int root_fd, const char *name);
