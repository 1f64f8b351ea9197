/*
 * state_place: inside the interpreter, or the one word of it that points there.
 *
 *	_PyRuntime.interpreters.head ─▶ #2 ─▶ #1 ─▶ main
 *	                                             ├ … │ state           │ … 3.12
 *	                                             └ … │ pointer ─▶ state │ … 3.13 on
 */
#include "inspector/scan/state_place.h"

#include "base/cleanup.h"

#define INTERPRETERS_MAX 4096
#define INTERP_MAX       (4 * MIB) /* bytes; 3.12 has the most so far: 383552 */
#define PIECE            UINT64_C(4096)

/* The last of the list; null where it does not end. */
static struct error *find_main(struct space *space, const struct elf_image *image,
			       const struct layout *layout, raddr *ret)
{
	raddr at = raddr_at(image->bias + layout_offset(layout, LAYOUT_RUNTIME) +
			    layout_offset(layout, LAYOUT_RUNTIME_INTERPRETERS_HEAD));
	raddr last = RADDR_NULL;
	*ret = RADDR_NULL;
	for (int i = 0; i < INTERPRETERS_MAX; i++) {
		uint64_t next;
		struct error *err = space_read(space, at, &next, sizeof(next));
		if (err)
			return error_catch(&err, ERROR_FAULT) ? NULL : err;
		if (next == 0) {
			*ret = last;
			return NULL;
		}
		last = raddr_at(next);
		at = raddr_plus(last, layout_offset(layout, LAYOUT_INTERP_NEXT));
	}
	return NULL;
}

/* Counts the words of [main, main + size) that point to the state. */
static struct error *find_words(struct space *space, raddr state, uint64_t size,
				struct state_place *place)
{
	for (uint64_t offset = 0; offset < size; offset += PIECE) {
		uint64_t words[PIECE / 8];
		uint64_t some = size_min(PIECE, size - offset) & ~UINT64_C(7);
		struct error *err =
			space_read(space, raddr_plus(place->main, offset), words, (size_t)some);
		if (err)
			return error_catch(&err, ERROR_FAULT) ? NULL : err;
		for (uint64_t i = 0; i < some / 8; i++) {
			if (words[i] != state.value)
				continue;
			place->offset = offset + i * 8;
			place->n_found++;
		}
	}
	return NULL;
}

/* How far the main interpreter may reach: it is a member of _PyRuntime (3.12 to 3.15). */
static uint64_t size_of_main(const struct elf_image *image, const struct layout *layout, raddr main)
{
	uint64_t offset =
		raddr_distance(raddr_at(image->bias + layout_offset(layout, LAYOUT_RUNTIME)), main);
	uint64_t runtime = size_max(layout_width(layout, LAYOUT_RUNTIME),
				    layout_width(layout, LAYOUT_RUNTIME_SIZE));
	if (layout_has(layout, LAYOUT_INTERP_SIZE))
		return size_min(layout_width(layout, LAYOUT_INTERP_SIZE), INTERP_MAX);
	return runtime > offset ? size_min(runtime - offset, INTERP_MAX) : INTERP_MAX / 16;
}

static bool has_list(const struct layout *layout)
{
	return layout_has(layout, LAYOUT_RUNTIME) &&
	       layout_has(layout, LAYOUT_RUNTIME_INTERPRETERS_HEAD) &&
	       layout_has(layout, LAYOUT_INTERP_NEXT);
}

struct error *state_place_follow(struct space *space, const struct elf_image *image,
				 const struct layout *layout, raddr *ret)
{
	uint64_t state = 0;
	raddr main = RADDR_NULL;
	struct error *err = has_list(layout) ? find_main(space, image, layout, &main) : NULL;
	*ret = RADDR_NULL;
	if (err || raddr_is_null(main))
		return err;
	raddr at = raddr_plus(main, layout_offset(layout, LAYOUT_INTERP_OBMALLOC));
	if (layout_width(layout, LAYOUT_INTERP_OBMALLOC) > 8) {
		*ret = at;
		return NULL;
	}
	err = space_read(space, at, &state, sizeof(state));
	*ret = raddr_at(state);
	return err && error_catch(&err, ERROR_FAULT) ? NULL : err;
}

struct error *state_place_find(struct space *space, const struct elf_image *image,
			       const struct layout *layout, raddr state, struct state_place *ret)
{
	struct state_place place = {.why = "_PyRuntime.interpreters could not be found"};
	struct error *err = has_list(layout) ? find_main(space, image, layout, &place.main) : NULL;
	if (err)
		return err;
	if (!raddr_is_null(place.main)) {
		uint64_t size = size_of_main(image, layout, place.main);
		place.why = "not just one word of the main interpreter points to the state";
		if (raddr_in(state, place.main, size)) {
			place.embedded = true;
			place.offset = raddr_distance(place.main, state);
			place.n_found = 1;
		} else {
			err = find_words(space, state, size, &place);
		}
	}
	if (err)
		return err;
	*ret = place;
	return NULL;
}
