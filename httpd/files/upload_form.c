/* SPDX-License-Identifier: MIT */
/*
 * POST /: files in a form, as every browser sends them, without scripts too (and curl -F).
 *
 * All or none: each part is written and synced as it comes, and all of them get their names when
 * the last boundary has been seen.  Fields: `file`, any number of them, and `sender`, anywhere. The
 * form is read by the worker that writes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "common/fd.h"
#include "httpd/files/files.h"
#include "httpd/files/form_parser.h"
#include "httpd/files/incoming.h"
#include "httpd/files/upload.h"
#include "httpd/site.h"

#define FILES_AT_ONCE_MAX 1000u /* in one form: all are open until the end */
#define FIELD_MAX         (3u * ENTRY_SENDER_SIZE)

struct form_file {
	struct incoming incoming;
	char name[FILENAME_SIZE];
	struct file_entry *entry; /* once it is placed */
};

struct form {
	struct files *files;
	struct sender sender;
	uint64_t expected; /* bytes of the whole form; 0: nobody knows */
	/* a worker's, one at a time */
	struct form_parser *parser;
	struct form_file **list;
	size_t n, size;
	bool in_file, in_sender;
	char field[FIELD_MAX];
	size_t field_len;
	const char *why; /* of a refusal */
};

/* --- what the parser finds --- */

static int add_file(struct form *form, const struct form_part *part)
{
	char file[STORE_ID_SIZE + 4];
	struct form_file *added;
	int r;

	if (form->n == FILES_AT_ONCE_MAX) {
		form->why = "A form may have 1000 files";
		return -EINVAL;
	}
	if (form->n == form->size) {
		size_t size = form->size ? 2 * form->size : 4;
		struct form_file **list = realloc(form->list, size * sizeof(struct form_file *));

		if (!list)
			return -ENOMEM;
		form->list = list;
		form->size = size;
	}
	added = calloc(1, sizeof(*added));
	if (!added)
		return -ENOMEM;
	added->incoming.fd = -1;
	form->list[form->n++] = added;
	r = filename_clean(part->filename, part->filename_len, added->name, &form->why);
	if (r == 0)
		r = store_new_id(file);
	if (r < 0)
		return r;
	memcpy(file + STORE_ID_SIZE - 1, ".tmp", 5);
	form->in_file = true;
	return incoming_create(&added->incoming, form->files->store, form->files->quota,
		form->sender.meta.address, file, UINT64_MAX, form->files->config->files.hash);
}

static int on_part(void *arg, const struct form_part *part)
{
	struct form *form = arg;

	form->in_file = form->in_sender = false;
	/* A form without a chosen file sends one with an empty name. */
	if (part->has_filename && part->filename_len > 0)
		return add_file(form, part);
	form->in_sender = !part->has_filename && strcmp(part->name, "sender") == 0;
	form->field_len = 0;
	return 0;
}

static int on_data(void *arg, const char *bytes, size_t len)
{
	struct form *form = arg;

	if (form->in_file)
		return incoming_write(&form->list[form->n - 1]->incoming, bytes, len);
	if (form->in_sender) {
		if (len > FIELD_MAX - 1 - form->field_len)
			len = FIELD_MAX - 1 - form->field_len;
		memcpy(form->field + form->field_len, bytes, len);
		form->field_len += len;
	}
	return 0;
}

static int on_part_end(void *arg)
{
	struct form *form = arg;

	if (form->in_file) /* the disk works on while the next one comes */
		sync_file_range(form->list[form->n - 1]->incoming.fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	if (form->in_sender) {
		form->field[form->field_len] = '\0';
		entry_clean_sender(form->field, form->sender.meta.sender);
	}
	form->in_file = form->in_sender = false;
	return 0;
}

static const struct form_parser_ops PARSER_OPS = {
	.on_part = on_part, .on_data = on_data, .on_part_end = on_part_end};

/* --- the upload, on workers --- */

/* Is there room for all of it?  The parts' own lengths are not known before they end. */
static int begin(void *arg)
{
	struct form *form = arg;
	const struct quota_wish wish = {
		.address = form->sender.meta.address, .bytes = form->expected, .is_form = true};
	struct reservation reservation;
	int r = quota_reserve(form->files->quota, &reservation, &wish);

	reservation_end(&reservation);
	return r;
}

static int write_some(void *arg, const char *bytes, size_t len)
{
	struct form *form = arg;
	int r = form_parser_feed(form->parser, bytes, len);

	if (r == -EBADMSG)
		form->why = form_parser_why(form->parser);
	return r;
}

static int end(void *arg)
{
	struct form *form = arg;
	int r = 0;

	if (!form_parser_is_whole(form->parser)) {
		form->why = form_parser_why(form->parser);
		return -EBADMSG;
	}
	if (form->n == 0) {
		form->why = "The form has no file";
		return -EINVAL;
	}
	for (size_t i = 0; i < form->n && r == 0; i++) {
		struct form_file *file = form->list[i];
		struct file_meta meta = form->sender.meta;

		r = incoming_hash(&file->incoming, &meta);
		if (r == 0)
			r = incoming_place(&file->incoming, file->name, &meta, &file->entry);
		if (r == 0)
			listing_put(form->files->listing, entry_ref(file->entry));
		if (r == 0)
			incoming_drop(&file->incoming, false);
	}
	return r;
}

static void abandon(void *arg)
{
	struct form *form = arg;

	for (size_t i = 0; i < form->n; i++)
		incoming_drop(&form->list[i]->incoming, true);
}

/* --- the answer --- */

static void form_free(struct form *form)
{
	for (size_t i = 0; i < form->n; i++) {
		entry_unref(form->list[i]->entry);
		free(form->list[i]);
	}
	free(form->list);
	form_parser_destroy(form->parser);
	free(form);
}

/* A browser goes back to the page, where the files are; a program gets what it has sent. */
static void answer_received(struct form *form, struct exchange *exchange)
{
	const char *accept = request_header(exchange_request(exchange), "Accept");
	char headers[OWNER_COOKIE_SIZE + 32];
	json_t *list;

	if (accept && strstr(accept, "text/html")) {
		const struct response response = {.status = 303, .headers = headers};

		strcpy(stpcpy(headers, "Location: /\r\n"), form->sender.set_cookie);
		exchange_answer(exchange, &response);
		return;
	}
	list = json_array();
	for (size_t i = 0; list && i < form->n; i++)
		json_array_append_new(list, files_entry_json(form->list[i]->entry));
	files_answer_json(exchange, 201, json_pack("{so}", "files", list), form->sender.set_cookie);
}

static void answer(void *arg, struct exchange *exchange, int r)
{
	struct form *form = arg;
	struct files *files = form->files;

	files->n_uploading--;
	for (size_t i = 0; i < form->n; i++)
		if (form->list[i]->entry)
			files_uploaded(files, form->list[i]->entry, "/");
	if (r < 0)
		files_upload_failed(files, form->sender.meta.address,
			form->n > 0 ? form->list[form->n - 1]->name : "", r);
	if (exchange && r == 0)
		answer_received(form, exchange);
	else if (exchange)
		files_refuse(exchange, r, form->why);
	form_free(form);
}

static const struct upload_ops OPS = {
	.begin = begin, .write = write_some, .end = end, .abort = abandon, .answer = answer};

void files_form(struct site *site, struct exchange *exchange)
{
	const struct request *request = exchange_request(exchange);
	const char *type = request_header(request, "Content-Type");
	char boundary[FORM_BOUNDARY_MAX + 1];
	struct files *files = site->files;
	struct upload *upload;
	struct form *form;
	int r;

	if (!files_may_be_sent(files, exchange))
		return;
	if (!type || form_boundary(type, boundary) < 0) {
		files_refuse(exchange, -EINVAL,
			"Files are sent as multipart/form-data with a valid boundary");
		return;
	}
	form = calloc(1, sizeof(*form));
	if (!form) {
		files_refuse(exchange, -ENOMEM, NULL);
		return;
	}
	form->files = files;
	form->expected = request->is_chunked ? 0 : request->content_length;
	r = sender_learn(exchange, &form->sender);
	if (r == 0)
		r = form_parser_create(boundary, &PARSER_OPS, form, &form->parser);
	if (r == 0)
		r = upload_start(files->writers, exchange, &OPS, form, &upload);
	if (r < 0) {
		form_free(form);
		files_refuse(exchange, r, NULL);
		return;
	}
	files->n_uploading++;
}
