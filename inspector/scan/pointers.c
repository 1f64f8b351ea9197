/*
 * pointers: thousands of words, a few hundred pages. Sorted, the pages come one after another, each
 * is read once, and most pointers are struck off by the first word behind them.
 */
#include "inspector/scan/pointers.h"

#include "base/cleanup.h"

#define PAGE      UINT64_C(4096)
#define COUNT_MAX (UINT64_C(1) << 22) /* words of 32 MiB */

/* Where pointers may lead: regions, asked in turn with a memory of the last answer. */
struct terrain {
	const struct space *space;
	const struct elf_image *image;
	const struct region *last;
};

static bool in_module(const struct elf_image *image, uint64_t address)
{
	for (size_t i = 0; i < image->n_segments; i++) {
		const struct elf_segment *s = &image->segments[i];
		if (address - (image->bias + s->vaddr) < s->memsz)
			return true;
	}
	return false;
}

static bool leads_to_memory(struct terrain *t, uint64_t word)
{
	raddr at = raddr_at(word);
	if (!t->last || !raddr_in(at, t->last->start, t->last->size))
		t->last = space_region(t->space, at);
	return t->last && t->last->readable && t->last->writable && !in_module(t->image, word);
}

static int compare_words(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

static void sort_distinct(struct pointers *p)
{
	size_t kept = 0;
	if (p->items.count)
		qsort(p->items.items, p->items.count, sizeof(*p->items.items), compare_words);
	for (size_t i = 0; i < p->items.count; i++) {
		if (kept == 0 || p->items.items[i] != p->items.items[kept - 1])
			p->items.items[kept++] = p->items.items[i];
	}
	p->items.count = kept;
}

struct error *pointers_gather(const struct space *space, const struct elf_image *image,
			      const struct data_segments *data, uint64_t alignment,
			      struct pointers *ret)
{
	_cleanup_(pointers_fini) struct pointers found = {VEC_EMPTY};
	struct terrain terrain = {space, image, NULL};
	for (size_t i = 0; i < data->count; i++) {
		const struct data_segment *segment = &data->items[i];
		for (uint64_t offset = 0; offset + 8 <= segment->size; offset += 8) {
			uint64_t word = data_segment_word(segment, offset);
			if (word == 0 || word % alignment != 0 || !leads_to_memory(&terrain, word))
				continue;
			uint64_t *pointer =
				found.items.count < COUNT_MAX ? vec_push(&found.items) : NULL;
			if (!pointer)
				return error_out_of_memory();
			*pointer = word;
		}
	}
	sort_distinct(&found);
	*ret = found;
	found = (struct pointers){VEC_EMPTY};
	return NULL;
}

/* The page that was read last. */
struct page {
	uint64_t start;
	bool tried, got;
	uint8_t bytes[PAGE];
};

static struct error *turn_to(struct space *space, uint64_t start, struct page *page)
{
	if (page->tried && page->start == start)
		return NULL;
	struct error *err = space_read(space, raddr_at(start), page->bytes, PAGE);
	page->start = start;
	page->tried = true;
	page->got = !err;
	return err && error_catch(&err, ERROR_FAULT) ? NULL : err;
}

struct error *pointers_sieve(struct space *space, struct pointers *pointers, uint64_t offset,
			     pointers_ask_fn *ask, void *context)
{
	struct page page = {0};
	size_t kept = 0;
	for (size_t i = 0; i < pointers->items.count; i++) {
		uint64_t pointer = pointers->items.items[i], word;
		raddr at;
		if (!raddr_step(raddr_at(pointer), offset, &at) || at.value % 8 != 0)
			continue;
		struct error *err = turn_to(space, at.value & ~(PAGE - 1), &page);
		if (err)
			return err;
		memcpy(&word, page.bytes + at.value % PAGE, sizeof(word));
		if (page.got && ask(context, pointer, word))
			pointers->items.items[kept++] = pointer;
	}
	pointers->items.count = kept;
	return NULL;
}

void pointers_fini(struct pointers *pointers)
{
	vec_fini(&pointers->items);
}
