/* SPDX-License-Identifier: MIT */
/* Why a request's head was refused.  The first reason is the one to tell. */
#pragma once

#include <stdbool.h>

struct request_refusal {
	unsigned status; /* of HTTP: 400, 414, 431, 501, 505; 0: it was not */
	const char
		*cause; /* an English sentence without a full stop, for whoever wrote the client */
};

/* Returns false, for `return request_refuse(…)` in what says whether a head is acceptable. */
static inline bool request_refuse(
	struct request_refusal *refusal, unsigned status, const char *cause)
{
	if (refusal->status == 0) {
		refusal->status = status;
		refusal->cause = cause;
	}
	return false;
}
