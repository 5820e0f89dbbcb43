/* SPDX-License-Identifier: MIT */
#include "httpd/pause_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/parse.h"
#include "common/utf8.h"

#define FILE_NAME   "paused"
#define FILE_NEW    "paused.new"
#define TEXT_SIZE   256u
#define PASSWD_SIZE 4096u

void pause_user_name(uid_t uid, char name[PAUSE_NAME_SIZE])
{
	char room[PASSWD_SIZE];
	struct passwd user, *found = NULL;

	if (getpwuid_r(uid, &user, room, sizeof(room), &found) == 0 && found &&
		strlen(user.pw_name) < PAUSE_NAME_SIZE &&
		utf8_is_valid(user.pw_name, strlen(user.pw_name)))
		strcpy(name, user.pw_name);
	else
		snprintf(name, PAUSE_NAME_SIZE, "%u", (unsigned)uid);
}

static int open_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int write_new(int dir_fd, const struct pause_record *record)
{
	char text[TEXT_SIZE];
	int len = snprintf(text, sizeof(text), "uid %u\nname %s\nsince %" PRIu64 "\n",
		(unsigned)record->uid, record->name, record->since_s);
	int fd, r;

	/* One that a crash has left behind may be of any kind. */
	if (unlinkat(dir_fd, FILE_NEW, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir_fd, FILE_NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, text, (size_t)len);
	fd_close(&fd);
	return r;
}

int pause_file_write(const char *dir, const struct pause_record *record)
{
	int dir_fd = open_dir(dir), r;
	struct stat st;

	if (dir_fd < 0)
		return dir_fd;
	r = write_new(dir_fd, record);
	if (r == 0 && renameat(dir_fd, FILE_NEW, dir_fd, FILE_NAME) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dir_fd, FILE_NEW, 0);
	/* Whatever lies there already is a pause, too. */
	if (r < 0 && fstatat(dir_fd, FILE_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0)
		r = 0;
	if (r == 0 && fsync(dir_fd) < 0)
		r = -errno;
	fd_close(&dir_fd);
	return r;
}

int pause_file_remove(const char *dir)
{
	int dir_fd = open_dir(dir), r = 0;
	struct stat st;

	if (dir_fd < 0)
		return dir_fd == -ENOENT ? 0 : dir_fd;
	/* Looked for first: a file system that cannot be written refuses to remove what is not
	 * there, too. */
	if (fstatat(dir_fd, FILE_NAME, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = errno == ENOENT ? 0 : -errno;
	else if (unlinkat(dir_fd, FILE_NAME, 0) < 0)
		r = -errno;
	if (r == 0 && fsync(dir_fd) < 0)
		r = -errno;
	fd_close(&dir_fd);
	return r;
}

/* One line of the file; a later version may have others. */
static void take_line(char *line, struct pause_record *record)
{
	char *value = strchr(line, ' ');
	uint64_t number;

	if (!value)
		return;
	*value++ = '\0';
	if (strcmp(line, "uid") == 0 &&
		parse_number(value, strlen(value), 0, UINT32_MAX - 1, &number) == 0)
		record->uid = (uid_t)number;
	else if (strcmp(line, "name") == 0 && strlen(value) < sizeof(record->name) &&
		 utf8_is_valid(value, strlen(value)))
		strcpy(record->name, value);
	else if (strcmp(line, "since") == 0 &&
		 parse_number(value, strlen(value), 0, INT64_MAX, &number) == 0)
		record->since_s = number;
}

static void take_text(char *text, struct pause_record *record)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		take_line(line, record);
}

bool pause_file_read(const char *dir, struct pause_record *record, int *error)
{
	char text[TEXT_SIZE];
	int dir_fd = open_dir(dir), fd = -1;
	ssize_t len = -1;

	*record = (struct pause_record){.uid = (uid_t)-1};
	*error = 0;
	if (dir_fd >= 0)
		fd = openat(dir_fd, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (dir_fd < 0)
		*error = dir_fd;
	else if (fd < 0)
		*error = -errno;
	else if ((len = read(fd, text, sizeof(text) - 1)) < 0)
		*error = -errno;
	fd_close(&dir_fd);
	fd_close(&fd);
	if (*error == -ENOENT || *error == -ENOTDIR) {
		*error = 0;
		return false;
	}
	if (len > 0) {
		text[len] = '\0';
		take_text(text, record);
	}
	return true;
}
