/* SPDX-License-Identifier: MIT */
#include "capd/audio/pipeline.h"

#include <errno.h>
#include <string.h>

#include "capd/encode/opus.h"
#include "common/clock.h"
#include "common/log.h"

#define NO_MEMORY_NS (500 * NS_PER_MS) /* how often a full /dev/shm is tried again */

void pipeline_init(struct pipeline *pipeline, const struct config *config, struct output *pcm,
	struct output *opus)
{
	*pipeline = (struct pipeline){.config = config, .pcm = pcm, .opus = opus};
}

void pipeline_fini(struct pipeline *pipeline)
{
	opus_stream_destroy(pipeline->encoder);
	pipeline->encoder = NULL;
}

static void update_encoder(struct pipeline *pipeline)
{
	bool is_wanted = pipeline->streams & 1u << STREAM_OPUS;

	if (is_wanted && !pipeline->encoder) {
		int r = opus_stream_create(
			pipeline->config->audio.opus_bitrate * 1000, &pipeline->encoder);

		if (r < 0)
			log_err("Could not encode sound as Opus: %s", strerror(-r));
	} else if (!is_wanted && pipeline->encoder) {
		opus_stream_destroy(pipeline->encoder);
		pipeline->encoder = NULL;
	}
}

void pipeline_set_streams(struct pipeline *pipeline, unsigned streams)
{
	pipeline->streams = streams;
	update_encoder(pipeline);
	if (!(streams & 1u << STREAM_PCM))
		output_reset(pipeline->pcm);
	if (!(streams & 1u << STREAM_OPUS))
		output_reset(pipeline->opus);
	if (!streams)
		pipeline->refused = 0;
}

static int publish(
	struct output *output, uint64_t sequence, uint64_t pts_ns, const void *bytes, size_t len)
{
	struct ring_record record = {
		.kind = RECORD_SOUND,
		.flags = RECORD_IS_KEY,
		.sequence = sequence,
		.pts_ns = pts_ns,
		.width = SOUND_RATE,
		.height = SOUND_CHANNELS,
	};
	const struct iovec piece = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};

	return output_record(output, SOUND_RING_CAPACITY, &record, &piece, 1);
}

static int publish_pcm(struct pipeline *pipeline, const int16_t *frames, uint64_t pts_ns)
{
	return publish(pipeline->pcm, pipeline->sequence, pts_ns, frames, SOUND_RECORD_BYTES);
}

static int publish_opus(struct pipeline *pipeline, const int16_t *frames, uint64_t pts_ns)
{
	struct opus_packet packet;
	int r = opus_stream_encode(pipeline->encoder, frames, pts_ns, &packet);

	if (r <= 0)
		return r;
	return publish(
		pipeline->opus, ++pipeline->opus_sequence, packet.pts_ns, packet.bytes, packet.len);
}

int pipeline_sound(
	struct pipeline *pipeline, const int16_t *frames, uint64_t pts_ns, uint64_t now_ns)
{
	int r = 0, r_opus = 0;

	pipeline->sequence++;
	if (pipeline->refused && now_ns < pipeline->retry_ns)
		return pipeline->refused;
	if (pipeline->streams & 1u << STREAM_PCM)
		r = publish_pcm(pipeline, frames, pts_ns);
	if (pipeline->encoder)
		r_opus = publish_opus(pipeline, frames, pts_ns);
	r = r < 0 ? r : r_opus;
	pipeline->refused = r == -ENOSPC || r == -ENOMEM || r == -EMSGSIZE ? r : 0;
	if (pipeline->refused)
		pipeline->retry_ns = now_ns + NO_MEMORY_NS;
	return r;
}
