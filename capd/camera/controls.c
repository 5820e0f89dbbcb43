/* SPDX-License-Identifier: MIT */
#include "capd/camera/controls.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/config.h"
#include "common/log.h"

/*
 * Short words.  The names of a control have changed over time and differ between kinds of cameras:
 * the first that the camera has is meant.  The numbers of an automatic one are those of
 * V4L2_CID_EXPOSURE_AUTO (0 auto, 1 manual, 3 aperture priority, the one that web cameras have) and
 * V4L2_CID_FOCUS_AUTO.
 */
static const struct alias {
	const char *word;
	const char *automatic; /* NULL: there is nothing automatic about it */
	int32_t by_hand, by_itself;
	const char *names;
} aliases[] = {
	{"exposure", "auto_exposure exposure_auto", 1, 3,
		"exposure_time_absolute exposure_absolute exposure"},
	{"focus", "focus_automatic_continuous focus_auto", 0, 1, "focus_absolute focus"},
	{"rotate", NULL, 0, 0, "rotate"},
	{"hflip", NULL, 0, 0, "horizontal_flip hflip"},
	{"vflip", NULL, 0, 0, "vertical_flip vflip"},
};
#define ALIASES_COUNT (sizeof(aliases) / sizeof(aliases[0]))
#define BY_ITSELF     (-1) /* the value that means it */

void controls_name(const char *name, char *out)
{
	size_t len = 0;
	bool is_parted = false;

	for (; *name && len + 2 < CONTROLS_NAME_MAX; name++) {
		unsigned char letter = (unsigned char)*name;

		if (letter >= 0x80 || !isalnum(letter)) {
			is_parted = true;
			continue;
		}
		if (is_parted && len > 0)
			out[len++] = '_';
		is_parted = false;
		out[len++] = (char)tolower(letter);
	}
	out[len] = '\0';
}

/* There is room: the text is too short for more. */
static void add(struct controls *controls, const char *name, size_t name_len, const char *names,
	int32_t value)
{
	struct control_wish *wish = &controls->wishes[controls->n_wishes++];

	snprintf(wish->name, sizeof(wish->name), "%.*s", (int)name_len, name);
	wish->names = names;
	wish->value = value;
}

_Static_assert(CONFIG_TEXT_MAX / sizeof("a=1") * 2 <= CONTROLS_MAX, "room for all controls");

static const struct alias *find_alias(const char *name, size_t len)
{
	for (size_t i = 0; i < ALIASES_COUNT; i++)
		if (strlen(aliases[i].word) == len && memcmp(aliases[i].word, name, len) == 0)
			return &aliases[i];
	return NULL;
}

void controls_init(struct controls *controls, const char *text)
{
	const char *name;
	size_t len;
	int32_t value;

	*controls = (struct controls){0};
	while (config_camera_control(&text, &name, &len, &value) == 1) {
		const struct alias *alias = find_alias(name, len);

		if (!alias) {
			add(controls, name, len, NULL, value);
			continue;
		}
		if (alias->automatic) {
			add(controls, name, len, alias->automatic,
				value == BY_ITSELF ? alias->by_itself : alias->by_hand);
			/* A camera that does nothing by itself needs no line about it. */
			controls->wishes[controls->n_wishes - 1].is_said = value != BY_ITSELF;
		}
		if (!alias->automatic || value != BY_ITSELF)
			add(controls, name, len, alias->names, value);
	}
}

static bool is_automatic(const struct control_wish *wish)
{
	return strstr(wish->names ? wish->names : wish->name, "auto");
}

/* Is `name` among the words of `names`? */
static bool is_among(const char *names, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = names; (at = strstr(at, name)); at += len)
		if ((at == names || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
			return true;
	return false;
}

/* True and *info: the camera has it. */
static bool find(const struct control_wish *wish, const struct controls_ops *ops, void *arg,
	struct control_info *info)
{
	char name[CONTROLS_NAME_MAX];

	*info = (struct control_info){0};
	while (ops->next(arg, info) == 0) {
		controls_name(info->name, name);
		if (info->is_settable && *name &&
			(wish->names ? is_among(wish->names, name) : !strcmp(wish->name, name)))
			return true;
	}
	return false;
}

static int32_t clamp(const struct control_wish *wish, const struct control_info *info)
{
	int64_t value = wish->value;

	if (value < info->minimum)
		value = info->minimum;
	if (value > info->maximum)
		value = info->maximum;
	/* A 64-bit control may have a range that no number of ours reaches. */
	return value < INT32_MIN || value > INT32_MAX ? wish->value : (int32_t)value;
}

static void apply(
	struct control_wish *wish, const char *camera, const struct controls_ops *ops, void *arg)
{
	struct control_info info;
	bool was_said = wish->is_said;
	int32_t value;
	int r;

	if (!find(wish, ops, arg, &info)) {
		wish->is_said = true;
		if (!was_said)
			log_info("The camera %s has no control %s", camera, wish->name);
		return;
	}
	value = clamp(wish, &info);
	wish->is_said |= value != wish->value;
	if (value != wish->value && !was_said)
		log_info("Set %s of the camera %s to %" PRId32 " instead of %" PRId32
			 ": it goes from %" PRId64 " to %" PRId64,
			wish->name, camera, value, wish->value, info.minimum, info.maximum);
	r = ops->set(arg, &info, value);
	wish->is_said |= r < 0;
	if (r < 0 && !was_said)
		log_warn("Could not set %s of the camera %s to %" PRId32 ": %s", wish->name, camera,
			value, strerror(-r));
}

void controls_apply(
	struct controls *controls, const char *camera, const struct controls_ops *ops, void *arg)
{
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < controls->n_wishes; i++)
			if (is_automatic(&controls->wishes[i]) == (pass == 0))
				apply(&controls->wishes[i], camera, ops, arg);
}
