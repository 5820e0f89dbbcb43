/* SPDX-License-Identifier: MIT */
/*
 * A QR code in a terminal: two modules a character cell (half blocks), dark on light whatever the
 * terminal's colours are, with the border of four modules that the standard asks for.
 */
#pragma once

#include <stdio.h>

/* `text`: at most some hundred bytes.  0; -ENOMEM; -EMSGSIZE: too long for any code. */
int qr_print(FILE *out, const char *text);
