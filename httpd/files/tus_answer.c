/* SPDX-License-Identifier: MIT */
#include "httpd/files/tus_answer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "httpd/files/files.h"
#include "httpd/files/owner.h"
#include "httpd/files/tus_head.h"
#include "httpd/pages.h"

#define RESUMABLE    "Tus-Resumable: 1.0.0\r\n"
#define HEADERS_SIZE (3u * FILENAME_SIZE + TUS_METADATA_MAX + OWNER_COOKIE_SIZE + 512u)

/* How far it is, and until when it can go on, or what has become of it. */
static void write_headers(
	const struct tus_file *file, unsigned resume_hours, char out[HEADERS_SIZE])
{
	char *at = out;
	time_t until = time(NULL) + (time_t)resume_hours * 3600;
	struct tm utc;

	at += sprintf(at, RESUMABLE "Upload-Offset: %" PRIu64 "\r\n", file->offset);
	if (!file->info.is_whole) {
		gmtime_r(&until, &utc);
		at += strftime(at, 64, "Upload-Expires: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
		*at = '\0';
		return;
	}
	if (file->info.placed[0] != '\0') {
		at = stpcpy(at, "Content-Location: /uploads/");
		filename_to_url(file->info.placed, at);
		at = stpcpy(at + strlen(at), "\r\n");
	}
	files_digest_header(&file->info.meta, at);
}

static void answer_empty(struct exchange *exchange, unsigned status, const char *headers)
{
	const struct response response = {.status = status, .headers = headers};

	exchange_answer(exchange, &response);
}

void tus_answer_head(struct exchange *exchange, const struct tus_file *file, unsigned resume_hours)
{
	char headers[HEADERS_SIZE];
	char *at;

	write_headers(file, resume_hours, headers);
	at = headers + strlen(headers);
	at += sprintf(at, "Upload-Length: %" PRIu64 "\r\n", file->info.length);
	if (file->info.metadata && file->info.metadata[0])
		sprintf(at, "Upload-Metadata: %s\r\n", file->info.metadata);
	answer_empty(exchange, 200, headers);
}

void tus_answer_received(struct exchange *exchange, const struct tus_file *file,
	unsigned resume_hours, const char *cookie)
{
	char headers[HEADERS_SIZE];

	write_headers(file, resume_hours, headers);
	if (cookie)
		sprintf(headers + strlen(headers), "Location: /tus/%s\r\n%s", file->id, cookie);
	answer_empty(exchange, cookie ? 201 : 204, headers);
}

void tus_answer_removed(struct exchange *exchange)
{
	answer_empty(exchange, 204, RESUMABLE);
}

void tus_answer_options(struct exchange *exchange, uint64_t max)
{
	char headers[256];
	char *at = headers;

	at += sprintf(at, RESUMABLE "Tus-Version: 1.0.0\r\n"
				    "Tus-Extension: creation,creation-with-upload,termination,"
				    "expiration\r\n");
	if (max != UINT64_MAX)
		sprintf(at, "Tus-Max-Size: %" PRIu64 "\r\n", max);
	answer_empty(exchange, 204, headers);
}

void tus_refuse_status(struct exchange *exchange, unsigned status, const char *why)
{
	const struct pages_error error = {.status = status,
		.title = "error_bad_title",
		.text = "error_bad_text",
		.detail = why,
		.headers = status == 412 ? RESUMABLE "Tus-Version: 1.0.0\r\n" : RESUMABLE};

	pages_error(exchange, &error);
}

void tus_refuse(struct exchange *exchange, int r, const char *why)
{
	if (r == -ESTALE)
		tus_refuse_status(exchange, 409, "Upload-Offset is not where the upload is");
	else
		files_refuse_with(exchange, r, why, RESUMABLE);
}
