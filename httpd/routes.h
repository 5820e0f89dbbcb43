/* SPDX-License-Identifier: MIT */
/*
 * Which request is answered by whom: one table of { method, path, right, handler }.
 *
 *     request ──► route ──► access (403, 421) ──► 404, 405 ──► handler
 *
 * Access comes before 404, so that who may not watch does not learn what there is.
 */
#pragma once

#include "httpd/exchange.h"

struct site;

/* Answers exchange_request(), now or later. */
void routes_answer(struct site *site, struct exchange *exchange);
/* Answers what was no request. */
void routes_refuse(
	struct site *site, struct exchange *exchange, const struct request_refusal *refusal);
