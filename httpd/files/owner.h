/* SPDX-License-Identifier: MIT */
/*
 * Who sends: its address, the name that it gives itself, and a random cookie by which it may remove
 * or rename later what it has sent.
 *
 * The cookie is HttpOnly and SameSite=Strict, so no script and no other site has it; what is stored
 * and shown of it is its hash (owner_of()), of which nobody can make the cookie.  It is no login:
 * without a cookie somebody sends just as well, and owns nothing.
 */
#pragma once

#include "httpd/exchange.h"
#include "httpd/files/entry.h"

#define OWNER_TOKEN_SIZE  33u /* 32 hexadecimal digits */
#define OWNER_COOKIE_SIZE 192u

struct sender {
	struct file_meta meta; /* its sender, address and owner */
	/* A whole Set-Cookie line where it had no cookie yet, else "". */
	char set_cookie[OWNER_COOKIE_SIZE];
};

/* The id of the request's cookie; "" without one. */
void owner_of(const struct request *request, char id[ENTRY_OWNER_SIZE]);

/* From what the request says: cookie, ?sender= or X-Sender (percent-encoded UTF-8), address.  0 or
 * -errno. */
int sender_learn(struct exchange *exchange, struct sender *out);
