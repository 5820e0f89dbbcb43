/* SPDX-License-Identifier: MIT */
/*
 * The moving test picture as a source (capd/source.h): by configuration, or in place of a display
 * that cannot be reached, with the reason written in it.
 */
#pragma once

#include "capd/source.h"

extern const struct source_ops pattern_source_ops;

/* What is written in the picture from the next frame on (copied); NULL: nothing. */
void pattern_source_set_reason(struct source *source, const char *reason);
