/*
 * pin_tops: glibc cuts an arena only at its top, so one small chunk below the top keeps all that is free under it.
 *
 *	[used][free ······················][pin][ top ··········]
 *	       below                              above
 */
#include "inspector/verdict/pins/pin_room.h"

#include "base/cleanup.h"
#include "base/text.h"

#define CHUNK_HEADER 16
#define KEPT_LEAST   4096 /* a page */
#define TOPS_MAX     16

static int compare_tops(const void *a, const void *b)
{
	const struct pin_top *one = a, *other = b;
	uint64_t kept = size_add(one->below, one->above),
		 than = size_add(other->below, other->above);
	if (kept != than)
		return kept < than ? 1 : -1;
	return raddr_compare(one->chunk, other->chunk);
}

static struct error *add_tops(const struct malloc_account *account, struct pins *ret)
{
	for (size_t i = 0; i < account->arenas.count; i++) {
		const struct malloc_arena *a = &account->arenas.items[i];
		if (raddr_is_null(a->pin.chunk) || a->pin.below < KEPT_LEAST)
			continue;
		struct pin_top *top = vec_push(&ret->tops);
		if (!top)
			return error_out_of_memory();
		*top = (struct pin_top){.arena = a->address,
					.chunk = a->pin.chunk,
					.size = a->pin.size,
					.below = a->pin.below,
					.above = a->top};
	}
	if (ret->tops.count)
		qsort(ret->tops.items, ret->tops.count, sizeof(*ret->tops.items), compare_tops);
	ret->tops.count = size_min(ret->tops.count, TOPS_MAX);
	return NULL;
}

/* A chunk in a thread's cache is in no plot: then nobody holds it. */
static struct error *name_top(const struct pins_request *r, struct pin_top *top)
{
	const struct ground *ground = r->ground;
	struct plot_place place;
	uint64_t at = size_add(top->chunk.value, CHUNK_HEADER);
	if (!plot_find(&ground->plot, at, &place) || place.start != at)
		return NULL;
	const struct label *label = labels_of(&ground->labels, place.block);
	if (label->kind != LABEL_UNEXPLAINED && label->kind != LABEL_FREE) {
		_cleanup_(text_fini) struct text name = TEXT_EMPTY;
		ground_label_name(ground, label, &name);
		top->type = text_take(&name);
		if (!top->type)
			return error_out_of_memory();
	}
	if (!r->graph || ties_path(&r->graph->ties, place.block) >= r->graph->paths.count)
		return NULL;
	return graph_chain(r->graph, place.block, r->contents, &top->chain);
}

struct error *pin_tops_tell(const struct pins_request *request, struct pins *ret)
{
	struct error *err = request->malloc ? add_tops(request->malloc, ret) : NULL;
	for (size_t i = 0; i < ret->tops.count && !err; i++)
		err = name_top(request, &ret->tops.items[i]);
	return err;
}
