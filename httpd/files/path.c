/* SPDX-License-Identifier: MIT */
#include "httpd/files/path.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/fd.h"

#define NUMBERS_MAX 1000u
#define FOLDER_MODE 0777

int path_open(int root_fd, const char *name, int flags)
{
	struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC | O_NOFOLLOW),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS |
			   RESOLVE_NO_XDEV};
	long fd;

	do
		fd = syscall(SYS_openat2, root_fd, *name ? name : ".", &how, sizeof(how));
	while (fd < 0 && (errno == EAGAIN || errno == EINTR)); /* a rename in the middle of it */
	return fd < 0 ? -errno : (int)fd;
}

/* Makes the folders of `folder` that are missing. */
static int make_folders(int root_fd, const char *folder)
{
	char path[FILENAME_SIZE];
	size_t at = 0;

	while (folder[at]) {
		size_t end = at + strcspn(folder + at, "/");
		int parent, r;

		memcpy(path, folder, at);
		path[at > 0 ? at - 1 : 0] = '\0';
		parent = path_open(root_fd, path, O_PATH | O_DIRECTORY);
		if (parent < 0)
			return parent;
		memcpy(path, folder + at, end - at);
		path[end - at] = '\0';
		r = mkdirat(parent, path, FOLDER_MODE) < 0 && errno != EEXIST ? -errno : 0;
		fd_close(&parent);
		if (r < 0)
			return r;
		at = end + (folder[end] == '/');
	}
	return 0;
}

int path_open_parent(int root_fd, const char *name, bool make_it, const char **base)
{
	char folder[FILENAME_SIZE];
	size_t len;
	int fd;

	*base = filename_base(name);
	len = *base > name ? (size_t)(*base - name) - 1 : 0;
	if (len >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, name, len);
	folder[len] = '\0';
	fd = path_open(root_fd, folder, O_RDONLY | O_DIRECTORY);
	if (fd == -ENOENT && make_it) {
		int r = make_folders(root_fd, folder);

		fd = r < 0 ? r : path_open(root_fd, folder, O_RDONLY | O_DIRECTORY);
	}
	return fd;
}

/* renameat2(NOREPLACE); where a file system does not know it, a link and an unlink. */
int path_move(int from_fd, const char *from, int to_fd, const char *to)
{
	if (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (linkat(from_fd, from, to_fd, to, 0) < 0)
		return -errno;
	return unlinkat(from_fd, from, 0) < 0 ? -errno : 0;
}

int path_open_file(int root_fd, const char *name, int *fd, struct stat *st)
{
	int opened = -ENOENT, r = 0;

	if (filename_is_shown(name)) /* O_NONBLOCK: a FIFO that was planted stops nobody */
		opened = path_open(root_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (opened < 0)
		return opened == -ELOOP || opened == -EXDEV || opened == -ENOTDIR ||
				       opened == -ENXIO
			       ? -ENOENT
			       : opened;
	if (fstat(opened, st) < 0)
		r = -errno;
	else if (!S_ISREG(st->st_mode))
		r = S_ISDIR(st->st_mode) ? -EISDIR : -ENOENT;
	if (r < 0)
		fd_close(&opened);
	else
		*fd = opened;
	return r;
}

int path_sync_folder(int fd)
{
	/* FAT and others cannot: then nothing better can be had. */
	return fsync(fd) < 0 && errno != EINVAL && errno != EROFS ? -errno : 0;
}

/* The first number of the name that is free. */
static int place_once(
	int root_fd, int from_fd, const char *from, const char *name, char placed[FILENAME_SIZE])
{
	const char *base;
	int parent = path_open_parent(root_fd, name, true, &base), r = -EEXIST;

	if (parent < 0)
		return parent == -ELOOP || parent == -EXDEV ? -ENOTDIR : parent;
	for (unsigned n = 1; r == -EEXIST && n <= NUMBERS_MAX; n++) {
		if (n == 1)
			snprintf(placed, FILENAME_SIZE, "%s", name);
		else if (!filename_number(name, n, placed))
			break;
		r = path_move(from_fd, from, parent, filename_base(placed));
	}
	if (r == 0)
		r = path_sync_folder(parent);
	fd_close(&parent);
	return r;
}

/* Its folder may go just when we have made or opened it: with the last file that was in it, which
 * somebody else has deleted (seen). */
int path_place(
	int root_fd, int from_fd, const char *from, const char *name, char placed[FILENAME_SIZE])
{
	int r = -ENOENT;

	for (unsigned i = 0; r == -ENOENT && i < PATH_ATTEMPTS; i++)
		r = place_once(root_fd, from_fd, from, name, placed);
	return r;
}

void path_remove_empty_folders(int root_fd, const char *name)
{
	char folder[FILENAME_SIZE];
	const char *base;
	char *slash;

	snprintf(folder, sizeof(folder), "%s", name);
	while ((slash = strrchr(folder, '/'))) {
		int parent;

		*slash = '\0';
		parent = path_open_parent(root_fd, folder, false, &base);
		if (parent < 0 || unlinkat(parent, base, AT_REMOVEDIR) < 0) {
			fd_close(&parent);
			return;
		}
		fd_close(&parent);
	}
}
