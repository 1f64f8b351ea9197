/* picture: a reference count, and sums over the interpreters that were chosen. */
#include "ui/tui/picture.h"

#include <string.h>

static bool has_heap(const struct snapshot_interpreter *one)
{
	return !one->shares_main && one->pymalloc.used;
}

/* The interpreter's index in the snapshot, or OCCUPANCY_ALL; false when it is not there. */
static bool choice_index(const struct snapshot *s, struct picture_choice choice, size_t *ret)
{
	*ret = OCCUPANCY_ALL;
	if (!choice.one)
		return true;
	for (size_t i = 0; i < s->interpreters.count; i++) {
		if (s->interpreters.items[i].id == choice.id) {
			*ret = i;
			return true;
		}
	}
	return false;
}

/* The row of that size, a new one in ascending order if need be; NULL when there are too many. */
static struct pymalloc_class *class_row(struct picture *p, uint64_t size)
{
	size_t at = 0;
	while (at < p->n_classes && p->classes[at].size < size)
		at++;
	if (at < p->n_classes && p->classes[at].size == size)
		return &p->classes[at];
	if (p->n_classes == PYMALLOC_CLASSES_MAX)
		return NULL;
	memmove(&p->classes[at + 1], &p->classes[at], (p->n_classes - at) * sizeof(p->classes[0]));
	p->n_classes++;
	p->classes[at] = (struct pymalloc_class){.size = size};
	return &p->classes[at];
}

static void classes_add(struct picture *p, const struct pymalloc *heap)
{
	for (size_t i = 0; i < heap->n_classes && i < PYMALLOC_CLASSES_MAX; i++) {
		const struct pymalloc_class *from = &heap->classes[i];
		struct pymalloc_class *row = class_row(p, from->size);
		if (!row)
			return;
		row->pools += from->pools;
		row->used_blocks += from->used_blocks;
		row->free_blocks += from->free_blocks;
	}
}

struct error *picture_choose(struct picture *p, struct picture_choice choice)
{
	size_t index;
	struct occupancy occupancy = {0};
	if (choice_index(p->snapshot, choice, &index)) {
		struct error *err = occupancy_of(p->snapshot, index, &occupancy);
		if (err)
			return err;
	} else {
		index = p->snapshot->interpreters.count;
	}
	occupancy_fini(&p->occupancy);
	p->occupancy = occupancy;
	p->choice = choice;
	p->n_classes = 0;
	for (size_t i = 0; i < p->snapshot->interpreters.count; i++)
		if ((index == OCCUPANCY_ALL || index == i) &&
		    has_heap(&p->snapshot->interpreters.items[i]))
			classes_add(p, &p->snapshot->interpreters.items[i].pymalloc);
	return NULL;
}

struct error *picture_new(struct snapshot *taken, struct picture_choice choice,
			  struct picture **ret)
{
	struct picture *p = calloc(1, sizeof(*p));
	if (!p) {
		snapshot_free(taken);
		return error_out_of_memory();
	}
	p->references = 1;
	p->snapshot = taken;
	struct error *err = picture_choose(p, choice);
	if (err) {
		picture_unref(p);
		return err;
	}
	*ret = p;
	return NULL;
}

struct picture *picture_ref(struct picture *p)
{
	p->references++;
	return p;
}

void picture_unref(struct picture *p)
{
	if (!p || --p->references)
		return;
	occupancy_fini(&p->occupancy);
	snapshot_free(p->snapshot);
	free(p);
}

struct picture_choice picture_next_choice(const struct picture *p)
{
	const struct snapshot *s = p->snapshot;
	bool passed = !p->choice.one;
	for (size_t i = 0; i < s->interpreters.count; i++) {
		const struct snapshot_interpreter *one = &s->interpreters.items[i];
		if (passed && has_heap(one))
			return (struct picture_choice){true, one->id};
		passed = passed || one->id == p->choice.id;
	}
	return (struct picture_choice){0};
}

size_t picture_heaps(const struct picture *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->snapshot->interpreters.count; i++)
		n += has_heap(&p->snapshot->interpreters.items[i]);
	return n;
}

const struct pymalloc_class *picture_class(const struct picture *p, uint64_t size)
{
	for (size_t i = 0; i < p->n_classes; i++)
		if (p->classes[i].size == size)
			return &p->classes[i];
	return NULL;
}

const struct occupancy_arena *picture_arena(const struct picture *p, raddr address)
{
	size_t i = occupancy_find(&p->occupancy, address);
	if (i == p->occupancy.arenas.count)
		return NULL;
	const struct occupancy_arena *one = &p->occupancy.arenas.items[i];
	return raddr_equal(one->arena->address, address) ? one : NULL;
}
