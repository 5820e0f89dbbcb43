/* SPDX-License-Identifier: MIT */
/*
 * Keeps the listing true to the disk: a scan at the start, then inotify.
 *
 *     inotify ──events──► names ──worker: store_look──► listing
 *     start, overflow, a folder moved ──worker: store_scan──► listing
 *
 * What uploads put there is seen twice, which changes nothing.  Where inotify has no watches left,
 * a scan every minute takes its place; where there is no inotify at all, it is asked for again
 * every five seconds.  Each scan looks first whether the shared folder is still the one that has
 * its name (store_renew()); where none has, it is looked for every five seconds, too.
 */
#pragma once

struct disk_workers;
struct event_base;
struct folder_watch; /* opaque */
struct listing;
struct store;

/* Begins with a scan, after which `on_scanned` is called, once, on the event loop.  Everything is
 * borrowed for life.  0 or -errno. */
int folder_watch_create(struct event_base *base, struct disk_workers *workers, struct store *store,
	struct listing *listing, void (*on_scanned)(void *arg), void *arg,
	struct folder_watch **out);
/* Before the workers are; its memory goes when its last job has run.  Accepts NULL. */
void folder_watch_destroy(struct folder_watch *watch);
