/* SPDX-License-Identifier: MIT */
/*
 * Is it configured, does it run, and are all of its parts of one version?
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/doctor/capture.h"
#include "cli/doctor/checks.h"
#include "cli/places.h"
#include "cli/text.h"
#include "common/clock.h"

#define VERSION_SIZE  64
#define MANY_RESTARTS 5

void check_configuration(const struct facts *facts, struct findings *findings)
{
	if (facts->is_config_wrong) {
		findings_add(findings, FINDING_WRONG, "configuration", "%s", facts->config_fault);
		findings_remedy(findings,
			"Correct that line; `man screenshare.conf` says what every key may be");
	} else if (facts->config_path[0]) {
		findings_add(findings, FINDING_FINE, "configuration", "%.300s can be read",
			facts->config_path);
	} else {
		findings_add(findings, FINDING_FINE, "configuration",
			"There is no file, so every key has its default");
	}
}

/* --- does anybody share? --- */

static void add_silent(const struct facts *facts, struct findings *findings)
{
	bool is_service = facts->sharer == FACTS_SERVICE;

	findings_add(findings, FINDING_WRONG, "sharing",
		is_service              ? "The service runs, and does not answer"
		: facts->is_own_service ? "Your own service runs, and does not answer"
					: "Your `screenshare run` runs, and does not answer");
	findings_remedy(findings, is_service              ? "sudo systemctl restart screenshare"
				  : facts->is_own_service ? "systemctl --user restart screenshare"
							  : "End it by Ctrl-C, and start it again");
}

static void add_running(const struct facts *facts, struct findings *findings)
{
	uint64_t uptime_s = ask_number(facts->status, "uptime_s");
	char uptime[TEXT_FIGURE_MAX];

	text_duration(uptime_s < UINT64_MAX / 1000 ? uptime_s * 1000 : 0, uptime);
	if (facts->is_own_service)
		findings_add(findings, FINDING_FINE, "sharing",
			"Your own service has shared for %s", uptime);
	else if (facts->sharer == FACTS_RUN)
		findings_add(findings, FINDING_FINE, "sharing",
			"`screenshare run` shares on port %u for %s (process %d)", facts->run_port,
			uptime, (int)facts->run_pid);
	else
		findings_add(
			findings, FINDING_FINE, "sharing", "The service has shared for %s", uptime);
}

void check_sharing(const struct facts *facts, struct findings *findings)
{
	if (!facts->is_running) {
		findings_add(findings, FINDING_WRONG, "sharing", "Nothing is being shared");
		findings_remedy(findings,
			facts->port > 0 ? "There is no `screenshare run` of yours on that port; "
					  "start it: screenshare run"
			: facts->is_installed ? "sudo systemctl start screenshare"
					      : "Start it in a terminal: screenshare run");
	} else if (facts->is_silent) {
		add_silent(facts, findings);
	} else if (facts->is_refused) {
		findings_add(findings, FINDING_NOTE, "sharing",
			"The service runs, and tells this user no more: only root and the user who "
			"sits at this computer may ask");
		findings_remedy(findings, "sudo screenshare doctor");
	} else {
		add_running(facts, findings);
		if (json_is_true(json_object_get(facts->status, "paused"))) {
			findings_add(findings, FINDING_NOTE, "sharing",
				"It is paused: viewers see that, and nothing else");
			findings_remedy(findings, "screenshare resume");
		}
	}
}

/* --- the units --- */

static const char *const units[] = {"screenshare.service", "screenshare.socket",
	"screenshare-control.socket", "screenshare-addresses.socket", "screenshare-screen.socket",
	"screenshare-screen.service", "screenshare-camera.socket", "screenshare-camera.service",
	"screenshare-audio.socket", "screenshare-audio.service"};

/* "exit-code" and the like, in words. */
static const char *result_words(const char *result)
{
	static const char *const words[][2] = {
		{"exit-code", "it ended with an error"},
		{"signal", "it was ended by a signal"},
		{"core-dump", "it crashed"},
		{"watchdog", "it hung, and was ended"},
		{"timeout", "it did not start in time"},
		{"resources", "the address or port is taken, or there is no memory"},
		{"oom-kill", "the kernel ended it for want of memory"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(result, words[i][0]) == 0)
			return words[i][1];
	return result;
}

static bool add_failed(const struct facts *facts, const char *unit, struct findings *findings)
{
	bool is_service = strstr(unit, ".service") != NULL;
	char state[32] = "", result[32] = "";

	if (facts_unit_text(facts, unit, "Unit", "ActiveState", state, sizeof(state)) < 0 ||
		strcmp(state, "failed") != 0)
		return false;
	facts_unit_text(
		facts, unit, is_service ? "Service" : "Socket", "Result", result, sizeof(result));
	findings_add(
		findings, FINDING_WRONG, "units", "%s has failed: %s", unit, result_words(result));
	findings_remedy(findings,
		"See why, then start it again: journalctl -xe -u %s; sudo "
		"systemctl restart screenshare",
		unit);
	return true;
}

static bool add_restarts(const struct facts *facts, const char *unit, struct findings *findings)
{
	uint64_t n = 0;

	if (!strstr(unit, ".service") ||
		facts_unit_number(facts, unit, "Service", "NRestarts", &n) < 0 || n < MANY_RESTARTS)
		return false;
	findings_add(findings, FINDING_NOTE, "units", "%s has been restarted %" PRIu64 " times",
		unit, n);
	findings_remedy(findings, "See why: journalctl -xe -u %s", unit);
	return true;
}

static const char *own_words(const struct facts *facts)
{
	return facts->is_own_service ? "your own service" : "`screenshare run`";
}

void check_units(const struct facts *facts, struct findings *findings)
{
	bool any = false;

	if (!facts->bus) {
		findings_add(findings, FINDING_NOTE, "units",
			"systemd cannot be asked here, so there is no service: %s is looked at",
			own_words(facts));
		return;
	}
	if (!facts->is_installed) {
		findings_add(findings, FINDING_NOTE, "units",
			"The service is not installed: %s is looked at", own_words(facts));
		return;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		any |= add_failed(facts, units[i], findings);
		any |= add_restarts(facts, units[i], findings);
	}
	if (!any)
		findings_add(
			findings, FINDING_FINE, "units", "None of the service's units has failed");
}

/* --- versions --- */

/* What "NAME --version" prints after its name.  0 or -errno. */
static int ask_version(
	const char *program, uint64_t deadline_ns, char path[PATH_MAX], char version[VERSION_SIZE])
{
	const char *argv[] = {path, "--version", NULL};
	char text[VERSION_SIZE], *space;
	uint64_t now_ns = clock_monotonic_ns();
	int r = places_program(program, path);

	if (r == 0)
		r = now_ns < deadline_ns ? capture_run(argv, NULL,
						   (unsigned)((deadline_ns - now_ns) / NS_PER_MS),
						   text, sizeof(text))
					 : -ETIMEDOUT;
	if (r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	space = strrchr(text, ' ');
	snprintf(version, VERSION_SIZE, "%s", space ? space + 1 : text);
	return 0;
}

static bool add_program(const char *program, uint64_t deadline_ns, struct findings *findings)
{
	char path[PATH_MAX], version[VERSION_SIZE];
	int r = ask_version(program, deadline_ns, path, version);

	if (r == 0 && strcmp(version, SCREENSHARE_VERSION) == 0)
		return false;
	if (r == -ETIMEDOUT) {
		findings_add(findings, FINDING_NOTE, "versions",
			"%.200s has not told its version in time: this computer is busy", path);
		return true;
	}
	if (r == 0)
		findings_add(findings, FINDING_WRONG, "versions",
			"%.200s is of version %s, this command of %s", path, version,
			SCREENSHARE_VERSION);
	else
		findings_add(findings, FINDING_WRONG, "versions", "%.200s cannot be run: %s", path,
			r == -ENOENT ? "it is not there" : strerror(-r));
	findings_remedy(findings, "Install the same version of all of it: sudo apt install "
				  "--reinstall screenshare, or make install");
	return true;
}

void check_versions(const struct facts *facts, struct findings *findings)
{
	static const char *const programs[] = {"screenshare-httpd", "screenshare-screen",
		"screenshare-camera", "screenshare-audio"};
	uint64_t deadline_ns = clock_monotonic_ns() + CHECK_WAIT_MS * NS_PER_MS;
	const char *running = ask_text(facts->status, "version");
	char clean[VERSION_SIZE];
	bool any = false;

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		any |= add_program(programs[i], deadline_ns, findings);
	if (*running && strcmp(running, SCREENSHARE_VERSION) != 0) {
		text_clean(running, 16, clean, sizeof(clean));
		findings_add(findings, FINDING_WRONG, "versions",
			"The server that runs is of version %s, what is installed of %s", clean,
			SCREENSHARE_VERSION);
		findings_remedy(findings,
			facts->sharer == FACTS_SERVICE ? "sudo systemctl restart screenshare"
			: facts->is_own_service        ? "systemctl --user restart screenshare"
						: "End your `screenshare run`, and start it again");
		any = true;
	}
	if (!any)
		findings_add(findings, FINDING_FINE, "versions", "All programs are of version %s%s",
			SCREENSHARE_VERSION, *running ? ", and so is what runs" : "");
}
