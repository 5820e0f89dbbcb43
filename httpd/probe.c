/* SPDX-License-Identifier: MIT */
#include "httpd/probe.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "httpd/files/store.h"

#define NAME "files"
#define MB   1000000u

static void add_space(struct findings *findings, const struct config *config,
	const struct store *store, const char *folder)
{
	uint64_t kept = (uint64_t)config->files.free_mb * MB, bytes;
	char quota[64] = "";
	int r = store_free_bytes(store, &bytes);

	if (r < 0) {
		findings_add(findings, FINDING_WRONG, NAME,
			"How full the disk of %.200s is cannot be told: %s", folder, strerror(-r));
		findings_remedy(findings, "See what is wrong with that disk: sudo dmesg | tail");
		return;
	}
	if (config->files.quota_mb > 0)
		snprintf(quota, sizeof(quota), ", %u MB for all files together",
			config->files.quota_mb);
	if (bytes > kept) {
		findings_add(findings, FINDING_FINE, NAME,
			"%.200s can be written: room for %" PRIu64 " MB%s", folder,
			(bytes - kept) / MB, quota);
		return;
	}
	findings_add(findings, FINDING_WRONG, NAME,
		"The disk of %.200s is full: %" PRIu64 " MB are free, %u are kept so", folder,
		bytes / MB, config->files.free_mb);
	findings_remedy(findings,
		"Delete what is not needed, choose another [files] folder, or lower [files] "
		"free_mb");
}

void files_probe(const struct config *config, const char *state_dir, struct findings *findings)
{
	const char *folder = config->files.folder;
	char path[PATH_MAX];
	struct store *store;
	int r;

	if (!config->files.uploads)
		findings_add(findings, FINDING_NOTE, NAME,
			"Nobody may send files: the configuration says uploads = no");
	if (folder[0] == '\0') {
		snprintf(path, sizeof(path), "%s/" STORE_DEFAULT_NAME, state_dir);
		folder = path;
	}
	r = store_open(folder, &store);
	if (r == 0) {
		add_space(findings, config, store, folder);
		store_close(store);
		return;
	}
	findings_add(findings, FINDING_WRONG, NAME, "%.200s cannot be used: %s", folder,
		r == -ENOSYS ? "this kernel has no openat2()" : strerror(-r));
	if (r == -EACCES || r == -EPERM)
		findings_remedy(findings, "Give it to the user that shares: sudo chown NAME %.200s",
			folder);
	else if (r == -EROFS)
		findings_remedy(findings, "It is read-only: sudo mount -o remount,rw FOLDER, or "
					  "choose another [files] folder");
	else if (r == -ENOSYS)
		findings_remedy(findings, "Linux 5.6 or later is needed");
	else
		findings_remedy(findings, "Correct [files] folder in the configuration, or make "
					  "that folder");
}
