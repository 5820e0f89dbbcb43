/* SPDX-License-Identifier: MIT */
/*
 * The presenter's switch of one input of the sound.  It is the audio daemon that is asked, on its
 * capture socket: the server has no part in it, so that a broken server cannot open a microphone.
 *
 *     HELLO (presence) ──► audio.sock ──► STATE
 *     SWITCH           ──►            ──► SWITCHED, or REFUSED and why
 *
 * The connection starts the daemon where it does not run, and is made anew where it came to one
 * that was just ending.  Blocks, at most as long as it is told.
 */
#pragma once

#include <stdbool.h>

#include "common/capsock.h"
#include "common/stream.h"

#define AUDIO_SWITCH_WORDS_SIZE (CAPSOCK_WORDS_MAX + 1)

/*
 * Mutes or unmutes `input` for good, at the socket `path`.  0; -EPERM: the daemon refused, and
 * `words` (AUDIO_SWITCH_WORDS_SIZE) says why; -ENOENT, -ECONNREFUSED: nobody listens; -EACCES: the
 * socket is closed to this user; -ETIMEDOUT: no answer within timeout_ms; -ECONNRESET: it hung up
 * before it had answered; -EPROTO: the answer makes no sense; other -errno.
 */
int audio_switch(const char *path, enum audio_input input, bool muted, int timeout_ms, char *words);
