/* SPDX-License-Identifier: MIT */
/* links: capd/camera/controls.c common/config.c common/config_keys.c common/parse.c */
/* links: common/log.c common/utf8.c -linih -lsystemd */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "capd/camera/controls.h"

/* A camera that writes down what it is told. */
struct fake {
	struct control_info controls[16];
	unsigned n;
	int refusal; /* of every set; 0: none */
	char told[256];
};

static int next(void *arg, struct control_info *info)
{
	struct fake *fake = arg;

	for (unsigned i = 0; i < fake->n; i++)
		if (fake->controls[i].id > info->id) {
			*info = fake->controls[i];
			return 0;
		}
	return -EINVAL;
}

static int set(void *arg, const struct control_info *info, int32_t value)
{
	struct fake *fake = arg;
	char name[CONTROLS_NAME_MAX];
	size_t len = strlen(fake->told);

	controls_name(info->name, name);
	snprintf(fake->told + len, sizeof(fake->told) - len, "%s=%d ", name, value);
	return fake->refusal;
}

static const struct controls_ops ops = {next, set};

static const struct fake web_camera = {
	.controls = {{1, "Brightness", -64, 64, true}, {2, "White Balance, Automatic", 0, 1, true},
		{3, "White Balance Temperature", 2800, 6500, true},
		{4, "Auto Exposure", 0, 3, true}, {5, "Exposure Time, Absolute", 1, 5000, true},
		{6, "Focus, Absolute", 0, 1023, true},
		{7, "Focus, Automatic Continuous", 0, 1, true}, {8, "Privacy", 0, 1, false}},
	.n = 8,
};

static void assert_told(struct fake fake, const char *text, const char *wanted)
{
	struct controls controls;

	controls_init(&controls, text);
	controls_apply(&controls, "Test", &ops, &fake);
	assert_string_equal(fake.told, wanted);
}

static void names_are_those_of_v4l2_ctl(void **state)
{
	const char *const names[][2] = {{"Brightness", "brightness"},
		{"Exposure, Auto", "exposure_auto"}, {"Focus (absolute)", "focus_absolute"},
		{"  Hue  ", "hue"}, {"Zoom, Continuous 2", "zoom_continuous_2"}, {"...", ""},
		{"H\xf6he", "h_he"}};
	char long_name[CONTROLS_NAME_MAX * 2], out[CONTROLS_NAME_MAX];
	(void)state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		controls_name(names[i][0], out);
		assert_string_equal(out, names[i][1]);
	}
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	controls_name(long_name, out);
	assert_true(strlen(out) < CONTROLS_NAME_MAX);
}

static void controls_are_set_by_name(void **state)
{
	(void)state;
	assert_told(web_camera, "brightness=-5, white_balance_temperature=4000",
		"brightness=-5 white_balance_temperature=4000 ");
	assert_told(web_camera, "", "");
}

static void what_is_automatic_comes_first(void **state)
{
	(void)state;
	assert_told(web_camera, "white_balance_temperature=4000 white_balance_automatic=0",
		"white_balance_automatic=0 white_balance_temperature=4000 ");
}

static void short_words_switch_what_is_automatic_too(void **state)
{
	struct fake older = {
		.controls = {{1, "Exposure, Auto", 0, 3, true},
			{2, "Exposure (Absolute)", 1, 5000, true},
			{3, "Horizontal Flip", 0, 1, true}, {4, "Rotate", 0, 270, true}},
		.n = 4};
	(void)state;

	assert_told(web_camera, "exposure=200", "auto_exposure=1 exposure_time_absolute=200 ");
	assert_told(web_camera, "exposure=-1", "auto_exposure=3 ");
	assert_told(web_camera, "focus=30", "focus_automatic_continuous=0 focus_absolute=30 ");
	assert_told(web_camera, "focus=-1", "focus_automatic_continuous=1 ");
	assert_told(older, "exposure=200 hflip=1 vflip=1 rotate=180",
		"exposure_auto=1 exposure_absolute=200 horizontal_flip=1 rotate=180 ");
}

static void values_are_moved_into_the_controls_range(void **state)
{
	(void)state;
	assert_told(web_camera, "brightness=1000", "brightness=64 ");
	assert_told(web_camera, "brightness=-1000", "brightness=-64 ");
}

static void what_the_camera_has_not_got_or_keeps_to_itself_is_left_alone(void **state)
{
	(void)state;
	assert_told(web_camera, "sharpness=3 privacy=1 brightness=1", "brightness=1 ");
}

static void a_refusal_stops_nothing(void **state)
{
	struct fake fake = web_camera;
	(void)state;

	fake.refusal = -EIO;
	assert_told(fake, "brightness=1 focus=3",
		"focus_automatic_continuous=0 brightness=1 focus_absolute=3 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_those_of_v4l2_ctl),
		cmocka_unit_test(controls_are_set_by_name),
		cmocka_unit_test(what_is_automatic_comes_first),
		cmocka_unit_test(short_words_switch_what_is_automatic_too),
		cmocka_unit_test(values_are_moved_into_the_controls_range),
		cmocka_unit_test(what_the_camera_has_not_got_or_keeps_to_itself_is_left_alone),
		cmocka_unit_test(a_refusal_stops_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
