/* SPDX-License-Identifier: MIT */
#include "httpd/state_pictures.h"

#include "httpd/state_picture_files.h" /* generated */

#define DECLARE(symbol, source, state) extern const uint8_t symbol[], symbol##_end[];
STATE_PICTURES(DECLARE)

const uint8_t *state_picture(enum source_id source, enum source_state state, size_t *len)
{
#define RETURN_IF(symbol, source_, state_)                                                         \
	if (source == source_ && state == state_) {                                                \
		*len = (size_t)(symbol##_end - symbol);                                            \
		return symbol;                                                                     \
	}
	STATE_PICTURES(RETURN_IF)
	(void)source, (void)state, (void)len;
	return NULL;
}
