/* SPDX-License-Identifier: MIT */
#include "tests/bench/jpeg_strips.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

#include "tests/bench/die.h"

/* What libjpeg writes around a strip's entropy-coded bytes once its tables are suppressed:
 * SOI, SOF0 and SOS of three components before, EOI after. */
#define LEAD_LEN  (2u + 19u + 14u)
#define TRAIL_LEN 2u

enum { SOF0 = 0xc0, SOS = 0xda };

struct strip {
	uint8_t *data; /* LEAD, entropy-coded bytes, TRAIL */
	size_t len, capacity;
};
struct jpeg_strips {
	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr errors;
	struct jpeg_destination_mgr destination;
	uint32_t width, height, n_strips;
	struct strip *strips;
	struct strip *current; /* that is being written */
	uint8_t head[1024];    /* SOI to SOS of the whole picture */
	size_t head_len;
};

static void begin_output(j_compress_ptr jpeg)
{
	struct jpeg_strips *strips = jpeg->client_data;
	jpeg->dest->next_output_byte = strips->current->data;
	jpeg->dest->free_in_buffer = strips->current->capacity;
}

/* A strip larger than ever before: twice the room. */
static boolean grow_output(j_compress_ptr jpeg)
{
	struct strip *strip = ((struct jpeg_strips *)jpeg->client_data)->current;
	size_t used = strip->capacity;
	strip->capacity *= 2;
	strip->data = realloc(strip->data, strip->capacity);
	if (!strip->data)
		die("Out of memory");
	jpeg->dest->next_output_byte = strip->data + used;
	jpeg->dest->free_in_buffer = strip->capacity - used;
	return TRUE;
}

static void end_output(j_compress_ptr jpeg)
{
	struct strip *strip = ((struct jpeg_strips *)jpeg->client_data)->current;
	strip->len = strip->capacity - jpeg->dest->free_in_buffer;
}

static void set_parameters(
	struct jpeg_compress_struct *jpeg, uint32_t width, uint32_t height, int quality)
{
	jpeg->image_width = width;
	jpeg->image_height = height;
	jpeg->input_components = 4;
	jpeg->in_color_space = JCS_EXT_BGRX;
	jpeg_set_defaults(jpeg);
	jpeg_set_quality(jpeg, quality, TRUE);
	jpeg->dct_method = JDCT_ISLOW;
}

/* The head of the whole picture is libjpeg's too, of one strip, with the height put right. */
static void make_head(struct jpeg_strips *strips, int quality)
{
	struct jpeg_compress_struct jpeg;
	struct jpeg_error_mgr errors;
	unsigned char *data = NULL;
	unsigned long len = 0;
	jpeg.err = jpeg_std_error(&errors);
	jpeg_create_compress(&jpeg);
	jpeg_mem_dest(&jpeg, &data, &len);
	set_parameters(&jpeg, strips->width, STRIP_ROWS, quality);
	jpeg.restart_in_rows = 1;
	jpeg_start_compress(&jpeg, TRUE);
	uint8_t *row = calloc(strips->width, 4);
	if (!row)
		die("Out of memory");
	for (uint32_t y = 0; y < STRIP_ROWS; y++)
		jpeg_write_scanlines(&jpeg, &row, 1);
	jpeg_finish_compress(&jpeg);
	size_t at = 2;
	while (data[at + 1] != SOS) {
		if (data[at + 1] == SOF0) {
			data[at + 5] = (uint8_t)(strips->height >> 8);
			data[at + 6] = (uint8_t)strips->height;
		}
		at += 2 + ((size_t)data[at + 2] << 8 | data[at + 3]);
	}
	strips->head_len = at + 2 + ((size_t)data[at + 2] << 8 | data[at + 3]);
	if (strips->head_len > sizeof(strips->head))
		die("The JPEG's head is too long");
	memcpy(strips->head, data, strips->head_len);
	jpeg_destroy_compress(&jpeg);
	free(data);
	free(row);
}

struct jpeg_strips *jpeg_strips_open(uint32_t width, uint32_t height, int quality)
{
	struct jpeg_strips *strips = calloc(1, sizeof(*strips));
	if (!strips)
		die("Out of memory");
	strips->width = width;
	strips->height = height;
	strips->n_strips = (height + STRIP_ROWS - 1) / STRIP_ROWS;
	strips->strips = calloc(strips->n_strips, sizeof(*strips->strips));
	for (uint32_t i = 0; i < strips->n_strips; i++) {
		strips->strips[i].capacity = 16384;
		strips->strips[i].data = malloc(16384);
		if (!strips->strips[i].data)
			die("Out of memory");
	}
	make_head(strips, quality);
	strips->jpeg.err = jpeg_std_error(&strips->errors);
	jpeg_create_compress(&strips->jpeg);
	strips->jpeg.client_data = strips;
	strips->destination.init_destination = begin_output;
	strips->destination.empty_output_buffer = grow_output;
	strips->destination.term_destination = end_output;
	strips->jpeg.dest = &strips->destination;
	set_parameters(&strips->jpeg, width, STRIP_ROWS, quality);
	strips->jpeg.write_JFIF_header = FALSE;
	jpeg_suppress_tables(&strips->jpeg, TRUE);
	return strips;
}

void jpeg_strips_close(struct jpeg_strips *strips)
{
	if (!strips)
		return;
	jpeg_destroy_compress(&strips->jpeg);
	for (uint32_t i = 0; i < strips->n_strips; i++)
		free(strips->strips[i].data);
	free(strips->strips);
	free(strips);
}

uint32_t jpeg_strips_count(const struct jpeg_strips *strips)
{
	return strips->n_strips;
}

void jpeg_strips_encode(struct jpeg_strips *strips, const struct picture *picture, uint32_t strip)
{
	uint32_t y0 = strip * STRIP_ROWS;
	uint32_t n = strips->height - y0 < STRIP_ROWS ? strips->height - y0 : STRIP_ROWS;
	JSAMPROW rows[STRIP_ROWS];
	for (uint32_t i = 0; i < n; i++)
		rows[i] = picture->pixels + (y0 + i) * picture->stride;
	strips->current = &strips->strips[strip];
	strips->jpeg.image_height = n;
	jpeg_start_compress(&strips->jpeg, FALSE);
	while (strips->jpeg.next_scanline < n)
		jpeg_write_scanlines(&strips->jpeg, rows + strips->jpeg.next_scanline,
			n - strips->jpeg.next_scanline);
	jpeg_finish_compress(&strips->jpeg);
}

size_t jpeg_strips_len(const struct jpeg_strips *strips)
{
	/* Between two strips lies a marker of two bytes, after the last one EOI. */
	size_t len = strips->head_len;
	for (uint32_t i = 0; i < strips->n_strips; i++)
		len += strips->strips[i].len - LEAD_LEN - TRAIL_LEN + 2;
	return len;
}

void jpeg_strips_splice(const struct jpeg_strips *strips, uint8_t *out)
{
	memcpy(out, strips->head, strips->head_len);
	out += strips->head_len;
	for (uint32_t i = 0; i < strips->n_strips; i++) {
		size_t len = strips->strips[i].len - LEAD_LEN - TRAIL_LEN;
		memcpy(out, strips->strips[i].data + LEAD_LEN, len);
		out[len] = 0xff;
		out[len + 1] = i + 1 < strips->n_strips ? (uint8_t)(0xd0 + i % 8) : 0xd9;
		out += len + 2;
	}
}
