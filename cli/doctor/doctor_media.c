/* SPDX-License-Identifier: MIT */
/*
 * Whose desktop would be shown, and can its screen, its sound and a camera be reached?  The capture
 * programs look for themselves (--probe): what they see is what viewers would.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/doctor/capture.h"
#include "cli/doctor/checks.h"
#include "cli/places.h"
#include "cli/text.h"

#define LINES_SIZE 8192
#define PROBE_MS   (CHECK_WAIT_MS - 100)

/* --- the session --- */

static void add_session(const struct facts *facts, struct findings *findings)
{
	const struct facts_session *session = &facts->session;

	if (strcmp(session->type, "wayland") == 0) {
		findings_add(findings, FINDING_WRONG, "session",
			"%s is logged in with Wayland, of which no picture can be taken yet",
			session->user);
		findings_remedy(findings, "Log out, and choose a session on X11 (\"on Xorg\") at "
					  "the login screen");
	} else if (strcmp(session->type, "x11") != 0) {
		findings_add(findings, FINDING_WRONG, "session",
			"%s is logged in at a text console, which shows no desktop", session->user);
		findings_remedy(findings, "Log in to a desktop");
	} else if (session->is_locked) {
		findings_add(findings, FINDING_NOTE, "session",
			facts->config.session.show_locked
				? "%s has locked the screen, and what it shows then is shown, too: "
				  "the configuration says show_locked = yes"
				: "%s has locked the screen, and nothing of it is shown until it "
				  "is unlocked",
			session->user);
	} else {
		findings_add(findings, FINDING_FINE, "session", "%s is logged in, on X11%s%s",
			session->user, session->display[0] ? ", display " : "", session->display);
	}
}

/* Nobody's session is waited for: a unit's User=, or [session] fixed_user. */
static void add_account(const char *account, struct findings *findings)
{
	const struct passwd *user = getpwnam(account);

	if (user && user->pw_uid != 0) {
		findings_add(findings, FINDING_FINE, "session",
			"The screen is captured by the user %s, whoever is logged in", account);
		return;
	}
	findings_add(findings, FINDING_WRONG, "session",
		user ? "The desktop of %s is never shared" : "There is no user %s to be shared",
		account);
	findings_remedy(findings, "Name another by [session] fixed_user, or leave that key out: "
				  "then it is whoever is logged in");
}

void check_session(const struct facts *facts, struct findings *findings)
{
	char account[FACTS_NAME_SIZE];

	facts_account(facts, "screenshare-screen", account);
	if (facts->is_own_service) {
		findings_add(findings, FINDING_FINE, "session",
			"Your own service shows the desktop of %s", facts_own_user(facts));
	} else if (facts->sharer == FACTS_RUN) {
		findings_add(findings, FINDING_FINE, "session",
			"`screenshare run` shows the desktop of the terminal that it is started "
			"in, "
			"here that of %s",
			facts_own_user(facts));
	} else if (account[0]) {
		add_account(account, findings);
	} else if (!facts->session.is_known) {
		findings_add(findings, FINDING_NOTE, "session",
			"There is no logind here that would tell whose desktop is to be shown");
		findings_remedy(
			findings, "sudo apt install libpam-systemd, and start this computer anew");
	} else if (!facts->session.exists) {
		findings_add(findings, FINDING_WRONG, "session",
			"Nobody is logged in at this computer, so there is no desktop to be shown");
		findings_remedy(findings, "Log in at this computer's own screen");
	} else if (strcmp(facts->session.class, "user") != 0) {
		findings_add(findings, FINDING_WRONG, "session",
			"This computer shows its login screen, and nobody's desktop");
		findings_remedy(findings, "Log in");
	} else {
		add_session(facts, findings);
	}
}

/* --- probes --- */

/* Adds each line that is a finding: how many. */
static size_t add_lines(struct findings *findings, const char *text)
{
	size_t n = 0;

	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		n += findings_read(findings, text, (size_t)(end - text)) == 0;
	}
	return n;
}

static void add_only_root(const char *name, struct findings *findings)
{
	findings_add(
		findings, FINDING_NOTE, name, "Only root can look with the rights of the service");
	findings_remedy(findings, "sudo screenshare doctor");
}

static void probe_as(const struct facts *facts, const char *program,
	const struct capture_user *user, const char *name, struct findings *findings)
{
	char path[PATH_MAX], lines[LINES_SIZE];
	const char *argv[8] = {path, "--probe", "--state", facts->state_dir};
	unsigned start_ms;
	int r;

	if (facts->config_path[0] && !facts->is_config_wrong) {
		argv[4] = "--config";
		argv[5] = facts->config_path;
	}
	r = places_program(program, path);
	if (r == 0)
		r = capture_run(argv, user, PROBE_MS, lines, sizeof(lines));
	if ((r == 0 || r == -ETIMEDOUT) && add_lines(findings, lines) > 0) {
		if (r < 0)
			findings_add(findings, FINDING_NOTE, name,
				"%s has not said more within two seconds: this computer is busy",
				program);
		return;
	}
	if (r == -ETIMEDOUT && facts_is_busy(facts, &start_ms)) {
		findings_add(findings, FINDING_NOTE, name,
			"%s has not answered in time: this computer is busy (it takes %u ms to "
			"start a program)",
			program, start_ms);
		findings_remedy(findings, "Ask again when it has less to do");
		return;
	}
	findings_add(findings, FINDING_WRONG, name,
		r == -ETIMEDOUT ? "%s has not answered within two seconds"
		: r == -ENOENT  ? "%s cannot be run"
				: "%s could not look",
		program);
	findings_remedy(findings, r == -ETIMEDOUT
					  ? "Something that it talks to hangs: try again, then "
					    "start this computer anew"
					  : "Install all of it again: sudo apt install --reinstall "
					    "screenshare, or make install");
}

static void probe_as_account(const struct facts *facts, const char *program, const char *account,
	const char *name, struct findings *findings)
{
	const struct passwd *its = getpwnam(account);
	char runtime_dir[64];
	const struct capture_user user = {.name = account,
		.display = facts->config.screen.display,
		.runtime_dir = runtime_dir};

	if (!its) {
		findings_add(findings, FINDING_WRONG, name,
			"There is no user %s, with whose rights it would be looked at", account);
		findings_remedy(findings,
			"Correct [session] fixed_user, or the User= of the unit: systemctl cat %s",
			program);
	} else if (facts->is_root) {
		/* Where the sound server and the display's rights of a fixed user lie. */
		snprintf(runtime_dir, sizeof(runtime_dir), "/run/user/%u", (unsigned)its->pw_uid);
		probe_as(facts, program, &user, name, findings);
	} else if (its->pw_uid == geteuid()) {
		probe_as(facts, program, NULL, name, findings);
	} else {
		add_only_root(name, findings);
	}
}

static void probe_as_session(
	const struct facts *facts, const char *program, const char *name, struct findings *findings)
{
	const struct facts_session *session = &facts->session;
	char runtime_dir[64];
	const struct capture_user user = {
		.name = session->user, .display = session->display, .runtime_dir = runtime_dir};

	if (!session->exists || strcmp(session->class, "user") != 0) {
		findings_add(
			findings, FINDING_NOTE, name, "Without a desktop there is none to look at");
	} else if (facts->is_root) {
		snprintf(runtime_dir, sizeof(runtime_dir), "/run/user/%u", (unsigned)session->uid);
		probe_as(facts, program, &user, name, findings);
	} else if (session->uid == geteuid()) {
		probe_as(facts, program, NULL, name, findings);
	} else {
		add_only_root(name, findings);
	}
}

/* Of a `run`, or a service of one's own.  sudo keeps what leads to the display of its terminal. */
static void probe_as_own_user(
	const struct facts *facts, const char *program, const char *name, struct findings *findings)
{
	const struct facts_session *session = &facts->session;
	const char *display = getenv("DISPLAY");
	const struct capture_user user = {.name = facts->asker.name,
		.display = !display && session->exists && session->uid == facts->asker.uid
				   ? session->display
				   : display,
		.xauthority = getenv("XAUTHORITY"),
		.runtime_dir = facts->asker.runtime_dir};

	probe_as(facts, program, facts->asker.uid ? &user : NULL, name, findings);
}

void check_by_probe(
	const struct facts *facts, const char *program, const char *name, struct findings *findings)
{
	char account[FACTS_NAME_SIZE];

	facts_account(facts, program, account);
	if (facts->sharer == FACTS_RUN)
		probe_as_own_user(facts, program, name, findings);
	else if (account[0])
		probe_as_account(facts, program, account, name, findings);
	else
		probe_as_session(facts, program, name, findings);
}

/* --- what viewers are getting right now --- */

static bool is_live(const json_t *stream)
{
	return stream && strcmp(ask_text(stream, "state"), "live") == 0;
}

static void add_stream(enum finding_verdict verdict, const json_t *stream, const char *name,
	const char *format, struct findings *findings)
{
	char words[FINDING_WORDS_SIZE];

	text_clean(ask_text(stream, "words"), 200, words, sizeof(words));
	findings_add(findings, verdict, name, "%s: %s", format, words);
}

static size_t count_wrong(const struct findings *findings)
{
	size_t n = 0;

	for (size_t i = 0; i < findings->n; i++)
		n += findings->list[i].verdict == FINDING_WRONG;
	return n;
}

/* What is being shared is proved; of what is not, the probe knows more than its words say. */
static void check_source(const struct facts *facts, const char *source, const char *program,
	const char *name, struct findings *findings)
{
	const json_t *stream = facts_open_stream(facts, source);
	size_t before = count_wrong(findings);

	if (is_live(stream)) {
		add_stream(
			FINDING_FINE, stream, name, "It is being shared at the moment", findings);
		return;
	}
	check_by_probe(facts, program, name, findings);
	if (stream && count_wrong(findings) == before)
		add_stream(FINDING_NOTE, stream, name, "Viewers are being told at the moment",
			findings);
}

void check_screen(const struct facts *facts, struct findings *findings)
{
	const json_t *stream = facts_open_stream(facts, "screen");

	if (is_live(stream))
		add_stream(FINDING_FINE, stream, "screen", "It is being shared at the moment",
			findings);
	check_by_probe(facts, "screenshare-screen", "display", findings);
}

void check_sound(const struct facts *facts, struct findings *findings)
{
	check_source(facts, "audio", "screenshare-audio", "sound", findings);
}

void check_camera(const struct facts *facts, struct findings *findings)
{
	/* A camera gives its pictures to one program alone, which is ours while it is shared. */
	check_source(facts, "camera", "screenshare-camera", "camera", findings);
}
