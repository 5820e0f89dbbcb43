/* SPDX-License-Identifier: MIT */
#include "capd/font.h"

#include <stdbool.h>

#define FIRST ' '
#define LAST  '~'

static const char *const paths[LAST - FIRST + 1] = {
	[' ' - FIRST] = "",
	['!' - FIRST] = "M8 5 L8 17 D8 23.4",
	['"' - FIRST] = "M5.5 5 L5.5 10 M10.5 5 L10.5 10",
	['#' - FIRST] = "M6.7 6 L5.2 23 M10.8 6 L9.3 23 M3 11.5 L13.5 11.5 M2.5 17.5 L13 17.5",
	['$' - FIRST] = "A8 10 4.6 4.2 90 325 A8 18.7 4.8 4.5 270 505 M8 3 L8 26",
	['%' - FIRST] = "O4.6 9 2.2 3.6 O11.4 20 2.2 3.6 M12.6 6 L3.4 23",
	['&' - FIRST] = "O7.2 8.4 2.9 3.4 M5 10.6 L13.6 24 M9.4 10.5 L4.9 15.2 "
			"A7.2 19.1 4.4 4.9 20 235 M11.3 20.8 L13 16.3",
	['\'' - FIRST] = "M8 5 L8 10",
	['(' - FIRST] = "A14 14.5 7.5 13.5 130 230",
	[')' - FIRST] = "A2 14.5 7.5 13.5 310 410",
	['*' - FIRST] = "M8 6 L8 16 M3.7 8.5 L12.3 13.5 M12.3 8.5 L3.7 13.5",
	['+' - FIRST] = "M8 10 L8 21 M2.7 15.5 L13.3 15.5",
	[',' - FIRST] = "D8 23.4 M8.6 23.6 L6.6 27.8",
	['-' - FIRST] = "M4 15.5 L12 15.5",
	['.' - FIRST] = "D8 23.4",
	['/' - FIRST] = "M12.5 4 L3.5 27",
	['0' - FIRST] = "O8 14.5 5 9.5 M8 13.6 L8 15.4",
	['1' - FIRST] = "M3.8 8.4 L8 5 L8 24 M4 24 L12 24",
	['2' - FIRST] = "A8 9.8 4.7 4.8 200 390 M12.1 12.2 L3.3 24 L13 24",
	['3' - FIRST] = "A7.7 9.6 4.5 4.6 210 450 A7.7 19.1 5 4.9 270 510 M6.2 14.2 L7.7 14.2",
	['4' - FIRST] = "M10.6 24 L10.6 5 L2.8 18.3 L13.6 18.3",
	['5' - FIRST] = "M12 5 L4.6 5 L4 13.4 A7.7 17.9 5 6.1 230 500",
	['6' - FIRST] = "O8 18 4.8 6 A11.2 18 8 13 180 275",
	['7' - FIRST] = "M3 5 L13 5 L6.4 24",
	['8' - FIRST] = "O8 9.6 4.3 4.6 O8 19.1 5 4.9",
	['9' - FIRST] = "O8 11 4.8 6 A4.8 11 8 13 0 95",
	[':' - FIRST] = "D8 12.6 D8 22",
	[';' - FIRST] = "D8 12.6 D8 22 M8.6 22.2 L6.6 26.6",
	['<' - FIRST] = "M13 9.5 L3 15.5 L13 21.5",
	['=' - FIRST] = "M3 12.7 L13 12.7 M3 18.3 L13 18.3",
	['>' - FIRST] = "M3 9.5 L13 15.5 L3 21.5",
	['?' - FIRST] = "A7.8 9.6 4.5 4.6 195 405 M11 12.9 L8.4 15.6 L8 17.6 D8 23.4",
	['@' - FIRST] = "A8 15.5 6.2 10 60 360 O8.5 15.9 2.8 4.1 M11.3 12 L11.3 18.3 "
			"A12.7 18.3 1.5 2.2 0 180 M14.2 18.3 L14.2 15.5",
	['A' - FIRST] = "M2.5 24 L8 5 L13.5 24 M4.5 17.6 L11.5 17.6",
	['B' - FIRST] = "M8.2 5 L3.5 5 L3.5 24 L8.4 24 A8.4 19 4.7 5 270 450 M3.5 14 L8.4 14 "
			"A8.2 9.5 4.1 4.5 270 450",
	['C' - FIRST] = "A8.6 14.5 5.6 9.5 50 310",
	['D' - FIRST] = "M7 5 L3.3 5 L3.3 24 L7 24 A7 14.5 6 9.5 270 450",
	['E' - FIRST] = "M12.5 5 L3.7 5 L3.7 24 L12.5 24 M3.7 14 L11.4 14",
	['F' - FIRST] = "M12.7 5 L4 5 L4 24 M4 14 L11.4 14",
	['G' - FIRST] = "A8.4 14.5 5.6 9.5 0 310 M9.2 14.5 L14 14.5",
	['H' - FIRST] = "M3 5 L3 24 M13 5 L13 24 M3 14 L13 14",
	['I' - FIRST] = "M4 5 L12 5 M8 5 L8 24 M4 24 L12 24",
	['J' - FIRST] = "M6 5 L11.8 5 L11.8 18.6 A7.3 18.6 4.5 5.4 0 155",
	['K' - FIRST] = "M3.5 5 L3.5 24 M13 5 L3.5 16 M6.4 12.6 L13.3 24",
	['L' - FIRST] = "M4 5 L4 24 L13 24",
	['M' - FIRST] = "M2.5 24 L2.5 5 L8 15 L13.5 5 L13.5 24",
	['N' - FIRST] = "M3 24 L3 5 L13 24 L13 5",
	['O' - FIRST] = "O8 14.5 5.6 9.5",
	['P' - FIRST] = "M3.7 24 L3.7 5 L8 5 A8 10.2 5 5.2 270 450 M8 15.4 L3.7 15.4",
	['Q' - FIRST] = "O8 14.5 5.6 9.5 M9.4 19.4 L13.4 26.4",
	['R' - FIRST] = "M3.7 24 L3.7 5 L8 5 A8 10 4.8 5 270 450 M8 15 L3.7 15 M8 15 L13.2 24",
	['S' - FIRST] = "A8 9.6 4.7 4.6 90 325 A8 19.1 5 4.9 270 505",
	['T' - FIRST] = "M2.5 5 L13.5 5 M8 5 L8 24",
	['U' - FIRST] = "M3 5 L3 18.2 A8 18.2 5 5.8 0 180 M13 18.2 L13 5",
	['V' - FIRST] = "M2.5 5 L8 24 L13.5 5",
	['W' - FIRST] = "M1.8 5 L4.6 24 L8 11 L11.4 24 L14.2 5",
	['X' - FIRST] = "M3 5 L13 24 M13 5 L3 24",
	['Y' - FIRST] = "M2.5 5 L8 14.6 L13.5 5 M8 14.6 L8 24",
	['Z' - FIRST] = "M3 5 L13 5 L3 24 L13 24",
	['[' - FIRST] = "M11 4 L6.5 4 L6.5 27 L11 27",
	['\\' - FIRST] = "M3.5 4 L12.5 27",
	[']' - FIRST] = "M5 4 L9.5 4 L9.5 27 L5 27",
	['^' - FIRST] = "M3.5 12 L8 5 L12.5 12",
	['_' - FIRST] = "M2 27.5 L14 27.5",
	['`' - FIRST] = "M6 4 L9 8",
	['a' - FIRST] = "A7.9 15.4 4.6 4.4 205 360 M12.5 15.4 L12.5 24 M12.5 17.4 L8 17.4 "
			"A8 20.7 4.7 3.3 90 270 M8 24 L8.7 24 A8.7 20 3.8 4 0 90",
	['b' - FIRST] = "M3.4 4 L3.4 24 O8.1 17.5 4.7 6.5",
	['c' - FIRST] = "A8.4 17.5 4.9 6.5 50 310",
	['d' - FIRST] = "M12.6 4 L12.6 24 O7.9 17.5 4.7 6.5",
	['e' - FIRST] = "A8 17.5 4.9 6.5 45 360 M3.1 17.5 L12.9 17.5",
	['f' - FIRST] = "M7 24 L7 8.8 A11.2 8.8 4.2 4.8 180 290 M3.5 11.5 L12 11.5",
	['g' - FIRST] = "O7.8 17.3 4.7 6.3 M12.5 11 L12.5 25.2 A8 25.2 4.5 5 0 145",
	['h' - FIRST] = "M3.4 4 L3.4 24 A8 16 4.6 5 180 360 M12.6 16 L12.6 24",
	['i' - FIRST] = "D8 5.4 M4.8 11 L8 11 L8 24 M4.5 24 L11.5 24",
	['j' - FIRST] = "D9.8 5.4 M6.2 11 L9.8 11 L9.8 25.6 A5.8 25.6 4 4.6 0 120",
	['k' - FIRST] = "M3.8 4 L3.8 24 M12.4 11 L3.8 18.6 M6.9 15.9 L12.9 24",
	['l' - FIRST] = "M4.8 4 L8 4 L8 20.4 A11.4 20.4 3.4 3.6 90 180 M11.4 24 L12.6 24",
	['m' - FIRST] = "M2.5 11 L2.5 24 A5.3 14 2.8 3 180 360 M8 14 L8 24 A10.7 14 2.8 3 180 360 "
			"M13.5 14 L13.5 24",
	['n' - FIRST] = "M3.4 11 L3.4 24 A8 16 4.6 5 180 360 M12.6 16 L12.6 24",
	['o' - FIRST] = "O8 17.5 5 6.5",
	['p' - FIRST] = "M3.4 11 L3.4 30 O8.1 17.5 4.7 6.5",
	['q' - FIRST] = "M12.6 11 L12.6 30 O7.9 17.5 4.7 6.5",
	['r' - FIRST] = "M4.6 11 L4.6 24 A9.6 16 5 5 180 305",
	['s' - FIRST] = "A8 14.2 4.2 3.2 90 330 A8 20.7 4.4 3.3 270 510",
	['t' - FIRST] = "M7 6 L7 19.6 A11 19.6 4 4.4 90 180 M11 24 L12.4 24 M3.5 11 L12.4 11",
	['u' - FIRST] = "M3.4 11 L3.4 19 A8 19 4.6 5 0 180 M12.6 11 L12.6 24",
	['v' - FIRST] = "M3 11 L8 24 L13 11",
	['w' - FIRST] = "M1.9 11 L4.7 24 L8 14.5 L11.3 24 L14.1 11",
	['x' - FIRST] = "M3.3 11 L12.7 24 M12.7 11 L3.3 24",
	['y' - FIRST] = "M3 11 L8.2 24 M13 11 L7.1 27.6 L6 29.4 L3.8 30",
	['z' - FIRST] = "M3.6 11 L12.4 11 L3.6 24 L12.4 24",
	['{' - FIRST] = "A11 8 3 4 180 270 M8 8 L8 12.5 A5 12.5 3 3 0 90 A5 18.5 3 3 270 360 "
			"M8 18.5 L8 23 A11 23 3 4 90 180",
	['|' - FIRST] = "M8 3 L8 28",
	['}' - FIRST] = "A5 8 3 4 270 360 M8 8 L8 12.5 A11 12.5 3 3 90 180 A11 18.5 3 3 180 270 "
			"M8 18.5 L8 23 A5 23 3 4 0 90",
	['~' - FIRST] = "A5.4 15.8 2.6 2.4 180 360 A10.6 15.8 2.6 2.4 0 180",
};

const char *font_path(unsigned character)
{
	if (character < FIRST || character > LAST)
		return "M3.5 6 L12.5 6 L12.5 24 L3.5 24 L3.5 6";
	return paths[character - FIRST];
}

unsigned font_next(const char *text, size_t *len)
{
	unsigned character = (unsigned char)text[0];

	*len = character != 0;
	if (character >= 0x80)
		while (((unsigned char)text[*len] & 0xc0) == 0x80)
			++*len;
	return character;
}

/* The longest line that begins here; *next is where the one after it does. */
static struct font_line take_line(const char *text, unsigned n_cells_max, const char **next)
{
	struct font_line line = {.start = text}, at_space = {0};
	unsigned character;
	size_t len;

	while ((character = font_next(text, &len)) != 0 && character != '\n') {
		if (character == ' ') {
			if (line.len > 0 && text[-1] != ' ')
				at_space = line;
			*next = text + 1;
		} else if (line.n_cells >= n_cells_max) {
			if (at_space.start)
				return at_space;
			*next = text;
			return line;
		}
		text += len;
		line.len += len;
		line.n_cells++;
	}
	*next = character == '\n' ? text + 1 : text;
	while (line.len > 0 && line.start[line.len - 1] == ' ') {
		line.len--;
		line.n_cells--;
	}
	return line;
}

size_t font_wrap(const char *text, unsigned n_cells, struct font_line *lines, size_t max)
{
	size_t n = 0;

	while (*text) {
		struct font_line line;

		while (*text == ' ')
			text++;
		line = take_line(text, n_cells, &text);
		if (n < max)
			lines[n] = line;
		n++;
	}
	return n;
}
