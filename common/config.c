/* SPDX-License-Identifier: MIT */
#include "common/config.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <ini.h>

#include "common/config_keys.h"

void config_defaults(struct config *config)
{
	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < CONFIG_KEYS_COUNT; i++) {
		int r = config_key_set(&config_keys[i], config, config_keys[i].default_text);

		assert(r == 0 && "a default outside of its own range");
		(void)r;
	}
}

#define LINE_SIZE                                                                                  \
	512           /* bytes of a line, newline and NUL included; a text of 255 and its key fit  \
		       */
#define FOUND_SIZE 64 /* so much of a wrong value is quoted */

struct reading {
	FILE *file;
	const char *path;
	unsigned line;
	struct config *config;
	struct config_error *error;
	unsigned set_in_line[CONFIG_KEYS_COUNT]; /* 0: not yet */
	bool has_section;
	int result; /* the first failure stays */
};

__attribute__((format(printf, 2, 3))) static void fail(
	struct reading *reading, const char *format, ...)
{
	int used = snprintf(reading->error->text, sizeof(reading->error->text),
		"%s:%u: ", reading->path, reading->line);
	va_list args;

	if (used > 0 && (size_t)used < sizeof(reading->error->text)) {
		va_start(args, format);
		vsnprintf(reading->error->text + used, sizeof(reading->error->text) - (size_t)used,
			format, args);
		va_end(args);
	}
	reading->result = -EINVAL;
}

/*
 * What inih would pass over in silence is refused here: an unknown section that stays empty, text
 * after a section's name, "key: value" ("display :0" would become "0").
 */
static bool line_is_well_formed(struct reading *reading, const char *line)
{
	const char *start, *end;

	if (reading->line == 1 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3;
	start = line + strspn(line, " \t\r\n");
	if (*start == '\0' || *start == '#' || *start == ';')
		return true;
	if (*start == '[') {
		end = strchr(start, ']');
		if (!end || end[1 + strspn(end + 1, " \t\r\n")] != '\0') {
			fail(reading, "expected a section alone on its line, such as [screen]");
			return false;
		}
		start++;
		if (!config_section_exists(start, (size_t)(end - start))) {
			fail(reading, "[%.*s]: unknown section; see screenshare.conf(5)",
				(int)(end - start < FOUND_SIZE ? end - start : FOUND_SIZE), start);
			return false;
		}
		reading->has_section = true;
		return true;
	}
	end = start + strcspn(start, "=:");
	if (*end != '=' || end == start) {
		fail(reading, "expected key = value, a [section] or a # comment");
		return false;
	}
	if (!reading->has_section) {
		fail(reading, "expected a section, such as [screen], before the first key");
		return false;
	}
	return true;
}

/* inih's fgets(): the next line into `buffer`; NULL at the end, and after the first failure. */
static char *read_line(char *buffer, int size, void *arg)
{
	struct reading *reading = arg;
	int n = 0, c;

	if (reading->result < 0)
		return NULL;
	reading->line++;
	while ((c = getc_unlocked(reading->file)) != EOF) {
		if ((c < 0x20 && c != '\t' && c != '\r' && c != '\n') || c == 0x7f) {
			fail(reading, "expected text, found a byte of value %d", c);
			return NULL;
		}
		if (n >= size - 1) {
			fail(reading, "expected a line of at most %d bytes", size - 2);
			return NULL;
		}
		buffer[n++] = (char)c;
		if (c == '\n')
			break;
	}
	if (c == EOF && ferror(reading->file)) {
		reading->result = -errno;
		return NULL;
	}
	if (n == 0)
		return NULL;
	buffer[n] = '\0';
	return line_is_well_formed(reading, buffer) ? buffer : NULL;
}

/* inih's handler: 1 on success. */
static int on_key(void *arg, const char *section, const char *name, const char *value)
{
	struct reading *reading = arg;
	const struct config_key *key = config_key_find(section, name);
	char expected[128];

	if (!key) {
		fail(reading, "[%s] %s: unknown key; see screenshare.conf(5)", section, name);
		return 0;
	}
	if (reading->set_in_line[key - config_keys] > 0) {
		fail(reading, "[%s] %s: expected once, found in line %u already", section, name,
			reading->set_in_line[key - config_keys]);
		return 0;
	}
	if (config_key_set(key, reading->config, value) < 0) {
		config_key_expected(key, expected, sizeof(expected));
		fail(reading, "[%s] %s: expected %s, found \"%.*s%s\"", section, name, expected,
			FOUND_SIZE, value, strlen(value) > FOUND_SIZE ? "…" : "");
		return 0;
	}
	reading->set_in_line[key - config_keys] = reading->line;
	return 1;
}

int config_load(struct config *config, const char *path, struct config_error *error)
{
	struct reading reading = {.path = path, .error = error};
	struct config loaded;
	int r;

	config_defaults(config);
	error->text[0] = '\0';
	reading.file = fopen(path, "re");
	if (!reading.file) {
		struct stat st;

		r = -errno;
		/* Somebody has said something, and it cannot be found: no case for the defaults. */
		if (r == -ENOENT && lstat(path, &st) == 0)
			r = -ENOLINK;
		snprintf(error->text, sizeof(error->text), "Could not open %s: %s", path,
			r == -ENOLINK ? "it is a link to a file that is not there" : strerror(-r));
		return r;
	}
	config_defaults(&loaded);
	reading.config = &loaded;

	/* Debian's libinih is set up by global variables, not when it is built. */
	ini_use_stack = true;
	ini_max_line = LINE_SIZE;
	ini_allow_multiline = false;
	ini_allow_inline_comments = false;
	ini_allow_no_value = false;
	ini_allow_bom = true;
	ini_stop_on_first_error = true;
	r = ini_parse_stream(read_line, &reading, on_key, &reading);
	fclose(reading.file);
	if (reading.result == 0 && r != 0)
		fail(&reading, "expected key = value, a [section] or a # comment");
	else if (reading.result < 0 && error->text[0] == '\0')
		snprintf(error->text, sizeof(error->text), "Could not read %s: %s", path,
			strerror(-reading.result));
	if (reading.result == 0)
		*config = loaded;
	return reading.result;
}

static bool is_same(const struct config_key *key, const struct config *a, const struct config *b)
{
	const void *one = (const char *)a + key->offset, *other = (const char *)b + key->offset;

	switch (key->type) {
	case KEY_NUMBER:
	case KEY_CHOICE:
		return *(const unsigned *)one == *(const unsigned *)other;
	case KEY_BOOL:
		return *(const bool *)one == *(const bool *)other;
	case KEY_TEXT:
		return strcmp(one, other) == 0;
	}
	return true;
}

void config_compare(const struct config *a, const struct config *b,
	void (*each)(void *arg, const char *section, const char *name), void *arg)
{
	for (size_t i = 0; i < CONFIG_KEYS_COUNT; i++)
		if (!is_same(&config_keys[i], a, b))
			each(arg, config_keys[i].section, config_keys[i].name);
}

static void copy_value(
	const struct config_key *key, struct config *config, const struct config *fresh)
{
	void *to = (char *)config + key->offset;
	const void *from = (const char *)fresh + key->offset;

	switch (key->type) {
	case KEY_NUMBER:
	case KEY_CHOICE:
		*(unsigned *)to = *(const unsigned *)from;
		break;
	case KEY_BOOL:
		*(bool *)to = *(const bool *)from;
		break;
	case KEY_TEXT:
		memcpy(to, from, CONFIG_TEXT_MAX);
		break;
	}
}

void config_adopt(struct config *config, const struct config *fresh,
	bool (*stays)(const char *section, const char *name))
{
	for (size_t i = 0; i < CONFIG_KEYS_COUNT; i++)
		if (!stays(config_keys[i].section, config_keys[i].name))
			copy_value(&config_keys[i], config, fresh);
}

static void print_comment(FILE *out, const char *text)
{
	for (const char *end; *text; text = *end ? end + 1 : end) {
		end = strchrnul(text, '\n');
		fprintf(out, "# %.*s\n", (int)(end - text), text);
	}
}

void config_print(FILE *out)
{
	const char *section = "";
	char range[128];

	print_comment(out, "Configuration of screenshare; see screenshare.conf(5).\n"
			   "Every key stands here with its default.  To change one, take away its "
			   "# and reload:\n"
			   "systemctl reload screenshare.  Comments have lines of their own.");
	for (size_t i = 0; i < CONFIG_KEYS_COUNT; i++) {
		const struct config_key *key = &config_keys[i];

		if (strcmp(section, key->section) != 0) {
			section = key->section;
			fprintf(out, "\n[%s]\n", section);
		} else {
			fprintf(out, "\n");
		}
		print_comment(out, key->help);
		config_key_range(key, range, sizeof(range));
		print_comment(out, range);
		fprintf(out, "#%s =%s%s\n", key->name, key->default_text[0] ? " " : "",
			key->default_text);
	}
}
