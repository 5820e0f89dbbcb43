/* SPDX-License-Identifier: MIT */
#include "httpd/files/tus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "httpd/files/tus_answer.h"
#include "httpd/files/tus_request.h"
#include "httpd/files/tus_upload.h"
#include "httpd/site.h"

#define IN_MEMORY_MAX 1024u /* as many as there can be connections: who is new finds room */
#define FORGET_NS     (3600 * NS_PER_S)

/* --- those in memory --- */

static void forget_oldest(struct tus_uploads *uploads)
{
	struct tus_upload *upload, *oldest = NULL;

	LIST_FOREACH (upload, &uploads->list, entry)
		if (tus_upload_is_forgettable(upload) &&
			(!oldest || upload->last_ns < oldest->last_ns))
			oldest = upload;
	if (oldest)
		tus_upload_free(oldest);
}

static struct tus_upload *make_room_for(struct tus_uploads *uploads, const char *id)
{
	if (uploads->n >= IN_MEMORY_MAX)
		forget_oldest(uploads);
	return uploads->n < IN_MEMORY_MAX ? tus_upload_new(uploads, id) : NULL;
}

static struct tus_upload *find(struct tus_uploads *uploads, const char *id)
{
	struct tus_upload *upload;

	LIST_FOREACH (upload, &uploads->list, entry)
		if (strcmp(upload->file.id, id) == 0)
			return upload;
	upload = make_room_for(uploads, id);
	if (upload)
		tus_upload_load(upload);
	return upload;
}

static void await_turn(
	struct files *files, struct exchange *exchange, const char *id, enum tus_verb verb)
{
	struct tus_upload *upload = find(files->tus, id);

	if (!upload || tus_upload_ask(upload, exchange, verb) < 0)
		tus_refuse(exchange, -ENOMEM, NULL);
}

static void ask(struct site *site, struct exchange *exchange, enum tus_verb verb)
{
	const char *id;

	if (!files_are_ready(site->files, exchange) || !tus_request_is_ours(exchange))
		return;
	id = tus_request_id(exchange);
	if (id)
		await_turn(site->files, exchange, id, verb);
}

static void create(struct files *files, struct exchange *exchange, const char *id)
{
	struct tus_upload *upload = make_room_for(files->tus, id);
	const char *why = NULL;
	int r = upload ? tus_request_creation(exchange, quota_file_max(files->quota),
				 &upload->file.info, upload->set_cookie, &why)
		       : -ENOMEM;

	if (r == 0)
		r = tus_upload_receive(upload, exchange);
	if (r < 0) {
		if (upload)
			tus_upload_free(upload);
		tus_refuse(exchange, r, why);
	}
}

/* --- routes --- */

void files_tus_options(struct site *site, struct exchange *exchange)
{
	if (files_are_ready(site->files, exchange))
		tus_answer_options(exchange, quota_file_max(site->files->quota));
}

void files_tus_head(struct site *site, struct exchange *exchange)
{
	ask(site, exchange, TUS_HEAD);
}

void files_tus_patch(struct site *site, struct exchange *exchange)
{
	ask(site, exchange, TUS_PATCH);
}

void files_tus_delete(struct site *site, struct exchange *exchange)
{
	ask(site, exchange, TUS_DELETE);
}

/* For who can send no PATCH, DELETE or HEAD. */
void files_tus_post(struct site *site, struct exchange *exchange)
{
	const char *method = request_header(exchange_request(exchange), "X-HTTP-Method-Override");

	if (method && strcmp(method, "PATCH") == 0)
		ask(site, exchange, TUS_PATCH);
	else if (method && strcmp(method, "DELETE") == 0)
		ask(site, exchange, TUS_DELETE);
	else if (method && strcmp(method, "HEAD") == 0)
		ask(site, exchange, TUS_HEAD);
	else
		tus_refuse_status(exchange, 400, "An upload is created at /tus/");
}

void files_tus_create(struct site *site, struct exchange *exchange)
{
	struct files *files = site->files;
	char id[STORE_ID_SIZE];
	bool is_chosen;
	int r;

	if (!files_may_be_sent(files, exchange) || !tus_request_is_ours(exchange))
		return;
	r = tus_request_new_id(exchange, id, &is_chosen);
	if (r < 0)
		tus_refuse(exchange, r, "An Upload-Key has 32 hexadecimal digits");
	else if (is_chosen) /* and may have been created before */
		await_turn(files, exchange, id, TUS_CREATE);
	else
		create(files, exchange, id);
}

/* --- their life --- */

int tus_create(struct files *files, struct tus_uploads **out)
{
	struct tus_uploads *uploads = calloc(1, sizeof(*uploads));

	if (!uploads || ledger_create(files->store, &uploads->ledger) < 0) {
		free(uploads);
		return -ENOMEM;
	}
	uploads->files = files;
	uploads->on_missing = create;
	LIST_INIT(&uploads->list);
	*out = uploads;
	return 0;
}

void tus_forget_old(struct tus_uploads *uploads)
{
	uint64_t now_ns = clock_monotonic_ns();
	struct tus_upload *upload, *after;

	for (upload = LIST_FIRST(&uploads->list); upload; upload = after) {
		after = LIST_NEXT(upload, entry);
		if (tus_upload_is_forgettable(upload) && now_ns - upload->last_ns > FORGET_NS)
			tus_upload_free(upload);
	}
}

void tus_destroy(struct tus_uploads *uploads)
{
	struct tus_upload *upload;

	if (!uploads)
		return;
	while ((upload = LIST_FIRST(&uploads->list)))
		tus_upload_free(upload);
	ledger_destroy(uploads->ledger);
	free(uploads);
}
