/* SPDX-License-Identifier: MIT */
#include "httpd/files/range.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "common/parse.h"

void range_file_init(struct range_file *file, uint64_t size, int64_t mtime_ns)
{
	time_t seconds = (time_t)(mtime_ns / 1000000000);
	struct tm utc;

	file->size = size;
	file->modified_s = (int64_t)seconds;
	snprintf(file->etag, sizeof(file->etag), "\"%" PRIx64 "-%" PRIx64 "\"", size,
		(uint64_t)mtime_ns);
	gmtime_r(&seconds, &utc);
	strftime(file->modified, sizeof(file->modified), "%a, %d %b %Y %H:%M:%S GMT", &utc);
}

/* Does a list of entity tags have this one?  Weak tags count where `weak` is set. */
static bool has_etag(const char *list, const char *etag, bool weak)
{
	size_t etag_len = strlen(etag);

	while (*list) {
		size_t len;

		list += strspn(list, ", \t");
		if (*list == '*')
			return true;
		if (strncmp(list, "W/", 2) == 0) {
			list += 2;
			len = strcspn(list, ",");
			if (weak && len >= etag_len && strncmp(list, etag, etag_len) == 0)
				return true;
		} else {
			len = strcspn(list, ",");
			if (len >= etag_len && strncmp(list, etag, etag_len) == 0)
				return true;
		}
		list += len;
	}
	return false;
}

/* One range: "bytes=5-", "bytes=5-9", "bytes=-5".  Several, or what is none, are ignored, as they
 * may be: then the whole is sent. */
static enum range_verdict parse_range(
	const char *text, uint64_t size, uint64_t *first, uint64_t *last)
{
	const char *dash;
	uint64_t number;

	if (strncasecmp(text, "bytes=", 6) != 0)
		return RANGE_WHOLE;
	text += 6;
	text += strspn(text, " ");
	dash = strchr(text, '-');
	if (!dash || strchr(text, ','))
		return RANGE_WHOLE;
	if (dash == text) {
		if (parse_number(dash + 1, strlen(dash + 1), 0, UINT64_MAX, &number) < 0)
			return RANGE_WHOLE;
		if (number == 0 || size == 0)
			return RANGE_UNSATISFIABLE;
		*first = number < size ? size - number : 0;
		*last = size - 1;
		return RANGE_PART;
	}
	if (parse_number(text, (size_t)(dash - text), 0, UINT64_MAX, first) < 0)
		return RANGE_WHOLE;
	*last = UINT64_MAX;
	if (dash[1] != '\0' && (parse_number(dash + 1, strlen(dash + 1), 0, UINT64_MAX, last) < 0 ||
				       *last < *first))
		return RANGE_WHOLE;
	if (*first >= size)
		return RANGE_UNSATISFIABLE;
	if (*last >= size)
		*last = size - 1;
	return RANGE_PART;
}

/* Than a date, if that is one: in the form that all have written for decades. */
static bool is_newer(const struct range_file *file, const char *date)
{
	struct tm utc = {0};
	const char *end = strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &utc);

	return end && *end == '\0' && file->modified_s > (int64_t)timegm(&utc);
}

enum range_verdict range_decide(const struct request *request, const struct range_file *file,
	uint64_t *first, uint64_t *last)
{
	const char *match = request_header(request, "If-Match");
	const char *none_match = request_header(request, "If-None-Match");
	const char *since = request_header(request, "If-Modified-Since");
	const char *unmodified_since = request_header(request, "If-Unmodified-Since");
	const char *range = request_header(request, "Range");
	const char *if_range = request_header(request, "If-Range");

	if (match ? !has_etag(match, file->etag, false)
		  : unmodified_since && is_newer(file, unmodified_since))
		return RANGE_PRECONDITION;
	if (none_match ? has_etag(none_match, file->etag, true)
		       : since && strcmp(since, file->modified) == 0)
		return RANGE_NOT_MODIFIED;
	/* Of HEAD, RFC 9110 says, Range means nothing. */
	if (!range || request->method != REQUEST_GET ||
		(if_range && strcmp(if_range, file->etag) != 0 &&
			strcmp(if_range, file->modified) != 0))
		return RANGE_WHOLE;
	return parse_range(range, file->size, first, last);
}
