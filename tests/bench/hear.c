/* SPDX-License-Identifier: MIT */
/*
 * Records what a sink plays, dated by CLOCK_MONOTONIC.
 *
 *     hear --source SINK.monitor --to FILE
 *
 * FILE gets mono s16 at 48 kHz.  Prints READY, then five times a second when a frame of it was
 * played: {"frame": N, "at_us": T}.  It asks for no latency of its own, so that its sink goes on as
 * if nobody recorded it.  Ends by SIGTERM.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/bench/die.h"
#include "tests/bench/sound_server.h"

#define PIECE_MS 20u
#define DATE_MS  200u

struct recorder {
	struct sound_stream stream;
	FILE *file;
	uint64_t n_frames;
};

static void on_read(pa_stream *pa, size_t n, void *arg)
{
	static const int16_t silence[SOUND_HZ];
	struct recorder *recorder = arg;
	const void *frames;
	size_t len;
	(void)n;

	while (pa_stream_readable_size(pa) > 0) {
		if (pa_stream_peek(pa, &frames, &len) < 0 || len == 0)
			break;
		/* A hole keeps its room. */
		for (size_t left = len, part; left > 0; left -= part) {
			part = frames || left < sizeof(silence) ? left : sizeof(silence);
			if (fwrite(frames ? frames : silence, 1, part, recorder->file) != part)
				die("Could not write the recording: %s", strerror(errno));
		}
		recorder->n_frames += len / 2;
		pa_stream_drop(pa);
	}
}

static void record(struct recorder *recorder, struct sound_server *server, const char *source)
{
	pa_buffer_attr buffer = {.maxlength = UINT32_MAX,
		.tlength = UINT32_MAX,
		.prebuf = UINT32_MAX,
		.minreq = UINT32_MAX,
		.fragsize = SOUND_HZ * 2 * PIECE_MS / 1000};

	sound_stream_open(&recorder->stream, server, 1);
	pa_stream_set_read_callback(recorder->stream.pa, on_read, recorder);
	if (pa_stream_connect_record(recorder->stream.pa, source, &buffer, PA_STREAM_DONT_MOVE) < 0)
		die("Could not record %s", source);
	sound_stream_wait(&recorder->stream);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"source", required_argument, NULL, 's'},
		{"to", required_argument, NULL, 't'}, {0}};
	const char *source = NULL, *to = NULL;
	struct recorder recorder = {0};
	struct sound_server server;
	struct timespec pause = {.tv_nsec = DATE_MS * 1000000};
	sigset_t ending;

	for (int c; (c = getopt_long(argc, argv, "s:t:", options, NULL)) != -1;) {
		if (c == 's')
			source = optarg;
		else if (c == 't')
			to = optarg;
		else
			return 2;
	}
	if (!source || !to || optind != argc)
		die("usage: hear --source S --to FILE");
	recorder.file = fopen(to, "wb");
	if (!recorder.file)
		die("Could not write %s: %s", to, strerror(errno));
	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	sigprocmask(SIG_BLOCK, &ending, NULL);

	sound_server_open(&server, "hear");
	record(&recorder, &server, source);
	puts("READY");
	do {
		uint64_t frame = recorder.n_frames;
		int64_t at_us = sound_frame_us(sound_stream_offset_us(&recorder.stream), frame);
		printf("{\"frame\": %llu, \"at_us\": %lld}\n", (unsigned long long)frame,
			(long long)at_us);
		fflush(stdout);
		pa_threaded_mainloop_unlock(server.loop);
		int number = sigtimedwait(&ending, NULL, &pause);
		pa_threaded_mainloop_lock(server.loop);
		if (number > 0)
			break;
	} while (true);
	sound_server_close(&server);
	return fclose(recorder.file) == 0 ? 0 : 1;
}
