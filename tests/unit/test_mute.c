/* SPDX-License-Identifier: MIT */
/* links: capd/audio/mute.c common/stream.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "capd/audio/mute.h"

#define DESKTOP_ONLY (1u << AUDIO_DESKTOP)

static char folder[64], state_dir[80], runtime_dir[80];

static int make_folders(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ss-mute-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(state_dir, sizeof(state_dir), "%s/state", folder);
	snprintf(runtime_dir, sizeof(runtime_dir), "%s/run", folder);
	return mkdir(state_dir, 0700) || mkdir(runtime_dir, 0700);
}

static int remove_folders(void **state)
{
	char command[128];
	(void)state;

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static bool exists(const char *dir, const char *name, mode_t *mode)
{
	char path[160];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (lstat(path, &st) < 0)
		return false;
	if (mode)
		*mode = st.st_mode;
	return true;
}

static struct mute begin(void)
{
	struct mute mute;

	mute_init(&mute, state_dir, runtime_dir, DESKTOP_ONLY);
	return mute;
}

static void the_configuration_alone_opens_the_desktop(void **state)
{
	struct mute mute = begin();
	(void)state;

	assert_true(mute_is_open(&mute, AUDIO_DESKTOP));
	assert_false(mute_is_open(&mute, AUDIO_MICROPHONE));
	assert_false(mute_is_chosen(&mute, AUDIO_MICROPHONE));
}

static void a_mute_is_kept_by_whoever_starts_next(void **state)
{
	struct mute mute = begin();
	mode_t mode;
	(void)state;

	assert_int_equal(mute_switch(&mute, AUDIO_DESKTOP, true), 0);
	assert_false(mute_is_open(&mute, AUDIO_DESKTOP));
	assert_true(mute_is_chosen(&mute, AUDIO_DESKTOP));
	assert_true(exists(state_dir, "mute-desktop", &mode));
	assert_int_equal(mode, S_IFREG | 0600);
	/* Once more is no error. */
	assert_int_equal(mute_switch(&mute, AUDIO_DESKTOP, true), 0);
	mute = begin();
	assert_false(mute_is_open(&mute, AUDIO_DESKTOP));
}

static void an_open_microphone_lasts_as_long_as_the_runtime_folder(void **state)
{
	struct mute mute = begin();
	char path[160];
	(void)state;

	assert_int_equal(mute_switch(&mute, AUDIO_MICROPHONE, false), 0);
	assert_true(mute_is_open(&mute, AUDIO_MICROPHONE));
	mute = begin();
	assert_true(mute_is_open(&mute, AUDIO_MICROPHONE));
	snprintf(path, sizeof(path), "%s/unmute-microphone", runtime_dir);
	assert_int_equal(unlink(path), 0);
	mute = begin();
	assert_false(mute_is_open(&mute, AUDIO_MICROPHONE));
}

static void unmute_takes_back_mute_and_mute_takes_back_unmute(void **state)
{
	struct mute mute = begin();
	(void)state;

	assert_int_equal(mute_switch(&mute, AUDIO_MICROPHONE, false), 0);
	assert_int_equal(mute_switch(&mute, AUDIO_MICROPHONE, true), 0);
	assert_false(mute_is_open(&mute, AUDIO_MICROPHONE));
	assert_false(exists(runtime_dir, "unmute-microphone", NULL));
	assert_int_equal(mute_switch(&mute, AUDIO_MICROPHONE, false), 0);
	assert_true(mute_is_open(&mute, AUDIO_MICROPHONE));
	assert_false(exists(state_dir, "mute-microphone", NULL));
	assert_true(mute_is_open(&mute, AUDIO_DESKTOP));
}

static void a_mute_that_cannot_be_remembered_holds_for_now_and_is_said(void **state)
{
	struct mute mute = begin();
	(void)state;

	assert_int_equal(rmdir(state_dir), 0);
	assert_int_equal(mute_switch(&mute, AUDIO_DESKTOP, true), -ENOENT);
	assert_false(mute_is_open(&mute, AUDIO_DESKTOP));
}

static void an_unmute_that_cannot_be_remembered_does_not_happen(void **state)
{
	struct mute mute = begin();
	(void)state;

	assert_int_equal(rmdir(runtime_dir), 0);
	assert_int_equal(mute_switch(&mute, AUDIO_MICROPHONE, false), -ENOENT);
	assert_false(mute_is_open(&mute, AUDIO_MICROPHONE));
}

/* The mark of the mute cannot be taken away: it is a folder. */
static void a_mute_that_cannot_be_taken_back_stays(void **state)
{
	char path[160];
	struct mute mute;
	(void)state;

	snprintf(path, sizeof(path), "%s/mute-desktop", state_dir);
	assert_int_equal(mkdir(path, 0700), 0);
	mute = begin();
	assert_false(mute_is_open(&mute, AUDIO_DESKTOP));
	assert_true(mute_switch(&mute, AUDIO_DESKTOP, false) < 0);
	assert_false(mute_is_open(&mute, AUDIO_DESKTOP));
	assert_false(exists(runtime_dir, "unmute-desktop", NULL));
}

/* Somebody laid a link where the mark belongs: it is not followed, and counts as the mark. */
static void a_link_in_place_of_the_mark_is_not_followed(void **state)
{
	char path[160], target[160];
	struct mute mute = begin();
	(void)state;

	snprintf(path, sizeof(path), "%s/mute-desktop", state_dir);
	snprintf(target, sizeof(target), "%s/elsewhere", folder);
	assert_int_equal(symlink(target, path), 0);
	assert_int_equal(mute_switch(&mute, AUDIO_DESKTOP, true), 0);
	assert_false(exists(folder, "elsewhere", NULL));
	mute = begin();
	assert_false(mute_is_open(&mute, AUDIO_DESKTOP));
}

static void an_input_that_there_is_not_is_refused(void **state)
{
	struct mute mute = begin();
	(void)state;

	assert_int_equal(mute_switch(&mute, AUDIO_INPUT_COUNT, true), -EINVAL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_folders, remove_folders)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_configuration_alone_opens_the_desktop),
		TEST(a_mute_is_kept_by_whoever_starts_next),
		TEST(an_open_microphone_lasts_as_long_as_the_runtime_folder),
		TEST(unmute_takes_back_mute_and_mute_takes_back_unmute),
		TEST(a_mute_that_cannot_be_remembered_holds_for_now_and_is_said),
		TEST(an_unmute_that_cannot_be_remembered_does_not_happen),
		TEST(a_mute_that_cannot_be_taken_back_stays),
		TEST(a_link_in_place_of_the_mark_is_not_followed),
		TEST(an_input_that_there_is_not_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
