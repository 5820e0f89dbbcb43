/* SPDX-License-Identifier: MIT */
/*
 * Uploads that can be resumed, by tus 1.0: core, creation, creation-with-upload, termination and
 * expiration.
 *
 *     POST /tus/ ──► ID ──PATCH, PATCH, …──► whole ──► placed under its name
 *                     └──HEAD: how far?──┘  (after a closed lid, another Wi-Fi, a restart)
 *
 * Whose creation was not answered sends it again, which must not become a second file, and browsers
 * do so by themselves: so a client may choose the ID itself (Upload-Key).
 * tus_upload.h has the life of one.  Event-loop thread only.
 */
#pragma once

struct files;
struct tus_uploads; /* opaque */

int tus_create(struct files *files, struct tus_uploads **out); /* 0 or -ENOMEM */
void tus_destroy(struct tus_uploads *uploads);                 /* after them; accepts NULL */
/* Those that nobody has asked for lately go from memory, not from the disk. */
void tus_forget_old(struct tus_uploads *uploads);
