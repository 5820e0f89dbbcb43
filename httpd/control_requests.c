/* SPDX-License-Identifier: MIT */
#include "httpd/control_requests.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/control.h"
#include "common/urls.h"
#include "common/utf8.h"
#include "httpd/access.h"
#include "httpd/files/files_control.h"
#include "httpd/pause.h"
#include "httpd/reload.h"
#include "httpd/site.h"
#include "httpd/status.h"
#include "httpd/viewer.h"

#define URLS_MAX     32
#define WARNING_SIZE 256

/* --- answered at once --- */

json_t *control_requests_error(const char *words)
{
	return json_pack("{sb ss}", "ok", 0, "error", words);
}

static json_t *urls_json(const struct site *site)
{
	char urls[URLS_MAX][URL_SIZE];
	size_t n = 0;
	json_t *list = json_array();

	for (size_t i = 0; i < site->n_http_fds; i++)
		n += urls_of_listener(
			site->http_fds[i], access_addresses(site->access), urls + n, URLS_MAX - n);

	for (size_t i = 0; list && i < n; i++)
		json_array_append_new(list, json_string(urls[i]));
	return list;
}

static void add_viewer(void *arg, const struct viewer_info *info)
{
	json_t *list = arg;
	/* What a browser calls itself may be no UTF-8: then it has no name. */
	json_t *user_agent = json_string(info->user_agent);

	json_array_append_new(
		list, json_pack("{ss ss ss so ss ss sf sI sI sI sI sI}", "kind", info->kind,
			      "address", info->address, "name", info->name, "user_agent",
			      user_agent ? user_agent : json_string(""), "source",
			      source_name(info->source), "stream", stream_name(info->stream),
			      "rate", (double)(long)(info->rate * 10 + 0.5) / 10, "frames",
			      (json_int_t)info->frames, "skipped", (json_int_t)info->skipped,
			      "bytes", (json_int_t)info->bytes, "lag_ms", (json_int_t)info->lag_ms,
			      "watching_ms", (json_int_t)info->watching_ms));
}

static json_t *viewers_json(const struct site *site)
{
	json_t *list = json_array();

	if (list)
		viewers_each(site->viewers, add_viewer, list);
	return list;
}

static json_t *answer_viewers(const struct site *site)
{
	return json_pack("{sb so}", "ok", 1, "viewers", viewers_json(site));
}

static json_t *answer_status(const struct site *site)
{
	const struct pause_record *paused = pause_get(site->pause);
	json_t *status = status_json(site, true);

	if (status) {
		json_object_set_new(status, "urls", urls_json(site));
		json_object_set_new(status, "watching", viewers_json(site));
	}
	if (status && paused)
		json_object_set_new(status, "pause",
			json_pack("{ss sI}", "by", paused->name, "since",
				(json_int_t)paused->since_s));
	return json_pack("{sb so}", "ok", 1, "status", status);
}

static json_t *answer_url(const struct site *site)
{
	return json_pack("{sb so}", "ok", 1, "urls", urls_json(site));
}

static json_t *answer_version(const struct site *site)
{
	(void)site;
	return json_pack("{sb ss}", "ok", 1, "version", SCREENSHARE_VERSION);
}

static json_t *answer_reload(const struct site *site)
{
	struct config_error error;

	if (reload_now(site->reload, &error) == 0)
		return json_pack("{sb}", "ok", 1);
	utf8_clean(error.text); /* it quotes the file */
	return control_requests_error(error.text);
}

/* --- answered later --- */

struct control_later {
	void (*on_answer)(void *arg, json_t *answer); /* NULL: whoever asked has gone */
	void *arg;
	struct pause_waiter waiter;
};

void control_later_forget(struct control_later *later)
{
	if (later)
		later->on_answer = NULL;
}

static void on_later_answer(void *arg, json_t *answer)
{
	struct control_later *later = arg;
	struct control_later done = *later;

	free(later);
	if (done.on_answer)
		done.on_answer(done.arg, answer);
	else
		json_decref(answer);
}

static void on_pause_answer(struct pause_waiter *waiter, bool is_paused, int error)
{
	struct control_later *later =
		(struct control_later *)((char *)waiter - offsetof(struct control_later, waiter));
	json_t *answer = json_pack("{sb sb}", "ok", 1, "paused", is_paused);
	char words[WARNING_SIZE];

	if (answer && error < 0) {
		snprintf(words, sizeof(words),
			"it could not be %s: %s; after a start anew it would %s",
			is_paused ? "written down" : "unwritten", strerror(-error),
			is_paused ? "not be paused" : "be paused again");
		json_object_set_new(answer, "warning", json_string(words));
	}
	on_later_answer(later, answer);
}

static struct control_later *later_create(const struct control_asker *asker)
{
	struct control_later *later = calloc(1, sizeof(*later));

	if (later) {
		later->on_answer = asker->on_answer;
		later->arg = asker->arg;
	}
	return later;
}

/* NULL: the answer comes later. */
static json_t *answer_pause(const struct site *site, const struct control_asker *asker,
	bool is_paused, struct control_later **out)
{
	struct control_later *later = later_create(asker);

	if (!later)
		return control_requests_error("No memory for an answer");
	later->waiter.on_answer = on_pause_answer;
	*out = later;
	pause_ask(site->pause, is_paused, asker->uid, &later->waiter);
	return NULL;
}

/* NULL: the answer comes later. */
static json_t *answer_files(const struct site *site, const struct control_asker *asker,
	const json_t *request, struct control_later **out)
{
	struct control_later *later = later_create(asker);
	json_t *answer;

	if (!later)
		return control_requests_error("No memory for an answer");
	answer = files_control(site->files, request, on_later_answer, later);
	if (answer)
		free(later);
	else
		*out = later;
	return answer;
}

/* --- which request --- */

static const struct request_type {
	const char *name;
	json_t *(*answer)(const struct site *site);
} REQUESTS[] = {
	{"status", answer_status},
	{"viewers", answer_viewers},
	{"url", answer_url},
	{"version", answer_version},
	{"reload", answer_reload},
};

/* One that is said by its name alone; NULL: there is none such. */
static json_t *answer_by_name(const struct site *site, const char *name)
{
	json_t *answer;

	for (size_t i = 0; i < sizeof(REQUESTS) / sizeof(REQUESTS[0]); i++) {
		if (strcmp(REQUESTS[i].name, name) != 0)
			continue;
		answer = REQUESTS[i].answer(site);
		return answer ? answer : control_requests_error("No memory for an answer");
	}
	return NULL;
}

static json_t *answer_request(const struct site *site, const struct control_asker *asker,
	const json_t *request, struct control_later **later)
{
	const char *name = json_string_value(json_object_get(request, "request"));
	json_t *answer;

	if (!name)
		return control_requests_error(
			"A request must be one line of JSON with a \"request\" in it");
	if (strcmp(name, "pause") == 0)
		return answer_pause(site, asker, true, later);
	if (strcmp(name, "resume") == 0)
		return answer_pause(site, asker, false, later);
	if (strcmp(name, "files") == 0)
		return answer_files(site, asker, request, later);
	answer = answer_by_name(site, name);
	return answer ? answer : control_requests_error("This version does not know that request");
}

json_t *control_requests_answer(const struct site *site, const struct control_asker *asker,
	const char *line, size_t len, struct control_later **later)
{
	json_t *request, *answer;

	/* Somebody else may sit here by now. */
	if (!access_is_presenter(asker->uid))
		return control_requests_error(CONTROL_NOT_PRESENTER);
	request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	answer = answer_request(site, asker, request, later);
	json_decref(request);
	return answer;
}
