/* SPDX-License-Identifier: MIT */
/*
 * The options of the commands that ask a server, or look at one.  Each command names those that it
 * takes; --help and -h are everybody's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
	OPTION_PORT = 1,   /* --port PORT */
	OPTION_JSON = 2,   /* --json */
	OPTION_QUIET = 4,  /* --quiet */
	OPTION_CONFIG = 8, /* --config FILE */
};

struct options {
	uint16_t port; /* 0: not said */
	bool as_json, is_quiet;
	const char *config; /* borrowed from argv; NULL: not said */
};

/*
 * `taken` are those of the above.  True: the command goes on, with what is no option from
 * argv[optind] on.  False: it ends with *status, after --help or after having said what was wrong.
 */
bool options_parse(unsigned taken, const char *help, int argc, char **argv, struct options *options,
	int *status);
/* The same for a command that takes nothing but options. */
bool options_parse_all(unsigned taken, const char *help, int argc, char **argv,
	struct options *options, int *status);
