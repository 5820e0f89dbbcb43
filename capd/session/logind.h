/* SPDX-License-Identifier: MIT */
/*
 * What logind says now of seat0: whose session is active there, and whether it is locked.
 *
 *     system bus ──► login1: Seat.ActiveSession ──► Session (all properties) ──► view
 *                              └─ none, or no user's ──► who is behind it? ───────┘
 *                    PropertiesChanged, Lock, Unlock, NameOwnerChanged: asked again, at once
 *
 * Nothing is polled.  Only where there is no bus, or logind does not answer, it is tried again
 * every LOGIND_RETRY_US.  logind is never started by us: where it was stopped, that is the answer.
 *
 * Its files in /run/systemd are no help: they stay behind, as they were, when logind is stopped,
 * and a session that is locked meanwhile would go on being shown.
 *
 * Event-loop thread only.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#define LOGIND_WORD_MAX 64
#define LOGIND_RETRY_US 1000000u

enum logind_answer {
	LOGIND_UNKNOWN = 0, /* not answered yet */
	LOGIND_SILENT,      /* there is no logind, or no bus, or it does not answer */
	LOGIND_NO_SESSION,  /* no session is active on seat0 */
	LOGIND_SESSION
};

struct logind_view {
	enum logind_answer answer;
	/* of the session; texts that are too long are cut */
	uid_t uid;
	char id[LOGIND_WORD_MAX], name[LOGIND_WORD_MAX];
	char type[LOGIND_WORD_MAX];    /* "x11", "wayland", "tty" … */
	char class[LOGIND_WORD_MAX];   /* "user", "greeter" … */
	char state[LOGIND_WORD_MAX];   /* "active", "closing" … */
	char display[LOGIND_WORD_MAX]; /* ":0" */
	bool is_locked;                /* LockedHint */
	/* Of no session, or one that is no user's (a greeter): somebody is logged in behind it. */
	bool has_background;
};

struct logind_ops {
	/* The first answer, and each that is another. */
	void (*on_view)(void *arg, const struct logind_view *view);
	/* The session was asked to lock or to unlock itself, by loginctl or its desktop. */
	void (*on_lock)(void *arg, bool locked);
};

struct logind; /* opaque */

/* 0, or -ENOMEM.  Whatever else is wrong is an answer. */
int logind_create(sd_event *event, const struct logind_ops *ops, void *arg, struct logind **out);
/* Accepts NULL. */
void logind_destroy(struct logind *logind);
