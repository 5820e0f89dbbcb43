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
#define SYSTEMD         "org.freedesktop.systemd1"
#define SERVICE         SYSTEMD ".Service"
#define SHOWN_FOLDER    "/srv/share" /* of our example */
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

/* ReadWritePaths=: does the unit let the service write there?  All else is read-only to it. */
static bool is_writable(const struct facts *facts, const char *unit, const char *folder)
{
	bool is_found = is_within(folder, SERVICE_FOLDER);
	char **paths = NULL;

	if (sd_bus_get_property_strv(
		    facts->bus, SYSTEMD, unit, SERVICE, "ReadWritePaths", NULL, &paths) < 0)
		paths = NULL;
	for (char **p = paths; p && *p; p++) {
		/* "-" before one that may be missing, "+" before one below RootDirectory= */
		is_found |= is_within(folder, *p + strspn(*p, "-+"));
		free(*p);
	}
	free(paths);
	return is_found;
}

/* BindPaths=: is something else of this computer shown to the service there? */
static bool is_bound(const struct facts *facts, const char *unit, const char *folder)
{
	sd_bus_message *message = NULL;
	const char *source, *destination;
	bool is_found = false;
	int may_be_missing;
	uint64_t flags;
	int r = sd_bus_get_property(
		facts->bus, SYSTEMD, unit, SERVICE, "BindPaths", NULL, &message, "a(ssbt)");

	if (r >= 0)
		r = sd_bus_message_enter_container(message, 'a', "(ssbt)");
	while (r >= 0 && (r = sd_bus_message_read(message, "(ssbt)", &source, &destination,
				  &may_be_missing, &flags)) > 0)
		is_found |= is_within(folder, destination);
	sd_bus_message_unref(message);
	return is_found;
}

/* Is `folder` in one of the folders in whose place the service sees an empty one? */
static bool is_hidden(
	const struct facts *facts, const char *unit, const char *folder, bool is_shown_there)
{
	bool is_home = is_within(folder, "/home") || is_within(folder, "/root") ||
		       is_within(folder, "/run/user");
	bool is_tmp = is_within(folder, "/tmp") || is_within(folder, "/var/tmp");
	char protect_home[16];
	int has_own_tmp = 0;

	/* What "yes" hides nothing can be shown in (systemd.exec(5)). */
	if (is_home && facts_unit_text(facts, UNIT_SERVICE, "Service", "ProtectHome", protect_home,
			       sizeof(protect_home)) == 0)
		return strcmp(protect_home, "yes") == 0 ||
		       (strcmp(protect_home, "tmpfs") == 0 && !is_shown_there);
	return is_tmp && !is_shown_there &&
	       sd_bus_get_property_trivial(facts->bus, SYSTEMD, unit, SERVICE, "PrivateTmp", NULL,
		       'b', &has_own_tmp) >= 0 &&
	       has_own_tmp;
}

enum reach {
	REACH_WRITABLE, /* it is the same folder to the service, and no unit keeps it out */
	REACH_BOUND,    /* another one in its place */
	REACH_HIDDEN,
	REACH_READ_ONLY,
};

static enum reach reach_of(const struct facts *facts, const char *folder)
{
	char *unit = facts_unit_path(UNIT_SERVICE);
	enum reach reach = REACH_READ_ONLY;
	bool is_shown_there;

	if (unit && facts->bus) {
		is_shown_there = is_bound(facts, unit, folder);
		reach = is_hidden(facts, unit, folder, is_shown_there) ? REACH_HIDDEN
			: is_shown_there                               ? REACH_BOUND
			: is_writable(facts, unit, folder)             ? REACH_WRITABLE
								       : REACH_READ_ONLY;
	}
	free(unit);
	return reach;
}

static void add_hidden(const char *folder, struct findings *findings)
{
	findings_add(findings, FINDING_WRONG, "files",
		"The service cannot see %.200s: /home and /tmp are hidden from it", folder);
	findings_remedy(findings,
		"Set [files] folder = " SHOWN_FOLDER ", and show it there:\n"
		"    sudo systemctl edit screenshare\n"
		"        [Service]\n"
		"        BindPaths=%.100s:" SHOWN_FOLDER "\n"
		"    sudo systemctl restart screenshare\n"
		"The user " SERVICE_ACCOUNT " must be able to write there:\n"
		"    sudo setfacl -m u:" SERVICE_ACCOUNT ":rwx %.100s",
		folder, folder);
}

static void add_bound(const char *folder, struct findings *findings)
{
	findings_add(findings, FINDING_NOTE, "files",
		"At %.200s the service is shown another folder (BindPaths=), which it alone can "
		"look at",
		folder);
	findings_remedy(findings,
		"Whether it can write there: open the page of the files, or journalctl -u "
		"screenshare -e");
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

	switch (facts->sharer == FACTS_SERVICE && folder[0] ? reach_of(facts, folder)
							    : REACH_WRITABLE) {
	case REACH_WRITABLE:
		check_by_probe(facts, "screenshare-httpd", "files", findings);
		break;
	case REACH_BOUND:
		add_bound(folder, findings);
		break;
	case REACH_HIDDEN:
		add_hidden(folder, findings);
		break;
	case REACH_READ_ONLY:
		add_drop_in(folder, findings);
		break;
	}
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
			: facts->is_own_service
				? "Lower [http] connections_max, or raise LimitNOFILE= by "
				  "systemctl --user edit screenshare to %" PRIu64
				: "Lower [http] connections_max, or raise the limit before: "
				  "ulimit -n %" PRIu64,
			needed);
}
