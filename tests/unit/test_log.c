/* SPDX-License-Identifier: MIT */
/* links: common/log.c common/utf8.c */
#include "common/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <cmocka.h>

/* --- a journal that keeps what it is sent; nothing links libsystemd here --- */

static char journal[4096]; /* the fields of the last entry, a newline after each */
static int journal_result; /* what sd_journal_sendv() returns */

int sd_journal_sendv(const struct iovec *iov, int n);
int sd_journal_sendv(const struct iovec *iov, int n)
{
	size_t len = 0;

	for (int i = 0; i < n; i++) {
		assert_true(len + iov[i].iov_len + 2 < sizeof(journal));
		memcpy(journal + len, iov[i].iov_base, iov[i].iov_len);
		len += iov[i].iov_len;
		journal[len++] = '\n';
	}
	journal[len] = '\0';
	return journal_result;
}

static bool journal_has(const char *field)
{
	char line[512];

	snprintf(line, sizeof(line), "\n%s\n", field);
	return strstr(journal, line) || strncmp(journal, line + 1, strlen(line) - 1) == 0;
}

/* --- a pipe as stderr --- */

static int pipe_fds[2], real_stderr;

static void set_journal_stream(unsigned long long add_to_inode)
{
	struct stat st;
	char text[64];

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)st.st_dev,
		(uintmax_t)(st.st_ino + add_to_inode));
	setenv("JOURNAL_STREAM", text, 1);
}

static int redirect(void **state)
{
	(void)state;
	journal[0] = '\0';
	journal_result = 0;
	unsetenv("JOURNAL_STREAM");
	unsetenv("SCREENSHARE_LOG_PREFIX");
	log_set_debug(false);
	real_stderr = dup(STDERR_FILENO);
	if (real_stderr < 0 || pipe2(pipe_fds, O_CLOEXEC) < 0 ||
		dup2(pipe_fds[1], STDERR_FILENO) < 0)
		return -1;
	return fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
}

static int restore(void **state)
{
	(void)state;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
	return 0;
}

/* What has been written to stderr since the last call. */
static const char *written(void)
{
	static char text[8192];
	ssize_t n = read(pipe_fds[0], text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void line_on_stderr_has_name_and_message(void **state)
{
	(void)state;
	log_open("screen");
	log_err("Could not open display %s: %s", ":7", "refused");
	assert_string_equal(written(), "screen: Could not open display :7: refused\n");
	assert_string_equal(journal, "");
}

static void prefix_is_written_when_asked_for(void **state)
{
	(void)state;
	setenv("SCREENSHARE_LOG_PREFIX", "1", 1);
	log_open("screen");
	log_err("a");
	log_warn("b");
	log_info("c");
	assert_string_equal(written(), "<3>screen: a\n<4>screen: b\n<6>screen: c\n");
}

static void debug_is_said_only_when_it_is_on(void **state)
{
	(void)state;
	log_open("screen");
	log_debug("hidden");
	assert_string_equal(written(), "");
	log_set_debug(true);
	log_debug("shown");
	assert_string_equal(written(), "screen: shown\n");
}

static void errno_survives_and_can_be_printed(void **state)
{
	(void)state;
	log_open("screen");
	errno = ENOENT;
	log_info("%m");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(written(), "screen: No such file or directory\n");
	close(STDERR_FILENO);
	errno = EMFILE;
	log_info("nowhere to go");
	assert_int_equal(errno, EMFILE);
	assert_int_equal(dup2(pipe_fds[1], STDERR_FILENO), STDERR_FILENO);
	log_info("back");
	assert_string_equal(written(), "screen: (1 line lost) back\n");
}

/* A viewer's user agent must neither forge a line nor reach the terminal as an escape sequence. */
static void message_stays_one_line_of_clean_text(void **state)
{
	(void)state;
	log_open("httpd");
	log_info("agent %s", "a\r\nhttpd: forged\x1b[2J\x7f\tend");
	assert_string_equal(written(), "httpd: agent a??httpd: forged?[2J??end\n");
	log_info("%s", "\xc2\x9b[2J \xc2\xa9 \xe2\x82\xac \xf0\x9f\x93\xba");
	assert_string_equal(written(), "httpd: ??[2J \xc2\xa9 \xe2\x82\xac \xf0\x9f\x93\xba\n");
	/* no UTF-8: a lone byte, overlong, a surrogate, too large, cut off */
	log_info("%s", "\xff \xc0\x80 \xe0\x80\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \xe2\x82");
	assert_string_equal(written(), "httpd: ? ?? ??? ??? ???? ??\n");
}

static void long_message_is_cut_and_stays_one_write(void **state)
{
	char text[5000];
	const char *line;

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	log_open("screen");
	log_info("%s", text);
	line = written();
	assert_true(strlen(line) > 1900 && strlen(line) < PIPE_BUF);
	assert_int_equal(line[strlen(line) - 1], '\n');
}

/* A stopped terminal, or a pipe that nobody reads, must not stop a stream. */
static void full_pipe_never_blocks_and_what_is_lost_is_counted(void **state)
{
	int n = 0;

	(void)state;
	log_open("screen");
	while (n < 5000) { /* blocks for ever, and the test with it, if log_write() does */
		log_info("line %d", n);
		n++;
	}
	while (written()[0])
		;
	log_info("first after the jam");
	assert_non_null(strstr(written(), " lines lost) first after the jam\n"));
	log_info("second");
	assert_string_equal(written(), "screen: second\n");
}

/* `screenshare run 2>&1 | head` must not end a daemon. */
static void pipe_without_a_reader_raises_no_signal(void **state)
{
	int fds[2];

	(void)state;
	log_open("screen");
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	dup2(fds[1], STDERR_FILENO);
	close(fds[0]);
	log_info("to nobody"); /* SIGPIPE would kill the test */
	dup2(pipe_fds[1], STDERR_FILENO);
	close(fds[1]);
	log_info("back");
	assert_string_equal(written(), "screen: (1 line lost) back\n");
}

static void journal_gets_structured_fields(void **state)
{
	struct log_fields fields = {
		.source = "screen", .stream = "jpeg", .viewer = "192.0.2.7", .state = "no-display"};
	char line[64];

	(void)state;
	set_journal_stream(0);
	log_open("screen");
	errno = EACCES;
	snprintf(line, sizeof(line), "CODE_LINE=%d", __LINE__ + 1);
	log_at(LOG_WARNING, &fields, "No display can be reached: %m");
	assert_true(journal_has("MESSAGE=No display can be reached: Permission denied"));
	assert_true(journal_has("PRIORITY=4"));
	assert_true(journal_has("CODE_FILE=tests/unit/test_log.c"));
	assert_true(journal_has("CODE_FUNC=journal_gets_structured_fields"));
	assert_true(journal_has(line));
	assert_true(journal_has("SYSLOG_IDENTIFIER=screenshare-screen"));
	assert_true(journal_has("SCREENSHARE_SOURCE=screen"));
	assert_true(journal_has("SCREENSHARE_STREAM=jpeg"));
	assert_true(journal_has("SCREENSHARE_VIEWER=192.0.2.7"));
	assert_true(journal_has("SCREENSHARE_STATE=no-display"));
	assert_null(strstr(journal, "SCREENSHARE_ROUTE"));
	assert_string_equal(written(), "");
}

static void fields_in_the_journal_are_cleaned_too(void **state)
{
	struct log_fields fields = {.viewer = "a\nPRIORITY=0", .route = "/d\xff"};

	(void)state;
	set_journal_stream(0);
	log_open("httpd");
	log_at(LOG_INFO, &fields, "x\ny");
	assert_true(journal_has("MESSAGE=x?y"));
	assert_true(journal_has("SCREENSHARE_VIEWER=a?PRIORITY=0"));
	assert_true(journal_has("SCREENSHARE_ROUTE=/d?"));
	assert_false(journal_has("PRIORITY=0"));
}

/* JOURNAL_STREAM is inherited by what runs in a terminal that a service opened. */
static void another_stderr_than_the_journal_gets_lines(void **state)
{
	static const char *const wrong[] = {"", "1", "1:", "1:2", "x:y", "1:2:3"};

	(void)state;
	set_journal_stream(1);
	log_open("screen");
	log_info("here");
	assert_string_equal(written(), "screen: here\n");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		setenv("JOURNAL_STREAM", wrong[i], 1);
		log_open("screen");
		log_info("here");
		assert_string_equal(written(), "screen: here\n");
	}
	assert_string_equal(journal, "");
}

static void journal_that_cannot_be_reached_gets_the_line_through_stderr(void **state)
{
	(void)state;
	set_journal_stream(0);
	journal_result = -ENOENT;
	log_open("screen");
	log_warn("still said");
	assert_string_equal(written(), "<4>screen: still said\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, redirect, restore)
	const struct CMUnitTest tests[] = {
		TEST(line_on_stderr_has_name_and_message),
		TEST(prefix_is_written_when_asked_for),
		TEST(debug_is_said_only_when_it_is_on),
		TEST(errno_survives_and_can_be_printed),
		TEST(message_stays_one_line_of_clean_text),
		TEST(long_message_is_cut_and_stays_one_write),
		TEST(full_pipe_never_blocks_and_what_is_lost_is_counted),
		TEST(pipe_without_a_reader_raises_no_signal),
		TEST(journal_gets_structured_fields),
		TEST(fields_in_the_journal_are_cleaned_too),
		TEST(another_stderr_than_the_journal_gets_lines),
		TEST(journal_that_cannot_be_reached_gets_the_line_through_stderr),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
