/* SPDX-License-Identifier: MIT */
/* links: capd/announcement.c common/messages.c common/stream.c common/utf8.c */
#include "capd/announcement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <cmocka.h>

#include "capd/pattern.h"
#include "common/log.h"
#include "common/service.h"

/* --- a journal, a manager and a painter that only note --- */

static unsigned n_lines;
static int priority_of_last;
static char last_line[512];
static bool has_paint;

void log_write(int priority, const struct log_fields *fields, const char *file, int line,
	const char *func, const char *format, ...)
{
	va_list args;
	(void)fields, (void)file, (void)line, (void)func;

	n_lines++;
	priority_of_last = priority;
	va_start(args, format);
	vsnprintf(last_line, sizeof(last_line), format, args);
	va_end(args);
}

void service_status(const char *format, ...)
{
	(void)format;
}

int pattern_state_jpeg(enum source_id source, enum source_state state, const char *words,
	uint8_t **jpeg, size_t *len)
{
	(void)source, (void)state, (void)words;
	if (!has_paint)
		return -1;
	*jpeg = malloc(3);
	*len = 3;
	return 0;
}

static int set_up(void **state)
{
	static struct announcement announcement;

	n_lines = 0;
	last_line[0] = '\0';
	has_paint = true;
	announcement_init(&announcement, SOURCE_SCREEN);
	announcement_begin_log(&announcement);
	*state = &announcement;
	return 0;
}

static int tear_down(void **state)
{
	announcement_fini(*state);
	return 0;
}

/* --- the tests --- */

static void a_fault_is_said_when_it_begins_and_when_it_ends(void **state)
{
	struct announcement *announcement = *state;

	assert_true(announcement_set(announcement, STATE_LIVE, "Display :0", false));
	assert_string_equal(last_line, "Live: Display :0");
	assert_true(announcement_set(announcement, STATE_NO_DISPLAY, "It is gone", true));
	assert_string_equal(last_line, "No pictures (no-display): It is gone");
	assert_int_equal(priority_of_last, LOG_WARNING);
	/* Between the two it starts: no word of that. */
	assert_true(announcement_set(announcement, STATE_STARTING, NULL, true));
	assert_int_equal(n_lines, 2);
	assert_true(announcement_set(announcement, STATE_LIVE, "Display :0", false));
	assert_non_null(strstr(last_line, "Pictures again after"));
	assert_non_null(strstr(last_line, "of no-display"));
	assert_int_equal(n_lines, 3);
	/* And then it is over. */
	assert_true(announcement_set(announcement, STATE_LIVE, "Display :0, larger", false));
	assert_string_equal(last_line, "Live: Display :0, larger");
}

static void before_somebody_subscribes_the_journal_hears_nothing(void **state)
{
	struct announcement announcement;
	(void)state;

	announcement_init(&announcement, SOURCE_SCREEN);
	assert_true(announcement_set(&announcement, STATE_NO_DISPLAY, "At boot", true));
	assert_true(announcement_set(&announcement, STATE_LOCKED, "Somebody's", true));
	assert_int_equal(n_lines, 0);
	announcement_begin_log(&announcement);
	assert_string_equal(last_line, "No pictures (locked): Somebody's");
	announcement_begin_log(&announcement);
	assert_int_equal(n_lines, 1);
	announcement_fini(&announcement);
}

static void what_is_as_it_was_is_told_to_nobody(void **state)
{
	struct announcement *announcement = *state;

	assert_false(announcement_set(announcement, STATE_STARTING, NULL, false));
	assert_true(announcement_set(announcement, STATE_LOCKED, NULL, true));
	assert_false(announcement_set(announcement, STATE_LOCKED, NULL, true));
	assert_true(announcement_set(announcement, STATE_LOCKED, "other words", true));
	assert_int_equal(n_lines, 2);
}

static void the_message_has_words_and_a_picture_where_none_flow(void **state)
{
	struct announcement *announcement = *state;
	struct capsock_message message;

	announcement_set(announcement, STATE_LOCKED, NULL, true);
	message = announcement_message(announcement);
	assert_int_equal(message.type, CAPSOCK_STATE);
	assert_int_equal(message.state, STATE_LOCKED);
	assert_int_equal(message.ring_fd, -1);
	assert_string_equal(message.words, state_words(STATE_LOCKED));
	assert_int_equal(message.words_len, strlen(state_words(STATE_LOCKED)));
	assert_int_equal(message.picture_len, 3);
	announcement_set(announcement, STATE_LIVE, "Display :0", false);
	message = announcement_message(announcement);
	assert_null(message.picture);
	assert_int_equal(message.picture_len, 0);
}

static void words_are_cut_to_what_a_message_holds(void **state)
{
	struct announcement *announcement = *state;
	char words[2 * CAPSOCK_WORDS_MAX];

	memset(words, 'a', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	assert_true(announcement_set(announcement, STATE_UNSUPPORTED, words, true));
	assert_int_equal(announcement_message(announcement).words_len, CAPSOCK_WORDS_MAX);
	assert_false(announcement_set(announcement, STATE_UNSUPPORTED, words, true));
}

static void without_memory_for_a_picture_the_words_go_out(void **state)
{
	struct announcement *announcement = *state;

	has_paint = false;
	assert_true(announcement_set(announcement, STATE_LOCKED, NULL, true));
	assert_null(announcement_message(announcement).picture);
	assert_true(announcement_message(announcement).words_len > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_fault_is_said_when_it_begins_and_when_it_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			before_somebody_subscribes_the_journal_hears_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_as_it_was_is_told_to_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_message_has_words_and_a_picture_where_none_flow, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			words_are_cut_to_what_a_message_holds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			without_memory_for_a_picture_the_words_go_out, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
