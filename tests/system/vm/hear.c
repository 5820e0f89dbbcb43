/* SPDX-License-Identifier: MIT */
/*
 * hear HERTZ...: listens to WAV (48 kHz, stereo, s16, of any length) on stdin, and says twice a
 * second how loud it is (root of the mean square, of 32767), and how much of that is each tone, in
 * per cent:
 *
 *     5656 100 0
 *
 * The tones are looked for in pieces of 50 ms (Goertzel), so that a gap costs only its own piece.
 */
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RATE       48000
#define CHANNELS   2
#define PIECE      2400 /* frames */
#define PIECES     10   /* a line */
#define TONES_MAX  4
#define HEAD_BYTES 44
#define TWO_PI     6.28318530717958647692

struct line {
	double total, of_tone[TONES_MAX]; /* sums of squares */
	int n_pieces;
};

/* The sum of squares that a sine of that frequency has in it. */
static double tone_in(const double *samples, double hertz)
{
	double turn = 2 * cos(TWO_PI * hertz / RATE), one = 0, two = 0;

	for (int i = 0; i < PIECE; i++) {
		double zero = samples[i] + turn * one - two;

		two = one;
		one = zero;
	}
	return (one * one + two * two - turn * one * two) * 2 / PIECE;
}

static void add_piece(
	struct line *line, const int16_t (*frames)[CHANNELS], const double *tones, int n_tones)
{
	static double mixed[PIECE];

	for (int i = 0; i < PIECE; i++) {
		mixed[i] = (frames[i][0] + frames[i][1]) / 2.0;
		line->total += mixed[i] * mixed[i];
	}
	for (int t = 0; t < n_tones; t++)
		line->of_tone[t] += tone_in(mixed, tones[t]);
	line->n_pieces++;
}

static void print_line(const struct line *line, int n_tones)
{
	printf("%.0f", sqrt(line->total / (PIECE * PIECES)));
	for (int t = 0; t < n_tones; t++)
		printf(" %.0f", line->total > 0 ? 100 * line->of_tone[t] / line->total : 0.0);
	putchar('\n');
	fflush(stdout);
}

/* False at the end. */
static bool read_all(void *bytes, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = read(STDIN_FILENO, (char *)bytes + done, len - done);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

int main(int argc, char **argv)
{
	static int16_t frames[PIECE][CHANNELS];
	struct line line = {0};
	double tones[TONES_MAX];
	int n_tones = argc - 1;
	char head[HEAD_BYTES];

	if (n_tones < 1 || n_tones > TONES_MAX) {
		fputs("usage: hear HERTZ... (at most 4)\n", stderr);
		return 2;
	}
	for (int t = 0; t < n_tones; t++)
		tones[t] = strtod(argv[t + 1], NULL);
	if (!read_all(head, sizeof(head)))
		return EXIT_FAILURE;
	if (memcmp(head, "RIFF", 4) != 0 || memcmp(head + 8, "WAVEfmt ", 8) != 0 ||
		memcmp(head + 36, "data", 4) != 0) {
		puts("no WAV");
		return EXIT_FAILURE;
	}
	while (read_all(frames, sizeof(frames))) {
		add_piece(&line, (const int16_t(*)[CHANNELS])frames, tones, n_tones);
		if (line.n_pieces == PIECES) {
			print_line(&line, n_tones);
			line = (struct line){0};
		}
	}
	return EXIT_SUCCESS;
}
