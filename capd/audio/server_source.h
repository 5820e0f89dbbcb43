/* SPDX-License-Identifier: MIT */
/*
 * One source of the sound server, by its name, and never another one.
 *
 * ALSA's plugin lets the server move the stream.  When an output goes away (headphones that are
 * switched off), PulseAudio moves whoever listens to its monitor to the default source, which is
 * the *microphone* (seen with 16.1).  Only libpulse can forbid that (PA_STREAM_DONT_MOVE): the
 * stream then ends together with its source.  So whatever the configuration names as "pulse:NAME"
 * is taken from here; the names are ALSA's all the same.
 *
 *     thread: connect, stream, running ──► loop: each tick, what has come is dispatched and read
 *
 * There is no thread inside: the server's messages lie in the socket until the loop looks, every
 * 10 ms.  Opening waits, with a deadline, and is for a thread; everything else does not wait.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct server_source; /* opaque */

/* 0; -ECONNREFUSED: no server; -ETIMEDOUT: it does not answer; -ENOENT: it has no such source;
 * -EACCES, -ENOMEM. */
int server_source_open(const char *name, unsigned timeout_ms, struct server_source **out);
/* Accepts NULL.  By any thread, but only one at a time uses a source. */
void server_source_close(struct server_source *source);

/*
 * Looks at what has come.  Frames that can be read, and how old the next of them is (negative: it
 * is still to be heard); -ENODEV: source or server is gone.
 */
ssize_t server_source_look(struct server_source *source, int64_t *delay);
/*
 * Has the server said, since this was last asked, that something of it has changed, such as which
 * sink is its default one?  What is asked for by server_source_look() is told here.
 */
bool server_source_has_news(struct server_source *source);
/*
 * Reads what has come: how many frames.  `max` should be what server_source_look() said; what is
 * more is lost.
 */
size_t server_source_read(struct server_source *source, int16_t *frames, size_t max);
