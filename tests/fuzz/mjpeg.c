/* SPDX-License-Identifier: MIT */
/* links: capd/camera/mjpeg.c capd/camera/mjpeg_scan.c -ljpeg */
/*
 * A camera's frame, as hostile as it likes.  What the walk refuses it explains; what it lets pass
 * is a picture that libjpeg, with no tables but those in it, decodes to its end without an
 * error, and in which it misses nothing: every code is one, and the data are as many as it takes.
 */
#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

#include "capd/camera/mjpeg.h"

#define DECODED_MAX (256u * 256u) /* pixels: larger ones take too long */

static const uint8_t stamp[] = {0xff, 0xfe, 0, 6, 'c', 'o', 'm', '!'};
static jmp_buf on_error;

static void on_error_exit(j_common_ptr cinfo)
{
	cinfo->err->output_message(cinfo);
	longjmp(on_error, 1);
}

static void on_emit_message(j_common_ptr cinfo, int level)
{
	(void)level;
	assert(cinfo->err->msg_code != JWRN_HIT_MARKER);
	assert(cinfo->err->msg_code != JWRN_HUFF_BAD_CODE);
}

static void decode(const uint8_t *bytes, size_t len, const struct mjpeg *mjpeg)
{
	struct jpeg_decompress_struct decompress;
	struct jpeg_error_mgr errors;
	uint8_t *volatile row = malloc((size_t)mjpeg->width * 4);

	assert(row);
	decompress.err = jpeg_std_error(&errors);
	errors.error_exit = on_error_exit;
	errors.emit_message = on_emit_message;
	if (setjmp(on_error))
		abort();
	jpeg_create_decompress(&decompress);
	jpeg_mem_src(&decompress, bytes, len);
	jpeg_read_header(&decompress, TRUE);
	assert(decompress.image_width == mjpeg->width);
	assert(decompress.image_height == mjpeg->height);
	jpeg_start_decompress(&decompress);
	while (decompress.output_scanline < decompress.output_height) {
		JSAMPROW line = row;

		jpeg_read_scanlines(&decompress, &line, 1);
	}
	jpeg_finish_decompress(&decompress);
	jpeg_destroy_decompress(&decompress);
	free(row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iovec pieces[MJPEG_PIECES_MAX];
	struct mjpeg mjpeg;
	const char *why = NULL;
	size_t len = 0;
	int r = mjpeg_read(data, size, &mjpeg, &why);

	assert(r == 0 || (r == -EBADMSG && why && *why));
	if (r < 0)
		return 0;
	assert(mjpeg.sof >= 2 && mjpeg.sof < mjpeg.sos && mjpeg.sos < mjpeg.end);
	assert(mjpeg.end <= size && mjpeg.width > 0 && mjpeg.height > 0);
	size_t n = mjpeg_pieces(&mjpeg, data, stamp, sizeof(stamp), pieces);
	assert(n <= MJPEG_PIECES_MAX);
	uint8_t *joined = malloc(size + 1024);
	assert(joined);
	for (size_t i = 0; i < n; i++) {
		memcpy(joined + len, pieces[i].iov_base, pieces[i].iov_len);
		len += pieces[i].iov_len;
	}
	assert(len == mjpeg.end + sizeof(stamp) + (mjpeg.has_tables ? 0 : 420));
	if ((uint64_t)mjpeg.width * mjpeg.height <= DECODED_MAX)
		decode(joined, len, &mjpeg);
	free(joined);
	return 0;
}
