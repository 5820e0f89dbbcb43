/* SPDX-License-Identifier: MIT */
#include "httpd/sound_backlog.h"

#define LOOK_AT 8u /* records: fewer are no reason to ask the kernel */

static void forget(struct sound_backlog *backlog, uint64_t gone)
{
	while (backlog->n > 0 && backlog->ends[backlog->first] <= gone) {
		backlog->first = (backlog->first + 1) % SOUND_BACKLOG_RECORDS;
		backlog->n--;
	}
}

bool sound_backlog_may_append(
	struct sound_backlog *backlog, const struct conn *conn, unsigned record_ms)
{
	if (backlog->n >= LOOK_AT || backlog->is_skipping)
		forget(backlog, conn_on_wire(conn));
	if (backlog->n == 0)
		backlog->is_skipping = false;
	else if ((backlog->n + 1) * record_ms > SOUND_BACKLOG_MS)
		backlog->is_skipping = true;
	return !backlog->is_skipping;
}

void sound_backlog_appended(struct sound_backlog *backlog, const struct conn *conn)
{
	unsigned last = (backlog->first + backlog->n) % SOUND_BACKLOG_RECORDS;

	backlog->ends[last] = conn_sent(conn) + conn_unsent(conn);
	backlog->n++;
}
