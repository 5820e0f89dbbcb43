/* SPDX-License-Identifier: MIT */
/*
 * From frames to records: one grab and one comparison feed every encoder that is wanted.
 *
 *     source frame ──► tiles (what changed, and when) ──► output delta ──► ring
 *                                         │           └─► output jpeg  ──► ring
 *     catch-ups asked for, pipeline_due_ns() ──► output delta
 *
 * The delta stream comes first: what it needs for a small change or a scroll is less than what JPEG
 * needs, so that both together wait least.  Between frames there is work for the delta stream
 * alone: catch-ups, at most one for each time of a frame, and refinements.
 *
 * Event-loop thread only.
 */
#pragma once

#include "capd/output.h"
#include "capd/source.h"
#include "common/config.h"

struct pipeline;

/* The outputs are borrowed for life.  0 or -ENOMEM. */
int pipeline_create(const struct config *config, struct output *jpeg, struct output *delta,
	struct pipeline **out);
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

/* Publishes the picture as it stands on these streams (bits 1 << stream_id), for somebody new or
 * after a failure.  As pipeline_frame(); also 0 when there is no picture yet. */
int pipeline_refresh(struct pipeline *pipeline, unsigned streams);

/* Somebody asks for a catch-up (common/delta_ops.h).  As pipeline_frame(); 0 also when it comes
 * later: with the next frame, or when pipeline_due_ns() says. */
int pipeline_catch_up(struct pipeline *pipeline, uint64_t since, bool exact);
/* When pipeline_tick() has something to do, in CLOCK_MONOTONIC; UINT64_MAX: not before a frame. */
uint64_t pipeline_due_ns(const struct pipeline *pipeline);
/* Does what is due.  As pipeline_frame(). */
int pipeline_tick(struct pipeline *pipeline);

/* Forgets the picture: the source has stopped. */
void pipeline_reset(struct pipeline *pipeline);
