/* SPDX-License-Identifier: MIT */
/*
 * The one table of keys: where a value lies, what it may be, and what it is when nobody says
 * anything.  All that the parser (config.c), the commented file (conf/screenshare.conf) and the man
 * page (tests/conf_check.sh compares them) know of a key stands here.  Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"

#define CONFIG_CHOICES_MAX 5

enum config_key_type { KEY_NUMBER, KEY_BOOL, KEY_TEXT, KEY_CHOICE };

struct config_key {
	const char *section, *name;
	enum config_key_type type;
	size_t offset;     /* in struct config: unsigned, bool, char[CONFIG_TEXT_MAX] or an enum */
	unsigned min, max; /* KEY_NUMBER */
	const char *choices[CONFIG_CHOICES_MAX +
			    1]; /* KEY_CHOICE: words of the enum's values 0, 1, …; NULL ends them */
	const char *what;       /* KEY_NUMBER: its unit or ""; KEY_TEXT: what it must be */
	bool (*check)(const char *text); /* KEY_TEXT: is it that? */
	const char *default_text;
	const char *help; /* for the commented file: lines of at most 96 bytes */
};

/* Sections follow each other whole. */
#define CONFIG_KEYS_COUNT 50
extern const struct config_key config_keys[CONFIG_KEYS_COUNT];

/* NULL: there is none. */
const struct config_key *config_key_find(const char *section, const char *name);
/* Is there a section of this name, `len` bytes without a NUL? */
bool config_section_exists(const char *section, size_t len);

/* Stores `value` in its field of `config`.  0, or -EINVAL and `config` is as it was. */
int config_key_set(const struct config_key *key, struct config *config, const char *value);

/* What a value may be, for "expected …": "a whole number from 1 to 60". */
void config_key_expected(const struct config_key *key, char *out, size_t len);
/* The same with the default, for people who read: "1 to 60 pictures a second, default 30". */
void config_key_range(const struct config_key *key, char *out, size_t len);
