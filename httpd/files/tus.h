/* SPDX-License-Identifier: MIT */
/*
 * Uploads that can be resumed, by tus 1.0: core, creation, creation-with-upload, termination and
 * expiration.
 *
 *     POST /tus/ ──► ID ──PATCH, PATCH, …──► whole ──► placed under its name
 *                     └──HEAD: how far?──┘  (after a closed lid, another Wi-Fi, a restart)
 *
 *   LOADING ──► IDLE ──PATCH──► BUSY ──► IDLE … ──all bytes──► DONE
 *
 * Whose creation was not answered sends it again, which must not become a second file, and browsers
 * do so by themselves: so a client may choose the ID itself (Upload-Key).
 *
 * One request of an upload at a time.  A new one does not wait for a PATCH whose connection has
 * died without a word: that is broken off, what it brought is written, and then the new one is
 * answered. What the disk has is what counts (.incoming/ID.part); the memory only saves reading it
 * again. Event-loop thread only, but for what workers do.
 */
#pragma once

struct files;
struct tus_uploads; /* opaque */

int tus_create(struct files *files, struct tus_uploads **out); /* 0 or -ENOMEM */
void tus_destroy(struct tus_uploads *uploads);                 /* after them; accepts NULL */
/* Those that nobody has asked for lately go from memory, not from the disk. */
void tus_forget_old(struct tus_uploads *uploads);
