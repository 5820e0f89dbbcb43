/* SPDX-License-Identifier: MIT */
/*
 * An announcement is what a daemon tells of its source: the state, in words, and as a picture where
 * no pictures flow.
 *
 *     source ──► announcement_set ──changed──► one line in the journal when a fault begins, one
 *                                 │            when it ends; STATUS= for systemd
 *                                 └──► announcement_message ──► each subscriber
 *
 * Embedded in a daemon.  Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/capsock.h"
#include "common/stream.h"

struct announcement {
	/* the announcement's own */
	enum source_id source;
	enum source_state state;
	char words[CAPSOCK_WORDS_MAX + 1];
	uint8_t *picture; /* NULL when pictures flow */
	size_t picture_len;
	bool is_logged; /* see announcement_begin_log() */
	uint64_t since_ns;
	enum source_state fault; /* the last one since it was live, however it starts; or LIVE */
	uint64_t fault_since_ns;
};

/* Starting; without a picture, and not yet said. */
void announcement_init(struct announcement *announcement, enum source_id source);
void announcement_fini(struct announcement *announcement);

/*
 * `words` NULL: the state's own; they are copied.  `has_picture`: one is drawn that shows them.
 * False: it is as it was, and nobody need be told.
 */
bool announcement_set(struct announcement *announcement, enum source_state state, const char *words,
	bool has_picture);

/*
 * Somebody has subscribed: this state and those to come are logged.  Not before: of a daemon that
 * was started with the service, and that nobody has asked for anything, nobody cares; at boot
 * nobody is logged in yet.
 */
void announcement_begin_log(struct announcement *announcement);

/* As a message to subscribers; valid until it changes. */
struct capsock_message announcement_message(const struct announcement *announcement);
