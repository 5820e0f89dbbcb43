/* SPDX-License-Identifier: MIT */
/*
 * Which inputs may be heard: what the presenter has muted and unmuted, kept in small files.
 *
 *     STATE/mute-X        "open", or anything else: muted
 *     RUNTIME/unmute-X    the uid of the user who may be heard though the configuration does not
 *                         name X; "muted", if the other could not be written; or anything else:
 *                         nobody
 *
 *     an input is open, if it is not muted, and [audio] sources names it or unmute-X our user
 *
 * So a mute is kept, whatever crashes or is started anew, and an open microphone lasts only while
 * sharing runs, since the runtime folder does not outlive it, and only for the user who opened it:
 * whoever logs in next has not been asked.
 *
 * The files are opened once, before the daemon becomes the session's user: the folders are root's,
 * and what the user's other programs cannot open they cannot change.  The files are read once, too;
 * afterwards this process is the only one who changes them.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "common/stream.h"

struct mute {
	unsigned configured; /* bits 1 << enum audio_input: [audio] sources */
	int mute_fds[AUDIO_INPUT_COUNT], unmute_fds[AUDIO_INPUT_COUNT]; /* -1: errors say why */
	int mute_errors[AUDIO_INPUT_COUNT], unmute_errors[AUDIO_INPUT_COUNT]; /* -errno */
	bool is_muted[AUDIO_INPUT_COUNT];     /* it says so, or could not be read or written */
	uid_t unmuted_for[AUDIO_INPUT_COUNT]; /* (uid_t)-1: nobody */
	bool is_noted[AUDIO_INPUT_COUNT];     /* muted by unmute-X: while sharing runs */
	bool has_mark[AUDIO_INPUT_COUNT];     /* there is a mute-X */
	bool is_kept[AUDIO_INPUT_COUNT];      /* the files say what these do */
};

/* Opens (and makes) and reads the files.  One that cannot be looked for counts as a mute. */
void mute_init(
	struct mute *mute, const char *state_dir, const char *runtime_dir, unsigned configured);
void mute_fini(struct mute *mute);

/* May it be heard: is it meant to be, and not muted? */
bool mute_is_open(const struct mute *mute, enum audio_input input);
/* Is it meant to be heard, were it not muted? */
bool mute_is_chosen(const struct mute *mute, enum audio_input input);

/* Is it so already, and written down? */
bool mute_is_kept(const struct mute *mute, enum audio_input input, bool muted);

/*
 * Unmutes for the user whom we are now.  0, or -errno: it will not be remembered.  Muting has taken
 * effect even so; unmuting has not.
 */
int mute_switch(struct mute *mute, enum audio_input input, bool muted);
