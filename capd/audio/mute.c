/* SPDX-License-Identifier: MIT */
#include "capd/audio/mute.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/parse.h"

#define NOBODY    ((uid_t)-1)
#define TEXT_SIZE 16
#define OPEN      "open\n"
#define MUTED     "muted\n"

/* --- one file --- */

/* *fd, or -1.  0; -errno.  In a file system that is read-only it is opened to be read. */
static int open_mark(const char *dir, const char *verb, enum audio_input input, int *fd)
{
	const int flags = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, PATH_MAX, "%s/%s-%s", dir, verb, audio_input_name(input));

	*fd = -1;
	if (n < 0 || n >= PATH_MAX)
		return -ENAMETOOLONG;
	*fd = open(path, O_RDWR | O_CREAT | flags, 0600);
	if (*fd < 0 && (errno == EROFS || errno == EACCES))
		*fd = open(path, O_RDONLY | flags);
	if (*fd < 0)
		return -errno;
	if (fstat(*fd, &st) == 0 && S_ISREG(st.st_mode))
		return 0;
	fd_close(fd);
	return -EINVAL;
}

/* Its text, to the end of the line.  0; -errno. */
static int read_mark(int fd, char text[TEXT_SIZE])
{
	ssize_t n = pread(fd, text, TEXT_SIZE - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return n < 0 ? -errno : 0;
}

/* Shorter first than wrong: what is cut off in between says nothing, which is muted. */
static int write_mark(int fd, int error, const char *text)
{
	size_t len = strlen(text);

	if (fd < 0)
		return error;
	if (ftruncate(fd, 0) < 0)
		return -errno;
	ssize_t n = pwrite(fd, text, len, 0);
	return n < 0 ? -errno : (size_t)n < len ? -ENOSPC : 0;
}

/* --- all of them --- */

/* Is it new, or has nobody ever muted anything in a folder that is not there? */
static bool is_new(const char *dir, enum audio_input input)
{
	char path[PATH_MAX];
	struct stat st;
	int n = snprintf(path, PATH_MAX, "%s/mute-%s", dir, audio_input_name(input));

	return n > 0 && n < PATH_MAX && lstat(path, &st) < 0 &&
	       (errno == ENOENT || errno == ENOTDIR);
}

/* An empty file would be a mute, for whoever starts next: rather none. */
static void begin_mark(struct mute *mute, enum audio_input input, const char *dir)
{
	int *fd = &mute->mute_fds[input], r = write_mark(*fd, 0, OPEN);
	char path[PATH_MAX];

	if (r == 0)
		return;
	mute->mute_errors[input] = r;
	fd_close(fd);
	if (snprintf(path, PATH_MAX, "%s/mute-%s", dir, audio_input_name(input)) < PATH_MAX)
		unlink(path);
}

static void init_mute(struct mute *mute, enum audio_input input, const char *state_dir)
{
	bool was_new = is_new(state_dir, input);
	char text[TEXT_SIZE];
	int *fd = &mute->mute_fds[input], r;

	r = mute->mute_errors[input] = open_mark(state_dir, "mute", input, fd);
	if (r == 0 && was_new)
		begin_mark(mute, input, state_dir);
	else if (r == 0)
		mute->is_muted[input] = read_mark(*fd, text) < 0 || strcmp(text, "open") != 0;
	else
		mute->is_muted[input] = !was_new;
	mute->has_mark[input] = r != 0 ? !was_new : *fd >= 0;
}

static void init_unmute(struct mute *mute, enum audio_input input, const char *runtime_dir)
{
	char text[TEXT_SIZE];
	uint64_t uid;
	int *fd = &mute->unmute_fds[input], r;

	r = mute->unmute_errors[input] = open_mark(runtime_dir, "unmute", input, fd);
	mute->unmuted_for[input] = NOBODY;
	if (r < 0 || read_mark(*fd, text) < 0)
		return;
	if (parse_number(text, strlen(text), 0, NOBODY - 1, &uid) == 0)
		mute->unmuted_for[input] = (uid_t)uid;
	mute->is_noted[input] = strcmp(text, "muted") == 0;
	mute->is_muted[input] |= mute->is_noted[input];
}

void mute_init(
	struct mute *mute, const char *state_dir, const char *runtime_dir, unsigned configured)
{
	*mute = (struct mute){.configured = configured};
	for (unsigned i = 0; i < AUDIO_INPUT_COUNT; i++) {
		init_mute(mute, i, state_dir);
		init_unmute(mute, i, runtime_dir);
	}
}

void mute_fini(struct mute *mute)
{
	for (unsigned i = 0; i < AUDIO_INPUT_COUNT; i++) {
		fd_close(&mute->mute_fds[i]);
		fd_close(&mute->unmute_fds[i]);
	}
}

bool mute_is_chosen(const struct mute *mute, enum audio_input input)
{
	return (mute->configured >> input & 1) || mute->unmuted_for[input] == geteuid();
}

bool mute_is_open(const struct mute *mute, enum audio_input input)
{
	return !mute->is_muted[input] && mute_is_chosen(mute, input);
}

/* --- switching --- */

static int forget_unmute(struct mute *mute, enum audio_input input)
{
	mute->unmuted_for[input] = NOBODY;
	/* A folder that is not there has nothing in it. */
	return mute->unmute_fds[input] < 0 ? 0 : write_mark(mute->unmute_fds[input], 0, "");
}

/* Where it cannot be kept, it holds for as long as sharing runs. */
static void note_mute(struct mute *mute, enum audio_input input)
{
	mute->unmuted_for[input] = NOBODY;
	mute->is_noted[input] =
		write_mark(mute->unmute_fds[input], mute->unmute_errors[input], MUTED) == 0;
}

static int begin_mute(struct mute *mute, enum audio_input input)
{
	mute->is_muted[input] = true;
	int r = write_mark(mute->mute_fds[input], mute->mute_errors[input], MUTED);
	/* A power cut must not bring the "open" back.  The loop waits for the disk here: it is
	 * rare, and a person's doing; sound that it misses for longer is left out. */
	if (r == 0 && fdatasync(mute->mute_fds[input]) < 0)
		r = -errno;
	if (r < 0) {
		note_mute(mute, input);
		return r;
	}
	mute->is_noted[input] = false;
	/* With the mute in place, the other means nothing any more. */
	return forget_unmute(mute, input);
}

static int end_mute(struct mute *mute, enum audio_input input)
{
	uid_t before = mute->unmuted_for[input];
	char text[TEXT_SIZE];

	snprintf(text, sizeof(text), "%u\n", (unsigned)geteuid());
	int r = write_mark(mute->unmute_fds[input], mute->unmute_errors[input], text);
	if (r < 0)
		return r;
	/* Where none could be written, and none lay there, nothing but we says that it is muted. */
	if (mute->has_mark[input])
		r = write_mark(mute->mute_fds[input], mute->mute_errors[input], OPEN);
	if (r < 0) {
		/* What is muted stays so, also for whoever starts next. */
		if (mute->is_noted[input])
			note_mute(mute, input);
		else if (before != geteuid())
			forget_unmute(mute, input);
		return r;
	}
	mute->is_noted[input] = false;
	mute->is_muted[input] = false;
	mute->unmuted_for[input] = geteuid();
	return 0;
}

bool mute_is_kept(const struct mute *mute, enum audio_input input, bool muted)
{
	return (unsigned)input < AUDIO_INPUT_COUNT && mute->is_kept[input] &&
	       mute->is_muted[input] == muted && (muted || mute->unmuted_for[input] == geteuid());
}

int mute_switch(struct mute *mute, enum audio_input input, bool muted)
{
	int r;

	if ((unsigned)input >= AUDIO_INPUT_COUNT)
		return -EINVAL;
	r = muted ? begin_mute(mute, input) : end_mute(mute, input);
	mute->is_kept[input] = r == 0;
	return r;
}
