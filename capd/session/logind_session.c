/* SPDX-License-Identifier: MIT */
#include "capd/session/logind_session.h"

#include <errno.h>
#include <string.h>

static void copy_word(char out[LOGIND_WORD_MAX], const char *word)
{
	strncpy(out, word, LOGIND_WORD_MAX - 1);
	out[LOGIND_WORD_MAX - 1] = '\0';
}

static char *word_of(struct logind_view *view, const char *property)
{
	return strcmp(property, "Id") == 0        ? view->id
	       : strcmp(property, "Name") == 0    ? view->name
	       : strcmp(property, "Type") == 0    ? view->type
	       : strcmp(property, "Class") == 0   ? view->class
	       : strcmp(property, "State") == 0   ? view->state
	       : strcmp(property, "Display") == 0 ? view->display
						  : NULL;
}

static int read_property(sd_bus_message *reply, const char *property, struct logind_view *view)
{
	char *word = word_of(view, property);
	const char *text;
	uint32_t uid;
	int flag, r;

	if (word) {
		r = sd_bus_message_read(reply, "v", "s", &text);
		if (r >= 0)
			copy_word(word, text);
		return r;
	}
	if (strcmp(property, "LockedHint") == 0) {
		r = sd_bus_message_read(reply, "v", "b", &flag);
		view->is_locked = r >= 0 && flag;
		return r;
	}
	if (strcmp(property, "User") == 0) {
		r = sd_bus_message_read(reply, "v", "(uo)", &uid, &text);
		view->uid = r >= 0 ? uid : (uid_t)-1;
		return r;
	}
	return sd_bus_message_skip(reply, "v");
}

int logind_session_read(sd_bus_message *reply, struct logind_view *view)
{
	const char *property;
	int r;

	memset(view, 0, sizeof(*view));
	view->answer = LOGIND_SESSION;
	view->uid = (uid_t)-1;
	r = sd_bus_message_enter_container(reply, 'a', "{sv}");
	while (r >= 0 && (r = sd_bus_message_enter_container(reply, 'e', "sv")) > 0) {
		r = sd_bus_message_read(reply, "s", &property);
		if (r >= 0)
			r = read_property(reply, property, view);
		if (r >= 0)
			r = sd_bus_message_exit_container(reply);
	}
	return r < 0 ? r : view->uid == (uid_t)-1 ? -EBADMSG : 0;
}
