/* SPDX-License-Identifier: MIT */
/*
 * The heartbeat of a WebSocket viewer: pings, and the deadlines of who does not answer them, or
 * begins a message and does not end it.
 *
 *     bytes have come ──► ws_heartbeat_heard ──┐
 *     timer ───────────────────────────────────┴──► a ping each 20 s
 *                                               ├──► nothing for 60 s: closed
 *                                               └──► a message unfinished for 5 s: said, closed
 *
 * Embedded; the connection and the WebSocket are borrowed from the viewer.  Event-loop thread only.
 */
#pragma once

#include <stdint.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "httpd/conn.h"
#include "httpd/websocket.h"

/* Fields are ws_heartbeat.c's own. */
struct ws_heartbeat {
	struct conn *conn;
	struct websocket *websocket;
	struct event timer;
	uint64_t heard_ns; /* when anything came from it */
	uint64_t pinged_ns;
};

/* Both are borrowed until ws_heartbeat_fini(). */
void ws_heartbeat_init(struct ws_heartbeat *heartbeat, struct event_base *base, struct conn *conn,
	struct websocket *websocket);
/* Nothing is called afterwards.  Started or not. */
void ws_heartbeat_fini(struct ws_heartbeat *heartbeat);

/* The handshake is in the output: the first ping is due in 20 s. */
void ws_heartbeat_start(struct ws_heartbeat *heartbeat);
/* Bytes came at `now_ns` (CLOCK_MONOTONIC), and the WebSocket has received them. */
void ws_heartbeat_heard(struct ws_heartbeat *heartbeat, uint64_t now_ns);
