/* SPDX-License-Identifier: MIT */
/*
 * What httpd is doing, in figures: the same for /status (JSON), /metrics (Prometheus text) and the
 * control socket.  How many watch, and never who: that is for the presenter alone (control_server).
 */
#pragma once

#include <jansson.h>

#include "httpd/exchange.h"

struct site;

/* How its figures are printed: one line, and no 29.699999999999999. */
#define STATUS_JSON_FLAGS (JSON_COMPACT | JSON_REAL_PRECISION(6))

void status_answer(struct site *site, struct exchange *exchange);  /* /status */
void status_metrics(struct site *site, struct exchange *exchange); /* /metrics */

/* The object of /status, owned by the caller; NULL: no memory.  The presenter alone is told who the
 * last visitor was. */
json_t *status_json(const struct site *site, bool for_presenter);
