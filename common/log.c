/* SPDX-License-Identifier: MIT */
#include "common/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* We hand over the caller's place ourselves: sendv() would name this file. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "common/fd.h"
#include "common/utf8.h"

/* Below PIPE_BUF, so that a line is one write that a pipe takes whole or not at all. */
#define LINE_SIZE    2048
#define FIELD_SIZE   512
#define FIELDS_COUNT 19

static const char *program = "screenshare";   /* set once, before any other thread exists */
static bool to_journal, has_prefix;           /* " */
static char session_user[64], session_id[64]; /* " */
static int out_fd = STDERR_FILENO;            /* " */
static atomic_bool is_debug;
static atomic_uint n_lost; /* lines that stderr had no room for */

/*
 * systemd sets JOURNAL_STREAM to the device and inode of the journal's end of our stderr; it is
 * inherited by everything below, so it counts only while they are still those of fd 2.
 */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;
	int end = 0;

	if (!stream || sscanf(stream, "%ju:%ju%n", &device, &inode, &end) != 2 ||
		stream[end] != '\0')
		return false;
	return fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void log_open(const char *name)
{
	int saved = errno;
	const char *prefix = getenv("SCREENSHARE_LOG_PREFIX");

	program = name;
	to_journal = stderr_is_journal();
	has_prefix = prefix && strcmp(prefix, "1") == 0;
	errno = saved;
}

void log_silence_libraries(void)
{
	int own = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (own >= 0 && nowhere >= 0 && dup2(nowhere, STDERR_FILENO) >= 0)
		out_fd = own;
	else
		fd_close(&own);
	fd_close(&nowhere);
}

void log_set_debug(bool on)
{
	is_debug = on;
}

void log_set_session(const char *user, const char *session)
{
	snprintf(session_user, sizeof(session_user), "%s", user ? user : "");
	snprintf(session_id, sizeof(session_id), "%s", session ? session : "");
}

struct fields {
	char text[FIELDS_COUNT][FIELD_SIZE];
	struct iovec iov[FIELDS_COUNT];
	int n;
};

static void add_text(struct fields *fields, const char *key, const char *value)
{
	char *text = fields->text[fields->n];

	if (!value)
		return;
	snprintf(text, FIELD_SIZE, "%s=%s", key, value);
	utf8_clean(text);
	fields->iov[fields->n++] = (struct iovec){.iov_base = text, .iov_len = strlen(text)};
}

static void add_number(struct fields *fields, const char *key, int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", value);
	add_text(fields, key, text);
}

/* `message` starts with "MESSAGE=". */
static int send_to_journal(int priority, const struct log_fields *extra, const char *file, int line,
	const char *func, char *message)
{
	struct fields fields = {.n = 0};
	char identifier[64];

	fields.iov[fields.n++] = (struct iovec){.iov_base = message, .iov_len = strlen(message)};
	add_number(&fields, "PRIORITY", priority);
	add_text(&fields, "CODE_FILE", file);
	add_number(&fields, "CODE_LINE", line);
	add_text(&fields, "CODE_FUNC", func);
	snprintf(identifier, sizeof(identifier), "screenshare-%s", program);
	add_text(&fields, "SYSLOG_IDENTIFIER", identifier);
	add_text(&fields, "SCREENSHARE_USER", *session_user ? session_user : NULL);
	add_text(&fields, "SCREENSHARE_SESSION", *session_id ? session_id : NULL);
	if (extra) {
		add_text(&fields, "MESSAGE_ID", extra->message);
		add_text(&fields, "SCREENSHARE_SOURCE", extra->source);
		add_text(&fields, "SCREENSHARE_STREAM", extra->stream);
		add_text(&fields, "SCREENSHARE_VIEWER", extra->viewer);
		add_text(&fields, "SCREENSHARE_ROUTE", extra->route);
		add_text(&fields, "SCREENSHARE_STATE", extra->state);
		add_text(&fields, "SCREENSHARE_USER", extra->user);
		add_text(&fields, "SCREENSHARE_FILE", extra->file);
		add_text(&fields, "SCREENSHARE_FILE", extra->new_file);
		add_text(&fields, "SCREENSHARE_FILE_SIZE", extra->file_size);
		add_text(&fields, "SCREENSHARE_FILE_SHA256", extra->file_hash);
	}
	return sd_journal_sendv(fields.iov, fields.n);
}

/*
 * One line, one write.  A terminal that was stopped (Ctrl-S) or a pipe that nobody reads must not
 * stop a stream: what does not fit is left out and counted in the next line that does.
 */
static void send_to_stderr(int priority, bool with_prefix, const char *message)
{
	struct pollfd stderr_poll = {.fd = out_fd, .events = POLLOUT};
	char line[LINE_SIZE + 128], lost_text[40] = "";
	unsigned lost;
	int len;

	/* POLLERR: a pipe whose reader is gone, which would answer with SIGPIPE */
	if (poll(&stderr_poll, 1, 0) != 1 || stderr_poll.revents != POLLOUT) {
		n_lost++;
		return;
	}
	lost = atomic_exchange(&n_lost, 0);
	if (lost > 0)
		snprintf(lost_text, sizeof(lost_text), "(%u line%s lost) ", lost,
			lost == 1 ? "" : "s");
	if (with_prefix)
		len = snprintf(line, sizeof(line), "<%d>%s: %s%s\n", priority, program, lost_text,
			message);
	else
		len = snprintf(line, sizeof(line), "%s: %s%s\n", program, lost_text, message);
	if (len >= (int)sizeof(line))
		len = (int)sizeof(line) - 1;
	if (write(out_fd, line, (size_t)len) < 0)
		n_lost += lost + 1;
}

void log_write(int priority, const struct log_fields *fields, const char *file, int line,
	const char *func, const char *format, ...)
{
	static const char field[] = "MESSAGE=";
	char message[LINE_SIZE];
	int saved = errno;
	va_list args;

	if (priority == LOG_DEBUG && !is_debug)
		return;
	memcpy(message, field, sizeof(field));
	va_start(args, format);
	vsnprintf(message + sizeof(field) - 1, sizeof(message) - sizeof(field) + 1, format, args);
	va_end(args);
	utf8_clean(message);

	/* A sandbox may hide the journal's own socket; our stderr still leads there, with "<3>". */
	if (!to_journal || send_to_journal(priority, fields, file, line, func, message) < 0)
		send_to_stderr(priority, to_journal || has_prefix, message + sizeof(field) - 1);
	errno = saved;
}
