/* SPDX-License-Identifier: MIT */
/*
 * From a camera's frames to records.
 *
 *     JPEG frame ──► its own bytes, our COM segment and missing tables in between ──┐
 *     YUYV, NV12, YU12, the test picture ──► jpeg_picture ──► the same COM segment ─┴──► output
 *
 * A picture that is too long for a record lowers the quality; one that the camera itself has made
 * gets a larger ring, up to a limit, and is dropped beyond it.  Event-loop thread only.
 */
#pragma once

#include "capd/camera/camera_source.h"
#include "capd/output.h"
#include "capd/picture.h"
#include "common/config.h"

struct pipeline;

/* `output` is borrowed for life.  0 or -ENOMEM. */
int pipeline_create(const struct config *config, struct output *output, struct pipeline **out);
/* Accepts NULL. */
void pipeline_destroy(struct pipeline *pipeline);

/*
 * Publishes a frame.  0; -ENOSPC, -ENOMEM: no room for a ring or an encoder; -EMSGSIZE: it fits in
 * no record, and has been dropped.
 */
int pipeline_frame(struct pipeline *pipeline, const struct camera_frame *frame);
/* The same with pixels of our own. */
int pipeline_picture(struct pipeline *pipeline, const struct picture *picture, uint64_t pts_ns);

/* Gives ring and encoder up: nobody wants pictures now. */
void pipeline_reset(struct pipeline *pipeline);
