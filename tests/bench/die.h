/* SPDX-License-Identifier: MIT */
/* The bench programs measure one thing once: whatever fails ends the program, with a reason. */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#define die(...)                                                                                   \
	do {                                                                                       \
		fprintf(stderr, "%s: ", program_invocation_short_name);                            \
		fprintf(stderr, __VA_ARGS__);                                                      \
		fputc('\n', stderr);                                                               \
		exit(1);                                                                           \
	} while (0)
