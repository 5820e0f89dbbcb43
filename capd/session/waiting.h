/* SPDX-License-Identifier: MIT */
/*
 * What a capture daemon does while nobody's desktop is there for it to become: it says so, to all
 * who subscribe, and opens nothing.  It ends when there is one, or when the configuration has
 * changed.
 */
#pragma once

#include "capd/daemon.h"
#include "capd/session/session.h"

/*
 * Serves `listen_fd` (taken over).  `options` and `config`, as it was read, are borrowed.  Of
 * `ops`, has_stream and on_switch are asked, with `arg`.  The exit status.
 */
int waiting_run(struct session *session, enum source_id source,
	const struct service_options *options, const struct config *config, int listen_fd,
	const struct daemon_ops *ops, void *arg);
