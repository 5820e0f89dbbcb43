/* SPDX-License-Identifier: MIT */
/*
 * libjpeg-turbo alone: takes frames of a display while a workload runs there, then encodes them,
 * whole and in memory, and does nothing else.
 *
 *     jpeg_alone [--display D] [--quality Q] [--frames N] [--rounds R]
 *
 * Prints one line of JSON: milliseconds and bytes a frame.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jpeglib.h>

#include "common/clock.h"
#include "tests/bench/die.h"
#include "tests/bench/screen_grab.h"

#define SPACING_NS (NS_PER_S / 30)

static size_t encode(struct jpeg_compress_struct *jpeg, const struct picture *picture,
	unsigned char **buffer, unsigned long *capacity)
{
	unsigned long len = *capacity;
	jpeg_mem_dest(jpeg, buffer, &len);
	jpeg_start_compress(jpeg, TRUE);
	while (jpeg->next_scanline < jpeg->image_height) {
		JSAMPROW row = picture->pixels + jpeg->next_scanline * picture->stride;
		jpeg_write_scanlines(jpeg, &row, 1);
	}
	jpeg_finish_compress(jpeg);
	if (len > *capacity)
		*capacity = len;
	return len;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {{"display", required_argument, NULL, 'd'},
		{"quality", required_argument, NULL, 'q'}, {"frames", required_argument, NULL, 'n'},
		{"rounds", required_argument, NULL, 'r'}, {0}};
	const char *display = NULL;
	int quality = 80, n_frames = 12, n_rounds = 3;
	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'd')
			display = optarg;
		else if (c == 'q')
			quality = atoi(optarg);
		else if (c == 'n')
			n_frames = atoi(optarg);
		else if (c == 'r')
			n_rounds = atoi(optarg);
		else
			die("usage: jpeg_alone [--display D] [--quality Q] [--frames N] [--rounds "
			    "R]");
	}
	if (n_frames < 1 || n_rounds < 1)
		die("nothing to do");

	struct screen_grab grab;
	grab_open(&grab, display, false);
	uint8_t *frames = malloc(grab.size * (size_t)n_frames);
	if (!frames)
		die("Out of memory");
	for (int i = 0; i < n_frames; i++) {
		struct timespec spacing = {.tv_nsec = SPACING_NS};
		grab_rows(&grab, 0, grab.picture.height);
		memcpy(frames + grab.size * (size_t)i, grab.picture.pixels, grab.size);
		nanosleep(&spacing, NULL);
	}

	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr errors;
	jpeg.err = jpeg_std_error(&errors);
	jpeg_create_compress(&jpeg);
	jpeg.image_width = grab.picture.width;
	jpeg.image_height = grab.picture.height;
	jpeg.input_components = 4;
	jpeg.in_color_space = JCS_EXT_BGRX;
	jpeg_set_defaults(&jpeg);
	jpeg_set_quality(&jpeg, quality, TRUE);
	jpeg.dct_method = JDCT_ISLOW;

	unsigned long capacity = grab.size;
	unsigned char *buffer = malloc(capacity);
	struct picture picture = grab.picture;
	size_t total = 0;
	uint64_t start_ns = 0;
	/* The round before the first is for the caches. */
	for (int round = -1; round < n_rounds; round++) {
		if (round == 0) {
			total = 0;
			start_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
		}
		for (int i = 0; i < n_frames; i++) {
			picture.pixels = frames + grab.size * (size_t)i;
			total += encode(&jpeg, &picture, &buffer, &capacity);
		}
	}
	double spent_ms = (double)(clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start_ns) / 1e6;
	double n = (double)n_frames * n_rounds;
	printf("{\"ms_per_frame\": %.3f, \"bytes_per_frame\": %.0f}\n", spent_ms / n,
		(double)total / n);
	jpeg_destroy_compress(&jpeg);
	free(buffer);
	free(frames);
	grab_close(&grab);
	return 0;
}
