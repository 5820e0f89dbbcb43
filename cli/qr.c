/* SPDX-License-Identifier: MIT */
#include "cli/qr.h"

#include <errno.h>
#include <stdbool.h>

#include <qrencode.h>

#define BORDER 4

/* Black on white by number: the sixteen named colours are what a theme makes of them. */
#define COLOURS_ON  "\033[38;5;16;48;5;231m"
#define COLOURS_OFF "\033[0m"

static bool is_dark(const QRcode *code, int x, int y)
{
	if (x < 0 || y < 0 || x >= code->width || y >= code->width)
		return false;
	return code->data[y * code->width + x] & 1;
}

static const char *cell(bool upper, bool lower)
{
	if (upper)
		return lower ? "█" : "▀";
	return lower ? "▄" : " ";
}

int qr_print(FILE *out, const char *text)
{
	/* A screen is neither dirty nor torn: the least correction makes the largest modules. */
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L);

	if (!code)
		return errno == ERANGE ? -EMSGSIZE : -errno;
	for (int y = -BORDER; y < code->width + BORDER; y += 2) {
		fputs(COLOURS_ON, out);
		for (int x = -BORDER; x < code->width + BORDER; x++)
			fputs(cell(is_dark(code, x, y), is_dark(code, x, y + 1)), out);
		fputs(COLOURS_OFF "\n", out);
	}
	QRcode_free(code);
	return 0;
}
