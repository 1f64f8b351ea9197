/*
 * greenlets: while one waits no thread state leads to its Python frames.
 *
 *	greenlet [ head │ … │ · ]
 *	                      ▽ 2.0 on; before, the object itself has what follows
 *	         [ virtual functions │ … │ itself │ … │ frame │ … │ chunk top limit │ … ]
 *	                                                ▽           ▽ Python 3.11 on
 *	                                    the one on top          a stack, as a thread state has it
 *
 * Where in these a member lies changes from version to version: each word is looked at, and there must be one frame and one
 * stack. A greenlet that runs has handed its frame back, one that has ended or was never started has none; what stands
 * in them of a stack is old. (greenlet.h 1.1, greenlet_greenlet.hpp 2.0, TGreenlet.hpp and TPythonState.cpp 3.0 to 3.5.)
 */
#include "base/cleanup.h"
#include "inspector/holders/roots/gather.h"
#include "inspector/object/word.h"

#define HEX_3_11  0x030b0000
#define SIZE_MOST KIB /* of the object as of what it points to: either has less than half of that */
#define SIZE_ALL  96  /* an object that has no more cannot have all by itself */

/* What the words of some memory say. */
struct found {
	raddr frame;
	size_t first, count; /* of the stack's chunks */
	unsigned n_frames, n_stacks;
	bool names_itself;
};

static bool has_stacks(const struct gather *g)
{
	return g->types->shapes->version_hex >= HEX_3_11;
}

static bool is_frame(const struct gather *g, raddr at)
{
	uint32_t type;
	return gather_target(g, at.value, &type) == GATHER_OBJECT &&
	       type_table_get(g->types, type)->kind == TYPE_FRAME;
}

static struct error *try_stack(struct gather *g, raddr at, uint64_t offset, struct found *found)
{
	const struct frames_stack stack = {word_pointer(g->types, at, offset),
					   word_pointer(g->types, at, offset + 8),
					   word_pointer(g->types, at, offset + 16)};
	size_t first = g->put_aside.chunks.count, count = 0;
	if (!frames_stack_possible(&stack))
		return NULL;
	struct space space = burst_space(g->request->ground->burst);
	struct error *err =
		frames_read_stack(&space, &stack, &g->chunks_left, &g->put_aside, &count);
	if (err || !count)
		return err;
	found->n_stacks++;
	found->first = first;
	found->count = count;
	return NULL;
}

static struct error *search(struct gather *g, raddr at, uint64_t size, raddr self,
			    struct found *ret)
{
	struct error *err = NULL;
	*ret = (struct found){.frame = RADDR_NULL};
	for (uint64_t offset = 0; offset + 8 <= size && !err && gather_spend(g); offset += 8) {
		raddr word = word_pointer(g->types, at, offset);
		ret->names_itself |= raddr_equal(word, self);
		if (is_frame(g, word)) {
			ret->n_frames++;
			ret->frame = word;
		}
		if (has_stacks(g) && offset + 24 <= size)
			err = try_stack(g, at, offset, ret);
	}
	return err;
}

/* What is found twice is not told: which one it is would be a guess. */
static struct error *take_found(struct gather *g, const struct found *found)
{
	if (!found->n_frames)
		return NULL;
	if (found->n_frames > 1 || (has_stacks(g) && found->n_stacks != 1)) {
		g->n_strange++;
		return NULL;
	}
	struct gather_greenlet *place = vec_push(&g->greenlets);
	if (!place)
		return error_out_of_memory();
	*place = (struct gather_greenlet){found->frame, found->first, found->count};
	return NULL;
}

/* Whether some memory begins as an object of C++ does whose functions are a library's. */
static bool begins_with_functions(const struct gather *g, raddr at)
{
	const struct region *region =
		space_region(g->request->ground->space, word_pointer(g->types, at, 0));
	return region && region->kind == REGION_FILE;
}

/* The memory that one of its words is the address of and that names it in turn. */
static struct error *search_behind(struct gather *g, raddr greenlet, uint64_t size,
				   struct found *ret)
{
	struct error *err = NULL;
	*ret = (struct found){.frame = RADDR_NULL};
	for (uint64_t offset = g->types->shapes->ob_type + 8; offset < size && !err; offset += 8) {
		raddr at = word_pointer(g->types, greenlet, offset);
		struct plot_place place;
		struct found found;
		uint32_t type;
		if (gather_target(g, at.value, &type) != GATHER_BUFFER ||
		    !begins_with_functions(g, at) ||
		    !plot_find(&g->request->ground->plot, at.value, &place))
			continue;
		err = search(g, at, size_min(place.start + place.size - at.value, SIZE_MOST),
			     greenlet, &found);
		if (!err && found.names_itself)
			*ret = found;
	}
	return err;
}

static const char *const names[] = {"greenlet.greenlet", NULL};

static struct error *take_greenlet(struct gather *g, raddr at)
{
	struct object object;
	struct found found;
	if (!object_at(g->types, at, &object))
		return NULL;
	/* What a class derived from it adds is not looked at. */
	uint32_t base = type_table_ancestor(g->types, object.type, names);
	if (base == TYPE_NONE)
		return NULL;
	uint64_t size = size_min(type_table_get(g->types, base)->basicsize, SIZE_MOST);
	struct error *err = search(g, at, size, at, &found);
	if (!err && !found.n_frames)
		err = search_behind(g, at, size, &found);
	g->n_strange += !err && !found.n_frames && !found.names_itself && size <= SIZE_ALL;
	return err ?: take_found(g, &found);
}

struct error *gather_greenlets(struct gather *g)
{
	const struct labels *labels = &g->request->ground->labels;
	_cleanup_(free_pointer) uint8_t *wanted = calloc(labels->list.count + 1, 1);
	bool any = false;
	if (!wanted)
		return error_out_of_memory();
	for (size_t i = 0; i < labels->list.count; i++) {
		const struct label *label = &labels->list.items[i];
		wanted[i] = label->kind == LABEL_OBJECT && label->type != TYPE_NONE &&
			    type_table_ancestor(g->types, label->type, names) != TYPE_NONE;
		any |= wanted[i];
	}
	return any ? gather_each(g, wanted, take_greenlet) : NULL;
}
