/* SPDX-License-Identifier: MIT */
/* What the fakes on a message bus have in common: each is a program of a test's own, which says
 * READY when it can be spoken to, and ends with words at the first thing that fails. */
#pragma once

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-bus.h>

/* Does nothing unless `r`, of `what`, is negative: -errno. */
static inline void die(const char *what, int r)
{
	if (r >= 0)
		return;
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(-r));
	exit(EXIT_FAILURE);
}

/* Takes the name, and answers until the bus goes. */
static inline _Noreturn void fake_bus_serve(sd_bus *bus, const char *name)
{
	int r;

	die("name", sd_bus_request_name(bus, name, 0));
	puts("READY");
	fflush(stdout);
	for (;;) {
		do
			die("a call", r = sd_bus_process(bus, NULL));
		while (r > 0);
		die("waiting", sd_bus_wait(bus, UINT64_MAX));
	}
}
