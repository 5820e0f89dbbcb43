/* SPDX-License-Identifier: MIT */
#include "cli/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <systemd/sd-event.h>

#include "cli/notify.h"
#include "common/clock.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/messages.h"
#include "common/ratelimit.h"
#include "common/service.h"

/* After the first bad end in a row, the second, … */
static const unsigned backoff_ms[] = {0, 100, 200, SUPERVISOR_BACKOFF_MAX_MS};
#define BACKOFF_STEPS (sizeof(backoff_ms) / sizeof(*backoff_ms))

/* A unit on demand that exits 0 and leaves its client unserved must not spin. */
#define START_INTERVAL_MS 100

/* A unit that dies over and over is mentioned so often, not each time. */
#define ENDED_INTERVAL_NS (10 * NS_PER_S)

const struct supervisor_timing supervisor_default_timing = {.stop_ms = 2000, .well_ms = 2000};

struct unit {
	struct supervisor *supervisor;
	struct supervisor_unit is;

	pid_t pid;
	uint64_t started_ns; /* 0: never */
	bool has_reached_display;
	bool was_hung; /* its end is our doing, and was said */

	sd_event_source *demand;   /* its first socket; enabled while it is watched */
	sd_event_source *retry;    /* the end of the back-off */
	sd_event_source *watchdog; /* when it will have been silent for too long */
	unsigned n_bad_ends;       /* in a row */
	struct ratelimit ended_limit;
};

struct supervisor {
	struct supervisor_timing timing;
	struct supervisor_listener listener;
	const char *notify_path;
	int notify_fd;
	sd_event *event;
	sd_event_source *notify, *stop_deadline;
	struct unit units[SUPERVISOR_UNITS_MAX];
	size_t n_units;
	bool reloads_by_hangup;
	bool is_stopping;
	int status;
};

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

/* --- the end of everything --- */

static void kill_all(struct supervisor *supervisor, int sig)
{
	for (size_t i = 0; i < supervisor->n_units; i++) {
		struct unit *unit = &supervisor->units[i];

		if (!unit->pid)
			continue;
		kill(unit->pid, sig); /* ours until we reap it: the number cannot be another's */
		if (sig != SIGKILL)   /* what is stopped would not see it */
			kill(unit->pid, SIGCONT);
	}
}

static void exit_when_all_ended(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->n_units; i++)
		if (supervisor->units[i].pid)
			return;
	sd_event_exit(supervisor->event, supervisor->status);
}

static void stop(struct supervisor *supervisor, int status)
{
	if (supervisor->is_stopping)
		return;
	supervisor->is_stopping = true;
	supervisor->status = status;
	for (size_t i = 0; i < supervisor->n_units; i++) {
		switch_off(supervisor->units[i].demand);
		switch_off(supervisor->units[i].retry);
		switch_off(supervisor->units[i].watchdog);
	}
	kill_all(supervisor, SIGTERM);
	set_timer(supervisor->stop_deadline, supervisor->timing.stop_ms * 1000ull);
	exit_when_all_ended(supervisor);
}

/* A unit that is just starting may die of it, and then starts with the new configuration. */
static void reload(struct unit *unit)
{
	if (unit->pid)
		kill(unit->pid, SIGHUP);
}

static void reload_first(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->n_units; i++)
		if (!supervisor->units[i].is.on_demand)
			reload(&supervisor->units[i]);
}

static void reload_others(struct supervisor *supervisor, const struct unit *than)
{
	for (size_t i = 0; i < supervisor->n_units; i++)
		if (&supervisor->units[i] != than)
			reload(&supervisor->units[i]);
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *arg)
{
	struct supervisor *supervisor = arg;
	(void)source;

	if (info->ssi_signo == SIGHUP && supervisor->reloads_by_hangup && !supervisor->is_stopping)
		reload_first(supervisor);
	else if (supervisor->is_stopping) /* asked twice: no more patience */
		kill_all(supervisor, SIGKILL);
	else
		stop(supervisor, EXIT_SUCCESS);
	return 0;
}

static int on_stop_deadline(sd_event_source *timer, uint64_t now_us, void *arg)
{
	struct supervisor *supervisor = arg;
	(void)timer, (void)now_us;

	kill_all(supervisor, SIGKILL);
	return 0;
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

static int spawn_unit(struct unit *unit)
{
	struct supervisor *supervisor = unit->supervisor;
	char *argv[SUPERVISOR_ARGS_MAX + 1];
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
		.notify_path = supervisor->notify_path,
		.watchdog_us = unit->is.watchdog_ms * 1000ull};
	return spawn_child(&spawn, &unit->pid);
}

static void start(struct unit *unit)
{
	unsigned suppressed;
	int r;

	unit->started_ns = clock_monotonic_ns();
	r = spawn_unit(unit);
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

/* Starts now, or waits until somebody wants it. */
static void start_or_watch(struct unit *unit)
{
	if (unit->is.on_demand)
		sd_event_source_set_enabled(unit->demand, SD_EVENT_ONESHOT);
	else
		start(unit);
}

static int on_demand(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct unit *unit = arg;
	uint64_t since_start_ms;
	(void)source, (void)fd, (void)events;

	since_start_ms = (clock_monotonic_ns() - unit->started_ns) / NS_PER_MS;
	if (unit->started_ns == 0 || since_start_ms >= START_INTERVAL_MS)
		start(unit);
	else
		retry_in(unit, (unsigned)(START_INTERVAL_MS - since_start_ms));
	return 0;
}

static int on_retry(sd_event_source *timer, uint64_t now_us, void *arg)
{
	struct unit *unit = arg;
	(void)timer, (void)now_us;

	start_or_watch(unit);
	return 0;
}

/* --- ending --- */

static int on_watchdog(sd_event_source *timer, uint64_t now_us, void *arg)
{
	struct unit *unit = arg;
	(void)timer, (void)now_us;

	log_message(LOG_WARNING, MESSAGE_WATCHDOG, "%s has said nothing for %g s; restarting it",
		unit->is.name, unit->is.watchdog_ms / 1000.0);
	kill(unit->pid, SIGKILL);
	return 0;
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

static void child_ended(struct unit *unit, const siginfo_t *info)
{
	struct supervisor *supervisor = unit->supervisor;
	uint64_t ran_ms = (clock_monotonic_ns() - unit->started_ns) / NS_PER_MS;
	bool is_clean = info->si_code == CLD_EXITED && info->si_status == 0;

	unit->pid = 0;
	switch_off(unit->watchdog);
	if (supervisor->is_stopping) {
		exit_when_all_ended(supervisor);
		return;
	}
	if (info->si_code == CLD_EXITED && info->si_status == SERVICE_EXIT_CONFIG) {
		stop(supervisor, SERVICE_EXIT_CONFIG); /* it has said why */
		return;
	}
	if (ran_ms >= supervisor->timing.well_ms)
		unit->n_bad_ends = 0;
	if (is_clean && unit->is.on_demand) {
		unit->n_bad_ends = 0;
		start_or_watch(unit);
		return;
	}
	if (!unit->was_hung)
		say_ended(unit, info);
	unit->was_hung = false;
	retry_in(unit, next_backoff_ms(unit));
}

/*
 * By SIGCHLD and not by a pidfd: the kernel raises it when the last of a process's threads is gone.
 * A pidfd in an epoll set was seen to miss that (Linux 6.18): the first thread's end wakes it too
 * early, and nothing wakes it again, so that `run` waited for ever for a child that was dead.
 */
static int on_sigchld(sd_event_source *source, const struct signalfd_siginfo *signal, void *arg)
{
	struct supervisor *supervisor = arg;
	(void)source, (void)signal;

	/* One signal may stand for several children. */
	for (size_t i = 0; i < supervisor->n_units; i++) {
		struct unit *unit = &supervisor->units[i];
		siginfo_t info = {0};

		if (unit->pid && waitid(P_PID, (id_t)unit->pid, &info, WEXITED | WNOHANG) == 0 &&
			info.si_pid != 0)
			child_ended(unit, &info);
	}
	return 0;
}

/* --- what the units tell --- */

static void take_message(struct unit *unit, const struct notify_message *message)
{
	struct supervisor *supervisor = unit->supervisor;

	if (message->has_reached_display)
		unit->has_reached_display = true;
	if (message->status[0])
		log_debug("%s: %s", unit->is.name, message->status);
	if (supervisor->is_stopping)
		return;
	if (message->is_reloading)
		reload_others(supervisor, unit);
	if (message->is_ready && supervisor->listener.on_ready)
		supervisor->listener.on_ready(supervisor->listener.arg, unit->is.name);
	if (unit->is.watchdog_ms == 0)
		return;
	if (message->is_hung)
		set_timer(unit->watchdog, 0);
	else if (message->is_ready || message->is_alive)
		set_timer(unit->watchdog, unit->is.watchdog_ms * 1000ull);
}

static int on_notify(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	struct supervisor *supervisor = arg;
	struct notify_message message;
	int r;
	(void)source, (void)events;

	while ((r = notify_receive(fd, &message)) == 0 || r == -EBADMSG) {
		if (r < 0)
			continue;
		for (size_t i = 0; i < supervisor->n_units; i++) {
			struct unit *unit = &supervisor->units[i];

			if (unit->pid && unit->pid == message.pid)
				take_message(unit, &message);
		}
	}
	if (r != -EAGAIN)
		log_warn("Could not read a notification: %s", strerror(-r));
	return 0;
}

/* --- life --- */

static int add_signals(struct supervisor *supervisor)
{
	static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};
	sigset_t mask;
	int r = 0;

	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	for (size_t i = 0; i < sizeof(stop_signals) / sizeof(*stop_signals); i++)
		sigaddset(&mask, stop_signals[i]);
	if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
		return -errno;
	for (size_t i = 0; r >= 0 && i < sizeof(stop_signals) / sizeof(*stop_signals); i++)
		r = sd_event_add_signal(
			supervisor->event, NULL, stop_signals[i], on_signal, supervisor);
	if (r >= 0)
		r = sd_event_add_signal(supervisor->event, NULL, SIGCHLD, on_sigchld, supervisor);
	return r;
}

static int add_timer(struct supervisor *supervisor, sd_event_source **timer,
	sd_event_time_handler_t handler, void *arg)
{
	int r = sd_event_add_time(supervisor->event, timer, CLOCK_MONOTONIC, 0, 1000, handler, arg);

	if (r >= 0)
		r = sd_event_source_set_enabled(*timer, SD_EVENT_OFF);
	return r;
}

int supervisor_create(const char *notify_path, const struct supervisor_timing *timing,
	const struct supervisor_listener *listener, struct supervisor **out)
{
	struct supervisor *supervisor = calloc(1, sizeof(*supervisor));
	int r;

	if (!supervisor)
		return -ENOMEM;
	supervisor->notify_fd = -1;
	supervisor->notify_path = notify_path;
	supervisor->timing = *timing;
	supervisor->listener = *listener;
	r = sd_event_new(&supervisor->event);
	if (r >= 0)
		r = add_signals(supervisor);
	if (r >= 0)
		r = notify_open(notify_path, &supervisor->notify_fd);
	if (r >= 0)
		r = sd_event_add_io(supervisor->event, &supervisor->notify, supervisor->notify_fd,
			EPOLLIN, on_notify, supervisor);
	/* Before the watchdogs: whoever has reported while we were stopped (Ctrl-Z) is alive. */
	if (r >= 0)
		r = sd_event_source_set_priority(supervisor->notify, SD_EVENT_PRIORITY_IMPORTANT);
	if (r >= 0)
		r = add_timer(supervisor, &supervisor->stop_deadline, on_stop_deadline, supervisor);
	if (r < 0) {
		supervisor_destroy(supervisor);
		return r;
	}
	*out = supervisor;
	return 0;
}

void supervisor_reload_by_hangup(struct supervisor *supervisor)
{
	supervisor->reloads_by_hangup = true;
}

int supervisor_add(struct supervisor *supervisor, const struct supervisor_unit *is)
{
	struct unit *unit = &supervisor->units[supervisor->n_units];
	int r;

	assert(supervisor->n_units < SUPERVISOR_UNITS_MAX);
	assert(!is->on_demand || is->n_fds > 0);
	supervisor->n_units++;
	unit->supervisor = supervisor;
	unit->is = *is;
	unit->ended_limit.interval_ns = ENDED_INTERVAL_NS;
	r = add_timer(supervisor, &unit->retry, on_retry, unit);
	if (r >= 0)
		r = add_timer(supervisor, &unit->watchdog, on_watchdog, unit);
	if (r >= 0 && is->on_demand) {
		r = sd_event_add_io(
			supervisor->event, &unit->demand, is->fds[0].fd, EPOLLIN, on_demand, unit);
		if (r >= 0)
			r = sd_event_source_set_enabled(unit->demand, SD_EVENT_OFF);
	}
	return r < 0 ? r : 0;
}

int supervisor_run(struct supervisor *supervisor)
{
	int r;

	for (size_t i = 0; i < supervisor->n_units; i++)
		start_or_watch(&supervisor->units[i]);
	r = sd_event_loop(supervisor->event);
	if (r < 0) {
		log_err("Could not go on: %s", strerror(-r));
		return EXIT_FAILURE;
	}
	return r;
}

void supervisor_destroy(struct supervisor *supervisor)
{
	if (!supervisor)
		return;
	for (size_t i = 0; i < supervisor->n_units; i++) {
		struct unit *unit = &supervisor->units[i];

		if (unit->pid) {
			kill(unit->pid, SIGKILL);
			waitpid(unit->pid, NULL, 0);
		}
		sd_event_source_disable_unref(unit->demand);
		sd_event_source_disable_unref(unit->retry);
		sd_event_source_disable_unref(unit->watchdog);
	}
	sd_event_source_disable_unref(supervisor->stop_deadline);
	sd_event_source_disable_unref(supervisor->notify);
	sd_event_unref(supervisor->event);
	fd_close(&supervisor->notify_fd);
	free(supervisor);
}
