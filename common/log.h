/* SPDX-License-Identifier: MIT */
/*
 * Logging: to the journal with structured fields when systemd runs us (JOURNAL_STREAM matches our
 * stderr), else plain lines on stderr ("screen: …"; "<6>screen: …", sd-daemon(3), when
 * `screenshare run` asks for it by SCREENSHARE_LOG_PREFIX=1 in the environment).  A line is one
 * write, without control characters; where stderr has no room it is left out and counted in the
 * next.
 *
 *   log_err    an administrator must act          log_warn  worse than it should be, going on
 *   log_info   milestones                         log_debug for us (config [log] debug)
 *
 * Form: "Could not <verb> <object> <values>: <reason>; <what to do>".  One fault, one line: said
 * when a state begins and when it ends; what happens per frame or per request is a counter, or goes
 * through ratelimit.h, as does what a stranger can cause.  errno survives every call.  Any thread.
 */
#pragma once

#include <stdbool.h>
#include <syslog.h>

/* `name` ("screen", "httpd") must outlive the program.  Call once, first. */
void log_open(const char *name);
/* Whether log_debug() says anything; not before this has been called with true. */
void log_set_debug(bool on);
/*
 * From now on this log alone writes to stderr: libraries that complain there by themselves are not
 * heard.  Where that can't be had all stays as it is.  Before any other thread exists.
 */
void log_silence_libraries(void);
/* Whose session this process is about, from now on: SCREENSHARE_USER= and SCREENSHARE_SESSION= of
 * every line.  Copied; NULL: none.  Before any other thread exists. */
void log_set_session(const char *user, const char *session);

/* Structured fields of one line; NULL where it has none. */
struct log_fields {
	const char *message;  /* MESSAGE_ID=, of common/messages.h */
	const char *source;   /* SCREENSHARE_SOURCE= */
	const char *stream;   /* SCREENSHARE_STREAM= */
	const char *viewer;   /* SCREENSHARE_VIEWER=, an address */
	const char *route;    /* SCREENSHARE_ROUTE= */
	const char *state;    /* SCREENSHARE_STATE=, state_name() */
	const char *file;     /* SCREENSHARE_FILE=, a shared file's name … */
	const char *new_file; /* … and the one that it has now: another of that key */
	const char *user;     /* SCREENSHARE_USER=, who did it: a name, or a uid */
	const char *file_size, *file_hash; /* SCREENSHARE_FILE_SIZE= bytes, _SHA256= */
};

/* What the macros below call.  `format` is printf's; what could break a line of
 * what it makes becomes "?". */
void log_write(int priority, const struct log_fields *fields, const char *file, int line,
	const char *func, const char *format, ...) __attribute__((format(printf, 6, 7)));

#define log_at(priority, fields, ...)                                                              \
	log_write(priority, fields, __FILE__, __LINE__, __func__, __VA_ARGS__)
#define log_err(...)   log_at(LOG_ERR, NULL, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_WARNING, NULL, __VA_ARGS__)
#define log_info(...)  log_at(LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, NULL, __VA_ARGS__)

/* A line that the catalogue explains (common/messages.h), with no other field. */
#define log_message(priority, id, ...)                                                             \
	log_at(priority, (&(const struct log_fields){.message = (id)}), __VA_ARGS__)
