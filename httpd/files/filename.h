/* SPDX-License-Identifier: MIT */
/*
 * The name of a shared file: a path below the shared folder, made safe or refused.
 *
 *     "..\My video?.mp4" ──► filename_clean ──► "My video_.mp4"  |  why not
 *
 * A name has at most FILENAME_DEPTH_MAX parts between slashes, each of 1 to 255 bytes of UTF-8,
 * none of which begins with a dot (hidden: ours) or a dash (an option to whoever types it), is a
 * device to Windows, or holds what one of the usual file systems cannot store.  Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define FILENAME_PART_MAX  255u  /* bytes */
#define FILENAME_SIZE      1024u /* bytes of a whole name, NUL included */
#define FILENAME_DEPTH_MAX 12u

/*
 * Makes a name of what somebody sent, `len` bytes.  Replaced by _: control characters (a newline
 * too) and " * : < > ? | ; leading dots and dashes; a _ is put before a name that Windows reserves;
 * white space, and trailing dots, are taken off the ends of parts; what comes before a ":\" or a
 * last "\" (old browsers send their whole path) is dropped.
 * 0; -EINVAL and *why, an English sentence without a full stop: NUL, invalid UTF-8, a part "..", an
 * empty name, too long, too deep.  Nothing that is refused is cut: two would become one.
 */
int filename_clean(const char *sent, size_t len, char out[FILENAME_SIZE], const char **why);

/*
 * True for what a request may name, and a scan shows: all that filename_clean() gives back, and
 * what was put there by hand under a name that only others stumble over ("Q: A?.pdf", "-x", "con").
 * Not what is hidden, no UTF-8, has a character that nobody sees or no URL has, or is too long.
 */
bool filename_is_shown(const char *name);

/* "a/b (n).ext" of "a/b.ext"; ends of known double extensions stay together (.tar.gz).  The part is
 * shortened, between characters, where it or the whole would be too long.  False: nothing of it
 * would be left. */
bool filename_number(const char *name, unsigned n, char out[FILENAME_SIZE]);

/* The last part. */
const char *filename_base(const char *name);

/* --- what it says of the content --- */

struct file_type {
	const char *type;   /* Content-Type */
	const char *policy; /* Content-Security-Policy when it is opened in a browser */
};
/* By the extension alone; application/octet-stream where it says nothing. */
struct file_type filename_type(const char *name);

/*
 * Appends `name` to a Content-Disposition or the like: filename="…" in ASCII and, where it is more
 * than that, filename*=UTF-8''… (RFC 6266, 8187).  `out` needs FILENAME_DISPOSITION_SIZE.
 */
#define FILENAME_DISPOSITION_SIZE (FILENAME_PART_MAX * 4u + 64u)
void filename_disposition(const char *name, char *out);
/* Percent-encodes a whole name for a URL, slashes kept.  `out` needs 3 * FILENAME_SIZE. */
void filename_to_url(const char *name, char *out);
