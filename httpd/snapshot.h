/* SPDX-License-Identifier: MIT */
/*
 * A snapshot is /d.jpg: the newest picture of the screen, at once if there is one, else as soon as
 * capture has begun for it.
 *
 *   0 ──────────── a picture answers at once ──────────── 700 ms ── so does a state's ── 1000 ms:
 * 503
 *
 * A state's picture ("no display …") is kept back for a while, since a daemon that has just been
 * started begins in one.  It answers with 200, so that an <img> shows it, and a header that tells
 * programs which state it is.
 */
#pragma once

#include "common/stream.h"
#include "httpd/exchange.h"

struct site;

void snapshot_answer(
	struct site *site, struct exchange *exchange, enum source_id source); /* GET, HEAD /d.jpg */
