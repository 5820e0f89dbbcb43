/* SPDX-License-Identifier: MIT */
/*
 * GET /files: the listing as JSON, now or, with ?after=TAG, as soon as it differs from that one.
 *
 *     asked ──► text of this generation? ──yes──► answered
 *                   no ──► a worker writes it, once for all who ask meanwhile
 *
 * Ten thousand entries are 2 MB of text, written in 20 ms: not on the event loop, and not once a
 * viewer.  What differs from one to the next (who "you" are) is put in front of it.
 * Event-loop thread only.
 */
#pragma once

struct exchange;
struct files;
struct lister; /* opaque */

#define LISTER_WAIT_S 25 /* then the answer is the same list again, as 304 */

/* `files` is borrowed for life.  0 or -ENOMEM. */
int lister_create(struct files *files, struct lister **out);
void lister_destroy(struct lister *lister); /* when its last job has run; accepts NULL */
void lister_answer(struct lister *lister, struct exchange *exchange);
/* Gives the newest LISTER_ROWS files as rows of HTML, now or later, to who answers with them: pages
 * without scripts have no others. */
#define LISTER_ROWS 200u
void lister_rows(struct lister *lister, struct exchange *exchange,
	void (*answer)(void *arg, struct exchange *exchange, const char *rows), void *arg);
