/* SPDX-License-Identifier: MIT */
/* links: httpd/files/tus_head.c common/parse.c */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "httpd/files/tus_head.h"

static void values_are_found_by_their_keys(void **state)
{
	static const char metadata[] = "filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,"
				       "is_confidential, sender   QW5u ,x YQ==";
	char out[64];

	(void)state;
	assert_int_equal(tus_metadata_check(metadata), 0);
	assert_int_equal(tus_metadata_find(metadata, "filename", out, sizeof(out)), 25);
	assert_string_equal(out, "world_domination_plan.pdf");
	assert_int_equal(tus_metadata_find(metadata, "is_confidential", out, sizeof(out)), 0);
	assert_int_equal(tus_metadata_find(metadata, "sender", out, sizeof(out)), 3);
	assert_string_equal(out, "Ann");
	assert_int_equal(tus_metadata_find(metadata, "x", out, sizeof(out)), 1);
	assert_int_equal(tus_metadata_find(metadata, "file", out, sizeof(out)), -ENOENT);
	assert_int_equal(tus_metadata_find(metadata, "filename", out, 25), -EMSGSIZE);
	assert_int_equal(tus_metadata_find("", "filename", out, sizeof(out)), -ENOENT);
}

static void what_is_no_metadata_is_refused(void **state)
{
	static const char *const bad[] = {"a !", "a QQ", "a QQ=", "a Q===", "a QQ==,",
		",a QQ==", "a QQ==,,b QQ==", "a QQ==,a QQ==", "a QQ== QQ==", "\xff QQ==", " ",
		"a QQ=A", "a ===="};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(tus_metadata_check(bad[i]), -EINVAL);
}

static void numbers_are_what_a_file_can_have(void **state)
{
	uint64_t number;

	(void)state;
	assert_int_equal(tus_number("0", &number), 0);
	assert_int_equal(tus_number("9223372036854775807", &number), 0);
	assert_int_equal(tus_number("9223372036854775808", &number), -EINVAL);
	assert_int_equal(tus_number("-1", &number), -EINVAL);
	assert_int_equal(tus_number("", &number), -EINVAL);
	assert_int_equal(tus_number("1 ", &number), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_found_by_their_keys),
		cmocka_unit_test(what_is_no_metadata_is_refused),
		cmocka_unit_test(numbers_are_what_a_file_can_have),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
