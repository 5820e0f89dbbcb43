/* SPDX-License-Identifier: MIT */
/*
 * screenshare: the command for a terminal.  Finds the command that was asked for, and nothing else.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "common/log.h"

static const struct command {
	const char *name;
	int (*main)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{"run", run_main, "share from this terminal, until Ctrl-C"},
	{"status", status_main, "what is being shared, and how it goes"},
	{"viewers", viewers_main, "who is watching"},
	{"files", files_main, "what is shared: list, add, delete, restore, rename"},
	{"url", url_main, "the addresses to open in a browser"},
	{"pause", pause_main, "take picture and sound back for a while"},
	{"resume", resume_main, "go on after a pause"},
	{"mute", mute_main, "silence the desktop's sound or the microphone"},
	{"unmute", unmute_main, "let the desktop's sound or the microphone be heard"},
	{"reload", reload_main, "read the configuration again"},
	{"allow", allow_main, "let the service share your desktop"},
	{"deny", deny_main, "keep the service from sharing your desktop"},
	{"doctor", doctor_main, "what is wrong here, and what to do about it"},
	{"version", version_main, "the version of this program"},
};
#define N_COMMANDS (sizeof(commands) / sizeof(*commands))

/* A word that differs from a command by more has something else in mind. */
#define DISTANCE_MAX 2
#define WORD_MAX     16

/* Letters to insert, remove or replace to make `b` of `a` (Levenshtein); words above WORD_MAX are
 * far from any. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[WORD_MAX + 1];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return DISTANCE_MAX + 1;
	for (unsigned j = 0; j <= b_len; j++)
		row[j] = j;
	for (unsigned i = 1; i <= a_len; i++) {
		unsigned diagonal = row[0]; /* of the row above */

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			unsigned above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);

			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = above;
		}
	}
	return row[b_len];
}

static int refuse_command(const char *word)
{
	const char *nearest = NULL;
	unsigned least = DISTANCE_MAX + 1;

	for (size_t i = 0; i < N_COMMANDS; i++) {
		unsigned d = distance(word, commands[i].name);

		if (d < least) {
			least = d;
			nearest = commands[i].name;
		}
	}
	if (nearest)
		log_err("There is no command \"%s\"; did you mean \"%s\"?", word, nearest);
	else
		log_err("There is no command \"%s\"; see `screenshare --help`", word);
	return COMMAND_WRONG_USE;
}

static void print_help(FILE *out)
{
	fputs("Usage: screenshare COMMAND [OPTION]...\n"
	      "Shares this computer's screen, camera and sound with any browser on the network.\n"
	      "\n",
		out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].summary);
	fputs("\n"
	      "`screenshare COMMAND --help` says more.  The service is started and stopped by\n"
	      "`systemctl start screenshare` and `systemctl stop screenshare`.\n",
		out);
}

int version_main(int argc, char **argv)
{
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		puts("Usage: screenshare version\nPrints the version of this program.");
		return command_flush();
	}
	if (argc > 1) {
		log_err("Unexpected argument %s; see --help", argv[1]);
		return COMMAND_WRONG_USE;
	}
	puts("screenshare " SCREENSHARE_VERSION);
	return command_flush();
}

int command_refuse_option(int option, char **argv)
{
	/* getopt leaves the word behind, whole for a long option */
	extern int optind;
	const char *word = argv[optind - 1];

	if (option == ':')
		log_err("Option %s needs a value; see --help", word);
	else
		log_err("Unknown option %s; see --help", word);
	return COMMAND_WRONG_USE;
}

int command_refuse_argument(char **argv)
{
	extern int optind;

	log_err("Unexpected argument %s; see --help", argv[optind]);
	return COMMAND_WRONG_USE;
}

int command_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return COMMAND_OK;
	log_err("Could not print: %s", strerror(errno));
	return COMMAND_FAILED;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	log_open("screenshare");
	if (!word) {
		print_help(stderr);
		return COMMAND_WRONG_USE;
	}
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (strcmp(word, commands[i].name) == 0)
			return commands[i].main(argc - 1, argv + 1);
	if (strcmp(word, "--version") == 0)
		return version_main(argc - 1, argv + 1);
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
		print_help(stdout);
		return command_flush();
	}
	return refuse_command(word);
}
