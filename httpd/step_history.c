/* SPDX-License-Identifier: MIT */
#include "httpd/step_history.h"

#include "common/delta_ops.h"

#define PIXELS_A_BYTE 16u
/* So much is sent without weighing: asking for a catch-up costs the screen daemon more. */
#define LITTLE 8192u
/* Refinements make up no more of a run than one of them may be long: the others can wait. */
#define REFINEMENTS_MAX 65536u

static uint32_t count_copied(const struct frame *step)
{
	struct delta_reader reader = {.bytes = step->data,
		.len = step->len,
		.width = step->width,
		.height = step->height};
	struct delta_op op;
	uint64_t n = 0;

	while (delta_reader_next(&reader, &op) == 0)
		if (op.kind == DELTA_COPY)
			n += (uint64_t)op.width * op.height;
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static unsigned place(const struct step_history *history, unsigned i)
{
	return (history->first + i) % STEP_HISTORY_EXACT_MAX;
}

static void drop_first(struct step_history *history)
{
	struct frame *frame = history->steps[history->first].frame;

	history->bytes -= frame->len;
	history->first = place(history, 1);
	history->n--;
	frame_unref(frame);
}

void step_history_clear(struct step_history *history)
{
	while (history->n > 0)
		drop_first(history);
}

void step_history_add(struct step_history *history, struct frame *step)
{
	bool is_refinement = step->flags & RECORD_IS_REFINEMENT;
	unsigned n_max = is_refinement ? STEP_HISTORY_EXACT_MAX : STEP_HISTORY_MAX;
	size_t bytes_max = is_refinement ? STEP_HISTORY_EXACT_BYTES_MAX : STEP_HISTORY_BYTES_MAX;

	if (history->n > 0) {
		const struct frame *last = history->steps[place(history, history->n - 1)].frame;

		if (step->epoch != last->epoch || step->base != last->sequence)
			step_history_clear(history);
	}
	while (history->n > 0 && (history->n >= n_max || history->bytes + step->len > bytes_max))
		drop_first(history);
	unsigned at = place(history, history->n++);
	history->steps[at].frame = frame_ref(step);
	history->steps[at].copied_px = count_copied(step);
	history->bytes += step->len;
}

bool step_history_since(const struct step_history *history, uint64_t held, struct frame_run *run)
{
	size_t changes = 0, largest = 0, refinements = 0;
	uint32_t copied_px = 0;
	unsigned from = 0;

	while (from < history->n && history->steps[place(history, from)].frame->base != held)
		from++;
	if (held == 0 || from == history->n)
		return false;
	*run = (struct frame_run){.n = 0};
	for (unsigned i = from; i < history->n; i++) {
		struct frame *frame = history->steps[place(history, i)].frame;
		uint32_t px = history->steps[place(history, i)].copied_px;

		run->frames[run->n++] = frame;
		run->bytes += frame->len;
		if (frame->flags & RECORD_IS_REFINEMENT) {
			run->has_refinement = true;
			refinements += frame->len;
			continue;
		}
		run->has_change = true;
		changes += frame->len;
		largest = frame->len > largest ? frame->len : largest;
		copied_px = px > copied_px ? px : copied_px;
	}
	/* Where nothing changes the next ones are for the next time. */
	while (!run->has_change && run->n > 1 && run->bytes > REFINEMENTS_MAX)
		run->bytes -= run->frames[--run->n]->len;
	run->is_worth_it =
		run->n == 1 || !run->has_change ||
		(refinements <= REFINEMENTS_MAX &&
			(changes <= LITTLE || changes <= largest + copied_px / PIXELS_A_BYTE));
	return true;
}
