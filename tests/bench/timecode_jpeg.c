/* SPDX-License-Identifier: MIT */
#include "tests/bench/timecode_jpeg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include "tests/bench/die.h"

struct timecode_reader {
	struct jpeg_decompress_struct jpeg;
	struct jpeg_error_mgr errors;
	jmp_buf on_error;
	uint8_t *data; /* the small JPEG */
	size_t capacity;
	uint8_t *row;
	uint32_t row_capacity;
};

static void leave(j_common_ptr jpeg)
{
	longjmp(((struct timecode_reader *)jpeg->client_data)->on_error, 1);
}

static void say_nothing(j_common_ptr jpeg, int level)
{
	(void)jpeg;
	(void)level;
}

struct timecode_reader *timecode_reader_open(void)
{
	struct timecode_reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		die("Out of memory");
	reader->jpeg.err = jpeg_std_error(&reader->errors);
	reader->errors.error_exit = leave;
	reader->errors.emit_message = say_nothing;
	jpeg_create_decompress(&reader->jpeg);
	reader->jpeg.client_data = reader;
	return reader;
}

void timecode_reader_close(struct timecode_reader *reader)
{
	jpeg_destroy_decompress(&reader->jpeg);
	free(reader->data);
	free(reader->row);
	free(reader);
}

static bool decode_row(struct timecode_reader *reader, const uint8_t *data, size_t len,
	uint32_t wanted, struct timecode *code)
{
	struct jpeg_decompress_struct *jpeg = &reader->jpeg;
	if (setjmp(reader->on_error)) {
		jpeg_abort_decompress(jpeg);
		return false;
	}
	jpeg_mem_src(jpeg, data, len);
	jpeg_read_header(jpeg, TRUE);
	jpeg->out_color_space = JCS_GRAYSCALE; /* colour is not even upsampled */
	jpeg->dct_method = JDCT_ISLOW;
	jpeg_start_decompress(jpeg);
	if (jpeg->output_width > reader->row_capacity) {
		free(reader->row);
		reader->row_capacity = jpeg->output_width;
		reader->row = malloc(reader->row_capacity);
		if (!reader->row)
			die("Out of memory");
	}
	while (jpeg->output_scanline <= wanted)
		jpeg_read_scanlines(jpeg, &reader->row, 1);
	bool is_code = timecode_from_row(reader->row, jpeg->output_width, code);
	jpeg_abort_decompress(jpeg);
	return is_code;
}

/* The frame's height and the rows of one MCU, out of SOF. */
static bool read_size(const struct mjpeg_frame *frame, uint32_t *height, uint32_t *mcu_rows)
{
	const uint8_t *sof = frame->data + frame->sof_at;
	if (frame->sof_at == 0 || frame->scan_at < frame->sof_at + 12)
		return false;
	*height = (uint32_t)sof[5] << 8 | sof[6];
	*mcu_rows = 8u * (sof[11] & 0xf);
	return *mcu_rows > 0 && *height > 0;
}

static bool decode_strip(struct timecode_reader *reader, const struct mjpeg_frame *frame,
	size_t from, size_t to, uint32_t rows, struct timecode *code)
{
	size_t len = frame->scan_at + (to - from) + 2;
	if (len > reader->capacity) {
		free(reader->data);
		reader->capacity = len * 2;
		reader->data = malloc(reader->capacity);
		if (!reader->data)
			die("Out of memory");
	}
	memcpy(reader->data, frame->data, frame->scan_at);
	memcpy(reader->data + frame->scan_at, frame->data + from, to - from);
	reader->data[len - 2] = 0xff;
	reader->data[len - 1] = 0xd9;
	reader->data[frame->sof_at + 5] = (uint8_t)(rows >> 8);
	reader->data[frame->sof_at + 6] = (uint8_t)rows;
	return decode_row(reader, reader->data, len, rows / 2, code);
}

static bool has_strips(const struct mjpeg_frame *frame, uint32_t height, uint32_t mcu_rows)
{
	return frame->n_restarts > 0 && frame->n_restarts + 1 == (height + mcu_rows - 1) / mcu_rows;
}

bool timecode_reader_last(
	struct timecode_reader *reader, const struct mjpeg_frame *frame, struct timecode *code)
{
	uint32_t height, mcu_rows;
	if (!read_size(frame, &height, &mcu_rows) || height < TIMECODE_ROWS)
		return false;
	if (!has_strips(frame, height, mcu_rows))
		return decode_row(reader, frame->data, frame->len, height - 4, code);
	return decode_strip(reader, frame, frame->last_restart_at + 2, frame->len - 2,
		height - mcu_rows * frame->n_restarts, code);
}

bool timecode_reader_first(
	struct timecode_reader *reader, const struct mjpeg_frame *frame, struct timecode *code)
{
	uint32_t height, mcu_rows;
	if (!read_size(frame, &height, &mcu_rows) || height < TIMECODE_ROWS)
		return false;
	if (!has_strips(frame, height, mcu_rows))
		return decode_row(reader, frame->data, frame->len, 4, code);
	return decode_strip(reader, frame, frame->scan_at, frame->first_restart_at, mcu_rows, code);
}
