/* SPDX-License-Identifier: MIT */
#include "httpd/files/form_parser.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "httpd/request.h"

enum state {
	PREAMBLE, /* before the first boundary: nothing is said there */
	DATA,     /* of a part */
	AFTER,    /* a boundary: CRLF, or -- for the last */
	AFTER_DASH,
	AFTER_CR,
	HEAD,
	EPILOGUE,
};

struct form_parser {
	const struct form_parser_ops *ops;
	void *arg;
	enum state state;
	unsigned n_parts;
	const char *why;
	/* CR LF -- boundary: the CR is nowhere else in it, so that what has not matched cannot have
	 * begun a match later than at the byte that failed. */
	char delimiter[FORM_BOUNDARY_MAX + 5];
	size_t delimiter_len;
	size_t matched; /* bytes of it at the end of what has been fed */
	char head[FORM_HEAD_MAX + 1];
	size_t head_len;
	struct form_part part;
};

static int malformed(struct form_parser *parser, const char *why)
{
	parser->why = why;
	return -EBADMSG;
}

/* --- the boundary --- */

static bool is_boundary_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c != '\0' && strchr("'()+_,-./:=? ", c));
}

/*
 * The value of a parameter of a header, after its first word: `name=token` or `name="quoted"`.
 * Its length in `out`; -ENOENT: not there; -EINVAL: malformed, or too long.
 */
static int parameter(const char *header, const char *name, char *out, size_t size)
{
	size_t name_len = strlen(name), len = 0;
	const char *s = header + strcspn(header, ";");

	while (*s == ';') {
		const char *key;
		bool is_it;

		s += 1 + strspn(s + 1, " \t");
		key = s;
		s += strcspn(s, "=; \t");
		is_it = (size_t)(s - key) == name_len && strncasecmp(key, name, name_len) == 0;
		s += strspn(s, " \t");
		if (*s != '=')
			continue;
		s += 1 + strspn(s + 1, " \t");
		if (*s != '"') {
			size_t n = strcspn(s, "; \t");

			if (is_it && n >= size)
				return -EINVAL;
			if (is_it) {
				memcpy(out, s, n);
				return (int)n;
			}
			s += n;
			s += strspn(s, " \t");
			continue;
		}
		for (s++; *s != '"'; s++) {
			/* curl escapes these two; old browsers send "C:\a\b" as it is. */
			if (*s == '\\' && (s[1] == '"' || s[1] == '\\'))
				s++;
			if (*s == '\0')
				return -EINVAL;
			if (is_it && len >= size - 1)
				return -EINVAL;
			if (is_it)
				out[len++] = *s;
		}
		if (is_it)
			return (int)len;
		s++;
		s += strspn(s, " \t");
	}
	return -ENOENT;
}

int form_boundary(const char *content_type, char out[FORM_BOUNDARY_MAX + 1])
{
	static const char type[] = "multipart/form-data";
	size_t type_len = strcspn(content_type, "; \t");
	int len;

	if (type_len != sizeof(type) - 1 || strncasecmp(content_type, type, type_len) != 0)
		return -EINVAL;
	len = parameter(content_type, "boundary", out, FORM_BOUNDARY_MAX + 1);
	if (len <= 0 || out[len - 1] == ' ')
		return -EINVAL;
	for (int i = 0; i < len; i++)
		if (!is_boundary_char((unsigned char)out[i]))
			return -EINVAL;
	out[len] = '\0';
	return 0;
}

/* --- a part's head --- */

/* Browsers send the quotation marks and line ends of a name so, and nothing else (HTML). */
static char escaped_byte(const char *s, size_t len)
{
	if (len < 3 || s[0] != '%')
		return '\0';
	if (s[1] == '2' && s[2] == '2')
		return '"';
	if (s[1] == '0' && (s[2] | 0x20) == 'd')
		return '\r';
	return s[1] == '0' && (s[2] | 0x20) == 'a' ? '\n' : '\0';
}

static size_t decode_name(char *name, size_t len)
{
	size_t out = 0;

	for (size_t i = 0; i < len; i++) {
		char byte = escaped_byte(name + i, len - i);

		name[out++] = byte != '\0' ? byte : name[i];
		if (byte != '\0')
			i += 2;
	}
	return out;
}

/* filename*=UTF-8'de'%C3%A4.txt (RFC 8187): no browser sends it, some programs do. */
static int extended_filename(const char *value, struct form_part *part)
{
	int len = parameter(value, "filename*", part->filename, sizeof(part->filename)), n;
	char *quote;

	if (len < 0)
		return len;
	if (len < 7 || strncasecmp(part->filename, "UTF-8'", 6) != 0)
		return -EINVAL;
	quote = memchr(part->filename + 6, '\'', (size_t)len - 6);
	if (!quote)
		return -EINVAL;
	quote++;
	n = (int)(len - (quote - part->filename));
	memmove(part->filename, quote, (size_t)n);
	return request_percent_decode(part->filename, (size_t)n, false);
}

static int read_disposition(struct form_parser *parser, const char *value)
{
	struct form_part *part = &parser->part;
	int len, extended;

	if (strncasecmp(value, "form-data", 9) != 0 || !strchr("; \t", value[9]))
		return malformed(parser, "A part is none of a form");
	len = parameter(value, "name", part->name, sizeof(part->name));
	if (len < 0)
		len = 0;
	part->name[decode_name(part->name, (size_t)len)] = '\0';
	extended = extended_filename(value, part);
	len = extended;
	if (extended < 0) { /* in another character set: the plain one is there for that */
		len = parameter(value, "filename", part->filename, sizeof(part->filename));
		if (len >= 0)
			len = (int)decode_name(part->filename, (size_t)len);
		else if (len == -ENOENT)
			len = extended;
	}
	if (len == -EINVAL)
		return malformed(parser, "The name of a file in the form is malformed");
	part->has_filename = len >= 0;
	part->filename_len = len >= 0 ? (size_t)len : 0;
	return 0;
}

static int read_header(struct form_parser *parser, char *line)
{
	char *value = strchr(line, ':');

	if (!value || value == line || line[0] == ' ' || line[0] == '\t')
		return malformed(parser, "A header of a part is malformed");
	*value++ = '\0';
	value += strspn(value, " \t");
	if (strcasecmp(line, "Content-Disposition") == 0)
		return read_disposition(parser, value);
	if (strcasecmp(line, "Content-Type") == 0 && strncasecmp(value, "multipart/", 10) == 0)
		return malformed(parser, "A part has parts of its own");
	if (strcasecmp(line, "Content-Transfer-Encoding") == 0 &&
		strcasecmp(value, "binary") != 0 && strcasecmp(value, "8bit") != 0 &&
		strcasecmp(value, "7bit") != 0)
		return malformed(parser, "A part is encoded");
	return 0;
}

/* The whole head is there, each line with its CRLF. */
static int end_head(struct form_parser *parser)
{
	char *line = parser->head, *end;
	bool has_disposition;
	int r = 0;

	memset(&parser->part, 0, sizeof(parser->part));
	has_disposition = strncasecmp(line, "Content-Disposition:", 20) == 0 ||
			  strcasestr(line, "\nContent-Disposition:") != NULL;
	if (!has_disposition)
		return malformed(parser, "A part has no Content-Disposition");
	while (r == 0 && (end = strstr(line, "\r\n")) && end > line) {
		*end = '\0';
		r = read_header(parser, line);
		line = end + 2;
	}
	if (r < 0)
		return r;
	if (++parser->n_parts > FORM_PARTS_MAX)
		return malformed(parser, "The form has too many parts");
	parser->state = DATA;
	return parser->ops->on_part(parser->arg, &parser->part);
}

/* Takes bytes of the head.  How many, or -errno. */
static ssize_t feed_head(struct form_parser *parser, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = bytes[i], before;

		before = parser->head_len > 0 ? parser->head[parser->head_len - 1] : '\n';
		if (c == '\0' || (before == '\r') != (c == '\n'))
			return malformed(parser, "A header of a part is malformed");
		if (parser->head_len == FORM_HEAD_MAX)
			return malformed(parser, "The head of a part is too long");
		parser->head[parser->head_len++] = c;
		parser->head[parser->head_len] = '\0';
		/* A line of nothing ends it. */
		if (c == '\n' && (parser->head_len == 2 ||
					 (parser->head_len >= 4 &&
						 memcmp(parser->head + parser->head_len - 4,
							 "\r\n\r\n", 4) == 0))) {
			int r = end_head(parser);

			return r < 0 ? r : (ssize_t)i + 1;
		}
	}
	return (ssize_t)len;
}

/* --- data --- */

static int give(struct form_parser *parser, const char *bytes, size_t len)
{
	if (len == 0 || parser->state == PREAMBLE)
		return 0;
	return parser->ops->on_data(parser->arg, bytes, len);
}

/* A whole delimiter was there. */
static int end_part(struct form_parser *parser)
{
	bool was_part = parser->state == DATA;

	parser->matched = 0;
	parser->state = AFTER;
	return was_part ? parser->ops->on_part_end(parser->arg) : 0;
}

/* How many bytes at the end of `bytes` begin a delimiter. */
static size_t begun_at_end(const struct form_parser *parser, const char *bytes, size_t len)
{
	size_t most = len < parser->delimiter_len - 1 ? len : parser->delimiter_len - 1;
	const char *cr = memrchr(bytes + len - most, '\r', most);
	size_t n = cr ? (size_t)(bytes + len - cr) : 0;

	return cr && memcmp(cr, parser->delimiter, n) == 0 ? n : 0;
}

/* Takes bytes up to behind the next delimiter, or all.  How many, or -errno. */
static ssize_t feed_data(struct form_parser *parser, const char *bytes, size_t len)
{
	size_t at = 0, begun;
	const char *found;
	int r;

	/* What the piece before has begun goes on, or was data after all. */
	while (parser->matched > 0 && at < len) {
		if (bytes[at] == parser->delimiter[parser->matched]) {
			at++;
			if (++parser->matched < parser->delimiter_len)
				continue;
			r = end_part(parser);
			return r < 0 ? r : (ssize_t)at;
		}
		r = give(parser, parser->delimiter, parser->matched);
		if (r < 0)
			return r;
		/* The bytes that matched in this piece have been given from the delimiter. */
		parser->matched = 0;
	}
	if (at == len)
		return (ssize_t)at;
	found = memmem(bytes + at, len - at, parser->delimiter, parser->delimiter_len);
	if (found) {
		r = give(parser, bytes + at, (size_t)(found - bytes) - at);
		if (r == 0)
			r = end_part(parser);
		return r < 0 ? r : found - bytes + (ssize_t)parser->delimiter_len;
	}
	begun = begun_at_end(parser, bytes + at, len - at);
	r = give(parser, bytes + at, len - at - begun);
	parser->matched = begun;
	return r < 0 ? r : (ssize_t)len;
}

/* --- one byte behind a boundary --- */

static int feed_after(struct form_parser *parser, char c)
{
	switch (parser->state) {
	case AFTER:
		if (c == ' ' || c == '\t')
			return 0; /* padding by who carried it */
		if (c != '-' && c != '\r')
			return malformed(parser, "A boundary does not end as it must");
		parser->state = c == '-' ? AFTER_DASH : AFTER_CR;
		return 0;
	case AFTER_DASH:
		if (c != '-')
			return malformed(parser, "A boundary does not end as it must");
		parser->state = EPILOGUE;
		return 0;
	default: /* AFTER_CR */
		if (c != '\n')
			return malformed(parser, "A boundary does not end as it must");
		parser->state = HEAD;
		parser->head_len = 0;
		return 0;
	}
}

int form_parser_feed(struct form_parser *parser, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = 1;

		if (parser->state == PREAMBLE || parser->state == DATA)
			n = feed_data(parser, bytes, len);
		else if (parser->state == HEAD)
			n = feed_head(parser, bytes, len);
		else if (parser->state == EPILOGUE)
			return 0;
		else
			n = feed_after(parser, *bytes) < 0 ? -EBADMSG : 1;
		if (n < 0)
			return (int)n;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

bool form_parser_is_whole(const struct form_parser *parser)
{
	return parser->state == EPILOGUE;
}

const char *form_parser_why(const struct form_parser *parser)
{
	return parser->why ? parser->why : "The form ends before its last boundary";
}

int form_parser_create(const char *boundary, const struct form_parser_ops *ops, void *arg,
	struct form_parser **out)
{
	struct form_parser *parser = calloc(1, sizeof(*parser));
	size_t len = strlen(boundary);

	if (!parser)
		return -ENOMEM;
	parser->ops = ops;
	parser->arg = arg;
	memcpy(parser->delimiter, "\r\n--", 4);
	memcpy(parser->delimiter + 4, boundary, len);
	parser->delimiter_len = len + 4;
	parser->matched = 2; /* the first boundary has no line end before it */
	*out = parser;
	return 0;
}

void form_parser_destroy(struct form_parser *parser)
{
	free(parser);
}
