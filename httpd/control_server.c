/* SPDX-License-Identifier: MIT */
#include "httpd/control_server.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <jansson.h>

#include "common/clock.h"
#include "common/control.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/messages.h"
#include "common/ratelimit.h"
#include "common/urls.h"
#include "common/utf8.h"
#include "httpd/access.h"
#include "httpd/files/files_control.h"
#include "httpd/pause.h"
#include "httpd/reload.h"
#include "httpd/site.h"
#include "httpd/status.h"
#include "httpd/viewer.h"

#define NOT_PRESENTER     "Only root and the user who sits at this computer may ask"
#define CLIENTS_MAX       16
#define IDLE_S            60
#define DISCARD_READS_MAX 16 /* at a close */
#define URLS_MAX          32
#define WARNING_SIZE      256
#define LOG_INTERVAL_NS   (60 * NS_PER_S)

/* One connection; freed by its own events, or to make room. */
struct control_client {
	LIST_ENTRY(control_client) entry; /* in control_server::clients */
	struct control_server *control;
	struct bufferevent *stream;
	uid_t uid;
	bool is_closing;     /* goes when its answer has been sent */
	bool has_ended;      /* asks no more, and goes when all has been answered */
	uint64_t heard_ns;   /* when it came, or asked last */
	struct later *later; /* while its answer is made by somebody else */
};

/* An answer that comes later; the client may go before it. */
struct later {
	struct control_client *client; /* NULL: gone */
	struct pause_waiter waiter;
};

struct control_server {
	struct site *site;
	int fd;
	struct event acceptable;
	unsigned n_clients;
	LIST_HEAD(, control_client) clients;
	struct ratelimit refused_log;
};

/* --- requests --- */

static json_t *error_json(const char *words)
{
	return json_pack("{sb ss}", "ok", 0, "error", words);
}

static json_t *urls_json(const struct control_server *control)
{
	const struct site *site = control->site;
	char urls[URLS_MAX][URL_SIZE];
	size_t n = 0;
	json_t *list = json_array();

	for (size_t i = 0; i < site->n_http_fds; i++)
		n += urls_of_listener(
			site->http_fds[i], access_addresses(site->access), urls + n, URLS_MAX - n);

	for (size_t i = 0; list && i < n; i++)
		json_array_append_new(list, json_string(urls[i]));
	return list;
}

static void add_viewer(void *arg, const struct viewer_info *info)
{
	json_t *list = arg;
	/* What a browser calls itself may be no UTF-8: then it has no name. */
	json_t *user_agent = json_string(info->user_agent);

	json_array_append_new(
		list, json_pack("{ss ss ss so ss ss sf sI sI sI sI sI}", "kind", info->kind,
			      "address", info->address, "name", info->name, "user_agent",
			      user_agent ? user_agent : json_string(""), "source",
			      source_name(info->source), "stream", stream_name(info->stream),
			      "rate", (double)(long)(info->rate * 10 + 0.5) / 10, "frames",
			      (json_int_t)info->frames, "skipped", (json_int_t)info->skipped,
			      "bytes", (json_int_t)info->bytes, "lag_ms", (json_int_t)info->lag_ms,
			      "watching_ms", (json_int_t)info->watching_ms));
}

static json_t *viewers_json(const struct control_server *control)
{
	json_t *list = json_array();

	if (list)
		viewers_each(control->site->viewers, add_viewer, list);
	return list;
}

static json_t *answer_viewers(struct control_server *control)
{
	return json_pack("{sb so}", "ok", 1, "viewers", viewers_json(control));
}

static json_t *answer_status(struct control_server *control)
{
	const struct pause_record *paused = pause_get(control->site->pause);
	json_t *status = status_json(control->site, true);

	if (status) {
		json_object_set_new(status, "urls", urls_json(control));
		json_object_set_new(status, "watching", viewers_json(control));
	}
	if (status && paused)
		json_object_set_new(status, "pause",
			json_pack("{ss sI}", "by", paused->name, "since",
				(json_int_t)paused->since_s));
	return json_pack("{sb so}", "ok", 1, "status", status);
}

static json_t *answer_url(struct control_server *control)
{
	return json_pack("{sb so}", "ok", 1, "urls", urls_json(control));
}

static json_t *answer_version(struct control_server *control)
{
	(void)control;
	return json_pack("{sb ss}", "ok", 1, "version", SCREENSHARE_VERSION);
}

static json_t *answer_reload(struct control_server *control)
{
	struct config_error error;

	if (reload_now(control->site->reload, &error) == 0)
		return json_pack("{sb}", "ok", 1);
	utf8_clean(error.text); /* it quotes the file */
	return error_json(error.text);
}

static const struct request_type {
	const char *name;
	json_t *(*answer)(struct control_server *control);
} REQUESTS[] = {
	{"status", answer_status},
	{"viewers", answer_viewers},
	{"url", answer_url},
	{"version", answer_version},
	{"reload", answer_reload},
};

static void client_free(struct control_client *client);
static bool send_answer(struct control_client *client, json_t *answer);
static void go_on(struct control_client *client);

static void on_later_answer(void *arg, json_t *answer)
{
	struct later *later = arg;
	struct control_client *client = later->client;

	free(later);
	if (!client) {
		json_decref(answer);
		return;
	}
	client->later = NULL;
	if (send_answer(client, answer))
		go_on(client);
	else
		client_free(client);
}

static void on_pause_answer(struct pause_waiter *waiter, bool is_paused, int error)
{
	struct later *later = (struct later *)((char *)waiter - offsetof(struct later, waiter));
	json_t *answer = json_pack("{sb sb}", "ok", 1, "paused", is_paused);
	char words[WARNING_SIZE];

	if (answer && error < 0) {
		snprintf(words, sizeof(words),
			"it could not be %s: %s; after a start anew it would %s",
			is_paused ? "written down" : "unwritten", strerror(-error),
			is_paused ? "not be paused" : "be paused again");
		json_object_set_new(answer, "warning", json_string(words));
	}
	on_later_answer(later, answer);
}

/* NULL: the answer comes later. */
static json_t *answer_pause(struct control_client *client, bool is_paused)
{
	struct later *later = calloc(1, sizeof(*later));

	if (!later)
		return error_json("No memory for an answer");
	later->client = client;
	later->waiter.on_answer = on_pause_answer;
	client->later = later;
	pause_ask(client->control->site->pause, is_paused, client->uid, &later->waiter);
	return NULL;
}

/* NULL: the answer comes later. */
static json_t *answer_files(struct control_client *client, const json_t *request)
{
	struct later *later = calloc(1, sizeof(*later));
	json_t *answer;

	if (!later)
		return error_json("No memory for an answer");
	answer = files_control(client->control->site->files, request, on_later_answer, later);
	if (answer) {
		free(later);
		return answer;
	}
	later->client = client;
	client->later = later;
	return NULL;
}

/* NULL: the answer comes later. */
static json_t *answer_line(struct control_client *client, const char *line, size_t len)
{
	struct control_server *control = client->control;
	json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const char *name = json_string_value(json_object_get(request, "request"));
	json_t *answer = NULL;

	/* Somebody else may sit here by now. */
	if (!access_is_presenter(client->uid)) {
		json_decref(request);
		return error_json(NOT_PRESENTER);
	}
	if (!name) {
		json_decref(request);
		return error_json("A request must be one line of JSON with a \"request\" in it");
	}
	bool is_pause = strcmp(name, "pause") == 0;
	if (is_pause || strcmp(name, "resume") == 0 || strcmp(name, "files") == 0) {
		answer = *name == 'f' ? answer_files(client, request)
				      : answer_pause(client, is_pause);
		json_decref(request);
		return answer;
	}
	for (size_t i = 0; i < sizeof(REQUESTS) / sizeof(REQUESTS[0]) && !answer; i++) {
		if (strcmp(REQUESTS[i].name, name) != 0)
			continue;
		answer = REQUESTS[i].answer(control);
		if (!answer)
			answer = error_json("No memory for an answer");
	}
	json_decref(request);
	return answer ? answer : error_json("This version does not know that request");
}

/* --- connections --- */

/*
 * Closing a unix socket that holds unread bytes resets the connection, and the peer would lose the
 * answer that it has not read yet: whatever lies there is thrown away first.
 */
static void discard_unread(int fd)
{
	char bytes[CONTROL_REQUEST_MAX];

	for (int i = 0; i < DISCARD_READS_MAX; i++)
		if (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) <= 0)
			return;
}

static void client_free(struct control_client *client)
{
	if (client->later)
		client->later->client = NULL;
	discard_unread(bufferevent_getfd(client->stream));
	LIST_REMOVE(client, entry);
	client->control->n_clients--;
	bufferevent_free(client->stream); /* closes the socket */
	free(client);
}

/* Takes the answer over; false: no memory, or longer than the protocol allows. */
static bool send_answer(struct control_client *client, json_t *answer)
{
	char *text = answer ? json_dumps(answer, STATUS_JSON_FLAGS) : NULL;
	struct evbuffer *out = bufferevent_get_output(client->stream);
	bool is_sent = text && strlen(text) < CONTROL_LINE_MAX &&
		       evbuffer_add_printf(out, "%s\n", text) > 0;

	free(text);
	json_decref(answer);
	return is_sent;
}

/* Answers lines for as long as the answers go out at once.  False: the client is to be closed. */
static bool answer_lines(struct control_client *client)
{
	struct evbuffer *in = bufferevent_get_input(client->stream);
	size_t len;
	char *line;

	while (!client->later && evbuffer_get_length(bufferevent_get_output(client->stream)) == 0 &&
		(line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF))) {
		json_t *answer = answer_line(client, line, len);

		client->heard_ns = clock_monotonic_ns();
		free(line);
		if (answer && !send_answer(client, answer))
			return false;
	}
	/* A full buffer without an end of line is a request that is too long. */
	return evbuffer_get_length(in) < CONTROL_REQUEST_MAX ||
	       evbuffer_search_eol(in, NULL, NULL, EVBUFFER_EOL_LF).pos >= 0;
}

/* Says why, and closes when that has been sent. */
static void refuse_rest(struct control_client *client)
{
	client->is_closing = true;
	bufferevent_disable(client->stream, EV_READ);
	if (!send_answer(
		    client, error_json("A request may have 4096 bytes, and a line at its end")))
		client_free(client);
}

static void go_on(struct control_client *client)
{
	if (!client->is_closing && !answer_lines(client))
		refuse_rest(client);
}

static void on_readable(struct bufferevent *stream, void *arg)
{
	(void)stream;
	go_on(arg);
}

static bool is_busy(const struct control_client *client)
{
	return client->later || evbuffer_get_length(bufferevent_get_output(client->stream)) > 0;
}

static void on_written(struct bufferevent *stream, void *arg)
{
	struct control_client *client = arg;

	(void)stream;
	if (client->is_closing)
		client_free(client);
	else if (!answer_lines(client))
		refuse_rest(client);
	else if (client->has_ended && !is_busy(client))
		client_free(client);
}

/* Whoever shuts his half after his question (`nc -N`) waits for the answer; after an error or a
 * time-out nobody does. */
static void on_event(struct bufferevent *stream, short what, void *arg)
{
	struct control_client *client = arg;

	(void)stream;
	if ((what & BEV_EVENT_EOF) && is_busy(client))
		client->has_ended = true;
	else
		client_free(client);
}

/* Owns fd. */
static void add_client(struct control_server *control, int fd)
{
	const struct timeval idle = {.tv_sec = IDLE_S};
	struct control_client *client = calloc(1, sizeof(*client));
	struct ucred peer;
	socklen_t len = sizeof(peer);
	char more[RATELIMIT_MORE_SIZE];
	unsigned suppressed;

	if (!client || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		goto fail;
	client->stream = bufferevent_socket_new(control->site->base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!client->stream)
		goto fail;
	client->control = control;
	client->uid = peer.uid;
	client->heard_ns = clock_monotonic_ns();
	LIST_INSERT_HEAD(&control->clients, client, entry);
	control->n_clients++;
	bufferevent_setcb(client->stream, on_readable, on_written, on_event, client);
	bufferevent_setwatermark(client->stream, EV_READ, 0, CONTROL_REQUEST_MAX);
	bufferevent_set_timeouts(client->stream, &idle, &idle);
	if (access_is_presenter(peer.uid)) {
		bufferevent_enable(client->stream, EV_READ | EV_WRITE);
		return;
	}
	client->is_closing = true;
	client->heard_ns = 0; /* the first to make room */
	send_answer(client, error_json(NOT_PRESENTER));
	bufferevent_enable(client->stream, EV_WRITE);
	if (ratelimit_allow(&control->refused_log, clock_monotonic_ns(), &suppressed))
		log_message(LOG_WARNING, MESSAGE_NOT_PRESENTER,
			"Refused the user %u on the control socket: only root and the user who "
			"sits at this computer may ask%s",
			(unsigned)peer.uid, ratelimit_more(suppressed, more));
	return;

fail:
	free(client);
	fd_close(&fd);
}

/* Who has been silent for longest makes room: nobody who only holds connections keeps the presenter
 * from a pause. */
static void make_room(struct control_server *control)
{
	struct control_client *client, *oldest = NULL;

	LIST_FOREACH (client, &control->clients, entry) {
		if (!client->later && (!oldest || client->heard_ns < oldest->heard_ns))
			oldest = client;
	}
	if (oldest)
		client_free(oldest);
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct control_server *control = arg;
	int accepted = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (accepted < 0)
		return;
	if (control->n_clients >= CLIENTS_MAX)
		make_room(control);
	if (control->n_clients < CLIENTS_MAX)
		add_client(control, accepted);
	else
		fd_close(&accepted);
}

/* --- its life --- */

int control_server_create(struct site *site, int fd, struct control_server **out)
{
	struct control_server *control;
	int is_listening = 0;
	socklen_t len = sizeof(is_listening);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &len) < 0 || !is_listening)
		return -EINVAL;
	control = calloc(1, sizeof(*control));
	if (!control)
		return -ENOMEM;
	control->site = site;
	control->fd = fd;
	control->refused_log.interval_ns = LOG_INTERVAL_NS;
	LIST_INIT(&control->clients);
	event_assign(
		&control->acceptable, site->base, fd, EV_READ | EV_PERSIST, on_acceptable, control);
	if (event_add(&control->acceptable, NULL) < 0) {
		free(control);
		return -ENOMEM;
	}
	*out = control;
	return 0;
}

void control_server_destroy(struct control_server *control)
{
	struct control_client *client;

	if (!control)
		return;
	while ((client = LIST_FIRST(&control->clients)))
		client_free(client);
	event_del(&control->acceptable);
	fd_close(&control->fd);
	free(control);
}
