/* SPDX-License-Identifier: MIT */
#include "httpd/ws_message.h"

#include <endian.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "httpd/websocket.h"

_Static_assert(FRAME_HEAD_ROOM >= WS_HEAD_SIZE + WEBSOCKET_HEAD_MAX, "both heads fit");

/* --- binary --- */

/* Steps and catch-ups have a sequence in which each counts; all else is counted as it comes. */
static bool is_delta(const struct frame *frame)
{
	return frame->kind == RECORD_STEP || frame->kind == RECORD_CATCH_UP;
}

uint32_t ws_message_sequence(const struct frame *frame)
{
	return (uint32_t)(is_delta(frame) ? frame->sequence : frame->number);
}

static enum ws_kind kind_of(const struct frame *frame, enum stream_id stream)
{
	if (frame->kind == RECORD_STEP)
		return WS_STEP;
	if (frame->kind == RECORD_CATCH_UP)
		return WS_CATCH_UP;
	return stream == STREAM_PCM ? WS_PCM : stream == STREAM_OPUS ? WS_OPUS : WS_JPEG;
}

static unsigned flags_of(const struct frame *frame)
{
	static const struct {
		unsigned record, message;
	} flags[] = {{RECORD_IS_KEY, WS_IS_KEY}, {RECORD_IS_REFINEMENT, WS_IS_REFINEMENT},
		{RECORD_IS_EXACT, WS_IS_EXACT}, {RECORD_IS_LAST, WS_IS_LAST}};
	unsigned result = 0;

	if (!is_delta(frame))
		return WS_IS_KEY | (frame->is_state ? WS_IS_STATE : 0);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (frame->flags & flags[i].record)
			result |= flags[i].message;
	return result;
}

static void put_u16(uint8_t *at, uint32_t value)
{
	uint16_t little = htole16((uint16_t)value);

	memcpy(at, &little, sizeof(little));
}

/* What the head of a message says that is not as its (last) frame has it. */
struct head {
	enum ws_kind kind;
	unsigned flags;
	uint64_t base;
	size_t len; /* of the payload */
};

/* Writes both heads so that they end at `end`, and returns how many bytes that is. */
static size_t put_heads(uint8_t *end, const struct head *head, const struct frame *frame)
{
	uint8_t *at = end - WS_HEAD_SIZE, outer[WEBSOCKET_HEAD_MAX];
	uint32_t sequence = htole32(ws_message_sequence(frame));
	uint32_t base = htole32((uint32_t)head->base);
	uint64_t pts_us = htole64(frame->pts_ns / NS_PER_US);
	size_t n;

	memset(at, 0, WS_HEAD_SIZE);
	at[0] = (uint8_t)head->kind;
	at[1] = (uint8_t)head->flags;
	put_u16(at + 2, WS_HEAD_SIZE);
	memcpy(at + 4, &sequence, sizeof(sequence));
	memcpy(at + 8, &pts_us, sizeof(pts_us));
	memcpy(at + 16, &base, sizeof(base));
	if (frame->kind != RECORD_SOUND && !frame->is_state) {
		put_u16(at + 20, frame->width);
		put_u16(at + 22, frame->height);
	}
	n = websocket_head(outer, WEBSOCKET_BINARY, WS_HEAD_SIZE + head->len);
	memcpy(at - n, outer, n);
	return WS_HEAD_SIZE + n;
}

void ws_message_frame(struct frame *frame, enum stream_id stream)
{
	const struct head head = {.kind = kind_of(frame, stream),
		.flags = flags_of(frame),
		.base = is_delta(frame) ? frame->base : 0,
		.len = frame->len};

	if (frame->head_len == 0)
		frame->head_len = (unsigned)put_heads(frame->data, &head, frame);
}

int ws_message_run(struct evbuffer *out, const struct frame_run *run)
{
	uint8_t room[FRAME_HEAD_ROOM];
	const struct head head = {.kind = WS_STEP,
		.flags = run->has_change ? 0 : WS_IS_REFINEMENT,
		.base = run->frames[0]->base,
		.len = run->bytes};
	size_t n = put_heads(room + sizeof(room), &head, run->frames[run->n - 1]);

	if (evbuffer_add(out, room + sizeof(room) - n, n) < 0)
		return -ENOMEM;
	for (unsigned i = 0; i < run->n; i++)
		if (frame_append(run->frames[i], out) < 0)
			return -ENOMEM;
	return 0;
}

/* --- from the viewer --- */

bool ws_picture_parse(const char *word, enum stream_id *stream)
{
	if (strcmp(word, "jpeg") == 0)
		*stream = STREAM_JPEG;
	else if (strcmp(word, "delta") == 0)
		*stream = STREAM_DELTA;
	else if (strcmp(word, "none") == 0)
		*stream = STREAM_COUNT;
	else
		return false;
	return true;
}

bool ws_sound_parse(const char *word, enum stream_id *stream)
{
	if (strcmp(word, "pcm") == 0)
		*stream = STREAM_PCM;
	else if (strcmp(word, "opus") == 0)
		*stream = STREAM_OPUS;
	else if (strcmp(word, "none") == 0)
		*stream = STREAM_COUNT;
	else
		return false;
	return true;
}

static int parse_drawn(const json_t *object, struct ws_request *request)
{
	const json_t *sequence = json_object_get(object, "sequence");
	const json_t *took = json_object_get(object, "took_ms");

	if (!json_is_integer(sequence) || json_integer_value(sequence) < 0 ||
		json_integer_value(sequence) > UINT32_MAX)
		return -EPROTO;
	request->type = WS_DRAWN;
	request->sequence = (uint32_t)json_integer_value(sequence);
	if (!took)
		return 0;
	request->has_took = true;
	request->took_ms = json_number_value(took);
	return json_is_number(took) && request->took_ms >= 0 ? 0 : -EPROTO;
}

/* "": it is no word, or has a NUL in it (which JSON allows). */
static const char *word_of(const json_t *string)
{
	const char *word = json_string_value(string);

	return word && strlen(word) == json_string_length(string) ? word : "";
}

static int parse_set(const json_t *object, struct ws_request *request)
{
	const json_t *picture = json_object_get(object, "picture");
	const json_t *sound = json_object_get(object, "sound");

	request->type = WS_SET;
	request->sets_picture = picture != NULL;
	request->sets_sound = sound != NULL;
	if (picture && !ws_picture_parse(word_of(picture), &request->picture))
		return -EPROTO;
	if (sound && !ws_sound_parse(word_of(sound), &request->sound))
		return -EPROTO;
	return 0;
}

static int parse_ping(const json_t *object, struct ws_request *request)
{
	const json_t *t = json_object_get(object, "t");

	request->type = WS_PING;
	request->t = (struct ws_number){.is_integer = json_is_integer(t),
		.integer = json_integer_value(t),
		.real = json_real_value(t)};
	return json_is_number(t) ? 0 : -EPROTO;
}

int ws_request_parse(const char *text, size_t len, struct ws_request *request)
{
	json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	const char *type = word_of(json_object_get(object, "type"));
	int r = -EPROTO;

	*request = (struct ws_request){.type = WS_PING};
	if (!json_is_object(object))
		r = -EINVAL;
	else if (strcmp(type, "drawn") == 0)
		r = parse_drawn(object, request);
	else if (strcmp(type, "set") == 0)
		r = parse_set(object, request);
	else if (strcmp(type, "ping") == 0)
		r = parse_ping(object, request);
	json_decref(object);
	return r;
}

/* --- text for the viewer --- */

/* Takes `object` over; NULL: there was no memory for it. */
static int append_text(struct evbuffer *out, json_t *object)
{
	uint8_t head[WEBSOCKET_HEAD_MAX];
	char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	int r = -ENOMEM;

	json_decref(object);
	if (text) {
		size_t len = strlen(text), n = websocket_head(head, WEBSOCKET_TEXT, len);

		if (evbuffer_add(out, head, n) == 0 && evbuffer_add(out, text, len) == 0)
			r = 0;
	}
	free(text);
	return r;
}

static const char *name_or_none(enum stream_id stream)
{
	return stream < STREAM_COUNT ? stream_name(stream) : "none";
}

int ws_message_hello(struct evbuffer *out, const struct ws_hello *hello)
{
	char computer[HOST_NAME_MAX + 1] = "";

	if (gethostname(computer, HOST_NAME_MAX) < 0)
		computer[0] = '\0';
	json_t *name = json_string(computer); /* a name that is no UTF-8 is none */
	return append_text(
		out, json_pack("{ss si ss so ss ss ss si si s{si si ss si} s{si si si} s{sI sI}}",
			     "type", "hello", "protocol", WS_PROTOCOL_VERSION, "version",
			     SCREENSHARE_VERSION, "computer", name ? name : json_string(""),
			     "source", source_name(hello->source), "picture",
			     name_or_none(hello->picture), "sound", name_or_none(hello->sound),
			     "width", (int)hello->width, "height", (int)hello->height, "pcm",
			     "rate", SOUND_RATE, "channels", SOUND_CHANNELS, "format", "s16le",
			     "frames", SOUND_RECORD_FRAMES, "opus", "rate", SOUND_RATE, "channels",
			     SOUND_CHANNELS, "frames", SOUND_RATE * OPUS_RECORD_MS / 1000, "clock",
			     "now_us", (json_int_t)(clock_monotonic_ns() / NS_PER_US),
			     "realtime_us", (json_int_t)(clock_realtime_ns() / NS_PER_US)));
}

int ws_message_state(
	struct evbuffer *out, bool of_sound, enum source_state state, const char *words)
{
	return append_text(out,
		json_pack("{ss ss ss ss}", "type", "state", "of", of_sound ? "sound" : "picture",
			"state", state_name(state), "words", words));
}

int ws_message_pong(struct evbuffer *out, const struct ws_number *t)
{
	json_t *number = t->is_integer ? json_integer(t->integer) : json_real(t->real);

	return append_text(out, json_pack("{ss so sI}", "type", "pong", "t", number, "now_us",
					(json_int_t)(clock_monotonic_ns() / NS_PER_US)));
}
