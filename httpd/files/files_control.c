/* SPDX-License-Identifier: MIT */
#include "httpd/files/files_control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "httpd/files/files.h"

#define PAGE_SIZE  500u /* entries of an answer: the longest names fit CONTROL_LINE_MAX */
#define TRASH_SIZE 500u

struct order {
	struct disk_job job;
	struct files *files;
	void (*on_answer)(void *arg, json_t *answer);
	void *arg;
	json_t *(*run)(struct order *order); /* on a worker */
	char name[FILENAME_SIZE], new_name[FILENAME_SIZE];
	size_t from;
	json_t *answer;
};

static json_t *error_json(const char *words)
{
	return json_pack("{sb ss}", "ok", 0, "error", words);
}

static json_t *result_json(int r)
{
	if (r == 0)
		return json_pack("{sb}", "ok", 1);
	return error_json(r == -ENOENT || r == -EISDIR ? "There is no such file"
			  : r == -EEXIST               ? "There is a file of that name"
			  : r == -ENOTDIR              ? "A file has the name of its folder"
						       : strerror(-r));
}

/* --- on a worker --- */

static json_t *list(struct order *order)
{
	json_t *array = json_array(), *file;
	struct file_entry **entries;
	uint64_t generation;
	size_t n;

	entries = listing_all(order->files->listing, &n, &generation);
	for (size_t i = order->from; array && i < n && i < order->from + PAGE_SIZE; i++) {
		const struct file_entry *entry = entries[i];

		file = files_entry_json(entry);
		if (file && entry->meta) {
			json_object_set_new(file, "sender", json_string(entry->meta->sender));
			json_object_set_new(file, "address", json_string(entry->meta->address));
		}
		if (file)
			json_object_set_new(
				file, "modified", json_integer(entry->mtime_ns / 1000000));
		json_array_append_new(array, file);
	}
	listing_release(entries, n);
	return json_pack("{sb so sI}", "ok", 1, "files", array, "count", (json_int_t)n);
}

static void add_trash(void *arg, const struct trash_entry *entry)
{
	json_t *array = arg;

	if (json_array_size(array) < TRASH_SIZE)
		json_array_append_new(
			array, json_pack("{ss ss sI sI}", "id", entry->id, "name", entry->name,
				       "size", (json_int_t)entry->size, "deleted",
				       (json_int_t)entry->deleted_s * 1000));
}

static json_t *trash(struct order *order)
{
	json_t *array = json_array();

	if (array)
		trash_each(store_trash(order->files->store), add_trash, array);
	return json_pack("{sb so}", "ok", 1, "files", array);
}

static void look_again(struct files *files, const char *name)
{
	struct file_entry *entry;

	if (store_look(files->store, name, &entry) == 0)
		listing_put(files->listing, entry);
	else
		listing_remove(files->listing, name);
}

static json_t *delete (struct order *order)
{
	int r = trash_put(store_trash(order->files->store), order->name);

	look_again(order->files, order->name);
	if (r == 0)
		log_at(LOG_INFO, (&(const struct log_fields){.file = order->name}),
			"\"%s\" was deleted by the presenter", order->name);
	return result_json(r);
}

static json_t *rename_it(struct order *order)
{
	int r = store_rename(order->files->store, order->name, order->new_name);

	look_again(order->files, order->name);
	look_again(order->files, order->new_name);
	if (r < 0)
		return result_json(r);
	log_at(LOG_INFO,
		(&(const struct log_fields){.file = order->name, .new_file = order->new_name}),
		"\"%s\" is \"%s\" now: renamed by the presenter", order->name, order->new_name);
	return json_pack("{sb ss}", "ok", 1, "name", order->new_name);
}

static json_t *restore(struct order *order)
{
	char name[FILENAME_SIZE];
	int r = trash_restore(store_trash(order->files->store), order->name, name);

	if (r < 0)
		return result_json(r);
	look_again(order->files, name);
	log_at(LOG_INFO, (&(const struct log_fields){.file = name}),
		"\"%s\" was restored by the presenter", name);
	return json_pack("{sb ss}", "ok", 1, "name", name);
}

static void run(struct disk_job *job)
{
	struct order *order = (struct order *)job;

	order->answer = order->run(order);
}

/* --- on the loop --- */

static void done(struct disk_job *job)
{
	struct order *order = (struct order *)job;

	order->on_answer(
		order->arg, order->answer ? order->answer : error_json("No memory for an answer"));
	free(order);
}

static json_t *give_token(struct files *files)
{
	if (store_new_id(files->presenter) < 0)
		return error_json("No random numbers are to be had");
	return json_pack("{sb ss}", "ok", 1, "token", files->presenter);
}

static bool copy_text(const json_t *request, const char *key, char *out)
{
	const char *text = json_string_value(json_object_get(request, key));

	if (!text || strlen(text) >= FILENAME_SIZE)
		return false;
	strcpy(out, text);
	return true;
}

/* What the order is, or an answer that says why it is none. */
static json_t *read_order(struct files *files, const json_t *request, struct order *order)
{
	const char *action = json_string_value(json_object_get(request, "action"));
	const char *why = "A name is missing";
	char name[FILENAME_SIZE];
	bool is_whole = true;

	if (files_why_not(files))
		return error_json(files_why_not(files));
	if (!action)
		return error_json("A request for files must say which \"action\"");
	if (strcmp(action, "add") == 0)
		return give_token(files);
	if (strcmp(action, "list") == 0) {
		json_int_t from = json_integer_value(json_object_get(request, "from"));

		order->run = list;
		order->from = from > 0 && from < INT32_MAX ? (size_t)from : 0;
	} else if (strcmp(action, "trash") == 0) {
		order->run = trash;
	} else if (strcmp(action, "delete") == 0) {
		order->run = delete;
		is_whole = copy_text(request, "name", order->name);
	} else if (strcmp(action, "restore") == 0) {
		order->run = restore;
		is_whole = copy_text(request, "id", order->name);
	} else if (strcmp(action, "rename") == 0) {
		order->run = rename_it;
		is_whole = copy_text(request, "name", order->name) &&
			   copy_text(request, "new_name", name) &&
			   filename_clean(name, strlen(name), order->new_name, &why) == 0;
	} else {
		return error_json("This version does not know that action");
	}
	return is_whole ? NULL : error_json(why);
}

json_t *files_control(struct files *files, const json_t *request,
	void (*on_answer)(void *arg, json_t *answer), void *arg)
{
	struct order *order = calloc(1, sizeof(*order));
	json_t *answer;

	if (!order)
		return error_json("No memory for an answer");
	order->files = files;
	order->on_answer = on_answer;
	order->arg = arg;
	answer = read_order(files, request, order);
	if (answer || !order->run) {
		free(order);
		return answer ? answer : error_json("No memory for an answer");
	}
	order->job = (struct disk_job){.run = run, .done = done};
	disk_submit(files->workers, &order->job);
	return NULL;
}
