/* SPDX-License-Identifier: MIT */
/*
 * Opens the folder of the shared files, and where that fails tries again until it can: a disk that
 * was not mounted yet, a file system that is read-only for a while.
 *
 *     start ──opens──► files_opened()
 *       └─fails──► why, once in the journal ──every RETRY──► worker: store_open ──► files_opened()
 *
 * Event-loop thread only, but for the opening itself.
 */
#pragma once

struct files;
struct opening; /* opaque */

/*
 * `state_dir` is where the folder lies by default.  Tries once, before it returns, since nobody
 * waits for an answer yet.  0, also where it has to be tried again; -ENOSYS: no openat2(); else
 * what files_opened() answered, or -ENOMEM.
 */
int opening_create(struct files *files, const char *state_dir, struct opening **out);
/* It tries no more.  Before the workers are destroyed; accepts NULL. */
void opening_stop(struct opening *opening);
/* After that.  Accepts NULL. */
void opening_destroy(struct opening *opening);
