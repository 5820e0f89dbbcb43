/* SPDX-License-Identifier: MIT */
/*
 * `screenshare files`: the presenter's hands on what is shared.  Everything goes over the control
 * socket, but for the bytes of a file that is added (cli/upload.h).
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/text.h"
#include "cli/upload.h"
#include "common/log.h"
#include "common/utf8.h"

#define NAME_COLUMNS 60 /* characters */
#define SENDER_MAX   24
#define WORDS_MAX    160 /* characters of an answer */

static const char help[] =
	"Usage: screenshare files [list] [--json] [--port PORT]\n"
	"       screenshare files add FILE...\n"
	"       screenshare files delete NAME...\n"
	"       screenshare files restore [ID...]\n"
	"       screenshare files rename NAME NEW-NAME\n"
	"Lists the shared files, or changes what is shared.\n"
	"\n"
	"  add      copies files of this computer to the shared ones\n"
	"  delete   puts shared files into the trash, where they rest for a day\n"
	"  restore  brings files back from there; without an ID, lists what is there\n"
	"  rename   gives a shared file another name\n"
	"\n"
	"  --json       the answer as the server gave it, one line of JSON\n"
	"  --port PORT  ask your `screenshare run` on that port, not the service\n";

/* --- asking --- */

/* {"request":"files","action":…} */
static json_t *order(const char *action)
{
	return json_pack("{ss ss}", "request", "files", "action", action);
}

static bool was_granted(const json_t *answer, const char *verb, const char *word)
{
	char words[TEXT_SIZE(WORDS_MAX)];

	if (!verb || json_is_true(json_object_get(answer, "ok")))
		return ask_was_granted(answer);
	log_err("Could not %s %s: %s", verb, word,
		text_clean(ask_text(answer, "error"), WORDS_MAX, words, sizeof(words)));
	return false;
}

/* Takes the request over.  COMMAND_OK and *answer, granted; else an exit status.  `verb`, `word`:
 * what it is that failed then, one of several; NULL: there is but one. */
static int ask_about(const struct options *options, json_t *request, const char *verb,
	const char *word, json_t **answer)
{
	int status;

	if (!request) {
		log_err("Could not ask the server: %s", strerror(ENOMEM));
		return COMMAND_FAILED;
	}
	status = ask_somebody(options->port, request, answer);
	json_decref(request);
	if (status == COMMAND_OK && !was_granted(*answer, verb, word)) {
		json_decref(*answer);
		return COMMAND_FAILED;
	}
	return status;
}

static int ask(const struct options *options, json_t *request, json_t **answer)
{
	return ask_about(options, request, NULL, NULL, answer);
}

/* Names are UTF-8, as JSON is: no other word can be one. */
static bool can_be_name(const char *word)
{
	if (utf8_is_valid(word, strlen(word)))
		return true;
	log_err("Could not find %s: the names of shared files are UTF-8", word);
	return false;
}

/* Asks for `action` on one file. */
static int ask_for_one(
	const struct options *options, const char *action, const char *key, const char *value)
{
	json_t *request, *answer;
	int status;

	if (!can_be_name(value))
		return COMMAND_FAILED;
	request = order(action);
	json_object_set_new(request, key, json_string(value));
	status = ask_about(options, request, action, value, &answer);
	if (status != COMMAND_OK)
		return status;
	if (json_object_get(answer, "name")) {
		char name[TEXT_SIZE(NAME_COLUMNS)];

		printf("%s\n",
			text_clean(ask_text(answer, "name"), NAME_COLUMNS, name, sizeof(name)));
	}
	json_decref(answer);
	return command_flush();
}

/* --- list --- */

static const char *moment(uint64_t ms, char out[32])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm local;

	localtime_r(&seconds, &local);
	strftime(out, 32, "%Y-%m-%d %H:%M", &local);
	return out;
}

static void print_file(const json_t *file)
{
	char name[TEXT_SIZE(NAME_COLUMNS)], sender[TEXT_SIZE(SENDER_MAX)], size[TEXT_FIGURE_MAX],
		when[32];
	const char *from = ask_text(file, "sender");

	if (*from == '\0')
		from = ask_text(file, "address");
	printf("%9s  %s  %-*s  %s\n", text_bytes(ask_number(file, "size"), size),
		moment(ask_number(file, "modified"), when), 16,
		text_clean(from, SENDER_MAX, sender, sizeof(sender)),
		text_clean(ask_text(file, "name"), NAME_COLUMNS, name, sizeof(name)));
}

static void print_json(const json_t *answer)
{
	/* ASCII alone: what a stranger put into it reaches no terminal as it is. */
	json_dumpf(answer, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	putchar('\n');
}

/* All of them, however many answers that takes. */
static int list(const struct options *options)
{
	json_t *all = json_array(), *answer, *files;
	size_t n = 0, i;
	json_t *file;
	int status;

	do {
		json_t *request = order("list");

		json_object_set_new(request, "from", json_integer((json_int_t)n));
		status = ask(options, request, &answer);
		if (status != COMMAND_OK) {
			json_decref(all);
			return status;
		}
		files = json_object_get(answer, "files");
		i = json_array_size(files);
		json_array_extend(all, files);
		json_decref(answer);
		n += i;
	} while (i > 0);
	if (options->as_json)
		print_json(all);
	else if (n == 0)
		puts("No files are shared");
	else
		json_array_foreach(all, i, file) print_file(file);
	json_decref(all);
	return command_flush();
}

/* --- restore --- */

static int list_trash(const struct options *options)
{
	char name[TEXT_SIZE(NAME_COLUMNS)], size[TEXT_FIGURE_MAX], when[32];
	json_t *answer, *files, *file;
	int status = ask(options, order("trash"), &answer);
	size_t i;

	if (status != COMMAND_OK)
		return status;
	files = json_object_get(answer, "files");
	if (options->as_json)
		print_json(files);
	else if (json_array_size(files) == 0)
		puts("There is nothing in the trash");
	else
		json_array_foreach(files, i, file) printf("%s  %9s  %s  %s\n", ask_text(file, "id"),
			text_bytes(ask_number(file, "size"), size),
			moment(ask_number(file, "deleted"), when),
			text_clean(ask_text(file, "name"), NAME_COLUMNS, name, sizeof(name)));
	json_decref(answer);
	return command_flush();
}

/* --- add --- */

/* An open file: first what lets it in, then where to. */
static int send_upload(const struct options *options, const struct upload *upload)
{
	json_t *granted, *site;
	int status = ask(options, order("add"), &granted);
	bool is_taken = false;

	if (status != COMMAND_OK)
		return status;
	if (ask(options, json_pack("{ss}", "request", "url"), &site) == COMMAND_OK) {
		is_taken = upload_send(
			upload, json_object_get(site, "urls"), ask_text(granted, "token"));
		json_decref(site);
	}
	json_decref(granted);
	return is_taken ? COMMAND_OK : COMMAND_FAILED;
}

static int add(const struct options *options, const char *path)
{
	struct upload upload;
	int status;

	if (!upload_open(&upload, path))
		return COMMAND_FAILED;
	status = send_upload(options, &upload);
	upload_close(&upload);
	return status;
}

/* --- words --- */

static int each(const struct options *options, char **words, int n,
	int (*act)(const struct options *options, const char *word))
{
	int status = COMMAND_OK;

	for (int i = 0; i < n; i++) {
		int one = act(options, words[i]);

		if (one != COMMAND_OK)
			status = one;
		if (one == COMMAND_NOT_RUNNING)
			break;
	}
	return status;
}

static int delete_one(const struct options *options, const char *name)
{
	return ask_for_one(options, "delete", "name", name);
}

static int restore_one(const struct options *options, const char *id)
{
	return ask_for_one(options, "restore", "id", id);
}

static int rename_one(const struct options *options, const char *name, const char *new_name)
{
	const char *given;
	json_t *request, *answer;
	int status;

	if (!can_be_name(name) || !can_be_name(new_name))
		return COMMAND_FAILED;
	request = order("rename");
	json_object_set_new(request, "name", json_string(name));
	json_object_set_new(request, "new_name", json_string(new_name));
	status = ask_about(options, request, "rename", name, &answer);
	if (status != COMMAND_OK)
		return status;
	given = json_string_value(json_object_get(answer, "name"));
	if (given && strcmp(given, new_name) != 0) /* made safe: it is not found under the other */
		puts(given);
	json_decref(answer);
	return COMMAND_OK;
}

static int act(const struct options *options, char **words, int n)
{
	const char *verb = n > 0 ? words[0] : "list";
	int n_more = n > 0 ? n - 1 : 0;

	if (strcmp(verb, "list") == 0 && n_more == 0)
		return list(options);
	if (strcmp(verb, "add") == 0 && n_more > 0)
		return each(options, words + 1, n_more, add);
	if (strcmp(verb, "delete") == 0 && n_more > 0)
		return each(options, words + 1, n_more, delete_one);
	if (strcmp(verb, "restore") == 0 && n_more > 0)
		return each(options, words + 1, n_more, restore_one);
	if (strcmp(verb, "restore") == 0)
		return list_trash(options);
	if (strcmp(verb, "rename") == 0 && n_more == 2)
		return rename_one(options, words[1], words[2]);
	log_err("Expected list, add, delete, restore or rename, and what they are for; see --help");
	return COMMAND_WRONG_USE;
}

int files_main(int argc, char **argv)
{
	struct options options;
	int status;

	if (!options_parse(OPTION_PORT | OPTION_JSON, help, argc, argv, &options, &status))
		return status;
	signal(SIGPIPE, SIG_IGN); /* a refusal before the end is an answer */
	return act(&options, argv + optind, argc - optind);
}
