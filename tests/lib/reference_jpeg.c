/* SPDX-License-Identifier: MIT */
#include "tests/lib/reference_jpeg.h"

#include <jpeglib.h>

void reference_jpeg_write(
	FILE *file, uint8_t *pixels, unsigned width, unsigned height, unsigned quality, bool is_444)
{
	struct jpeg_error_mgr errors;
	struct jpeg_compress_struct jpeg = {.err = jpeg_std_error(&errors)};

	jpeg_create_compress(&jpeg);
	jpeg_stdio_dest(&jpeg, file);
	jpeg.image_width = width;
	jpeg.image_height = height;
	jpeg.input_components = 4;
	jpeg.in_color_space = JCS_EXT_BGRX;
	jpeg_set_defaults(&jpeg);
	jpeg_set_quality(&jpeg, (int)quality, TRUE);
	jpeg.comp_info[0].h_samp_factor = is_444 ? 1 : 2;
	jpeg.comp_info[0].v_samp_factor = is_444 ? 1 : 2;
	jpeg.restart_in_rows = 1;
	jpeg_start_compress(&jpeg, TRUE);
	while (jpeg.next_scanline < height) {
		JSAMPROW row = pixels + (size_t)jpeg.next_scanline * width * 4;

		jpeg_write_scanlines(&jpeg, &row, 1);
	}
	jpeg_finish_compress(&jpeg);
	jpeg_destroy_compress(&jpeg);
}
