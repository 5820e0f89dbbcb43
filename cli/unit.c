/* SPDX-License-Identifier: MIT */
#include "cli/unit.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/messages.h"

/* After the first bad end in a row, the second, … */
static const unsigned backoff_ms[] = {0, 100, 200, UNIT_BACKOFF_MAX_MS};
#define BACKOFF_STEPS (sizeof(backoff_ms) / sizeof(*backoff_ms))

/* A unit on demand that exits 0 and leaves its client unserved must not spin. */
#define START_INTERVAL_MS 100

/* A unit that dies over and over is mentioned so often, not each time. */
#define ENDED_INTERVAL_NS (10 * NS_PER_S)

static void set_timer(sd_event_source *timer, uint64_t after_us)
{
	/* Neither can fail for a timer that exists. */
	sd_event_source_set_time_relative(timer, after_us);
	sd_event_source_set_enabled(timer, SD_EVENT_ONESHOT);
}

static void switch_off(sd_event_source *source)
{
	if (source)
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

/* --- starting --- */

static void retry_in(struct unit *unit, unsigned delay_ms)
{
	set_timer(unit->retry, delay_ms * 1000ull);
}

/* The back-off of a unit that has just ended badly. */
static unsigned next_backoff_ms(struct unit *unit)
{
	unsigned step = unit->n_bad_ends < BACKOFF_STEPS ? unit->n_bad_ends : BACKOFF_STEPS - 1;

	unit->n_bad_ends++;
	return backoff_ms[step];
}

static int spawn_program(struct unit *unit)
{
	char *argv[UNIT_ARGS_MAX + 1];
	size_t n = 0;

	for (size_t i = 0; unit->is.argv[i]; i++)
		if (!unit->has_reached_display ||
			unit->is.argv[i] != unit->is.argument_until_display)
			argv[n++] = (char *)unit->is.argv[i]; /* exec takes them as they are */
	argv[n] = NULL;

	const struct spawn spawn = {.program = unit->is.program,
		.argv = argv,
		.fds = unit->is.fds,
		.n_fds = unit->is.n_fds,
		.notify_path = unit->notify_path,
		.watchdog_us = unit->is.watchdog_ms * 1000ull};
	return spawn_child(&spawn, &unit->pid);
}

static void start_now(struct unit *unit)
{
	unsigned suppressed;
	int r;

	unit->started_ns = clock_monotonic_ns();
	r = spawn_program(unit);
	if (r < 0) {
		if (ratelimit_allow(&unit->ended_limit, unit->started_ns, &suppressed))
			log_err("Could not start %s: %s; trying again", unit->is.program,
				strerror(-r));
		retry_in(unit, next_backoff_ms(unit));
		return;
	}
	if (unit->is.watchdog_ms > 0)
		set_timer(unit->watchdog, unit->is.watchdog_ms * 1000ull);
}

void unit_start(struct unit *unit)
{
	if (unit->is.on_demand)
		sd_event_source_set_enabled(unit->demand, SD_EVENT_ONESHOT);
	else
		start_now(unit);
}

static int on_demand(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct unit *unit = arg;
	uint64_t since_start_ms;
	(void)source, (void)fd, (void)events;

	since_start_ms = (clock_monotonic_ns() - unit->started_ns) / NS_PER_MS;
	if (unit->started_ns == 0 || since_start_ms >= START_INTERVAL_MS)
		start_now(unit);
	else
		retry_in(unit, (unsigned)(START_INTERVAL_MS - since_start_ms));
	return 0;
}

static int on_retry(sd_event_source *timer, uint64_t now_us, void *arg)
{
	(void)timer, (void)now_us;
	unit_start(arg);
	return 0;
}

/* --- ending --- */

static int on_watchdog(sd_event_source *timer, uint64_t now_us, void *arg)
{
	struct unit *unit = arg;
	(void)timer, (void)now_us;

	log_message(LOG_WARNING, MESSAGE_WATCHDOG, "%s has said nothing for %g s; restarting it",
		unit->is.name, unit->is.watchdog_ms / 1000.0);
	unit->was_hung = true;
	kill(unit->pid, SIGKILL);
	return 0;
}

void unit_stop(struct unit *unit)
{
	switch_off(unit->demand);
	switch_off(unit->retry);
	switch_off(unit->watchdog);
}

void unit_kill(struct unit *unit, int sig)
{
	if (!unit->pid)
		return;
	kill(unit->pid, sig); /* ours until we reap it: the number cannot be another's */
	if (sig == SIGTERM)   /* what is stopped would not see it */
		kill(unit->pid, SIGCONT);
}

static void describe_end(const siginfo_t *info, char *out, size_t size)
{
	const char *name = info->si_code == CLD_EXITED ? NULL : sigabbrev_np(info->si_status);

	if (info->si_code == CLD_EXITED)
		snprintf(out, size, "exited with status %d", info->si_status);
	else if (name)
		snprintf(out, size, "was ended by SIG%s", name);
	else
		snprintf(out, size, "was ended by signal %d", info->si_status);
}

static void say_ended(struct unit *unit, const siginfo_t *info)
{
	char how[64], more[64] = "";
	unsigned suppressed;

	if (!ratelimit_allow(&unit->ended_limit, clock_monotonic_ns(), &suppressed))
		return;
	describe_end(info, how, sizeof(how));
	if (suppressed > 0)
		snprintf(more, sizeof(more), " (and %u more time%s before that)", suppressed,
			suppressed == 1 ? "" : "s");
	log_message(LOG_WARNING, MESSAGE_DAEMON_ENDED, "%s %s%s; restarting it", unit->is.name, how,
		more);
}

bool unit_reap(struct unit *unit, siginfo_t *info)
{
	*info = (siginfo_t){0};
	if (!unit->pid || waitid(P_PID, (id_t)unit->pid, info, WEXITED | WNOHANG) < 0 ||
		info->si_pid == 0)
		return false;
	unit->pid = 0;
	switch_off(unit->watchdog);
	return true;
}

void unit_start_again(struct unit *unit, const siginfo_t *info)
{
	uint64_t ran_ms = (clock_monotonic_ns() - unit->started_ns) / NS_PER_MS;
	bool is_clean = info->si_code == CLD_EXITED && info->si_status == 0;
	bool was_hung = unit->was_hung;

	unit->was_hung = false;
	if (ran_ms >= unit->well_ms)
		unit->n_bad_ends = 0;
	if (is_clean && unit->is.on_demand) {
		unit->n_bad_ends = 0;
		unit_start(unit);
		return;
	}
	if (!was_hung)
		say_ended(unit, info);
	retry_in(unit, next_backoff_ms(unit));
}

/* --- what it tells --- */

void unit_heard(struct unit *unit, const struct notify_message *message)
{
	if (message->has_reached_display)
		unit->has_reached_display = true;
	if (message->status[0])
		log_debug("%s: %s", unit->is.name, message->status);
}

void unit_is_alive(struct unit *unit, const struct notify_message *message)
{
	if (unit->is.watchdog_ms == 0)
		return;
	if (message->is_hung)
		set_timer(unit->watchdog, 0);
	else if (message->is_ready || message->is_alive)
		set_timer(unit->watchdog, unit->is.watchdog_ms * 1000ull);
}

/* --- life --- */

static int add_timer(
	sd_event *event, sd_event_source **timer, sd_event_time_handler_t handler, void *arg)
{
	int r = sd_event_add_time(event, timer, CLOCK_MONOTONIC, 0, 1000, handler, arg);

	if (r >= 0)
		r = sd_event_source_set_enabled(*timer, SD_EVENT_OFF);
	return r;
}

int unit_init(struct unit *unit, sd_event *event, const struct unit_description *is,
	const char *notify_path, unsigned well_ms)
{
	int r;

	assert(!is->on_demand || is->n_fds > 0);
	*unit = (struct unit){.is = *is,
		.notify_path = notify_path,
		.well_ms = well_ms,
		.ended_limit = {.interval_ns = ENDED_INTERVAL_NS}};
	r = add_timer(event, &unit->retry, on_retry, unit);
	if (r >= 0)
		r = add_timer(event, &unit->watchdog, on_watchdog, unit);
	if (r >= 0 && is->on_demand) {
		r = sd_event_add_io(event, &unit->demand, is->fds[0].fd, EPOLLIN, on_demand, unit);
		if (r >= 0)
			r = sd_event_source_set_enabled(unit->demand, SD_EVENT_OFF);
	}
	return r < 0 ? r : 0;
}

void unit_fini(struct unit *unit)
{
	if (unit->pid) {
		kill(unit->pid, SIGKILL);
		waitpid(unit->pid, NULL, 0);
	}
	sd_event_source_disable_unref(unit->demand);
	sd_event_source_disable_unref(unit->retry);
	sd_event_source_disable_unref(unit->watchdog);
}
