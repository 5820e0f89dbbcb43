/* SPDX-License-Identifier: MIT */
/*
 * Plays a wave, over and over, and tells when each beat of it is at the sink; turns a window that
 * fills the screen black or white in that same moment.
 *
 *     beats --sink S --wave FILE [--beat FRAMES] [--display D]
 *
 *     wave (mono s16) ──► stream, 20 ms of buffer ──► sink ──► clock ──► at_us
 *                                                        └─ the same moment ─► window ──►
 * flashed_us
 *
 * A beat is the begin of each --beat frames of the wave (default: the whole wave).  Prints READY,
 * then for each beat, half a second later, when the clock has been looked at on both sides of it:
 * its number, when the sink played it, and when the window was drawn (0: no --display), both in µs
 * of CLOCK_MONOTONIC.  Ends by SIGTERM.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "tests/bench/canvas.h"
#include "tests/bench/die.h"
#include "tests/bench/punctual.h"
#include "tests/bench/sound_server.h"

#define BUFFER_MS 20u
#define REPORT_MS 300u /* after a beat */
#define LEAD_S    2u   /* of silence, until the clock is known */

struct player {
	struct sound_stream stream;
	int16_t *wave;
	uint64_t n_frames, beat; /* of the wave; from one beat to the next */
	uint64_t written;        /* frames; the first LEAD_S are silence */
};

static atomic_bool is_ending;

static void on_signal(int number)
{
	(void)number;
	is_ending = true;
}

static void on_write(pa_stream *pa, size_t n, void *arg)
{
	struct player *player = arg;
	int16_t *frames = NULL;

	while (n > 1) {
		size_t len = n;
		if (pa_stream_begin_write(pa, (void **)&frames, &len) < 0)
			die("Could not write to the sound server");
		len = (len < n ? len : n) / 2;
		for (size_t i = 0; i < len; i++, player->written++)
			frames[i] = player->written < LEAD_S * SOUND_HZ
					    ? 0
					    : player->wave[(player->written - LEAD_S * SOUND_HZ) %
							   player->n_frames];
		if (pa_stream_write(pa, frames, len * 2, NULL, 0, PA_SEEK_RELATIVE) < 0)
			die("Could not write to the sound server");
		n -= len * 2;
	}
}

static void read_wave(struct player *player, const char *path)
{
	struct stat info;
	FILE *file = fopen(path, "rb");

	if (!file || fstat(fileno(file), &info) < 0 || info.st_size < 2)
		die("Could not read %s", path);
	player->n_frames = (uint64_t)info.st_size / 2;
	player->wave = malloc(player->n_frames * 2);
	if (!player->wave || fread(player->wave, 2, player->n_frames, file) != player->n_frames)
		die("Could not read %s", path);
	fclose(file);
}

static void play(struct player *player, struct sound_server *server, const char *sink)
{
	pa_buffer_attr buffer = {.maxlength = UINT32_MAX,
		.tlength = SOUND_HZ * 2 * BUFFER_MS / 1000,
		.prebuf = UINT32_MAX,
		.minreq = UINT32_MAX,
		.fragsize = UINT32_MAX};

	sound_stream_open(&player->stream, server, 1);
	pa_stream_set_write_callback(player->stream.pa, on_write, player);
	if (pa_stream_connect_playback(player->stream.pa, sink, &buffer,
		    PA_STREAM_ADJUST_LATENCY | PA_STREAM_DONT_MOVE, NULL, NULL) < 0)
		die("Could not play to %s", sink);
	sound_stream_wait(&player->stream);
}

static void wait_until_us(int64_t at_us)
{
	struct timespec at = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000};
	while (!is_ending && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static int64_t beat_us(struct player *player, uint64_t number)
{
	pa_threaded_mainloop_lock(player->stream.server->loop);
	int64_t offset_us = sound_stream_offset_us(&player->stream);
	pa_threaded_mainloop_unlock(player->stream.server->loop);
	return sound_frame_us(offset_us, LEAD_S * SOUND_HZ + number * player->beat);
}

static void run(struct player *player, struct canvas *canvas)
{
	for (uint64_t n = 0; !is_ending; n++) {
		/* Near it, the clock is known better than from afar. */
		wait_until_us(beat_us(player, n) - 30000);
		wait_until_us(beat_us(player, n));
		int64_t flashed_us = 0;
		if (canvas && !is_ending) {
			canvas_fill(
				canvas, 0, 0, canvas->width, canvas->height, n % 2 ? 0 : 0xffffff);
			canvas_sync(canvas);
			flashed_us = (int64_t)(clock_monotonic_ns() / NS_PER_US);
		}
		wait_until_us(beat_us(player, n) + REPORT_MS * 1000);
		if (is_ending)
			break;
		printf("{\"beat\": %llu, \"at_us\": %lld, \"flashed_us\": %lld}\n",
			(unsigned long long)n, (long long)beat_us(player, n),
			(long long)flashed_us);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"sink", required_argument, NULL, 's'},
		{"wave", required_argument, NULL, 'w'}, {"beat", required_argument, NULL, 'b'},
		{"display", required_argument, NULL, 'd'}, {0}};
	const char *sink = NULL, *wave = NULL, *display = NULL;
	struct player player = {0};
	struct sound_server server;
	struct canvas canvas;

	for (int c; (c = getopt_long(argc, argv, "s:w:b:d:", options, NULL)) != -1;) {
		if (c == 's')
			sink = optarg;
		else if (c == 'w')
			wave = optarg;
		else if (c == 'b')
			player.beat = strtoull(optarg, NULL, 10);
		else if (c == 'd')
			display = optarg;
		else
			return 2;
	}
	if (!sink || !wave || optind != argc)
		die("usage: beats --sink S --wave FILE [--beat FRAMES] [--display D]");
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);

	read_wave(&player, wave);
	if (player.beat == 0)
		player.beat = player.n_frames;
	if (player.beat < SOUND_HZ * (REPORT_MS + 100) / 1000)
		die("A beat of %llu frames is too short", (unsigned long long)player.beat);
	if (display) {
		canvas_open(&canvas, display);
		canvas_fill(&canvas, 0, 0, canvas.width, canvas.height, 0);
		canvas_sync(&canvas);
	}
	sound_server_open(&server, "beats");
	play(&player, &server, sink);
	pa_threaded_mainloop_unlock(server.loop);
	be_punctual();
	puts("READY");
	fflush(stdout);
	run(&player, display ? &canvas : NULL);

	pa_threaded_mainloop_lock(server.loop);
	sound_server_close(&server);
	if (display)
		canvas_close(&canvas);
	free(player.wave);
	return 0;
}
