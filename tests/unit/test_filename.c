/* SPDX-License-Identifier: MIT */
/* links: httpd/files/filename.c common/utf8.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "httpd/files/filename.h"

static const char *clean(const char *sent, size_t len)
{
	static char out[FILENAME_SIZE];
	const char *why = NULL;

	if (filename_clean(sent, len, out, &why) == 0)
		return out;
	assert_non_null(why);
	return NULL;
}

#define assert_cleans(sent, wanted) assert_string_equal(clean(sent, sizeof(sent) - 1), wanted)
#define assert_refuses(sent)        assert_null(clean(sent, sizeof(sent) - 1))

static void ordinary_names_stay_as_they_are(void **state)
{
	static const char *const names[] = {"a", "a.txt", "Übung (3).pdf", "a b.c", "会议.mp4",
		"folder/sub folder/x.c", "~", "a#b%20&c=d+e;f,g@h!$'[]{}^`", "x..y", "🎉.png"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_string_equal(clean(names[i], strlen(names[i])), names[i]);
		assert_true(filename_is_shown(names[i]));
	}
}

static void what_a_file_system_or_a_person_stumbles_over_is_replaced(void **state)
{
	(void)state;
	assert_cleans("-rf", "_rf");
	assert_cleans(".profile", "_profile");
	assert_cleans("...a", "_..a");
	assert_cleans("a\nb\tc\x7f", "a_b_c_");
	assert_cleans("a:b*c?d\"e<f>g|h", "a_b_c_d_e_f_g_h");
	assert_cleans("photo\xe2\x80\xaegpj.exe", "photo_gpj.exe"); /* U+202E */
	assert_cleans(" a ", "a");
	assert_cleans("a. .", "a");
	assert_cleans("x/.git/config", "x/_git/config");
	assert_cleans("/etc/passwd", "etc/passwd");
	assert_cleans("a//b/./c", "a/b/c");
	assert_cleans("\xc2\x85z", "_z"); /* a C1 control */
}

static void names_of_windows_devices_are_kept_from_it(void **state)
{
	(void)state;
	assert_cleans("CON", "_CON");
	assert_cleans("con.txt", "_con.txt");
	assert_cleans("nul .txt", "_nul .txt");
	assert_cleans("Com1", "_Com1");
	assert_cleans("LPT9.tar.gz", "_LPT9.tar.gz");
	assert_cleans("console", "console");
	assert_cleans("com10", "com10");
	assert_cleans("a/aux/b", "a/_aux/b");
}

static void a_path_of_an_old_browser_becomes_its_last_part(void **state)
{
	(void)state;
	assert_cleans("C:\\fakepath\\a.txt", "a.txt");
	assert_cleans("..\\..\\a.txt", "a.txt");
	assert_refuses("C:\\");
}

static void what_would_lead_elsewhere_or_is_no_text_is_refused(void **state)
{
	(void)state;
	assert_refuses("");
	assert_refuses("..");
	assert_refuses("../a");
	assert_refuses("a/../../b");
	assert_refuses("a/ .. /b");
	assert_refuses("a\0b");
	assert_refuses("\xff");
	assert_refuses("a\xc0\xaf..");
	assert_refuses("a/");
	assert_refuses("/");
	assert_refuses(" ");
	assert_refuses("...");
	assert_refuses("1/2/3/4/5/6/7/8/9/10/11/12/13");
}

static void what_is_too_long_is_refused_and_not_cut(void **state)
{
	char name[1200];

	(void)state;
	memset(name, 'x', sizeof(name));
	assert_non_null(clean(name, 255));
	assert_null(clean(name, 256));
	assert_null(clean(name, 300));
	/* 255 a part, and yet too long in all */
	for (size_t i = 200; i < sizeof(name); i += 200)
		name[i] = '/';
	assert_null(clean(name, 1100));
	/* found by fuzzing: the slash was the last that fitted, and no reason was given */
	for (size_t len = 1015; len < 1030; len++)
		assert_true((clean(name, len) != NULL) == (len < FILENAME_SIZE));
	/* a character more by the _ before it */
	memset(name, 'x', sizeof(name));
	memcpy(name, "con.", 4);
	assert_null(clean(name, 255));
}

static void a_taken_name_gets_a_number_before_its_extension(void **state)
{
	char out[FILENAME_SIZE], name[256], whole[FILENAME_SIZE];

	(void)state;
	assert_true(filename_number("a.txt", 2, out));
	assert_string_equal(out, "a (2).txt");
	filename_number("d.x/a", 3, out);
	assert_string_equal(out, "d.x/a (3)");
	filename_number("a.tar.gz", 2, out);
	assert_string_equal(out, "a (2).tar.gz");
	memset(name, 'x', sizeof(name));
	memcpy(name + 251, ".txt", 5);
	filename_number(name, 1000, out);
	assert_int_equal(strlen(out), 255);
	assert_string_equal(out + 244, " (1000).txt");
	/* never through a character */
	for (size_t i = 0; i < 84; i++)
		memcpy(name + 3 * i, "\xe4\xbc\x9a", 3);
	name[252] = '\0';
	filename_number(name, 2, out);
	assert_true(filename_is_shown(out));
	/* nothing would be left of the last part */
	memset(whole, 'y', sizeof(whole));
	whole[255] = whole[511] = whole[767] = whole[1017] = '/';
	memcpy(whole + 1018, "a.txt", 6);
	assert_true(filename_is_shown(whole));
	assert_false(filename_number(whole, 2, out));
}

static void by_hand_a_name_may_be_what_others_stumble_over(void **state)
{
	static const char *const shown[] = {
		"Q: A?.pdf", "-x", "con", "a.", " a ", "\"<>|*", "a/ /b"};
	static const char *const hidden[] = {"", ".a", "a/.b", "..", "a/", "/a", "a//b", "a\nb",
		"a\\b", "a\xff", "a\u202e", "1/2/3/4/5/6/7/8/9/10/11/12/13"};
	char out[FILENAME_DISPOSITION_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		assert_true(filename_is_shown(shown[i]));
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		assert_false(filename_is_shown(hidden[i]));
	filename_disposition("a\"b", out);
	assert_string_equal(out, "filename=\"a_b\"; filename*=UTF-8''a%22b");
}

static void a_name_in_a_header_is_ascii_and_utf8(void **state)
{
	char out[FILENAME_DISPOSITION_SIZE], url[3 * FILENAME_SIZE], name[256];

	(void)state;
	filename_disposition("sub/plain.txt", out);
	assert_string_equal(out, "filename=\"plain.txt\"");
	filename_disposition("Bär 100%.txt", out);
	assert_string_equal(
		out, "filename=\"B_r 100_.txt\"; filename*=UTF-8''B%C3%A4r%20100%25.txt");
	memset(name, '%', 255);
	name[255] = '\0';
	filename_disposition(name, out);
	assert_true(strlen(out) < sizeof(out));
	filename_to_url("a b/ü?#%.txt", url);
	assert_string_equal(url, "a%20b/%C3%BC%3F%23%25.txt");
}

static void only_pictures_film_and_pdf_are_outside_of_the_sandbox(void **state)
{
	(void)state;
	assert_non_null(strstr(filename_type("a.html").policy, "sandbox"));
	assert_non_null(strstr(filename_type("a.SVG").policy, "sandbox"));
	assert_non_null(strstr(filename_type("a").policy, "sandbox"));
	assert_non_null(strstr(filename_type("a.xyz").policy, "sandbox"));
	assert_null(strstr(filename_type("a.JPG").policy, "sandbox"));
	assert_null(strstr(filename_type("a.pdf").policy, "sandbox"));
	assert_string_equal(filename_type("html/x").type, "application/octet-stream");
	assert_string_equal(filename_type("a.mp4").type, "video/mp4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ordinary_names_stay_as_they_are),
		cmocka_unit_test(what_a_file_system_or_a_person_stumbles_over_is_replaced),
		cmocka_unit_test(names_of_windows_devices_are_kept_from_it),
		cmocka_unit_test(a_path_of_an_old_browser_becomes_its_last_part),
		cmocka_unit_test(what_would_lead_elsewhere_or_is_no_text_is_refused),
		cmocka_unit_test(what_is_too_long_is_refused_and_not_cut),
		cmocka_unit_test(a_taken_name_gets_a_number_before_its_extension),
		cmocka_unit_test(by_hand_a_name_may_be_what_others_stumble_over),
		cmocka_unit_test(a_name_in_a_header_is_ascii_and_utf8),
		cmocka_unit_test(only_pictures_film_and_pdf_are_outside_of_the_sandbox),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
