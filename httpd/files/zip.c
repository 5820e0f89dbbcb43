/* SPDX-License-Identifier: MIT */
/*
 * GET /files.zip: all files, or those of ?name=…&name=…, as one ZIP, made as it is sent.
 *
 *     a thread: read ──► libarchive (stored, zip64) ──► pieces ──eventfd──► loop: exchange_piece
 *                  ▲                                                           │
 *                  └────────────── waits while PIECES_MAX wait ◄───drained─────┘
 *
 * Nothing is compressed: what people send each other is, mostly.  libarchive asks for no bytes, it
 * pushes them, so each ZIP has a thread of its own, which stands still while the connection does.
 * A file that changes under it breaks the connection off: a ZIP that ends properly is whole.
 */
#include <errno.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/fd.h"
#include "httpd/files/files.h"
#include "httpd/site.h"

#define ZIPS_MAX   8u
#define NAMES_MAX  (REQUEST_TARGET_MAX / 6u) /* "name=a&", but for the last "&" */
#define PIECE_SIZE (256u * 1024u)
#define PIECES_MAX 4u
#define STACK_SIZE (512u * 1024u)

struct piece {
	STAILQ_ENTRY(piece) entry; /* in zip::pieces */
	size_t len;
	char bytes[PIECE_SIZE];
};

struct zip {
	/* the loop's */
	LIST_ENTRY(zip) entry; /* in files::zips, from when its thread runs */
	struct files *files;
	struct exchange *exchange; /* NULL: gone */
	struct event ready;
	pthread_t thread;
	/* fixed */
	struct file_entry **entries;
	size_t n_entries;
	int ready_fd;
	/* the thread's */
	struct piece *filling;
	/* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t room;
	STAILQ_HEAD(, piece) pieces;
	unsigned n_pieces;
	bool is_cancelled, is_finished, is_whole;
};

/* --- the thread --- */

static void tell(struct zip *zip)
{
	const uint64_t one = 1;

	(void)!write(zip->ready_fd, &one, sizeof(one));
}

/* Hands the piece on, when there is room.  False: nobody wants it any more. */
static bool hand_on(struct zip *zip)
{
	bool is_wanted;

	pthread_mutex_lock(&zip->lock);
	while (zip->n_pieces == PIECES_MAX && !zip->is_cancelled)
		pthread_cond_wait(&zip->room, &zip->lock);
	is_wanted = !zip->is_cancelled;
	if (is_wanted) {
		STAILQ_INSERT_TAIL(&zip->pieces, zip->filling, entry);
		zip->n_pieces++;
		zip->filling = NULL;
	}
	pthread_mutex_unlock(&zip->lock);
	if (is_wanted)
		tell(zip);
	return is_wanted;
}

/* libarchive's: takes all of the bytes, or -1. */
static la_ssize_t on_write(struct archive *archive, void *arg, const void *bytes, size_t len)
{
	struct zip *zip = arg;
	const char *from = bytes;

	(void)archive;
	for (size_t left = len; left > 0;) {
		size_t n;

		if (!zip->filling) {
			zip->filling = malloc(sizeof(*zip->filling));
			if (!zip->filling)
				return -1;
			zip->filling->len = 0;
		}
		n = PIECE_SIZE - zip->filling->len;
		n = n < left ? n : left;
		memcpy(zip->filling->bytes + zip->filling->len, from, n);
		zip->filling->len += n;
		from += n;
		left -= n;
		if (zip->filling->len == PIECE_SIZE && !hand_on(zip))
			return -1;
	}
	return (la_ssize_t)len;
}

/* Since it was opened.  What has only grown, as a recording does, was read as it was. */
static bool was_changed(int fd, const struct stat *before)
{
	struct stat now;

	return fstat(fd, &now) < 0 ||
	       (now.st_size <= before->st_size && entry_mtime_ns(&now) != entry_mtime_ns(before));
}

/* 0; -ENOENT: it has gone meanwhile, which is no fault; -EIO: the ZIP cannot be whole. */
static int add_file(struct zip *zip, struct archive *archive, struct archive_entry *head,
	const char *name, char *buffer)
{
	uint64_t left;
	struct stat st;
	int fd, r;

	r = store_open_file(zip->files->store, name, &fd, &st);
	if (r < 0)
		return r == -ENOENT || r == -EISDIR ? -ENOENT : -EIO;
	archive_entry_clear(head);
	archive_entry_set_pathname_utf8(head, name);
	archive_entry_set_filetype(head, AE_IFREG);
	archive_entry_set_perm(head, 0644);
	archive_entry_set_size(head, st.st_size);
	archive_entry_set_mtime(head, st.st_mtim.tv_sec, 0);
	r = archive_write_header(archive, head) == ARCHIVE_OK ? 0 : -EIO;
	for (left = (uint64_t)st.st_size; r == 0 && left > 0;) {
		ssize_t n = read(fd, buffer, left < PIECE_SIZE ? (size_t)left : PIECE_SIZE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || archive_write_data(archive, buffer, (size_t)n) != n)
			r = -EIO;
		else
			left -= (uint64_t)n;
	}
	if (r == 0 && was_changed(fd, &st))
		r = -EIO;
	fd_close(&fd);
	return r;
}

static bool write_all(struct zip *zip, struct archive *archive)
{
	struct archive_entry *head = archive_entry_new();
	char *buffer = malloc(PIECE_SIZE);
	bool is_whole = head && buffer;

	for (size_t i = 0; i < zip->n_entries && is_whole; i++)
		is_whole = add_file(zip, archive, head, zip->entries[i]->name, buffer) != -EIO;
	if (head)
		archive_entry_free(head);
	free(buffer);
	return is_whole;
}

static void *make(void *arg)
{
	struct zip *zip = arg;
	struct archive *archive = archive_write_new();
	/* libarchive writes names by the locale of its thread. */
	locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	bool is_whole = false;

	if (utf8)
		uselocale(utf8);
	if (archive && archive_write_set_format_zip(archive) == ARCHIVE_OK &&
		archive_write_set_options(archive, "zip:compression=store,zip:hdrcharset=UTF-8") ==
			ARCHIVE_OK &&
		archive_write_set_bytes_in_last_block(archive, 1) == ARCHIVE_OK &&
		archive_write_open(archive, zip, NULL, on_write, NULL) == ARCHIVE_OK) {
		is_whole = write_all(zip, archive);
		/* Without its end it is no ZIP: exactly what is wanted of half of one. */
		if (!is_whole)
			archive_write_fail(archive);
		is_whole = archive_write_close(archive) == ARCHIVE_OK && is_whole;
	}
	if (archive)
		archive_write_free(archive);
	if (is_whole && zip->filling)
		is_whole = hand_on(zip);
	free(zip->filling);
	if (utf8) {
		uselocale(LC_GLOBAL_LOCALE);
		freelocale(utf8);
	}
	pthread_mutex_lock(&zip->lock);
	zip->is_finished = true;
	zip->is_whole = is_whole;
	pthread_mutex_unlock(&zip->lock);
	tell(zip);
	return NULL;
}

/* --- the loop --- */

static void zip_free(struct zip *zip)
{
	struct piece *piece;

	zip->files->n_zips--;
	while ((piece = STAILQ_FIRST(&zip->pieces))) {
		STAILQ_REMOVE_HEAD(&zip->pieces, entry);
		free(piece);
	}
	listing_release(zip->entries, zip->n_entries);
	event_del(&zip->ready);
	fd_close(&zip->ready_fd);
	pthread_cond_destroy(&zip->room);
	pthread_mutex_destroy(&zip->lock);
	free(zip);
}

static void release_piece(const void *data, size_t len, void *piece)
{
	(void)data, (void)len;
	free(piece);
}

/* The thread has finished, and is waited for; everything of it has been sent, or nobody wants it.
 */
static void finish(struct zip *zip)
{
	struct exchange *exchange = zip->exchange;
	bool is_whole = zip->is_whole;

	pthread_join(zip->thread, NULL);
	LIST_REMOVE(zip, entry);
	if (exchange && is_whole)
		zip->files->zips_total++;
	zip_free(zip);
	if (exchange && is_whole)
		exchange_end(exchange);
	else if (exchange)
		exchange_fail(exchange);
}

static struct piece *take_piece(struct zip *zip, bool *is_finished)
{
	struct piece *piece;

	pthread_mutex_lock(&zip->lock);
	piece = STAILQ_FIRST(&zip->pieces);
	if (piece) {
		STAILQ_REMOVE_HEAD(&zip->pieces, entry);
		zip->n_pieces--;
		pthread_cond_signal(&zip->room);
	}
	*is_finished = zip->is_finished;
	pthread_mutex_unlock(&zip->lock);
	return piece;
}

static void send_some(void *arg)
{
	struct zip *zip = arg;
	struct evbuffer *body;
	struct piece *piece;
	bool is_finished;

	while (zip->exchange && conn_unsent(exchange_conn(zip->exchange)) == 0) {
		piece = take_piece(zip, &is_finished);
		if (!piece) {
			if (is_finished)
				finish(zip);
			return;
		}
		body = evbuffer_new();
		if (!body || evbuffer_add_reference(
				     body, piece->bytes, piece->len, release_piece, piece) < 0)
			free(piece);
		if (!body || evbuffer_get_length(body) == 0 ||
			exchange_piece(zip->exchange, body) < 0)
			conn_close(exchange_conn(zip->exchange)); /* on_cancel does the rest */
		if (body)
			evbuffer_free(body);
		if (conn_is_closing(exchange_conn(zip->exchange)))
			return;
	}
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct zip *zip = arg;
	bool is_finished;
	uint64_t n;

	(void)what;
	(void)!read(fd, &n, sizeof(n));
	if (zip->exchange) {
		send_some(zip);
		return;
	}
	pthread_mutex_lock(&zip->lock);
	is_finished = zip->is_finished;
	pthread_mutex_unlock(&zip->lock);
	if (is_finished)
		finish(zip);
}

void zips_stop(struct files *files)
{
	struct zip *zip;

	while ((zip = LIST_FIRST(&files->zips)))
		finish(zip);
}

static void on_cancel(void *arg)
{
	struct zip *zip = arg;

	zip->exchange = NULL;
	pthread_mutex_lock(&zip->lock);
	zip->is_cancelled = true;
	pthread_cond_signal(&zip->room);
	pthread_mutex_unlock(&zip->lock);
	tell(zip); /* it may have finished before, and said so */
}

/* --- which files --- */

/* Who asks for one twice gets it once: no program unpacks two of one name without a question. */
static void add_entry(struct zip *zip, struct file_entry *entry)
{
	for (size_t i = 0; i < zip->n_entries; i++)
		if (strcmp(zip->entries[i]->name, entry->name) == 0) {
			entry_unref(entry);
			return;
		}
	zip->entries[zip->n_entries++] = entry;
}

static int choose_named(struct zip *zip, const char *query)
{
	zip->entries = calloc(NAMES_MAX, sizeof(struct file_entry *));
	if (!zip->entries)
		return -ENOMEM;
	for (size_t len; *query; query += len + (query[len] == '&')) {
		char name[3 * FILENAME_SIZE];
		struct file_entry *entry;
		int n;

		len = strcspn(query, "&");
		if (strncmp(query, "name=", 5) != 0 || len - 5 >= sizeof(name))
			continue;
		memcpy(name, query + 5, len - 5);
		n = request_percent_decode(name, len - 5, true);
		if (n < 0 || memchr(name, '\0', (size_t)n) || zip->n_entries == NAMES_MAX)
			return -EINVAL;
		name[n] = '\0';
		entry = listing_find(zip->files->listing, name);
		if (!entry)
			return -ENOENT;
		add_entry(zip, entry);
	}
	return zip->n_entries > 0 ? 0 : -EINVAL;
}

static int choose(struct zip *zip, const char *query)
{
	uint64_t generation;

	if (strncmp(query, "name=", 5) == 0 || strstr(query, "&name="))
		return choose_named(zip, query);
	zip->entries = listing_all(zip->files->listing, &zip->n_entries, &generation);
	return zip->n_entries > 0 ? 0 : -ENOENT;
}

static int start_thread(struct zip *zip)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int r;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	sigfillset(&all); /* signals are the loop's */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&zip->thread, &attributes, make, zip);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return r;
}

void files_zip(struct site *site, struct exchange *exchange)
{
	const struct response head = {.status = 200,
		.type = "application/zip",
		.headers = "Content-Disposition: attachment; filename=\"files.zip\"\r\n"};
	struct files *files = site->files;
	struct zip *zip;
	int r;

	if (!files_are_ready(files, exchange))
		return;
	if (files->n_zips == ZIPS_MAX) {
		files_refuse(exchange, -EAGAIN, "Others are fetching ZIPs at the moment");
		return;
	}
	zip = calloc(1, sizeof(*zip));
	if (!zip) {
		files_refuse(exchange, -ENOMEM, NULL);
		return;
	}
	files->n_zips++;
	zip->files = files;
	STAILQ_INIT(&zip->pieces);
	pthread_mutex_init(&zip->lock, NULL);
	pthread_cond_init(&zip->room, NULL);
	zip->ready_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = zip->ready_fd < 0 ? -errno : choose(zip, exchange_request(exchange)->query);
	event_assign(&zip->ready, files->base, zip->ready_fd, EV_READ | EV_PERSIST, on_ready, zip);
	if (r == 0 && exchange_request(exchange)->method == REQUEST_HEAD) {
		struct response only = head;

		only.is_endless = true;
		zip_free(zip);
		exchange_answer(exchange, &only);
		return;
	}
	if (r == 0)
		r = event_add(&zip->ready, NULL) < 0 ? -ENOMEM : start_thread(zip);
	if (r < 0) {
		zip_free(zip);
		files_refuse(exchange, r, r == -EINVAL ? "A name in the query is none" : NULL);
		return;
	}
	LIST_INSERT_HEAD(&files->zips, zip, entry);
	zip->exchange = exchange;
	exchange_wait(exchange, on_cancel, zip);
	exchange_begin(exchange, &head, send_some, zip);
	send_some(zip);
}
