/* SPDX-License-Identifier: MIT */
#include "common/consent.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

#define WORD_SIZE 16

static const char *const words[] = {[CONSENT_ALLOW] = "allow\n", [CONSENT_DENY] = "deny\n"};

static int make_path(char out[PATH_MAX], const char *home, const char *name)
{
	int n = snprintf(out, PATH_MAX, "%s/%s", home, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

enum consent consent_read(const char *home)
{
	char path[PATH_MAX], word[WORD_SIZE + 1] = "";
	struct stat st;
	ssize_t n;

	if (make_path(path, home, CONSENT_FOLDER "/" CONSENT_FILE) < 0)
		return CONSENT_DENY;
	/* Not blocking: it may be a pipe. */
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? CONSENT_NONE : CONSENT_DENY;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		(st.st_mode & (S_IWGRP | S_IWOTH)))
		n = -1;
	else
		n = read(fd, word, WORD_SIZE);
	fd_close(&fd);
	/* Something was said, and may have been a no. */
	if (n <= 0)
		return CONSENT_DENY;
	word[n] = '\0';
	word[strcspn(word, "\n")] = '\0';
	if (strcmp(word, "allow") == 0)
		return CONSENT_ALLOW;
	/* A word that is not understood is no permission. */
	return CONSENT_DENY;
}

static int make_folders(const char *home)
{
	static const char *const folders[] = {".config", CONSENT_FOLDER};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		int r = make_path(path, home, folders[i]);

		if (r < 0)
			return r;
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int write_whole(const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = 0;

	if (fd < 0)
		return -errno;
	ssize_t n = write(fd, text, len);
	if (n < 0 || fchmod(fd, 0600) < 0 || fsync(fd) < 0)
		r = -errno;
	else if ((size_t)n != len)
		r = -ENOSPC;
	fd_close(&fd);
	return r;
}

int consent_write(const char *home, enum consent consent)
{
	char path[PATH_MAX], part[PATH_MAX];
	int r;

	if (consent != CONSENT_ALLOW && consent != CONSENT_DENY)
		return -EINVAL;
	if ((r = make_path(path, home, CONSENT_FOLDER "/" CONSENT_FILE)) < 0 ||
		(r = make_path(part, home, CONSENT_FOLDER "/." CONSENT_FILE ".new")) < 0 ||
		(r = make_folders(home)) < 0)
		return r;
	r = write_whole(part, words[consent]);
	if (r == 0 && rename(part, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(part);
	return r;
}
