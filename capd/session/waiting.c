/* SPDX-License-Identifier: MIT */
#include "capd/session/waiting.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

struct waiting {
	const struct daemon_ops *ops;
	void *arg;
	enum source_id source;
	struct daemon *daemon;
};

static void on_verdict(void *arg, const struct session_verdict *verdict)
{
	struct waiting *waiting = arg;

	if (verdict->kind == SESSION_HOLD)
		daemon_set_state(waiting->daemon, verdict->state, verdict->words,
			waiting->source == SOURCE_SCREEN && verdict->state != STATE_STARTING);
	else
		sd_event_exit(daemon_event(waiting->daemon), 0);
}

static const struct session_ops session_ops = {.on_verdict = on_verdict};

static bool has_stream(void *arg, enum stream_id stream)
{
	struct waiting *waiting = arg;

	return waiting->ops->has_stream(waiting->arg, stream);
}

static int on_switch(void *arg, enum audio_input input, bool muted)
{
	struct waiting *waiting = arg;

	return waiting->ops->on_switch(waiting->arg, input, muted);
}

/* Whatever is wanted, there is nothing to give. */
static void on_demand(void *arg, unsigned streams, uint32_t rate_millihertz)
{
	(void)arg, (void)streams, (void)rate_millihertz;
}

static void on_key_frame(void *arg, enum stream_id stream)
{
	(void)arg, (void)stream;
}

int waiting_run(struct session *session, enum source_id source,
	const struct service_options *options, const struct config *config, int listen_fd,
	const struct daemon_ops *ops, void *arg)
{
	const struct daemon_ops own = {
		.has_stream = has_stream,
		.on_demand = on_demand,
		.on_key_frame = on_key_frame,
		.on_switch = ops->on_switch ? on_switch : NULL,
	};
	struct waiting waiting = {.ops = ops, .arg = arg, .source = source};
	int status = EXIT_FAILURE;
	int r = daemon_create(source, listen_fd, &own, &waiting, &waiting.daemon);

	if (r == 0)
		r = daemon_follow_config(waiting.daemon, options, config);
	if (r == 0)
		r = session_follow(session, daemon_event(waiting.daemon), &session_ops, &waiting);
	if (r < 0)
		log_err("Could not start: %s", strerror(-r));
	else
		status = daemon_run(waiting.daemon);
	daemon_destroy(waiting.daemon);
	return status;
}
