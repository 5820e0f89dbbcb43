/* SPDX-License-Identifier: MIT */
/*
 * screenshare-httpd: the network's side.  arguments → configuration → log → inherited sockets →
 * everything that answers → READY → loop → destroy in reverse.
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/addresses.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/findings.h"
#include "common/log.h"
#include "common/messages.h"
#include "common/service.h"
#include "common/urls.h"
#include "httpd/access.h"
#include "httpd/control_server.h"
#include "httpd/feeds.h"
#include "httpd/files/files.h"
#include "httpd/open_files.h"
#include "httpd/pause.h"
#include "httpd/presence.h"
#include "httpd/probe.h"
#include "httpd/reload.h"
#include "httpd/server.h"
#include "httpd/site.h"
#include "httpd/viewer.h"
#include "httpd/visitor.h"

#define FORBIDDEN_LOG_NS (60 * NS_PER_S)
#define URLS_TOLD_MAX    8

/* What is alive, in the order in which it comes to life. */
struct daemon {
	struct service_options options;
	struct config config;
	int http_fds[SERVER_LISTENERS_MAX];
	int n_http_fds;
	int control_fd, addresses_fd;
	struct event *signals[2], *hangup, *watchdog;
	struct site site;
	struct server *server;
	struct control_server *control;
};

/* --- sockets --- */

static int take_sockets(struct daemon *daemon)
{
	daemon->n_http_fds =
		service_take_sockets(SERVICE_FD_HTTP, daemon->http_fds, SERVER_LISTENERS_MAX);
	daemon->control_fd = service_take_socket(SERVICE_FD_CONTROL);
	daemon->addresses_fd = service_take_socket(SERVICE_FD_ADDRESSES);
	if (daemon->n_http_fds == 0) {
		log_message(LOG_ERR, MESSAGE_NO_SOCKET,
			"Could not start: no socket called \"" SERVICE_FD_HTTP
			"\" was handed over; start it with systemctl start screenshare, or by "
			"`screenshare run`");
		return SERVICE_EXIT_CONFIG;
	}
	if (daemon->addresses_fd < 0)
		daemon->addresses_fd = addresses_open();
	if (daemon->addresses_fd < 0)
		log_warn("Could not open a route socket: %s; this computer's addresses are not "
			 "known, only private networks may watch",
			strerror(-daemon->addresses_fd));
	return 0;
}

/* --- process --- */

static void on_stop_signal(evutil_socket_t number, short what, void *arg)
{
	(void)number, (void)what;
	event_base_loopexit(arg, NULL);
}

static void on_hangup(evutil_socket_t number, short what, void *arg)
{
	struct daemon *daemon = arg;
	struct config_error error;

	(void)number, (void)what;
	reload_now(daemon->site.reload, &error); /* which has said what there is to say */
}

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what, (void)arg;
	service_watchdog_ping();
}

static int begin_process(struct daemon *daemon)
{
	static const int stop_signals[] = {SIGTERM, SIGINT};
	struct event_base *base = daemon->site.base;
	uint64_t watchdog_us = service_watchdog_interval_us();

	signal(SIGPIPE, SIG_IGN);
	open_files_allow(&daemon->config);
	for (size_t i = 0; i < 2; i++) {
		daemon->signals[i] = evsignal_new(base, stop_signals[i], on_stop_signal, base);
		if (!daemon->signals[i] || event_add(daemon->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	daemon->hangup = evsignal_new(base, SIGHUP, on_hangup, daemon);
	if (!daemon->hangup || event_add(daemon->hangup, NULL) < 0)
		return -ENOMEM;
	if (watchdog_us > 0) {
		const struct timeval interval = {.tv_sec = (time_t)(watchdog_us / 1000000),
			.tv_usec = (suseconds_t)(watchdog_us % 1000000)};

		daemon->watchdog = event_new(base, -1, EV_PERSIST, on_watchdog, NULL);
		if (!daemon->watchdog || event_add(daemon->watchdog, &interval) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* --- everything that answers --- */

static unsigned n_behind_mark(void *arg)
{
	const struct daemon *daemon = arg;

	return daemon->server ? server_behind_mark(daemon->server) : 0;
}

static void cut_behind_mark(void *arg)
{
	const struct daemon *daemon = arg;

	if (daemon->server)
		server_cut_behind_mark(daemon->server);
}

static int create_pause(struct daemon *daemon)
{
	struct site *site = &daemon->site;
	const struct pause_parts parts = {.base = site->base,
		.feeds = site->feeds,
		.viewers = site->viewers,
		.presence = site->presence,
		.workers = site->state_workers,
		.state_dir = daemon->options.state_dir,
		.n_behind_mark = n_behind_mark,
		.cut = cut_behind_mark,
		.arg = daemon};

	return pause_create(&parts, &site->pause);
}

static int create_all(struct daemon *daemon)
{
	struct site *site = &daemon->site;
	int r;

	site->config = &daemon->config;
	site->started_ns = clock_monotonic_ns();
	site->http_fds = daemon->http_fds;
	site->n_http_fds = (size_t)daemon->n_http_fds;
	site->forbidden_log.interval_ns = FORBIDDEN_LOG_NS;
	site->base = event_base_new();
	if (!site->base)
		return -ENOMEM;
	r = begin_process(daemon);
	if (r == 0)
		r = access_create(site->config, daemon->addresses_fd, &site->access);
	if (r == 0)
		r = feeds_create(
			site->base, daemon->options.runtime_dir, site->config, &site->feeds);
	/* These are listed in /status from the start, though nobody has wanted them yet. */
	if (r == 0 && (!feeds_get(site->feeds, SOURCE_SCREEN, STREAM_JPEG) ||
			      !feeds_get(site->feeds, SOURCE_SCREEN, STREAM_DELTA) ||
			      !feeds_get(site->feeds, SOURCE_CAMERA, STREAM_JPEG) ||
			      !feeds_get(site->feeds, SOURCE_AUDIO, STREAM_PCM) ||
			      !feeds_get(site->feeds, SOURCE_AUDIO, STREAM_OPUS)))
		r = -ENOMEM;
	if (r == 0)
		r = viewers_create(site->base, site->config, &site->viewers);
	if (r == 0)
		r = files_create(site->base, site->config, daemon->options.state_dir, &site->files);
	if (r == 0)
		r = presence_create(
			site->base, site->config, site->feeds, site->viewers, &site->presence);
	if (r == 0)
		r = disk_workers_create(site->base, &site->state_workers);
	if (r == 0)
		r = create_pause(daemon);
	if (r == 0)
		r = visitor_create(site->state_workers, daemon->options.state_dir, &site->visitor);
	if (r == 0)
		r = reload_create(site, &daemon->options, &daemon->config, &site->reload);
	if (r == 0)
		r = server_create(site, &daemon->server);
	if (r == 0 && daemon->control_fd >= 0)
		r = control_server_create(site, daemon->control_fd, &daemon->control);
	return r;
}

/* The journal's first line: where to look. */
static void tell_urls(const struct site *site)
{
	char urls[URLS_TOLD_MAX][URL_SIZE], all[URLS_TOLD_MAX * URL_SIZE] = "";
	size_t n = 0, len = 0;

	for (size_t i = 0; i < site->n_http_fds; i++)
		n += urls_of_listener(site->http_fds[i], access_addresses(site->access), urls + n,
			URLS_TOLD_MAX - n);
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(all + len, sizeof(all) - len, " %s", urls[i]);
	log_message(LOG_INFO, MESSAGE_SERVING, "Version %s serves at%s", SCREENSHARE_VERSION,
		n > 0 ? all : " no address that is known");
}

static void destroy_all(struct daemon *daemon)
{
	struct site *site = &daemon->site;

	control_server_destroy(daemon->control);
	if (site->viewers)
		viewers_stop(site->viewers);
	server_destroy(daemon->server);
	daemon->server = NULL;
	files_destroy(site->files);
	disk_workers_destroy(site->state_workers);
	pause_destroy(site->pause);
	presence_destroy(site->presence);
	visitor_destroy(site->visitor);
	viewers_destroy(site->viewers);
	feeds_destroy(site->feeds);
	access_destroy(site->access);
	reload_destroy(site->reload);
	if (daemon->watchdog)
		event_free(daemon->watchdog);
	if (daemon->hangup)
		event_free(daemon->hangup);
	for (size_t i = 0; i < 2; i++)
		if (daemon->signals[i])
			event_free(daemon->signals[i]);
	if (site->base)
		event_base_free(site->base);
}

static int probe(const struct daemon *daemon)
{
	static struct findings findings;

	files_probe(&daemon->config, daemon->options.state_dir, &findings);
	return service_print_findings(&findings);
}

int main(int argc, char **argv)
{
	struct daemon daemon = {.control_fd = -1, .addresses_fd = -1};
	int status, r;

	/* The thread that waits for rings allocates nothing that would be worth another arena. */
	mallopt(M_ARENA_MAX, 1);
	status = service_begin("httpd", argc, argv, &daemon.options, &daemon.config);
	if (status == 0 && daemon.options.is_probe)
		return probe(&daemon);
	if (status == 0)
		status = take_sockets(&daemon);
	if (status != 0)
		return status;
	r = create_all(&daemon);
	if (r < 0) {
		log_err("Could not start: %s",
			r == -EINVAL ? "a socket that was handed over does not listen"
			: r == -ENOSYS
				? "openat2() is not to be had, which keeps uploads in their "
				  "folder; Linux 5.6 has it, a unit with RestrictSUIDSGID=yes not"
				: strerror(-r));
		destroy_all(&daemon);
		return r == -EINVAL || r == -ENOSYS ? SERVICE_EXIT_CONFIG : EXIT_FAILURE;
	}
	service_ready();
	tell_urls(&daemon.site);
	event_base_dispatch(daemon.site.base);
	service_stopping();
	destroy_all(&daemon);
	return EXIT_SUCCESS;
}
