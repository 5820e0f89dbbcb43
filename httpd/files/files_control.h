/* SPDX-License-Identifier: MIT */
/*
 * What the presenter may do with the shared files, over the control socket: everything.
 *
 *     {"request":"files","action":"list","from":0}   → "files": 500 of them, "count": of all
 *     {"request":"files","action":"trash"}           → "files": what can be restored
 *     {"request":"files","action":"delete","name":N}
 *     {"request":"files","action":"rename","name":N,"new_name":M}
 *     {"request":"files","action":"restore","id":I}  → "name": what it is called now
 *     {"request":"files","action":"add"}             → "token": to be shown by the next PUT, in
 *                                                      X-Screenshare-Presenter
 */
#pragma once

#include <jansson.h>

struct files;

/*
 * Does what `request` says.  The answer, whose reference is the callee's, is returned where it is
 * known at once; else NULL, and it comes to `on_answer` later, on the event loop.
 */
json_t *files_control(struct files *files, const json_t *request,
	void (*on_answer)(void *arg, json_t *answer), void *arg);
