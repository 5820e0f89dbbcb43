/* SPDX-License-Identifier: MIT */
/*
 * Reads from memory that another process may take away.
 *
 * POSIX shared memory opened by shm_open() takes no seals, so a hostile or broken writer can
 * truncate the segment under a reader, whose next load is then a SIGBUS.  These functions survive
 * it: a fault inside the range being read makes them return false.  A SIGBUS anywhere else is our
 * own bug and kills the process as before.  (libwayland guards wl_shm buffers for the same reason.)
 *
 * Any thread; no allocation; no lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Installs the SIGBUS handler.  Once, before the first use, from any thread.  0 or -errno. */
int guarded_copy_init(void);

/*
 * Copies `len` bytes from `source` (8-byte aligned, readable up to the next multiple of 8) by
 * relaxed atomic 64-bit loads.  False: the memory is gone; `destination` is then undefined.
 */
bool guarded_copy(void *destination, const void *source, size_t len);

/* Loads one aligned word.  False: the memory is gone. */
bool guarded_load_u64(const void *source, uint64_t *value);
bool guarded_load_u32(const void *source, uint32_t *value);
