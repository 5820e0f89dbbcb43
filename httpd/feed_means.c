/* SPDX-License-Identifier: MIT */
#include "httpd/feed_means.h"

#include <stdio.h>

#include "common/service.h"

void feed_socket_path(
	const struct feed_means *means, enum source_id source, char path[FEED_PATH_BYTES])
{
	snprintf(
		path, FEED_PATH_BYTES, "%s/%s", means->runtime_dir, service_capture_socket(source));
}
