/* SPDX-License-Identifier: MIT */
/*
 * One call of encode():
 *
 *     pointer, tiles ──► which strips are stale ──► one or two lanes encode them, each with its own
 *     compress object, from one counter ──► does it fit? ──► head, strip 0, strip 1, … as pieces
 *
 * If it does not fit, the quality is lowered and all strips are stale: the lanes stop as soon as
 * the limit is passed, so that the attempt costs no more than it must.  A strip that could not be
 * encoded (no memory) stays stale, and so do all others until a picture has been handed over:
 * whatever fails, the next call makes good for it.
 */
#include "capd/encode/strip_cache.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "capd/encode/jpeg_splice.h"
#include "capd/encode/jpeg_strip.h"
#include "capd/encode/pointer.h"
#include "capd/encode/quality.h"
#include "capd/encode/workers.h"
#include "capd/screen/tiles.h"
#include "common/clock.h"

#define LANES_MAX      2u
#define STRIP_ROWS_MAX 16u
/* From here on the second thread is worth its wake-up: six strips of 1080p, a third of a
 * millisecond. */
#define PARALLEL_PIXELS_MIN (6u * 16u * 1920u)

struct strip {
	struct jpeg_buffer coded; /* ends with its RSTn, the last one with EOI */
	bool is_stale;
};

/* What one thread encodes with. */
struct lane {
	struct jpeg_strip *jpeg;
	uint8_t *under_pointer; /* copies of the rows of one strip, for the pointer to be blended in
				 */
};

/* The work of one call, shared by the lanes. */
struct batch {
	const struct picture *picture;
	const struct cursor *cursor;
	uint32_t n_stale;
	size_t len_max;
	_Atomic uint32_t next; /* index into cache->stale */
	_Atomic uint32_t n_done;
	_Atomic size_t len;  /* of the whole record, as far as it is known */
	_Atomic int failure; /* -errno, or -EMSGSIZE: longer than len_max */
};

/* The strip cache itself. */
struct encoder {
	uint32_t width, height, strip_height, n_strips;
	enum config_subsampling subsampling;
	struct quality quality;
	unsigned configured_for; /* quality of the tables in head and lanes */
	struct jpeg_head head;
	struct strip *strips;
	uint32_t *stale;      /* n_strips: scratch of one call */
	struct iovec *pieces; /* 1 + n_strips */
	unsigned n_lanes;
	struct lane lanes[LANES_MAX];
	struct workers *workers; /* NULL: one lane */
	struct pointer pointer;
	uint64_t seen_sequence; /* what the last record shows */
	bool is_due;            /* a record is wanted even if nothing changes any more */
	struct batch batch;
};

static void destroy(struct encoder *cache)
{
	if (!cache)
		return;
	workers_destroy(cache->workers);
	for (unsigned i = 0; i < LANES_MAX; i++) {
		jpeg_strip_destroy(cache->lanes[i].jpeg);
		free(cache->lanes[i].under_pointer);
	}
	for (uint32_t i = 0; cache->strips && i < cache->n_strips; i++)
		jpeg_buffer_fini(&cache->strips[i].coded);
	free(cache->strips);
	free(cache->stale);
	free(cache->pieces);
	free(cache);
}

static void mark_all_stale(struct encoder *cache)
{
	for (uint32_t i = 0; i < cache->n_strips; i++)
		cache->strips[i].is_stale = true;
}

/* Tables and head for the quality of now, if they are not yet.  0, -ENOMEM, -EINVAL. */
static int configure(struct encoder *cache)
{
	struct jpeg_strip_format format = {
		.width = cache->width,
		.quality = cache->quality.now,
		.subsampling = cache->subsampling,
	};
	struct jpeg_buffer head = {0};
	int r = 0;

	if (cache->configured_for == format.quality)
		return 0;
	cache->configured_for = 0;
	mark_all_stale(cache);
	for (unsigned i = 0; i < cache->n_lanes && r == 0; i++)
		r = jpeg_strip_configure(cache->lanes[i].jpeg, &format);
	if (r == 0)
		r = jpeg_strip_head(cache->lanes[0].jpeg, cache->height, &head);
	if (r == 0)
		r = jpeg_head_init(&cache->head, &head);
	jpeg_buffer_fini(&head);
	if (r == 0)
		cache->configured_for = format.quality;
	return r;
}

static int lane_init(struct lane *lane, size_t row_bytes)
{
	lane->under_pointer = malloc(STRIP_ROWS_MAX * row_bytes);
	if (!lane->under_pointer)
		return -ENOMEM;
	return jpeg_strip_create(&lane->jpeg);
}

int strip_cache_create(const struct strip_cache_options *options, uint32_t width, uint32_t height,
	struct encoder **out)
{
	struct encoder *cache;
	int r = -ENOMEM;

	if (width == 0 || height == 0 || width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX ||
		options->quality < 1 || options->quality > 100)
		return -EINVAL;
	cache = calloc(1, sizeof(*cache));
	if (!cache)
		return -ENOMEM;
	cache->width = width;
	cache->height = height;
	cache->subsampling = options->subsampling;
	cache->strip_height = jpeg_strip_height(options->subsampling);
	cache->n_strips = (height + cache->strip_height - 1) / cache->strip_height;
	cache->n_lanes = options->n_threads > 1 ? LANES_MAX : 1;
	cache->is_due = true;
	quality_init(&cache->quality, options->quality);
	cache->strips = calloc(cache->n_strips, sizeof(*cache->strips));
	cache->stale = calloc(cache->n_strips, sizeof(*cache->stale));
	cache->pieces = calloc(1 + (size_t)cache->n_strips, sizeof(*cache->pieces));
	if (!cache->strips || !cache->stale || !cache->pieces)
		goto fail;
	for (unsigned i = 0; i < cache->n_lanes; i++) {
		r = lane_init(&cache->lanes[i], (size_t)width * 4);
		if (r < 0)
			goto fail;
	}
	if (cache->n_lanes > 1) {
		r = workers_create(&cache->workers);
		if (r < 0)
			goto fail;
	}
	r = configure(cache);
	if (r < 0)
		goto fail;
	*out = cache;
	return 0;
fail:
	destroy(cache);
	return r;
}

static void mark_rows(struct encoder *cache, const struct box *box)
{
	if (box->y0 >= box->y1)
		return;
	for (uint32_t i = (uint32_t)box->y0 / cache->strip_height;
		i <= (uint32_t)(box->y1 - 1) / cache->strip_height; i++)
		cache->strips[i].is_stale = true;
}

/* Which strips show something that the last record did not. */
static void mark_changes(
	struct encoder *cache, const struct tiles *tiles, const struct cursor *cursor)
{
	struct box left = cache->pointer.box;

	for (uint32_t i = 0; i < cache->n_strips; i++) {
		uint32_t row = i * cache->strip_height / TILE_SIDE;

		if (tiles_row_changed_at(tiles, row) > cache->seen_sequence)
			cache->strips[i].is_stale = true;
	}
	if (pointer_move(&cache->pointer, cursor, cache->width, cache->height)) {
		mark_rows(cache, &left);
		mark_rows(cache, &cache->pointer.box);
	}
}

static int encode_strip(struct encoder *cache, struct lane *lane, uint32_t index)
{
	const struct picture *picture = cache->batch.picture;
	uint32_t y0 = index * cache->strip_height;
	uint32_t y1 = y0 + cache->strip_height;
	struct strip *strip = &cache->strips[index];
	uint8_t *rows[STRIP_ROWS_MAX];
	int r;

	if (y1 > cache->height)
		y1 = cache->height;
	for (uint32_t y = y0; y < y1; y++) {
		uint8_t *row = picture->pixels + picture->stride * y;

		if (pointer_covers(&cache->pointer, y, y + 1)) {
			uint8_t *copy = lane->under_pointer + (size_t)(y - y0) * cache->width * 4;

			memcpy(copy, row, (size_t)cache->width * 4);
			pointer_blend(&cache->pointer, cache->batch.cursor, y, copy);
			row = copy;
		}
		rows[y - y0] = row;
	}
	r = jpeg_strip_encode(lane->jpeg, rows, y1 - y0, &strip->coded);
	if (r < 0)
		return r;
	jpeg_strip_mark(&strip->coded, index, index + 1 == cache->n_strips);
	strip->is_stale = false;
	return 0;
}

static size_t coded_len(const struct strip *strip)
{
	return strip->coded.len - strip->coded.scan;
}

/* One lane's part of a batch: strip after strip, until none is left or one lane has failed. */
static void encode_lane(void *arg, unsigned index)
{
	struct encoder *cache = arg;
	struct batch *batch = &cache->batch;

	while (atomic_load_explicit(&batch->failure, memory_order_relaxed) == 0) {
		uint32_t i = atomic_fetch_add_explicit(&batch->next, 1, memory_order_relaxed);
		size_t len;
		int r;

		if (i >= batch->n_stale)
			return;
		r = encode_strip(cache, &cache->lanes[index], cache->stale[i]);
		if (r == 0) {
			len = coded_len(&cache->strips[cache->stale[i]]);
			len += atomic_fetch_add_explicit(&batch->len, len, memory_order_relaxed);
			atomic_fetch_add_explicit(&batch->n_done, 1, memory_order_relaxed);
			if (len > batch->len_max)
				r = -EMSGSIZE;
		}
		if (r < 0)
			atomic_store_explicit(&batch->failure, r, memory_order_relaxed);
	}
}

/* Collects the stale strips, and what the record has without them.  How many they are. */
static uint32_t batch_init(
	struct encoder *cache, const struct encoder_input *input, const struct cursor *cursor)
{
	struct batch *batch = &cache->batch;
	size_t len = cache->head.len;

	batch->picture = tiles_picture(input->tiles);
	batch->cursor = cursor;
	batch->len_max = input->payload_max;
	batch->n_stale = 0;
	for (uint32_t i = 0; i < cache->n_strips; i++) {
		if (cache->strips[i].is_stale)
			cache->stale[batch->n_stale++] = i;
		else
			len += coded_len(&cache->strips[i]);
	}
	atomic_init(&batch->next, 0);
	atomic_init(&batch->n_done, 0);
	atomic_init(&batch->len, len);
	atomic_init(&batch->failure, len > batch->len_max ? -EMSGSIZE : 0);
	return batch->n_stale;
}

static int encode_batch(struct encoder *cache)
{
	struct batch *batch = &cache->batch;
	uint64_t pixels = (uint64_t)batch->n_stale * cache->strip_height * cache->width;

	if (cache->workers && batch->n_stale > 1 && pixels >= PARALLEL_PIXELS_MIN)
		workers_run(cache->workers, encode_lane, cache);
	else
		encode_lane(cache, 0);
	return atomic_load_explicit(&batch->failure, memory_order_relaxed);
}

/* How long the record of a batch that was given up would have become. */
static size_t estimate_len(const struct batch *batch, size_t len_before)
{
	size_t len = atomic_load_explicit(&batch->len, memory_order_relaxed);
	uint32_t n_done = atomic_load_explicit(&batch->n_done, memory_order_relaxed);

	if (n_done == 0)
		return len;
	return len_before + (len - len_before) / n_done * batch->n_stale;
}

/* Encodes what is stale, at the highest quality whose record fits. */
static int encode_to_fit(
	struct encoder *cache, const struct encoder_input *input, const struct cursor *cursor)
{
	for (;;) {
		size_t len_before;
		int r = configure(cache);

		if (r < 0)
			return r;
		batch_init(cache, input, cursor);
		len_before = atomic_load_explicit(&cache->batch.len, memory_order_relaxed);
		r = encode_batch(cache);
		if (r != -EMSGSIZE)
			return r;
		if (!quality_lower(&cache->quality, input->pts_ns,
			    estimate_len(&cache->batch, len_before), input->payload_max))
			return r;
	}
}

/* Every strip is fresh: its length as a record is known. */
static size_t record_len(const struct encoder *cache)
{
	size_t len = cache->head.len;

	for (uint32_t i = 0; i < cache->n_strips; i++)
		len += coded_len(&cache->strips[i]);
	return len;
}

static void fill_result(
	struct encoder *cache, const struct encoder_input *input, struct encoder_result *result)
{
	uint64_t pts_ns = input->pts_ns, age_ns = clock_monotonic_ns() - pts_ns;

	jpeg_head_stamp(&cache->head, pts_ns, clock_realtime_ns() - age_ns);
	cache->pieces[0] =
		(struct iovec){.iov_base = cache->head.bytes, .iov_len = cache->head.len};
	for (uint32_t i = 0; i < cache->n_strips; i++)
		cache->pieces[1 + i] = (struct iovec){
			.iov_base = cache->strips[i].coded.bytes + cache->strips[i].coded.scan,
			.iov_len = coded_len(&cache->strips[i]),
		};
	*result = (struct encoder_result){
		.kind = RECORD_FRAME,
		.flags = RECORD_IS_KEY,
		.sequence = input->sequence,
		.base = 0,
		.pieces = cache->pieces,
		.n_pieces = 1 + (size_t)cache->n_strips,
		.len = record_len(cache),
	};
}

static bool has_stale(const struct encoder *cache)
{
	for (uint32_t i = 0; i < cache->n_strips; i++)
		if (cache->strips[i].is_stale)
			return true;
	return false;
}

static int encode(
	struct encoder *cache, const struct encoder_input *input, struct encoder_result *result)
{
	static const struct cursor no_cursor;
	const struct cursor *cursor = input->cursor ? input->cursor : &no_cursor;
	const struct picture *picture = tiles_picture(input->tiles);
	int r;

	assert(picture->width == cache->width && picture->height == cache->height);
	(void)picture;
	mark_changes(cache, input->tiles, cursor);
	/* While a record is due the strips may be of different qualities, or missing. */
	if (!cache->is_due && quality_raise(&cache->quality, input->pts_ns, record_len(cache),
				      input->payload_max))
		cache->is_due = true;
	if (!cache->is_due && !has_stale(cache))
		return -EAGAIN;
	cache->is_due = true;
	r = encode_to_fit(cache, input, cursor);
	if (r < 0)
		return r;
	cache->is_due = false;
	cache->seen_sequence = input->sequence;
	fill_result(cache, input, result);
	return 0;
}

static void request_key(struct encoder *cache)
{
	cache->is_due = true;
}

const struct encoder_ops strip_cache_ops = {
	.stream = STREAM_JPEG,
	.encode = encode,
	.request_key = request_key,
	.destroy = destroy,
};
