/* SPDX-License-Identifier: MIT */
#include "capd/session/session_record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

/* 0; -ENOENT: nobody is recorded; -errno. */
static int read_first(const char *path, char first[SESSION_NAME_MAX])
{
	struct stat st;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	first[0] = '\0';
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (S_ISREG(st.st_mode) && st.st_uid == geteuid()) {
		n = read(fd, first, SESSION_NAME_MAX - 1);
		r = n < 0 ? -errno : 0;
		first[n < 0 ? 0 : n] = '\0';
		first[strcspn(first, "\n")] = '\0';
	}
	fd_close(&fd);
	return r;
}

static int write_name(const char *path, const char *name)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (dprintf(fd, "%s\n", name) < 0 || fsync(fd) < 0)
		r = -errno;
	fd_close(&fd);
	return r;
}

int session_record_first(const char *folder, const char *name, char first[SESSION_NAME_MAX])
{
	char path[PATH_MAX], part[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/" SESSION_RECORD_FILE, folder);
	int r;

	if (n < 0 || n >= PATH_MAX - 24)
		return -ENAMETOOLONG;
	snprintf(part, sizeof(part), "%s/." SESSION_RECORD_FILE ".%ld", folder, (long)getpid());
	r = read_first(path, first);
	if (r != -ENOENT)
		return r;
	r = write_name(part, name);
	/* Not over what another has recorded meanwhile. */
	if (r == 0 && renameat2(AT_FDCWD, part, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
		r = -errno;
	if (r < 0)
		unlink(part);
	if (r < 0 && r != -EEXIST)
		return r;
	return read_first(path, first);
}
