/* SPDX-License-Identifier: MIT */
#include "capd/audio/mute.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

/* The marker's path; -ENAMETOOLONG. */
static int marker_path(
	char path[PATH_MAX], const char *dir, const char *verb, enum audio_input input)
{
	int n = snprintf(path, PATH_MAX, "%s/%s-%s", dir, verb, audio_input_name(input));

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* 1: it is there; 0: it is not; -errno: nobody knows. */
static int marker_exists(const char *dir, const char *verb, enum audio_input input)
{
	char path[PATH_MAX];
	struct stat st;
	int r = marker_path(path, dir, verb, input);

	if (r < 0)
		return r;
	if (lstat(path, &st) == 0)
		return 1;
	return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
}

static int marker_create(const char *dir, const char *verb, enum audio_input input)
{
	char path[PATH_MAX];
	int r = marker_path(path, dir, verb, input);

	if (r < 0)
		return r;
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	fd_close(&fd);
	return 0;
}

static int marker_remove(const char *dir, const char *verb, enum audio_input input)
{
	char path[PATH_MAX];
	int r = marker_path(path, dir, verb, input);

	if (r < 0)
		return r;
	return unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR ? -errno : 0;
}

void mute_init(
	struct mute *mute, const char *state_dir, const char *runtime_dir, unsigned configured)
{
	mute->state_dir = state_dir;
	mute->runtime_dir = runtime_dir;
	mute->configured = configured;
	for (unsigned i = 0; i < AUDIO_INPUT_COUNT; i++) {
		mute->is_muted[i] = marker_exists(state_dir, "mute", i) != 0;
		mute->is_unmuted[i] = marker_exists(runtime_dir, "unmute", i) > 0;
	}
}

bool mute_is_chosen(const struct mute *mute, enum audio_input input)
{
	return (mute->configured >> input & 1) || mute->is_unmuted[input];
}

bool mute_is_open(const struct mute *mute, enum audio_input input)
{
	return !mute->is_muted[input] && mute_is_chosen(mute, input);
}

static int begin_mute(struct mute *mute, enum audio_input input)
{
	mute->is_muted[input] = true;
	mute->is_unmuted[input] = false;
	int r = marker_create(mute->state_dir, "mute", input);
	int removed = marker_remove(mute->runtime_dir, "unmute", input);
	/* With the mark in place, the other one means nothing any more. */
	return r < 0 ? r : removed;
}

static int end_mute(struct mute *mute, enum audio_input input)
{
	int r = marker_create(mute->runtime_dir, "unmute", input);

	if (r < 0)
		return r;
	r = marker_remove(mute->state_dir, "mute", input);
	if (r < 0) {
		/* What is muted stays so, also for whoever starts next. */
		if (!mute->is_unmuted[input])
			marker_remove(mute->runtime_dir, "unmute", input);
		return r;
	}
	mute->is_muted[input] = false;
	mute->is_unmuted[input] = true;
	return 0;
}

int mute_switch(struct mute *mute, enum audio_input input, bool muted)
{
	if ((unsigned)input >= AUDIO_INPUT_COUNT)
		return -EINVAL;
	return muted ? begin_mute(mute, input) : end_mute(mute, input);
}
