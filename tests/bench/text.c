/* SPDX-License-Identifier: MIT */
#include "tests/bench/text.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <ft2build.h>
#include FT_FREETYPE_H

#include "tests/bench/die.h"

#define FIRST_CHAR ' '
#define N_CHARS    95

struct glyph {
	uint8_t *alpha;    /* width × height */
	int32_t left, top; /* of the bitmap, from the line's top left */
	int32_t width, height, advance;
};
struct font {
	int32_t line_height;
	struct glyph glyphs[N_CHARS];
};

static const char *const font_paths[] = {
	"/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
	"/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
	"/usr/share/fonts/truetype/freefont/FreeSans.ttf",
};

static void load_glyph(FT_Face face, char c, struct glyph *glyph)
{
	if (FT_Load_Char(face, (FT_ULong)c, FT_LOAD_RENDER))
		die("Could not render '%c'", c);
	const FT_Bitmap *bitmap = &face->glyph->bitmap;
	glyph->width = (int32_t)bitmap->width;
	glyph->height = (int32_t)bitmap->rows;
	glyph->left = face->glyph->bitmap_left;
	glyph->top = (int32_t)(face->size->metrics.ascender >> 6) - face->glyph->bitmap_top;
	glyph->advance = (int32_t)(face->glyph->advance.x >> 6);
	glyph->alpha = calloc((size_t)bitmap->width * bitmap->rows + 1, 1);
	if (!glyph->alpha)
		die("Out of memory");
	for (unsigned y = 0; y < bitmap->rows; y++)
		memcpy(glyph->alpha + (size_t)y * bitmap->width,
			bitmap->buffer + (ptrdiff_t)y * bitmap->pitch, bitmap->width);
}

struct font *font_open(unsigned px)
{
	struct font *font = calloc(1, sizeof(*font));
	FT_Library library;
	FT_Face face = NULL;
	if (!font || FT_Init_FreeType(&library))
		die("Out of memory");
	for (size_t i = 0; !face && i < sizeof(font_paths) / sizeof(*font_paths); i++)
		if (FT_New_Face(library, font_paths[i], 0, &face))
			face = NULL;
	if (!face || FT_Set_Pixel_Sizes(face, 0, px))
		die("Could not open a font such as %s; install fonts-dejavu-core", font_paths[0]);
	for (int i = 0; i < N_CHARS; i++)
		load_glyph(face, (char)(FIRST_CHAR + i), &font->glyphs[i]);
	font->line_height = (int32_t)(face->size->metrics.height >> 6);
	FT_Done_Face(face);
	FT_Done_FreeType(library);
	return font;
}

void font_close(struct font *font)
{
	for (int i = 0; i < N_CHARS; i++)
		free(font->glyphs[i].alpha);
	free(font);
}

static const struct glyph *find(const struct font *font, char c)
{
	int i = c - FIRST_CHAR;
	return &font->glyphs[i >= 0 && i < N_CHARS ? i : 0];
}

int32_t font_line_height(const struct font *font)
{
	return font->line_height;
}

int32_t font_advance(const struct font *font, char c)
{
	return find(font, c)->advance;
}

static uint32_t blend(uint32_t under, uint32_t over, uint32_t alpha)
{
	uint32_t out = 0;
	for (int shift = 0; shift < 24; shift += 8) {
		uint32_t u = under >> shift & 0xff, o = over >> shift & 0xff;
		out |= (u * (255 - alpha) + o * alpha + 127) / 255 << shift;
	}
	return out;
}

int32_t font_draw(const struct font *font, struct picture *picture, int32_t x, int32_t y, char c,
	uint32_t rgb)
{
	const struct glyph *glyph = find(font, c);
	for (int32_t gy = 0; gy < glyph->height; gy++) {
		int32_t py = y + glyph->top + gy;
		if (py < 0 || py >= (int32_t)picture->height)
			continue;
		uint32_t *row = (uint32_t *)(picture->pixels + (size_t)py * picture->stride);
		for (int32_t gx = 0; gx < glyph->width; gx++) {
			int32_t px = x + glyph->left + gx;
			if (px >= 0 && px < (int32_t)picture->width)
				row[px] = blend(row[px], rgb, glyph->alpha[gy * glyph->width + gx]);
		}
	}
	return glyph->advance;
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* A word of prose: alternating consonants and vowels, now and then a capital or a full stop. */
static int make_word(uint32_t *random, char word[16])
{
	static const char vowels[] = "aeiouaeiouy", consonants[] = "tnshrdlcmfpgwbvkt";
	int len = 1 + (int)(next_random(random) % 9), n = 0;
	for (int i = 0; i < len; i++) {
		const char *set = i % 2 ? vowels : consonants;
		size_t size = i % 2 ? sizeof(vowels) - 1 : sizeof(consonants) - 1;
		word[n++] = set[next_random(random) % size];
	}
	uint32_t dice = next_random(random) % 16;
	if (dice == 0)
		word[0] = (char)(word[0] - 'a' + 'A');
	else if (dice == 1)
		word[n++] = '.';
	else if (dice == 2)
		word[n++] = ',';
	word[n++] = ' ';
	return n;
}

void page_draw(const struct font *font, struct picture *picture, uint32_t seed)
{
	static const uint32_t headings[] = {0x1a4f8b, 0x8b1a1a, 0x1a6b2a, 0x5b2a8b};
	uint32_t random = seed;
	for (uint32_t y = 0; y < picture->height; y++) {
		uint32_t *row = (uint32_t *)(picture->pixels + (size_t)y * picture->stride);
		for (uint32_t x = 0; x < picture->width; x++)
			row[x] = 0xffffff;
	}
	/* A column with margins, and room between the lines, as a document has. */
	int32_t margin = (int32_t)picture->width / 6, left = (int32_t)picture->width - margin;
	int32_t step = font->line_height * 5 / 4;
	for (int32_t y = step / 2; y < (int32_t)picture->height; y += step) {
		uint32_t dice = next_random(&random) % 24;
		uint32_t rgb = dice == 0 ? headings[next_random(&random) % 4] : 0x101010;
		/* The last line of a paragraph is short. */
		int32_t right = dice < 3 ? left / (1 + (int32_t)dice) : left;
		for (int32_t x = margin; x < right;) {
			char word[16];
			int n = make_word(&random, word);
			for (int i = 0; i < n && x < right; i++)
				x += font_draw(font, picture, x, y, word[i], rgb);
		}
	}
}
