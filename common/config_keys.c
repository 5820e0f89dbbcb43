/* SPDX-License-Identifier: MIT */
#include "common/config_keys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "common/parse.h"
#include "common/stream.h"

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

/* What useradd takes, and Samba's accounts of machines. */
static bool is_user(const char *word, size_t len)
{
	static const char letters_digits[] = "abcdefghijklmnopqrstuvwxyz"
					     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	size_t i = 0;

	while (i < len && (strchr(letters_digits, word[i]) || strchr("._-@$", word[i])))
		i++;
	return i == len && word[0] != '-' && len < 64;
}

static bool are_users(const char *text)
{
	return each_word(text, is_user);
}

static bool is_user_or_empty(const char *text)
{
	return text[0] == '\0' || is_user(text, strlen(text));
}

static bool is_folder(const char *text)
{
	return text[0] == '\0' || text[0] == '/';
}

static bool is_not_empty(const char *text)
{
	return text[0] != '\0';
}

/* What snd_pcm_open() takes: a name, perhaps with arguments ("hw:CARD=Loopback,DEV=1"). */
static bool is_pcm(const char *text)
{
	return text[0] != '\0' && !strpbrk(text, " \t");
}

static bool are_inputs(const char *text)
{
	return config_audio_inputs(text) >= 0;
}

static bool are_controls(const char *text)
{
	const char *name;
	size_t name_len;
	int32_t value;
	int r;

	do
		r = config_camera_control(&text, &name, &name_len, &value);
	while (r > 0);
	return r == 0;
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
#define WORDS(...) {__VA_ARGS__, NULL}
#define CHOICE(section, name, words_, default_, help_) \
	{AT(section, name), KEY_CHOICE, IN(section, name), .choices = words_, \
		.default_text = (default_), .help = (help_)}

const struct config_key config_keys[] = {
	TEXT(http, hosts, are_hosts, "host names without a port", "",
		"Further names, separated by spaces, under which browsers may ask for this computer.  Its own\n"
		"addresses, its host name (also with .local and the like) and localhost are always accepted."),
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

	CHOICE(screen, source, WORDS("x11", "pattern"), "x11",
		"What is shown: the X11 desktop, or a moving test picture."),
	TEXT(screen, display, is_display, "the name of a display such as :0", "",
		"The X display; if empty, that of the session, or the one in the environment variable DISPLAY."),
	TEXT(screen, monitor, is_not_empty, "all, a name or a number", "all",
		"Which monitor: all of them, the name of one (as xrandr prints it), or its number from 1."),
	NUMBER(screen, rate, 1, 60, "pictures a second", "30",
		"At most so many; a screen that does not change sends none."),
	NUMBER(screen, quality, 1, 100, "", "80",
		"Quality of the JPEG pictures; higher is sharper and larger."),
	CHOICE(screen, subsampling, WORDS("420", "444"), "420",
		"Colour of the JPEG pictures: 420 halves its resolution, 444 keeps coloured letters sharp."),
	BOOL(screen, cursor, "yes",
		"Show the mouse pointer."),
	NUMBER(screen, pattern_width, 64, 7680, "pixels", "1280",
		"Width of the test picture."),
	NUMBER(screen, pattern_height, 64, 4320, "pixels", "720",
		"Height of the test picture."),

	CHOICE(camera, source, WORDS("v4l2", "pattern"), "v4l2",
		"What is shown: a camera, or a moving test picture."),
	TEXT(camera, device, is_not_empty, "auto, a path such as /dev/video0, or a part of a name", "auto",
		"Which camera: the first that gives pictures, the one of that path, or the first whose name (as\n"
		"v4l2-ctl --list-devices prints it) contains this."),
	CHOICE(camera, format, WORDS("auto", "mjpeg", "yuyv", "nv12", "yu12"), "auto",
		"How the camera is to send its pictures: auto takes its own JPEG pictures where it has them."),
	NUMBER(camera, width, 16, 7680, "pixels", "1280",
		"Width of the pictures; the camera takes the nearest that it has."),
	NUMBER(camera, height, 16, 4320, "pixels", "720",
		"Height of the pictures."),
	NUMBER(camera, rate, 1, 120, "pictures a second", "30",
		"So many pictures are asked for; a camera may give fewer, in the dark for example."),
	NUMBER(camera, quality, 1, 100, "", "80",
		"Quality of the JPEG pictures where they are not the camera's own."),
	TEXT(camera, controls, are_controls, "words of the form name=number", "",
		"What is set on the camera, where it has it, separated by spaces, by the names that v4l2-ctl\n"
		"--list-ctrls prints: brightness=10 focus_absolute=30 horizontal_flip=1.  Short for several:\n"
		"exposure=N, focus=N (each by hand, -1: by itself), rotate=180, hflip=1, vflip=1."),

	TEXT(audio, sources, are_inputs, "desktop, microphone, both or none", "desktop",
		"What is heard: what this computer plays, what its microphone hears, or both.  A microphone that\n"
		"is not named here can be switched on for a while by screenshare unmute microphone."),
	TEXT(audio, desktop, is_pcm, "the name of an ALSA PCM", "pulse:@DEFAULT_MONITOR@",
		"Where the desktop's sound is taken from; the default is what PulseAudio or PipeWire plays."),
	TEXT(audio, microphone, is_pcm, "the name of an ALSA PCM", "default",
		"Where the microphone's sound is taken from."),
	NUMBER(audio, desktop_gain, 0, 400, "per cent", "100",
		"How loud the desktop's sound is made."),
	NUMBER(audio, microphone_gain, 0, 400, "per cent", "100",
		"How loud the microphone's sound is made."),
	NUMBER(audio, opus_bitrate, 16, 256, "kbit/s", "96",
		"How many bits browsers get that understand Opus; others get 1536 kbit/s of plain sound."),

	TEXT(files, folder, is_folder, "a path that begins with /", "",
		"Where the shared files lie, and uploads go; if empty, the folder uploads in that of the state\n"
		"(/var/lib/screenshare/uploads).  Whatever is put there by hand is shared, too."),
	BOOL(files, uploads, "yes",
		"Whether others may send files."),
	BOOL(files, hash, "yes",
		"Compute the SHA-256 of what is sent, so that the sender can tell that it has arrived whole."),
	CHOICE(files, delete, WORDS("yes", "own", "presenter", "no"), "own",
		"Who may delete files: everyone, each what they have sent, only this computer's user (by\n"
		"screenshare files delete), or nobody."),
	CHOICE(files, rename, WORDS("yes", "own", "presenter", "no"), "own",
		"Who may rename files."),
	NUMBER(files, file_max_mb, 0, 16000000, "MB", "0",
		"The largest file that is taken; 0: any that fits."),
	NUMBER(files, quota_mb, 0, 1000000000, "MB", "0",
		"What all shared files together may take up, with the trash, of which the oldest goes where room\n"
		"is wanted; 0: what the disk has."),
	NUMBER(files, sender_quota_mb, 0, 1000000000, "MB", "0",
		"What the files sent from one address may take up; 0: no limit of their own."),
	NUMBER(files, free_mb, 0, 1000000000, "MB", "1000",
		"So much of the disk is always kept free; the trash makes room for it, too."),
	NUMBER(files, count_max, 1, 1000000, "", "20000",
		"At most so many files are taken."),
	NUMBER(files, age_days, 0, 36500, "days", "0",
		"What was uploaded goes into the trash after so long; 0: never."),
	NUMBER(files, trash_hours, 0, 8760, "hours", "24",
		"What was deleted can be restored for so long (screenshare files restore), unless its room is\n"
		"wanted."),
	NUMBER(files, resume_hours, 1, 8760, "hours", "24",
		"An upload that was broken off can be resumed for so long."),
	NUMBER(files, body_timeout_s, 1, 3600, "seconds", "60",
		"An upload of which nothing comes for so long is broken off."),

	TEXT(session, users, are_users, "first, all or names of users", "first",
		"Whose desktop is shared: that of the user who was logged in when anything first asked for it,\n"
		"everybody's, or that of the users named.  Any other is shared after screenshare allow."),
	BOOL(session, show_locked, "no",
		"Show screen and camera, and let the sound be heard, while the session is locked too."),
	TEXT(session, fixed_user, is_user_or_empty, "the name of a user", "",
		"Always share as this user, whoever is logged in; [screen] display says which display.  Nothing\n"
		"is known of locks then, and nobody is asked."),
	BOOL(session, notify, "yes",
		"While anybody watches or listens, say so on this computer's desktop, with a button to pause."),

	BOOL(log, debug, "no",
		"Say more in the journal, for those who look for a fault."),
};
/* clang-format on */

_Static_assert(sizeof(enum config_screen_source) == sizeof(unsigned), "KEY_CHOICE stores unsigned");
_Static_assert(sizeof(enum config_subsampling) == sizeof(unsigned), "KEY_CHOICE stores unsigned");
_Static_assert(sizeof(enum config_right) == sizeof(unsigned), "KEY_CHOICE stores unsigned");
_Static_assert(sizeof(enum config_camera_source) == sizeof(unsigned), "KEY_CHOICE stores unsigned");
_Static_assert(sizeof(enum config_camera_format) == sizeof(unsigned), "KEY_CHOICE stores unsigned");

/* --- lists in a text, for those who use them too --- */

int config_audio_inputs(const char *text)
{
	static const struct {
		const char *word;
		int inputs;
	} words[] = {{"desktop", 1 << AUDIO_DESKTOP}, {"microphone", 1 << AUDIO_MICROPHONE},
		{"both", 1 << AUDIO_DESKTOP | 1 << AUDIO_MICROPHONE}, {"none", 0}};
	int inputs = 0;

	for (size_t len; *(text += strspn(text, " \t,")); text += len) {
		size_t i = 0;

		len = strcspn(text, " \t,");
		while (i < 4 &&
			(strlen(words[i].word) != len || memcmp(words[i].word, text, len) != 0))
			i++;
		if (i == 4)
			return -EINVAL;
		inputs |= words[i].inputs;
	}
	return inputs;
}

int config_camera_control(const char **text, const char **name, size_t *name_len, int32_t *value)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	const char *word = *text + strspn(*text, " \t,");
	size_t len = strcspn(word, " \t,"), letters_len = strspn(word, letters);
	const char *digits = word + letters_len + 1;
	uint64_t number;
	bool is_negative;

	if (len == 0)
		return 0;
	if (letters_len == 0 || word[letters_len] != '=' || letters_len + 1 >= len)
		return -EINVAL;
	is_negative = *digits == '-';
	digits += is_negative;
	if (parse_number(digits, (size_t)(word + len - digits), 0, INT32_MAX, &number) < 0)
		return -EINVAL;
	*name = word;
	*name_len = letters_len;
	*value = is_negative ? -(int32_t)number : (int32_t)number;
	*text = word + len;
	return 1;
}

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

/* "a or b", "a, b or c" */
static void choices_text(const struct config_key *key, char *out, size_t len)
{
	size_t used = 0;

	out[0] = '\0';
	for (size_t i = 0; key->choices[i] && used < len; i++)
		used += (size_t)snprintf(out + used, len - used, "%s%s",
			i == 0                ? ""
			: key->choices[i + 1] ? ", "
					      : " or ",
			key->choices[i]);
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
		choices_text(key, out, len);
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
		choices_text(key, out, len);
		snprintf(out + strlen(out), len - strlen(out), ", default %s", shown);
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
