/* SPDX-License-Identifier: MIT */
/*
 * A viewer of the delta stream in a few lines: the oracle of the encoder's tests.
 *
 *     record ──► does it apply? ──► operations, in order ──► canvas, pointer
 *
 * Written from doc/protocol.md, "The delta stream", and nothing else: it shares no code with the
 * encoder or with httpd's check.  Beside each pixel it notes whether a JPEG put it there, so that a
 * test can ask for everything else to be exact.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DELTA_CLIENT_SHAPES 16

struct delta_client_shape {
	uint32_t width, height;
	uint32_t *argb; /* not premultiplied; NULL: not known */
};

struct delta_client {
	uint64_t sequence; /* 0: it holds nothing */
	uint32_t width, height;
	uint32_t *pixels;  /* 0x00RRGGBB */
	uint8_t *is_rough; /* a byte for each pixel */
	struct delta_client_shape shapes[DELTA_CLIENT_SHAPES];
	bool pointer_is_visible;
	unsigned pointer_shape;
	int pointer_x, pointer_y;
	bool does_not_decode; /* for tests that look at sequences and bytes only */
};

/* A message: kind 4 or 5, and the head's fields. */
struct delta_client_message {
	unsigned kind, flags;
	uint64_t sequence, base;
	uint32_t width, height;
	const uint8_t *payload;
	size_t len;
};

/* Begin with zeroes; end with this. */
void delta_client_fini(struct delta_client *client);

/* 1: applied; 0: it is not for the picture held here, which is unchanged; -1: it lies. */
int delta_client_take(struct delta_client *client, const struct delta_client_message *message);
