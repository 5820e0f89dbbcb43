/* SPDX-License-Identifier: MIT */
#include "tests/lib/delta_client.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

enum { STEP = 4, CATCH_UP = 5 };
enum { IS_KEY = 1, IS_EXACT = 8 };
enum { COPY = 1, PNG = 2, JPEG = 3, SHAPE = 4, POINTER = 5, FILL = 6, GLYPHS = 7 };

static unsigned u16(const uint8_t *p)
{
	return (unsigned)(p[0] | p[1] << 8);
}

static size_t u32(const uint8_t *p)
{
	return (size_t)u16(p) | (size_t)u16(p + 2) << 16;
}

void delta_client_fini(struct delta_client *client)
{
	for (unsigned i = 0; i < DELTA_CLIENT_SHAPES; i++)
		free(client->shapes[i].argb);
	free(client->pixels);
	free(client->is_rough);
	*client = (struct delta_client){0};
}

/* --- images, as 0xAARRGGBB --- */

static uint32_t *decode_png(const uint8_t *data, size_t len, uint32_t width, uint32_t height)
{
	png_image image = {.version = PNG_IMAGE_VERSION};
	uint32_t *pixels = NULL;

	if (png_image_begin_read_from_memory(&image, data, len) && image.width == width &&
		image.height == height) {
		image.format = PNG_FORMAT_BGRA;
		pixels = calloc((size_t)width * height, 4);
		if (pixels && !png_image_finish_read(&image, NULL, pixels, 0, NULL)) {
			free(pixels);
			pixels = NULL;
		}
	}
	png_image_free(&image);
	return pixels;
}

struct jpeg_errors {
	struct jpeg_error_mgr manager;
	jmp_buf on_error;
};

static void on_jpeg_error(j_common_ptr cinfo)
{
	longjmp(((struct jpeg_errors *)cinfo->err)->on_error, 1);
}

static void on_jpeg_message(j_common_ptr cinfo, int level)
{
	(void)cinfo, (void)level;
}

static bool read_jpeg(struct jpeg_decompress_struct *jpeg, struct jpeg_errors *errors,
	const uint8_t *data, size_t len, uint32_t width, uint32_t height, uint32_t *pixels)
{
	if (setjmp(errors->on_error))
		return false;
	jpeg_create_decompress(jpeg);
	jpeg_mem_src(jpeg, data, len);
	jpeg_read_header(jpeg, TRUE);
	if (jpeg->image_width != width || jpeg->image_height != height)
		return false;
	jpeg->out_color_space = JCS_EXT_BGRA;
	jpeg_start_decompress(jpeg);
	while (jpeg->output_scanline < height) {
		JSAMPROW row = (JSAMPROW)(pixels + (size_t)jpeg->output_scanline * width);
		jpeg_read_scanlines(jpeg, &row, 1);
	}
	return true;
}

static uint32_t *decode_jpeg(const uint8_t *data, size_t len, uint32_t width, uint32_t height)
{
	struct jpeg_decompress_struct jpeg = {0};
	struct jpeg_errors errors;
	uint32_t *pixels = calloc((size_t)width * height, 4);

	jpeg.err = jpeg_std_error(&errors.manager);
	errors.manager.error_exit = on_jpeg_error;
	errors.manager.emit_message = on_jpeg_message;
	if (pixels && !read_jpeg(&jpeg, &errors, data, len, width, height, pixels)) {
		free(pixels);
		pixels = NULL;
	}
	jpeg_destroy_decompress(&jpeg);
	return pixels;
}

/* --- operations: `p` is the whole operation of `len` bytes --- */

static bool is_inside(
	const struct delta_client *client, unsigned x, unsigned y, unsigned width, unsigned height)
{
	return width && height && x + width <= client->width && y + height <= client->height;
}

static bool copy(struct delta_client *client, const uint8_t *p, size_t len)
{
	unsigned src_x = u16(p + 8), src_y = u16(p + 10), x = u16(p + 12), y = u16(p + 14);
	unsigned width = u16(p + 16), height = u16(p + 18);

	if (len != 20 || !is_inside(client, src_x, src_y, width, height) ||
		!is_inside(client, x, y, width, height))
		return false;
	/* Through a copy of the source: obviously right. */
	uint32_t *pixels = malloc((size_t)width * height * 4);
	uint8_t *is_rough = malloc((size_t)width * height);
	if (!pixels || !is_rough)
		abort();
	for (unsigned i = 0; i < height; i++) {
		size_t at = (size_t)(src_y + i) * client->width + src_x;
		memcpy(pixels + (size_t)i * width, client->pixels + at, width * 4u);
		memcpy(is_rough + (size_t)i * width, client->is_rough + at, width);
	}
	for (unsigned i = 0; i < height; i++) {
		size_t at = (size_t)(y + i) * client->width + x;
		memcpy(client->pixels + at, pixels + (size_t)i * width, width * 4u);
		memcpy(client->is_rough + at, is_rough + (size_t)i * width, width);
	}
	free(pixels);
	free(is_rough);
	return true;
}

static bool image(struct delta_client *client, const uint8_t *p, size_t len)
{
	unsigned x = u16(p + 8), y = u16(p + 10), width = u16(p + 12), height = u16(p + 14);
	uint32_t *pixels;

	if (len <= 16 || !is_inside(client, x, y, width, height))
		return false;
	if (client->does_not_decode)
		return true;
	bool is_turned = p[0] == PNG && p[1] & 1;
	pixels = (p[0] == PNG ? decode_png : decode_jpeg)(
		p + 16, len - 16, is_turned ? height : width, is_turned ? width : height);
	if (!pixels)
		return false;
	for (unsigned i = 0; i < height; i++) {
		size_t at = (size_t)(y + i) * client->width + x;

		for (unsigned k = 0; k < width; k++)
			client->pixels[at + k] =
				pixels[is_turned ? (size_t)k * height + i : (size_t)i * width + k] &
				0xffffff;
		memset(client->is_rough + at, p[0] == JPEG, width);
	}
	free(pixels);
	return true;
}

static bool fill(struct delta_client *client, const uint8_t *p, size_t len)
{
	unsigned x = u16(p + 8), y = u16(p + 10), width = u16(p + 12), height = u16(p + 14);
	size_t colour = u32(p + 16);

	if (len != 20 || !is_inside(client, x, y, width, height) || colour > 0xffffff)
		return false;
	for (unsigned i = 0; i < height; i++) {
		size_t at = (size_t)(y + i) * client->width + x;

		for (unsigned k = 0; k < width; k++)
			client->pixels[at + k] = (uint32_t)colour;
		memset(client->is_rough + at, 0, width);
	}
	return true;
}

/* From copies of the whole canvas: obviously right. */
static bool glyphs(struct delta_client *client, const uint8_t *p, size_t len)
{
	unsigned x = u16(p + 8), y = u16(p + 10), width = u16(p + 12), height = u16(p + 14);
	unsigned end = x + width;
	size_t n_pixels = (size_t)client->width * client->height;
	bool is_right = len > 16 && (len - 16) % 6 == 0 && is_inside(client, x, y, width, height);

	if (!is_right || client->does_not_decode)
		return is_right;
	uint32_t *pixels = malloc(n_pixels * 4);
	uint8_t *is_rough = malloc(n_pixels);
	if (!pixels || !is_rough)
		abort();
	memcpy(pixels, client->pixels, n_pixels * 4);
	memcpy(is_rough, client->is_rough, n_pixels);
	for (size_t at = 16; at < len && is_right; at += 6) {
		unsigned src_x = u16(p + at), src_y = u16(p + at + 2), n = p[at + 5];

		x += p[at + 4];
		is_right = x + n <= end && is_inside(client, src_x, src_y, n, height);
		for (unsigned i = 0; i < height && is_right; i++) {
			size_t from = (size_t)(src_y + i) * client->width + src_x;
			size_t to = (size_t)(y + i) * client->width + x;

			memcpy(client->pixels + to, pixels + from, n * 4u);
			memcpy(client->is_rough + to, is_rough + from, n);
		}
		x += n;
	}
	free(pixels);
	free(is_rough);
	return is_right;
}

static bool shape(struct delta_client *client, const uint8_t *p, size_t len)
{
	unsigned id = u16(p + 2), width = u16(p + 8), height = u16(p + 10);
	uint32_t *argb;

	if (len <= 12 || id >= DELTA_CLIENT_SHAPES || !width || !height)
		return false;
	if (client->does_not_decode)
		return true;
	argb = decode_png(p + 12, len - 12, width, height);
	if (!argb)
		return false;
	free(client->shapes[id].argb);
	client->shapes[id] = (struct delta_client_shape){width, height, argb};
	return true;
}

static bool pointer(struct delta_client *client, const uint8_t *p, size_t len)
{
	if (len != 12 || u16(p + 2) >= DELTA_CLIENT_SHAPES)
		return false;
	client->pointer_is_visible = p[1] & 1;
	client->pointer_shape = u16(p + 2);
	client->pointer_x = (int16_t)u16(p + 8);
	client->pointer_y = (int16_t)u16(p + 10);
	return true;
}

static bool operate(struct delta_client *client, const uint8_t *p, size_t len)
{
	switch (p[0]) {
	case COPY:
		return len >= 20 && copy(client, p, len);
	case PNG:
	case JPEG:
		return image(client, p, len);
	case FILL:
		return len >= 20 && fill(client, p, len);
	case GLYPHS:
		return glyphs(client, p, len);
	case SHAPE:
		return shape(client, p, len);
	case POINTER:
		return pointer(client, p, len);
	default:
		return false;
	}
}

/* --- messages --- */

static bool applies(const struct delta_client *client, const struct delta_client_message *message)
{
	if (message->kind == STEP)
		return client->sequence != 0 && client->sequence == message->base;
	if (message->flags & IS_EXACT)
		return client->sequence == message->sequence;
	return message->base <= client->sequence && client->sequence < message->sequence;
}

static void begin(struct delta_client *client, const struct delta_client_message *message)
{
	bool keeps = client->does_not_decode;

	delta_client_fini(client);
	client->does_not_decode = keeps;
	client->width = message->width;
	client->height = message->height;
	client->pixels = calloc((size_t)message->width * message->height, 4);
	client->is_rough = calloc((size_t)message->width * message->height, 1);
	if (!client->pixels || !client->is_rough)
		abort();
}

int delta_client_take(struct delta_client *client, const struct delta_client_message *message)
{
	size_t at = 0;

	if (message->kind != STEP && message->kind != CATCH_UP)
		return -1;
	if (!applies(client, message))
		return 0;
	if (message->width != client->width || message->height != client->height) {
		if (!(message->flags & IS_KEY))
			return -1;
		begin(client, message);
	}
	while (at < message->len) {
		size_t left = message->len - at, len;

		if (left < 8 || (len = u32(message->payload + at + 4)) > left || len < 12)
			return -1;
		if (!operate(client, message->payload + at, len))
			return -1;
		at += (len + 3) / 4 * 4;
	}
	client->sequence = message->sequence;
	return 1;
}
