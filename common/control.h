/* SPDX-License-Identifier: MIT */
/*
 * The control socket: everything that the presenter may do goes there, and only there.
 *
 * AF_UNIX SOCK_STREAM, one JSON object a line in each direction; a connection carries any number of
 * requests, answered in order, also after whoever asks has shut their half of it:
 *
 *     → {"request":"status"}
 *     ← {"ok":true,"status":{…}}
 *     ← {"ok":false,"error":"words for a person"}
 *
 * Requests: "status" (as /status, plus "urls", in "watching" the viewers, and who has paused),
 * "viewers", "url", "version".  "pause", "resume": answered when it is so, with "paused", and a
 * "warning" where it could not be written down.  "reload" reads the configuration again and has
 * been done when it is answered.  "files", with an "action" (httpd/files/files_control.h).  httpd
 * checks the peer by SO_PEERCRED: root, the user of seat0's active session, or its own uid.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#define CONTROL_LINE_MAX    (1024u * 1024u) /* an answer; a request is at most 4096 bytes */
#define CONTROL_REQUEST_MAX 4096u

/*
 * For the cli: connects, asks, waits for the answer at most `timeout_ms` (blocking).  0 and
 * *answer, owned by the caller (json_decref); -errno: -ENOENT/-ECONNREFUSED nobody there,
 * -ETIMEDOUT, -EPROTO not an answer, -ECONNRESET closed without one, -EMSGSIZE, -EACCES.
 */
int control_ask(const char *socket_path, const json_t *request, int timeout_ms, json_t **answer);
