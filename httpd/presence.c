/* SPDX-License-Identifier: MIT */
/*
 *            somebody                      nobody
 *   none ───────────────► subscribed ────────────► taking leave ──LEAVE_MS──► none
 *    ▲ │ back-off             │ ▲                        │
 *    └─┘                ended │ └────── somebody ────────┘
 *
 * One timer drives it: it looks at what is, and does the next thing that is missing.
 */
#include "httpd/presence.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>

#include "common/capsock.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/log.h"
#include "httpd/feeds.h"
#include "httpd/subscription.h"
#include "httpd/viewer.h"
#include "httpd/watchers.h"

#define SETTLE_MS    300  /* pages open several connections, and the picture comes first */
#define SPACING_MS   1000 /* between two messages */
#define LEAVE_MS     500  /* the daemon may have something to take back before it ends */
#define SUCCEED_MS   2000 /* … or one that has to start for it */
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 60000
#define STEADY_MS    10000 /* a daemon that has stayed for so long is tried again at once */
#define LOOK_MIN_S   2u    /* a single picture counts for so long, or for [http] grace_s */
#define LOOKS_MAX    16u   /* whoever comes then takes the place of the oldest */
#define ADDRESS_SIZE 48u

_Static_assert(PRESENCE_LINES_MAX <= CAPSOCK_VIEWERS_LINES, "more lines than a message may have");

struct look {
	char address[ADDRESS_SIZE], name[VIEWER_NAME_SIZE];
	unsigned sources;
	uint64_t at_ns; /* 0: none */
};

struct presence {
	const struct config *config;
	struct feeds *feeds;
	struct viewers *viewers;
	struct event *timer;
	uint64_t due_ns; /* of the timer; 0: it is not set */
	struct look looks[LOOKS_MAX];
	bool is_paused;

	struct subscription *subscription;
	uint64_t since_ns; /* it is open */
	uint64_t retry_ns; /* not before that */
	unsigned retry_ms;

	bool owes_leave; /* one that had been told of somebody has died, and what it showed stays */

	/* what the daemon has been told on this subscription */
	bool is_told;
	struct capsock_message told;
	char told_words[CAPSOCK_VIEWERS_MAX];
	uint64_t told_ns;
};

/* The timer fires by then, or earlier. */
static void wake_at(struct presence *presence, uint64_t at_ns)
{
	uint64_t now = clock_monotonic_ns(), in_ns = at_ns > now ? at_ns - now : 0;
	const struct timeval delay = {.tv_sec = (time_t)(in_ns / NS_PER_S),
		.tv_usec = (suseconds_t)(in_ns % NS_PER_S / NS_PER_US) + 1};

	if (presence->due_ns != 0 && presence->due_ns <= at_ns)
		return;
	if (event_add(presence->timer, &delay) == 0)
		presence->due_ns = at_ns;
}

static void wake_in(struct presence *presence, unsigned ms)
{
	wake_at(presence, clock_monotonic_ns() + ms * NS_PER_MS);
}

/* --- who is there --- */

static void add_viewer(void *arg, const struct viewer_info *info)
{
	if (info->sources != 0)
		watchers_add(arg, info->name, info->address, info->sources);
}

static void add_looks(struct presence *presence, struct watchers *watchers)
{
	uint64_t now = clock_monotonic_ns();
	unsigned grace_s = presence->config->http.grace_s;
	uint64_t look_ns = (grace_s > LOOK_MIN_S ? grace_s : LOOK_MIN_S) * NS_PER_S;

	for (size_t i = 0; i < LOOKS_MAX; i++) {
		struct look *look = &presence->looks[i];

		if (look->at_ns == 0)
			continue;
		if (now >= look->at_ns + look_ns) {
			look->at_ns = 0;
			continue;
		}
		watchers_add(watchers, look->name, look->address, look->sources);
		wake_at(presence, look->at_ns + look_ns);
	}
}

/* False: no memory, and so as it was. */
static bool compose(
	struct presence *presence, struct capsock_message *message, char words[CAPSOCK_VIEWERS_MAX])
{
	struct watchers *watchers = watchers_create();

	if (!watchers)
		return false;
	/* Borrowed names and addresses stay as they are until they are written. */
	viewers_each(presence->viewers, add_viewer, watchers);
	add_looks(presence, watchers);
	*message = (struct capsock_message){.type = CAPSOCK_VIEWERS,
		.ring_fd = -1,
		.sources = watchers_sources(watchers),
		.is_paused = presence->is_paused,
		.words = words,
		.words_len =
			watchers_write(watchers, PRESENCE_LINES_MAX, words, CAPSOCK_VIEWERS_MAX)};
	watchers_destroy(watchers);
	return true;
}

/* --- the subscription --- */

static void end_subscription(struct presence *presence)
{
	subscription_close(presence->subscription);
	presence->subscription = NULL;
	presence->is_told = false;
}

static void back_off(struct presence *presence)
{
	if (presence->retry_ms == 0)
		presence->retry_ms = RETRY_MIN_MS;
	presence->retry_ns = clock_monotonic_ns() + presence->retry_ms * NS_PER_MS;
	wake_at(presence, presence->retry_ns);
	presence->retry_ms =
		presence->retry_ms * 2 < RETRY_MAX_MS ? presence->retry_ms * 2 : RETRY_MAX_MS;
}

static void on_frame(void *arg, struct frame *frame, uint64_t skipped)
{
	(void)arg, (void)skipped;
	frame_unref(frame); /* there are none of this stream */
}

static void on_state(void *arg, const struct capsock_message *message)
{
	(void)arg, (void)message; /* the feeds' */
}

static void on_dropped(void *arg, uint64_t dropped)
{
	(void)arg, (void)dropped;
}

static void on_ended(void *arg, const char *lie)
{
	struct presence *presence = arg;

	log_debug("The screen daemon is not told who watches: %s; trying again",
		lie ? lie : "it ended, or never answered");
	presence->owes_leave |= presence->is_told && presence->told.words_len > 0;
	if (clock_monotonic_ns() - presence->since_ns >= STEADY_MS * NS_PER_MS)
		presence->retry_ms = 0;
	end_subscription(presence);
	back_off(presence);
}

static const struct subscription_ops subscription_ops = {
	.on_frame = on_frame, .on_state = on_state, .on_dropped = on_dropped, .on_ended = on_ended};

static bool is_open(struct presence *presence)
{
	uint64_t now = clock_monotonic_ns();
	int r;

	if (presence->subscription)
		return true;
	if (now < presence->retry_ns) {
		wake_at(presence, presence->retry_ns);
		return false;
	}
	r = feeds_subscribe(presence->feeds, SOURCE_SCREEN, STREAM_PRESENCE, &subscription_ops,
		presence, &presence->subscription);
	if (r < 0) {
		log_debug("The screen daemon is not told who watches: %s; trying again",
			strerror(-r));
		back_off(presence);
		return false;
	}
	presence->since_ns = now;
	return true;
}

/* --- what it is told --- */

static bool is_news(const struct presence *presence, const struct capsock_message *message)
{
	const struct capsock_message *told = &presence->told;

	return !presence->is_told || told->sources != message->sources ||
	       told->is_paused != message->is_paused || told->words_len != message->words_len ||
	       memcmp(presence->told_words, message->words, message->words_len) != 0;
}

static void tell(struct presence *presence, const struct capsock_message *message)
{
	presence->told_ns = clock_monotonic_ns();
	if (!subscription_wish(presence->subscription, message)) {
		/* It reads slowly, or is gone, of which on_ended comes to tell. */
		wake_in(presence, SPACING_MS);
		return;
	}
	presence->is_told = true;
	presence->owes_leave = false;
	presence->told = *message;
	presence->told.words = presence->told_words;
	memcpy(presence->told_words, message->words, message->words_len);
}

/* The successor of a daemon that died takes away what that has left on the desktop: it is started
 * for it, once.  False: there is nothing to be done. */
static bool owes_leave(struct presence *presence)
{
	if (!presence->owes_leave)
		return false;
	if (clock_monotonic_ns() < presence->retry_ns) {
		wake_at(presence, presence->retry_ns);
		return true;
	}
	presence->owes_leave = false;
	if (!is_open(presence))
		return false;
	wake_in(presence, SUCCEED_MS);
	return true;
}

static void take_leave(struct presence *presence, const struct capsock_message *nobody)
{
	if (owes_leave(presence))
		return;
	if (presence->subscription && presence->is_told && presence->told.words_len > 0) {
		tell(presence, nobody);
		wake_in(presence, LEAVE_MS);
		return;
	}
	end_subscription(presence);
	presence->retry_ns = 0;
	presence->retry_ms = 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct presence *presence = arg;
	struct capsock_message message;
	char words[CAPSOCK_VIEWERS_MAX];
	(void)fd, (void)what;

	presence->due_ns = 0;
	if (!compose(presence, &message, words)) {
		wake_in(presence, SPACING_MS);
		return;
	}
	if (!presence->config->session.notify)
		message.words_len = 0;
	if (message.words_len == 0) {
		take_leave(presence, &message);
		return;
	}
	if (!is_open(presence) || !is_news(presence, &message))
		return;
	uint64_t next_ns = presence->told_ns + SPACING_MS * NS_PER_MS;
	if (presence->is_told && clock_monotonic_ns() < next_ns)
		wake_at(presence, next_ns);
	else
		tell(presence, &message);
}

/* --- from outside --- */

static void on_change(void *arg)
{
	wake_in(arg, SETTLE_MS);
}

/* The place of this one, else an empty one, else the oldest. */
static struct look *place_of(struct presence *presence, const char *address, const char *name)
{
	struct look *best = &presence->looks[0];

	for (size_t i = 0; i < LOOKS_MAX; i++) {
		struct look *look = &presence->looks[i];

		if (look->at_ns != 0 && strcmp(look->address, address) == 0 &&
			strcmp(look->name, name) == 0)
			return look;
		if (look->at_ns < best->at_ns)
			best = look;
	}
	*best = (struct look){.at_ns = 0};
	return best;
}

void presence_looked(
	struct presence *presence, const char *address, const char *name, unsigned sources)
{
	struct look *look;

	if (!presence)
		return;
	look = place_of(presence, address, name);
	if (look->at_ns == 0) {
		strncat(look->address, address, sizeof(look->address) - 1);
		strncat(look->name, name, sizeof(look->name) - 1);
		on_change(presence);
	}
	look->sources |= sources;
	look->at_ns = clock_monotonic_ns();
}

void presence_set_paused(struct presence *presence, bool is_paused)
{
	if (!presence || presence->is_paused == is_paused)
		return;
	presence->is_paused = is_paused;
	on_change(presence);
}

void presence_configured(struct presence *presence)
{
	on_change(presence);
}

int presence_create(struct event_base *base, const struct config *config, struct feeds *feeds,
	struct viewers *viewers, struct presence **out)
{
	struct presence *presence = calloc(1, sizeof(*presence));

	if (!presence)
		return -ENOMEM;
	presence->config = config;
	presence->feeds = feeds;
	presence->viewers = viewers;
	presence->timer = evtimer_new(base, on_timer, presence);
	if (!presence->timer) {
		free(presence);
		return -ENOMEM;
	}
	viewers_set_listener(viewers, on_change, presence);
	*out = presence;
	return 0;
}

void presence_destroy(struct presence *presence)
{
	if (!presence)
		return;
	viewers_set_listener(presence->viewers, NULL, NULL);
	subscription_close(presence->subscription);
	event_free(presence->timer);
	free(presence);
}
