/* SPDX-License-Identifier: MIT */
#include "httpd/visitor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/log.h"
#include "common/messages.h"
#include "common/parse.h"
#include "httpd/files/disk_worker.h"

#define FILE_NAME "last-visitor"
#define TEXT_SIZE (INET6_ADDRSTRLEN + 2)

struct visitor {
	struct disk_workers *workers;
	char path[PATH_MAX], new_path[PATH_MAX + 4];
	int64_t last_s, kept_s; /* CLOCK_REALTIME; 0: never */
	char address[TEXT_SIZE];

	/* the worker's, while it is busy */
	struct disk_job job;
	bool is_busy;
	char line[TEXT_SIZE + 32];
};

/* --- the file --- */

static void read_kept(struct visitor *visitor)
{
	FILE *file = fopen(visitor->path, "re");
	char line[sizeof(visitor->line)], *space;
	struct address address;
	uint64_t seconds;

	if (!file)
		return;
	if (fgets(line, sizeof(line), file) && (space = strchr(line, ' '))) {
		line[strcspn(line, "\n")] = '\0';
		/* Brackets of IPv6 stand in URLs, not in what is parsed. */
		size_t bracket = space[1] == '[', len = strlen(space + 1 + bracket);

		if (parse_number(line, (size_t)(space - line), 1, INT64_MAX, &seconds) == 0 &&
			len > bracket &&
			parse_network(space + 1 + bracket, len - bracket, &address) == 0) {
			visitor->last_s = visitor->kept_s = (int64_t)seconds;
			address_format(&address, visitor->address, sizeof(visitor->address));
		}
	}
	fclose(file);
}

/* On a worker: the old line stays until the new one is there. */
static void write_kept(struct disk_job *job)
{
	struct visitor *visitor = (struct visitor *)((char *)job - offsetof(struct visitor, job));
	size_t len = strlen(visitor->line);
	int fd = open(visitor->new_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool is_written = fd >= 0 && write(fd, visitor->line, len) == (ssize_t)len;

	fd_close(&fd);
	if (!is_written || rename(visitor->new_path, visitor->path) < 0)
		unlink(visitor->new_path);
}

static void written(struct disk_job *job)
{
	struct visitor *visitor = (struct visitor *)((char *)job - offsetof(struct visitor, job));

	visitor->is_busy = false;
}

static void keep(struct visitor *visitor)
{
	if (visitor->is_busy)
		return;
	visitor->is_busy = true;
	visitor->kept_s = visitor->last_s;
	snprintf(visitor->line, sizeof(visitor->line), "%" PRId64 " %s\n", visitor->last_s,
		visitor->address);
	disk_submit(visitor->workers, &visitor->job);
}

/* --- visits --- */

static bool is_from_here(const struct address *peer, const struct address *local)
{
	if (peer->family == AF_INET)
		return peer->ip.s6_addr[0] == 127 ||
		       (local->family == AF_INET && memcmp(&peer->ip, &local->ip, 4) == 0);
	return IN6_IS_ADDR_LOOPBACK(&peer->ip) || IN6_ARE_ADDR_EQUAL(&peer->ip, &local->ip);
}

void visitor_note(struct visitor *visitor, const struct address *peer, const struct address *local)
{
	bool is_first = visitor->last_s == 0;

	if (is_from_here(peer, local))
		return;
	visitor->last_s = (int64_t)time(NULL);
	address_format(peer, visitor->address, sizeof(visitor->address));
	if (is_first) {
		const struct log_fields fields = {
			.message = MESSAGE_REACHED, .viewer = visitor->address};

		log_at(LOG_INFO, &fields, "Reached from another computer for the first time: by %s",
			visitor->address);
	}
	/* Also after the clock was set back. */
	if (visitor->last_s - visitor->kept_s >= VISITOR_KEEP_S ||
		visitor->last_s < visitor->kept_s)
		keep(visitor);
}

json_t *visitor_json(const struct visitor *visitor, bool with_address)
{
	int64_t ago_s = (int64_t)time(NULL) - visitor->last_s;

	if (visitor->last_s == 0)
		return json_null();
	return json_pack("{sI ss*}", "ago_s", (json_int_t)(ago_s > 0 ? ago_s : 0), "address",
		with_address ? visitor->address : NULL);
}

/* --- its life --- */

int visitor_create(struct disk_workers *workers, const char *state_dir, struct visitor **out)
{
	struct visitor *visitor = calloc(1, sizeof(*visitor));

	if (!visitor)
		return -ENOMEM;
	visitor->workers = workers;
	visitor->job = (struct disk_job){.run = write_kept, .done = written};
	snprintf(visitor->path, sizeof(visitor->path), "%s/" FILE_NAME, state_dir);
	snprintf(visitor->new_path, sizeof(visitor->new_path), "%s.new", visitor->path);
	read_kept(visitor);
	*out = visitor;
	return 0;
}

void visitor_destroy(struct visitor *visitor)
{
	free(visitor);
}
