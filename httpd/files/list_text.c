/* SPDX-License-Identifier: MIT */
#include "httpd/files/list_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "httpd/files/filename.h"

struct list_text {
	uint64_t generation;
	size_t len, size;
	char *bytes; /* the JSON */
	struct file_entry **entries;
	size_t n_entries;
	/* the loop's, once it is written */
	unsigned refs;
	char **rows; /* of each page; NULL: nobody has turned to it */
};

/* --- as JSON --- */

static bool make_room(struct list_text *text, size_t more)
{
	size_t size = text->size > 0 ? text->size : 4096;
	char *bytes;

	if (text->size - text->len >= more)
		return true;
	while (size - text->len < more)
		size *= 2;
	bytes = realloc(text->bytes, size);
	if (!bytes)
		return false;
	text->bytes = bytes;
	text->size = size;
	return true;
}

/* Room must have been made: six bytes for each of `value`, and the rest. */
static void add_string(struct list_text *text, const char *key, const char *value)
{
	char *out = text->bytes + text->len;

	out += sprintf(out, "\"%s\":\"", key);
	for (; *value; value++) {
		if ((unsigned char)*value < 0x20) {
			out += sprintf(out, "\\u%04x", (unsigned)*value);
			continue;
		}
		if (*value == '"' || *value == '\\')
			*out++ = '\\';
		*out++ = *value;
	}
	*out++ = '"';
	text->len = (size_t)(out - text->bytes);
}

static bool add_entry(struct list_text *text, const struct file_entry *entry)
{
	const struct file_meta *meta = entry->meta;
	char hash[2 * ENTRY_HASH_SIZE + 1];

	if (!make_room(text, 6 * (strlen(entry->name) + ENTRY_SENDER_SIZE) + 512))
		return false;
	text->len += (size_t)sprintf(text->bytes + text->len, "%s{", text->len > 1 ? ",\n" : "\n");
	add_string(text, "name", entry->name);
	text->len += (size_t)sprintf(text->bytes + text->len,
		",\"size\":%" PRIu64 ",\"modified\":%" PRId64 ",", entry->size,
		entry->mtime_ns / 1000000);
	add_string(text, "type", filename_type(entry->name).type);
	if (meta) {
		text->bytes[text->len++] = ',';
		add_string(text, "sender", *meta->sender ? meta->sender : meta->address);
		text->bytes[text->len++] = ',';
		add_string(text, "owner", meta->owner);
	}
	if (meta && meta->has_hash) {
		entry_hash_text(meta->sha256, hash);
		text->bytes[text->len++] = ',';
		add_string(text, "sha256", hash);
	}
	text->bytes[text->len++] = '}';
	return true;
}

/* --- as HTML --- */

static void add_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("<>&\"'", *text))
			fprintf(out, "&#%d;", *text);
		else
			fputc(*text, out);
	}
}

static void add_size(FILE *out, uint64_t bytes)
{
	static const char *const units[] = {"B", "KB", "MB", "GB", "TB", "PB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		unit++;
	}
	fprintf(out, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

static void add_row(FILE *out, const struct file_entry *entry)
{
	time_t seconds = (time_t)(entry->mtime_ns / 1000000000);
	char url[3 * FILENAME_SIZE], date[32];
	struct tm local;

	filename_to_url(entry->name, url);
	localtime_r(&seconds, &local);
	strftime(date, sizeof(date), "%Y-%m-%d %H:%M", &local);
	fputs("<li class=\"file\"><div class=\"what\"><a class=\"name\" href=\"/uploads/", out);
	add_escaped(out, url);
	fputs("\">", out);
	add_escaped(out, entry->name);
	fputs("</a><span class=\"about\">", out);
	add_size(out, entry->size);
	fprintf(out, " · %s", date);
	if (entry->meta) {
		fputs(" · ", out);
		add_escaped(out, *entry->meta->sender ? entry->meta->sender : entry->meta->address);
	}
	fputs("</span></div><a class=\"get\" href=\"/download/", out);
	add_escaped(out, url);
	fputs("\">↓</a></li>\n", out);
}

static char *write_rows(const struct list_text *text, size_t page)
{
	char *rows = NULL;
	size_t len, from = page * LIST_TEXT_ROWS;
	FILE *out = open_memstream(&rows, &len);
	bool is_whole = out != NULL;

	for (size_t i = from; out && i < text->n_entries && i < from + LIST_TEXT_ROWS; i++)
		add_row(out, text->entries[i]);
	if (out) {
		is_whole = !ferror(out);
		is_whole = fclose(out) == 0 && is_whole;
	}
	if (is_whole)
		return rows;
	free(rows);
	return NULL;
}

/* --- its life --- */

struct list_text *list_text_write(struct listing *listing)
{
	struct list_text *text = calloc(1, sizeof(*text));
	bool is_whole;

	if (!text)
		return NULL;
	text->refs = 1;
	text->entries = listing_all(listing, &text->n_entries, &text->generation);
	text->rows = calloc(list_text_pages(text), sizeof(char *));
	is_whole = text->rows && make_room(text, 4096);
	if (is_whole)
		text->bytes[text->len++] = '[';
	for (size_t i = 0; i < text->n_entries && is_whole; i++)
		is_whole = add_entry(text, text->entries[i]);
	if (is_whole) /* everybody's first page */
		text->rows[0] = write_rows(text, 0);
	if (is_whole && text->rows[0] && make_room(text, 4)) {
		memcpy(text->bytes + text->len, "]}\n", 3);
		text->len += 3;
		return text;
	}
	list_text_unref(text);
	return NULL;
}

struct list_text *list_text_ref(struct list_text *text)
{
	text->refs++;
	return text;
}

void list_text_unref(struct list_text *text)
{
	if (!text || --text->refs > 0)
		return;
	for (size_t page = 0; text->rows && page < list_text_pages(text); page++)
		free(text->rows[page]);
	free(text->rows);
	listing_release(text->entries, text->n_entries);
	free(text->bytes);
	free(text);
}

uint64_t list_text_generation(const struct list_text *text)
{
	return text->generation;
}

const char *list_text_json(const struct list_text *text, size_t *len)
{
	*len = text->len;
	return text->bytes;
}

size_t list_text_pages(const struct list_text *text)
{
	return text->n_entries == 0 ? 1 : (text->n_entries - 1) / LIST_TEXT_ROWS + 1;
}

const char *list_text_rows(struct list_text *text, size_t page)
{
	if (!text->rows[page])
		text->rows[page] = write_rows(text, page);
	return text->rows[page];
}
