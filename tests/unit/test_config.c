/* SPDX-License-Identifier: MIT */
/* links: common/config.c common/config_keys.c common/parse.c -linih */
#include "common/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/config_keys.h"

static char folder[] = "/tmp/screenshare-test-config-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/c", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void write_file(const char *text, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/* Loads a file of this text. */
static int load(const char *text, struct config *config, struct config_error *error)
{
	write_file(text, strlen(text));
	return config_load(config, path, error);
}

/* Every mistake leaves the defaults and names the file, the line and this. */
static void refuses(const char *text, unsigned line, const char *what)
{
	struct config config, defaults;
	struct config_error error;
	char where[96];

	assert_int_equal(load(text, &config, &error), -EINVAL);
	snprintf(where, sizeof(where), "%s:%u: ", path, line);
	assert_memory_equal(error.text, where, strlen(where));
	if (!strstr(error.text, what))
		fail_msg("\"%s\" does not say \"%s\"", error.text, what);
	config_defaults(&defaults);
	assert_memory_equal(&config, &defaults, sizeof(config));
}

static void defaults_are_those_of_the_design(void **state)
{
	struct config config;

	(void)state;
	config_defaults(&config);
	assert_string_equal(config.http.hosts, "");
	assert_string_equal(config.http.allow, "");
	assert_int_equal(config.http.connections_max, 1024);
	assert_int_equal(config.http.connections_per_address, 64);
	assert_int_equal(config.http.head_timeout_s, 5);
	assert_int_equal(config.http.head_size_max, 16384);
	assert_int_equal(config.http.stall_timeout_s, 15);
	assert_int_equal(config.http.grace_s, 10);
	assert_int_equal(config.screen.source, CONFIG_SCREEN_X11);
	assert_string_equal(config.screen.display, "");
	assert_string_equal(config.screen.monitor, "all");
	assert_int_equal(config.screen.rate, 30);
	assert_int_equal(config.screen.quality, 80);
	assert_int_equal(config.screen.subsampling, CONFIG_420);
	assert_true(config.screen.cursor);
	assert_int_equal(config.screen.pattern_width, 1280);
	assert_int_equal(config.screen.pattern_height, 720);
	assert_false(config.log.debug);
}

/* The compiler does not say when CONFIG_KEYS_COUNT is larger than the table. */
static void table_is_whole_and_without_doubles(void **state)
{
	(void)state;
	for (size_t i = 0; i < CONFIG_KEYS_COUNT; i++) {
		const struct config_key *key = &config_keys[i];

		assert_non_null(key->name);
		assert_non_null(key->default_text);
		assert_ptr_equal(config_key_find(key->section, key->name), key);
		for (const char *line = key->help; *line;
			line += strcspn(line, "\n"), line += *line == '\n')
			assert_true(strcspn(line, "\n") <= 98); /* and "# " make 100 */
		for (size_t k = 0; k < i; k++)
			assert_true(key->offset != config_keys[k].offset);
	}
}

static void file_sets_each_key(void **state)
{
	struct config config;
	struct config_error error;

	(void)state;
	assert_int_equal(load("\xef\xbb\xbf# a comment\n; another\n\n"
			      "[http]\n"
			      "hosts = tv.example.org box_2 [2001:db8::1]\n"
			      "allow=203.0.113.0/24 2001:db8::/32 192.0.2.7\n"
			      "connections_max = 2000\r\n"
			      "connections_per_address = 7\n"
			      "  head_timeout_s\t=\t6  \n"
			      "head_size_max = 2048\nstall_timeout_s = 300\ngrace_s = 0\n"
			      "[screen]\n"
			      "source = pattern\ndisplay = localhost:10.0\nmonitor = HDMI 1\n"
			      "rate = 60\nquality = 1\nsubsampling = 444\ncursor = no\n"
			      "pattern_width = 64\npattern_height = 4320\n"
			      "[log]\n"
			      "debug = yes",
				 &config, &error),
		0);
	assert_string_equal(config.http.hosts, "tv.example.org box_2 [2001:db8::1]");
	assert_string_equal(config.http.allow, "203.0.113.0/24 2001:db8::/32 192.0.2.7");
	assert_int_equal(config.http.connections_max, 2000);
	assert_int_equal(config.http.connections_per_address, 7);
	assert_int_equal(config.http.head_timeout_s, 6);
	assert_int_equal(config.http.head_size_max, 2048);
	assert_int_equal(config.http.stall_timeout_s, 300);
	assert_int_equal(config.http.grace_s, 0);
	assert_int_equal(config.screen.source, CONFIG_SCREEN_PATTERN);
	assert_string_equal(config.screen.display, "localhost:10.0");
	assert_string_equal(config.screen.monitor, "HDMI 1");
	assert_int_equal(config.screen.rate, 60);
	assert_int_equal(config.screen.quality, 1);
	assert_int_equal(config.screen.subsampling, CONFIG_444);
	assert_false(config.screen.cursor);
	assert_int_equal(config.screen.pattern_width, 64);
	assert_int_equal(config.screen.pattern_height, 4320);
	assert_true(config.log.debug);
}

static void empty_file_is_the_defaults(void **state)
{
	struct config config, defaults;
	struct config_error error;

	(void)state;
	config_defaults(&defaults);
	assert_int_equal(load("", &config, &error), 0);
	assert_memory_equal(&config, &defaults, sizeof(config));
}

static void mistakes_name_file_line_key_and_what_was_expected(void **state)
{
	(void)state;
	refuses("[screen]\nrate = 61\n", 2,
		"[screen] rate: expected a whole number from 1 to 60, found \"61\"");
	refuses("[screen]\n\n# c\nrate = 0\n", 4, "found \"0\"");
	refuses("[screen]\nrate = 30 ; half\n", 2, "found \"30 ; half\"");
	refuses("[screen]\nrate =\n", 2, "found \"\"");
	refuses("[screen]\nrate = -1\n", 2, "expected a whole number");
	refuses("[screen]\ncursor = maybe\n", 2,
		"[screen] cursor: expected yes or no, found \"maybe\"");
	refuses("[screen]\nsource = wayland\n", 2, "expected x11 or pattern, found \"wayland\"");
	refuses("[screen]\nmonitor =\n", 2, "expected all, a name or a number");
	refuses("[screen]\ndisplay = \":0\"\n", 2, "without quotation marks");
	refuses("[screen]\ndisplay = 0\n", 2, "the name of a display");
	refuses("[http]\nhosts = a b:8001\n", 2, "host names without a port");
	refuses("[http]\nhosts = http://a\n", 2, "host names without a port");
	refuses("[http]\nhosts = [::1\n", 2, "host names without a port");
	refuses("[http]\nhosts = [\n", 2, "host names without a port");
	refuses("[http]\nhosts = []\n", 2, "host names without a port");
	refuses("[http]\nallow = 10.0.0.0/8,192.0.2.0/24\n", 2, "ranges of addresses");
}

static void unknown_keys_and_sections_are_mistakes(void **state)
{
	(void)state;
	refuses("[screen]\nrat = 30\n", 2, "[screen] rat: unknown key");
	refuses("[http]\nrate = 30\n", 2, "[http] rate: unknown key");
	refuses("[screen]\nrate = 30\n[scren]\nrate = 30\n", 3, "[scren]: unknown section");
	refuses("\n[sound]\n", 2, "[sound]: unknown section");
	refuses("[screen ]\n", 1, "unknown section");
	refuses("[]\n", 1, "unknown section");
	refuses("[Screen]\n", 1, "unknown section");
}

/* inih would pass over each of these, or read something else from it. */
static void lines_of_another_form_are_mistakes(void **state)
{
	(void)state;
	refuses("[screen]\ndisplay :0\n", 2, "expected key = value");
	refuses("[screen]\nrate: 30\n", 2, "expected key = value");
	refuses("[screen]\nrate\n", 2, "expected key = value");
	refuses("[screen]\n= 30\n", 2, "expected key = value");
	refuses("[screen\n", 1, "expected a section alone on its line");
	refuses("[screen] rate = 30\n", 1, "expected a section alone on its line");
	refuses("rate = 30\n", 1, "expected a section");
	refuses("[screen]\nmonitor = A\n  B\n", 3, "expected key = value");
	refuses("[screen]\nmonitor = \x1b[31m\n", 2, "found a byte of value 27");
}

static void a_key_given_twice_is_a_mistake(void **state)
{
	(void)state;
	refuses("[screen]\nrate = 30\n[http]\ngrace_s = 1\n[screen]\nrate = 40\n", 6,
		"[screen] rate: expected once, found in line 2 already");
}

static void nul_bytes_are_mistakes(void **state)
{
	static const char text[] = "[screen]\nrate = 30\0\n";
	struct config config;
	struct config_error error;

	(void)state;
	write_file(text, sizeof(text) - 1);
	assert_int_equal(config_load(&config, path, &error), -EINVAL);
	assert_non_null(strstr(error.text, ":2: expected text, found a byte of value 0"));
}

static void texts_and_lines_may_be_long_but_not_longer(void **state)
{
	struct config config;
	struct config_error error;
	char text[1024], value[600];

	(void)state;
	memset(value, 'm', sizeof(value));
	snprintf(text, sizeof(text), "[screen]\nmonitor = %.255s", value);
	assert_int_equal(load(text, &config, &error), 0);
	assert_int_equal(strlen(config.screen.monitor), 255);
	snprintf(text, sizeof(text), "[screen]\nmonitor = %.256s\n", value);
	refuses(text, 2, "at most 255 bytes");
	snprintf(text, sizeof(text), "[screen]\nmonitor = %.500s\n", value);
	refuses(text, 2, "at most 255 bytes");
	snprintf(text, sizeof(text), "[screen]\nmonitor = %.501s\n", value);
	refuses(text, 2, "expected a line of at most 510 bytes");
	snprintf(text, sizeof(text), "# %.590s\n", value);
	refuses(text, 1, "expected a line of at most 510 bytes");
}

static void missing_file_is_enoent_and_the_defaults(void **state)
{
	struct config config, defaults;
	struct config_error error;

	(void)state;
	unlink(path);
	assert_int_equal(config_load(&config, path, &error), -ENOENT);
	config_defaults(&defaults);
	assert_memory_equal(&config, &defaults, sizeof(config));
}

static void unreadable_file_is_said(void **state)
{
	struct config config;
	struct config_error error;

	(void)state;
	assert_int_equal(config_load(&config, folder, &error), -EISDIR);
	assert_non_null(strstr(error.text, folder));
	assert_int_equal(symlink("c", path), 0);
	assert_int_equal(config_load(&config, path, &error), -ELOOP);
	assert_non_null(strstr(error.text, path));
	unlink(path);
	/* Not the defaults: somebody has written something, which has gone astray. */
	assert_int_equal(symlink("nowhere", path), 0);
	assert_int_equal(config_load(&config, path, &error), -ENOLINK);
	assert_non_null(strstr(error.text, path));
	unlink(path);
}

static char *printed(void)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	config_print(out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void printed_file_is_the_defaults_with_and_without_its_hashes(void **state)
{
	struct config config, defaults;
	struct config_error error;
	char *text = printed();

	(void)state;
	config_defaults(&defaults);
	assert_int_equal(load(text, &config, &error), 0);
	assert_memory_equal(&config, &defaults, sizeof(config));
	/* keys are "#key", comments "# words" */
	for (char *hash = text; (hash = strchr(hash, '#')); hash++)
		if ((hash == text || hash[-1] == '\n') && hash[1] != ' ')
			*hash = ' ';
	assert_int_equal(load(text, &config, &error), 0);
	assert_memory_equal(&config, &defaults, sizeof(config));
	free(text);
}

static void printed_file_names_every_key_with_its_range(void **state)
{
	char *text = printed(), range[128], expected[512];

	(void)state;
	for (size_t i = 0; i < CONFIG_KEYS_COUNT; i++) {
		const struct config_key *key = &config_keys[i];

		config_key_range(key, range, sizeof(range));
		snprintf(expected, sizeof(expected), "# %s\n#%s =%s%s\n", range, key->name,
			key->default_text[0] ? " " : "", key->default_text);
		assert_non_null(strstr(text, expected));
	}
	free(text);
}

static char compared[256];

static void on_difference(void *arg, const char *section, const char *name)
{
	size_t used = strlen(compared);

	assert_ptr_equal(arg, compared);
	snprintf(compared + used, sizeof(compared) - used, "[%s] %s ", section, name);
}

static void what_differs_is_named_key_by_key(void **state)
{
	struct config old, fresh;
	struct config_error error;

	(void)state;
	assert_int_equal(load("[http]\nhosts = a\n[audio]\ndesktop = hw:0\n", &old, &error), 0);
	compared[0] = '\0';
	config_compare(&old, &old, on_difference, compared);
	assert_string_equal(compared, "");
	assert_int_equal(load("[http]\nhosts = b\n[screen]\nrate = 29\ncursor = no\n"
			      "subsampling = 444\n[audio]\ndesktop = hw:0\n",
				 &fresh, &error),
		0);
	config_compare(&old, &fresh, on_difference, compared);
	assert_string_equal(
		compared, "[http] hosts [screen] rate [screen] subsampling [screen] cursor ");
}

static bool stays(const char *section, const char *name)
{
	return strcmp(section, "files") == 0 && strcmp(name, "folder") == 0;
}

static void all_but_what_stays_is_adopted(void **state)
{
	struct config old, fresh;
	struct config_error error;

	(void)state;
	assert_int_equal(load("[http]\nhosts = a\n[files]\nfolder = /old\n", &old, &error), 0);
	assert_int_equal(load("[http]\nhosts = b\n[screen]\nsource = pattern\ncursor = no\n"
			      "rate = 29\n[files]\nfolder = /new\nhash = no\n",
				 &fresh, &error),
		0);
	config_adopt(&old, &fresh, stays);
	compared[0] = '\0';
	config_compare(&old, &fresh, on_difference, compared);
	assert_string_equal(compared, "[files] folder ");
	assert_string_equal(old.files.folder, "/old");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_those_of_the_design),
		cmocka_unit_test(table_is_whole_and_without_doubles),
		cmocka_unit_test(file_sets_each_key),
		cmocka_unit_test(empty_file_is_the_defaults),
		cmocka_unit_test(mistakes_name_file_line_key_and_what_was_expected),
		cmocka_unit_test(unknown_keys_and_sections_are_mistakes),
		cmocka_unit_test(lines_of_another_form_are_mistakes),
		cmocka_unit_test(a_key_given_twice_is_a_mistake),
		cmocka_unit_test(nul_bytes_are_mistakes),
		cmocka_unit_test(texts_and_lines_may_be_long_but_not_longer),
		cmocka_unit_test(missing_file_is_enoent_and_the_defaults),
		cmocka_unit_test(unreadable_file_is_said),
		cmocka_unit_test(printed_file_is_the_defaults_with_and_without_its_hashes),
		cmocka_unit_test(printed_file_names_every_key_with_its_range),
		cmocka_unit_test(what_differs_is_named_key_by_key),
		cmocka_unit_test(all_but_what_stays_is_adopted),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
