/* SPDX-License-Identifier: MIT */
/*
 * The one place that decides who may do what.
 *
 *     where it comes from ──► what it asked for (Host) ──► whose page asks (Origin) ──► yes | no,
 * why
 *
 * A peer may watch from this machine, from private and link-local ranges, from the same link as the
 * address that it reached (home IPv6 is global), and from [http] allow.  The Host must be an
 * address or a name of this machine, so that a foreign page cannot rebind its own name to us; its
 * port is not compared, since ports are forwarded.  What changes something must also come from a
 * page of ours.  The presenter, who may do everything else, comes over the control socket alone.
 * Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/addresses.h"
#include "common/config.h"

struct access; /* opaque */

enum access_right {
	ACCESS_VIEW,   /* see and read */
	ACCESS_CHANGE, /* change something: never from another site's page */
};

enum access_verdict {
	ACCESS_GRANTED,
	ACCESS_NOT_FROM_THERE,     /* 403: the peer's address is outside of what may watch */
	ACCESS_NOT_THIS_HOST,      /* 421: asked for under a name that is not this machine's */
	ACCESS_NOT_FROM_THAT_PAGE, /* 403: another site's page asks for a change */
};

/* Who asks, and how.  Texts are NULL where the header is missing. */
struct access_question {
	const struct address *peer, *local; /* the local one is the address that it reached */
	const char *host;
	const char *origin, *sec_fetch_site, *referer;
	enum access_right right;
};

/*
 * `netlink_fd` (-1: none) lists the machine's addresses and is owned by the access from here on if
 * this succeeds.  0; -ENOMEM; -EINVAL for an [http] allow that config_load() would not have taken.
 */
int access_create(const struct config *config, int netlink_fd, struct access **out);
void access_destroy(struct access *access); /* accepts NULL */
/* From now on by that configuration.  0; what access_create() fails with, and nothing has changed.
 */
int access_configure(struct access *access, const struct config *config);

/* The first thing that is against it counts, in the order of the verdicts. */
enum access_verdict access_decide(struct access *access, const struct access_question *question);

/* True for who may use the control socket: root, our own user, the user of seat0's active session.
 */
bool access_is_presenter(uid_t uid);

/* The machine's addresses, read again at most every two seconds; empty if they cannot be. */
const struct addresses *access_addresses(struct access *access);
