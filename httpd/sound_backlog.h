/* SPDX-License-Identifier: MIT */
/*
 * How much sound waits on its way to one viewer: in the connection's output, and in the kernel's
 * queue behind it.  Whoever has more than SOUND_BACKLOG_MS of it is sent none until that has gone,
 * and then goes on at live: sound is never left out piecemeal, and never drifts behind.
 *
 * A record counts until its last byte has been put on the wire.  The kernel is asked for that only
 * when it matters, and not for every record.  Embedded; begin with zeroes.  Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "httpd/conn.h"

#define SOUND_BACKLOG_MS      300u
#define SOUND_BACKLOG_RECORDS 32u /* 320 ms of the shortest records, and a power of two */

struct sound_backlog {
	uint64_t ends[SOUND_BACKLOG_RECORDS]; /* bytes of the connection up to each record's end */
	unsigned first, n;
	bool is_skipping;
};

/* May one more record, of `record_ms`, be appended to the output? */
bool sound_backlog_may_append(
	struct sound_backlog *backlog, const struct conn *conn, unsigned record_ms);
/* It has been. */
void sound_backlog_appended(struct sound_backlog *backlog, const struct conn *conn);
