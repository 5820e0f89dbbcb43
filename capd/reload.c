/* SPDX-License-Identifier: MIT */
#include "capd/reload.h"

#include <string.h>

#include "common/log.h"

struct change {
	enum source_id source;
	const char *section, *name; /* the first key that differs and concerns us; NULL: none */
};

static void on_change(void *arg, const char *section, const char *name)
{
	struct change *change = arg;

	if (change->section || strcmp(section, "http") == 0 || strcmp(section, "files") == 0)
		return;
	for (unsigned other = 0; other < SOURCE_COUNT; other++)
		if (other != change->source && strcmp(section, source_name(other)) == 0)
			return;
	change->section = section;
	change->name = name;
}

bool reload_is_due(
	enum source_id source, const struct service_options *options, const struct config *config)
{
	struct change change = {.source = source};
	struct config fresh;
	struct config_error error;

	if (service_read_config(options, &fresh, &error) < 0) {
		log_err("Could not read the configuration again: %s; the old one stays",
			error.text);
		return false;
	}
	config_compare(config, &fresh, on_change, &change);
	if (!change.section)
		return false;
	log_info("The configuration has changed ([%s] %s): beginning anew", change.section,
		change.name);
	return true;
}
