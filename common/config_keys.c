/* SPDX-License-Identifier: MIT */
#include "common/config_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/parse.h"

/* --- what texts must be --- */

/* Each of the words, of which there may be none. */
static bool each_word(const char *text, bool (*check)(const char *word, size_t len))
{
	for (size_t len; *(text += strspn(text, " \t")); text += len) {
		len = strcspn(text, " \t");
		if (!check(text, len))
			return false;
	}
	return true;
}

/* A name, or an address in the form that stands in a URL: [2001:db8::1]. */
static bool is_host(const char *word, size_t len)
{
	static const char letters_digits[] = "abcdefghijklmnopqrstuvwxyz"
					     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	struct address address;
	size_t i = 0;

	if (word[0] == '[' && word[len - 1] == ']' && !memchr(word, '/', len))
		return parse_network(word + 1, len - 2, &address) == 0 &&
		       address.family == AF_INET6;
	while (i < len && (strchr(letters_digits, word[i]) || strchr(".-_", word[i])))
		i++;
	return i == len && len <= 253;
}

static bool is_network(const char *word, size_t len)
{
	struct address network;

	return parse_network(word, len, &network) == 0;
}

static bool are_hosts(const char *text)
{
	return each_word(text, is_host);
}

static bool are_networks(const char *text)
{
	return each_word(text, is_network);
}

static bool is_display(const char *text)
{
	return text[0] == '\0' || (strchr(text, ':') && !strpbrk(text, " \t"));
}

static bool is_monitor(const char *text)
{
	return text[0] != '\0';
}

/* clang-format off */
#define AT(section, name) #section, #name
#define IN(section, name) .offset = offsetof(struct config, section.name)
#define NUMBER(section, name, min_, max_, unit_, default_, help_) \
	{AT(section, name), KEY_NUMBER, IN(section, name), .min = (min_), .max = (max_), \
		.what = (unit_), .default_text = (default_), .help = (help_)}
#define BOOL(section, name, default_, help_) \
	{AT(section, name), KEY_BOOL, IN(section, name), .default_text = (default_), .help = (help_)}
#define TEXT(section, name, check_, what_, default_, help_) \
	{AT(section, name), KEY_TEXT, IN(section, name), .check = (check_), .what = (what_), \
		.default_text = (default_), .help = (help_)}
#define CHOICE(section, name, first, second, default_, help_) \
	{AT(section, name), KEY_CHOICE, IN(section, name), .choices = {first, second, NULL}, \
		.default_text = (default_), .help = (help_)}

const struct config_key config_keys[] = {
	TEXT(http, hosts, are_hosts, "host names without a port", "",
		"Further names, separated by spaces, under which browsers may ask for this computer.  Its own\n"
		"addresses, its host name (also with .local) and localhost are always accepted."),
	TEXT(http, allow, are_networks, "ranges of addresses such as 203.0.113.0/24 2001:db8::/32", "",
		"Further ranges, separated by spaces, from which anyone may watch.  Private addresses and those\n"
		"on the same network always may."),
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
	TEXT(screen, display, is_display, "the name of a display such as :0", "",
		"The X display; if empty, the one in the environment variable DISPLAY."),
	TEXT(screen, monitor, is_monitor, "all, a name or a number", "all",
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

_Static_assert(sizeof(enum config_screen_source) == sizeof(unsigned), "KEY_CHOICE stores unsigned");
_Static_assert(sizeof(enum config_subsampling) == sizeof(unsigned), "KEY_CHOICE stores unsigned");

const struct config_key *config_key_find(const char *section, const char *name)
{
	for (size_t i = 0; i < CONFIG_KEYS_COUNT; i++)
		if (strcmp(config_keys[i].section, section) == 0 &&
			strcmp(config_keys[i].name, name) == 0)
			return &config_keys[i];
	return NULL;
}

bool config_section_exists(const char *section, size_t len)
{
	for (size_t i = 0; i < CONFIG_KEYS_COUNT; i++)
		if (strlen(config_keys[i].section) == len &&
			memcmp(config_keys[i].section, section, len) == 0)
			return true;
	return false;
}

void config_key_expected(const struct config_key *key, char *out, size_t len)
{
	switch (key->type) {
	case KEY_NUMBER:
		snprintf(out, len, "a whole number from %u to %u", key->min, key->max);
		break;
	case KEY_BOOL:
		snprintf(out, len, "yes or no");
		break;
	case KEY_TEXT:
		snprintf(out, len, "%s, at most %d bytes, without quotation marks", key->what,
			CONFIG_TEXT_MAX - 1);
		break;
	case KEY_CHOICE:
		snprintf(out, len, "%s or %s", key->choices[0], key->choices[1]);
		break;
	}
}

void config_key_range(const struct config_key *key, char *out, size_t len)
{
	const char *shown = key->default_text[0] ? key->default_text : "empty";

	switch (key->type) {
	case KEY_NUMBER:
		snprintf(out, len, "%u to %u%s%s, default %s", key->min, key->max,
			key->what[0] ? " " : "", key->what, shown);
		break;
	case KEY_BOOL:
		snprintf(out, len, "yes or no, default %s", shown);
		break;
	case KEY_TEXT:
		snprintf(out, len, "%s, default %s", key->what, shown);
		break;
	case KEY_CHOICE:
		snprintf(out, len, "%s or %s, default %s", key->choices[0], key->choices[1], shown);
		break;
	}
}

int config_key_set(const struct config_key *key, struct config *config, const char *value)
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
		if (len >= CONFIG_TEXT_MAX || strpbrk(value, "\"'") || !key->check(value))
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
