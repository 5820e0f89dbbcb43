/* SPDX-License-Identifier: MIT */
/*
 * A reload reads the configuration again while viewers watch.
 *
 *     SIGHUP, "reload" on the control socket ──► read ──► whole and valid? ──► RELOADING=1, adopt,
 *                                                              │                 READY=1
 *                                                              └─no─► said; the old one stays
 *
 * Nothing is half taken over, and nobody loses a connection: who is connected stays, whoever comes
 * is met by the new rules.  RELOADING=1 has the service manager, or `screenshare run`, tell the
 * capture daemons, which only hear of a configuration that was taken here.  Event-loop thread only.
 */
#pragma once

#include "common/config.h"
#include "common/service.h"

struct reload; /* opaque */
struct site;

/* All three are borrowed for life; `config` is what site->config points to.  0 or -ENOMEM. */
int reload_create(struct site *site, const struct service_options *options, struct config *config,
	struct reload **out);
void reload_destroy(struct reload *reload); /* accepts NULL */

/* 0; else -errno, nothing has changed, and `error` says why.  Both outcomes are logged here. */
int reload_now(struct reload *reload, struct config_error *error);
