/* SPDX-License-Identifier: MIT */
#include "cli/options.h"

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/sharer.h"

static const struct option all[] = {
	{"port", required_argument, NULL, OPTION_PORT},
	{"json", no_argument, NULL, OPTION_JSON},
	{"quiet", no_argument, NULL, OPTION_QUIET},
	{"config", required_argument, NULL, OPTION_CONFIG},
};
#define N_ALL (sizeof(all) / sizeof(all[0]))

/* As getopt wants them. */
static void choose(unsigned taken, struct option chosen[N_ALL + 2])
{
	size_t n = 0;

	for (size_t i = 0; i < N_ALL; i++)
		if (taken & (unsigned)all[i].val)
			chosen[n++] = all[i];
	chosen[n++] = (struct option){"help", no_argument, NULL, 'h'};
	chosen[n] = (struct option){0};
}

bool options_parse(unsigned taken, const char *help, int argc, char **argv, struct options *options,
	int *status)
{
	struct option chosen[N_ALL + 2];
	int option;

	choose(taken, chosen);
	*options = (struct options){0};
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":h", chosen, NULL)) != -1) {
		switch (option) {
		case OPTION_PORT:
			if (sharer_parse_port(optarg, &options->port) == 0)
				break;
			*status = COMMAND_WRONG_USE;
			return false;
		case OPTION_JSON:
			options->as_json = true;
			break;
		case OPTION_QUIET:
			options->is_quiet = true;
			break;
		case OPTION_CONFIG:
			options->config = optarg;
			break;
		case 'h':
			fputs(help, stdout);
			*status = command_flush();
			return false;
		default:
			*status = command_refuse_option(option, argv);
			return false;
		}
	}
	return true;
}

bool options_parse_all(unsigned taken, const char *help, int argc, char **argv,
	struct options *options, int *status)
{
	if (!options_parse(taken, help, argc, argv, options, status))
		return false;
	if (optind == argc)
		return true;
	*status = command_refuse_argument(argv);
	return false;
}
