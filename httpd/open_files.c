/* SPDX-License-Identifier: MIT */
#include "httpd/open_files.h"

#include <sys/resource.h>

#include "common/log.h"

#define SPARE 256u /* beside connections: rings, capture and control sockets, uploads */

/* The soft limit is 1024 for the sake of select(), which nothing here uses. */
void open_files_allow(const struct config *config)
{
	rlim_t wanted = config->http.connections_max + SPARE;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < wanted)
		log_warn(
			"Could not allow for %u connections: this process may open only %lu files; "
			"raise LimitNOFILE= of the service",
			config->http.connections_max, (unsigned long)limit.rlim_cur);
}
