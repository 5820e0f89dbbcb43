/* SPDX-License-Identifier: MIT */
#include "httpd/files/quota.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/ratelimit.h"
#include "httpd/files/listing.h"
#include "httpd/files/resting.h"

#define MB           1000000ull
#define STEP_UNKNOWN (16u * 1024u * 1024u) /* bytes reserved at a time where nobody knows */
#define TRASH_LOG    ((struct ratelimit){.interval_ns = 10 * NS_PER_S, .burst = 10})

/* No limit is UINT64_MAX. */
struct limits {
	uint64_t file_max, all_max, sender_max, free_min; /* bytes */
	unsigned count_max;
};

struct quota {
	struct store *store;
	struct listing *listing;
	pthread_mutex_t limits_lock; /* never held across the disk: the loop takes it, too */
	struct limits limits;
	pthread_mutex_t lock; /* workers' alone; across the disk */
	LIST_HEAD(, reservation) reservations;
	unsigned n_reservations;
	struct resting *resting;
	struct ratelimit trash_log;
};

static uint64_t bytes_or_any(unsigned mb)
{
	return mb == 0 ? UINT64_MAX : mb * MB;
}

void quota_set_limits(struct quota *quota, const struct config *config)
{
	const struct limits limits = {
		.file_max = bytes_or_any(config->files.file_max_mb),
		.all_max = bytes_or_any(config->files.quota_mb),
		.sender_max = bytes_or_any(config->files.sender_quota_mb),
		.free_min = config->files.free_mb * MB,
		.count_max = config->files.count_max,
	};

	pthread_mutex_lock(&quota->limits_lock);
	quota->limits = limits;
	pthread_mutex_unlock(&quota->limits_lock);
}

static struct limits get_limits(struct quota *quota)
{
	struct limits limits;

	pthread_mutex_lock(&quota->limits_lock);
	limits = quota->limits;
	pthread_mutex_unlock(&quota->limits_lock);
	return limits;
}

int quota_create(const struct config *config, struct store *store, struct listing *listing,
	struct quota **out)
{
	struct quota *quota = calloc(1, sizeof(*quota));

	if (!quota || resting_create(store, &quota->resting) < 0) {
		free(quota);
		return -ENOMEM;
	}
	quota->store = store;
	quota->listing = listing;
	quota->trash_log = TRASH_LOG;
	LIST_INIT(&quota->reservations);
	pthread_mutex_init(&quota->lock, NULL);
	pthread_mutex_init(&quota->limits_lock, NULL);
	quota_set_limits(quota, config);
	*out = quota;
	return 0;
}

void quota_destroy(struct quota *quota)
{
	if (!quota)
		return;
	pthread_mutex_destroy(&quota->limits_lock);
	pthread_mutex_destroy(&quota->lock);
	resting_destroy(quota->resting);
	free(quota);
}

uint64_t quota_file_max(struct quota *quota)
{
	return get_limits(quota).file_max;
}

struct question {
	const struct quota *quota;
	const struct quota_wish *wish;
};

/* Somebody sends it just now, or is about to: it has a reservation.  Locked. */
static bool is_active(void *arg, const char *part)
{
	const struct question *question = arg;
	const struct reservation *other;

	if (question->wish->part && strcmp(question->wish->part, part) == 0)
		return true;
	LIST_FOREACH (other, &question->quota->reservations, entry)
		if (strcmp(other->part, part) == 0)
			return true;
	return false;
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t excess(uint64_t bytes, uint64_t max)
{
	return bytes > max ? bytes - max : 0;
}

static void empty_trash(struct quota *quota, uint64_t bytes)
{
	char more[RATELIMIT_MORE_SIZE];
	unsigned n, suppressed;

	bytes = trash_make_room(store_trash(quota->store), bytes, &n);
	if (n > 0 && ratelimit_allow(&quota->trash_log, clock_monotonic_ns(), &suppressed))
		log_info("Removed %u of the deleted files for good, %" PRIu64
			 " bytes: their room is wanted%s",
			n, bytes, ratelimit_more(suppressed, more));
}

/*
 * What was deleted makes room, the oldest first, for `shared` bytes in all of which `unwritten` are
 * still to come to the disk; but none of it in vain.  Locked.
 */
static int take_from_trash(
	struct quota *quota, const struct limits *limits, uint64_t shared, uint64_t unwritten)
{
	struct trash *trash = store_trash(quota->store);
	uint64_t free_bytes, over, lacking, deleted;
	bool has_emptied = false;
	int r;

	for (;; has_emptied = true) {
		r = store_free_bytes(quota->store, &free_bytes);
		if (r < 0)
			return r;
		lacking = excess(sum(unwritten, limits->free_min), free_bytes);
		if (lacking == 0 && limits->all_max == UINT64_MAX)
			return 0;
		deleted = trash_bytes(trash);
		over = excess(sum(shared, deleted), limits->all_max);
		if (lacking == 0 && over == 0)
			return 0;
		if (lacking > deleted || has_emptied)
			return lacking > 0 ? -ENOSPC : -EDQUOT;
		empty_trash(quota, lacking > over ? lacking : over);
	}
}

/* Is there room for `more` bytes?  Locked. */
static int find_room(struct quota *quota, const struct quota_wish *wish, uint64_t more)
{
	const struct limits limits = get_limits(quota);
	struct question question = {quota, wish};
	uint64_t all, senders, unwritten = 0;
	struct resting_sum resting;
	unsigned n;
	int r = resting_count(quota->resting, wish->address, is_active, &question, &resting);

	if (r < 0)
		return r;
	listing_totals(quota->listing, wish->address, &n, &all, &senders);
	n += resting.n;
	all += resting.bytes;
	senders += resting.of_address;
	for (const struct reservation *other = LIST_FIRST(&quota->reservations); other;
		other = LIST_NEXT(other, entry)) {
		all += other->reserved;
		unwritten += other->reserved - other->used;
		if (strcmp(other->address, wish->address) == 0)
			senders += other->reserved;
	}
	if (n + quota->n_reservations >= limits.count_max)
		return -EMFILE;
	if (all > limits.all_max || more > limits.all_max - all)
		return -EDQUOT;
	if (senders > limits.sender_max || more > limits.sender_max - senders)
		return -EDQUOT;
	return take_from_trash(quota, &limits, all + more, sum(unwritten, more - wish->there));
}

int quota_reserve(
	struct quota *quota, struct reservation *reservation, const struct quota_wish *wish)
{
	uint64_t bytes = wish->bytes == UINT64_MAX ? 0 : wish->bytes;
	int r;

	memset(reservation, 0, sizeof(*reservation));
	if ((bytes > quota_file_max(quota) && !wish->is_form) || bytes < wish->there)
		return -EFBIG;
	listing_await_scan(quota->listing);
	pthread_mutex_lock(&quota->lock);
	r = find_room(quota, wish, bytes);
	if (r == 0) {
		reservation->quota = quota;
		reservation->reserved = bytes;
		reservation->used = wish->there;
		if (wish->part)
			snprintf(reservation->part, sizeof(reservation->part), "%s", wish->part);
		strncpy(reservation->address, wish->address, sizeof(reservation->address) - 1);
		LIST_INSERT_HEAD(&quota->reservations, reservation, entry);
		quota->n_reservations++;
	}
	pthread_mutex_unlock(&quota->lock);
	return r;
}

int reservation_extend(struct reservation *reservation, uint64_t bytes)
{
	const struct quota_wish wish = {.address = reservation->address};
	struct quota *quota = reservation->quota;
	uint64_t more;
	int r;

	if (bytes <= reservation->reserved)
		return 0;
	pthread_mutex_lock(&quota->lock);
	more = bytes - reservation->reserved;
	quota->n_reservations--; /* it is not one more file */
	r = find_room(quota, &wish, more + STEP_UNKNOWN);
	if (r == 0)
		more += STEP_UNKNOWN;
	else /* near the end of it: to the byte */
		r = find_room(quota, &wish, more);
	quota->n_reservations++;
	if (r == 0)
		reservation->reserved += more;
	pthread_mutex_unlock(&quota->lock);
	return r;
}

void reservation_use(struct reservation *reservation, uint64_t bytes)
{
	pthread_mutex_lock(&reservation->quota->lock);
	reservation->used += bytes;
	if (reservation->used > reservation->reserved)
		reservation->reserved = reservation->used;
	pthread_mutex_unlock(&reservation->quota->lock);
}

void reservation_end(struct reservation *reservation)
{
	struct quota *quota = reservation->quota;

	if (!quota)
		return;
	pthread_mutex_lock(&quota->lock);
	LIST_REMOVE(reservation, entry);
	quota->n_reservations--;
	pthread_mutex_unlock(&quota->lock);
	reservation->quota = NULL;
}
