/* SPDX-License-Identifier: MIT */
/*
 * state_picture SOURCE STATE >OUT.jpg: writes the picture of a state, at build time, for httpd to
 * embed (what it shows when no daemon answers).  Not installed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capd/pattern.h"

int main(int argc, char **argv)
{
	unsigned source = 0, state = 0;
	uint8_t *jpeg;
	size_t len;
	int r;

	if (argc != 3) {
		fprintf(stderr, "usage: state_picture SOURCE STATE >OUT.jpg\n");
		return 2;
	}
	while (source < SOURCE_COUNT && strcmp(source_name(source), argv[1]) != 0)
		source++;
	while (state < STATE_COUNT && strcmp(state_name(state), argv[2]) != 0)
		state++;
	if (source == SOURCE_COUNT || state == STATE_COUNT) {
		fprintf(stderr, "state_picture: no source \"%s\" with a state \"%s\"\n", argv[1],
			argv[2]);
		return 2;
	}
	r = pattern_state_jpeg(source, state, NULL, &jpeg, &len);
	if (r < 0) {
		fprintf(stderr, "state_picture: %s\n", strerror(-r));
		return 1;
	}
	r = fwrite(jpeg, 1, len, stdout) == len && fflush(stdout) == 0 ? 0 : 1;
	free(jpeg);
	if (r != 0)
		perror("state_picture: could not write");
	return r;
}
