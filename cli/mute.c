/* SPDX-License-Identifier: MIT */
/*
 * `screenshare mute` and `screenshare unmute`: which sound of this computer is heard.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/audio_switch.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/runtime_dir.h"
#include "cli/sharer.h"
#include "cli/text.h"
#include "common/log.h"
#include "common/service.h"

#define ANSWER_TIMEOUT_MS 8000 /* it may have to be started first */
#define SOCKET_PATH       128  /* a runtime folder and a name */
#define ALL_INPUTS        ((1u << AUDIO_INPUT_COUNT) - 1)

static const char help_mute[] =
	"Usage: screenshare mute desktop|microphone|all [--port PORT]\n"
	"Makes browsers hear silence in place of what this computer plays (desktop), of what its\n"
	"microphone hears, or of both.  That stays so until `screenshare unmute`, also when the\n"
	"computer is started anew.\n"
	"\n"
	"  --port PORT  mute your `screenshare run` on that port, not the service\n"
	"\n"
	"Exit status: 0 if it is muted now, 3 if nothing is being shared, 1 if it failed.\n";
static const char help_unmute[] =
	"Usage: screenshare unmute desktop|microphone|all [--port PORT]\n"
	"Makes browsers hear what this computer plays (desktop), what its microphone hears, or\n"
	"both.  What the configuration does not name in [audio] sources is heard until sharing\n"
	"stops.\n"
	"\n"
	"  --port PORT  unmute your `screenshare run` on that port, not the service\n"
	"\n"
	"Exit status: 0 if it is heard now, 3 if nothing is being shared, 1 if it failed.\n";

struct wish {
	bool muted;
	unsigned inputs; /* bits 1 << enum audio_input */
	const char *word;
};

static const char *verb(const struct wish *wish)
{
	return wish->muted ? "mute" : "unmute";
}

static const char *object(enum audio_input input)
{
	return input == AUDIO_MICROPHONE ? "the microphone" : "the desktop's sound";
}

/* --- what became of it --- */

static int say_done(const struct wish *wish, enum audio_input input)
{
	const char *name = object(input);

	printf("T%s %s\n", name + 1, wish->muted ? "is muted" : "is heard from now on");
	return command_flush();
}

/* Where the administrator has closed the sound daemon's socket: root passes any mode. */
static int say_not_allowed(const struct wish *wish)
{
	struct runtime_dir_run own;

	log_err("Only root may mute and unmute the sound of the service: sudo screenshare %s %s%s",
		verb(wish), wish->word,
		runtime_dir_list(&own, 1) > 0
			? " (for your own `screenshare run`, say which by --port)"
			: "");
	return COMMAND_FAILED;
}

static const char *reason(int r)
{
	switch (r) {
	case -ETIMEDOUT:
		return "the sound daemon does not answer";
	case -ECONNRESET:
		return "the sound daemon ended before it had answered";
	case -EPROTO:
		return "the sound daemon gave an answer that makes no sense";
	case -ENOENT:
	case -ECONNREFUSED:
		return "the sound daemon is not there";
	default:
		return strerror(-r);
	}
}

static int say_failed(const struct wish *wish, enum audio_input input, const struct sharer *sharer,
	int r, const char *words)
{
	char clean[AUDIO_SWITCH_WORDS_SIZE * 4];
	bool is_service = sharer->port == 0;

	if (r == -EACCES && is_service)
		return say_not_allowed(wish);
	if (r == -EPERM)
		log_err("Could not %s %s: the sound daemon refused: %s", verb(wish), object(input),
			text_clean(words, CAPSOCK_WORDS_MAX, clean, sizeof(clean)));
	else
		log_err("Could not %s %s: %s; see %s", verb(wish), object(input), reason(r),
			sharer->is_own_service ? "journalctl --user -u screenshare-audio"
			: is_service           ? "journalctl -u screenshare-audio"
					       : "what `screenshare run` says");
	return COMMAND_FAILED;
}

/* --- asking --- */

/* Its server has a socket, whatever has become of the one for sound. */
static bool shares(const struct sharer *sharer)
{
	char path[SOCKET_PATH];

	snprintf(path, sizeof(path), "%s/%s", sharer->runtime_dir, SERVICE_SOCK_CONTROL);
	return access(path, F_OK) == 0;
}

static int ask_sharer(void *arg, const struct sharer *sharer)
{
	const struct wish *wish = arg;
	char path[SOCKET_PATH], words[AUDIO_SWITCH_WORDS_SIZE];
	int status = COMMAND_OK;

	snprintf(path, sizeof(path), "%s/%s", sharer->runtime_dir, SERVICE_SOCK_AUDIO);
	for (unsigned i = 0; i < AUDIO_INPUT_COUNT && status == COMMAND_OK; i++) {
		enum audio_input input = (enum audio_input)i;
		int r;

		if (!(wish->inputs & 1u << i))
			continue;
		r = audio_switch(path, input, wish->muted, ANSWER_TIMEOUT_MS, words);
		if ((r == -ENOENT || r == -ECONNREFUSED) && !shares(sharer))
			return SHARER_NOBODY;
		status = r == 0 ? say_done(wish, input) : say_failed(wish, input, sharer, r, words);
	}
	return status;
}

/* --- arguments --- */

static int take_input(struct wish *wish, const char *word)
{
	wish->word = word;
	if (word && strcmp(word, "all") == 0)
		wish->inputs = ALL_INPUTS;
	for (unsigned i = 0; word && i < AUDIO_INPUT_COUNT; i++)
		if (strcmp(word, audio_input_name((enum audio_input)i)) == 0)
			wish->inputs = 1u << i;
	if (wish->inputs)
		return COMMAND_OK;
	if (word)
		log_err("There is no sound called \"%s\": expected desktop, microphone or all",
			word);
	else
		log_err("Say what to %s: desktop, microphone or all", verb(wish));
	return COMMAND_WRONG_USE;
}

static int switch_main(bool muted, const char *help, int argc, char **argv)
{
	struct wish wish = {.muted = muted};
	struct options options;
	int status;

	if (!options_parse(OPTION_PORT, help, argc, argv, &options, &status))
		return status;
	if (take_input(&wish, argv[optind]) != COMMAND_OK)
		return COMMAND_WRONG_USE;
	if (++optind < argc)
		return command_refuse_argument(argv);
	return sharer_ask(options.port, ask_sharer, &wish);
}

int mute_main(int argc, char **argv)
{
	return switch_main(true, help_mute, argc, argv);
}

int unmute_main(int argc, char **argv)
{
	return switch_main(false, help_unmute, argc, argv);
}
