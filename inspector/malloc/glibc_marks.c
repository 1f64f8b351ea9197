/*
 * glibc_marks: lists are followed in the target's memory, each with the budget of what could be there.
 */
#include "inspector/malloc/glibc_marks.h"

#include "base/bytes.h"

#define HIDDEN_SINCE 32 /* 2.32: safe linking */
#define LINKS_TRIED  64 /* of each list */

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

void glibc_marks_sort(struct glibc_marks *marks)
{
	if (marks->list.count > 1)
		qsort(marks->list.items, marks->list.count, sizeof(*marks->list.items), compare);
}

void glibc_marks_fini(struct glibc_marks *marks)
{
	vec_fini(&marks->list);
}

void glibc_marks_seek(const struct glibc_marks *marks, uint64_t at, size_t *near)
{
	size_t low = 0, high = marks->list.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (marks->list.items[middle] < at)
			low = middle + 1;
		else
			high = middle;
	}
	*near = low;
}

/* *ret_read false: there is nothing, which is no error. */
static struct error *read_words(struct space *space, uint64_t at, uint64_t *words, size_t n,
				bool *ret_read)
{
	struct error *err = space_read(space, raddr_at(at), words, n * sizeof(*words));
	*ret_read = !err;
	return error_catch(&err, ERROR_FAULT) ? NULL : err;
}

/* ---- fast bins -------------------------------------------------------------------------- */

/* A link as it is: to a chunk of the arena's, or the list's end. */
static bool is_plain(const struct glibc_segments *segments, uint64_t stored)
{
	return stored == 0 ||
	       (stored % GLIBC_ALIGNMENT == 0 && glibc_segments_of(segments, stored));
}

/* Whether a list holds a link that leads nowhere as it is. One hidden link in sixteen may look as if it did. */
static struct error *has_hidden(struct space *space, const struct glibc_segments *segments,
				uint64_t at, bool *ret)
{
	for (size_t n = 0; n < LINKS_TRIED && !*ret && at && is_plain(segments, at); n++) {
		uint64_t words[3];
		bool read;
		struct error *err = read_words(space, at, words, 3, &read);
		if (err || !read)
			return err;
		*ret = !is_plain(segments, words[2]);
		at = words[2];
	}
	return NULL;
}

/* The version says it, else the lists themselves. */
static struct error *find_hidden(struct space *space, const struct glibc_place *place,
				 const struct glibc_state *state,
				 const struct glibc_segments *segments, bool *ret)
{
	struct bytes b = bytes_of(state->bytes, sizeof(state->bytes));
	struct error *err = NULL;
	*ret = place->minor >= HIDDEN_SINCE;
	for (size_t i = 0; !place->minor && i < GLIBC_N_FASTBINS && !*ret && !err; i++)
		err = has_hidden(space, segments,
				 bytes_u64(&b, GLIBC_FASTBINS_AT(place->state) + i * 8), ret);
	return err;
}

static struct error *follow_fast(struct space *space, bool hidden,
				 const struct glibc_segments *segments, uint64_t at,
				 uint64_t budget, struct glibc_marks *ret, bool *ret_broken)
{
	for (uint64_t n = 0; at; n++) {
		uint64_t words[3];
		bool read =
			at % GLIBC_ALIGNMENT == 0 && glibc_segments_of(segments, at) && n < budget;
		struct error *err = read ? read_words(space, at, words, 3, &read) : NULL;
		if (err)
			return err;
		if (!read || (words[1] & ~GLIBC_SIZE_BITS) < GLIBC_CHUNK_MIN ||
		    (words[1] & ~GLIBC_SIZE_BITS) > GLIBC_FAST_MAX) {
			*ret_broken = true;
			return NULL;
		}
		uint64_t *mark = vec_push(&ret->list);
		if (!mark)
			return error_out_of_memory();
		*mark = at;
		at = glibc_link(hidden, at + 16, words[2]);
	}
	return NULL;
}

struct error *glibc_marks_fast(struct space *space, const struct glibc_place *place,
			       const struct glibc_state *state,
			       const struct glibc_segments *segments, uint64_t most,
			       struct glibc_marks *ret, bool *ret_broken)
{
	struct bytes b = bytes_of(state->bytes, sizeof(state->bytes));
	uint64_t room = size_min(state->system, space->mapped_size) / GLIBC_CHUNK_MIN;
	uint64_t budget = size_min(room, most);
	ret->list.count = 0;
	*ret_broken = false;
	if (!place->state->has_fastbins)
		return NULL;
	bool hidden;
	struct error *err = find_hidden(space, place, state, segments, &hidden);
	for (size_t i = 0; i < GLIBC_N_FASTBINS && !err; i++) {
		uint64_t head = bytes_u64(&b, GLIBC_FASTBINS_AT(place->state) + i * 8);
		err = follow_fast(space, hidden, segments, head,
				  size_subtract(budget, ret->list.count), ret, ret_broken);
	}
	glibc_marks_sort(ret);
	return err;
}

/* ---- bins ------------------------------------------------------------------------------- */

static struct error *lowest_of_bin(struct space *space, uint64_t head, uint64_t at, uint64_t above,
				   uint64_t below, size_t *steps, uint64_t *lowest)
{
	while (at != head && at % GLIBC_ALIGNMENT == 0 && *steps > 0) {
		uint64_t words[4];
		bool read;
		struct error *err = read_words(space, at, words, 4, &read);
		if (err || !read)
			return err;
		(*steps)--;
		if (at > above && at < below && (!*lowest || at < *lowest))
			*lowest = at;
		at = words[2];
	}
	return NULL;
}

struct error *glibc_marks_entry(struct space *space, const struct glibc_place *place,
				const struct glibc_state *state, uint64_t above, uint64_t below,
				size_t *steps, uint64_t *ret)
{
	uint64_t lowest = 0;
	for (size_t i = 0; i<GLIBC_N_BINS && * steps> 0; i++) {
		uint64_t fd, bk, head = glibc_state_bin(place, state, i, &fd, &bk);
		struct error *err = lowest_of_bin(space, head, fd, above, below, steps, &lowest);
		if (err)
			return err;
	}
	*ret = lowest;
	return NULL;
}
