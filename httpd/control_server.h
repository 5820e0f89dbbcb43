/* SPDX-License-Identifier: MIT */
/*
 * The control socket's server: what the presenter asks, over an AF_UNIX stream of JSON lines
 * (common/control.h is the protocol).
 *
 *     accept ──SO_PEERCRED──► presenter? ──line──► control_requests.h ──► line
 *
 * Everything is bounded: connections (where there are too many, whoever was silent for longest
 * goes), the length of a request, unread answers, idle time.  One request at a time: the next is
 * read when the answer before it has gone.  Event-loop thread only.
 */
#pragma once

struct control_server; /* opaque */
struct site;

/*
 * `fd`, an inherited listening socket, is owned from here on if this succeeds; `site` is borrowed
 * for life.  0; -ENOMEM; -EINVAL: it is not listening.
 */
int control_server_create(struct site *site, int fd, struct control_server **out);
void control_server_destroy(struct control_server *control); /* accepts NULL */
