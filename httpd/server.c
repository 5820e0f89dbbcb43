/* SPDX-License-Identifier: MIT */
#include "httpd/server.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/messages.h"
#include "common/ratelimit.h"
#include "common/service.h"
#include "httpd/exchange.h"
#include "httpd/routes.h"
#include "httpd/site.h"
#include "httpd/viewer.h"

#define ACCEPTS_PER_TURN 32 /* then the streams have their turn */
#define PAUSE_MS         500u
#define LOG_INTERVAL_NS  (60 * NS_PER_S)

struct listener {
	struct server *server;
	int fd;
	struct event acceptable;
};

/* One connection, as the server counts it. */
struct client {
	TAILQ_ENTRY(client) entry; /* in server::clients, the oldest first */
	struct server *server;
	struct exchange *exchange;
};

struct server {
	struct site *site;
	struct listener listeners[SERVER_LISTENERS_MAX];
	size_t n_listeners;
	struct event pause; /* pending while accepting is paused */
	TAILQ_HEAD(, client) clients;
	unsigned n_viewers_told; /* to the service manager */
	struct ratelimit pause_log, full_log;
};

/* --- what the service manager shows --- */

static void tell_status(struct server *server)
{
	unsigned n = viewers_count(server->site->viewers);

	if (n == server->n_viewers_told)
		return;
	server->n_viewers_told = n;
	if (n == 0)
		service_status("Nobody watches");
	else
		service_status("%u %s", n, n == 1 ? "viewer" : "viewers");
}

/* --- connections --- */

static void on_request(void *arg, struct exchange *exchange)
{
	struct client *client = arg;

	routes_answer(client->server->site, exchange);
	tell_status(client->server);
}

static void on_refused(void *arg, struct exchange *exchange, const struct request_refusal *refusal)
{
	struct client *client = arg;

	routes_refuse(client->server->site, exchange, refusal);
}

static void on_gone(void *arg)
{
	struct client *client = arg;
	struct server *server = client->server;

	TAILQ_REMOVE(&server->clients, client, entry);
	server->site->n_connections--;
	free(client);
	tell_status(server);
}

static const struct exchange_ops EXCHANGE_OPS = {
	.on_request = on_request, .on_refused = on_refused, .on_gone = on_gone};

static bool is_of(const struct client *client, const struct address *peer)
{
	const struct address *its = conn_peer(exchange_conn(client->exchange));

	return its->family == peer->family && memcmp(&its->ip, &peer->ip, sizeof(its->ip)) == 0;
}

/* Closes the oldest in that phase, of `peer` if that is not NULL.  False: there is none. */
static bool evict(struct server *server, enum exchange_phase phase, const struct address *peer)
{
	struct client *client;

	TAILQ_FOREACH (client, &server->clients, entry) {
		if (exchange_phase(client->exchange) != phase || (peer && !is_of(client, peer)))
			continue;
		exchange_destroy(client->exchange);
		server->site->evicted_total++;
		return true;
	}
	return false;
}

static bool is_loopback(const struct address *peer)
{
	return peer->family == AF_INET ? peer->ip.s6_addr[0] == 127
				       : IN6_IS_ADDR_LOOPBACK(&peer->ip);
}

static bool address_is_full(const struct server *server, const struct address *peer)
{
	const struct client *client;
	unsigned n = 0;

	if (is_loopback(peer))
		return false;
	TAILQ_FOREACH (client, &server->clients, entry)
		n += is_of(client, peer);
	return n >= server->site->config->http.connections_per_address;
}

/* True if one more may come, if need be in another's place. */
static bool make_room(struct server *server, const struct address *peer)
{
	if (address_is_full(server, peer))
		return evict(server, EXCHANGE_HEAD, peer) || evict(server, EXCHANGE_IDLE, peer);
	if (server->site->n_connections >= server->site->config->http.connections_max)
		return evict(server, EXCHANGE_HEAD, NULL) || evict(server, EXCHANGE_IDLE, NULL);
	return true;
}

/* As far as one write goes: nobody waits for who does not fit in. */
static void turn_away(struct server *server, int fd)
{
	static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\n"
				     "Retry-After: 5\r\n"
				     "Connection: close\r\n"
				     "Content-Length: 0\r\n\r\n";
	char more[RATELIMIT_MORE_SIZE];
	unsigned suppressed;

	(void)!send(fd, answer, sizeof(answer) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	server->site->turned_away_total++;
	if (ratelimit_allow(&server->full_log, clock_monotonic_ns(), &suppressed))
		log_message(LOG_WARNING, MESSAGE_FULL,
			"Could not take another connection: %u are open; raise [http] "
			"connections_max or connections_per_address%s",
			server->site->n_connections, ratelimit_more(suppressed, more));
}

/* Owns fd. */
static void add_client(struct server *server, int fd, const struct address *peer)
{
	struct site *site = server->site;
	struct client *client;

	if (!make_room(server, peer)) {
		turn_away(server, fd);
		fd_close(&fd);
		return;
	}
	client = calloc(1, sizeof(*client));
	if (!client || exchange_create(site->base, site->config, fd, &EXCHANGE_OPS, client,
			       &client->exchange) < 0) {
		free(client);
		fd_close(&fd);
		return;
	}
	client->server = server;
	TAILQ_INSERT_TAIL(&server->clients, client, entry);
	site->n_connections++;
	site->connections_total++;
}

/* --- accepting --- */

static void set_accepting(struct server *server, bool is_wanted)
{
	for (size_t i = 0; i < server->n_listeners; i++) {
		if (is_wanted)
			event_add(&server->listeners[i].acceptable, NULL);
		else
			event_del(&server->listeners[i].acceptable);
	}
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	set_accepting(arg, true);
}

static void pause_accepting(struct server *server, int error)
{
	const struct timeval delay = {.tv_usec = PAUSE_MS * 1000};
	char more[RATELIMIT_MORE_SIZE];
	unsigned suppressed;

	set_accepting(server, false);
	event_add(&server->pause, &delay);
	if (ratelimit_allow(&server->pause_log, clock_monotonic_ns(), &suppressed))
		log_warn("Could not accept a connection, %u are open: %s; waiting for some to "
			 "close%s",
			server->site->n_connections, strerror(error),
			ratelimit_more(suppressed, more));
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct listener *listener = arg;
	struct server *server = listener->server;

	(void)what;
	for (unsigned i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage peer;
		socklen_t len = sizeof(peer);
		struct address address;
		int accepted =
			accept4(fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (accepted < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
				errno == ENOMEM)
				pause_accepting(server, errno);
			/* Of the others, each is the end of one connection, not of ours. */
			if (errno != ECONNABORTED && errno != EINTR)
				return;
		} else if (address_from_sockaddr(&peer, &address)) {
			add_client(server, accepted, &address);
		} else {
			fd_close(&accepted);
		}
	}
}

/* --- its life --- */

static bool is_listening(int fd)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) == 0 && value != 0;
}

unsigned server_behind_mark(const struct server *server)
{
	const struct client *client;
	unsigned n = 0;

	TAILQ_FOREACH (client, &server->clients, entry)
		n += conn_is_behind_mark(exchange_conn(client->exchange));
	return n;
}

void server_cut_behind_mark(struct server *server)
{
	struct client *client;

	TAILQ_FOREACH (client, &server->clients, entry)
		if (conn_is_behind_mark(exchange_conn(client->exchange)))
			conn_reset(exchange_conn(client->exchange));
}

int server_create(struct site *site, struct server **out)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return -ENOMEM;
	server->site = site;
	server->pause_log.interval_ns = LOG_INTERVAL_NS;
	server->full_log.interval_ns = LOG_INTERVAL_NS;
	TAILQ_INIT(&server->clients);
	evtimer_assign(&server->pause, site->base, on_pause_over, server);
	for (size_t i = 0; i < site->n_http_fds && i < SERVER_LISTENERS_MAX; i++) {
		struct listener *listener = &server->listeners[i];

		if (!is_listening(site->http_fds[i]))
			goto fail;
		listener->server = server;
		listener->fd = site->http_fds[i];
		event_assign(&listener->acceptable, site->base, listener->fd, EV_READ | EV_PERSIST,
			on_acceptable, listener);
		server->n_listeners++;
	}
	set_accepting(server, true);
	service_status("Nobody watches");
	*out = server;
	return 0;

fail:
	free(server);
	return -EINVAL;
}

void server_destroy(struct server *server)
{
	struct client *client;

	if (!server)
		return;
	set_accepting(server, false);
	event_del(&server->pause);
	while ((client = TAILQ_FIRST(&server->clients)))
		exchange_destroy(client->exchange);
	for (size_t i = 0; i < server->n_listeners; i++)
		fd_close(&server->listeners[i].fd);
	free(server);
}
