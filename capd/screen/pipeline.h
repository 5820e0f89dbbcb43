/* SPDX-License-Identifier: MIT */
/*
 * From frames to records: one grab and one comparison feed every encoder that is wanted.
 *
 *     source frame ──► tiles (what changed, and when) ──► output jpeg ──► ring
 *                                                     └─► output delta …
 *
 * Event-loop thread only.
 */
#pragma once

#include "capd/output.h"
#include "capd/source.h"
#include "common/config.h"

struct pipeline;

/* `jpeg` is borrowed for life.  0 or -ENOMEM. */
int pipeline_create(const struct config *config, struct output *jpeg, struct pipeline **out);
void pipeline_destroy(struct pipeline *pipeline);

/* Which streams are wanted: bits 1 << stream_id.  Those no longer wanted give their ring up at
 * once. */
void pipeline_set_streams(struct pipeline *pipeline, unsigned streams);

/*
 * Takes a frame through.  1: published; 0: nothing had changed for anybody; -ENOSPC: no room for a
 * ring in /dev/shm; -ENOMEM; -EMSGSIZE: the picture fits in no record.  After a failure the next
 * pipeline_refresh() or frame tries again, with everything.
 */
int pipeline_frame(struct pipeline *pipeline, const struct source_frame *frame);

/* Publishes the picture as it stands, for somebody new or after a failure.  As pipeline_frame();
 * also 0 when there is no picture yet. */
int pipeline_refresh(struct pipeline *pipeline);

/* Forgets the picture: the source has stopped. */
void pipeline_reset(struct pipeline *pipeline);
