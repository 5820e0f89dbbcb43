/* SPDX-License-Identifier: MIT */
/*
 * screenshare-audio: what this computer plays, and what its microphone hears, as streams.
 */
#include <stdlib.h>
#include <string.h>

#include "capd/daemon.h"
#include "common/log.h"
#include "common/service.h"

struct audio {
	struct config config;
	struct service_options options;
	struct daemon *daemon;
};

static bool has_stream(void *arg, enum stream_id stream)
{
	(void)arg;
	return stream == STREAM_PCM || stream == STREAM_OPUS;
}

static void on_demand(void *arg, unsigned streams, uint32_t rate_millihertz)
{
	struct audio *audio = arg;
	(void)rate_millihertz;

	if (streams)
		daemon_set_state(audio->daemon, STATE_NO_DEVICE, NULL, false);
}

static void on_key_frame(void *arg, enum stream_id stream)
{
	(void)arg, (void)stream;
}

static const struct daemon_ops daemon_ops = {
	.has_stream = has_stream,
	.on_demand = on_demand,
	.on_key_frame = on_key_frame,
};

int main(int argc, char **argv)
{
	struct audio audio = {0};
	int status = service_begin("audio", argc, argv, &audio.options, &audio.config);

	if (status != 0)
		return status;
	int listen_fd = service_take_socket(SERVICE_FD_CAPTURE);
	if (listen_fd < 0) {
		log_err("Could not start: no socket named \"%s\" was passed; start "
			"screenshare-audio.socket, or use `screenshare run`",
			SERVICE_FD_CAPTURE);
		return SERVICE_EXIT_CONFIG;
	}
	int r = daemon_create(SOURCE_AUDIO, listen_fd, &daemon_ops, &audio, &audio.daemon);
	if (r < 0) {
		log_err("Could not start: %s", strerror(-r));
		status = EXIT_FAILURE;
	} else {
		status = daemon_run(audio.daemon);
	}
	daemon_destroy(audio.daemon);
	return status;
}
