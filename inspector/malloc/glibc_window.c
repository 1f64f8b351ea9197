/*
 * glibc_window: the range is cut by what is resident.
 *
 *	window    [ present │ zeros │ present │ swapped …
 *	          └ read ───┘       └ read ───┘ ends here: it is left where it is
 */
#include "inspector/malloc/glibc_window.h"

#include "base/size.h"

#define STEP_MIN ((size_t)4096)

struct error *glibc_window_init(struct glibc_window *window, struct space *space,
				const struct residency *residency)
{
	*window = (struct glibc_window){.space = space, .residency = residency};
	window->bytes = malloc(GLIBC_WINDOW_MAX);
	return window->bytes ? NULL : error_out_of_memory();
}

void glibc_window_fini(struct glibc_window *window)
{
	free(window->bytes);
	*window = (struct glibc_window){0};
}

/* That it is present is known: to have it asked anew would cost more than a page does. */
static struct error *read_known(struct glibc_window *w, uint8_t *to, size_t size)
{
	uint8_t got;
	struct space_slice slice = {raddr_at(w->end), size, size, 1, to, &got};
	struct error *err = space_gather(w->space, &slice, 1, w->residency);
	if (!err && got != SLICE_READ)
		err = error_new(ERROR_FAULT, RADDR_FORMAT " cannot be read", w->end);
	return err;
}

/* Reads up to `end`; what cannot be read ends the window before it. */
static struct error *read_to(struct glibc_window *w, uint64_t end, bool *ret_read)
{
	uint8_t *to = w->bytes + (w->end - w->start);
	size_t size = (size_t)(end - w->end);
	struct error *err = w->residency && size <= STEP_MIN
				    ? read_known(w, to, size)
				    : space_read(w->space, raddr_at(w->end), to, size);
	*ret_read = !err;
	if (!err)
		w->end = end;
	return error_catch(&err, ERROR_FAULT) ? NULL : err;
}

static void skip_to(struct glibc_window *w, uint64_t end)
{
	memset(w->bytes + (w->end - w->start), 0, (size_t)(end - w->end));
	w->end = end;
}

static struct error *read_present(struct glibc_window *w, uint64_t end)
{
	const struct residency *r = w->residency;
	w->near = residency_find(r, raddr_at(w->end), w->near);
	for (size_t i = w->near; i < r->ranges.count && w->end < end; i++) {
		const struct residency_range *range = &r->ranges.items[i];
		uint64_t until = size_min(size_add(range->start.value, range->size), end);
		bool read = true;
		if (range->start.value >= end)
			break;
		if (range->start.value > w->end)
			skip_to(w, range->start.value);
		struct error *err = range->swapped ? NULL : read_to(w, until, &read);
		if (err || range->swapped || !read)
			return err;
	}
	skip_to(w, end);
	return NULL;
}

/* In one reading, or where that fails to the end of the page. */
static struct error *read_all(struct glibc_window *w, uint64_t end)
{
	bool read;
	struct error *err = read_to(w, end, &read);
	if (!err && !read)
		err = read_to(w, size_min(size_align_up(w->end + 1, STEP_MIN), end), &read);
	return err;
}

struct error *glibc_window_move(struct glibc_window *w, uint64_t at, uint64_t limit)
{
	bool goes_on = w->step && at >= w->start && at - w->start <= w->step + STEP_MIN;
	w->step = goes_on ? (size_t)size_min(w->step * 4, GLIBC_WINDOW_MAX) : STEP_MIN;
	uint64_t end = size_min(size_add(at, w->step), limit);
	/* Whole pages, once it has grown: none is read twice. */
	if (w->step > STEP_MIN && end < limit)
		end = end & ~(uint64_t)(STEP_MIN - 1);
	w->start = w->end = at;
	return w->residency ? read_present(w, end) : read_all(w, end);
}
