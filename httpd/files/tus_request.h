/* SPDX-License-Identifier: MIT */
/*
 * What a request of tus 1.0 says, read strictly, before anything is done about it.
 * Event-loop thread only.
 */
#pragma once

#include "httpd/exchange.h"
#include "httpd/files/owner.h"
#include "httpd/files/tus_file.h"

/* Every request but OPTIONS says which version it speaks.  False: answered. */
bool tus_request_is_ours(struct exchange *exchange);
/* The id in the path, if it is one; NULL: answered. */
const char *tus_request_id(struct exchange *exchange);

/* The ID of what is to be created: random, or the client's own choice.  0; -EINVAL: that is no ID;
 * -EIO. */
int tus_request_new_id(struct exchange *exchange, char id[STORE_ID_SIZE], bool *is_chosen);
/* What is to be created: into `info`, whose metadata are the caller's, also after a failure.  0;
 * -EINVAL and why; -EFBIG: more than `max`; -ENOMEM. */
int tus_request_creation(struct exchange *exchange, uint64_t max, struct tus_info *info,
	char set_cookie[OWNER_COOKIE_SIZE], const char **why);
/* Whether a PATCH goes on where the file is, as it says before its body: then true. False:
 * answered. */
bool tus_request_continues(struct exchange *exchange, const struct tus_file *file);
