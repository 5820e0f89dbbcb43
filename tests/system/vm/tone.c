/* SPDX-License-Identifier: MIT */
/*
 * tone HERTZ: a sine without end, as WAV (48 kHz, stereo, s16) on stdout, for aplay.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RATE      48000
#define CHANNELS  2
#define AMPLITUDE 8000
#define TWO_PI    6.28318530717958647692

struct __attribute__((packed)) head {
	char riff[4];
	uint32_t riff_len;
	char wave[8];
	uint32_t format_len;
	uint16_t format, channels;
	uint32_t rate, bytes_per_second;
	uint16_t block, bits;
	char data[4];
	uint32_t data_len;
};

int main(int argc, char **argv)
{
	double hertz = argc == 2 ? strtod(argv[1], NULL) : 0;
	const struct head head = {.riff = "RIFF",
		.riff_len = UINT32_MAX,
		.wave = "WAVEfmt ",
		.format_len = 16,
		.format = 1,
		.channels = CHANNELS,
		.rate = RATE,
		.bytes_per_second = RATE * CHANNELS * 2,
		.block = CHANNELS * 2,
		.bits = 16,
		.data = "data",
		.data_len = UINT32_MAX};

	if (hertz < 1 || hertz >= RATE / 2) {
		fputs("usage: tone HERTZ\n", stderr);
		return 2;
	}
	fwrite(&head, sizeof(head), 1, stdout);
	for (uint64_t i = 0; !ferror(stdout); i++) {
		double phase = fmod((double)i * hertz / RATE, 1);
		int16_t frame[CHANNELS];

		for (int c = 0; c < CHANNELS; c++)
			frame[c] = (int16_t)lrint(AMPLITUDE * sin(TWO_PI * phase));
		fwrite(frame, sizeof(frame), 1, stdout);
	}
	return EXIT_FAILURE; /* nobody reads any more */
}
