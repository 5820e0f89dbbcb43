/* SPDX-License-Identifier: MIT */
/* links: capd/audio/mute.c common/stream.c common/parse.c */
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

static const char *in(const char *dir, const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

/* The text of a file; "" where there is none. */
static const char *text_of(const char *dir, const char *name)
{
	static char text[32];
	FILE *file = fopen(in(dir, name), "r");

	text[0] = '\0';
	if (file) {
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		fclose(file);
	}
	return text;
}

static void put(const char *dir, const char *name, const char *text)
{
	FILE *file = fopen(in(dir, name), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
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
	mute_fini(&mute);
}

static void a_mute_is_kept_by_whoever_starts_next(void **state)
{
	struct mute mute = begin();
	struct stat st;
	(void)state;

	assert_int_equal(mute_switch(&mute, AUDIO_DESKTOP, true), 0);
	assert_false(mute_is_open(&mute, AUDIO_DESKTOP));
	assert_true(mute_is_chosen(&mute, AUDIO_DESKTOP));
	assert_string_equal(text_of(state_dir, "mute-desktop"), "muted\n");
	assert_int_equal(stat(in(state_dir, "mute-desktop"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	/* Once more is no error. */
	assert_int_equal(mute_switch(&mute, AUDIO_DESKTOP, true), 0);
	mute = begin();
	assert_false(mute_is_open(&mute, AUDIO_DESKTOP));
	mute_fini(&mute);
}

static void an_open_microphone_lasts_as_long_as_the_runtime_folder(void **state)
{
	struct mute mute = begin();
	(void)state;

	assert_int_equal(mute_switch(&mute, AUDIO_MICROPHONE, false), 0);
	assert_true(mute_is_open(&mute, AUDIO_MICROPHONE));
	mute_fini(&mute);
	mute = begin();
	assert_true(mute_is_open(&mute, AUDIO_MICROPHONE));
	assert_int_equal(unlink(in(runtime_dir, "unmute-microphone")), 0);
	mute = begin();
	assert_false(mute_is_open(&mute, AUDIO_MICROPHONE));
	mute_fini(&mute);
}

static void unmute_takes_back_mute_and_mute_takes_back_unmute(void **state)
{
	struct mute mute = begin();
	(void)state;

	assert_int_equal(mute_switch(&mute, AUDIO_MICROPHONE, false), 0);
	assert_int_equal(mute_switch(&mute, AUDIO_MICROPHONE, true), 0);
	assert_false(mute_is_open(&mute, AUDIO_MICROPHONE));
	assert_string_equal(text_of(runtime_dir, "unmute-microphone"), "");
	assert_int_equal(mute_switch(&mute, AUDIO_MICROPHONE, false), 0);
	assert_true(mute_is_open(&mute, AUDIO_MICROPHONE));
	assert_string_equal(text_of(state_dir, "mute-microphone"), "open\n");
	assert_true(mute_is_open(&mute, AUDIO_DESKTOP));
	mute_fini(&mute);
}

/* Whoever logs in next has not been asked. */
static void a_microphone_that_another_user_opened_is_shut(void **state)
{
	struct mute mute;
	(void)state;

	put(runtime_dir, "unmute-microphone", "4294967290\n");
	mute = begin();
	assert_false(mute_is_open(&mute, AUDIO_MICROPHONE));
	mute_fini(&mute);
	put(runtime_dir, "unmute-microphone", "");
	mute = begin();
	assert_false(mute_is_open(&mute, AUDIO_MICROPHONE));
	mute_fini(&mute);
}

/* What an earlier version left behind, or a crash in the middle of writing. */
static void an_empty_mark_of_a_mute_is_a_mute(void **state)
{
	struct mute mute;
	(void)state;

	put(state_dir, "mute-desktop", "");
	mute = begin();
	assert_false(mute_is_open(&mute, AUDIO_DESKTOP));
	mute_fini(&mute);
}

/* The folders are root's, and whoever we have become cannot open anything there. */
static void what_was_opened_can_be_written_when_nothing_can_be_opened_any_more(void **state)
{
	struct mute mute = begin();
	char elsewhere[96];
	(void)state;

	snprintf(elsewhere, sizeof(elsewhere), "%s.moved", state_dir);
	assert_int_equal(rename(state_dir, elsewhere), 0);
	assert_int_equal(mute_switch(&mute, AUDIO_DESKTOP, true), 0);
	assert_string_equal(text_of(elsewhere, "mute-desktop"), "muted\n");
	mute_fini(&mute);
}

static void a_mute_that_cannot_be_remembered_holds_for_now_and_is_said(void **state)
{
	struct mute mute;
	(void)state;

	assert_int_equal(rmdir(state_dir), 0);
	mute = begin();
	assert_true(mute_is_open(&mute, AUDIO_DESKTOP));
	assert_int_equal(mute_switch(&mute, AUDIO_DESKTOP, true), -ENOENT);
	assert_false(mute_is_open(&mute, AUDIO_DESKTOP));
	mute_fini(&mute);
}

static void an_unmute_that_cannot_be_remembered_does_not_happen(void **state)
{
	struct mute mute;
	(void)state;

	assert_int_equal(rmdir(runtime_dir), 0);
	mute = begin();
	assert_int_equal(mute_switch(&mute, AUDIO_MICROPHONE, false), -ENOENT);
	assert_false(mute_is_open(&mute, AUDIO_MICROPHONE));
	mute_fini(&mute);
}

/* The mark of the mute cannot be read or written: it is a folder. */
static void a_mute_that_cannot_be_taken_back_stays(void **state)
{
	struct mute mute;
	(void)state;

	assert_int_equal(mkdir(in(state_dir, "mute-desktop"), 0700), 0);
	mute = begin();
	assert_false(mute_is_open(&mute, AUDIO_DESKTOP));
	assert_true(mute_switch(&mute, AUDIO_DESKTOP, false) < 0);
	assert_false(mute_is_open(&mute, AUDIO_DESKTOP));
	assert_string_equal(text_of(runtime_dir, "unmute-desktop"), "");
	mute_fini(&mute);
}

/* Somebody laid a link where the mark belongs: it is not followed, and counts as a mute. */
static void a_link_in_place_of_the_mark_is_not_followed(void **state)
{
	char target[160];
	struct mute mute;
	(void)state;

	snprintf(target, sizeof(target), "%s/elsewhere", folder);
	assert_int_equal(symlink(target, in(state_dir, "mute-desktop")), 0);
	mute = begin();
	assert_false(mute_is_open(&mute, AUDIO_DESKTOP));
	assert_true(mute_switch(&mute, AUDIO_DESKTOP, false) < 0);
	assert_int_equal(access(target, F_OK), -1);
	mute_fini(&mute);
}

static void an_input_that_there_is_not_is_refused(void **state)
{
	struct mute mute = begin();
	(void)state;

	assert_int_equal(mute_switch(&mute, AUDIO_INPUT_COUNT, true), -EINVAL);
	mute_fini(&mute);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_folders, remove_folders)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_configuration_alone_opens_the_desktop),
		TEST(a_mute_is_kept_by_whoever_starts_next),
		TEST(an_open_microphone_lasts_as_long_as_the_runtime_folder),
		TEST(unmute_takes_back_mute_and_mute_takes_back_unmute),
		TEST(a_microphone_that_another_user_opened_is_shut),
		TEST(an_empty_mark_of_a_mute_is_a_mute),
		TEST(what_was_opened_can_be_written_when_nothing_can_be_opened_any_more),
		TEST(a_mute_that_cannot_be_remembered_holds_for_now_and_is_said),
		TEST(an_unmute_that_cannot_be_remembered_does_not_happen),
		TEST(a_mute_that_cannot_be_taken_back_stays),
		TEST(a_link_in_place_of_the_mark_is_not_followed),
		TEST(an_input_that_there_is_not_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
