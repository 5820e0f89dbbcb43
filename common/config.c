/* SPDX-License-Identifier: MIT */
#include "common/config.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <ini.h>

#include "common/parse.h"

/* --- the table of keys --- */

enum key_type { KEY_NUMBER, KEY_BOOL, KEY_TEXT, KEY_CHOICE };

/*
 * One key.  Where the value lies, what it may be and what it is when nobody says anything; all that
 * the parser, the commented file and the man page know of it.
 */
struct key {
	const char *section, *name;
	enum key_type type;
	size_t offset;     /* in struct config: unsigned, bool, char[CONFIG_TEXT_MAX] or an enum */
	unsigned min, max; /* KEY_NUMBER */
	const char *unit;  /* KEY_NUMBER: of what; "" for plain numbers */
	const char *choices[3]; /* KEY_CHOICE: words of the enum's values 0, 1, …; NULL ends them */
	const char *default_text;
	const char *help; /* lines of at most 96 characters */
};

/* clang-format off */
#define AT(section, name) #section, #name
#define IN(section, name) .offset = offsetof(struct config, section.name)
#define NUMBER(section, name, min_, max_, unit_, default_, help_) \
	{AT(section, name), KEY_NUMBER, IN(section, name), .min = (min_), .max = (max_), \
		.unit = (unit_), .default_text = (default_), .help = (help_)}
#define BOOL(section, name, default_, help_) \
	{AT(section, name), KEY_BOOL, IN(section, name), .default_text = (default_), .help = (help_)}
#define TEXT(section, name, default_, help_) \
	{AT(section, name), KEY_TEXT, IN(section, name), .default_text = (default_), .help = (help_)}
#define CHOICE(section, name, first, second, default_, help_) \
	{AT(section, name), KEY_CHOICE, IN(section, name), .choices = {first, second, NULL}, \
		.default_text = (default_), .help = (help_)}

static const struct key keys[] = {
	TEXT(http, hosts, "",
		"Further names, separated by spaces, under which browsers may ask for this computer.  Its own\n"
		"addresses, its host name (also with .local) and localhost are always accepted."),
	TEXT(http, allow, "",
		"Further ranges of addresses (such as 203.0.113.0/24 2001:db8::/32), separated by spaces, from\n"
		"which anyone may watch.  Private addresses and those on the same network always may."),
	NUMBER(http, connections_max, 1, 16384, "", "1024",
		"Connections at the same time, in all."),
	NUMBER(http, connections_per_address, 1, 16384, "", "64",
		"Connections at the same time from one address; this computer's own are bound by the total alone."),
	NUMBER(http, head_timeout_s, 1, 60, "seconds", "5",
		"A browser must have sent the whole head of its request by then."),
	NUMBER(http, head_size_max, 1024, 65536, "bytes", "16384",
		"The longest head that a request may have."),
	NUMBER(http, stall_timeout_s, 1, 300, "seconds", "15",
		"A viewer that takes nothing for so long is disconnected."),
	NUMBER(http, grace_s, 0, 600, "seconds", "10",
		"Capture goes on for so long after the last viewer has gone, so that a reload finds it running."),

	CHOICE(screen, source, "x11", "pattern", "x11",
		"What is shown: the X11 desktop, or a moving test picture."),
	TEXT(screen, display, "",
		"The X display, such as :0; if empty, the one in the environment variable DISPLAY."),
	TEXT(screen, monitor, "all",
		"Which monitor: all of them, the name of one (as xrandr prints it), or its number from 1."),
	NUMBER(screen, rate, 1, 60, "pictures a second", "30",
		"At most so many; a screen that does not change sends none."),
	NUMBER(screen, quality, 1, 100, "", "80",
		"Quality of the JPEG pictures; higher is sharper and larger."),
	CHOICE(screen, subsampling, "420", "444", "420",
		"Colour of the JPEG pictures: 420 halves its resolution, 444 keeps coloured letters sharp."),
	BOOL(screen, cursor, "yes",
		"Show the mouse pointer."),
	NUMBER(screen, pattern_width, 64, 7680, "pixels", "1280",
		"Width of the test picture."),
	NUMBER(screen, pattern_height, 64, 4320, "pixels", "720",
		"Height of the test picture."),

	BOOL(log, debug, "no",
		"Say more in the journal, for those who look for a fault."),
};
/* clang-format on */
#define KEYS_COUNT (sizeof(keys) / sizeof(keys[0]))

_Static_assert(sizeof(enum config_screen_source) == sizeof(unsigned), "KEY_CHOICE stores unsigned");
_Static_assert(sizeof(enum config_subsampling) == sizeof(unsigned), "KEY_CHOICE stores unsigned");

static const struct key *key_find(const char *section, const char *name)
{
	for (size_t i = 0; i < KEYS_COUNT; i++)
		if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
			return &keys[i];
	return NULL;
}

static bool section_exists(const char *section, size_t len)
{
	for (size_t i = 0; i < KEYS_COUNT; i++)
		if (strlen(keys[i].section) == len && memcmp(keys[i].section, section, len) == 0)
			return true;
	return false;
}

/* What a value may be, as error lines say it ("expected …"). */
static void key_expected(const struct key *key, char *out, size_t len)
{
	switch (key->type) {
	case KEY_NUMBER:
		snprintf(out, len, "a whole number from %u to %u", key->min, key->max);
		break;
	case KEY_BOOL:
		snprintf(out, len, "yes or no");
		break;
	case KEY_TEXT:
		snprintf(out, len, "text of at most %d bytes, without quotation marks around it",
		        CONFIG_TEXT_MAX - 1);
		break;
	case KEY_CHOICE:
		snprintf(out, len, "%s or %s", key->choices[0], key->choices[1]);
		break;
	}
}

/* The same with the default, as the commented file and the man page say it. */
static void key_range(const struct key *key, char *out, size_t len)
{
	const char *shown = key->default_text[0] ? key->default_text : "empty";

	switch (key->type) {
	case KEY_NUMBER:
		snprintf(out, len, "%u to %u%s%s, default %s", key->min, key->max,
		        key->unit[0] ? " " : "", key->unit, shown);
		break;
	case KEY_BOOL:
		snprintf(out, len, "yes or no, default %s", shown);
		break;
	case KEY_TEXT:
		snprintf(out, len, "text, default %s", shown);
		break;
	case KEY_CHOICE:
		snprintf(out, len, "%s or %s, default %s", key->choices[0], key->choices[1], shown);
		break;
	}
}

/* 0, or -EINVAL and `config` is as it was. */
static int key_set(const struct key *key, struct config *config, const char *value)
{
	void *field = (char *)config + key->offset;
	size_t len = strlen(value);
	uint64_t number;

	switch (key->type) {
	case KEY_NUMBER:
		if (parse_number(value, len, key->min, key->max, &number) < 0)
			return -EINVAL;
		*(unsigned *)field = (unsigned)number;
		return 0;
	case KEY_BOOL:
		return parse_bool(value, field);
	case KEY_TEXT:
		if (len >= CONFIG_TEXT_MAX || value[0] == '"' || value[0] == '\'')
			return -EINVAL;
		memcpy(field, value, len + 1);
		return 0;
	case KEY_CHOICE:
		for (unsigned i = 0; key->choices[i]; i++) {
			if (strcmp(key->choices[i], value) == 0) {
				*(unsigned *)field = i;
				return 0;
			}
		}
		return -EINVAL;
	}
	return -EINVAL;
}

void config_defaults(struct config *config)
{
	memset(config, 0, sizeof(*config));
	for (size_t i = 0; i < KEYS_COUNT; i++) {
		int r = key_set(&keys[i], config, keys[i].default_text);

		assert(r == 0 && "a default outside of its own range");
		(void)r;
	}
}

/* --- the file --- */

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
	unsigned set_in_line[KEYS_COUNT]; /* 0: not yet */
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
		if (!section_exists(start, (size_t)(end - start))) {
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
	const struct key *key = key_find(section, name);
	char expected[128];

	if (!key) {
		fail(reading, "[%s] %s: unknown key; see screenshare.conf(5)", section, name);
		return 0;
	}
	if (reading->set_in_line[key - keys] > 0) {
		fail(reading, "[%s] %s: expected once, found in line %u already", section, name,
		        reading->set_in_line[key - keys]);
		return 0;
	}
	if (key_set(key, reading->config, value) < 0) {
		key_expected(key, expected, sizeof(expected));
		fail(reading, "[%s] %s: expected %s, found \"%.*s%s\"", section, name, expected,
		        FOUND_SIZE, value, strlen(value) > FOUND_SIZE ? "…" : "");
		return 0;
	}
	reading->set_in_line[key - keys] = reading->line;
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
		r = -errno;
		snprintf(error->text, sizeof(error->text), "Could not open %s: %s", path,
		        strerror(-r));
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
	                   "# and restart:\n"
	                   "systemctl restart screenshare.  Comments have lines of their own.");
	for (size_t i = 0; i < KEYS_COUNT; i++) {
		const struct key *key = &keys[i];

		if (strcmp(section, key->section) != 0) {
			section = key->section;
			fprintf(out, "\n[%s]\n", section);
		} else {
			fprintf(out, "\n");
		}
		print_comment(out, key->help);
		key_range(key, range, sizeof(range));
		print_comment(out, range);
		fprintf(out, "#%s =%s%s\n", key->name, key->default_text[0] ? " " : "",
		        key->default_text);
	}
}
