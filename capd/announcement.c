/* SPDX-License-Identifier: MIT */
#include "capd/announcement.h"

#include <stdlib.h>
#include <string.h>

#include "capd/pattern.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/messages.h"
#include "common/service.h"
#include "common/utf8.h"

void announcement_init(struct announcement *announcement, enum source_id source)
{
	*announcement = (struct announcement){.source = source,
		.state = STATE_STARTING,
		.since_ns = clock_monotonic_ns(),
		.fault = STATE_LIVE};
	strncat(announcement->words, state_words(STATE_STARTING), CAPSOCK_WORDS_MAX);
}

void announcement_fini(struct announcement *announcement)
{
	free(announcement->picture);
	announcement->picture = NULL;
}

/* One line when a fault begins, one when it ends, however long the start in between takes. */
static void log_change(struct announcement *announcement)
{
	bool is_back = announcement->state == STATE_LIVE && announcement->fault != STATE_LIVE;
	const struct log_fields fields = {.source = source_name(announcement->source),
		.state = state_name(announcement->state),
		.message = is_back ? MESSAGE_BACK
				   : message_of_state(announcement->source, announcement->state)};
	bool is_sound = announcement->source == SOURCE_AUDIO;

	if (announcement->state == STATE_STARTING || !announcement->is_logged)
		return;
	if (announcement->state != STATE_LIVE) {
		announcement->fault = announcement->state;
		announcement->fault_since_ns = announcement->since_ns;
		/* A lock is as it should be. */
		log_at(announcement->state == STATE_LOCKED ? LOG_INFO : LOG_WARNING, &fields,
			"No %s (%s): %s", is_sound ? "sound" : "pictures",
			state_name(announcement->state), announcement->words);
		return;
	}
	if (is_back)
		log_at(LOG_INFO, &fields, "%s again after %.1f s of %s",
			is_sound ? "Sound" : "Pictures",
			(double)(announcement->since_ns - announcement->fault_since_ns) / 1e9,
			state_name(announcement->fault));
	else
		log_at(LOG_INFO, &fields, "Live: %s", announcement->words);
	announcement->fault = STATE_LIVE;
}

bool announcement_set(struct announcement *announcement, enum source_state state, const char *words,
	bool has_picture)
{
	enum source_state before = announcement->state;
	char clean[sizeof(announcement->words)] = "";

	/* Names of devices and monitors are anybody's, and may be cut within a character: whoever
	 * is subscribed refuses a text that is none. */
	strncat(clean, words ? words : state_words(state), sizeof(clean) - 1);
	utf8_clean(clean);
	if (state == before && strcmp(clean, announcement->words) == 0 &&
		has_picture == (announcement->picture != NULL))
		return false;
	free(announcement->picture);
	announcement->picture = NULL;
	announcement->picture_len = 0;
	announcement->state = state;
	memcpy(announcement->words, clean, sizeof(clean));
	if (state != before)
		announcement->since_ns = clock_monotonic_ns();
	if (has_picture && pattern_state_jpeg(announcement->source, state, announcement->words,
				   &announcement->picture, &announcement->picture_len) < 0)
		log_err("Could not draw the picture of a state: no memory");
	log_change(announcement);
	service_status("%s: %s", state_name(state), announcement->words);
	return true;
}

void announcement_begin_log(struct announcement *announcement)
{
	if (announcement->is_logged)
		return;
	announcement->is_logged = true;
	log_change(announcement);
}

struct capsock_message announcement_message(const struct announcement *announcement)
{
	return (struct capsock_message){.type = CAPSOCK_STATE,
		.ring_fd = -1,
		.state = announcement->state,
		.words = announcement->words,
		.words_len = strlen(announcement->words),
		.picture = announcement->picture,
		.picture_len = announcement->picture_len};
}
