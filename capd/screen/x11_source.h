/* SPDX-License-Identifier: MIT */
/* The screen of an X server as a source (capd/source.h): [screen] display, monitor, cursor, rate.
 */
#pragma once

#include "capd/source.h"

extern const struct source_ops x11_source_ops;
