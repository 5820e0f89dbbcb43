/* SPDX-License-Identifier: MIT */
/*
 * What is checked of a whole head once it has been parsed: that no two programs on the way can read
 * it in two ways, and that its target is one that any handler may use as it is.  Any one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "httpd/request.h"
#include "httpd/request_refusal.h"

/* The headers are texts: none is there twice that may not be, and Host is set.  False: refused. */
bool request_check_headers(struct request *request, struct request_refusal *refusal);

/*
 * Splits the target and decodes its path in place: request->path and query lie in it.  The byte
 * behind its `len` bytes may be overwritten.  False: refused.
 */
bool request_check_target(
	struct request *request, char *target, size_t len, struct request_refusal *refusal);
