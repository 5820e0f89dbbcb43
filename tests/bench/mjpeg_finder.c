/* SPDX-License-Identifier: MIT */
#include "tests/bench/mjpeg_finder.h"

#include <errno.h>
#include <string.h>

#include "tests/bench/die.h"

#define FRAME_MAX (64u << 20)

enum { SOI = 0xd8, EOI = 0xd9, SOS = 0xda, RST0 = 0xd0, RST7 = 0xd7 };

void mjpeg_finder_init(struct mjpeg_finder *finder)
{
	*finder = (struct mjpeg_finder){.capacity = 2u << 20};
	finder->data = malloc(finder->capacity);
	if (!finder->data)
		die("Out of memory");
}

void mjpeg_finder_fini(struct mjpeg_finder *finder)
{
	free(finder->data);
}

uint8_t *mjpeg_finder_room(struct mjpeg_finder *finder, size_t min, size_t *room)
{
	/* What lies before the current frame is done with. */
	size_t done = finder->is_inside ? finder->soi_at : finder->at;
	if (done > 0 && finder->capacity - finder->len < min) {
		memmove(finder->data, finder->data + done, finder->len - done);
		finder->len -= done;
		finder->at -= done;
		if (finder->is_inside) {
			finder->soi_at = 0;
			finder->sof_at -= done;
			finder->scan_at -= done;
			finder->first_restart_at -= done;
			finder->last_restart_at -= done;
		}
	}
	if (finder->capacity - finder->len < min) {
		finder->capacity = finder->capacity * 2 + min;
		if (finder->capacity > FRAME_MAX)
			die("A frame of more than %u bytes", FRAME_MAX);
		finder->data = realloc(finder->data, finder->capacity);
		if (!finder->data)
			die("Out of memory");
	}
	*room = finder->capacity - finder->len;
	return finder->data + finder->len;
}

void mjpeg_finder_fed(struct mjpeg_finder *finder, size_t n)
{
	finder->len += n;
	finder->total += n;
}

static bool find_soi(struct mjpeg_finder *finder)
{
	while (finder->len - finder->at >= 3) {
		const uint8_t *found =
			memchr(finder->data + finder->at, 0xff, finder->len - finder->at - 2);
		if (!found) {
			finder->at = finder->len - 2;
			return false;
		}
		finder->at = (size_t)(found - finder->data);
		if (found[1] == SOI && found[2] == 0xff) {
			finder->soi_at = finder->at;
			finder->at += 2;
			finder->is_inside = true;
			finder->is_scanning = false;
			finder->n_restarts = 0;
			finder->sof_at = finder->scan_at = finder->soi_at;
			finder->first_restart_at = finder->last_restart_at = finder->soi_at;
			return true;
		}
		finder->at++;
	}
	return false;
}

static bool skip_segments(struct mjpeg_finder *finder)
{
	while (finder->len - finder->at >= 4) {
		const uint8_t *segment = finder->data + finder->at;
		size_t len = 2 + ((size_t)segment[2] << 8 | segment[3]);
		if (segment[0] != 0xff)
			die("Not a JPEG segment");
		if (finder->len - finder->at < len)
			return false;
		if (segment[1] >= 0xc0 && segment[1] <= 0xc2)
			finder->sof_at = finder->at;
		finder->at += len;
		if (segment[1] == SOS) {
			finder->scan_at = finder->at;
			finder->is_scanning = true;
			return true;
		}
	}
	return false;
}

static bool find_eoi(struct mjpeg_finder *finder)
{
	while (finder->len - finder->at >= 2) {
		const uint8_t *found =
			memchr(finder->data + finder->at, 0xff, finder->len - finder->at - 1);
		if (!found) {
			finder->at = finder->len - 1;
			return false;
		}
		finder->at = (size_t)(found - finder->data);
		if (found[1] >= RST0 && found[1] <= RST7) {
			if (finder->n_restarts++ == 0)
				finder->first_restart_at = finder->at;
			finder->last_restart_at = finder->at;
		}
		finder->at += 2;
		if (found[1] == EOI)
			return true;
	}
	return false;
}

bool mjpeg_finder_next(struct mjpeg_finder *finder, struct mjpeg_frame *frame)
{
	if (!finder->is_inside && !find_soi(finder))
		return false;
	if (!finder->is_scanning && !skip_segments(finder))
		return false;
	if (!find_eoi(finder))
		return false;
	size_t soi_at = finder->soi_at;
	*frame = (struct mjpeg_frame){
		.data = finder->data + soi_at,
		.len = finder->at - soi_at,
		.sof_at = finder->sof_at - soi_at,
		.scan_at = finder->scan_at - soi_at,
		.n_restarts = finder->n_restarts,
		.first_restart_at = finder->first_restart_at - soi_at,
		.last_restart_at = finder->last_restart_at - soi_at,
	};
	finder->is_inside = finder->is_scanning = false;
	if (finder->at == finder->len)
		finder->at = finder->len = 0;
	return true;
}
