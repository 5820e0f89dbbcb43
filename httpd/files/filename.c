/* SPDX-License-Identifier: MIT */
#include "httpd/files/filename.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/utf8.h"

/* --- names --- */

static bool is_reserved(const char *part, size_t len)
{
	static const char *const devices[] = {"CON", "PRN", "AUX", "NUL"};
	size_t stem = 0;

	while (stem < len && part[stem] != '.')
		stem++;
	while (stem > 0 && part[stem - 1] == ' ')
		stem--;
	if (stem == 4 && part[3] >= '0' && part[3] <= '9' &&
		(strncasecmp(part, "COM", 3) == 0 || strncasecmp(part, "LPT", 3) == 0))
		return true;
	for (size_t i = 0; stem == 3 && i < sizeof(devices) / sizeof(devices[0]); i++)
		if (strncasecmp(part, devices[i], 3) == 0)
			return true;
	return false;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* Appends one part, made safe.  0 or -EINVAL. */
static int clean_part(const char *part, size_t len, char *out, size_t *used, const char **why)
{
	size_t begin = *used, n;

	while (len > 0 && is_space(*part))
		part++, len--;
	if (len == 2 && memcmp(part, "..", 2) == 0) {
		*why = "A file's name may not have .. in it";
		return -EINVAL;
	}
	while (len > 0 && (is_space(part[len - 1]) || part[len - 1] == '.'))
		len--;
	if (len == 0) {
		*why = "The file has no name";
		return -EINVAL;
	}
	if (is_reserved(part, len)) {
		if (*used + 1 >= FILENAME_SIZE)
			goto too_long;
		out[(*used)++] = '_';
	}
	for (size_t i = 0; i < len; i += n) {
		bool is_bad;

		n = utf8_character_len(part + i, len - i);
		is_bad = utf8_is_harmful(part + i) || strchr("\"*:<>?|\\", part[i]) ||
			 (i == 0 && strchr(".-", part[0]));
		if (*used + n >= FILENAME_SIZE)
			goto too_long;
		if (is_bad) {
			out[(*used)++] = '_';
		} else {
			memcpy(out + *used, part + i, n);
			*used += n;
		}
	}
	if (*used - begin <= FILENAME_PART_MAX)
		return 0;
too_long:
	*why = "The file's name is longer than 255 bytes";
	return -EINVAL;
}

/* "C:\fakepath\a.txt", "..\a.txt": a path of Windows, whose last part is the name. */
static const char *drop_windows_path(const char *sent, size_t *len)
{
	const char *last = memrchr(sent, '\\', *len);

	if (!last || memchr(sent, '/', *len))
		return sent;
	*len -= (size_t)(last + 1 - sent);
	return last + 1;
}

int filename_clean(const char *sent, size_t len, char out[FILENAME_SIZE], const char **why)
{
	size_t used = 0, n_parts = 0;

	if (memchr(sent, '\0', len)) {
		*why = "The file's name has a NUL in it";
		return -EINVAL;
	}
	if (!utf8_is_valid(sent, len)) {
		*why = "The file's name is not UTF-8";
		return -EINVAL;
	}
	sent = drop_windows_path(sent, &len);
	for (;;) {
		const char *slash = memchr(sent, '/', len);
		size_t part_len = slash ? (size_t)(slash - sent) : len;

		/* "/a", "a//b", "./a": no part at all */
		if (part_len > 0 && !(part_len == 1 && sent[0] == '.')) {
			if (++n_parts > FILENAME_DEPTH_MAX) {
				*why = "The file lies in more than 11 folders";
				return -EINVAL;
			}
			if (used > 0)
				out[used++] = '/';
			if (used >= FILENAME_SIZE) {
				*why = "The file's name is longer than 1023 bytes";
				return -EINVAL;
			}
			if (clean_part(sent, part_len, out, &used, why) < 0)
				return -EINVAL;
		}
		if (!slash)
			break;
		if (slash + 1 == sent + len) {
			*why = "The name is that of a folder";
			return -EINVAL;
		}
		len -= part_len + 1;
		sent = slash + 1;
	}
	if (n_parts == 0) {
		*why = "The file has no name";
		return -EINVAL;
	}
	out[used] = '\0';
	return 0;
}

static bool is_shown_part(const char *part, size_t len)
{
	if (len == 0 || len > FILENAME_PART_MAX || part[0] == '.')
		return false;
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_character_len(part + i, len - i);
		if (n == 0 || utf8_is_harmful(part + i) || part[i] == '\\')
			return false;
	}
	return true;
}

bool filename_is_shown(const char *name)
{
	size_t n_parts = 0;

	if (strlen(name) >= FILENAME_SIZE)
		return false;
	for (const char *part = name;; part++) {
		size_t len = strcspn(part, "/");

		if (!is_shown_part(part, len) || ++n_parts > FILENAME_DEPTH_MAX)
			return false;
		part += len;
		if (*part == '\0')
			return true;
	}
}

const char *filename_base(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash ? slash + 1 : name;
}

/* Where the extension begins: at its dot, or at the end. */
static const char *extension_of(const char *base)
{
	const char *dot = strrchr(base, '.');

	if (!dot || dot == base || strlen(dot) > 16)
		return base + strlen(base);
	if (dot - base > 4 && strncasecmp(dot - 4, ".tar", 4) == 0)
		return dot - 4;
	return dot;
}

bool filename_number(const char *name, unsigned n, char out[FILENAME_SIZE])
{
	const char *base = filename_base(name), *extension = extension_of(base);
	size_t stem = (size_t)(extension - base), rest;
	char number[16];

	snprintf(number, sizeof(number), " (%u)", n);
	rest = strlen(number) + strlen(extension);
	while (stem > 0 && (stem + rest > FILENAME_PART_MAX ||
				   (size_t)(base - name) + stem + rest >= FILENAME_SIZE)) {
		do
			stem--;
		while (stem > 0 && ((unsigned char)base[stem] & 0xc0) == 0x80);
	}
	return stem > 0 &&
	       snprintf(out, FILENAME_SIZE, "%.*s%s%s", (int)((size_t)(base - name) + stem), name,
		       number, extension) < (int)FILENAME_SIZE;
}

/* --- types --- */

/*
 * Nothing that was uploaded runs as a page of this site.  What could carry a script, or is not
 * known, is put into a sandbox: an origin of its own, no scripts, no forms.  A sandbox keeps
 * browsers from opening a PDF (Chromium shows an empty page: seen), and pictures, film and sound
 * carry no script, so these are only kept from loading anything but themselves.
 */
#define SANDBOX                                                                                    \
	"sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "                  \
	"frame-ancestors 'none'"
#define MEDIA                                                                                      \
	"default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; "        \
	"frame-ancestors 'none'"
#define PDF                                                                                        \
	"default-src 'none'; object-src 'self'; "                                                  \
	"style-src 'unsafe-inline'; frame-ancestors 'none'"

static const struct {
	const char *extension, *type, *policy;
} TYPES[] = {
	{"txt", "text/plain; charset=utf-8", SANDBOX},
	{"md", "text/plain; charset=utf-8", SANDBOX},
	{"log", "text/plain; charset=utf-8", SANDBOX},
	{"csv", "text/plain; charset=utf-8", SANDBOX},
	{"c", "text/plain; charset=utf-8", SANDBOX},
	{"h", "text/plain; charset=utf-8", SANDBOX},
	{"py", "text/plain; charset=utf-8", SANDBOX},
	{"sh", "text/plain; charset=utf-8", SANDBOX},
	{"js", "text/plain; charset=utf-8", SANDBOX},
	{"css", "text/plain; charset=utf-8", SANDBOX},
	{"json", "application/json", SANDBOX},
	{"html", "text/html; charset=utf-8", SANDBOX},
	{"htm", "text/html; charset=utf-8", SANDBOX},
	{"xhtml", "application/xhtml+xml", SANDBOX},
	{"xml", "application/xml", SANDBOX},
	{"svg", "image/svg+xml", SANDBOX},
	{"png", "image/png", MEDIA},
	{"jpg", "image/jpeg", MEDIA},
	{"jpeg", "image/jpeg", MEDIA},
	{"gif", "image/gif", MEDIA},
	{"webp", "image/webp", MEDIA},
	{"avif", "image/avif", MEDIA},
	{"heic", "image/heic", MEDIA},
	{"bmp", "image/bmp", MEDIA},
	{"ico", "image/x-icon", MEDIA},
	{"tif", "image/tiff", MEDIA},
	{"tiff", "image/tiff", MEDIA},
	{"mp4", "video/mp4", MEDIA},
	{"m4v", "video/mp4", MEDIA},
	{"mov", "video/quicktime", MEDIA},
	{"mkv", "video/x-matroska", MEDIA},
	{"webm", "video/webm", MEDIA},
	{"avi", "video/x-msvideo", MEDIA},
	{"mpg", "video/mpeg", MEDIA},
	{"mp3", "audio/mpeg", MEDIA},
	{"m4a", "audio/mp4", MEDIA},
	{"aac", "audio/aac", MEDIA},
	{"ogg", "audio/ogg", MEDIA},
	{"opus", "audio/ogg", MEDIA},
	{"wav", "audio/wav", MEDIA},
	{"flac", "audio/flac", MEDIA},
	{"pdf", "application/pdf", PDF},
	{"zip", "application/zip", SANDBOX},
	{"gz", "application/gzip", SANDBOX},
	{"xz", "application/x-xz", SANDBOX},
	{"tar", "application/x-tar", SANDBOX},
	{"7z", "application/x-7z-compressed", SANDBOX},
	{"apk", "application/vnd.android.package-archive", SANDBOX},
	{"epub", "application/epub+zip", SANDBOX},
	{"odt", "application/vnd.oasis.opendocument.text", SANDBOX},
	{"ods", "application/vnd.oasis.opendocument.spreadsheet", SANDBOX},
	{"odp", "application/vnd.oasis.opendocument.presentation", SANDBOX},
	{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
		SANDBOX},
	{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", SANDBOX},
	{"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation",
		SANDBOX},
};

struct file_type filename_type(const char *name)
{
	const char *dot = strrchr(filename_base(name), '.');

	for (size_t i = 0; dot && i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
		if (strcasecmp(dot + 1, TYPES[i].extension) == 0)
			return (struct file_type){TYPES[i].type, TYPES[i].policy};
	return (struct file_type){"application/octet-stream", SANDBOX};
}

/* --- names in headers and URLs --- */

static bool is_plain(unsigned char c, const char *more)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c != '\0' && strchr(more, c));
}

static char *percent_encode(const char *text, const char *plain, char *out)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (is_plain(c, plain)) {
			*out++ = *text;
		} else {
			*out++ = '%';
			*out++ = digits[c >> 4];
			*out++ = digits[c & 15];
		}
	}
	*out = '\0';
	return out;
}

void filename_disposition(const char *name, char *out)
{
	const char *base = filename_base(name);
	bool is_ascii = true;

	out += sprintf(out, "filename=\"");
	for (const char *s = base; *s; s++) {
		unsigned char c = (unsigned char)*s;

		is_ascii = is_ascii && c < 0x80 && c != '%' && c != '"';
		if ((c & 0xc0) == 0x80)
			continue; /* one _ a character */
		*out++ = c >= 0x80 || c < 0x20 || c == 0x7f || strchr("\"\\%", c) ? '_' : *s;
	}
	*out++ = '"';
	*out = '\0';
	if (!is_ascii) {
		out += sprintf(out, "; filename*=UTF-8''");
		percent_encode(base, "!#$&+-.^_`|~", out);
	}
}

void filename_to_url(const char *name, char *out)
{
	percent_encode(name, "-._~/!$&'()*+,;=:@", out);
}
