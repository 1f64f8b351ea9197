/* picture: a reference count, and sums over the interpreters that were chosen. */
#include "ui/tui/picture.h"

#include <string.h>

static bool has_heap(const struct snapshot_interpreter *one)
{
	return !one->shares_main && (one->pymalloc.used || one->mimalloc.used);
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

/* The row of that size, a new one in ascending order if need be; NULL: no memory. */
static struct pymalloc_class *class_row(struct picture *p, uint64_t size)
{
	size_t low = 0, high = p->classes.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (p->classes.items[middle].size >= size)
			high = middle;
		else
			low = middle + 1;
	}
	if (low < p->classes.count && p->classes.items[low].size == size)
		return &p->classes.items[low];
	if (!vec_push(&p->classes))
		return NULL;
	struct pymalloc_class *row = &p->classes.items[low];
	memmove(row + 1, row, (p->classes.count - 1 - low) * sizeof(*row));
	*row = (struct pymalloc_class){.size = size};
	return row;
}

static bool class_add(struct picture *p, const struct pymalloc_class *from)
{
	struct pymalloc_class *row = class_row(p, from->size);
	if (!row)
		return false;
	row->pools += from->pools;
	row->used_blocks += from->used_blocks;
	row->free_blocks += from->free_blocks;
	return true;
}

/* mimalloc's block sizes, and of free blocks those that were made: its heaps count so, too. */
static bool classes_add(struct picture *p, const struct snapshot_interpreter *one)
{
	const struct pymalloc *heap = &one->pymalloc;
	const struct mimalloc *m = &one->mimalloc;
	for (size_t i = 0; i < heap->n_classes && i < PYMALLOC_CLASSES_MAX; i++)
		if (heap->used && !class_add(p, &heap->classes[i]))
			return false;
	for (size_t i = 0; m->used && i < m->pages.count; i++) {
		const struct mimalloc_page *page = &m->pages.items[i];
		const struct pymalloc_class class = {
			.size = page->block_size,
			.pools = 1,
			.used_blocks = page->used,
			.free_blocks = size_subtract(page->capacity, page->used),
		};
		if (!class_add(p, &class))
			return false;
	}
	return true;
}

struct error *picture_choose(struct picture *p, struct picture_choice choice)
{
	size_t index;
	struct occupancy occupancy = {0};
	if (choice_index(p->snapshot, choice, &index)) {
		struct error *err = occupancy_of_any(p->snapshot, index, &occupancy);
		if (err)
			return err;
	} else {
		index = p->snapshot->interpreters.count;
	}
	occupancy_fini(&p->occupancy);
	p->occupancy = occupancy;
	p->choice = choice;
	vec_fini(&p->classes);
	for (size_t i = 0; i < p->snapshot->interpreters.count; i++)
		if ((index == OCCUPANCY_ALL || index == i) &&
		    has_heap(&p->snapshot->interpreters.items[i]) &&
		    !classes_add(p, &p->snapshot->interpreters.items[i]))
			return error_out_of_memory();
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
	vec_fini(&p->classes);
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
	for (size_t i = 0; i < p->classes.count; i++)
		if (p->classes.items[i].size == size)
			return &p->classes.items[i];
	return NULL;
}

const struct occupancy_arena *picture_arena(const struct picture *p, raddr address)
{
	size_t i = occupancy_find(&p->occupancy, address);
	if (i == p->occupancy.arenas.count)
		return NULL;
	const struct occupancy_arena *one = &p->occupancy.arenas.items[i];
	return raddr_equal(one->address, address) ? one : NULL;
}
