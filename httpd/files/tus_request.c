/* SPDX-License-Identifier: MIT */
#include "httpd/files/tus_request.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "httpd/files/tus_answer.h"
#include "httpd/files/tus_head.h"

#define PATCH_TYPE "application/offset+octet-stream"

bool tus_request_is_ours(struct exchange *exchange)
{
	const char *version = request_header(exchange_request(exchange), "Tus-Resumable");

	if (version && strcmp(version, "1.0.0") == 0)
		return true;
	tus_refuse_status(exchange, 412, "Only tus 1.0.0 is spoken here");
	return false;
}

const char *tus_request_id(struct exchange *exchange)
{
	const char *id = exchange_request(exchange)->path + sizeof("/tus/") - 1;

	if (store_is_id(id))
		return id;
	tus_refuse(exchange, -ENOENT, NULL);
	return NULL;
}

int tus_request_new_id(struct exchange *exchange, char id[STORE_ID_SIZE], bool *is_chosen)
{
	const struct request *request = exchange_request(exchange);
	const char *key = request_header(request, "Upload-Key");

	*is_chosen = key != NULL;
	if (!key)
		return store_new_id(id);
	if (!store_is_id(key))
		return -EINVAL;
	memcpy(id, key, STORE_ID_SIZE);
	return 0;
}

static bool is_patch_type(const struct request *request)
{
	const char *type = request_header(request, "Content-Type");

	return type && strcasecmp(type, PATCH_TYPE) == 0;
}

bool tus_request_continues(struct exchange *exchange, const struct tus_file *file)
{
	const struct request *request = exchange_request(exchange);
	const char *sent = request_header(request, "Upload-Offset");
	uint64_t offset;

	if (!is_patch_type(request))
		tus_refuse_status(exchange, 415, "A PATCH carries " PATCH_TYPE);
	else if (!sent || tus_number(sent, &offset) < 0)
		tus_refuse_status(exchange, 400, "Upload-Offset is missing, or is no number");
	else if (offset != file->offset)
		tus_refuse(exchange, -ESTALE, NULL);
	else if (request->content_length > file->info.length - file->offset)
		tus_refuse(exchange, -EFBIG, "More than Upload-Length");
	else
		return true;
	return false;
}

/* Its name: that of its folder too, where one was dropped. */
static int learn_name(const char *metadata, struct tus_info *info, const char **why)
{
	static const char *const keys[] = {"relativePath", "filename", "name"};
	char sent[2 * FILENAME_SIZE];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		int len = tus_metadata_find(metadata, keys[i], sent, sizeof(sent));

		if (len == -EMSGSIZE) {
			*why = "The file's name is longer than 255 bytes";
			return -EINVAL;
		}
		/* The npm library Uppy sends "null" for what has no folder. */
		if (len > 0 && !(i == 0 && strcmp(sent, "null") == 0))
			return filename_clean(sent, (size_t)len, info->name, why);
	}
	strcpy(info->name, "upload");
	return 0;
}

int tus_request_creation(struct exchange *exchange, uint64_t max, struct tus_info *info,
	char set_cookie[OWNER_COOKIE_SIZE], const char **why)
{
	const struct request *request = exchange_request(exchange);
	const char *length = request_header(request, "Upload-Length");
	const char *metadata = request_header(request, "Upload-Metadata");
	struct sender sender;
	char name[ENTRY_SENDER_SIZE];
	int r;

	*why = "Uploads of unknown length, and those of parts, are not taken";
	if (request_header(request, "Upload-Defer-Length") ||
		request_header(request, "Upload-Concat"))
		return -EINVAL;
	*why = "Upload-Length is missing, or is no number";
	if (!length || tus_number(length, &info->length) < 0)
		return -EINVAL;
	*why = "Upload-Metadata is malformed";
	metadata = metadata ? metadata : "";
	if (strlen(metadata) > TUS_METADATA_MAX || tus_metadata_check(metadata) < 0)
		return -EINVAL;
	*why = "A body carries " PATCH_TYPE;
	if (exchange_has_body(exchange) && !is_patch_type(request))
		return -EINVAL;
	*why = NULL;
	if (info->length > max || request->content_length > info->length)
		return -EFBIG;
	r = learn_name(metadata, info, why);
	if (r == 0)
		r = sender_learn(exchange, &sender);
	if (r < 0)
		return r;
	if (tus_metadata_find(metadata, "sender", name, sizeof(name)) > 0)
		entry_clean_sender(name, sender.meta.sender);
	info->meta = sender.meta;
	strcpy(set_cookie, sender.set_cookie);
	info->metadata = strdup(metadata);
	return info->metadata ? 0 : -ENOMEM;
}
