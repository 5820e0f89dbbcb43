/* SPDX-License-Identifier: MIT */
/*
 * `screenshare allow` and `screenshare deny`: whether the service may show the desktop of whoever
 * types it.  A file of that user (common/consent.h), which the capture daemons, being that user,
 * read; nobody else is asked, and the service need not run.
 */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "common/consent.h"
#include "common/log.h"

static const char help_allow[] =
	"Usage: screenshare allow\n"
	"Lets the service share your desktop and its sound whenever you are logged in at this\n"
	"computer.  Nobody needs to who is named by [session] users, as by default the first user\n"
	"is; see screenshare.conf(5).  `screenshare deny` takes it back.\n";
static const char help_deny[] =
	"Usage: screenshare deny\n"
	"Keeps the service from sharing your desktop and its sound, at once and from now on,\n"
	"whatever the configuration says.  `screenshare allow` takes it back.\n"
	"It does not concern `screenshare run`.\n";

static int say(enum consent consent)
{
	const struct passwd *account = getpwuid(getuid());
	int r;

	if (getuid() == 0) {
		log_err("The desktop of root is never shared; say this as the user whose desktop "
			"it is, without sudo");
		return COMMAND_FAILED;
	}
	if (!account) {
		log_err("Could not find your account: user %u has none", (unsigned)getuid());
		return COMMAND_FAILED;
	}
	r = consent_write(account->pw_dir, consent);
	if (r < 0) {
		log_err("Could not write %s/" CONSENT_FOLDER "/" CONSENT_FILE
			": %s; check the folder",
			account->pw_dir, strerror(-r));
		return COMMAND_FAILED;
	}
	printf("The desktop of %s %s\n", account->pw_name,
		consent == CONSENT_ALLOW ? "may be shared from now on"
					 : "is not shared from now on");
	return command_flush();
}

static int allow(enum consent consent, const char *help, int argc, char **argv)
{
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(help, stdout);
		return command_flush();
	}
	if (argc > 1) {
		log_err("Unexpected argument %s; see --help", argv[1]);
		return COMMAND_WRONG_USE;
	}
	return say(consent);
}

int allow_main(int argc, char **argv)
{
	return allow(CONSENT_ALLOW, help_allow, argc, argv);
}

int deny_main(int argc, char **argv)
{
	return allow(CONSENT_DENY, help_deny, argc, argv);
}
