/* SPDX-License-Identifier: MIT */
/*
 * words_picture STATE WORDS >OUT.jpg: the picture of the screen's state with these very words. What
 * a viewer gets must equal it, byte for byte: so a test reads what stands in a picture.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capd/pattern.h"

int main(int argc, char **argv)
{
	unsigned state = 0;
	uint8_t *jpeg;
	size_t len;

	while (argc == 3 && state < STATE_COUNT && strcmp(state_name(state), argv[1]) != 0)
		state++;
	if (argc != 3 || state == STATE_COUNT) {
		fprintf(stderr, "usage: words_picture STATE WORDS >OUT.jpg\n");
		return 2;
	}
	if (pattern_state_jpeg(SOURCE_SCREEN, state, argv[2], &jpeg, &len) < 0)
		return 1;
	size_t written = fwrite(jpeg, 1, len, stdout);
	free(jpeg);
	return written == len && fflush(stdout) == 0 ? 0 : 1;
}
