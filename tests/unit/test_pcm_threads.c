/* SPDX-License-Identifier: MIT */
/* links: capd/audio/pcm.c capd/audio/sound_server.c capd/audio/server_source.c -lasound -lpulse */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "capd/audio/pcm.h"
#include "common/clock.h"

/* Sound that never ends, and a device that hangs while it is opened: nobody writes into its pipe.
 */
static const char configuration[] =
	"pcm.endless { type null }\n"
	"pcm.hanging { type file slave.pcm { type null } file /dev/null "
	"infile \"%s\" }\n"
	"pcm.default { type null }\n";

static char folder[64], pipe_path[80];

static int make_devices(void **state)
{
	char path[80];
	(void)state;

	strcpy(folder, "/tmp/ss-pcm-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", folder);
	snprintf(path, sizeof(path), "%s/asound.conf", folder);
	FILE *file = fopen(path, "w");
	if (!file || mkfifo(pipe_path, 0600) < 0)
		return -1;
	fprintf(file, configuration, pipe_path);
	setenv("ALSA_CONFIG_PATH", path, 1);
	/* No sound server of whoever runs this. */
	setenv("PULSE_SERVER", "unix:/nonexistent/pulse", 1);
	setenv("XDG_RUNTIME_DIR", folder, 1);
	setenv("HOME", folder, 1);
	pcm_begin();
	return fclose(file);
}

static int remove_devices(void **state)
{
	char command[128];
	(void)state;

	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static void breathe(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	nanosleep(&ms, NULL);
}

static enum pcm_phase wait_phase(const struct pcm *pcm)
{
	uint64_t deadline_ns = clock_monotonic_ns() + 20 * NS_PER_S;

	while (pcm_phase(pcm) == PCM_OPENING && clock_monotonic_ns() < deadline_ns)
		breathe();
	return pcm_phase(pcm);
}

static void a_pcm_is_opened_read_and_closed(void **state)
{
	static int16_t frames[4800 * 2];
	struct pcm_reading reading = {0};
	struct pcm *pcm;
	(void)state;

	assert_int_equal(pcm_open("endless", 0, NULL, &pcm), 0);
	assert_int_equal(wait_phase(pcm), PCM_RUNNING);
	assert_false(pcm_is_server(pcm));
	uint64_t before_ns = clock_monotonic_ns();
	ssize_t n = pcm_read(pcm, frames, 4800, &reading);
	assert_in_range(n, 1, 4800);
	assert_in_range(reading.now_ns, before_ns, clock_monotonic_ns());
	assert_true(reading.avail >= n);
	pcm_close(pcm);
	assert_true(pcm_wait_closed(20000));
}

static void what_does_not_exist_fails_with_alsas_own_words(void **state)
{
	struct pcm *pcm;
	(void)state;

	assert_int_equal(pcm_open("nonsense", PCM_ANEW, NULL, &pcm), 0);
	assert_int_equal(wait_phase(pcm), PCM_FAILED);
	assert_int_equal(pcm_error(pcm), ENOENT);
	assert_non_null(strstr(pcm_words(pcm), "nonsense"));
	pcm_close(pcm);
	assert_true(pcm_wait_closed(20000));
}

static void without_a_server_the_default_monitor_is_refused(void **state)
{
	struct pcm *pcm;
	(void)state;

	assert_int_equal(pcm_open(PCM_DEFAULT_MONITOR, 0, NULL, &pcm), 0);
	assert_int_equal(wait_phase(pcm), PCM_FAILED);
	assert_int_equal(pcm_error(pcm), ECONNREFUSED);
	pcm_close(pcm);
	assert_true(pcm_wait_closed(20000));
}

/* At every phase of its opening. */
static void a_pcm_may_be_closed_at_any_time(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		struct pcm *pcm;
		int r;

		while ((r = pcm_open("endless", i % 3 ? 0 : PCM_ANEW, NULL, &pcm)) == -EAGAIN)
			breathe();
		assert_int_equal(r, 0);
		for (unsigned k = 0; k < i % 7; k++)
			pcm_phase(pcm);
		pcm_close(pcm);
	}
	assert_true(pcm_wait_closed(20000));
}

static void one_that_hangs_holds_nobody_up_and_there_are_not_too_many(void **state)
{
	struct pcm *pcm;
	unsigned n = 0;
	int r;
	(void)state;

	while ((r = pcm_open("hanging", 0, NULL, &pcm)) == 0 && n < 100) {
		assert_int_equal(pcm_phase(pcm), PCM_OPENING);
		pcm_close(pcm);
		n++;
	}
	assert_int_equal(r, -EAGAIN);
	assert_int_equal(n, PCM_THREADS_MAX);
	assert_false(pcm_wait_closed(50));
	/* Somebody writes: all of them come back, and are closed. */
	int fd = open(pipe_path, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_true(pcm_wait_closed(20000));
	close(fd);
	assert_int_equal(pcm_open("endless", 0, NULL, &pcm), 0);
	assert_int_equal(wait_phase(pcm), PCM_RUNNING);
	pcm_close(pcm);
	assert_true(pcm_wait_closed(20000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pcm_is_opened_read_and_closed),
		cmocka_unit_test(what_does_not_exist_fails_with_alsas_own_words),
		cmocka_unit_test(without_a_server_the_default_monitor_is_refused),
		cmocka_unit_test(a_pcm_may_be_closed_at_any_time),
		cmocka_unit_test(one_that_hangs_holds_nobody_up_and_there_are_not_too_many),
	};

	return cmocka_run_group_tests(tests, make_devices, remove_devices);
}
