/* SPDX-License-Identifier: MIT */
#include "httpd/files/resting.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "httpd/files/tus_info.h"

struct part {
	char file[STORE_PART_SIZE];
	char address[ENTRY_ADDRESS_SIZE]; /* "": nothing is known, so far */
	uint64_t bytes;                   /* while it rests */
	bool is_resting;                  /* it did at the last count */
};

struct parts {
	struct part *list; /* by their files */
	size_t n, size;
};

struct resting {
	const struct store *store;
	struct parts known; /* at the last count */
};

/* A count that is under way. */
struct count {
	struct resting *resting;
	struct parts found;
	bool is_out_of_memory;
};

static int by_file(const void *a, const void *b)
{
	return strcmp(((const struct part *)a)->file, ((const struct part *)b)->file);
}

/* Whose it is.  One whose first request is not over has no ID.info yet. */
static void learn_address(const struct resting *resting, struct part *part)
{
	char id[STORE_ID_SIZE];
	struct tus_info info;

	memcpy(id, part->file, STORE_ID_SIZE - 1);
	id[STORE_ID_SIZE - 1] = '\0';
	if (store_is_id(id) && tus_info_read(resting->store, id, &info) == 0) {
		memcpy(part->address, info.meta.address, sizeof(part->address));
		free(info.metadata);
	}
}

static void on_part(void *arg, const char *file)
{
	struct count *count = arg;
	const struct parts *known = &count->resting->known;
	struct parts *found = &count->found;
	struct part *part, *before;

	if (strlen(file) >= sizeof(part->file))
		return; /* none of ours */
	if (found->n == found->size) {
		size_t size = found->size ? 2 * found->size : 16;
		struct part *list = realloc(found->list, size * sizeof(*list));

		if (!list) {
			count->is_out_of_memory = true;
			return;
		}
		found->list = list;
		found->size = size;
	}
	part = &found->list[found->n++];
	memset(part, 0, sizeof(*part));
	strcpy(part->file, file);
	before =
		known->n == 0 ? NULL : bsearch(part, known->list, known->n, sizeof(*part), by_file);
	if (before)
		*part = *before;
}

/* Nothing has been looked at since it rested last, or it is new. */
static void look(const struct resting *resting, struct part *part)
{
	if (part->address[0] == '\0')
		learn_address(resting, part);
	if (!part->is_resting)
		part->bytes = store_part_bytes(resting->store, part->file);
	part->is_resting = true;
}

int resting_count(struct resting *resting, const char *address,
	bool (*is_active)(void *arg, const char *part), void *arg, struct resting_sum *out)
{
	struct count count = {.resting = resting};
	int r = store_each_part(resting->store, on_part, &count);

	if (r == 0 && count.is_out_of_memory)
		r = -ENOMEM;
	if (r < 0) {
		free(count.found.list);
		return r;
	}
	if (count.found.n > 0)
		qsort(count.found.list, count.found.n, sizeof(struct part), by_file);
	free(resting->known.list);
	resting->known = count.found;
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < resting->known.n; i++) {
		struct part *part = &resting->known.list[i];

		if (is_active(arg, part->file)) {
			part->is_resting = false;
			continue;
		}
		look(resting, part);
		out->n++;
		out->bytes += part->bytes;
		if (strcmp(part->address, address) == 0)
			out->of_address += part->bytes;
	}
	return 0;
}

int resting_create(const struct store *store, struct resting **out)
{
	struct resting *resting = calloc(1, sizeof(*resting));

	if (!resting)
		return -ENOMEM;
	resting->store = store;
	*out = resting;
	return 0;
}

void resting_destroy(struct resting *resting)
{
	if (!resting)
		return;
	free(resting->known.list);
	free(resting);
}
