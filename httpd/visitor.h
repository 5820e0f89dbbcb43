/* SPDX-License-Identifier: MIT */
/*
 * Who has come last from another computer.
 *
 *     each request granted ──► is it from elsewhere? ──► remembered ──► STATE/last-visitor
 *
 * That nobody ever has is the surest sign of a firewall that is shut, and it is kept over restarts:
 * `screenshare doctor` tells of it.  The file is one line, "SECONDS ADDRESS", written by a disk
 * worker at the first visit and then at most every VISITOR_KEEP_S; where it cannot be written the
 * fact lives as long as the process.  Event-loop thread only.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "common/addresses.h"

#define VISITOR_KEEP_S 600

struct disk_workers;
struct visitor; /* opaque */

/* Reads what was kept in `state_dir`.  `workers` are borrowed, and end before the visitor does.  0
 * or -ENOMEM. */
int visitor_create(struct disk_workers *workers, const char *state_dir, struct visitor **out);
void visitor_destroy(struct visitor *visitor); /* accepts NULL */

/* Somebody at `peer` was let in at `local`, an address of this computer's. */
void visitor_note(struct visitor *visitor, const struct address *peer, const struct address *local);

/* {"ago_s": N}, with an "address" for the presenter alone; null if nobody has ever come.  NULL: no
 * memory. */
json_t *visitor_json(const struct visitor *visitor, bool with_address);
