/* SPDX-License-Identifier: MIT */
#include "cli/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fd.h"
#include "common/parse.h"
#include "common/unix_socket.h"

/* The kernel lowers it to net.core.somaxconn: a room full of people at once waits, none is refused.
 */
#define BACKLOG 4096

/* --- addresses --- */

static struct sockaddr_in *in4(const struct listen_address *address)
{
	return (struct sockaddr_in *)&address->sockaddr;
}

static struct sockaddr_in6 *in6(const struct listen_address *address)
{
	return (struct sockaddr_in6 *)&address->sockaddr;
}

int listen_parse(const char *text, struct listen_address *out)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	const char *colon = strrchr(text, ':');
	struct addrinfo *found;
	char host[LISTEN_TEXT_MAX];
	bool in_brackets;
	uint64_t port;
	size_t len;

	if (!colon || parse_number(colon + 1, strlen(colon + 1), 0, 65535, &port) < 0)
		return -EINVAL;
	len = (size_t)(colon - text);
	in_brackets = len >= 2 && text[0] == '[' && text[len - 1] == ']';
	if (in_brackets) {
		text++;
		len -= 2;
	}
	if (len == 0 || len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	host[len] = '\0';
	if (in_brackets != (strchr(host, ':') != NULL))
		return -EINVAL;
	if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
		return -EINVAL;
	memcpy(&out->sockaddr, found->ai_addr, found->ai_addrlen);
	out->len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

const char *listen_format(const struct listen_address *address, char *out, size_t len)
{
	const char *format = address->sockaddr.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s";
	char host[LISTEN_TEXT_MAX], port[8];

	if (getnameinfo((const struct sockaddr *)&address->sockaddr, address->len, host,
		    sizeof(host), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
		snprintf(host, sizeof(host), "?");
		snprintf(port, sizeof(port), "?");
	}
	snprintf(out, len, format, host, port);
	return out;
}

uint16_t listen_port(const struct listen_address *address)
{
	if (address->sockaddr.ss_family == AF_INET6)
		return ntohs(in6(address)->sin6_port);
	return ntohs(in4(address)->sin_port);
}

bool listen_is_wildcard(const struct listen_address *address)
{
	if (address->sockaddr.ss_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&in6(address)->sin6_addr);
	return in4(address)->sin_addr.s_addr == htonl(INADDR_ANY);
}

/* --- sockets --- */

static int listen_at(struct listen_address *address, int *out)
{
	int on = 1, off = 0, r;
	int fd = socket(address->sockaddr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	/* Without it the port stays taken for a minute after viewers were connected. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		goto fail;
	if (address->sockaddr.ss_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
		goto fail;
	if (bind(fd, (const struct sockaddr *)&address->sockaddr, address->len) < 0 ||
		listen(fd, BACKLOG) < 0)
		goto fail;
	address->len = sizeof(address->sockaddr);
	if (getsockname(fd, (struct sockaddr *)&address->sockaddr, &address->len) < 0)
		goto fail;
	*out = fd;
	return 0;
fail:
	r = -errno;
	fd_close(&fd);
	return r;
}

int listen_tcp(struct listen_address *address, int *fd)
{
	bool is_both = address->sockaddr.ss_family == AF_INET6 && listen_is_wildcard(address);
	in_port_t port = in6(address)->sin6_port;
	int r = listen_at(address, fd);

	if (!is_both || (r != -EAFNOSUPPORT && r != -EADDRNOTAVAIL))
		return r;
	*address = (struct listen_address){.len = sizeof(struct sockaddr_in)};
	*in4(address) = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = port, .sin_addr.s_addr = htonl(INADDR_ANY)};
	return listen_at(address, fd);
}

int listen_unix(const char *path, int type, int *out)
{
	struct sockaddr_un address;
	mode_t mask;
	int fd, r = unix_socket_address(path, &address);

	if (r < 0)
		return r;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0177);
	r = bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	umask(mask);
	if (r == 0 && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r < 0) {
		fd_close(&fd);
		return r;
	}
	*out = fd;
	return 0;
}
