/* SPDX-License-Identifier: MIT */
#include "capd/session/logind_background.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capd/session/logind_question.h"
#include "capd/session/logind_session.h"

#define SESSIONS_MAX 32 /* of one seat: more are not looked at */

struct logind_background {
	sd_bus *bus;
	const struct logind_background_ops *ops;
	void *arg;
	sd_bus_slot *question;
	char active_path[LOGIND_PATH_SIZE];
	char paths[SESSIONS_MAX][LOGIND_PATH_SIZE]; /* the others' */
	size_t n_paths;                             /* not looked at yet */
};

static int on_session(sd_bus_message *reply, void *arg, sd_bus_error *ret_error);

static int ask_next(struct logind_background *background)
{
	return logind_question_send(background->bus, background->paths[--background->n_paths],
		LOGIND_SESSION_INTERFACE, NULL, on_session, background, &background->question);
}

static void look_on(struct logind_background *background)
{
	if (background->n_paths == 0)
		background->ops->on_answer(background->arg, false);
	else if (ask_next(background) < 0)
		background->ops->on_failure(background->arg, NULL);
}

static int on_session(sd_bus_message *reply, void *arg, sd_bus_error *ret_error)
{
	struct logind_background *background = arg;
	struct logind_view view;
	(void)ret_error;

	background->question = sd_bus_slot_unref(background->question);
	/* One that is gone by now has no answer; what it has changed is told by a signal. */
	if (!sd_bus_message_is_method_error(reply, NULL) &&
		logind_session_read(reply, &view) >= 0 && strcmp(view.class, "user") == 0 &&
		strcmp(view.state, "closing") != 0)
		background->ops->on_answer(background->arg, true);
	else
		look_on(background);
	return 0;
}

static int read_paths(struct logind_background *background, sd_bus_message *reply)
{
	const char *id, *path;
	int r = sd_bus_message_enter_container(reply, 'v', "a(so)");

	if (r >= 0)
		r = sd_bus_message_enter_container(reply, 'a', "(so)");
	while (r >= 0 && (r = sd_bus_message_read(reply, "(so)", &id, &path)) > 0)
		if (background->n_paths < SESSIONS_MAX && strlen(path) < LOGIND_PATH_SIZE &&
			strcmp(path, background->active_path) != 0)
			strcpy(background->paths[background->n_paths++], path);
	return r;
}

static int on_sessions(sd_bus_message *reply, void *arg, sd_bus_error *ret_error)
{
	struct logind_background *background = arg;
	(void)ret_error;

	background->question = sd_bus_slot_unref(background->question);
	if (sd_bus_message_is_method_error(reply, NULL))
		background->ops->on_failure(background->arg, sd_bus_message_get_error(reply));
	else if (read_paths(background, reply) < 0)
		background->ops->on_failure(background->arg, NULL);
	else
		look_on(background);
	return 0;
}

int logind_background_ask(sd_bus *bus, const char *active_path,
	const struct logind_background_ops *ops, void *arg, struct logind_background **out)
{
	struct logind_background *background = calloc(1, sizeof(*background));
	int r;

	if (!background)
		return -ENOMEM;
	background->bus = sd_bus_ref(bus);
	background->ops = ops;
	background->arg = arg;
	strncpy(background->active_path, active_path, LOGIND_PATH_SIZE - 1);
	r = logind_question_send(bus, LOGIND_SEAT_PATH, LOGIND_SEAT_INTERFACE, "Sessions",
		on_sessions, background, &background->question);
	if (r < 0) {
		logind_background_destroy(background);
		return r;
	}
	*out = background;
	return 0;
}

void logind_background_destroy(struct logind_background *background)
{
	if (!background)
		return;
	sd_bus_slot_unref(background->question);
	sd_bus_unref(background->bus);
	free(background);
}
