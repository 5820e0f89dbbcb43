/* SPDX-License-Identifier: MIT */
#include "httpd/reload.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/messages.h"
#include "httpd/access.h"
#include "httpd/files/files.h"
#include "httpd/open_files.h"
#include "httpd/presence.h"
#include "httpd/site.h"

#define NAMES_SIZE 1024 /* of the changed keys: all of them, in one line of the journal */

struct reload {
	struct site *site;
	const struct service_options *options;
	struct config *config;
};

/* The shared folder is opened once; whether to hash is what threads of the disk read for
 * themselves. */
static bool needs_restart(const char *section, const char *name)
{
	return strcmp(section, "files") == 0 &&
	       (strcmp(name, "folder") == 0 || strcmp(name, "hash") == 0);
}

struct changes {
	char now[NAMES_SIZE], later[NAMES_SIZE]; /* "[http] allow, [screen] rate" */
};

static void on_change(void *arg, const char *section, const char *name)
{
	struct changes *changes = arg;
	char *list = needs_restart(section, name) ? changes->later : changes->now;
	size_t used = strlen(list);

	snprintf(list + used, NAMES_SIZE - used, "%s[%s] %s", used > 0 ? ", " : "", section, name);
}

static void tell(const struct changes *changes)
{
	if (changes->now[0] != '\0')
		log_info("Configuration read again, changed: %s", changes->now);
	else
		log_info("Configuration read again: %s",
			changes->later[0] == '\0' ? "nothing has changed"
						  : "nothing has changed that could by now");
	if (changes->later[0] != '\0')
		log_warn("Could not change %s while it runs; systemctl restart screenshare, which "
			 "ends all connections",
			changes->later);
}

int reload_now(struct reload *reload, struct config_error *error)
{
	struct changes changes = {.now = ""};
	struct config fresh;
	int r = service_read_config(reload->options, &fresh, error);

	if (r == 0) {
		r = access_configure(reload->site->access, &fresh);
		if (r < 0)
			snprintf(error->text, sizeof(error->text), "%s", strerror(-r));
	}
	if (r < 0) {
		log_message(LOG_ERR, MESSAGE_CONFIG_WRONG,
			"Could not read the configuration again: %s; the old one stays",
			error->text);
		return r;
	}
	service_reloading();
	config_compare(reload->config, &fresh, on_change, &changes);
	config_adopt(reload->config, &fresh, needs_restart);
	open_files_allow(reload->config);
	files_configured(reload->site->files);
	presence_configured(reload->site->presence);
	log_set_debug(reload->config->log.debug);
	tell(&changes);
	service_ready();
	return 0;
}

int reload_create(struct site *site, const struct service_options *options, struct config *config,
	struct reload **out)
{
	struct reload *reload = calloc(1, sizeof(*reload));

	if (!reload)
		return -ENOMEM;
	reload->site = site;
	reload->options = options;
	reload->config = config;
	*out = reload;
	return 0;
}

void reload_destroy(struct reload *reload)
{
	free(reload);
}
