/* SPDX-License-Identifier: MIT */
/* links: httpd/visitor.c common/addresses.c common/parse.c common/log.c common/utf8.c -ljansson -lsystemd */
#include "httpd/visitor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/parse.h"
#include "httpd/files/disk_worker.h"

/* --- a worker that works at once --- */

static unsigned n_jobs;

void disk_submit(struct disk_workers *workers, struct disk_job *job)
{
	(void)workers;
	n_jobs++;
	job->run(job);
	job->done(job);
}

/* --- a state folder of each test's own --- */

static char folder[] = "/tmp/visitor-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/visitor-XXXXXX");
	n_jobs = 0;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char path[64];
	(void)state;

	snprintf(path, sizeof(path), "%s/last-visitor", folder);
	unlink(path);
	return rmdir(folder);
}

static struct visitor *begin(void)
{
	struct visitor *visitor;

	assert_int_equal(visitor_create(NULL, folder, &visitor), 0);
	return visitor;
}

static void visit(struct visitor *visitor, const char *peer_text, const char *local_text)
{
	struct address peer, local;

	assert_int_equal(parse_network(peer_text, strlen(peer_text), &peer), 0);
	assert_int_equal(parse_network(local_text, strlen(local_text), &local), 0);
	visitor_note(visitor, &peer, &local);
}

/* "": nobody; else the address, which only the presenter is told. */
static void assert_last(const struct visitor *visitor, const char *address)
{
	json_t *public = visitor_json(visitor, false), *own = visitor_json(visitor, true);

	if (!*address) {
		assert_true(json_is_null(public) && json_is_null(own));
	} else {
		assert_true(json_is_integer(json_object_get(public, "ago_s")));
		assert_null(json_object_get(public, "address"));
		assert_string_equal(json_string_value(json_object_get(own, "address")), address);
	}
	json_decref(public);
	json_decref(own);
}

static void this_computer_is_no_visitor(void **state)
{
	struct visitor *visitor = begin();
	(void)state;

	visit(visitor, "127.0.0.1", "127.0.0.1");
	visit(visitor, "127.9.9.9", "127.0.0.1");
	visit(visitor, "::1", "::1");
	visit(visitor, "192.168.1.7", "192.168.1.7"); /* by its own address */
	visit(visitor, "fd00::7", "fd00::7");
	assert_last(visitor, "");
	assert_int_equal(n_jobs, 0);
	visitor_destroy(visitor);
}

static void the_last_one_outlives_the_process(void **state)
{
	static const char *const peers[] = {"192.168.1.20", "fd00::20"};
	static const char *const texts[] = {"192.168.1.20", "[fd00::20]"};
	(void)state;

	for (size_t i = 0; i < 2; i++) {
		struct visitor *visitor = begin();
		char path[64];

		assert_last(visitor, "");
		visit(visitor, peers[i], i == 0 ? "192.168.1.7" : "fd00::7");
		assert_last(visitor, texts[i]);
		visitor_destroy(visitor);
		visitor = begin();
		assert_last(visitor, texts[i]);
		visitor_destroy(visitor);
		snprintf(path, sizeof(path), "%s/last-visitor", folder);
		assert_int_equal(unlink(path), 0);
	}
}

static void the_disk_is_not_written_for_every_request(void **state)
{
	struct visitor *visitor = begin();
	(void)state;

	for (int i = 0; i < 1000; i++)
		visit(visitor, i % 2 ? "192.168.1.20" : "192.168.1.21", "192.168.1.7");
	assert_int_equal(n_jobs, 1);
	visitor_destroy(visitor);
}

static void a_broken_file_is_as_good_as_none(void **state)
{
	static const char *const texts[] = {"", "\n", "x y\n", "12\n", "12 \n", "12 [\n",
		"-3 10.0.0.1\n", "12 nowhere\n", "99999999999999999999 10.0.0.1\n"};
	char path[64];
	(void)state;

	snprintf(path, sizeof(path), "%s/last-visitor", folder);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		FILE *file = fopen(path, "w");
		struct visitor *visitor;

		assert_non_null(file);
		fputs(texts[i], file);
		fclose(file);
		visitor = begin();
		assert_last(visitor, "");
		visitor_destroy(visitor);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			this_computer_is_no_visitor, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			the_last_one_outlives_the_process, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			the_disk_is_not_written_for_every_request, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			a_broken_file_is_as_good_as_none, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
