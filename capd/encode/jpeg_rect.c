/* SPDX-License-Identifier: MIT */
#include "capd/encode/jpeg_rect.h"

#include <errno.h>
#include <stdbool.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "capd/encode/jpeg_splice.h"
#include "capd/encode/jpeg_strip.h"
#include "capd/encode/quality.h"
#include "capd/encode/workers.h"
#include "common/clock.h"

#define LANES_MAX           2u
#define STRIP_ROWS_MAX      16u
#define PARALLEL_PIXELS_MIN (6u * 16u * 1920u) /* as in the strip cache */

/* Fitting takes half a millisecond: not for what is small, and not in every frame.  Tables for text
 * make a film a sixth longer than the default ones do: where the bytes a pixel are not those they
 * were fitted to, it is soon done again. */
#define FIT_PIXELS_MIN (256u * 256u)
#define FIT_STRIPS     8u
#define FIT_AGAIN_NS   (500 * NS_PER_MS)
#define FIT_SOON_NS    (50 * NS_PER_MS)
#define DENSITY_UNIT   4096u /* bytes for so many pixels */

struct jpeg_rect {
	enum config_subsampling subsampling;
	uint32_t strip_height, n_strips_max;
	struct quality quality;
	uint32_t configured_width; /* with configured_quality: what the lanes' tables are for */
	unsigned configured_quality;
	struct jpeg_huffman tables; /* of the lanes, if they are fitted */
	uint64_t fitted_ns; /* pts of the picture that they were fitted to; 0: they are not */
	uint64_t density;   /* of that picture; 0: not known yet */
	bool is_misfit;     /* the last one had another */
	unsigned n_lanes;
	struct jpeg_strip *lanes[LANES_MAX];
	struct workers *workers;
	struct jpeg_buffer head;
	struct jpeg_buffer *strips;
	/* of the call under way, shared by the lanes */
	const struct picture *picture;
	struct box box;
	uint32_t n_strips;
	size_t len_max;
	_Atomic uint32_t next;
	_Atomic size_t len;
	_Atomic int failure;
};

int jpeg_rect_create(
	const struct strip_cache_options *options, uint32_t height_max, struct jpeg_rect **out)
{
	struct jpeg_rect *rect;
	int r = 0;

	if (height_max == 0 || height_max > PICTURE_SIDE_MAX || options->quality < 1 ||
		options->quality > 100)
		return -EINVAL;
	rect = calloc(1, sizeof(*rect));
	if (!rect)
		return -ENOMEM;
	rect->subsampling = options->subsampling;
	rect->strip_height = jpeg_strip_height(options->subsampling);
	rect->n_strips_max = (height_max + rect->strip_height - 1) / rect->strip_height;
	rect->n_lanes = options->n_threads > 1 ? LANES_MAX : 1;
	quality_init(&rect->quality, options->quality);
	rect->strips = calloc(rect->n_strips_max, sizeof(*rect->strips));
	if (!rect->strips)
		r = -ENOMEM;
	for (unsigned i = 0; i < rect->n_lanes && r == 0; i++)
		r = jpeg_strip_create(&rect->lanes[i]);
	if (r == 0 && rect->n_lanes > 1)
		r = workers_create(&rect->workers);
	if (r < 0) {
		jpeg_rect_destroy(rect);
		return r;
	}
	*out = rect;
	return 0;
}

void jpeg_rect_destroy(struct jpeg_rect *rect)
{
	if (!rect)
		return;
	workers_destroy(rect->workers);
	for (unsigned i = 0; i < LANES_MAX; i++)
		jpeg_strip_destroy(rect->lanes[i]);
	for (uint32_t i = 0; rect->strips && i < rect->n_strips_max; i++)
		jpeg_buffer_fini(&rect->strips[i]);
	jpeg_buffer_fini(&rect->head);
	free(rect->strips);
	free(rect);
}

static int configure(struct jpeg_rect *rect, uint32_t width)
{
	struct jpeg_strip_format format = {
		.width = width, .quality = rect->quality.now, .subsampling = rect->subsampling};
	int r = 0;

	if (rect->configured_width == width && rect->configured_quality == format.quality)
		return 0;
	rect->configured_width = 0;
	for (unsigned i = 0; i < rect->n_lanes && r == 0; i++)
		r = jpeg_strip_configure(rect->lanes[i], &format);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < rect->n_lanes && rect->fitted_ns; i++)
		jpeg_strip_use(rect->lanes[i], &rect->tables);
	rect->configured_width = width;
	rect->configured_quality = format.quality;
	return 0;
}

/* A few strips, spread evenly over the rectangle, are what it looks like. */
static int fit(struct jpeg_rect *rect, uint64_t pts_ns)
{
	const struct jpeg_strip_format format = {.width = rect->configured_width,
		.quality = rect->configured_quality,
		.subsampling = rect->subsampling};
	uint32_t height = (uint32_t)(rect->box.y1 - rect->box.y0), n_rows = 0;
	uint32_t n_whole = height / rect->strip_height;
	uint32_t n = n_whole < FIT_STRIPS ? n_whole : FIT_STRIPS;
	uint64_t again_ns = rect->is_misfit ? FIT_SOON_NS : FIT_AGAIN_NS;
	uint8_t *rows[FIT_STRIPS * STRIP_ROWS_MAX];
	int r;

	if ((uint64_t)format.width * height < FIT_PIXELS_MIN || n == 0 ||
		(rect->fitted_ns && pts_ns - rect->fitted_ns < again_ns))
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t y = (i * n_whole / n) * rect->strip_height;

		for (uint32_t k = 0; k < rect->strip_height; k++)
			rows[n_rows++] =
				rect->picture->pixels +
				rect->picture->stride * (size_t)((uint32_t)rect->box.y0 + y + k) +
				(size_t)rect->box.x0 * 4;
	}
	r = jpeg_strip_fit(&format, rows, n_rows, &rect->tables);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < rect->n_lanes; i++)
		jpeg_strip_use(rect->lanes[i], &rect->tables);
	rect->fitted_ns = pts_ns;
	rect->density = 0;
	rect->is_misfit = false;
	return 0;
}

/* Of a picture that came out: does it look like what the tables are for? */
static void judge_fit(struct jpeg_rect *rect, size_t len)
{
	uint64_t n_pixels =
		(uint64_t)(rect->box.x1 - rect->box.x0) * (uint64_t)(rect->box.y1 - rect->box.y0);
	uint64_t density = len * DENSITY_UNIT / n_pixels;

	if (n_pixels < FIT_PIXELS_MIN)
		return;
	if (rect->density == 0)
		rect->density = density;
	rect->is_misfit = density > rect->density + rect->density / 8 ||
			  density < rect->density - rect->density / 8;
}

static size_t coded_len(const struct jpeg_buffer *strip)
{
	return strip->len - strip->scan;
}

static int encode_strip(struct jpeg_rect *rect, struct jpeg_strip *lane, uint32_t index)
{
	struct jpeg_buffer *strip = &rect->strips[index];
	int32_t y0 = rect->box.y0 + (int32_t)(index * rect->strip_height);
	int32_t y1 = y0 + (int32_t)rect->strip_height;
	uint8_t *rows[STRIP_ROWS_MAX];
	int r;

	if (y1 > rect->box.y1)
		y1 = rect->box.y1;
	for (int32_t y = y0; y < y1; y++)
		rows[y - y0] = rect->picture->pixels + rect->picture->stride * (size_t)y +
			       (size_t)rect->box.x0 * 4;
	r = jpeg_strip_encode(lane, rows, (uint32_t)(y1 - y0), strip);
	if (r == 0)
		jpeg_strip_mark(strip, index, index + 1 == rect->n_strips);
	return r;
}

static void encode_lane(void *arg, unsigned index)
{
	struct jpeg_rect *rect = arg;

	while (atomic_load_explicit(&rect->failure, memory_order_relaxed) == 0) {
		uint32_t i = atomic_fetch_add_explicit(&rect->next, 1, memory_order_relaxed);
		size_t len;
		int r;

		if (i >= rect->n_strips)
			return;
		r = encode_strip(rect, rect->lanes[index], i);
		if (r == 0) {
			len = coded_len(&rect->strips[i]);
			len += atomic_fetch_add_explicit(&rect->len, len, memory_order_relaxed);
			if (len > rect->len_max)
				r = -EMSGSIZE;
		}
		if (r < 0)
			atomic_store_explicit(&rect->failure, r, memory_order_relaxed);
	}
}

static int encode_all(struct jpeg_rect *rect, uint64_t pts_ns)
{
	uint32_t width = (uint32_t)(rect->box.x1 - rect->box.x0);
	uint32_t height = (uint32_t)(rect->box.y1 - rect->box.y0);
	int r = configure(rect, width);

	if (r == 0)
		r = fit(rect, pts_ns);
	if (r == 0)
		r = jpeg_strip_head(rect->lanes[0], height, &rect->head);
	if (r < 0)
		return r;
	atomic_init(&rect->next, 0);
	atomic_init(&rect->len, rect->head.len);
	atomic_init(&rect->failure, 0);
	if (rect->workers && rect->n_strips > 1 && (uint64_t)width * height >= PARALLEL_PIXELS_MIN)
		workers_run(rect->workers, encode_lane, rect);
	else
		encode_lane(rect, 0);
	return atomic_load_explicit(&rect->failure, memory_order_relaxed);
}

static size_t append(struct payload *out, const uint8_t *bytes, size_t len)
{
	memcpy(out->bytes + out->len, bytes, len);
	out->len += len;
	return len;
}

int jpeg_rect_write(struct jpeg_rect *rect, const struct picture *picture, const struct box *box,
	uint64_t pts_ns, size_t len_max, struct payload *out)
{
	int r;

	rect->picture = picture;
	rect->box = *box;
	rect->n_strips =
		((uint32_t)(box->y1 - box->y0) + rect->strip_height - 1) / rect->strip_height;
	rect->len_max = len_max;
	while ((r = encode_all(rect, pts_ns)) == -EMSGSIZE)
		/* How long it would have become is not known: a little more than there is room. */
		if (!quality_lower(&rect->quality, pts_ns, len_max + len_max / 8, len_max))
			return r;
	if (r < 0)
		return r;
	size_t len = atomic_load_explicit(&rect->len, memory_order_relaxed);
	r = payload_reserve(out, len);
	if (r < 0)
		return r;
	append(out, rect->head.bytes, rect->head.len);
	for (uint32_t i = 0; i < rect->n_strips; i++)
		append(out, rect->strips[i].bytes + rect->strips[i].scan,
			coded_len(&rect->strips[i]));
	quality_raise(&rect->quality, pts_ns, len, len_max);
	judge_fit(rect, len);
	return 0;
}
