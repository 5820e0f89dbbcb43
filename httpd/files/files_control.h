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
 * Does what `request` says and gives the answer, whose reference is the callee's, to `on_answer`:
 * on the event loop, perhaps before this returns.  0, or -ENOMEM and no answer.
 */
int files_control(struct files *files, const json_t *request,
	void (*on_answer)(void *arg, json_t *answer), void *arg);
