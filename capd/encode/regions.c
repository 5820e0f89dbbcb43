/* SPDX-License-Identifier: MIT */
#include "capd/encode/regions.h"

#include <stdbool.h>

/* Tiles that may be painted without need to spare a rectangle: each costs 100 bytes that say
 * nothing, and up to a millisecond in a browser; a tile of text costs some 30 bytes, and most of
 * what lies between two changes is empty. */
#define SLACK 20

static int32_t area(const struct box *box)
{
	return (box->x1 - box->x0) * (box->y1 - box->y0);
}

static struct box around_both(const struct box *a, const struct box *b)
{
	return (struct box){
		a->x0 < b->x0 ? a->x0 : b->x0,
		a->y0 < b->y0 ? a->y0 : b->y0,
		a->x1 > b->x1 ? a->x1 : b->x1,
		a->y1 > b->y1 ? a->y1 : b->y1,
	};
}

static bool overlap(const struct box *a, const struct box *b)
{
	return a->x0 < b->x1 && b->x0 < a->x1 && a->y0 < b->y1 && b->y0 < a->y1;
}

/* How many tiles more would be painted if the two were one. */
static int32_t growth(const struct box *a, const struct box *b)
{
	struct box both = around_both(a, b);

	return area(&both) - area(a) - area(b);
}

/* Takes the box in: into the region that grows least by it, if that is little or there is no room
 * for another. */
static unsigned take_box(struct box *regions, unsigned n, const struct box *box)
{
	int32_t least = INT32_MAX;
	unsigned best = 0;

	for (unsigned i = 0; i < n; i++) {
		int32_t more = growth(&regions[i], box);

		if (more < least) {
			least = more;
			best = i;
		}
	}
	if (n > 0 && (least <= SLACK || n == REGIONS_MAX)) {
		regions[best] = around_both(&regions[best], box);
		return n;
	}
	regions[n] = *box;
	return n + 1;
}

/* Until no two are better off as one. */
static unsigned merge_all(struct box *regions, unsigned n)
{
	for (bool again = true; again;) {
		again = false;
		for (unsigned i = 0; i < n; i++) {
			for (unsigned k = i + 1; k < n; k++) {
				if (growth(&regions[i], &regions[k]) > SLACK &&
					!overlap(&regions[i], &regions[k]))
					continue;
				regions[i] = around_both(&regions[i], &regions[k]);
				regions[k--] = regions[--n];
				again = true;
			}
		}
	}
	return n;
}

unsigned regions_find(
	const uint8_t *is_dirty, uint32_t columns, uint32_t rows, struct box regions[REGIONS_MAX])
{
	unsigned n = 0;

	for (uint32_t row = 0; row < rows; row++) {
		const uint8_t *line = is_dirty + (size_t)row * columns;

		for (uint32_t column = 0; column < columns; column++) {
			struct box span = {(int32_t)column, (int32_t)row, 0, (int32_t)row + 1};

			if (!line[column])
				continue;
			while (column < columns && line[column])
				column++;
			span.x1 = (int32_t)column;
			n = take_box(regions, n, &span);
		}
	}
	return merge_all(regions, n);
}
