/* SPDX-License-Identifier: MIT */
/*
 * A finding is one line of the self check: what is fine, what one should know, or what is wrong and
 * what to do about it.
 *
 *     screenshare-screen --probe ──► a line each ──► `screenshare doctor` ──► a person, or JSON
 *
 * Each program looks for itself at what it alone touches, a display, a camera, a sound server, a
 * folder, with the rights that it has; the command only gathers.  As a line a finding is four
 * fields with a tab between them: verdict, name, words, remedy.  Pure.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

#define FINDINGS_MAX        40u
#define FINDING_NAME_SIZE   20u /* bytes, NUL included, as all of these */
#define FINDING_WORDS_SIZE  400u
#define FINDING_REMEDY_SIZE 600u

enum finding_verdict {
	FINDING_FINE,
	FINDING_NOTE,  /* nothing that must be done: a choice, an absence, what cannot be told */
	FINDING_WRONG, /* to be mended: there is a remedy */
	FINDING_VERDICTS
};

struct finding {
	enum finding_verdict verdict;
	char name[FINDING_NAME_SIZE];     /* of what was looked at: "display" */
	char words[FINDING_WORDS_SIZE];   /* a sentence without a full stop */
	char remedy[FINDING_REMEDY_SIZE]; /* what to do, "" for nothing; may have lines */
};

struct findings {
	size_t n;
	struct finding list[FINDINGS_MAX];
};

/* "fine", "note", "wrong" */
const char *finding_verdict_name(enum finding_verdict verdict);

/* Adds one; what there is no room for is left out, and cut what is too long. */
void findings_add(struct findings *findings, enum finding_verdict verdict, const char *name,
	const char *format, ...) __attribute__((format(printf, 4, 5)));
/* What to do about the one that was added last. */
void findings_remedy(struct findings *findings, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* One line each; a tab or a line break inside becomes a space.  0 or -errno of writing. */
int findings_write(const struct findings *findings, FILE *out);
/* Adds the one that a line says, which may come from another version.  0; -EINVAL: it is none. */
int findings_read(struct findings *findings, const char *line, size_t len);
