/* SPDX-License-Identifier: MIT */
/*
 * An upload is one file of this computer on its way to the shared ones: over HTTP, as every
 * browser's, but with a word from the control socket that lets it in (httpd/files/files_control.h).
 *
 *     path ──► upload_open ──► upload_send ──PUT /uploads/NAME──► one of the site's addresses
 *
 * What goes wrong is said where it is known.  Blocks; embedded, and its owner closes it.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct upload {
	const char *path, *name; /* its last part; both are borrowed from the caller */
	int file;                /* -1: none */
	uint64_t size;           /* bytes */
};

/* `path` is borrowed until upload_close().  False: it cannot be added, and that has been said;
 * there is nothing to close then. */
bool upload_open(struct upload *upload, const char *path);
/*
 * Sends it, once, to the first of `urls` (an array of "http://192.168.1.5:8001/" …, of whatever
 * type its members are) that answers.  `token` is the answer's to the request `add`.  False: it was
 * not taken, and that has been said.  SIGPIPE is the caller's to ignore.
 */
bool upload_send(const struct upload *upload, const json_t *urls, const char *token);
void upload_close(struct upload *upload);
