/*
 * malloc_chunks: where arenas are is known from the look; their variables, caches and chunks are read anew, because
 * a space of one moment is asked.
 *
 *	arena    state ─▷ segments ─▷ chunks
 *	blocks   those that were found, where they still are
 *	ground   [ segment ▒▒▒▒▒▒[ large chunk     ]▒▒▒▒▒ ]      ▒ what is worth copying
 */
#include "inspector/malloc/malloc_chunks.h"

#include "base/cleanup.h"
#include "inspector/malloc/malloc_room.h"

static struct error *walk_arena(const struct malloc_look *look, struct space *space,
				const struct glibc_tcaches *tcaches, raddr at,
				const struct glibc_listener *listener, bool *ret_whole)
{
	_cleanup_(malloc_arena_fini) struct malloc_arena found = {.main = false};
	_cleanup_(claims_fini) struct claims claims = CLAIMS_EMPTY;
	_cleanup_(glibc_segments_fini) struct glibc_segments segments = {.broken = false};
	struct glibc_state state;
	*ret_whole = false;
	if (!glibc_state_read(space, &look->place, at, &state))
		return NULL;
	struct error *err =
		glibc_segments_find(space, &look->place, &state, &look->mapped.runs, &segments);
	const struct glibc_walk_request request = {
		.space = space,
		.place = &look->place,
		.tcaches = tcaches,
		.state = &state,
		.segments = &segments,
		.resumes = true,
		.listener = listener,
	};
	err = err ?: glibc_walk_arena(&request, &found, &claims);
	*ret_whole = !err && !found.damage;
	return err;
}

static struct error *tell_mapped(const struct malloc_look *look, struct space *space,
				 const struct glibc_listener *listener)
{
	listener->begin(listener->context, false);
	for (size_t i = 0; i < look->mapped.blocks.count; i++) {
		const struct malloc_span *block = &look->mapped.blocks.items[i];
		bool there;
		struct error *err = glibc_mapped_check(space, &look->place, block, &there);
		if (err)
			return err;
		/* One loses the word behind it, which others have. */
		uint64_t size = block->size - (MALLOC_MAPPED_LOSS - MALLOC_CHUNK_LOSS);
		if (there && !listener->chunk(listener->context, block->start.value, size, true))
			return error_out_of_memory();
	}
	return NULL;
}

struct error *malloc_chunks_tell(const struct malloc_look *look, struct space *space,
				 const struct glibc_listener *listener, bool *ret_whole)
{
	_cleanup_(glibc_tcaches_fini) struct glibc_tcaches tcaches = GLIBC_TCACHES_EMPTY;
	bool whole = true;
	*ret_whole = look->implementation != MALLOC_GLIBC;
	if (*ret_whole)
		return NULL;
	struct error *err = glibc_tcaches_find(space, &look->place, &look->threads, &tcaches);
	for (size_t i = 0; i < look->arenas.count && !err; i++) {
		bool walked = false;
		err = walk_arena(look, space, &tcaches, look->arenas.items[i].at, listener,
				 &walked);
		whole &= walked;
	}
	err = err ?: tell_mapped(look, space, listener);
	*ret_whole = !err && whole;
	return err;
}

/* ---- ground ------------------------------------------------------------------------------ */

static bool add_span(struct malloc_spans *to, uint64_t start, uint64_t end)
{
	struct malloc_span *one = start < end ? vec_push(&to->list) : NULL;
	if (one)
		*one = (struct malloc_span){raddr_at(start), end - start};
	return one || start >= end;
}

/* What lies between large chunks, whose own first and last pages hold the headers of theirs and of the next. */
static bool add_segment(const struct malloc_look_arena *arena, const struct glibc_segment *segment,
			struct malloc_spans *to)
{
	uint64_t at = segment->start, end = segment->kept;
	for (size_t i = 0; i < arena->large.list.count; i++) {
		const struct malloc_span *large = &arena->large.list.items[i];
		uint64_t inside = size_align_up(large->start.value + GLIBC_CHUNK_MIN, GLIBC_PAGE);
		uint64_t behind = size_add(large->start.value, large->size) & ~(GLIBC_PAGE - 1);
		if (large->start.value < at || inside >= behind || behind > end)
			continue;
		if (!add_span(to, at, inside))
			return false;
		at = behind;
	}
	return add_span(to, at, end);
}

static struct error *add_arena(const struct malloc_look *look, struct space *space,
			       const struct malloc_look_arena *arena, struct malloc_spans *to)
{
	_cleanup_(glibc_segments_fini) struct glibc_segments segments = {.broken = false};
	struct glibc_state state;
	if (!glibc_state_read(space, &look->place, arena->at, &state))
		return NULL;
	struct error *err =
		glibc_segments_find(space, &look->place, &state, &look->mapped.runs, &segments);
	for (size_t i = 0; i < segments.list.count && !err; i++)
		if (!add_segment(arena, &segments.list.items[i], to))
			err = error_out_of_memory();
	return err;
}

struct error *malloc_chunks_ground(const struct malloc_look *look, struct space *space,
				   struct malloc_spans *ret)
{
	struct error *err = NULL;
	if (look->implementation != MALLOC_GLIBC)
		return NULL;
	for (size_t i = 0; i < look->arenas.count && !err; i++)
		err = add_arena(look, space, &look->arenas.items[i], ret);
	for (size_t i = 0; i < look->mapped.blocks.count && !err; i++) {
		const struct malloc_span *block = &look->mapped.blocks.items[i];
		uint64_t end = raddr_plus(block->start, block->size).value;
		if (block->size < MALLOC_LARGE && !add_span(ret, block->start.value, end))
			err = error_out_of_memory();
	}
	return err;
}
