/* SPDX-License-Identifier: MIT */
/*
 * A WebSocket viewer (doc/protocol.md): pictures of one source and sound on one connection.
 *
 *     picture feed ──► newest wins ──► at most two under way ──┐
 *     sound feed ────► all, or none while 300 ms wait ─────────┴──► output
 *     drawn, set, ping ◄── websocket ◄── input; pings, deadlines: httpd/ws_heartbeat.h
 *
 * Of the delta stream a viewer is sent the records that apply to what it holds, and what it missed
 * (httpd/delta_view.h), under the same rules.
 *
 * A picture is written only when hardly anything waits in the output, and when the viewer has taken
 * all but one of those before (httpd/picture_window.h): what it gets next is then the newest.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include <event2/buffer.h>

#include "common/clock.h"
#include "httpd/catch_ups.h"
#include "httpd/delta_view.h"
#include "httpd/picture_window.h"
#include "httpd/response.h"
#include "httpd/sound_backlog.h"
#include "httpd/viewer_ops.h"
#include "httpd/websocket.h"
#include "httpd/ws_heartbeat.h"
#include "httpd/ws_message.h"

#define UNSENT_MAX 8192u /* bytes of sound and text that may wait before a picture */
#define READ_SIZE  4096u

/* One of the two feeds. */
struct part {
	struct feed *feed;
	enum stream_id stream; /* VIEWER_NONE: not wanted */
	struct feed_listener listener;
};

struct ws {
	struct viewer viewer;
	struct feeds *feeds;
	enum source_id source;
	struct websocket *websocket;
	struct part picture, sound;

	struct picture_window window;
	bool is_behind;         /* a newer picture came while it could not be written */
	struct delta_view view; /* of the delta stream */

	struct sound_backlog backlog;
	struct ws_heartbeat heartbeat;
};
_Static_assert(offsetof(struct ws, viewer) == 0, "a viewer is cast to its kind");

/* No memory for a message: half of it may be in the output, so this connection cannot go on. */
static void give_up(struct ws *ws)
{
	conn_close(ws->viewer.conn);
}

/* --- pictures --- */

static bool may_write_picture(const struct ws *ws)
{
	return picture_window_has_room(&ws->window) && conn_unsent(ws->viewer.conn) <= UNSENT_MAX &&
	       !conn_is_closing(ws->viewer.conn);
}

static enum delta_room room_of(const struct ws *ws)
{
	if (!may_write_picture(ws))
		return DELTA_NO_ROOM;
	return ws->window.n == 0 ? DELTA_IDLE : DELTA_ROOM;
}

/* A message of `len` bytes of payload, which leads up to `frame`, is in the output. */
static void picture_is_written(struct ws *ws, const struct frame *frame, size_t len)
{
	if (frame->is_state && ws->picture.stream == STREAM_DELTA)
		delta_view_lose(&ws->view, feed_catch_ups(ws->picture.feed));
	picture_window_sent(&ws->window, ws_message_sequence(frame), clock_monotonic_ns());
	ws->is_behind = false;
	viewer_count(&ws->viewer, frame, len);
	conn_flush(ws->viewer.conn);
}

static void write_picture(struct ws *ws, struct frame *frame)
{
	ws_message_frame(frame, ws->picture.stream);
	if (frame_append_with_head(frame, conn_output(ws->viewer.conn)) < 0)
		give_up(ws);
	else
		picture_is_written(ws, frame, frame->len);
}

/* However many steps it missed: one message, and one picture that is under way. */
static void write_run(struct ws *ws, const struct frame_run *run)
{
	if (run->n == 1)
		write_picture(ws, run->frames[0]);
	else if (ws_message_run(conn_output(ws->viewer.conn), run) < 0)
		give_up(ws);
	else
		picture_is_written(ws, run->frames[run->n - 1], run->bytes);
}

/* Something has gone out, or was taken: is there a newer picture, and room for it?  True: it is
 * written. */
static bool catch_up(struct ws *ws)
{
	struct frame *next =
		ws->picture.stream == VIEWER_NONE ? NULL : feed_newest(ws->picture.feed);
	struct frame_run run;

	if (next) {
		if (next->number == ws->viewer.sent_number || !may_write_picture(ws))
			return false;
		write_picture(ws, next);
		return true;
	}
	if (ws->picture.stream != STREAM_DELTA ||
		!delta_view_catch_up(
			&ws->view, feed_catch_ups(ws->picture.feed), room_of(ws), &run))
		return false;
	write_run(ws, &run);
	return true;
}

static void on_picture(void *arg, struct frame *frame)
{
	struct ws *ws = arg;
	bool is_delta = frame->kind != RECORD_FRAME;

	if (is_delta ? delta_view_offer(
			       &ws->view, feed_catch_ups(ws->picture.feed), frame, room_of(ws))
		     : may_write_picture(ws)) {
		write_picture(ws, frame);
		return;
	}
	/* It may lag, and have room now for what it needs; or this one was not for it. */
	if (is_delta && (catch_up(ws) || room_of(ws) != DELTA_NO_ROOM))
		return;
	if (ws->is_behind)
		ws->viewer.skipped++;
	ws->is_behind = true;
}

static void on_drawn(struct ws *ws, const struct ws_request *request)
{
	double took_ms = request->has_took ? request->took_ms : -1;

	if (picture_window_drawn(&ws->window, request->sequence, took_ms, clock_monotonic_ns()))
		catch_up(ws);
}

/* --- sound --- */

static void on_sound(void *arg, struct frame *frame)
{
	struct ws *ws = arg;
	struct conn *conn = ws->viewer.conn;
	unsigned record_ms = ws->sound.stream == STREAM_OPUS ? OPUS_RECORD_MS : SOUND_RECORD_MS;

	if (conn_is_closing(conn))
		return;
	if (sound_backlog_may_append(&ws->backlog, conn, record_ms)) {
		ws_message_frame(frame, ws->sound.stream);
		if (frame_append_with_head(frame, conn_output(conn)) < 0) {
			give_up(ws);
			return;
		}
		sound_backlog_appended(&ws->backlog, conn);
		if (ws->picture.stream == VIEWER_NONE)
			viewer_count(&ws->viewer, frame, frame->len);
		conn_flush(conn);
	} else if (ws->picture.stream == VIEWER_NONE) {
		ws->viewer.skipped++;
	}
	/* A trickle of sound may keep the output from ever being empty. */
	if (ws->is_behind)
		catch_up(ws);
}

/* --- states --- */

static void write_state(struct ws *ws, const struct part *part)
{
	struct feed_info info;

	if (conn_is_closing(ws->viewer.conn))
		return;
	feed_get_info(part->feed, &info);
	if (ws_message_state(
		    conn_output(ws->viewer.conn), part == &ws->sound, info.state, info.words) < 0)
		give_up(ws);
	conn_flush(ws->viewer.conn);
}

static void on_picture_state(void *arg)
{
	struct ws *ws = arg;

	write_state(ws, &ws->picture);
}

static void on_sound_state(void *arg)
{
	struct ws *ws = arg;

	write_state(ws, &ws->sound);
}

/* --- what is wanted --- */

static void part_stop(struct ws *ws, struct part *part)
{
	if (part->stream != VIEWER_NONE)
		feed_remove(part->feed, &part->listener);
	if (part->stream == STREAM_DELTA)
		delta_view_lose(&ws->view, feed_catch_ups(part->feed));
	part->stream = VIEWER_NONE;
}

/* May call on_frame from within. */
static void part_start(
	struct ws *ws, struct part *part, enum source_id source, enum stream_id stream)
{
	struct feed *feed = feeds_get(ws->feeds, source, stream);

	if (!feed) {
		give_up(ws);
		return;
	}
	part->feed = feed;
	part->stream = stream;
	part->listener.who = conn_peer_text(ws->viewer.conn);
	/* The feed opens first, so that there is a state to tell. */
	feed_add(feed, &part->listener);
	write_state(ws, part);
}

static void tell_sources(struct ws *ws)
{
	viewer_set_sources(
		&ws->viewer, (ws->picture.stream != VIEWER_NONE ? 1u << ws->source : 0) |
				     (ws->sound.stream != VIEWER_NONE ? 1u << SOURCE_AUDIO : 0));
}

static void set_picture(struct ws *ws, enum stream_id stream)
{
	if (stream == ws->picture.stream)
		return;
	part_stop(ws, &ws->picture);
	picture_window_clear(&ws->window);
	ws->is_behind = false;
	ws->viewer.sent_number = 0;
	ws->viewer.is_watching = stream != VIEWER_NONE;
	if (stream != VIEWER_NONE)
		part_start(ws, &ws->picture, ws->source, stream);
	if (stream == STREAM_DELTA)
		catch_up(ws); /* the others' steps would mean nothing to it */
	ws->viewer.feed =
		stream != VIEWER_NONE || !ws->sound.feed ? ws->picture.feed : ws->sound.feed;
}

static void set_sound(struct ws *ws, enum stream_id stream)
{
	if (stream == ws->sound.stream)
		return;
	part_stop(ws, &ws->sound);
	if (stream != VIEWER_NONE)
		part_start(ws, &ws->sound, SOURCE_AUDIO, stream);
	if (ws->picture.stream == VIEWER_NONE)
		ws->viewer.feed = ws->sound.feed;
}

/* --- from the viewer --- */

static enum websocket_code on_text(void *arg, const char *text, size_t len)
{
	struct ws *ws = arg;
	struct ws_request request;
	int r = ws_request_parse(text, len, &request);

	if (r < 0)
		return r == -EINVAL ? WEBSOCKET_INVALID : WEBSOCKET_POLICY;
	switch (request.type) {
	case WS_DRAWN:
		on_drawn(ws, &request);
		break;
	case WS_SET:
		if (request.sets_picture && !viewer_ws_has_picture(ws->source, request.picture))
			return WEBSOCKET_POLICY;
		if (request.sets_picture)
			set_picture(ws, request.picture);
		if (request.sets_sound)
			set_sound(ws, request.sound);
		tell_sources(ws);
		break;
	case WS_PING:
		if (ws_message_pong(conn_output(ws->viewer.conn), &request.t) < 0)
			give_up(ws);
		break;
	}
	return 0;
}

static bool on_output(void *arg, const uint8_t *bytes, size_t len)
{
	struct ws *ws = arg;

	return evbuffer_add(conn_output(ws->viewer.conn), bytes, len) == 0;
}

static const struct websocket_ops websocket_ops = {.on_text = on_text, .on_output = on_output};

void viewer_ws_hear(struct viewer *viewer, const uint8_t *bytes, size_t len)
{
	struct ws *ws = (struct ws *)viewer;
	uint64_t now_ns = clock_monotonic_ns();
	int r;

	if (conn_is_closing(viewer->conn))
		return;
	r = websocket_receive(ws->websocket, bytes, len, now_ns);
	if (r == -ENOMEM)
		give_up(ws);
	else if (r < 0)
		conn_finish(viewer->conn);
	else
		ws_heartbeat_heard(&ws->heartbeat, now_ns);
	conn_flush(viewer->conn);
}

static void on_readable(struct viewer *viewer)
{
	uint8_t bytes[READ_SIZE];
	ssize_t n = conn_read(viewer->conn, bytes, sizeof(bytes));

	if (n == -EAGAIN)
		return;
	if (n <= 0)
		conn_close(viewer->conn);
	else
		viewer_ws_hear(viewer, bytes, (size_t)n);
}

/* --- its life --- */

static void on_drained(struct viewer *viewer)
{
	catch_up((struct ws *)viewer);
}

static void on_stop(struct viewer *viewer)
{
	struct ws *ws = (struct ws *)viewer;

	websocket_close(ws->websocket, WEBSOCKET_GOING_AWAY);
	conn_flush(viewer->conn);
}

static void destroy(struct viewer *viewer)
{
	struct ws *ws = (struct ws *)viewer;

	part_stop(ws, &ws->picture);
	part_stop(ws, &ws->sound);
	ws_heartbeat_fini(&ws->heartbeat);
	websocket_destroy(ws->websocket);
	free(ws);
}

static const struct viewer_ops ws_ops = {.kind = "socket",
	.on_drained = on_drained,
	.on_readable = on_readable,
	.on_stop = on_stop,
	.destroy = destroy};

static int append_head(struct evbuffer *out, const char *accept)
{
	return evbuffer_add_printf(out,
		       "HTTP/1.1 101 Switching Protocols\r\n"
		       "Upgrade: websocket\r\n"
		       "Connection: Upgrade\r\n"
		       "Sec-WebSocket-Accept: %s\r\n\r\n",
		       accept) < 0
		       ? -ENOMEM
		       : 0;
}

static void start(struct ws *ws, const struct viewer_ws_wish *wish, const char *accept)
{
	struct evbuffer *out = conn_output(ws->viewer.conn);
	struct feed_info info;

	feed_get_info(ws->picture.feed, &info);
	const struct ws_hello hello = {.source = wish->source,
		.picture = wish->picture,
		.sound = wish->sound,
		.width = info.width,
		.height = info.height};
	if (append_head(out, accept) < 0 || ws_message_hello(out, &hello) < 0) {
		give_up(ws); /* deferred: destroy() cleans up */
		return;
	}
	conn_flush(ws->viewer.conn);
	ws_heartbeat_start(&ws->heartbeat);
	set_sound(ws, wish->sound);
	set_picture(ws, wish->picture);
	tell_sources(ws);
}

bool viewer_ws_has_picture(enum source_id source, enum stream_id picture)
{
	return picture != STREAM_DELTA || source == SOURCE_SCREEN;
}

int viewer_ws_start(struct viewers *viewers, struct feeds *feeds, struct conn *conn,
	const char *key, const struct viewer_ws_wish *wish, const struct viewer_who *who,
	struct viewer **out)
{
	char accept[WEBSOCKET_ACCEPT_SIZE];
	struct feed *feed = feeds_get(feeds, wish->source, STREAM_JPEG);
	bool only_listens = wish->picture == VIEWER_NONE && wish->sound != VIEWER_NONE;
	struct feed *counted = only_listens ? feeds_get(feeds, SOURCE_AUDIO, wish->sound) : feed;
	struct ws *ws;

	if (!websocket_accept(key, accept))
		return -EINVAL;
	ws = feed && counted ? calloc(1, sizeof(*ws)) : NULL;
	if (!ws)
		return -ENOMEM;
	if (websocket_create(&websocket_ops, ws, &ws->websocket) < 0) {
		free(ws);
		return -ENOMEM;
	}
	ws->feeds = feeds;
	ws->source = wish->source;
	ws->picture = (struct part){.feed = feed,
		.stream = VIEWER_NONE,
		.listener = {.on_frame = on_picture, .on_state = on_picture_state, .arg = ws}};
	ws->sound = (struct part){.stream = VIEWER_NONE,
		.listener = {.on_frame = on_sound, .on_state = on_sound_state, .arg = ws}};
	ws_heartbeat_init(&ws->heartbeat, viewers_base(viewers), conn, ws->websocket);
	viewer_start(&ws->viewer, viewers, &ws_ops, conn, counted, who);
	start(ws, wish, accept);
	*out = &ws->viewer;
	return 0;
}
