/* SPDX-License-Identifier: MIT */
/*
 * A sound card with a clock of its own, behind PulseAudio's module-pipe-sink.
 *
 *     sound_card --fifo F --rate FRAMES_PER_SECOND --to FILE
 *
 *     module-pipe-sink ──► fifo, 43 ms ──► taken at the card's rate ──► FILE, dated exactly
 *
 * The sink believes in 48,000 frames a second; the card takes as many as it is told to, by this
 * computer's clock: that is what a crystal that is 0.2 % off does.  What is not there in time is
 * heard as silence.  FILE gets mono s16, a frame of it for each that the card has played.  Prints
 * READY, and then as hear.c does: {"frame": N, "at_us": T, "missing": M}, where M is how many
 * frames were not there in time so far.  Ends by SIGTERM.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/bench/die.h"
#include "tests/bench/punctual.h"

#define STEP_NS    (2 * NS_PER_MS)
#define DATE_STEPS 100u
#define FIFO_BYTES 8192  /* two pages: one is filled while the other is played */
#define FRAMES_MAX 4096u /* of one step */
#define CHANNELS   2u

static volatile sig_atomic_t is_ending;

static void on_signal(int number)
{
	(void)number;
	is_ending = true;
}

/* Takes n frames of what is there; how many were. */
static size_t take(int fd, int16_t *frames, size_t n)
{
	size_t len = n * CHANNELS * sizeof(*frames);
	ssize_t got = read(fd, frames, len);

	if (got < 0 && errno != EAGAIN && errno != EINTR)
		die("Could not read the fifo: %s", strerror(errno));
	if (got < 0)
		got = 0;
	memset((char *)frames + got, 0, len - (size_t)got);
	return (size_t)got / CHANNELS / sizeof(*frames);
}

static void run(int fd, FILE *file, double rate)
{
	static int16_t frames[FRAMES_MAX * CHANNELS], mono[FRAMES_MAX];
	uint64_t begin_ns = clock_monotonic_ns(), played = 0, missing = 0;

	for (uint64_t step = 1; !is_ending; step++) {
		uint64_t due_ns = begin_ns + step * STEP_NS;
		struct timespec due = {.tv_sec = (time_t)(due_ns / NS_PER_S),
			.tv_nsec = (long)(due_ns % NS_PER_S)};
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
		uint64_t end = (uint64_t)((double)(step * STEP_NS) * rate / 1e9);
		while (played < end) {
			size_t n = end - played < FRAMES_MAX ? (size_t)(end - played) : FRAMES_MAX;
			missing += n - take(fd, frames, n);
			for (size_t i = 0; i < n; i++)
				mono[i] = frames[i * CHANNELS];
			if (fwrite(mono, sizeof(*mono), n, file) != n)
				die("Could not write the recording: %s", strerror(errno));
			played += n;
		}
		if (step % DATE_STEPS == 1) {
			printf("{\"frame\": %llu, \"at_us\": %.0f, \"missing\": %llu}\n",
				(unsigned long long)played,
				((double)begin_ns + (double)played * 1e9 / rate) / 1000,
				(unsigned long long)missing);
			fflush(stdout);
		}
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"fifo", required_argument, NULL, 'f'},
		{"rate", required_argument, NULL, 'r'}, {"to", required_argument, NULL, 't'}, {0}};
	const char *fifo = NULL, *to = NULL;
	double rate = 48000;

	for (int c; (c = getopt_long(argc, argv, "f:r:t:", options, NULL)) != -1;) {
		if (c == 'f')
			fifo = optarg;
		else if (c == 'r')
			rate = atof(optarg);
		else if (c == 't')
			to = optarg;
		else
			return 2;
	}
	if (!fifo || !to || rate < 8000 || rate > 200000 || optind != argc)
		die("usage: sound_card --fifo F --rate FRAMES_PER_SECOND --to FILE");
	int fd = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	FILE *file = fopen(to, "wb");
	if (fd < 0 || !file)
		die("Could not open the fifo or the recording: %s", strerror(errno));
	if (fcntl(fd, F_SETPIPE_SZ, FIFO_BYTES) < 0)
		die("Could not make the fifo small: %s", strerror(errno));
	struct sigaction action = {.sa_handler = on_signal};
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	be_punctual();
	puts("READY");
	run(fd, file, rate);
	return fclose(file) == 0 ? 0 : 1;
}
