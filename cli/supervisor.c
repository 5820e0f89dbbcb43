/* SPDX-License-Identifier: MIT */
#include "cli/supervisor.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <systemd/sd-event.h>

#include "cli/notify.h"
#include "common/fd.h"
#include "common/log.h"
#include "common/service.h"

const struct supervisor_timing supervisor_default_timing = {.stop_ms = 2000, .well_ms = 2000};

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

/* --- the end of everything --- */

static void kill_all(struct supervisor *supervisor, int sig)
{
	for (size_t i = 0; i < supervisor->n_units; i++)
		unit_kill(&supervisor->units[i], sig);
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
	for (size_t i = 0; i < supervisor->n_units; i++)
		unit_stop(&supervisor->units[i]);
	kill_all(supervisor, SIGTERM);
	/* Neither can fail for a timer that exists. */
	sd_event_source_set_time_relative(
		supervisor->stop_deadline, supervisor->timing.stop_ms * 1000ull);
	sd_event_source_set_enabled(supervisor->stop_deadline, SD_EVENT_ONESHOT);
	exit_when_all_ended(supervisor);
}

/* A unit that is just starting may die of SIGHUP, and then starts with the new configuration. */
static void reload_first(struct supervisor *supervisor)
{
	for (size_t i = 0; i < supervisor->n_units; i++)
		if (!supervisor->units[i].is.on_demand)
			unit_kill(&supervisor->units[i], SIGHUP);
}

static void reload_others(struct supervisor *supervisor, const struct unit *than)
{
	for (size_t i = 0; i < supervisor->n_units; i++)
		if (&supervisor->units[i] != than)
			unit_kill(&supervisor->units[i], SIGHUP);
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

/* --- the end of one --- */

static void child_ended(struct supervisor *supervisor, struct unit *unit, const siginfo_t *info)
{
	if (supervisor->is_stopping)
		exit_when_all_ended(supervisor);
	else if (info->si_code == CLD_EXITED && info->si_status == SERVICE_EXIT_CONFIG)
		stop(supervisor, SERVICE_EXIT_CONFIG); /* it has said why */
	else
		unit_start_again(unit, info);
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
		siginfo_t info;

		if (unit_reap(&supervisor->units[i], &info))
			child_ended(supervisor, &supervisor->units[i], &info);
	}
	return 0;
}

/* --- what the units tell --- */

static void take_message(
	struct supervisor *supervisor, struct unit *unit, const struct notify_message *message)
{
	unit_heard(unit, message);
	if (supervisor->is_stopping)
		return;
	if (message->is_reloading)
		reload_others(supervisor, unit);
	if (message->is_ready && supervisor->listener.on_ready)
		supervisor->listener.on_ready(supervisor->listener.arg, unit->is.name);
	unit_is_alive(unit, message);
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
				take_message(supervisor, unit, &message);
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
		r = sd_event_add_time(supervisor->event, &supervisor->stop_deadline,
			CLOCK_MONOTONIC, 0, 1000, on_stop_deadline, supervisor);
	if (r >= 0)
		r = sd_event_source_set_enabled(supervisor->stop_deadline, SD_EVENT_OFF);
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

int supervisor_add(struct supervisor *supervisor, const struct unit_description *unit)
{
	assert(supervisor->n_units < SUPERVISOR_UNITS_MAX);
	return unit_init(&supervisor->units[supervisor->n_units++], supervisor->event, unit,
		supervisor->notify_path, supervisor->timing.well_ms);
}

int supervisor_run(struct supervisor *supervisor)
{
	int r;

	for (size_t i = 0; i < supervisor->n_units; i++)
		unit_start(&supervisor->units[i]);
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
	for (size_t i = 0; i < supervisor->n_units; i++)
		unit_fini(&supervisor->units[i]);
	sd_event_source_disable_unref(supervisor->stop_deadline);
	sd_event_source_disable_unref(supervisor->notify);
	sd_event_unref(supervisor->event);
	fd_close(&supervisor->notify_fd);
	free(supervisor);
}
