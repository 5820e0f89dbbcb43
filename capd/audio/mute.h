/* SPDX-License-Identifier: MIT */
/*
 * Which inputs may be heard: what the presenter has muted and unmuted, kept as empty files.
 *
 *     mute X      creates STATE/mute-X, removes RUNTIME/unmute-X
 *     unmute X    removes STATE/mute-X, creates RUNTIME/unmute-X
 *
 *     an input is open, if there is no mute-X, and [audio] sources names it or there is unmute-X
 *
 * So a mute is kept, whatever crashes or is started anew, and an open microphone lasts only while
 * sharing runs: the runtime folder does not outlive it.  The files are read once; afterwards this
 * process is the only one who changes them.
 */
#pragma once

#include <stdbool.h>

#include "common/stream.h"

struct mute {
	const char *state_dir, *runtime_dir; /* borrowed */
	unsigned configured;                 /* bits 1 << enum audio_input: [audio] sources */
	bool is_muted[AUDIO_INPUT_COUNT];    /* mute-X is there, or could not be written */
	bool is_unmuted[AUDIO_INPUT_COUNT];  /* unmute-X is there */
};

/* Reads the files.  One that cannot be looked for counts as a mute. */
void mute_init(
	struct mute *mute, const char *state_dir, const char *runtime_dir, unsigned configured);

bool mute_is_open(const struct mute *mute, enum audio_input input);
/* Is it meant to be heard, were it not muted? */
bool mute_is_chosen(const struct mute *mute, enum audio_input input);

/*
 * 0, or -errno: it will not be remembered.  Muting has taken effect even so; unmuting has not.
 */
int mute_switch(struct mute *mute, enum audio_input input, bool muted);
