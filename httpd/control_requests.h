/* SPDX-License-Identifier: MIT */
/*
 * What the presenter may ask over the control socket, and the answers (common/control.h is the
 * protocol, httpd/control_server.h the connections).
 *
 *     line ──► presenter? ──► table { name, answer } ──► JSON, at once
 *                         └─► pause, resume, files ──► JSON, later
 *
 * Event-loop thread only.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include <jansson.h>

struct site;
struct control_later; /* an answer that is being made */

#define CONTROL_NOT_PRESENTER "Only root and the user who sits at this computer may ask"

struct control_asker {
	uid_t uid;
	/* An answer that comes later, owned by the callee.  Its control_later is gone then. */
	void (*on_answer)(void *arg, json_t *answer);
	void *arg;
};

/*
 * Answers one line, without its end.  The caller owns the answer; NULL: it comes later, and *later
 * stands for it, until it has come; never from within this call.
 */
json_t *control_requests_answer(const struct site *site, const struct control_asker *asker,
	const char *line, size_t len, struct control_later **later);
/* Whoever asked has gone: it is not called any more.  Accepts NULL. */
void control_later_forget(struct control_later *later);

/* The answer that refuses, in these words; NULL: no memory. */
json_t *control_requests_error(const char *words);
