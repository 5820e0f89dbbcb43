/* SPDX-License-Identifier: MIT */
/*
 * Can a browser on another computer get here: is the port ours, does it answer, at which addresses,
 * and has anybody ever come?
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/doctor/checks.h"
#include "cli/doctor/listeners.h"
#include "cli/text.h"
#include "common/addresses.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/parse.h"

#define DEFAULT_PORT   8001
#define UNIT_SOCKET    "screenshare.socket"
#define SHOWN_MAX      6  /* addresses */
#define URL_SHOWN_MAX  60 /* characters */
#define ANSWER_TIME_MS 1000

/* --- the port --- */

/* What the socket unit listens on: "[::]:8001", "8001", "127.0.0.1:8001". */
struct unit_ports {
	uint16_t first;     /* 0: none */
	bool is_local_only; /* all are of loopback addresses */
};

static bool is_loopback(const char *listen)
{
	return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]:", 6) == 0;
}

static struct unit_ports ports_of_unit(const struct facts *facts)
{
	struct unit_ports found = {.is_local_only = true};
	char *path = facts_unit_path(UNIT_SOCKET);
	sd_bus_message *message = NULL;
	const char *type, *listen, *digits;
	uint64_t port;
	int r = -ENOTCONN;

	if (path && facts->bus)
		r = sd_bus_get_property(facts->bus, "org.freedesktop.systemd1", path,
			"org.freedesktop.systemd1.Socket", "Listen", NULL, &message, "a(ss)");
	if (r >= 0)
		r = sd_bus_message_enter_container(message, 'a', "(ss)");
	while (r >= 0 && (r = sd_bus_message_read(message, "(ss)", &type, &listen)) > 0) {
		digits = strrchr(listen, ':');
		digits = digits ? digits + 1 : listen;
		if (parse_number(digits, strlen(digits), 1, 65535, &port) < 0)
			continue;
		found.first = found.first ? found.first : (uint16_t)port;
		found.is_local_only &= is_loopback(listen);
	}
	found.is_local_only &= found.first > 0;
	sd_bus_message_unref(message);
	free(path);
	return found;
}

static bool is_units_matter(const struct facts *facts)
{
	return facts->sharer == FACTS_SERVICE && facts->is_installed;
}

uint16_t check_port_number(const struct facts *facts)
{
	uint16_t port = facts->run_port > 0 ? facts->run_port : facts->port;

	if (port == 0 && is_units_matter(facts))
		port = ports_of_unit(facts).first;
	return port > 0 ? port : DEFAULT_PORT;
}

/* Waits for `events` until the deadline.  False: they did not come. */
static bool await(int fd, short events, uint64_t deadline_ns)
{
	struct pollfd wanted = {.fd = fd, .events = events};
	uint64_t now_ns = clock_monotonic_ns();

	return now_ns < deadline_ns &&
	       poll(&wanted, 1, (int)((deadline_ns - now_ns) / NS_PER_MS) + 1) == 1;
}

static int connect_to(const struct sockaddr *address, socklen_t address_len, uint64_t deadline_ns)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;
	socklen_t len = sizeof(error);

	if (fd < 0)
		return -errno;
	if (connect(fd, address, address_len) == 0)
		return fd;
	error = errno;
	if (error == EINPROGRESS) {
		error = await(fd, POLLOUT, deadline_ns) ? 0 : ETIMEDOUT;
		if (error == 0)
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	}
	if (error != 0)
		fd_close(&fd);
	return error != 0 ? -error : fd;
}

/* By loopback, where it listens there, too: no firewall is in the way. */
static int connect_here(uint16_t port, const struct in6_addr *where, uint64_t deadline_ns)
{
	const struct sockaddr_in loopback = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct sockaddr_in6 there = {
		.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = *where};
	int fd = connect_to((const struct sockaddr *)&loopback, sizeof(loopback), deadline_ns);

	return fd == -ECONNREFUSED && !IN6_IS_ADDR_UNSPECIFIED(where)
		       ? connect_to((const struct sockaddr *)&there, sizeof(there), deadline_ns)
		       : fd;
}

/* Asks the port as a browser would.  0: it is ours and well; -EPROTO: something else answers. */
static int ask_health(uint16_t port, const struct in6_addr *where)
{
	static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
				      "Connection: close\r\n\r\n";
	static const char wanted[] = "HTTP/1.1 200 ";
	uint64_t deadline_ns = clock_monotonic_ns() + ANSWER_TIME_MS * NS_PER_MS;
	char answer[512];
	size_t len = 0;
	ssize_t n = 1;
	int fd = connect_here(port, where, deadline_ns);

	if (fd < 0)
		return fd;
	if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(request) - 1)
		n = -1;
	while (n > 0 && len < sizeof(answer) - 1 && await(fd, POLLIN, deadline_ns)) {
		n = recv(fd, answer + len, sizeof(answer) - 1 - len, 0);
		len += n > 0 ? (size_t)n : 0;
	}
	answer[len] = '\0';
	fd_close(&fd);
	if (len == 0)
		return -ETIMEDOUT;
	return strncmp(answer, wanted, strlen(wanted)) == 0 && strstr(answer, "\r\n\r\nok\n")
		       ? 0
		       : -EPROTO;
}

static void add_holder(const struct facts *facts, uint16_t port, const struct listener *listener,
	struct findings *findings)
{
	bool is_service = facts->sharer == FACTS_SERVICE;

	if (listener->pid > 0)
		findings_add(findings, FINDING_WRONG, "port",
			"Another program listens on port %u: %s (process %d)", port, listener->name,
			(int)listener->pid);
	else
		findings_add(findings, FINDING_WRONG, "port",
			"Another program listens on port %u, of another user", port);
	if (is_service)
		findings_remedy(findings,
			"Stop that program, or take another port: sudo systemctl edit " UNIT_SOCKET
			"\n    [Socket]\n    ListenStream=\n    ListenStream=%u",
			port + 1u);
	else
		findings_remedy(findings,
			"Stop that program, or take another port: screenshare run --listen [::]:%u",
			port + 1u);
}

/* `listener` NULL: nobody listens. */
static void add_shared_port(const struct facts *facts, uint16_t port,
	const struct listener *listener, struct findings *findings)
{
	int r = listener ? ask_health(port, &listener->address) : -ECONNREFUSED;

	if (r == 0) {
		findings_add(findings, FINDING_FINE, "port", "Port %u answers", port);
		return;
	}
	findings_add(findings, FINDING_WRONG, "port", "Port %u does not answer: %s", port,
		r == -EPROTO ? "what answers there is not screenshare" : strerror(-r));
	findings_remedy(findings,
		facts->sharer == FACTS_SERVICE
			? "sudo systemctl restart screenshare; if that does not help: %s"
		: facts->is_own_service
			? "systemctl --user restart screenshare; if that does not help: %s"
			: "End your `screenshare run` and start it again; see %s",
		facts_log_hint(facts));
}

void check_port(const struct facts *facts, struct findings *findings)
{
	uint16_t port = check_port_number(facts);
	struct listener listener;
	bool is_listening = listener_find(port, &listener);

	if (facts->is_running)
		add_shared_port(facts, port, is_listening ? &listener : NULL, findings);
	else if (is_listening)
		add_holder(facts, port, &listener, findings);
	else
		findings_add(findings, FINDING_FINE, "port", "Port %u is free", port);
}

/* --- addresses --- */

static size_t read_addresses(struct address *chosen, size_t max)
{
	struct addresses all = {.n = 0};
	int fd = addresses_open();
	size_t n = 0;

	if (fd >= 0 && addresses_read(fd, &all) == 0)
		n = addresses_for_people(&all, chosen, max);
	fd_close(&fd);
	return n;
}

static bool is_local_only(const struct facts *facts, uint16_t port)
{
	struct listener listener;

	if (!facts->is_running)
		return is_units_matter(facts) && ports_of_unit(facts).is_local_only;
	return listener_find(port, &listener) && listener.is_local_only;
}

/* Does the server listen there?  So it says; one that says nothing does so everywhere. */
static bool is_served(const struct facts *facts, const struct address *address)
{
	const json_t *urls = json_object_get(facts->status, "urls"), *url;
	char text[INET6_ADDRSTRLEN + 2], begin[sizeof("http://") + sizeof(text)];
	size_t i, len;

	if (json_array_size(urls) == 0)
		return true;
	len = (size_t)snprintf(
		begin, sizeof(begin), "http://%s", address_format(address, text, sizeof(text)));
	json_array_foreach(urls, i, url)
	{
		const char *its = json_string_value(url);

		if (its && strncmp(its, begin, len) == 0 && (its[len] == ':' || its[len] == '/'))
			return true;
	}
	return false;
}

static size_t choose_served(const struct facts *facts, struct address *addresses, size_t n)
{
	size_t n_served = 0;

	for (size_t i = 0; i < n; i++)
		if (is_served(facts, &addresses[i]))
			addresses[n_served++] = addresses[i];
	return n_served;
}

/* "http://192.168.1.7:8001/ (wlan0), …"; where it listens at none of them, where else it does. */
static void list(const struct facts *facts, const struct address *addresses, size_t n,
	uint16_t port, char *out, size_t size)
{
	const json_t *first = json_array_get(json_object_get(facts->status, "urls"), 0);
	char text[INET6_ADDRSTRLEN + 2], its_port[sizeof(":65535")] = "";
	size_t len = 0;

	if (port != 80)
		snprintf(its_port, sizeof(its_port), ":%hu", port);
	out[0] = '\0';
	for (size_t i = 0; i < n && i < SHOWN_MAX && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%shttp://%s%s/ (%s)",
			i > 0 ? ", " : "", address_format(&addresses[i], text, sizeof(text)),
			its_port, addresses[i].ifname);
	if (n == 0)
		text_clean(json_string_value(first), URL_SHOWN_MAX, out, size);
}

void check_addresses(const struct facts *facts, struct findings *findings)
{
	uint16_t port = check_port_number(facts);
	struct address addresses[SHOWN_MAX];
	size_t n = read_addresses(addresses, SHOWN_MAX);
	bool is_virtual;
	char text[FINDING_WORDS_SIZE - 40];

	if (n == 0 || addresses[0].is_loopback) {
		findings_add(findings, FINDING_WRONG, "addresses",
			"This computer has no address at which another could reach it");
		findings_remedy(findings, "Connect it to the network that the others are in: nmcli "
					  "device wifi list; nmcli device status");
		return;
	}
	if (is_local_only(facts, port)) {
		findings_add(findings, FINDING_WRONG, "addresses",
			"It listens for this computer alone, no other can reach it");
		findings_remedy(findings,
			facts->sharer == FACTS_SERVICE ? "Take 127.0.0.1 away: sudo systemctl edit "
							 "--full " UNIT_SOCKET
			: facts->is_own_service ? "Take 127.0.0.1 away: systemctl --user edit "
						  "--full " UNIT_SOCKET
						: "Start it without --listen 127.0.0.1");
		return;
	}
	n = choose_served(facts, addresses, n);
	list(facts, addresses, n, port, text, sizeof(text));
	is_virtual = n > 0 && addresses[0].is_virtual;
	findings_add(findings, is_virtual ? FINDING_NOTE : FINDING_FINE, "addresses",
		is_virtual ? "Only at addresses of virtual networks: %s" : "Others open %s", text);
	if (is_virtual)
		findings_remedy(findings, "Connect it to the network that the others are in: nmcli "
					  "device status");
}

/* --- visitors --- */

static void add_nobody(const struct facts *facts, struct findings *findings)
{
	uint16_t port = check_port_number(facts);
	struct address addresses[SHOWN_MAX];
	size_t n = read_addresses(addresses, SHOWN_MAX);
	char url[128];

	if (is_local_only(facts, port)) {
		findings_add(findings, FINDING_NOTE, "visitors",
			"Nobody from another address has ever connected, and nobody can: it "
			"listens for this computer alone");
		return;
	}
	findings_add(findings, FINDING_NOTE, "visitors",
		"Nobody from another address has ever connected");
	if (n == 0 || addresses[0].is_loopback) {
		findings_remedy(findings, "Connect this computer to a network first");
		return;
	}
	n = choose_served(facts, addresses, n);
	list(facts, addresses, n < 1 ? n : 1, port, url, sizeof(url));
	url[strcspn(url, " ")] = '\0';
	findings_remedy(findings,
		"Open %s on a phone in the same network; if nothing comes, the firewall is shut, "
		"or "
		"the Wi-Fi keeps its guests apart (client isolation)",
		url);
}

void check_visitors(const struct facts *facts, struct findings *findings)
{
	const json_t *visitor = json_object_get(facts->status, "visitor");
	uint64_t ago_s = ask_number(visitor, "ago_s");
	char duration[TEXT_FIGURE_MAX], from[64];

	if (!facts->status) {
		findings_add(findings, FINDING_NOTE, "visitors",
			"Whether anybody has ever come can be told while it runs");
		return;
	}
	if (json_is_object(visitor)) {
		text_clean(ask_text(visitor, "address"), 46, from, sizeof(from));
		findings_add(findings, FINDING_FINE, "visitors",
			"Others get through: the last came %s ago%s%s",
			text_duration(ago_s < UINT64_MAX / 1000 ? ago_s * 1000 : 0, duration),
			*from ? " from " : "", from);
		return;
	}
	add_nobody(facts, findings);
}
