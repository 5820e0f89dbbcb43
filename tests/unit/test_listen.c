/* SPDX-License-Identifier: MIT */
/* links: cli/listen.c common/parse.c */
#include "cli/listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

static struct listen_address parsed(const char *text)
{
	struct listen_address address;

	assert_int_equal(listen_parse(text, &address), 0);
	return address;
}

static void an_address_is_read_and_written(void **state)
{
	static const char *const texts[] = {"127.0.0.1:8001", "0.0.0.0:0", "[::]:8001",
		"[fd00::1]:65535", "[::1]:1", "[fe80::1%lo]:8001"};
	char out[LISTEN_TEXT_MAX];
	(void)state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct listen_address address = parsed(texts[i]);

		assert_string_equal(listen_format(&address, out, sizeof(out)), texts[i]);
	}
}

static void anything_else_is_refused(void **state)
{
	static const char *const texts[] = {"", ":", "8001", ":8001", "127.0.0.1",
		"127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 80", "127.0.0.1:0x50",
		"[127.0.0.1]:80", "::1:80", "[::1]", "[]:80", "[::1:80", "localhost:80",
		"example.org:80", "127.1.1.1.1:80", "[fd00::g]:80", "[::1]x:80",
		"[::1%no-such-interface]:80"};
	char text[300];
	struct listen_address address;
	(void)state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (listen_parse(texts[i], &address) != -EINVAL)
			fail_msg("\"%s\" was taken", texts[i]);
	memset(text, '1', sizeof(text));
	strcpy(text + sizeof(text) - 4, ":80");
	assert_int_equal(listen_parse(text, &address), -EINVAL);
}

static void a_free_port_is_taken_and_told(void **state)
{
	struct listen_address address = parsed("127.0.0.1:0"), same;
	int fd = -1, other = -1;
	(void)state;

	assert_int_equal(listen_tcp(&address, &fd), 0);
	assert_true(fd >= 0 && listen_port(&address) > 0);
	same = address;
	assert_int_equal(listen_tcp(&same, &other), -EADDRINUSE);
	assert_int_equal(other, -1);
	close(fd);
	assert_int_equal(listen_tcp(&same, &other), 0); /* at once, though somebody was connected */
	close(other);
}

static void the_wildcard_serves_both_families(void **state)
{
	struct listen_address address = parsed("[::]:0");
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = -1, client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)state;

	assert_int_equal(listen_tcp(&address, &fd), 0);
	assert_true(listen_is_wildcard(&address));
	to.sin_port = htons(listen_port(&address));
	assert_int_equal(connect(client, (const struct sockaddr *)&to, sizeof(to)), 0);
	close(client);
	close(fd);
}

static void an_address_of_another_machine_is_refused(void **state)
{
	struct listen_address address = parsed("192.0.2.77:0");
	int fd = -1;
	(void)state;

	assert_int_equal(listen_tcp(&address, &fd), -EADDRNOTAVAIL);
	assert_int_equal(fd, -1);
}

static void a_local_socket_is_its_owners_alone(void **state)
{
	char folder[] = "/tmp/screenshare-test-listen-XXXXXX", path[64];
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	struct stat st;
	int fd = -1, client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	(void)state;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	umask(0);
	assert_int_equal(listen_unix(path, SOCK_SEQPACKET, &fd), 0);
	assert_int_equal(umask(0), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	strcpy(to.sun_path, path);
	assert_int_equal(connect(client, (const struct sockaddr *)&to, sizeof(to)), 0);
	close(client);
	close(fd);
	fd = -1;
	assert_int_equal(listen_unix(path, SOCK_STREAM, &fd), -EADDRINUSE);
	assert_int_equal(fd, -1);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_read_and_written),
		cmocka_unit_test(anything_else_is_refused),
		cmocka_unit_test(a_free_port_is_taken_and_told),
		cmocka_unit_test(the_wildcard_serves_both_families),
		cmocka_unit_test(an_address_of_another_machine_is_refused),
		cmocka_unit_test(a_local_socket_is_its_owners_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
