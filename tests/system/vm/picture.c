/* SPDX-License-Identifier: MIT */
/*
 * Reads a JPEG, or a multipart stream of them, from stdin, and says of each picture as soon as it
 * is there how large it is and of which colour:
 *
 *     640x480 30b050 9f3c01d2
 *
 * The colour is the mean of all pixels, each channel the nearest of 10, 30, 50 … f0, so that what
 * JPEG changes does not show.  The last word is another for pixels that are others.  "broken"
 * instead if it cannot be decoded.
 */
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jpeglib.h>

#define STREAM_MAX (4u * 1024u * 1024u)

static jmp_buf broken;

static void on_error(j_common_ptr jpeg)
{
	(void)jpeg;
	longjmp(broken, 1);
}

static void keep_quiet(j_common_ptr jpeg, int level)
{
	(void)jpeg, (void)level;
}

static unsigned nearest(uint64_t sum, uint64_t n)
{
	return (unsigned)(sum / n / 32 * 32 + 16);
}

static void describe(const uint8_t *bytes, size_t len)
{
	struct jpeg_error_mgr errors;
	struct jpeg_decompress_struct jpeg = {.err = jpeg_std_error(&errors)};
	uint64_t sums[3] = {0}, n;
	uint32_t hash = 2166136261u; /* FNV-1a */
	uint8_t *volatile row = NULL;

	errors.error_exit = on_error;
	errors.emit_message = keep_quiet;
	if (setjmp(broken)) {
		puts("broken");
		goto out;
	}
	jpeg_create_decompress(&jpeg);
	jpeg_mem_src(&jpeg, bytes, len);
	jpeg_read_header(&jpeg, TRUE);
	jpeg.out_color_space = JCS_RGB;
	jpeg_start_decompress(&jpeg);
	row = malloc(jpeg.output_width * 3u);
	if (!row)
		on_error((j_common_ptr)&jpeg);
	while (jpeg.output_scanline < jpeg.output_height) {
		JSAMPROW rows[] = {row};

		jpeg_read_scanlines(&jpeg, rows, 1);
		for (size_t i = 0; i < jpeg.output_width * 3u; i++) {
			sums[i % 3] += row[i];
			hash = (hash ^ row[i]) * 16777619u;
		}
	}
	n = (uint64_t)jpeg.output_width * jpeg.output_height;
	printf("%ux%u %02x%02x%02x %08x\n", jpeg.output_width, jpeg.output_height,
		nearest(sums[0], n), nearest(sums[1], n), nearest(sums[2], n), hash);
out:
	fflush(stdout);
	jpeg_destroy_decompress(&jpeg);
	free(row);
}

/* Where a marker ff `code` begins, at `from` or after it; `len` if nowhere. */
static size_t find(const uint8_t *bytes, size_t len, size_t from, uint8_t code)
{
	for (size_t i = from; i + 1 < len; i++)
		if (bytes[i] == 0xff && bytes[i + 1] == code)
			return i;
	return len;
}

int main(void)
{
	static uint8_t bytes[STREAM_MAX];
	size_t len = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, bytes + len, sizeof(bytes) - len)) > 0) {
		size_t start, end, done = 0;

		len += (size_t)n;
		/* Our JPEGs have no thumbnails: ff d8 and ff d9 stand at their ends alone. */
		while ((start = find(bytes, len, done, 0xd8)) < len &&
			(end = find(bytes, len, start, 0xd9)) < len) {
			done = end + 2;
			describe(bytes + start, done - start);
		}
		memmove(bytes, bytes + done, len - done);
		len -= done;
	}
	return n < 0 || len == sizeof(bytes) ? EXIT_FAILURE : EXIT_SUCCESS;
}
