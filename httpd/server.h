/* SPDX-License-Identifier: MIT */
/*
 * The server accepts connections and keeps their number within bounds.
 *
 *     listeners (inherited) ──accept──► caps, eviction ──► exchange ──► routes
 *
 * At the cap, of the whole or of the address, whoever has not yet asked for anything is closed
 * first, the oldest of them first; then who is idle between requests; those who are being answered
 * or watch never are.  So a thousand connections that send a byte a second only evict each other.
 * Without file descriptors or memory accepting pauses for a while, instead of spinning.
 * Event-loop thread only.
 */
#pragma once

struct server; /* opaque */
struct site;

#define SERVER_LISTENERS_MAX 16

/*
 * Starts accepting on site->http_fds, which are owned by the server from here on if this succeeds;
 * `site` is borrowed for life.  0; -ENOMEM; -EINVAL: one of them is not listening.
 */
int server_create(struct site *site, struct server **out);
/* How many connections have not put on the wire all that was marked (conn_mark()), and closing
 * those by a reset: they are gone in the loop's next turn. */
unsigned server_behind_mark(const struct server *server);
void server_cut_behind_mark(struct server *server);
/* Closes all connections first.  Accepts NULL. */
void server_destroy(struct server *server);
