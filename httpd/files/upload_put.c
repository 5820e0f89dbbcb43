/* SPDX-License-Identifier: MIT */
/*
 * PUT /uploads/NAME: the body is the file (curl -T).  It lies under the name, or the next free one,
 * when the answer comes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "httpd/files/files.h"
#include "httpd/files/incoming.h"
#include "httpd/files/upload.h"
#include "httpd/site.h"

struct put {
	struct files *files;
	struct sender sender;
	char name[FILENAME_SIZE];
	uint64_t expected;
	/* a worker's, one at a time */
	struct incoming incoming;
	struct file_entry *entry;
};

static int begin(void *arg)
{
	struct put *put = arg;
	char file[STORE_ID_SIZE + 4];
	int r = store_new_id(file);

	if (r < 0)
		return r;
	memcpy(file + STORE_ID_SIZE - 1, ".tmp", 5);
	return incoming_create(&put->incoming, put->files->store, put->files->quota,
		put->sender.meta.address, file, put->expected, put->files->config->files.hash);
}

static int write_some(void *arg, const char *bytes, size_t len)
{
	struct put *put = arg;

	return incoming_write(&put->incoming, bytes, len);
}

static int end(void *arg)
{
	struct put *put = arg;
	int r = incoming_hash(&put->incoming, &put->sender.meta);

	if (r == 0)
		r = incoming_place(&put->incoming, put->name, &put->sender.meta, &put->entry);
	if (r == 0) {
		listing_put(put->files->listing, entry_ref(put->entry));
		incoming_drop(&put->incoming, false);
	}
	return r;
}

static void abandon(void *arg)
{
	struct put *put = arg;

	incoming_drop(&put->incoming, true);
}

static void answer_created(struct put *put, struct exchange *exchange)
{
	static const char route[] = "Location: /uploads/";
	char headers[sizeof(route) + 3 * FILENAME_SIZE + OWNER_COOKIE_SIZE + FILES_DIGEST_SIZE + 8];
	char *at = stpcpy(headers, route);

	filename_to_url(put->entry->name, at);
	at = stpcpy(at + strlen(at), "\r\n");
	files_digest_header(put->entry->meta, at);
	strcat(at, put->sender.set_cookie);
	files_answer_json(exchange, 201, files_entry_json(put->entry), headers);
}

static void answer(void *arg, struct exchange *exchange, int r)
{
	struct put *put = arg;

	put->files->n_uploading--;
	if (r == 0)
		files_uploaded(put->files, put->entry, "/uploads/");
	else
		files_upload_failed(put->files, put->sender.meta.address, put->name, r);
	if (exchange && r == 0)
		answer_created(put, exchange);
	else if (exchange)
		files_refuse(
			exchange, r, r == -ENOTDIR ? "A file has the name of its folder" : NULL);
	entry_unref(put->entry);
	free(put);
}

static const struct upload_ops OPS = {
	.begin = begin, .write = write_some, .end = end, .abort = abandon, .answer = answer};

/*
 * If-None-Match: * wants a name that nobody has; If-Match wants to replace what is there, which is
 * never done.  Only a name that is taken in this very moment is missed: then it gets a number.
 */
static bool is_held_to_more(const struct put *put, const struct request *request)
{
	const char *none_match = request_header(request, "If-None-Match");
	struct file_entry *entry;
	bool is_there;

	if (request_header(request, "If-Match"))
		return true;
	if (!none_match)
		return false;
	entry = strcmp(none_match, "*") == 0 ? listing_find(put->files->listing, put->name) : NULL;
	is_there = entry != NULL;
	entry_unref(entry);
	return is_there;
}

void files_put(struct site *site, struct exchange *exchange)
{
	static const char route[] = "/uploads/";
	const struct request *request = exchange_request(exchange);
	const char *sent = request->path + sizeof(route) - 1, *why = NULL;
	struct files *files = site->files;
	struct upload *upload;
	struct put *put;
	int r;

	if (!files_may_be_sent(files, exchange) || files_refuse_length(files, exchange))
		return;
	if (request_header(request, "Content-Range")) { /* RFC 9110: never a part as the whole */
		files_refuse(exchange, -EINVAL, "A part of a file is resumed at /tus/");
		return;
	}
	put = calloc(1, sizeof(*put));
	if (!put) {
		files_refuse(exchange, -ENOMEM, NULL);
		return;
	}
	put->files = files;
	put->incoming.fd = -1;
	put->expected = request->is_chunked ? UINT64_MAX : request->content_length;
	r = filename_clean(sent, strlen(sent), put->name, &why);
	if (r == 0 && is_held_to_more(put, request)) {
		r = -ECANCELED;
		why = "No file that is there is ever replaced";
	}
	if (r == 0)
		r = sender_learn(exchange, &put->sender);
	if (r == 0)
		r = upload_start(files->writers, exchange, &OPS, put, &upload);
	if (r < 0) {
		free(put);
		files_refuse(exchange, r, why);
		return;
	}
	files->n_uploading++;
}
