/* SPDX-License-Identifier: MIT */
/*
 * What is shown on the desktop, in a small file, so that a daemon that was killed leaves no
 * notification behind for good: the next one finds it there, and takes it away.
 *
 *     Notify's answer ──► FOLDER/notification: "BUS OWNER ID" ──► killed … next: CloseNotification
 *
 * A number means something to the one server of notifications that has given it, on the one bus
 * that it was on; both go with the session, and their names never come again.  So what is left of
 * another session, or another user's, names nobody, and nothing has to be cleaned up.
 *
 * What is left behind for good is what was shown in the moment between the call and its answer.
 *
 * The file is opened before the daemon becomes the session's user: the folder is root's.  What lies
 * in it is checked all the same, for in `run` it is not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NOTIFICATION_BUS_SIZE   33 /* 128 bits in hexadecimal digits */
#define NOTIFICATION_OWNER_SIZE 64 /* a unique name: ":1.234" */

struct notification_mark {
	char bus[NOTIFICATION_BUS_SIZE];
	char owner[NOTIFICATION_OWNER_SIZE];
	uint32_t id; /* 0: nothing is shown */
};

/* Opens (and makes) the file: its fd, or -errno. */
int notification_record_open(const char *folder);
/* What it says; `id` is 0 where that is nothing, or nothing that we would have written. */
void notification_record_read(int fd, struct notification_mark *mark);
/* … from now on.  What cannot be written is as if it had not been shown.  Accepts an fd < 0. */
void notification_record_write(int fd, const struct notification_mark *mark);
