/* SPDX-License-Identifier: MIT */
/*
 * GET /uploads/NAME (to be looked at) and /download/NAME (to be kept).
 *
 *     worker: open, read ahead ──► loop: sendfile ──► … ──► worker: read ahead ──► …
 *
 * sendfile() copies nothing, but a page that is not in memory makes it wait for the disk, and with
 * it every viewer.  So a worker brings the next window in before the loop sends it, while the one
 * before is going out.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fd.h"
#include "httpd/files/files.h"
#include "httpd/files/range.h"
#include "httpd/site.h"

#define WINDOW (4u * 1024u * 1024u)  /* that a worker waits for at a time */
#define AHEAD  (16u * 1024u * 1024u) /* that the disk is asked for meanwhile */

struct download {
	struct files *files;
	struct exchange *exchange; /* NULL: gone */
	struct disk_job job;
	bool is_running; /* the job */
	bool is_begun;   /* the head has gone out */
	bool is_attachment;
	char name[FILENAME_SIZE];
	/* the job's while it runs, else the loop's */
	int fd;
	int result;
	struct stat st;
	/* the loop's, fixed while the job runs */
	off_t at;
	uint64_t end;    /* behind the last byte */
	uint64_t ready;  /* so far it is in memory */
	uint64_t wanted; /* … and will be when the job has run */
};

/* --- on a worker --- */

static void run(struct disk_job *job)
{
	struct download *download =
		(struct download *)((char *)job - offsetof(struct download, job));

	if (download->fd < 0)
		download->result = store_open_file(
			download->files->store, download->name, &download->fd, &download->st);
	else if (download->wanted > download->ready)
		store_read_in(
			download->files->store, download->fd, download->ready, download->wanted);
}

/* --- on the loop --- */

static void download_free(struct download *download)
{
	download->files->n_downloading--;
	fd_close(&download->fd);
	free(download);
}

static void want_window(struct download *download)
{
	uint64_t left = download->end - download->ready;

	download->wanted = download->ready + (left < WINDOW ? left : WINDOW);
	download->is_running = true;
	disk_submit(download->files->workers, &download->job);
}

/* As much as the connection takes in one go. */
static void send_some(void *arg)
{
	struct download *download = arg;
	struct conn *conn = exchange_conn(download->exchange);
	uint64_t ready = download->ready;
	ssize_t n;

	if (conn_unsent(conn) > 0)
		return; /* the head */
	if ((uint64_t)download->at < ready) {
		n = conn_sendfile(conn, download->fd, &download->at,
			(size_t)(ready - (uint64_t)download->at));
		if (n == 0 || (n < 0 && n != -EAGAIN)) {
			/* Shorter than was promised, or not to be read: the peer must not take
			 * it for whole. */
			struct exchange *exchange = download->exchange;

			download->exchange = NULL;
			exchange_fail(exchange);
			if (!download->is_running)
				download_free(download);
			return;
		}
	}
	if ((uint64_t)download->at == download->end) {
		struct exchange *exchange = download->exchange;

		download->exchange = NULL;
		download->files->downloads_total++;
		if (!download->is_running)
			download_free(download);
		exchange_end(exchange);
		return;
	}
	/* The next window, as long as there are not enough of them. */
	if (!download->is_running && ready < download->end &&
		ready - (uint64_t)download->at <= AHEAD - WINDOW)
		want_window(download);
}

static void on_cancel(void *arg)
{
	struct download *download = arg;

	download->exchange = NULL;
	if (!download->is_running)
		download_free(download);
}

#define HEADERS_SIZE (FILENAME_DISPOSITION_SIZE + RANGE_ETAG_SIZE + 512u)

static void write_headers(const struct download *download, const struct range_file *file,
	const struct file_meta *meta, char out[HEADERS_SIZE])
{
	char disposition[FILENAME_DISPOSITION_SIZE];
	char digest[FILES_DIGEST_SIZE];

	filename_disposition(download->name, disposition);
	files_digest_header(meta, digest);
	snprintf(out, HEADERS_SIZE,
		"Accept-Ranges: bytes\r\nETag: %s\r\nLast-Modified: %s\r\n"
		"Content-Disposition: %s; %s\r\n%s",
		file->etag, file->modified, download->is_attachment ? "attachment" : "inline",
		disposition, digest);
}

/* The hash of the file as a whole, if what the listing knows is this very file. */
static bool find_meta(const struct download *download, struct file_meta *meta)
{
	struct file_entry *entry = listing_find(download->files->listing, download->name);
	bool is_it = entry && entry->meta && entry->size == (uint64_t)download->st.st_size &&
		     entry->mtime_ns == entry_mtime_ns(&download->st);

	memset(meta, 0, sizeof(*meta));
	if (is_it)
		*meta = *entry->meta;
	entry_unref(entry);
	return is_it;
}

/* The file is open: which of it, and as what?  False: answered, there is nothing to send. */
static bool answer_head(struct download *download)
{
	const struct request *request = exchange_request(download->exchange);
	struct file_type type = filename_type(download->name);
	struct response response = {.status = 200,
		.type = type.type,
		.cache = "no-cache",
		.policy = type.policy,
		.has_length = true};
	char headers[HEADERS_SIZE + 80];
	struct range_file file;
	struct file_meta meta;
	uint64_t first = 0, last = 0;

	find_meta(download, &meta);
	range_file_init(&file, (uint64_t)download->st.st_size, entry_mtime_ns(&download->st));
	write_headers(download, &file, &meta, headers);
	response.headers = headers;
	download->end = file.size;
	switch (range_decide(request, &file, &first, &last)) {
	case RANGE_NOT_MODIFIED:
		response.status = 304;
		response.type = NULL;
		response.has_length = false;
		exchange_answer(download->exchange, &response);
		return false;
	case RANGE_PRECONDITION:
		response = (struct response){.status = 412};
		exchange_answer(download->exchange, &response);
		return false;
	case RANGE_UNSATISFIABLE:
		snprintf(headers, sizeof(headers), "Content-Range: bytes */%" PRIu64 "\r\n",
			file.size);
		response = (struct response){.status = 416, .headers = headers};
		exchange_answer(download->exchange, &response);
		return false;
	case RANGE_PART:
		response.status = 206;
		snprintf(headers + strlen(headers), 80,
			"Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n", first, last,
			file.size);
		download->at = (off_t)first;
		download->end = last + 1;
		break;
	case RANGE_WHOLE:
		break;
	}
	download->ready = (uint64_t)download->at;
	posix_fadvise(download->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	response.length = download->end - (uint64_t)download->at;
	if (request->method == REQUEST_HEAD || response.length == 0) {
		exchange_answer(download->exchange, &response);
		return false;
	}
	exchange_begin(download->exchange, &response, send_some, download);
	return true;
}

static void done(struct disk_job *job)
{
	struct download *download =
		(struct download *)((char *)job - offsetof(struct download, job));
	struct exchange *exchange = download->exchange;

	download->is_running = false;
	if (!exchange) {
		download_free(download);
	} else if (download->result < 0) {
		int r = download->result;

		download_free(download);
		files_refuse(exchange, r, NULL);
	} else if (!download->is_begun) {
		download->is_begun = true;
		if (answer_head(download))
			want_window(download);
		else
			download_free(download);
	} else {
		bool was_waiting = (uint64_t)download->at == download->ready;

		download->ready = download->wanted;
		if (was_waiting)
			send_some(download);
		else if (download->ready < download->end &&
			 download->ready - (uint64_t)download->at <= AHEAD - WINDOW)
			want_window(download);
	}
}

static void start(struct files *files, struct exchange *exchange, const char *name, bool attach)
{
	struct download *download;

	if (!files_are_ready(files, exchange))
		return;
	download = strlen(name) < FILENAME_SIZE ? calloc(1, sizeof(*download)) : NULL;
	if (!download) {
		files_refuse(exchange, strlen(name) < FILENAME_SIZE ? -ENOMEM : -ENOENT, NULL);
		return;
	}
	download->files = files;
	download->exchange = exchange;
	download->fd = -1;
	download->is_attachment = attach;
	download->job.run = run;
	download->job.done = done;
	strcpy(download->name, name);
	files->n_downloading++;
	exchange_wait(exchange, on_cancel, download);
	download->is_running = true;
	disk_submit(files->workers, &download->job);
}

void files_show(struct site *site, struct exchange *exchange)
{
	start(site->files, exchange, exchange_request(exchange)->path + sizeof("/uploads/") - 1,
		false);
}

void files_download(struct site *site, struct exchange *exchange)
{
	start(site->files, exchange, exchange_request(exchange)->path + sizeof("/download/") - 1,
		true);
}
