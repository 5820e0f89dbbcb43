/* SPDX-License-Identifier: MIT */
#include "httpd/control_server.h"

#include <errno.h>
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
#include "httpd/access.h"
#include "httpd/control_requests.h"
#include "httpd/site.h"
#include "httpd/status.h"

#define CLIENTS_MAX       16
#define IDLE_S            60
#define DISCARD_READS_MAX 16 /* at a close */
#define LOG_INTERVAL_NS   (60 * NS_PER_S)

/* One connection; freed by its own events, or to make room. */
struct control_client {
	LIST_ENTRY(control_client) entry; /* in control_server::clients */
	struct control_server *control;
	struct bufferevent *stream;
	uid_t uid;
	bool is_closing;             /* goes when its answer has been sent */
	bool has_ended;              /* asks no more, and goes when all has been answered */
	uint64_t heard_ns;           /* when it came, or asked last */
	struct control_later *later; /* while its answer is being made */
};

struct control_server {
	struct site *site;
	int fd;
	struct event acceptable;
	unsigned n_clients;
	LIST_HEAD(, control_client) clients;
	struct ratelimit refused_log;
};

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
	control_later_forget(client->later);
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

static void go_on(struct control_client *client);

static void on_answer(void *arg, json_t *answer)
{
	struct control_client *client = arg;

	client->later = NULL;
	if (send_answer(client, answer))
		go_on(client);
	else
		client_free(client);
}

/* Answers lines for as long as the answers go out at once.  False: the client is to be closed. */
static bool answer_lines(struct control_client *client)
{
	const struct control_asker asker = {
		.uid = client->uid, .on_answer = on_answer, .arg = client};
	struct evbuffer *in = bufferevent_get_input(client->stream);
	size_t len;
	char *line;

	while (!client->later && evbuffer_get_length(bufferevent_get_output(client->stream)) == 0 &&
		(line = evbuffer_readln(in, &len, EVBUFFER_EOL_LF))) {
		json_t *answer = control_requests_answer(
			client->control->site, &asker, line, len, &client->later);

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
	if (!send_answer(client,
		    control_requests_error("A request may have 4096 bytes, and a line at its end")))
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
	send_answer(client, control_requests_error(CONTROL_NOT_PRESENTER));
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
