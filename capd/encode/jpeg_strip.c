/* SPDX-License-Identifier: MIT */
#include "capd/encode/jpeg_strip.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#define BUFFER_FIRST 4096u /* bytes: an empty strip of a 1080p picture takes 200 */

struct jpeg_strip {
	struct jpeg_compress_struct compress;
	struct jpeg_error_mgr errors;
	struct jpeg_destination_mgr destination;
	struct jpeg_buffer *out; /* of the call under way */
	jmp_buf on_error;        /* " */
};

void jpeg_buffer_fini(struct jpeg_buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct jpeg_buffer){0};
}

static struct jpeg_strip *strip_of(void *cinfo)
{
	return ((struct jpeg_common_struct *)cinfo)->client_data;
}

static void on_error_exit(j_common_ptr cinfo)
{
	longjmp(strip_of(cinfo)->on_error, 1);
}

static void on_message(j_common_ptr cinfo)
{
	(void)cinfo;
}

static void on_emit_message(j_common_ptr cinfo, int level)
{
	(void)cinfo;
	(void)level;
}

/* After a longjmp(): what it was, and the object ready for the next call. */
static int take_error(struct jpeg_strip *strip)
{
	int code = strip->errors.msg_code;

	jpeg_abort_compress(&strip->compress);
	return code == JERR_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
}

/* Makes room behind the first `used` bytes. */
static void grow(j_compress_ptr cinfo, size_t used)
{
	struct jpeg_buffer *out = strip_of(cinfo)->out;
	size_t capacity = out->capacity ? out->capacity * 2 : BUFFER_FIRST;
	uint8_t *bytes = realloc(out->bytes, capacity);

	if (!bytes)
		ERREXIT1(cinfo, JERR_OUT_OF_MEMORY, 0);
	out->bytes = bytes;
	out->capacity = capacity;
	cinfo->dest->next_output_byte = bytes + used;
	cinfo->dest->free_in_buffer = capacity - used;
}

static void on_init_destination(j_compress_ptr cinfo)
{
	struct jpeg_buffer *out = strip_of(cinfo)->out;

	cinfo->dest->next_output_byte = out->bytes;
	cinfo->dest->free_in_buffer = out->capacity;
	if (out->capacity == 0)
		grow(cinfo, 0);
}

/* By contract the whole buffer is full here, whatever free_in_buffer says. */
static boolean on_empty_output_buffer(j_compress_ptr cinfo)
{
	grow(cinfo, strip_of(cinfo)->out->capacity);
	return TRUE;
}

static void on_term_destination(j_compress_ptr cinfo)
{
	struct jpeg_buffer *out = strip_of(cinfo)->out;

	out->len = out->capacity - cinfo->dest->free_in_buffer;
}

uint32_t jpeg_strip_height(enum config_subsampling subsampling)
{
	return subsampling == CONFIG_444 ? DCTSIZE : 2 * DCTSIZE;
}

int jpeg_strip_create(struct jpeg_strip **out)
{
	struct jpeg_strip *strip = calloc(1, sizeof(*strip));

	if (!strip)
		return -ENOMEM;
	strip->compress.err = jpeg_std_error(&strip->errors);
	strip->errors.error_exit = on_error_exit;
	strip->errors.output_message = on_message;
	strip->errors.emit_message = on_emit_message;
	strip->compress.client_data = strip; /* jpeg_create_compress() keeps it, and err */
	if (setjmp(strip->on_error)) {
		jpeg_strip_destroy(strip);
		return -ENOMEM;
	}
	jpeg_create_compress(&strip->compress);
	strip->destination.init_destination = on_init_destination;
	strip->destination.empty_output_buffer = on_empty_output_buffer;
	strip->destination.term_destination = on_term_destination;
	strip->compress.dest = &strip->destination;
	*out = strip;
	return 0;
}

void jpeg_strip_destroy(struct jpeg_strip *strip)
{
	if (!strip)
		return;
	jpeg_destroy_compress(&strip->compress); /* takes what was never made, too */
	free(strip);
}

int jpeg_strip_configure(struct jpeg_strip *strip, const struct jpeg_strip_format *format)
{
	struct jpeg_compress_struct *compress = &strip->compress;

	if (format->width == 0 || format->width > PICTURE_SIDE_MAX || format->quality < 1 ||
		format->quality > 100)
		return -EINVAL;
	if (setjmp(strip->on_error))
		return take_error(strip);
	compress->image_width = format->width;
	compress->input_components = 4;
	compress->in_color_space = JCS_EXT_BGRX;
	jpeg_set_defaults(compress);
	jpeg_set_quality(compress, (int)format->quality, TRUE);
	if (format->subsampling == CONFIG_444) {
		compress->comp_info[0].h_samp_factor = 1;
		compress->comp_info[0].v_samp_factor = 1;
	}
	return 0;
}

static void take_table(const JHUFF_TBL *from, bool is_dc, struct jpeg_huffman_table *table)
{
	memcpy(table->n_of, from->bits, sizeof(table->n_of));
	memcpy(table->symbols, from->huffval, sizeof(table->symbols));
	jpeg_huffman_widen(table, is_dc);
}

static void take_tables(const struct jpeg_strip *strip, struct jpeg_huffman *tables)
{
	for (unsigned i = 0; i < JPEG_HUFFMAN_PAIRS; i++) {
		take_table(strip->compress.dc_huff_tbl_ptrs[i], true, &tables->dc[i]);
		take_table(strip->compress.ac_huff_tbl_ptrs[i], false, &tables->ac[i]);
	}
}

static int compress_rows(struct jpeg_strip *strip, uint8_t *const *rows, uint32_t n_rows)
{
	struct jpeg_compress_struct *compress = &strip->compress;

	if (setjmp(strip->on_error))
		return take_error(strip);
	compress->image_height = n_rows;
	compress->optimize_coding = TRUE;
	jpeg_start_compress(compress, TRUE);
	while (compress->next_scanline < n_rows) {
		JSAMPROW line = rows[compress->next_scanline];
		jpeg_write_scanlines(compress, &line, 1);
	}
	jpeg_finish_compress(compress);
	return 0;
}

/* An object of its own: the tables that libjpeg finds replace the others in it. */
int jpeg_strip_fit(const struct jpeg_strip_format *format, uint8_t *const *rows, uint32_t n_rows,
	struct jpeg_huffman *tables)
{
	struct jpeg_buffer out = {0};
	struct jpeg_strip *strip;
	int r;

	if (n_rows == 0 || n_rows > PICTURE_SIDE_MAX)
		return -EINVAL;
	r = jpeg_strip_create(&strip);
	if (r < 0)
		return r;
	r = jpeg_strip_configure(strip, format);
	strip->out = &out;
	if (r == 0)
		r = compress_rows(strip, rows, n_rows);
	if (r == 0)
		take_tables(strip, tables);
	jpeg_strip_destroy(strip);
	jpeg_buffer_fini(&out);
	return r;
}

static void put_table(JHUFF_TBL *to, const struct jpeg_huffman_table *table)
{
	memcpy(to->bits, table->n_of, sizeof(table->n_of));
	memcpy(to->huffval, table->symbols, sizeof(table->symbols));
}

void jpeg_strip_use(struct jpeg_strip *strip, const struct jpeg_huffman *tables)
{
	for (unsigned i = 0; i < JPEG_HUFFMAN_PAIRS; i++) {
		put_table(strip->compress.dc_huff_tbl_ptrs[i], &tables->dc[i]);
		put_table(strip->compress.ac_huff_tbl_ptrs[i], &tables->ac[i]);
	}
}

/* Where the entropy-coded data begins.  libjpeg has just written these bytes: 0 is our own bug. */
static size_t find_scan(const struct jpeg_buffer *out)
{
	size_t at = 2; /* behind SOI */

	while (at + 4 <= out->len) {
		size_t segment = 2 + ((size_t)out->bytes[at + 2] << 8 | out->bytes[at + 3]);

		if (out->bytes[at + 1] == 0xda)
			return at + segment;
		at += segment;
	}
	return 0;
}

int jpeg_strip_encode(
	struct jpeg_strip *strip, uint8_t *const *rows, uint32_t n_rows, struct jpeg_buffer *out)
{
	struct jpeg_compress_struct *compress = &strip->compress;
	JSAMPROW lines[2 * DCTSIZE];

	if (n_rows == 0 || n_rows > sizeof(lines) / sizeof(lines[0]))
		return -EINVAL;
	for (uint32_t i = 0; i < n_rows; i++)
		lines[i] = rows[i];
	strip->out = out;
	if (setjmp(strip->on_error))
		return take_error(strip);
	compress->image_height = n_rows;
	compress->write_JFIF_header = FALSE;
	compress->restart_in_rows = 0;
	compress->restart_interval = 0; /* left behind by restart_in_rows */
	jpeg_suppress_tables(compress, TRUE);
	jpeg_start_compress(compress, FALSE);
	jpeg_write_scanlines(compress, lines, n_rows);
	jpeg_finish_compress(compress);
	out->scan = find_scan(out);
	return out->scan ? 0 : -EINVAL;
}

int jpeg_strip_head(struct jpeg_strip *strip, uint32_t height, struct jpeg_buffer *out)
{
	struct jpeg_compress_struct *compress = &strip->compress;
	JSAMPROW line;

	if (height == 0 || height > PICTURE_SIDE_MAX)
		return -EINVAL;
	line = calloc(compress->image_width, 4);
	if (!line)
		return -ENOMEM;
	strip->out = out;
	if (setjmp(strip->on_error)) {
		free(line);
		return take_error(strip);
	}
	compress->image_height = height;
	compress->write_JFIF_header = TRUE;
	compress->restart_in_rows = 1;
	jpeg_start_compress(compress, TRUE);
	/* The first row makes it write the head; if it is the only one, its data follows. */
	jpeg_write_scanlines(compress, &line, 1);
	on_term_destination(compress);
	jpeg_abort_compress(compress);
	free(line);
	out->scan = find_scan(out);
	out->len = out->scan;
	return out->scan ? 0 : -EINVAL;
}

static int compress_picture(
	struct jpeg_strip *strip, const struct picture *picture, struct jpeg_buffer *out)
{
	struct jpeg_compress_struct *compress = &strip->compress;

	strip->out = out;
	if (setjmp(strip->on_error))
		return take_error(strip);
	compress->image_height = picture->height;
	compress->optimize_coding = TRUE;
	jpeg_start_compress(compress, TRUE);
	while (compress->next_scanline < picture->height) {
		JSAMPROW line = picture->pixels + picture->stride * compress->next_scanline;
		jpeg_write_scanlines(compress, &line, 1);
	}
	jpeg_finish_compress(compress);
	out->scan = find_scan(out);
	return out->scan ? 0 : -EINVAL;
}

/* An object of its own: the best Huffman tables replace the default ones in it for good. */
int jpeg_strip_picture(const struct picture *picture, unsigned quality,
	enum config_subsampling subsampling, struct jpeg_buffer *out)
{
	struct jpeg_strip_format format = {picture->width, quality, subsampling};
	struct jpeg_strip *strip;
	int r;

	if (picture->height == 0 || picture->height > PICTURE_SIDE_MAX)
		return -EINVAL;
	r = jpeg_strip_create(&strip);
	if (r < 0)
		return r;
	r = jpeg_strip_configure(strip, &format);
	if (r == 0)
		r = compress_picture(strip, picture, out);
	jpeg_strip_destroy(strip);
	return r;
}
