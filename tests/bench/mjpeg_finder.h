/* SPDX-License-Identifier: MIT */
/*
 * Finds the JPEGs in a stream of bytes as they arrive: no Content-Length is sent, and none is
 * needed.
 *
 * Segments are skipped by their length; in what follows SOS an 0xff is followed by 00, by a restart
 * marker or by EOI, so that a frame ends at its own last byte and not at the boundary after it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mjpeg_finder {
	uint8_t *data; /* from the current frame's SOI on */
	size_t len, capacity;
	size_t at;                   /* looked at so far */
	size_t soi_at;               /* of the current frame, once is_inside */
	bool is_inside, is_scanning; /* after SOI; after SOS */
	size_t sof_at, scan_at;      /* of the SOF marker; of the first entropy-coded byte */
	uint32_t n_restarts;
	size_t first_restart_at, last_restart_at; /* of the markers; 0: none yet */
	uint64_t total;                           /* bytes ever fed */
};

/* One whole frame; points into the finder, valid until the next call. */
struct mjpeg_frame {
	const uint8_t *data;
	size_t len;
	size_t sof_at, scan_at; /* offsets in data */
	uint32_t n_restarts;
	size_t first_restart_at, last_restart_at;
};

void mjpeg_finder_init(struct mjpeg_finder *finder);
void mjpeg_finder_fini(struct mjpeg_finder *finder);
/* Where to read the next bytes to: at least `min` of room; *room says how much. */
uint8_t *mjpeg_finder_room(struct mjpeg_finder *finder, size_t min, size_t *room);
/* Tells that `n` bytes were put there. */
void mjpeg_finder_fed(struct mjpeg_finder *finder, size_t n);
/* The next whole frame in what was fed.  False: feed more. */
bool mjpeg_finder_next(struct mjpeg_finder *finder, struct mjpeg_frame *frame);
