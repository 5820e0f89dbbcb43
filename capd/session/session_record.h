/* SPDX-License-Identifier: MIT */
/*
 * Who was first: the name of the user whose desktop was there when a capture daemon first looked,
 * in a folder that is root's alone.  Both daemons look at the same moment, and the one who comes
 * first wins; the file appears whole, and never changes again.  Whoever removes it lets the next
 * one be first.
 */
#pragma once

#include "capd/session/session_user.h"

#define SESSION_RECORD_FILE "first"

/*
 * Records `name`, unless somebody is recorded already; `first` gets who is: "" where what lies
 * there is no name.  0 or -errno.
 */
int session_record_first(const char *folder, const char *name, char first[SESSION_NAME_MAX]);
