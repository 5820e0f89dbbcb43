/* SPDX-License-Identifier: MIT */
/* links: capd/session/xauthority.c -lXau -lsystemd */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <X11/X.h>
#include <X11/Xauth.h>

#include <cmocka.h>

#include "capd/session/xauthority.h"

static char path[] = "/tmp/ss-xauthority-XXXXXX";
static FILE *file;

static int make_file(void **state)
{
	(void)state;
	strcpy(path, "/tmp/ss-xauthority-XXXXXX");
	int fd = mkstemp(path);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	return file ? 0 : -1;
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void add(unsigned short family, const char *number, const char *name, const char *data)
{
	char address[] = "computer", texts[3][64];

	snprintf(texts[0], 64, "%s", number);
	snprintf(texts[1], 64, "%s", name);
	snprintf(texts[2], 64, "%s", data);
	Xauth entry = {.family = family,
		.address_length = sizeof(address) - 1,
		.address = address,
		.number_length = (unsigned short)strlen(number),
		.number = texts[0],
		.name_length = (unsigned short)strlen(name),
		.name = texts[1],
		.data_length = (unsigned short)strlen(data),
		.data = texts[2]};
	assert_int_equal(XauWriteAuth(file, &entry), 1);
}

static void all_that_may_fit_are_found(void **state)
{
	struct xauthority_cookie cookies[XAUTHORITY_COOKIES_MAX];
	(void)state;

	add(FamilyLocal, "1", XAUTHORITY_PROTOCOL, "of another display");
	add(FamilyLocal, "0", XAUTHORITY_PROTOCOL, "one");
	add(FamilyInternet, "0", XAUTHORITY_PROTOCOL, "of the network");
	add(FamilyLocal, "0", "XDM-AUTHORIZATION-1", "of another kind");
	add(FamilyWild, "", XAUTHORITY_PROTOCOL, "two");
	fclose(file);
	assert_int_equal(xauthority_read(path, 0, cookies), 2);
	assert_int_equal(cookies[0].len, 3);
	assert_memory_equal(cookies[0].bytes, "one", 3);
	assert_memory_equal(cookies[1].bytes, "two", 3);
	assert_int_equal(xauthority_read(path, 10, cookies), 1);
}

static void of_too_many_the_first_are_taken(void **state)
{
	struct xauthority_cookie cookies[XAUTHORITY_COOKIES_MAX];
	(void)state;

	for (int i = 0; i < 3 * XAUTHORITY_COOKIES_MAX; i++)
		add(FamilyLocal, "0", XAUTHORITY_PROTOCOL, "one");
	fclose(file);
	assert_int_equal(xauthority_read(path, 0, cookies), XAUTHORITY_COOKIES_MAX);
}

static void what_is_cut_off_or_not_there_gives_none(void **state)
{
	struct xauthority_cookie cookies[XAUTHORITY_COOKIES_MAX];
	(void)state;

	add(FamilyLocal, "0", XAUTHORITY_PROTOCOL, "one");
	fflush(file);
	assert_int_equal(ftruncate(fileno(file), 30), 0);
	fclose(file);
	assert_int_equal(xauthority_read(path, 0, cookies), 0);
	assert_int_equal(xauthority_read("/nowhere/at/all", 0, cookies), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_file, remove_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_that_may_fit_are_found),
		TEST(of_too_many_the_first_are_taken),
		TEST(what_is_cut_off_or_not_there_gives_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
