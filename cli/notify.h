/* SPDX-License-Identifier: MIT */
/*
 * The other end of sd_notify(3): a datagram socket on which daemons tell that they are ready, alive
 * or stopping.  The kernel vouches for the sender's pid (SCM_CREDENTIALS); whose pid it must be,
 * the caller knows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NOTIFY_STATUS_MAX 256 /* bytes of STATUS=, NUL included; what is longer is cut */

struct notify_message {
	pid_t pid;                      /* who sent it */
	bool is_ready;                  /* READY=1 */
	bool is_reloading;              /* RELOADING=1 */
	bool is_stopping;               /* STOPPING=1 */
	bool is_alive;                  /* WATCHDOG=1 */
	bool is_hung;                   /* WATCHDOG=trigger: says so itself */
	bool has_reached_display;       /* X_SCREENSHARE_DISPLAY_REACHED=1 */
	char status[NOTIFY_STATUS_MAX]; /* "" if there was none */
};

/* Binds `path`, which must not exist.  0 and *fd, non-blocking; -errno. */
int notify_open(const char *path, int *fd);

/*
 * The next message.  0; -EAGAIN: no more; -EBADMSG: one that was no notification, and is gone;
 * other -errno.  Descriptors that came with it are closed, which answers BARRIER=1.
 */
int notify_receive(int fd, struct notify_message *message);

/* Reads the assignments in `text`, unknown ones ignored; `message->pid` is left alone. */
void notify_parse(const char *text, size_t len, struct notify_message *message);
