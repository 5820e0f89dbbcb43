/* SPDX-License-Identifier: MIT */
/*
 * screenshare-camera: the camera as a stream, for whoever subscribes to the capture socket.
 */
#include <stdlib.h>
#include <string.h>

#include "capd/daemon.h"
#include "common/log.h"
#include "common/service.h"

struct camera {
	struct config config;
	struct service_options options;
	struct daemon *daemon;
};

static bool has_stream(void *arg, enum stream_id stream)
{
	(void)arg;
	return stream == STREAM_JPEG;
}

static void on_demand(void *arg, unsigned streams, uint32_t rate_millihertz)
{
	struct camera *camera = arg;
	(void)rate_millihertz;

	if (streams)
		daemon_set_state(camera->daemon, STATE_NO_DEVICE, NULL, true);
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
	struct camera camera = {0};
	int status = service_begin("camera", argc, argv, &camera.options, &camera.config);

	if (status != 0)
		return status;
	int listen_fd = service_take_socket(SERVICE_FD_CAPTURE);
	if (listen_fd < 0) {
		log_err("Could not start: no socket named \"%s\" was passed; start "
			"screenshare-camera.socket, or use `screenshare run`",
			SERVICE_FD_CAPTURE);
		return SERVICE_EXIT_CONFIG;
	}
	int r = daemon_create(SOURCE_CAMERA, listen_fd, &daemon_ops, &camera, &camera.daemon);
	if (r < 0) {
		log_err("Could not start: %s", strerror(-r));
		status = EXIT_FAILURE;
	} else {
		status = daemon_run(camera.daemon);
	}
	daemon_destroy(camera.daemon);
	return status;
}
