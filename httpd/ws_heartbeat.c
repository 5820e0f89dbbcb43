/* SPDX-License-Identifier: MIT */
#include "httpd/ws_heartbeat.h"

#include <event2/buffer.h>

#include "common/clock.h"

#define PING_NS       (20 * NS_PER_S)
#define SILENT_MAX_NS (60 * NS_PER_S) /* nothing has come for so long: gone */
#define UNFINISHED_NS (5 * NS_PER_S)  /* a message in fragments must be whole by then */

static void arm(struct ws_heartbeat *heartbeat, uint64_t in_ns)
{
	const struct timeval delay = {.tv_sec = (time_t)(in_ns / NS_PER_S),
		.tv_usec = (suseconds_t)(in_ns % NS_PER_S / NS_PER_US)};

	event_add(&heartbeat->timer, &delay);
}

/* The deadline stays where it is, however often a bit more comes. */
static void arm_unfinished(struct ws_heartbeat *heartbeat, uint64_t since_ns, uint64_t now_ns)
{
	uint64_t due_ns = since_ns + UNFINISHED_NS;

	arm(heartbeat, due_ns > now_ns ? due_ns - now_ns : 0);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	static const uint8_t ping[] = {0x80 | WEBSOCKET_PING, 0};
	struct ws_heartbeat *heartbeat = arg;
	struct conn *conn = heartbeat->conn;
	uint64_t now = clock_monotonic_ns(),
		 since = websocket_unfinished_since_ns(heartbeat->websocket);

	(void)fd, (void)what;
	if (conn_is_closing(conn))
		return;
	if (now - heartbeat->heard_ns >= SILENT_MAX_NS) {
		conn_close(conn);
		return;
	}
	if (since && now - since >= UNFINISHED_NS) {
		websocket_close(heartbeat->websocket, WEBSOCKET_POLICY);
		conn_finish(conn);
		return;
	}
	if (now - heartbeat->pinged_ns >= PING_NS) {
		heartbeat->pinged_ns = now;
		if (evbuffer_add_reference(conn_output(conn), ping, sizeof(ping), NULL, NULL) < 0)
			conn_close(conn);
		conn_flush(conn);
	}
	if (since)
		arm_unfinished(heartbeat, since, now);
	else if (heartbeat->heard_ns + SILENT_MAX_NS < now + PING_NS)
		arm(heartbeat, heartbeat->heard_ns + SILENT_MAX_NS - now);
	else
		arm(heartbeat, PING_NS);
}

void ws_heartbeat_init(struct ws_heartbeat *heartbeat, struct event_base *base, struct conn *conn,
	struct websocket *websocket)
{
	heartbeat->conn = conn;
	heartbeat->websocket = websocket;
	heartbeat->heard_ns = heartbeat->pinged_ns = clock_monotonic_ns();
	evtimer_assign(&heartbeat->timer, base, on_timer, heartbeat);
}

void ws_heartbeat_fini(struct ws_heartbeat *heartbeat)
{
	event_del(&heartbeat->timer);
}

void ws_heartbeat_start(struct ws_heartbeat *heartbeat)
{
	arm(heartbeat, PING_NS);
}

void ws_heartbeat_heard(struct ws_heartbeat *heartbeat, uint64_t now_ns)
{
	uint64_t since_ns = websocket_unfinished_since_ns(heartbeat->websocket);

	heartbeat->heard_ns = now_ns;
	if (since_ns)
		arm_unfinished(heartbeat, since_ns, now_ns);
}
