/* SPDX-License-Identifier: MIT */
/*
 * That sharing is paused, and by whom, as it is kept in the state folder: no crash, and no start
 * anew, may undo a pause.
 *
 * A file `paused` of a few lines, written beside and renamed; file and folder are synchronised
 * before pause_file_write() or _remove() returns.  A file that cannot be understood is a pause by
 * nobody knows whom; where nobody can tell whether there is one, it is paused, too.  The calls may
 * wait for the disk: workers only, and main() at the start.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PAUSE_NAME_SIZE 64u

struct pause_record {
	uid_t uid;                  /* (uid_t)-1: not known */
	char name[PAUSE_NAME_SIZE]; /* of that user; its number where it has none; "": not known */
	uint64_t since_s;           /* CLOCK_REALTIME */
};

/* The user's name, or its number. */
void pause_user_name(uid_t uid, char name[PAUSE_NAME_SIZE]);

/* 0: after a start anew it is paused, by `record` or by whoever had paused it before; or -errno. */
int pause_file_write(const char *dir, const struct pause_record *record);
/* 0 or -errno. */
int pause_file_remove(const char *dir);

/* True: paused.  *error is 0, or -errno: why it can only be supposed. */
bool pause_file_read(const char *dir, struct pause_record *record, int *error);
