/* SPDX-License-Identifier: MIT */
/* The floor program's viewers: plain sockets; the newest frame wins for each; nothing is queued. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* One multipart part without its headers, and the headers of the next part. */
struct shared_frame {
	unsigned n_refs;
	size_t len; /* of data: the JPEG and what follows it */
	uint8_t data[];
};

struct floor_viewers; /* opaque */

/* Listens on 127.0.0.1 (port 0: any); viewers' descriptors are added to `epoll_fd` with their
 * pointer. */
struct floor_viewers *floor_viewers_open(int epoll_fd, uint16_t port);
uint16_t floor_viewers_port(const struct floor_viewers *viewers);
unsigned floor_viewers_count(const struct floor_viewers *viewers);

/* A frame with room for a JPEG of `len` bytes, what follows it already in place. */
struct shared_frame *floor_frame_create(size_t len);
/* Gives a frame to everyone who is not still busy with an earlier one; takes the reference over. */
void floor_viewers_send(struct floor_viewers *viewers, struct shared_frame *frame);
/* Handles one event of epoll_wait(): the listener's (data.ptr == viewers) or a viewer's. */
void floor_viewers_event(struct floor_viewers *viewers, void *ptr, uint32_t events);
