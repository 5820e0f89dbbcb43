/* SPDX-License-Identifier: MIT */
/*
 * A PCM is one ALSA capture device: opened, set to 48 kHz stereo s16, and read without waiting.
 *
 *     pcm_open ──► thread: snd_pcm_open, parameters, start ──► phase: running | failed
 *     loop, each tick: pcm_phase, pcm_read                          │
 *     pcm_close ──► the same thread: snd_pcm_close, free      ◄─────┘
 *
 * Opening and closing talk to a sound server, which may hang, and ALSA then waits without a
 * deadline: so both are done by a thread of the PCM's own, which sleeps in between and costs no
 * wake-up.  It is never joined; whoever closes a PCM is done with it at once, even while it is
 * being opened.  Reading does not wait for anybody and needs no thread: the loop wakes every 10 ms
 * anyway while sound is wanted, and what a PCM has then is read in one go.
 *
 * What is called "pulse:NAME" is taken from the sound server itself (capd/audio/server_source.h):
 * the server would replace it behind ALSA's back.  "pulse:@DEFAULT_MONITOR@" is opened under the
 * name that the server has for it (capd/audio/sound_server.h); opened beside one that runs, it is
 * not opened at all if it is the same.
 *
 * A rate or a number of channels that the device does not have is converted by ALSA's plug layer.
 * Threads: all functions are the loop's; the handle belongs to the thread until the phase says
 * running, to the loop until pcm_close(), then to the thread again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PCM_THREADS_MAX 12
#define PCM_WORDS_MAX   160

struct pcm; /* opaque */

#define PCM_DEFAULT_MONITOR "pulse:@DEFAULT_MONITOR@"

enum pcm_phase {
	PCM_OPENING,
	PCM_RUNNING,
	PCM_FAILED,
	PCM_SAME /* as the one beside: close it */
};

enum pcm_flags {
	PCM_ANEW = 1, /* read ALSA's configuration again: it decides where "default" leads */
	PCM_IS_MICROPHONE = 2 /* a server's default source that hears its sink is none: -ENODEV */
};

/* Once, before any other thread: ALSA's own messages are kept off stderr. */
void pcm_begin(void);

/*
 * Begins to open the PCM called `name`; `beside`: the one that runs, or NULL.  0, -ENOMEM, or
 * -EAGAIN: PCM_THREADS_MAX of them are still being opened or closed, by a server that does not
 * answer.
 */
int pcm_open(const char *name, unsigned flags, const struct pcm *beside, struct pcm **out);
enum pcm_phase pcm_phase(const struct pcm *pcm);

/* Why it failed: the errno (positive), and the last thing that ALSA said of it ("" if nothing). */
int pcm_error(const struct pcm *pcm);
const char *pcm_words(const struct pcm *pcm);
/* Running: it leads to a sound server, of which silence says nothing. */
bool pcm_is_server(const struct pcm *pcm);

/*
 * Running: its sound server says that its default sink may be another one by now; told once, by
 * the look that pcm_read() takes.  Never of what is no source of a server.
 */
bool pcm_has_news(struct pcm *pcm);

struct pcm_reading {
	uint64_t now_ns;
	int64_t avail, delay; /* frames, as timing_observe() wants them */
};

/*
 * Reads what is there, at most `max` frames.  How many; 0: nothing; -errno: it is lost (-ENODEV:
 * unplugged, -EPIPE: overrun, …), close it.
 */
ssize_t pcm_read(struct pcm *pcm, int16_t *frames, size_t max, struct pcm_reading *reading);

/* Accepts NULL. */
void pcm_close(struct pcm *pcm);
/* Waits until all are closed, for `timeout_ms` at most.  False: some are not. */
bool pcm_wait_closed(unsigned timeout_ms);
