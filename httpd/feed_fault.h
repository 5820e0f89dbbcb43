/* SPDX-License-Identifier: MIT */
/*
 * What httpd holds against a daemon: that it lied, or does not answer.
 *
 *     none ──set──► a fault ──log──► said in the journal
 *       ▲                                 │
 *       └──── over: the daemon has delivered something whole
 *
 * Viewers and /status are told of it at once, the journal once, when it begins and when it ends.
 * Embedded in a feed; begin with zeroes and STATE_LIVE.  Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/capsock.h"
#include "common/stream.h"

struct feed_fault {
	enum source_state state; /* STATE_LIVE: none */
	char words[CAPSOCK_WORDS_MAX + 1];
	bool is_logged;
	uint64_t since_ns;
};

/* A fault, or another one; `words` are copied.  Nothing is logged. */
void feed_fault_set(struct feed_fault *fault, enum source_state state, const char *words);
/* Says it in the journal, unless that has been said already. */
void feed_fault_log(struct feed_fault *fault, enum source_id source, enum stream_id stream);
/* The daemon has delivered something whole.  True: there was a fault until now. */
bool feed_fault_over(struct feed_fault *fault, enum source_id source, enum stream_id stream);
/* Nobody watches any more: forgotten, without a word. */
void feed_fault_forget(struct feed_fault *fault);
