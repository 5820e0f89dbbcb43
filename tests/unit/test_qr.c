/* SPDX-License-Identifier: MIT */
/* links: cli/qr.c -lqrencode */
#include "cli/qr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <qrencode.h>

#define BORDER  4
#define URL     "http://192.168.100.100:8001/"
#define COLOURS "\033[38;5;16;48;5;231m"

static char *printed; /* free() */

static void print(const char *text)
{
	size_t len;
	FILE *out = open_memstream(&printed, &len);

	assert_int_equal(qr_print(out, text), 0);
	assert_int_equal(fclose(out), 0);
}

/* The two modules of the cell at *p, which moves on. */
static void read_cell(const char **p, bool *upper, bool *lower)
{
	static const struct {
		const char *text;
		bool upper, lower;
	} cells[] = {
		{"█", true, true}, {"▀", true, false}, {"▄", false, true}, {" ", false, false}};

	for (size_t i = 0; i < 4; i++) {
		if (strncmp(*p, cells[i].text, strlen(cells[i].text)) != 0)
			continue;
		*p += strlen(cells[i].text);
		*upper = cells[i].upper;
		*lower = cells[i].lower;
		return;
	}
	fail_msg("no cell at \"%.8s\"", *p);
}

static void what_is_shown_is_the_code_with_its_border(void **state)
{
	QRcode *code = QRcode_encodeString8bit(URL, 0, QR_ECLEVEL_L);
	int side = code->width + 2 * BORDER, n_dark = 0;
	const char *p;
	(void)state;

	print(URL);
	p = printed;
	for (int y = 0; y < side; y += 2) {
		assert_memory_equal(p, COLOURS, strlen(COLOURS));
		p += strlen(COLOURS);
		for (int x = 0; x < side; x++) {
			bool rows[2];

			read_cell(&p, &rows[0], &rows[1]);
			for (int i = 0; i < 2; i++) {
				int cx = x - BORDER, cy = y + i - BORDER;
				bool is_inside =
					cx >= 0 && cy >= 0 && cx < code->width && cy < code->width;

				assert_int_equal(rows[i],
					is_inside ? code->data[cy * code->width + cx] & 1 : 0);
				n_dark += rows[i];
			}
		}
		assert_memory_equal(p, "\033[0m\n", 5);
		p += 5;
	}
	assert_int_equal(*p, '\0');
	assert_true(n_dark > 200);
	free(printed);
	QRcode_free(code);
}

static void what_no_code_can_hold_is_refused(void **state)
{
	char *text = malloc(8000);
	(void)state;

	memset(text, 'x', 7999);
	text[7999] = '\0';
	assert_int_equal(qr_print(stdout, text), -EMSGSIZE);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_shown_is_the_code_with_its_border),
		cmocka_unit_test(what_no_code_can_hold_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
