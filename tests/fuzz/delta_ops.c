/* SPDX-License-Identifier: MIT */
/* links: common/delta_ops.c tests/lib/delta_client.c -ljpeg -lpng */
/*
 * Whatever httpd's check lets through, a viewer can do without harm: any payload, as a record of
 * any kind, for a picture of a small size.
 *
 * Bytes 0 to 3 of the input: kind and flags, width, height, what the viewer holds.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/delta_ops.h"
#include "common/stream.h"
#include "tests/lib/delta_client.h"

static struct ring_record record_of(const uint8_t *data, size_t len)
{
	static const struct {
		uint16_t kind, flags;
		uint64_t base;
	} forms[] = {
		{RECORD_STEP, 0, 4},
		{RECORD_STEP, RECORD_IS_REFINEMENT, 4},
		{RECORD_CATCH_UP, RECORD_IS_KEY, 0},
		{RECORD_CATCH_UP, 0, 2},
		{RECORD_CATCH_UP, RECORD_IS_EXACT, 5},
		{RECORD_CATCH_UP, RECORD_IS_EXACT | RECORD_IS_LAST, 5},
		{RECORD_FRAME, 0, 0},
		{RECORD_STEP, 0xff, 4},
	};
	size_t form = data[0] % (sizeof(forms) / sizeof(*forms));

	return (struct ring_record){.length = (uint32_t)len,
		.kind = forms[form].kind,
		.flags = forms[form].flags,
		.sequence = 5,
		.base = forms[form].base,
		.width = 1u + data[1],
		.height = 1u + data[2]};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct delta_client client = {0};

	if (size < 4 || size > 64 * 1024)
		return 0;
	size_t len = size - 4;
	struct ring_record record = record_of(data, len);
	uint8_t *payload = malloc(len + 1); /* of exactly its size: ASan sees its end */
	memcpy(payload, data + 4, len);
	payload = realloc(payload, len ? len : 1);
	int r = delta_ops_check(&record, payload, len);
	if (r == 0) {
		const struct delta_client_message whole = {.kind = 5,
			.flags = 1,
			.sequence = 1 + data[3] % 5u,
			.width = record.width,
			.height = record.height};
		const struct delta_client_message message = {
			.kind = record.kind == RECORD_STEP ? 4 : 5,
			.flags = record.flags,
			.sequence = record.sequence,
			.base = record.base,
			.width = record.width,
			.height = record.height,
			.payload = payload,
			.len = len};

		assert(delta_client_take(&client, &whole) == 1);
		/* It may not be for this viewer, or its images may be broken inside. */
		delta_client_take(&client, &message);
		assert(client.width == record.width && client.height == record.height);
	}
	delta_client_fini(&client);
	free(payload);
	return 0;
}
