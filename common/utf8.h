/* SPDX-License-Identifier: MIT */
/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.  Any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Bytes of the well-formed character at `text`, of at most `len` (> 0) bytes; 0 if there is none.
 */
size_t utf8_character_len(const char *text, size_t len);

/* True if all of `text` is well formed. */
bool utf8_is_valid(const char *text, size_t len);

/* True if a character of utf8_character_len() bytes at `text` is a control: C0, DEL or C1. */
bool utf8_is_control(const char *text);

/*
 * True for a character that makes the text around it look like another: a control, a separator of
 * lines or paragraphs, a mark, an override or an isolate of direction (U+202E makes "exe.gpj" of
 * "jpg.exe", and of an address behind it another one), a space that nobody sees, a byte order mark.
 * Joiners are none: emoji and Persian are written with them.
 */
bool utf8_is_harmful(const char *text);

/*
 * For text that quotes what strangers have sent: what is no UTF-8, and every harmful
 * character, becomes '?'.
 * One message stays one line, no escape sequence reaches a terminal, and neither journalctl (which
 * hides it as "blob data") nor JSON refuses it.
 */
void utf8_clean(char *text);
