/* SPDX-License-Identifier: MIT */
/*
 * What all capture daemons share: subscribers of the capture socket (capd/subscribers.h), demand,
 * the state, and the end when nobody is left.
 *
 *     subscriber 1..n ──► demand (which streams, which rate) ──► on_demand ──► source start/stop
 *     source ──► daemon_set_state ──► every subscriber (words and picture)
 *
 * While at least one subscriber of a stream other than `presence` is connected, the source is
 * wanted. When the last one has gone the source is stopped at once, and the daemon exits 0 as soon
 * as no subscriber at all is left: systemd (or `screenshare run`) keeps the socket and starts it
 * anew.  One that is started before anybody subscribes waits for some seconds, and says nothing of
 * its state meanwhile.
 */
#pragma once

#include <systemd/sd-event.h>

#include "capd/output.h"
#include "capd/subscriber.h"
#include "common/config.h"
#include "common/service.h"
#include "common/stream.h"

struct daemon; /* opaque */

struct daemon_ops {
	/* Does this daemon have the stream?  Others are refused in words. */
	bool (*has_stream)(void *arg, enum stream_id stream);
	/* What is wanted now has changed: bit (1 << stream_id) for each stream with a subscriber,
	 * and the highest rate wished for in frames per 1000 s (0: nobody wishes, use the
	 * configured one). */
	void (*on_demand)(void *arg, unsigned streams, uint32_t rate_millihertz);
	/* Somebody new subscribed to this stream, or asked for a key frame: it needs a whole
	 * picture. */
	void (*on_key_frame)(void *arg, enum stream_id stream);
	/* A subscriber of the delta stream asks for a catch-up (common/delta_ops.h).  NULL: there
	 * is no such stream here; of others a catch-up is a key frame. */
	void (*on_catch_up)(void *arg, uint64_t since_sequence, bool exact);
	/* Whether any subscriber wishes it mute has changed.  NULL: nothing can be muted here. */
	void (*on_mute)(void *arg, bool muted);
	/* The presenter mutes or unmutes an input; who it is has been checked.  0, or -errno: it
	 * stays as it was (-ENXIO: it is nobody's now; -EBUSY: too often).  NULL: there are no
	 * inputs here. */
	int (*on_switch)(void *arg, enum audio_input input, bool muted);
	/* Who watches anything of this computer has changed; NULL: nobody does.  NULL: nobody here
	 * wants to know. */
	void (*on_viewers)(void *arg, const struct subscriber_viewers *viewers);
};

/* The capture socket, handed over by whoever starts us; -1 after having said that there is none. */
int daemon_take_socket(enum source_id source);

/*
 * `listen_fd` is taken over.  SIGTERM and SIGINT end the loop, the watchdog is served.
 * 0 or -errno.
 */
int daemon_create(enum source_id source, int listen_fd, const struct daemon_ops *ops, void *arg,
	struct daemon **out);
void daemon_destroy(struct daemon *daemon);

/*
 * SIGHUP reads the configuration again: where it differs in what concerns this source from
 * `config`, the loop ends with 0, and whoever starts us has the next connection begin with the new
 * one.  What cannot be read is said, and changes nothing.  Both are borrowed for life.  0 or
 * -errno.
 */
int daemon_follow_config(
	struct daemon *daemon, const struct service_options *options, const struct config *config);

sd_event *daemon_event(struct daemon *daemon);
/* Makes an output whose ring the daemon announces to the stream's subscribers; owned by the daemon.
 */
int daemon_add_output(struct daemon *daemon, enum stream_id stream, struct output **out);

/*
 * Tells every subscriber, now and later ones too; logs the change once, from the first one on.
 * `words` NULL: the state's own.  `has_picture` false for states in which pictures flow (live, or
 * the test picture): none is drawn then.
 */
void daemon_set_state(
	struct daemon *daemon, enum source_state state, const char *words, bool has_picture);

/* How many records the source has lost or refused since the daemon's start; told to every
 * subscriber, at most once a second. */
void daemon_set_dropped(struct daemon *daemon, uint64_t dropped);

/* Runs until the last subscriber is gone or a signal comes.  The exit status. */
int daemon_run(struct daemon *daemon);
