/*
 * redact_ground: regions, cut where the data of the interpreter or of libc begins or ends.
 *
 *	libpython   [ r ][ x ][ r ][ rw ][ anonymous: .bss  ┆ next mapping ]
 *	ground       keep words keep keep  keep              ┆ anon
 */
#include "inspector/save/redact_ground.h"

#include "base/cleanup.h"

#include <string.h>

#define USER_END   (UINT64_C(1) << 47)
#define HEAP_ALIGN (64 * MIB) /* HEAP_MAX_SIZE of malloc/arena.c, glibc 2.26 to 2.43 */
#define LIBC_BSS   (256 * KIB)

/* Address ranges of which it is known what they are. */
struct kept {
	uint64_t start, end;
	enum ground ground;
};

struct kept_list {
	VEC(struct kept) list;
};

static bool is_libc(const char *label)
{
	const char *name = strrchr(label, '/');
	name = name ? name + 1 : label;
	return strncmp(name, "libc.so.", 8) == 0 || strncmp(name, "libc-2.", 7) == 0;
}

/* Whole pages, so that all grounds begin and end where mappings do. */
static bool keep(struct kept_list *kept, uint64_t start, uint64_t size, enum ground ground)
{
	struct kept *place = vec_push(&kept->list);
	if (place)
		*place = (struct kept){start & ~UINT64_C(4095),
				       size_align_up(size_add(start, size), 4096), ground};
	return place;
}

static bool keep_segments(const struct mimalloc_image *mimalloc, struct kept_list *kept)
{
	for (size_t i = 0; mimalloc && i < mimalloc->segments.count; i++) {
		const struct mimalloc_segment_image *s = &mimalloc->segments.items[i];
		enum ground ground = s->retired ? GROUND_WORDS : GROUND_SEGMENT;
		if (!keep(kept, s->start.value, s->size, ground))
			return false;
	}
	return true;
}

static bool keep_module(const struct elf_image *image, struct kept_list *kept)
{
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];
		if (s->writable && !keep(kept, image->bias + s->vaddr, s->memsz, GROUND_KEEP))
			return false;
	}
	return true;
}

/* libc's variables, and its .bss, which follows them as anonymous memory. */
static bool keep_libc(const struct space *space, struct kept_list *kept)
{
	for (size_t i = 0; i < space->regions.count; i++) {
		const struct region *r = &space->regions.items[i], *next = r + 1;
		if (r->kind != REGION_FILE || !r->writable || !is_libc(r->label ?: ""))
			continue;
		bool follows = i + 1 < space->regions.count && next->kind == REGION_ANON &&
			       next->start.value == r->start.value + r->size;
		uint64_t bss = follows ? size_min(next->size, LIBC_BSS) : 0;
		if (!keep(kept, r->start.value, r->size + bss, GROUND_KEEP))
			return false;
	}
	return true;
}

/* heap_info: ar_ptr, prev, size, mprotect_size (malloc/arena.c, glibc 2.26 to 2.43). */
static bool is_thread_heap(struct space *space, const struct region *r)
{
	uint64_t info[4];
	if (r->start.value % HEAP_ALIGN != 0 || r->size < 4096)
		return false;
	struct error *err = space_read(space, r->start, info, sizeof(info));
	error_free(err);
	return !err && info[0] && info[0] % 16 == 0 && info[2] % 4096 == 0 &&
	       info[2] <= HEAP_ALIGN && info[3] >= info[2] && info[3] <= HEAP_ALIGN;
}

static enum ground ground_of(struct space *space, const struct region *r)
{
	switch (r->kind) {
	case REGION_FILE:
		return r->writable ? GROUND_WORDS : GROUND_KEEP;
	case REGION_HEAP:
		return GROUND_BRK;
	case REGION_ANON:
		if (!r->writable)
			return GROUND_WORDS;
		return is_thread_heap(space, r) ? GROUND_HEAP : GROUND_ANON;
	case REGION_STACK:
	case REGION_SPECIAL:
		break;
	}
	return GROUND_WORDS;
}

/* Where from `at` on the answer to "what is it?" changes next, before `end`. */
static uint64_t next_cut(const struct kept_list *kept, uint64_t at, uint64_t end,
			 enum ground *ret_ground)
{
	for (size_t i = 0; i < kept->list.count; i++) {
		const struct kept *k = &kept->list.items[i];
		if (at >= k->start && at < k->end) {
			*ret_ground = k->ground;
			return size_min(k->end, end);
		}
	}
	for (size_t i = 0; i < kept->list.count; i++)
		if (kept->list.items[i].start > at)
			end = size_min(end, kept->list.items[i].start);
	return end;
}

static bool add_region(struct space *space, const struct region *r, const struct kept_list *kept,
		       struct grounds *ret)
{
	enum ground ground = ground_of(space, r);
	uint64_t end = r->start.value + r->size;
	for (uint64_t at = r->start.value; at < end;) {
		enum ground here = ground;
		uint64_t cut = next_cut(kept, at, end, &here);
		struct ground_range *range = vec_push(&ret->list);
		if (!range)
			return false;
		*range =
			(struct ground_range){at, cut, here, r->executable, r->kind == REGION_FILE};
		at = cut;
	}
	return true;
}

static struct error *add_regions(struct space *space, const struct kept_list *kept,
				 struct grounds *ret)
{
	for (size_t i = 0; i < space->regions.count; i++) {
		const struct region *r = &space->regions.items[i];
		bool ours = r->readable && r->start.value < USER_END &&
			    r->size <= USER_END - r->start.value;
		if (ours && !add_region(space, r, kept, ret))
			return error_out_of_memory();
	}
	if (ret->list.count) {
		ret->lowest = ret->list.items[0].start;
		ret->span = ret->list.items[ret->list.count - 1].end - ret->lowest;
	}
	return NULL;
}

struct error *grounds_find(struct space *space, const struct elf_image *image,
			   const struct mimalloc_image *mimalloc, struct grounds *ret)
{
	struct kept_list kept = {VEC_EMPTY};
	*ret = (struct grounds){VEC_EMPTY, 0, 0, 0};
	struct error *err = NULL;
	if (!keep_module(image, &kept) || !keep_libc(space, &kept) ||
	    !keep_segments(mimalloc, &kept))
		err = error_out_of_memory();
	err = err ?: add_regions(space, &kept, ret);
	vec_fini(&kept.list);
	return err;
}

void grounds_fini(struct grounds *grounds)
{
	vec_fini(&grounds->list);
}

size_t grounds_above(const struct grounds *g, uint64_t at)
{
	size_t low = 0, high = g->list.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (g->list.items[middle].end <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct ground_range *grounds_of(struct grounds *g, uint64_t value)
{
	if (value - g->lowest >= g->span)
		return NULL;
	const struct ground_range *hot = &g->list.items[g->hot];
	if (value >= hot->start && value < hot->end)
		return hot;
	size_t i = grounds_above(g, value);
	if (i == g->list.count || value < g->list.items[i].start)
		return NULL;
	g->hot = i;
	return &g->list.items[i];
}

bool grounds_read(struct grounds *g, struct space *space, raddr at, void *to, size_t size)
{
	if (!grounds_of(g, at.value))
		return false;
	struct error *err = space_read_unheard(space, at, to, size);
	error_free(err);
	return !err;
}
