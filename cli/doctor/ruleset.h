/* SPDX-License-Identifier: MIT */
/*
 * What `nft list ruleset` prints, as far as it tells whether a TCP port is open to others.
 *
 *     chains on the way in ──► each rule, in order ──► a verdict on each chain ──► the worst
 *
 * These are the chains that filter and hook ingress, prerouting or input.  A rule that is no matter
 * of this port's (loopback, what belongs to a connection, ICMP, UDP, other ports) is passed over;
 * where one that might be, a jump, a set of addresses, comes before the one that decides, nothing
 * is claimed.  Pure.
 */
#pragma once

#include <stdint.h>

enum ruleset_verdict {
	RULESET_PASSES, /* nothing is dropped */
	RULESET_OPEN,   /* all is dropped but what a rule accepts, and one accepts this port */
	RULESET_UNSURE, /* it has rules which this does not follow */
	RULESET_SHUT,   /* it is dropped, and nothing before that accepts it */
};

/* The worst verdict of all chains on the way in; RULESET_PASSES if there are none. */
enum ruleset_verdict ruleset_judge(const char *ruleset, uint16_t port);
