/* SPDX-License-Identifier: MIT */
/*
 * From sound to records.
 *
 *     slot of 10 ms, mixed ──► record ──► output pcm ──► ring
 *                          └─► Opus, two at a time ──► output opus ──► ring
 *
 * Where there is no memory for a ring, records are thrown away, and one is tried again every half
 * second.  Event-loop thread only.
 */
#pragma once

#include <stdint.h>

#include "capd/output.h"
#include "common/config.h"

struct pipeline {
	/* the pipeline's own */
	const struct config *config;
	struct output *pcm, *opus;   /* borrowed */
	unsigned streams;            /* wanted: bits 1 << enum stream_id */
	struct opus_stream *encoder; /* while opus is wanted */
	uint64_t sequence, opus_sequence;
	int refused;       /* the last -errno for want of memory; 0: there is enough */
	uint64_t retry_ns; /* and not before that another try */
};

/* All is borrowed for life. */
void pipeline_init(struct pipeline *pipeline, const struct config *config, struct output *pcm,
	struct output *opus);
/* Takes zeroes, too. */
void pipeline_fini(struct pipeline *pipeline);

/* Which streams are wanted: bits 1 << stream_id.  Those no longer wanted give their ring up at
 * once, and with the last of them a want of memory is forgotten. */
void pipeline_set_streams(struct pipeline *pipeline, unsigned streams);

/*
 * Publishes a slot, SOUND_RECORD_FRAMES of stereo from `pts_ns` on.  0; -ENOSPC, -ENOMEM,
 * -EMSGSIZE: no room for a ring, also while that is not tried again; other -errno.
 */
int pipeline_sound(
	struct pipeline *pipeline, const int16_t *frames, uint64_t pts_ns, uint64_t now_ns);
