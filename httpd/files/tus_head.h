/* SPDX-License-Identifier: MIT */
/*
 * The headers of tus 1.0 (https://tus.io/protocols/resumable-upload), read strictly.  Pure.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define TUS_METADATA_MAX 8192u /* bytes of Upload-Metadata */

/* Upload-Length, Upload-Offset: 0 or -EINVAL. */
int tus_number(const char *text, uint64_t *out);

/*
 * Upload-Metadata: "key base64,key base64,key".  0, or -EINVAL for what is not that: an empty or
 * second key, bad base64, a character that is not ASCII.
 */
int tus_metadata_check(const char *metadata);
/* The value of a key, decoded, NUL-terminated (it may have NULs in it, too).  Its length; -ENOENT;
 * -EINVAL; -EMSGSIZE: longer than `size` - 1. */
int tus_metadata_find(const char *metadata, const char *key, char *out, size_t size);
