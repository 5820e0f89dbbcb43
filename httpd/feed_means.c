/* SPDX-License-Identifier: MIT */
#include "httpd/feed_means.h"

#include <stdio.h>

#include "common/service.h"

void feed_socket_path(
	const struct feed_means *means, enum source_id source, char path[FEED_PATH_BYTES])
{
	static const char *const names[SOURCE_COUNT] = {
		[SOURCE_SCREEN] = SERVICE_SOCK_SCREEN,
		[SOURCE_CAMERA] = SERVICE_SOCK_CAMERA,
		[SOURCE_AUDIO] = SERVICE_SOCK_AUDIO,
	};

	snprintf(path, FEED_PATH_BYTES, "%s/%s", means->runtime_dir, names[source]);
}
