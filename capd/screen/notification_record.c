/* SPDX-License-Identifier: MIT */
#include "capd/screen/notification_record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/parse.h"

#define FILE_NAME  "notification"
#define LINE_SIZE  (NOTIFICATION_BUS_SIZE + NOTIFICATION_OWNER_SIZE + sizeof(" 4294967295\n"))
#define HEX_DIGITS "0123456789abcdef"
#define NAME_SET   "0123456789.:_-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

int notification_record_open(const char *folder)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, PATH_MAX, "%s/" FILE_NAME, folder), fd;

	if (n < 0 || n >= PATH_MAX)
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		fd_close(&fd);
		return -EINVAL;
	}
	return fd;
}

/* Takes one word of `set` from the line, which the character `end` ends. */
static bool take_word(char **line, const char *set, char end, char *out, size_t size)
{
	size_t len = strspn(*line, set);

	if (len == 0 || len >= size || (*line)[len] != end)
		return false;
	memcpy(out, *line, len);
	out[len] = '\0';
	*line += len + 1;
	return true;
}

void notification_record_read(int fd, struct notification_mark *mark)
{
	char text[LINE_SIZE + 1], number[sizeof("4294967295")], *line = text;
	ssize_t n = fd < 0 ? -1 : pread(fd, text, LINE_SIZE, 0);
	struct notification_mark found = {.id = 0};
	uint64_t id;

	*mark = found;
	text[n > 0 ? n : 0] = '\0';
	if (!take_word(&line, HEX_DIGITS, ' ', found.bus, sizeof(found.bus)) ||
		strlen(found.bus) != sizeof(found.bus) - 1 || *line != ':' ||
		!take_word(&line, NAME_SET, ' ', found.owner, sizeof(found.owner)) ||
		!take_word(&line, "0123456789", '\n', number, sizeof(number)) ||
		parse_number(number, strlen(number), 1, UINT32_MAX, &id) < 0)
		return;
	found.id = (uint32_t)id;
	*mark = found;
}

void notification_record_write(int fd, const struct notification_mark *mark)
{
	char text[LINE_SIZE + 1];
	int len;

	/* Shorter first than wrong: what is cut off says nothing. */
	if (fd < 0 || ftruncate(fd, 0) < 0 || mark->id == 0)
		return;
	len = snprintf(text, sizeof(text), "%s %s %u\n", mark->bus, mark->owner, mark->id);
	if (pwrite(fd, text, (size_t)len, 0) != len && ftruncate(fd, 0) < 0)
		return;
}
