/* SPDX-License-Identifier: MIT */
#include "httpd/access.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <systemd/sd-login.h>

#include "common/clock.h"
#include "common/fd.h"
#include "common/parse.h"

#define ADDRESSES_FRESH_NS (2 * NS_PER_S)
#define HOST_SIZE          256 /* a name in the DNS has 253 characters at most */

struct access {
	int netlink_fd;
	char hosts[CONFIG_TEXT_MAX];
	size_t n_allowed;
	struct address *allowed; /* [http] allow */
	uint64_t addresses_ns;   /* when they were read; 0: never */
	struct addresses addresses;
};

/* --- where it comes from --- */

/* What no router carries from the internet to here. */
#define NETWORK(family_, bits, ...)                                                                \
	{                                                                                          \
		.family = (family_), .prefix_len = (bits), .ip.s6_addr = { __VA_ARGS__ }           \
	}
static const struct address LOCAL_NETWORKS[] = {
	NETWORK(AF_INET, 8, 127), /* the first two are this machine */
	NETWORK(AF_INET6, 128, [15] = 1),
	NETWORK(AF_INET, 8, 10),
	NETWORK(AF_INET, 12, 172, 16),
	NETWORK(AF_INET, 16, 192, 168),
	NETWORK(AF_INET, 16, 169, 254),
	NETWORK(AF_INET, 10, 100, 64),
	NETWORK(AF_INET6, 10, 0xfe, 0x80),
	NETWORK(AF_INET6, 7, 0xfc),
};
#define N_LOOPBACK_NETWORKS 2u
#define N_LOCAL_NETWORKS    (sizeof(LOCAL_NETWORKS) / sizeof(LOCAL_NETWORKS[0]))

static bool is_in(const struct address *networks, size_t n, const struct address *address)
{
	for (size_t i = 0; i < n; i++)
		if (address_in_network(&networks[i], address))
			return true;
	return false;
}

static bool may_come_from(
	struct access *access, const struct address *peer, const struct address *local)
{
	return is_in(LOCAL_NETWORKS, N_LOCAL_NETWORKS, peer) ||
	       is_in(access->allowed, access->n_allowed, peer) ||
	       addresses_same_link(access_addresses(access), local, peer);
}

/* --- what it asked for --- */

static bool same_ip(const struct address *a, const struct address *b)
{
	return a->family == b->family &&
	       memcmp(&a->ip, &b->ip, a->family == AF_INET ? 4 : sizeof(a->ip)) == 0;
}

/* Takes the port off: "name", "name:8001", "[fd00::1]:8001".  False if it is none of these. */
static bool host_name(const char *host, char out[HOST_SIZE])
{
	size_t len = strcspn(host, *host == '[' ? "]" : ":[]%");
	const char *port;
	uint64_t number;

	if (*host == '[' && host[len++] != ']')
		return false;
	port = host + len;
	if (len == 0 || len >= HOST_SIZE || (*port != '\0' && *port != ':'))
		return false;
	/* An empty port is none (RFC 3986); what is there must be a port. */
	if (*port == ':' && port[1] != '\0' &&
		parse_number(port + 1, strlen(port + 1), 0, 65535, &number) < 0)
		return false;
	memcpy(out, host, len);
	out[len] = '\0';
	return true;
}

/* "192.168.1.5", "[fd00::1]"; a zone is each machine's own business. */
static bool host_address(const char *host, struct address *out)
{
	char name[INET6_ADDRSTRLEN];
	size_t len = strcspn(host += *host == '[', "]%");

	*out = (struct address){.family = AF_INET};
	if (len >= sizeof(name))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (inet_pton(AF_INET, name, &out->ip) == 1)
		return true;
	out->family = AF_INET6;
	if (inet_pton(AF_INET6, name, &out->ip) != 1)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&out->ip)) {
		out->family = AF_INET;
		memmove(out->ip.s6_addr, out->ip.s6_addr + 12, 4);
		memset(out->ip.s6_addr + 4, 0, 12);
	}
	return true;
}

static bool is_our_address(
	struct access *access, const struct address *asked, const struct address *local)
{
	const struct addresses *addresses;

	if (same_ip(asked, local) || is_in(LOCAL_NETWORKS, N_LOOPBACK_NETWORKS, asked))
		return true;
	addresses = access_addresses(access);
	for (size_t i = 0; i < addresses->n; i++)
		if (same_ip(asked, &addresses->list[i]))
			return true;
	return false;
}

static bool ends_with(const char *name, size_t len, const char *end)
{
	size_t end_len = strlen(end);

	return len > end_len && strcasecmp(name + len - end_len, end) == 0;
}

/*
 * The host name, whole and short; short also under names that nobody can register in the public
 * DNS.  Not under any other domain: whoever owns that could point it here and be read as us.
 */
static bool is_our_name(const char *name)
{
	static const char *const private_domains[] = {
		"", ".local", ".lan", ".home.arpa", ".internal"};
	char own[HOST_NAME_MAX + 1];
	size_t own_len;

	if (gethostname(own, sizeof(own)) < 0)
		return false;
	own[sizeof(own) - 1] = '\0';
	if (own[0] == '\0')
		return false;
	if (strcasecmp(name, own) == 0)
		return true;
	own_len = strcspn(own, ".");
	if (own_len == 0 || strncasecmp(name, own, own_len) != 0)
		return false;
	for (size_t i = 0; i < sizeof(private_domains) / sizeof(private_domains[0]); i++)
		if (strcasecmp(name + own_len, private_domains[i]) == 0)
			return true;
	return false;
}

static bool is_configured_name(const struct access *access, const char *name)
{
	size_t len = strlen(name);

	for (const char *s = access->hosts; *s != '\0';) {
		size_t n = strcspn(s, " \t");

		if (n == len && strncasecmp(s, name, n) == 0)
			return true;
		s += n;
		s += strspn(s, " \t");
	}
	return false;
}

static bool is_this_host(struct access *access, const char *host, const struct address *local)
{
	char name[HOST_SIZE];
	struct address asked;
	size_t len;

	if (!host || !host_name(host, name))
		return false;
	len = strlen(name);
	if (name[len - 1] == '.') /* "pc.local." is the same name */
		name[--len] = '\0';
	if (is_configured_name(access, name))
		return true;
	if (host_address(name, &asked))
		return is_our_address(access, &asked, local);
	/* Browsers resolve *.localhost themselves (RFC 6761): it cannot be rebound. */
	return *host != '[' && (strcasecmp(name, "localhost") == 0 ||
				       ends_with(name, len, ".localhost") || is_our_name(name));
}

/* --- whose page asks --- */

/* True if `url` is of the site that we were asked for: same scheme family, host and port. */
static bool is_same_origin(const char *url, const char *host)
{
	size_t len = strlen(host);

	if (strncasecmp(url, "http://", 7) == 0)
		url += 7;
	else if (strncasecmp(url, "https://", 8) == 0) /* behind a proxy of the administrator's */
		url += 8;
	else
		return false;
	return strncasecmp(url, host, len) == 0 && (url[len] == '\0' || url[len] == '/');
}

/* Sec-Fetch-Site, then Origin, then Referer; tools, which send none of them, are no pages. */
static bool is_from_our_page(const struct access_question *question)
{
	if (question->sec_fetch_site)
		return strcmp(question->sec_fetch_site, "same-origin") == 0 ||
		       strcmp(question->sec_fetch_site, "none") == 0;
	if (question->origin)
		return is_same_origin(question->origin, question->host);
	if (question->referer)
		return is_same_origin(question->referer, question->host);
	return true;
}

/* --- the decision --- */

enum access_verdict access_decide(struct access *access, const struct access_question *question)
{
	if (!may_come_from(access, question->peer, question->local))
		return ACCESS_NOT_FROM_THERE;
	if (!is_this_host(access, question->host, question->local))
		return ACCESS_NOT_THIS_HOST;
	if (question->right == ACCESS_CHANGE && !is_from_our_page(question))
		return ACCESS_NOT_FROM_THAT_PAGE;
	return ACCESS_GRANTED;
}

bool access_is_presenter(uid_t uid)
{
	uid_t active;

	if (uid == 0 || uid == geteuid())
		return true;
	return sd_seat_get_active("seat0", NULL, &active) >= 0 && uid == active;
}

const struct addresses *access_addresses(struct access *access)
{
	uint64_t now_ns = clock_monotonic_ns();

	if (access->netlink_fd >= 0 &&
		(access->addresses_ns == 0 ||
			now_ns - access->addresses_ns >= ADDRESSES_FRESH_NS)) {
		/* A failure leaves the list empty: then only what is certain may watch. */
		addresses_read(access->netlink_fd, &access->addresses);
		access->addresses_ns = now_ns;
	}
	return &access->addresses;
}

/* --- configuration --- */

int access_configure(struct access *access, const struct config *config)
{
	struct address *allowed = calloc(CONFIG_TEXT_MAX / 2, sizeof(*allowed));
	const char *text = config->http.allow;
	size_t n = 0;

	if (!allowed)
		return -ENOMEM;
	for (size_t len; *(text += strspn(text, " \t")) != '\0'; text += len) {
		int r;

		len = strcspn(text, " \t");
		r = parse_network(text, len, &allowed[n++]);
		if (r < 0) {
			free(allowed);
			return r;
		}
	}
	free(access->allowed);
	access->allowed = allowed;
	access->n_allowed = n;
	memcpy(access->hosts, config->http.hosts, sizeof(access->hosts));
	return 0;
}

int access_create(const struct config *config, int netlink_fd, struct access **out)
{
	struct access *access = calloc(1, sizeof(*access));
	int r;

	if (!access)
		return -ENOMEM;
	access->netlink_fd = -1;
	r = access_configure(access, config);
	if (r < 0) {
		access_destroy(access);
		return r;
	}
	access->netlink_fd = netlink_fd;
	*out = access;
	return 0;
}

void access_destroy(struct access *access)
{
	if (!access)
		return;
	fd_close(&access->netlink_fd);
	free(access->allowed);
	free(access);
}
