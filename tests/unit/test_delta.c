/* links: capd/encode/delta.c capd/encode/delta_catch_up.c capd/encode/delta_refine.c capd/encode/delta_pointer.c capd/encode/canvas.c capd/encode/shift.c capd/encode/move.c capd/encode/regions.c capd/encode/paint.c capd/encode/payload.c capd/encode/png.c capd/encode/exact.c capd/encode/text_line.c capd/encode/glyphs.c capd/encode/plain.c capd/encode/jpeg_huffman.c capd/encode/jpeg_rect.c capd/encode/jpeg_strip.c capd/encode/jpeg_splice.c capd/encode/quality.c capd/encode/workers.c capd/screen/tiles.c common/delta_ops.c tests/lib/delta_client.c tests/lib/desktop.c -ldeflate -ljpeg -lpng */
/* SPDX-License-Identifier: MIT */
/*
 * The encoder of the delta stream against a plain decoder: whatever a desktop does, nobody's
 * picture is ever wrong but where a JPEG lies, and in the end nobody's is wrong at all.
 *
 *     desktop (random) ──► tiles ──► encoder ──► records ──► the check, then four viewers:
 *       steady   takes every record
 *       slow     takes records now and then, and asks for catch-ups
 *       frugal   leaves refinements out, and asks for a catch-up when it is to be exact
 *       joiners  begin with nothing, every now and then
 *
 * DELTA_FRAMES=10000 in the environment makes it thorough (a minute or two).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capd/encode/delta.h"
#include "capd/screen/tiles.h"
#include "common/clock.h"
#include "common/delta_ops.h"
#include "common/ring.h"
#include "tests/lib/delta_client.h"
#include "tests/lib/desktop.h"

#define FRAMES_QUICK 1500u
#define FRAME_NS     (33 * NS_PER_MS)
#define PAYLOAD_MAX  (2u * 1024u * 1024u)

/* An encoder, what it sees, and what it made last. */
struct studio {
	struct desktop desktop;
	struct tiles *tiles;
	struct encoder *encoder;
	uint64_t frame, pts_ns;
	size_t payload_max;
	struct cursor cursor;
	struct ring_record record;
	uint8_t *payload;
	unsigned n_glyphs; /* operations of them so far */
};

static void studio_begin(struct studio *studio, uint32_t width, uint32_t height)
{
	const struct strip_cache_options options = {
		.quality = 80, .subsampling = CONFIG_420, .n_threads = 1};

	memset(studio, 0, sizeof(*studio));
	studio->payload_max = PAYLOAD_MAX;
	studio->pts_ns = NS_PER_S;
	desktop_init(&studio->desktop, width, height, width * 31 + height);
	assert_int_equal(tiles_create(width, height, &studio->tiles), 0);
	assert_int_equal(delta_create(&options, width, height, &studio->encoder), 0);
}

static void studio_end(struct studio *studio)
{
	delta_ops.destroy(studio->encoder);
	tiles_destroy(studio->tiles);
	desktop_fini(&studio->desktop);
	free(studio->payload);
}

static struct encoder_input input_of(const struct studio *studio)
{
	return (struct encoder_input){.tiles = studio->tiles,
		.cursor = &studio->cursor,
		.sequence = studio->frame,
		.pts_ns = studio->pts_ns,
		.payload_max = studio->payload_max};
}

static unsigned count(const struct studio *studio, enum delta_op_kind kind)
{
	struct delta_reader reader = {.bytes = studio->payload,
		.len = studio->record.length,
		.width = studio->record.width,
		.height = studio->record.height};
	struct delta_op op;
	unsigned n = 0;

	while (delta_reader_next(&reader, &op) == 0)
		n += op.kind == kind;
	return n;
}

/* Keeps the record, which httpd would have to let through.  False: there is none. */
static bool keep(struct studio *studio, int r, const struct encoder_result *result)
{
	const struct picture *picture = &studio->desktop.picture;

	if (r == -EAGAIN)
		return false;
	assert_int_equal(r, 0);
	assert_int_equal(result->n_pieces, 1);
	assert_true(result->len <= studio->payload_max);
	free(studio->payload);
	studio->payload = malloc(result->len + 1);
	memcpy(studio->payload, result->pieces[0].iov_base, result->len);
	studio->record = (struct ring_record){.length = (uint32_t)result->len,
		.kind = (uint16_t)result->kind,
		.flags = (uint16_t)result->flags,
		.sequence = result->sequence,
		.base = result->base,
		.pts_ns = studio->pts_ns,
		.width = picture->width,
		.height = picture->height};
	assert_int_equal(delta_ops_check(&studio->record, studio->payload, result->len), 0);
	studio->n_glyphs += count(studio, DELTA_GLYPHS);
	return true;
}

/* The desktop as it is now becomes a frame. */
static bool shoot(struct studio *studio)
{
	const struct picture *picture = &studio->desktop.picture;
	struct box whole = {0, 0, (int32_t)picture->width, (int32_t)picture->height};
	struct encoder_result result;

	studio->frame++;
	studio->pts_ns += FRAME_NS;
	tiles_update(studio->tiles, picture, &whole, studio->frame, studio->frame == 1);
	struct encoder_input input = input_of(studio);
	return keep(studio, delta_ops.encode(studio->encoder, &input, &result), &result);
}

static bool ask(struct studio *studio, uint64_t since, bool exact)
{
	struct encoder_input input = input_of(studio);
	struct encoder_result result;

	return keep(
		studio, delta_catch_up(studio->encoder, &input, since, exact, &result), &result);
}

/* Waits until a refinement is due, if one ever is. */
static bool refine(struct studio *studio)
{
	uint64_t due_ns = delta_refine_due_ns(studio->encoder);
	struct encoder_result result;

	if (due_ns == UINT64_MAX)
		return false;
	if (due_ns > studio->pts_ns)
		studio->pts_ns = due_ns;
	struct encoder_input input = input_of(studio);
	return keep(studio, delta_refine(studio->encoder, &input, &result), &result);
}

/* 1 if it was for this viewer. */
static int show(const struct studio *studio, struct delta_client *viewer)
{
	const struct delta_client_message message = {
		.kind = studio->record.kind == RECORD_STEP ? 4 : 5,
		.flags = studio->record.flags,
		.sequence = studio->record.sequence,
		.base = studio->record.base,
		.width = studio->record.width,
		.height = studio->record.height,
		.payload = studio->payload,
		.len = studio->record.length};
	int r = delta_client_take(viewer, &message);

	assert_true(r >= 0);
	return r;
}

static void assert_right(
	const struct studio *studio, const struct delta_client *viewer, bool exactly)
{
	const struct picture *picture = &studio->desktop.picture;

	for (uint32_t y = 0; y < picture->height; y++) {
		for (uint32_t x = 0; x < picture->width; x++) {
			size_t at = (size_t)y * picture->width + x;
			uint32_t screen;

			memcpy(&screen, picture->pixels + y * picture->stride + x * 4, 4);
			if (viewer->is_rough[at] && !exactly)
				continue;
			if (viewer->is_rough[at] || viewer->pixels[at] != (screen & 0xffffff))
				fail_msg("frame %llu (%s), pixel %u,%u of %ux%u: %06x%s instead of "
					 "%06x",
					(unsigned long long)studio->frame, studio->desktop.last_act,
					x, y, picture->width, picture->height, viewer->pixels[at],
					viewer->is_rough[at] ? " (rough)" : "", screen & 0xffffff);
		}
	}
}

/* How far a JPEG is from what it shows: nobody may take it for something else. */
static void assert_alike(const struct studio *studio, const struct delta_client *viewer)
{
	const struct picture *picture = &studio->desktop.picture;
	uint64_t sum = 0;

	for (uint32_t y = 0; y < picture->height; y++)
		for (uint32_t x = 0; x < picture->width; x++)
			for (unsigned c = 0; c < 3; c++)
				sum += (uint64_t)abs(
					picture->pixels[y * picture->stride + x * 4 + c] -
					(int)(viewer->pixels[(size_t)y * picture->width + x] >>
							8 * c &
						0xff));
	if (sum / ((uint64_t)picture->width * picture->height * 3) > 75)
		fail_msg("frame %llu (%s): the picture is another one",
			(unsigned long long)studio->frame, studio->desktop.last_act);
}

static unsigned frames_wanted(void)
{
	const char *words = getenv("DELTA_FRAMES");
	int n = words ? atoi(words) : 0;

	return n > 0 ? (unsigned)n : FRAMES_QUICK;
}

struct audience {
	struct delta_client steady, slow, frugal, joiner;
	uint64_t frugal_since; /* the record before the first refinement it left out; 0: none */
};

/* The record lies before all; each takes what is for it. */
static void show_all(struct studio *studio, struct audience *audience)
{
	bool is_refinement = studio->record.flags & RECORD_IS_REFINEMENT;

	show(studio, &audience->steady);
	if (audience->joiner.sequence)
		show(studio, &audience->joiner);
	if (is_refinement && audience->frugal.sequence + 1 == studio->record.sequence) {
		if (!audience->frugal_since)
			audience->frugal_since = audience->frugal.sequence;
		audience->frugal.sequence++;
	} else {
		show(studio, &audience->frugal);
	}
	if (audience->slow.sequence && desktop_random(&studio->desktop, 3) == 0)
		show(studio, &audience->slow);
}

/* What httpd does for those who lag: one catch-up, since the oldest. */
static void help_slow(struct studio *studio, struct audience *audience)
{
	if (!ask(studio, audience->slow.sequence, false))
		return;
	assert_int_equal(show(studio, &audience->slow), 1);
	assert_right(studio, &audience->slow, false);
	assert_alike(studio, &audience->slow);
	/* Those who have it have no use for it. */
	assert_int_equal(show(studio, &audience->steady), 0);
}

static void join(struct studio *studio, struct audience *audience)
{
	delta_client_fini(&audience->joiner);
	if (!ask(studio, 0, false))
		return;
	assert_int_equal(show(studio, &audience->joiner), 1);
	assert_right(studio, &audience->joiner, false);
	assert_alike(studio, &audience->joiner);
}

/* Nothing changes any more. */
static void come_to_rest(struct studio *studio, struct audience *audience)
{
	unsigned n = 0;

	while (refine(studio)) {
		assert_true(studio->record.length <= 64 * 1024);
		show_all(studio, audience);
		assert_true(n++ < 2000);
	}
	assert_true(delta_refine_due_ns(studio->encoder) == UINT64_MAX);
	assert_right(studio, &audience->steady, true);
	assert_false(shoot(studio));

	if (audience->frugal_since) {
		audience->frugal.sequence = audience->frugal_since;
		if (ask(studio, audience->frugal_since, false))
			assert_int_equal(show(studio, &audience->frugal), 1);
		audience->frugal_since = 0;
	}
	help_slow(studio, audience);
	do {
		assert_true(ask(studio, audience->steady.sequence, true));
		assert_true(studio->record.length <= 64 * 1024);
		show(studio, &audience->slow);
		show(studio, &audience->frugal);
		if (audience->joiner.sequence)
			show(studio, &audience->joiner);
		assert_true(n++ < 2000);
	} while (!(studio->record.flags & RECORD_IS_LAST));
	assert_right(studio, &audience->slow, true);
	assert_right(studio, &audience->frugal, true);
	if (audience->joiner.sequence)
		assert_right(studio, &audience->joiner, true);
}

/* How many operations copied glyphs. */
static unsigned run_random(uint32_t width, uint32_t height, unsigned n_frames, size_t payload_max)
{
	struct audience audience = {0};
	struct studio studio;

	studio_begin(&studio, width, height);
	studio.payload_max = payload_max;
	for (unsigned i = 0; i < n_frames; i++) {
		if (i > 0)
			desktop_act(&studio.desktop);
		if (shoot(&studio))
			show_all(&studio, &audience);
		assert_right(&studio, &audience.steady, false);
		if (audience.frugal.sequence == audience.steady.sequence)
			assert_right(&studio, &audience.frugal, false);
		if (audience.joiner.sequence)
			assert_right(&studio, &audience.joiner, false);
		if (desktop_random(&studio.desktop, 8) == 0)
			help_slow(&studio, &audience);
		if (desktop_random(&studio.desktop, 25) == 0)
			join(&studio, &audience);
		if (desktop_random(&studio.desktop, 20) == 0)
			studio.pts_ns += 300 * NS_PER_MS;
		if (desktop_random(&studio.desktop, 6) == 0 &&
			delta_refine_due_ns(studio.encoder) <= studio.pts_ns && refine(&studio)) {
			show_all(&studio, &audience);
			assert_right(&studio, &audience.steady, false);
		}
		if (desktop_random(&studio.desktop, 60) == 0 || i + 1 == n_frames)
			come_to_rest(&studio, &audience);
	}
	delta_client_fini(&audience.steady);
	delta_client_fini(&audience.slow);
	delta_client_fini(&audience.frugal);
	delta_client_fini(&audience.joiner);
	studio_end(&studio);
	return studio.n_glyphs;
}

static void is_never_wrong_but_where_a_jpeg_lies(void **state)
{
	static const struct {
		uint32_t width, height;
	} sizes[] = {{640, 400}, {333, 217}, {17, 300}, {501, 31}, {1, 1}, {256, 256}, {800, 607}};
	unsigned n = frames_wanted() / (sizeof(sizes) / sizeof(*sizes)) + 1, n_glyphs = 0;
	(void)state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		n_glyphs += run_random(sizes[i].width, sizes[i].height, n, PAYLOAD_MAX);
	assert_true(n_glyphs > n / 10);
}

/* The ring of a full /dev/shm: quality goes down, pieces are small, nothing is wrong. */
static void fits_into_small_records(void **state)
{
	(void)state;
	run_random(400, 300, frames_wanted() / 4 + 1, 16 * 1024 - 64);
}

/* --- what it costs, in bytes --- */

static void costs_nothing_while_nothing_changes(void **state)
{
	struct studio studio;
	(void)state;

	studio_begin(&studio, 640, 400);
	assert_true(shoot(&studio));
	assert_int_equal(studio.record.kind, RECORD_CATCH_UP);
	assert_int_equal(studio.record.flags, RECORD_IS_KEY);
	assert_int_equal(studio.record.sequence, 1);
	while (refine(&studio))
		;
	for (int i = 0; i < 10; i++)
		assert_false(shoot(&studio));
	assert_false(ask(&studio, studio.record.sequence, false));
	studio_end(&studio);
}

/* It was hidden. */
static void shows_the_top_left_of_a_pointer_that_is_too_large(void **state)
{
	static uint32_t image[300 * 290];
	struct delta_client viewer = {0};
	struct studio studio;
	uint32_t seed = 1;
	(void)state;

	/* Even, but for its size; then so full that no record has room for half of it. */
	for (unsigned i = 0; i < 300 * 290; i++)
		image[i] = i % 300 < 40 ? 0xff203040 : 0;
	studio_begin(&studio, 640, 400);
	for (unsigned is_full = 0; is_full < 2; is_full++) {
		for (unsigned i = 0; is_full && i < 300 * 290; i++)
			image[i] = (seed = seed * 1103515245u + 12345u) | 0xff000000;
		studio.cursor = (struct cursor){1 + is_full, true, 10, 20, 300, 290, image};
		assert_true(shoot(&studio));
		assert_int_equal(count(&studio, DELTA_POINTER_SHAPE), 1);
		show(&studio, &viewer);
		const struct delta_client_shape *shape = &viewer.shapes[viewer.pointer_shape];
		assert_true(viewer.pointer_is_visible);
		assert_true(is_full ? shape->width >= 64 : shape->width == 256);
		assert_int_equal(shape->height, shape->width);
		for (unsigned i = 0; i < shape->width * shape->height; i++)
			assert_int_equal(
				shape->argb[i], image[i / shape->width * 300 + i % shape->width]);
		/* It is known again, as all are. */
		studio.cursor.x++;
		studio.cursor.shape_id += 10;
		assert_true(shoot(&studio));
		assert_int_equal(studio.record.length, 12);
		show(&studio, &viewer);
	}
	delta_client_fini(&viewer);
	studio_end(&studio);
}

static void moves_the_pointer_in_twelve_bytes(void **state)
{
	uint32_t image[24 * 24];
	struct delta_client viewer = {0};
	struct studio studio;
	(void)state;

	for (unsigned i = 0; i < 24 * 24; i++)
		image[i] = i % 24 <= i / 24 ? 0x80402010 : 0;
	studio_begin(&studio, 640, 400);
	assert_true(shoot(&studio));
	show(&studio, &viewer);
	studio.cursor = (struct cursor){.shape_id = 7,
		.is_visible = true,
		.x = -3,
		.y = 5,
		.width = 24,
		.height = 24,
		.argb = image};
	assert_true(shoot(&studio));
	assert_int_equal(count(&studio, DELTA_POINTER_SHAPE), 1);
	show(&studio, &viewer);
	assert_int_equal(viewer.pointer_x, -3);
	/* premultiplied 0x80402010 is a straight 0x80804020 */
	assert_int_equal(viewer.shapes[viewer.pointer_shape].argb[0], 0x80804020);
	for (int i = 0; i < 5; i++) {
		studio.cursor.x += 10;
		assert_true(shoot(&studio));
		assert_int_equal(studio.record.length, 12);
		show(&studio, &viewer);
	}
	assert_int_equal(viewer.pointer_x, 47);
	/* A shape that was there before is known again, whatever its id is. */
	uint32_t other[4] = {0xff000000, 0xffffffff, 0xff000000, 0xffffffff};
	studio.cursor = (struct cursor){8, true, 0, 0, 2, 2, other};
	assert_true(shoot(&studio));
	assert_int_equal(count(&studio, DELTA_POINTER_SHAPE), 1);
	show(&studio, &viewer);
	studio.cursor = (struct cursor){9, true, 0, 0, 24, 24, image};
	assert_true(shoot(&studio));
	assert_int_equal(studio.record.length, 12);
	show(&studio, &viewer);
	/* Somebody new does not know the other one. */
	assert_true(ask(&studio, 0, false));
	assert_int_equal(count(&studio, DELTA_POINTER_SHAPE), 1);
	studio.cursor = (struct cursor){10, true, 0, 0, 2, 2, other};
	assert_true(shoot(&studio));
	assert_int_equal(count(&studio, DELTA_POINTER_SHAPE), 1);
	studio.cursor.is_visible = false;
	assert_true(shoot(&studio));
	show(&studio, &viewer);
	assert_false(shoot(&studio));
	delta_client_fini(&viewer);
	studio_end(&studio);
}

/* Text that scrolls: after the first frame copies, and a strip of PNG. */
static void assert_scrolls(int32_t dx, int32_t dy, size_t len_max)
{
	struct box pane = {40, 33, 600, 391};
	struct studio studio;

	studio_begin(&studio, 640, 400);
	desktop_text(&studio.desktop, &(struct box){0, 0, 640, 400});
	assert_true(shoot(&studio));
	for (int i = 0; i < 8; i++) {
		desktop_scroll(&studio.desktop, &pane, dx, dy);
		assert_true(shoot(&studio));
		if (count(&studio, DELTA_COPY) != 1 || studio.record.length > len_max)
			fail_msg("scroll by %d,%d: %u copies, %u bytes", dx, dy,
				count(&studio, DELTA_COPY), studio.record.length);
	}
	studio_end(&studio);
}

static void copies_what_scrolls_in_any_direction(void **state)
{
	(void)state;
	assert_scrolls(0, -37, 9000);
	assert_scrolls(0, 5, 3000);
	assert_scrolls(-19, 0, 6000);
	assert_scrolls(64, 0, 14000);
	assert_scrolls(13, -7, 8000);
}

/* A mosaic, pixels that were doubled: each row is there sixteen times. */
static void copies_what_repeats_from_row_to_row(void **state)
{
	struct box whole = {0, 0, 1280, 720};
	struct studio studio;
	(void)state;

	studio_begin(&studio, 1280, 720);
	for (int32_t y = 0; y < 720; y += 16)
		for (int32_t x = 0; x < 1280; x += 16)
			desktop_fill(&studio.desktop, &(struct box){x, y, x + 16, y + 16},
				desktop_random(&studio.desktop, 1u << 24));
	assert_true(shoot(&studio));
	for (int i = 0; i < 3; i++) {
		desktop_scroll(&studio.desktop, &whole, 0, -37);
		assert_true(shoot(&studio));
		assert_int_equal(count(&studio, DELTA_COPY), 1);
	}
	studio_end(&studio);
}

/* What is above it has more landmarks than are kept. */
static void copies_what_scrolls_below_a_film(void **state)
{
	struct box film = {0, 0, 1280, 544}, pane = {0, 544, 1280, 720};
	struct studio studio;
	(void)state;

	studio_begin(&studio, 1280, 720);
	desktop_noise(&studio.desktop, &film);
	desktop_text(&studio.desktop, &pane);
	assert_true(shoot(&studio));
	desktop_noise(&studio.desktop, &film);
	desktop_scroll(&studio.desktop, &pane, 0, -37);
	assert_true(shoot(&studio));
	assert_int_equal(count(&studio, DELTA_COPY), 1);
	studio_end(&studio);
}

/* Nothing of a page that takes another's place was there before, but that is no film: when it is
 * scrolled that is seen at once. */
static void copies_a_page_that_has_just_come(void **state)
{
	struct box whole = {0, 0, 640, 400};
	struct studio studio;
	(void)state;

	studio_begin(&studio, 640, 400);
	for (int i = 0; i < 6; i++) {
		desktop_text(&studio.desktop, &whole);
		studio.pts_ns += 500 * NS_PER_MS;
		assert_true(shoot(&studio));
	}
	desktop_scroll(&studio.desktop, &whole, 0, -37);
	assert_true(shoot(&studio));
	assert_int_equal(count(&studio, DELTA_COPY), 1);
	studio_end(&studio);
}

static void copies_two_panes_and_a_window_at_once(void **state)
{
	struct box left = {0, 50, 310, 400}, right = {330, 20, 640, 220};
	struct studio studio;
	(void)state;

	studio_begin(&studio, 640, 400);
	desktop_text(&studio.desktop, &(struct box){0, 0, 640, 400});
	assert_true(shoot(&studio));
	desktop_scroll(&studio.desktop, &left, 0, -23);
	desktop_scroll(&studio.desktop, &right, 0, 41);
	desktop_move(&studio.desktop, &(struct box){340, 250, 460, 330}, 100, 40);
	/* a caret in what scrolls, and a header that stays */
	desktop_fill(&studio.desktop, &(struct box){100, 200, 102, 220}, 0xff0000);
	assert_true(shoot(&studio));
	assert_in_range(count(&studio, DELTA_COPY), 3, 5);
	assert_true(studio.record.length < 25000);
	studio_end(&studio);
}

static void write_same_text(struct studio *studio, const struct box *box)
{
	studio->desktop.random = 12345;
	desktop_text(&studio->desktop, box);
	assert_true(shoot(studio));
}

static void copies_glyphs_that_stand_elsewhere(void **state)
{
	const struct box first = {13, 40, 613, 55}, second = {29, 233, 629, 248};
	struct delta_client viewer = {0};
	struct studio studio;
	(void)state;

	studio_begin(&studio, 640, 400);
	desktop_fill(&studio.desktop, &(struct box){0, 0, 640, 400}, 0xffffff);
	assert_true(shoot(&studio));
	show(&studio, &viewer);
	write_same_text(&studio, &first);
	assert_int_equal(count(&studio, DELTA_GLYPHS), 0);
	show(&studio, &viewer);
	write_same_text(&studio, &second);
	assert_int_equal(count(&studio, DELTA_GLYPHS), 1);
	assert_int_equal(count(&studio, DELTA_PNG), 0);
	show(&studio, &viewer);
	assert_right(&studio, &viewer, true);
	/* What they stood for is gone, and with it what was known of them. */
	desktop_fill(&studio.desktop, &(struct box){0, 0, 640, 400}, 0x3060a0);
	assert_true(shoot(&studio));
	show(&studio, &viewer);
	write_same_text(&studio, &first);
	assert_int_equal(count(&studio, DELTA_GLYPHS), 0);
	show(&studio, &viewer);
	assert_right(&studio, &viewer, true);
	/* They scroll, and are known where they are then. */
	desktop_scroll(&studio.desktop, &(struct box){0, 30, 640, 380}, 0, 64);
	assert_true(shoot(&studio));
	show(&studio, &viewer);
	write_same_text(&studio, &second);
	assert_int_equal(count(&studio, DELTA_GLYPHS), 1);
	show(&studio, &viewer);
	assert_right(&studio, &viewer, true);
	delta_client_fini(&viewer);
	studio_end(&studio);
}

/* As lines scroll in: first the upper part of one, then the rest of it. */
static void copies_the_rest_of_glyphs_that_are_there_in_part(void **state)
{
	const struct box first = {13, 40, 613, 55}, second = {29, 233, 629, 248};
	const struct box lower = {29, 241, 629, 248};
	struct delta_client viewer = {0};
	struct studio studio;
	(void)state;

	studio_begin(&studio, 640, 400);
	desktop_fill(&studio.desktop, &(struct box){0, 0, 640, 400}, 0xffffff);
	assert_true(shoot(&studio));
	show(&studio, &viewer);
	write_same_text(&studio, &first);
	show(&studio, &viewer);
	studio.desktop.random = 12345;
	desktop_text(&studio.desktop, &second);
	desktop_fill(&studio.desktop, &lower, 0xffffff);
	assert_true(shoot(&studio));
	show(&studio, &viewer);
	write_same_text(&studio, &second);
	assert_int_equal(count(&studio, DELTA_GLYPHS), 1);
	assert_true(studio.record.length < 550); /* as a PNG 604 */
	show(&studio, &viewer);
	assert_right(&studio, &viewer, true);
	delta_client_fini(&viewer);
	studio_end(&studio);
}

static void fills_what_is_of_one_colour(void **state)
{
	struct delta_client viewer = {0};
	struct studio studio;
	(void)state;

	studio_begin(&studio, 640, 400);
	assert_true(shoot(&studio));
	show(&studio, &viewer);
	desktop_fill(&studio.desktop, &(struct box){100, 50, 102, 71}, 0x101010);
	assert_true(shoot(&studio));
	assert_int_equal(studio.record.length, 20);
	show(&studio, &viewer);
	desktop_fill(&studio.desktop, &(struct box){10, 50, 600, 370}, 0xd02020);
	assert_true(shoot(&studio));
	assert_true(studio.record.length <= 4 * 20);
	assert_int_equal(count(&studio, DELTA_PNG), 0);
	show(&studio, &viewer);
	assert_right(&studio, &viewer, true);
	delta_client_fini(&viewer);
	studio_end(&studio);
}

static void falls_back_to_jpeg_within_a_frame(void **state)
{
	struct box whole = {0, 0, 1280, 720};
	struct studio studio;
	(void)state;

	studio_begin(&studio, 1280, 720);
	desktop_text(&studio.desktop, &whole);
	assert_true(shoot(&studio));
	for (int i = 0; i < 5; i++) {
		desktop_noise(&studio.desktop, &whole);
		assert_true(shoot(&studio));
		assert_int_equal(studio.record.kind, RECORD_STEP);
		assert_int_equal(count(&studio, DELTA_JPEG), 1);
		assert_int_equal(count(&studio, DELTA_PNG), 0);
	}
	studio_end(&studio);
}

/* Nothing takes longer than noise: every piece is full, and they follow each other quickly. */
static void becomes_exact_within_a_second_of_the_last_change(void **state)
{
	struct box whole = {0, 0, 1920, 1080};
	struct delta_client viewer = {0};
	struct studio studio;
	unsigned n = 0;
	(void)state;

	studio_begin(&studio, 1920, 1080);
	desktop_noise(&studio.desktop, &whole);
	assert_true(shoot(&studio));
	show(&studio, &viewer);
	uint64_t changed_ns = studio.pts_ns;
	while (refine(&studio)) {
		assert_true(studio.record.length <= 65536);
		show(&studio, &viewer);
		n++;
	}
	assert_right(&studio, &viewer, true);
	assert_in_range(n, 95, 105); /* 6.2 MB */
	assert_true(studio.pts_ns - changed_ns < 950 * NS_PER_MS);
	delta_client_fini(&viewer);
	studio_end(&studio);
}

static void begins_anew_when_a_record_was_lost(void **state)
{
	struct delta_client viewer = {0};
	struct studio studio;
	(void)state;

	studio_begin(&studio, 333, 217);
	assert_true(shoot(&studio));
	show(&studio, &viewer);
	delta_ops.request_key(studio.encoder);
	assert_false(ask(&studio, 1, false));
	assert_true(shoot(&studio));
	assert_int_equal(studio.record.flags, RECORD_IS_KEY);
	assert_int_equal(studio.record.sequence, 2);
	assert_int_equal(show(&studio, &viewer), 1);
	assert_right(&studio, &viewer, false);
	delta_client_fini(&viewer);
	studio_end(&studio);
}

static void answers_an_unknown_sequence_with_everything(void **state)
{
	struct studio studio;
	(void)state;

	studio_begin(&studio, 100, 100);
	assert_true(shoot(&studio));
	assert_true(ask(&studio, 12345, false));
	assert_int_equal(studio.record.flags, RECORD_IS_KEY);
	assert_int_equal(studio.record.base, 0);
	studio_end(&studio);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_never_wrong_but_where_a_jpeg_lies),
		cmocka_unit_test(fits_into_small_records),
		cmocka_unit_test(costs_nothing_while_nothing_changes),
		cmocka_unit_test(moves_the_pointer_in_twelve_bytes),
		cmocka_unit_test(shows_the_top_left_of_a_pointer_that_is_too_large),
		cmocka_unit_test(copies_what_scrolls_in_any_direction),
		cmocka_unit_test(copies_what_repeats_from_row_to_row),
		cmocka_unit_test(copies_what_scrolls_below_a_film),
		cmocka_unit_test(copies_a_page_that_has_just_come),
		cmocka_unit_test(copies_two_panes_and_a_window_at_once),
		cmocka_unit_test(copies_glyphs_that_stand_elsewhere),
		cmocka_unit_test(copies_the_rest_of_glyphs_that_are_there_in_part),
		cmocka_unit_test(fills_what_is_of_one_colour),
		cmocka_unit_test(falls_back_to_jpeg_within_a_frame),
		cmocka_unit_test(becomes_exact_within_a_second_of_the_last_change),
		cmocka_unit_test(begins_anew_when_a_record_was_lost),
		cmocka_unit_test(answers_an_unknown_sequence_with_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
