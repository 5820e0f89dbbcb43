/* SPDX-License-Identifier: MIT */
/*
 * DELETE /uploads/NAME, and POST /uploads/NAME?rename=NEW, for who may: see [files] delete, rename.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "httpd/files/files.h"
#include "httpd/files/lister.h"
#include "httpd/site.h"

struct action {
	struct files *files;
	struct exchange *exchange; /* NULL: gone */
	struct disk_job job;
	int result;
	char name[FILENAME_SIZE], new_name[FILENAME_SIZE]; /* "": it is deleted */
	char address[ENTRY_ADDRESS_SIZE];
};

static void run(struct disk_job *job)
{
	struct action *action = (struct action *)((char *)job - offsetof(struct action, job));
	struct files *files = action->files;
	struct file_entry *entry;

	if (action->new_name[0] == '\0')
		action->result = trash_put(store_trash(files->store), action->name);
	else
		action->result = store_rename(files->store, action->name, action->new_name);
	if (action->result < 0)
		return;
	listing_remove(files->listing, action->name);
	if (action->new_name[0] != '\0' && store_look(files->store, action->new_name, &entry) == 0)
		listing_put(files->listing, entry);
}

static void answer(struct action *action)
{
	struct exchange *exchange = action->exchange;
	const struct response deleted = {.status = 204};
	struct file_entry *entry;

	if (action->result < 0) {
		files_refuse(exchange, action->result,
			action->result == -EEXIST    ? "There is a file of that name"
			: action->result == -ENOTDIR ? "A file has the name of its folder"
						     : NULL);
		return;
	}
	entry = action->new_name[0] ? listing_find(action->files->listing, action->new_name) : NULL;
	if (entry)
		files_answer_json(exchange, 200, files_entry_json(entry), NULL);
	else
		exchange_answer(exchange, &deleted);
	entry_unref(entry);
}

static void log_done(const struct action *action)
{
	const struct log_fields fields = {.viewer = action->address,
		.file = action->name,
		.new_file = action->new_name[0] ? action->new_name : NULL};
	char more[RATELIMIT_MORE_SIZE];

	if (!files_may_log(&action->files->changed_log, more))
		return;
	if (action->new_name[0])
		log_at(LOG_INFO, &fields, "\"%s\" is \"%s\" now: renamed by %s%s", action->name,
			action->new_name, action->address, more);
	else
		log_at(LOG_INFO, &fields, "\"%s\" was deleted by %s%s", action->name,
			action->address, more);
}

static void done(struct disk_job *job)
{
	struct action *action = (struct action *)((char *)job - offsetof(struct action, job));

	if (action->result == 0)
		log_done(action);
	if (action->exchange)
		answer(action);
	free(action);
}

static void on_cancel(void *arg)
{
	struct action *action = arg;

	action->exchange = NULL;
}

/* Starts what `action` says, if the request may; else answers, and frees it. */
static void start(struct files *files, struct exchange *exchange, struct action *action,
	enum config_right right, const char *name)
{
	struct file_entry *entry = NULL;
	char owner[ENTRY_OWNER_SIZE];
	int r = 0;

	owner_of(exchange_request(exchange), owner);
	if (strlen(name) < FILENAME_SIZE)
		entry = listing_find(files->listing, name);
	if (!entry)
		r = -ENOENT;
	else if (!files_is_allowed(right, entry, owner))
		r = -EACCES;
	entry_unref(entry);
	if (r < 0) {
		free(action);
		files_refuse(exchange, r, NULL);
		return;
	}
	action->files = files;
	action->exchange = exchange;
	action->job = (struct disk_job){.run = run, .done = done};
	strcpy(action->name, name);
	strncpy(action->address, conn_peer_text(exchange_conn(exchange)),
		sizeof(action->address) - 1);
	exchange_wait(exchange, on_cancel, action);
	disk_submit(files->workers, &action->job);
}

static struct action *action_create(struct files *files, struct exchange *exchange)
{
	struct action *action;

	if (!files_are_ready(files, exchange))
		return NULL;
	action = calloc(1, sizeof(*action));
	if (!action)
		files_refuse(exchange, -ENOMEM, NULL);
	return action;
}

#define NAME_OF(exchange) (exchange_request(exchange)->path + sizeof("/uploads/") - 1)

void files_delete(struct site *site, struct exchange *exchange)
{
	struct action *action = action_create(site->files, exchange);

	if (action)
		start(site->files, exchange, action, site->config->files.delete, NAME_OF(exchange));
}

void files_rename(struct site *site, struct exchange *exchange)
{
	struct action *action = action_create(site->files, exchange);
	const char *why = "The new name is missing, or too long: ?rename=NAME";
	char sent[FILENAME_SIZE];
	int len, r;

	if (!action)
		return;
	len = request_query(exchange_request(exchange), "rename", sent, sizeof(sent));
	r = len > 0 ? filename_clean(sent, (size_t)len, action->new_name, &why) : -EINVAL;
	if (r < 0) {
		free(action);
		files_refuse(exchange, -EINVAL, why);
		return;
	}
	start(site->files, exchange, action, site->config->files.rename, NAME_OF(exchange));
}

void files_list(struct site *site, struct exchange *exchange)
{
	if (files_are_ready(site->files, exchange))
		lister_answer(site->files->lister, exchange);
}
