/* SPDX-License-Identifier: MIT */
/*
 * libjpeg-turbo, for whole pictures: what a camera gives becomes one baseline JPEG, 4:2:0.
 *
 *     YUYV │ NV12 │ YU12 ──► 16 rows of Y, 8 of Cb and Cr ──► DCT, entropy coding ──► bytes
 *     BGRX ───────────────────────────────────────────────►
 *
 * A camera's colours are already those of JPEG, so that nothing is converted: rows are taken apart
 * into planes, sixteen at a time, which stay in the cache, and handed to libjpeg as raw data (YU12
 * whose width is a multiple of 16 as it lies, without a copy).  Television's range (16–235) is
 * widened on the way.  Pictures of odd sizes repeat their last column and row.
 *
 * The compress object, its tables and its output live on from picture to picture.  An error inside
 * libjpeg ends the call with -errno and leaves the object usable; it never ends the process and
 * never prints.  One thread at a time for each object.
 */
#pragma once

#include "capd/encode/pixels.h"

struct jpeg_picture; /* opaque */

/*
 * For pictures of this format, of at most PICTURE_SIDE_MAX pixels a side.  `quality`: 1–100.
 * 0; -EINVAL: size, stride or quality out of range; -ENOMEM.
 */
int jpeg_picture_create(
	const struct pixels_format *format, unsigned quality, struct jpeg_picture **out);
/* Accepts NULL. */
void jpeg_picture_destroy(struct jpeg_picture *picture);

/* From the next picture on.  0, -EINVAL, -ENOMEM. */
int jpeg_picture_set_quality(struct jpeg_picture *picture, unsigned quality);

/*
 * Compresses pixels_len() bytes.  *jpeg and *len are the object's, valid until its next call.  0;
 * -EMSGSIZE: it would be longer than two bytes a pixel and 64 KiB; -ENOMEM, -EINVAL.
 */
int jpeg_picture_encode(
	struct jpeg_picture *picture, const uint8_t *bytes, const uint8_t **jpeg, size_t *len);
