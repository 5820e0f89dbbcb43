/* SPDX-License-Identifier: MIT */
/*
 * A user's own word on whether the desktop may be shown: a file in the user's own folder of
 * configuration, written by `screenshare allow` and `screenshare deny`, read by the capture daemons
 * once they are that user.
 *
 *     ~/.config/screenshare/desktop:    "allow" | "deny"
 *
 * It lies below the home that the account has, whatever XDG_CONFIG_HOME says: the daemons do not
 * know the environment of the user's terminal.  Neither httpd nor another user can write it.
 */
#pragma once

#include <stddef.h>

#define CONSENT_FOLDER ".config/screenshare"
#define CONSENT_FILE   "desktop"

enum consent { CONSENT_NONE = 0, CONSENT_ALLOW = 1, CONSENT_DENY = 2 };

/*
 * What the user whom we are has said.  CONSENT_NONE: nothing, there is no file.  One that cannot be
 * read or does not count (a link, another user's, one that others may write, an empty one) may have
 * been a no, and is CONSENT_DENY.
 */
enum consent consent_read(const char *home);

/* Whole or not at all; makes the folders that are missing.  0 or -errno. */
int consent_write(const char *home, enum consent consent);
