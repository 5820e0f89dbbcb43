/* SPDX-License-Identifier: MIT */
/* links: httpd/files/form_parser.c httpd/files/filename.c httpd/request.c common/utf8.c */
/*
 * A form of any bytes, in pieces (the first byte says how long) and in one: what is found must be
 * the same, and what a file would be called must be a name that keeps its promises.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "httpd/files/filename.h"
#include "httpd/files/form_parser.h"

struct found {
	uint64_t sum;
	unsigned n_parts, n_ends;
	bool in_part;
};

static void mix(struct found *found, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		found->sum = (found->sum ^ (unsigned char)bytes[i]) * 0x100000001b3u;
}

static void check_name(const char *sent, size_t len)
{
	char name[FILENAME_SIZE], again[FILENAME_SIZE], url[3 * FILENAME_SIZE];
	char disposition[FILENAME_DISPOSITION_SIZE];
	const char *why = NULL;

	if (filename_clean(sent, len, name, &why) < 0) {
		assert(why);
		return;
	}
	assert(strlen(name) < FILENAME_SIZE && utf8_is_valid(name, strlen(name)));
	assert(filename_is_shown(name) && name[0] != '/' &&
		!strstr(name, ".."
			      "/"));
	assert(!strpbrk(name, "\r\n\\") && strlen(filename_base(name)) <= FILENAME_PART_MAX);
	if (filename_number(name, 2, again))
		assert(filename_is_shown(again) && strcmp(name, again) != 0);
	filename_disposition(name, disposition);
	assert(strlen(disposition) < sizeof(disposition) && !strpbrk(disposition, "\r\n"));
	filename_to_url(name, url);
	assert(strlen(url) < sizeof(url));
}

static int on_part(void *arg, const struct form_part *part)
{
	struct found *found = arg;

	assert(!found->in_part && part->filename_len <= sizeof(part->filename));
	found->in_part = true;
	found->n_parts++;
	mix(found, part->name, strlen(part->name) + 1);
	mix(found, part->filename, part->filename_len);
	if (part->has_filename)
		check_name(part->filename, part->filename_len);
	return 0;
}

static int on_data(void *arg, const char *bytes, size_t len)
{
	struct found *found = arg;

	assert(found->in_part && len > 0);
	mix(found, bytes, len);
	return 0;
}

static int on_part_end(void *arg)
{
	struct found *found = arg;

	assert(found->in_part);
	found->in_part = false;
	found->n_ends++;
	return 0;
}

static const struct form_parser_ops OPS = {
	.on_part = on_part, .on_data = on_data, .on_part_end = on_part_end};

static int parse(const char *bytes, size_t len, size_t piece, struct found *found, bool *is_whole)
{
	struct form_parser *parser;
	int r = 0;

	memset(found, 0, sizeof(*found));
	if (form_parser_create("b", &OPS, found, &parser) < 0)
		abort();
	while (len > 0 && r == 0) {
		size_t n = len < piece ? len : piece;
		/* A piece of its own, so that what is read beyond it is found. */
		char *copy = malloc(n);

		memcpy(copy, bytes, n);
		r = form_parser_feed(parser, copy, n);
		free(copy);
		bytes += n;
		len -= n;
	}
	*is_whole = form_parser_is_whole(parser);
	form_parser_destroy(parser);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char type[512], boundary[FORM_BOUNDARY_MAX + 1];
	struct found cut, whole;
	bool cut_whole, whole_whole;
	int r;

	if (size < 1)
		return 0;
	check_name((const char *)data, size);
	r = parse((const char *)data + 1, size - 1, data[0] ? data[0] : 1, &cut, &cut_whole);
	assert(parse((const char *)data + 1, size - 1, SIZE_MAX, &whole, &whole_whole) == r);
	assert(cut.n_parts == whole.n_parts && cut.n_ends == whole.n_ends);
	assert(cut.sum == whole.sum && cut_whole == whole_whole);
	assert(!cut_whole || cut.n_parts == cut.n_ends);
	size = size < sizeof(type) ? size : sizeof(type) - 1;
	memcpy(type, data, size);
	type[size] = '\0';
	if (form_boundary(type, boundary) == 0)
		assert(boundary[0] != '\0' && strlen(boundary) <= FORM_BOUNDARY_MAX);
	return 0;
}
