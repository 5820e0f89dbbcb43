/* SPDX-License-Identifier: MIT */
/*
 * What is said of a resumable upload: the answers of tus 1.0 and their headers.
 * Event-loop thread only.
 */
#pragma once

#include "httpd/exchange.h"
#include "httpd/files/tus_file.h"

/* How it can be gone on with, until so many hours from now: to HEAD. */
void tus_answer_head(struct exchange *exchange, const struct tus_file *file, unsigned resume_hours);
/* A body has been taken: to PATCH, and with `cookie` (a Set-Cookie line, or "") to who has created
 * it; NULL: it was there before. */
void tus_answer_received(struct exchange *exchange, const struct tus_file *file,
	unsigned resume_hours, const char *cookie);
void tus_answer_removed(struct exchange *exchange);
/* What is spoken here; `max`: bytes of one file, UINT64_MAX: any. */
void tus_answer_options(struct exchange *exchange, uint64_t max);

/* What -errno `r` means to a client of tus (-ESTALE: it is wrong about the offset); `why`: a
 * sentence that says more, or NULL. */
void tus_refuse(struct exchange *exchange, int r, const char *why);
void tus_refuse_status(struct exchange *exchange, unsigned status, const char *why);
