/* SPDX-License-Identifier: MIT */
/*
 * Is there room: for files, for pictures in shared memory, for connections?
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "cli/doctor/checks.h"
#include "common/fd.h"

#define MB              1000000u
#define SHM_FOLDER      "/dev/shm"
#define SHM_NEEDED_MB   80u /* rings of the screen in both encodings, camera and sound, at 1080p */
#define SPARE_FDS       256u
#define UNIT_SERVICE    "screenshare.service"
#define SERVICE_FOLDER  "/var/lib/screenshare"
#define SERVICE_ACCOUNT "screenshare"
#define DROP_IN_FOLDER  "/etc/systemd/system/screenshare.service.d"

/* --- files --- */

/* Is `path` the folder, or inside it? */
static bool is_within(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	while (len > 1 && folder[len - 1] == '/')
		len--;
	return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Does the unit let the service write there?  Everything else is read-only to it. */
static bool unit_permits(const struct facts *facts, const char *folder)
{
	char *path = facts_unit_path(UNIT_SERVICE), **paths = NULL;
	bool is_permitted = is_within(folder, SERVICE_FOLDER);

	if (path && facts->bus &&
		sd_bus_get_property_strv(facts->bus, "org.freedesktop.systemd1", path,
			"org.freedesktop.systemd1.Service", "ReadWritePaths", NULL, &paths) >= 0)
		for (char **p = paths; p && *p; p++)
			/* "-" before one that may be missing, "+" before one below RootDirectory=
			 */
			is_permitted |= is_within(folder, *p + strspn(*p, "-+"));
	for (char **p = paths; p && *p; p++)
		free(*p);
	free(paths);
	free(path);
	return is_permitted;
}

static void add_drop_in(const char *folder, struct findings *findings)
{
	findings_add(findings, FINDING_WRONG, "files",
		"The service may not write to %.200s: all but its own folder is read-only to it",
		folder);
	findings_remedy(findings,
		"Make the folder, give it to the service, and permit it by a drop-in:\n"
		"    sudo install -d -o " SERVICE_ACCOUNT " -g " SERVICE_ACCOUNT " -m 750 %.100s\n"
		"    sudo mkdir -p " DROP_IN_FOLDER "\n"
		"    printf '[Service]\\nReadWritePaths=%.100s\\n' |\n"
		"        sudo tee " DROP_IN_FOLDER "/folder.conf\n"
		"    sudo systemctl daemon-reload && sudo systemctl restart screenshare",
		folder, folder);
}

void check_files(const struct facts *facts, struct findings *findings)
{
	const char *folder = facts->config.files.folder;

	if (facts->sharer == FACTS_SERVICE && folder[0] && !unit_permits(facts, folder))
		add_drop_in(folder, findings);
	else
		check_by_probe(facts, "screenshare-httpd", "files", findings);
}

/* --- shared memory --- */

/* As the rings are made: created, given its memory, removed.  0 or -errno. */
static int try_shared_memory(void)
{
	char name[64];
	int fd, r;

	snprintf(name, sizeof(name), "/screenshare-doctor-%d", (int)getpid());
	fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	shm_unlink(name);
	r = -posix_fallocate(fd, 0, MB);
	fd_close(&fd);
	return r;
}

void check_shared_memory(const struct facts *facts, struct findings *findings)
{
	struct statvfs fs;
	uint64_t size_mb, free_mb;
	int r = statvfs(SHM_FOLDER, &fs) < 0 ? -errno : try_shared_memory();
	(void)facts;

	if (r < 0) {
		findings_add(findings, FINDING_WRONG, "memory",
			"No shared memory can be had in " SHM_FOLDER ": %s", strerror(-r));
		findings_remedy(findings,
			r == -ENOSPC
				? "See what fills it: ls -lS " SHM_FOLDER
				: "Mount it: sudo mount -t tmpfs -o mode=1777 tmpfs " SHM_FOLDER);
		return;
	}
	size_mb = fs.f_blocks * (uint64_t)fs.f_frsize / MB;
	free_mb = fs.f_bavail * (uint64_t)fs.f_frsize / MB;
	findings_add(findings, free_mb >= SHM_NEEDED_MB ? FINDING_FINE : FINDING_WRONG, "memory",
		SHM_FOLDER " has %" PRIu64 " of %" PRIu64 " MB free", free_mb, size_mb);
	if (free_mb < SHM_NEEDED_MB)
		findings_remedy(findings,
			"Pictures need up to %u MB there; remove what fills it (ls -lS " SHM_FOLDER
			"), or enlarge it: sudo mount -o remount,size=512M " SHM_FOLDER,
			SHM_NEEDED_MB);
}

/* --- limits --- */

void check_limits(const struct facts *facts, struct findings *findings)
{
	uint64_t needed = facts->config.http.connections_max + SPARE_FDS, limit = 0;
	bool is_service = facts->sharer == FACTS_SERVICE;
	struct rlimit own;

	if (is_service) {
		if (facts_unit_number(facts, UNIT_SERVICE, "Service", "LimitNOFILE", &limit) < 0)
			limit = 0;
	} else if (getrlimit(RLIMIT_NOFILE, &own) == 0) {
		limit = own.rlim_max;
	}
	if (limit == 0) {
		findings_add(findings, FINDING_NOTE, "limits",
			"How many connections the service may have cannot be told");
		return;
	}
	findings_add(findings, limit >= needed ? FINDING_FINE : FINDING_WRONG, "limits",
		limit >= needed ? "%u connections may be open at the same time"
				: "%u connections are configured, and fewer files may be open",
		facts->config.http.connections_max);
	if (limit < needed)
		findings_remedy(findings,
			is_service ? "Lower [http] connections_max, or raise LimitNOFILE= by "
				     "sudo systemctl edit screenshare to %" PRIu64
				   : "Lower [http] connections_max, or raise the limit before: "
				     "ulimit -n %" PRIu64,
			needed);
}
