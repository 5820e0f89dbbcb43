/* SPDX-License-Identifier: MIT */
/*
 * What `status`, `viewers` and `url` have in common: their arguments, what they ask of the server
 * of the sharer (sharer.h), and what they say when it does not answer.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct ask {
	const char *request; /* as common/control.h names it */
	const char *help;    /* what --help prints */
	const char *member;  /* of the answer: what it must have … */
	json_type type;      /* … and of which type */
	/* Prints the answer for a person. */
	void (*print)(const json_t *answer);
};

/* From the arguments to what is printed.  The exit status (command.h). */
int ask_main(const struct ask *ask, int argc, char **argv);

/*
 * Asks whoever shares, as the options say (port 0: none given).  COMMAND_OK and *answer, the
 * caller's, which may be a refusal; else an exit status, after having said why.
 */
int ask_somebody(uint16_t port, const json_t *request, json_t **answer);
/* True if the server did it; else its words have been told. */
bool ask_was_granted(const json_t *answer);

/* Members of an answer, which may lack any of them. */
const char *ask_text(const json_t *object, const char *key); /* "" if it is none */
uint64_t ask_number(const json_t *object, const char *key);  /* 0 if it is none, or negative */
double ask_real(const json_t *object, const char *key);      /* 0 if it is none */
