/*
 * pool_pattern: only words that are their own address less 16 or less 24 are kept, which
 * are a few hundred of all that a file has; sorted, two make a pair and pairs make runs.
 *
 *	usedpools  A     │ A-16 │ A-16 │    list 0, its head posing as a pool at A-16
 *	           A+16  │ A    │ A    │    list 1
 *	           …                        32 or 64 of them
 *
 *	DT_RELA    {A, RELATIVE, A-16} {A+8, RELATIVE, A-16} …         shared objects and PIE
 *	           {A, 64, _PyRuntime, A-16 - _PyRuntime} …            the exported struct of 3.12
 *	DT_RELR    address, bitmap, bitmap, …  ─▶ words in the file
 *
 * What cannot be read might have held a second table: then there is no answer.
 */
#include "symbols/bare/pool_pattern.h"

#include "base/vec.h"
#include "symbols/elf/elf_dynamic.h"
#include "symbols/elf/elf_window.h"

#include <elf.h>

#define LINK            16 /* of nextpool in struct pool_header; prevpool follows it */
#define PAIR            16
#define RUN_MIN         16 /* pairs: fewer may be anything */
#define CLASSES_FEW     32
#define CLASSES_MANY    64
#define RELOCATIONS_MAX (UINT64_C(1) << 20)
#define DATA_MAX        (64 * MIB)
#define WORDS_MAX       65536
#define BLOCK           128 /* relocations read at once */
#define PAGE            4096

/* A word that refers to itself as one of the two at `pair` would. */
struct word {
	uint64_t pair;
	bool second;
};

struct gathering {
	const struct elf_source *source;
	struct elf_dynamic dynamic;
	struct elf_window symbols, data;
	uint64_t symbol, value; /* of which the value is known: most relocations have their
	                           predecessor's symbol */
	bool has_symbol;
	VEC(struct word) words;
	bool partial;
};

/* ---- gathering ----------------------------------------------------------------------- */

/* The pointer-sized variable at `place` starts with `value`. */
static void take_word(struct gathering *g, uint64_t place, uint64_t value)
{
	bool first = value == place - LINK, second = value == place - LINK - 8;
	if (place % 8 || place < LINK + 8 || (!first && !second))
		return;
	const struct elf_segment *segment = elf_source_segment(g->source, place, 8);
	if (!segment || !segment->writable)
		return;
	struct word *word = g->words.count < WORDS_MAX ? vec_push(&g->words) : NULL;
	if (word)
		*word = (struct word){second ? place - 8 : place, second};
	else
		g->partial = true;
}

/* The value of a symbol by its index; false: it is another object's, or *partial. */
static bool read_symbol(struct gathering *g, uint64_t index, uint64_t *ret)
{
	Elf64_Sym symbol;
	if (g->has_symbol && index == g->symbol) {
		*ret = g->value;
		return true;
	}
	if (!g->dynamic.symbols ||
	    !elf_window_read(&g->symbols, g->dynamic.symbols + index * sizeof(symbol), &symbol,
			     sizeof(symbol))) {
		g->partial = true;
		return false;
	}
	g->has_symbol = symbol.st_shndx != SHN_UNDEF && symbol.st_shndx != SHN_ABS;
	g->symbol = index;
	*ret = g->value = symbol.st_value;
	return g->has_symbol;
}

static void take_relocation(struct gathering *g, const Elf64_Rela *r)
{
	uint64_t type = ELF64_R_TYPE(r->r_info), base = 0;
	if (type != R_X86_64_RELATIVE && type != R_X86_64_64)
		return;
	if (type == R_X86_64_64 && !read_symbol(g, ELF64_R_SYM(r->r_info), &base))
		return;
	take_word(g, r->r_offset, base + (uint64_t)r->r_addend);
}

/* Whether `n` entries at `vaddr` are no more than their segment holds and than is read. */
static bool is_table(const struct elf_source *s, uint64_t vaddr, uint64_t n, uint64_t size)
{
	return n <= RELOCATIONS_MAX && elf_source_segment(s, vaddr, n * size);
}

static void gather_relocations(struct gathering *g)
{
	Elf64_Rela block[BLOCK];
	uint64_t n = g->dynamic.relocations_size / sizeof(block[0]);
	if (!g->dynamic.relocations || n == 0)
		return;
	g->partial |= !is_table(g->source, g->dynamic.relocations, n, sizeof(block[0]));
	for (uint64_t i = 0; i < n && !g->partial; i += BLOCK) {
		uint64_t here = size_min(BLOCK, n - i);
		if (!elf_source_read(g->source, g->dynamic.relocations + i * sizeof(block[0]),
				     block, here * sizeof(block[0]))) {
			g->partial = true;
			return;
		}
		for (uint64_t j = 0; j < here; j++)
			take_relocation(g, &block[j]);
	}
}

/* Whether the writable segments hold no more in the file than is read of them. */
static bool is_data_small(const struct elf_source *s)
{
	uint64_t size = 0;
	for (size_t i = 0; i < s->image->n_segments; i++)
		if (s->image->segments[i].writable)
			size = size_add(size, s->image->segments[i].filesz);
	return size <= DATA_MAX;
}

/* A place whose word in the file is what it starts with. */
static void take_packed(struct gathering *g, uint64_t place)
{
	uint64_t value;
	const struct elf_segment *segment = elf_source_segment(g->source, place, sizeof(value));
	if (segment && segment->writable && elf_window_read(&g->data, place, &value, sizeof(value)))
		take_word(g, place, value);
	else
		g->partial = true;
}

/* An entry is a place, or which of the 63 words behind the last one are places, too. *next: the word
 * behind. Linkers write them in ascending order, so that each page is read once. */
static void take_packed_entry(struct gathering *g, uint64_t entry, uint64_t *next)
{
	if (!(entry & 1)) {
		g->partial |= entry < *next;
		take_packed(g, entry);
		*next = entry + 8;
		return;
	}
	for (unsigned bit = 1; bit < 64 && !g->partial; bit++)
		if (entry >> bit & 1)
			take_packed(g, *next + (bit - 1) * UINT64_C(8));
	g->partial |= __builtin_add_overflow(*next, UINT64_C(63) * 8, next);
}

static void gather_packed(struct gathering *g)
{
	struct elf_window table = {.source = g->source};
	uint64_t n = g->dynamic.packed_size / sizeof(Elf64_Relr), next = 0, entry;
	if (!g->dynamic.packed || n == 0)
		return;
	g->partial |= !is_table(g->source, g->dynamic.packed, n, sizeof(entry)) ||
		      !is_data_small(g->source);
	for (uint64_t i = 0; i < n && !g->partial; i++) {
		if (elf_window_read(&table, g->dynamic.packed + i * 8, &entry, sizeof(entry)))
			take_packed_entry(g, entry, &next);
		else
			g->partial = true;
	}
}

/* What a writable segment holds in the file. */
static void gather_segment(struct gathering *g, const struct elf_segment *segment)
{
	uint64_t words[PAGE / 8], some;
	uint64_t start = segment->vaddr + (-segment->vaddr & 7);
	uint64_t size = size_subtract(segment->filesz, start - segment->vaddr) & ~UINT64_C(7);
	for (uint64_t at = 0; at < size && !g->partial; at += some) {
		some = size_min(PAGE, size - at);
		if (!elf_source_read(g->source, start + at, words, (size_t)some)) {
			g->partial = true;
			return;
		}
		for (uint64_t i = 0; i < some / 8; i++)
			take_word(g, start + at + i * 8, words[i]);
	}
}

static void gather_data(struct gathering *g)
{
	const struct elf_image *image = g->source->image;
	g->partial |= !is_data_small(g->source);
	for (size_t i = 0; i < image->n_segments; i++)
		if (image->segments[i].writable)
			gather_segment(g, &image->segments[i]);
}

/* ---- making runs of them ------------------------------------------------------------- */

static int compare_words(const void *a, const void *b)
{
	const struct word *left = a, *right = b;
	if (left->pair != right->pair)
		return left->pair < right->pair ? -1 : 1;
	return left->second - right->second;
}

/* Leaves of the words those pairs of which both are there; how many they are. */
static size_t join_pairs(struct gathering *g)
{
	struct word *items = g->words.items;
	size_t n = 0;
	if (g->words.count > 0)
		qsort(items, g->words.count, sizeof(items[0]), compare_words);
	for (size_t i = 1; i < g->words.count; i++)
		if (items[i].second && !items[i - 1].second && items[i].pair == items[i - 1].pair)
			items[n++] = items[i - 1];
	return n;
}

static void take_run(uint64_t start, uint64_t n, struct pool_pattern *ret)
{
	if (n != CLASSES_FEW && n != CLASSES_MANY) {
		ret->n_refused += n >= RUN_MIN;
	} else if (ret->n_found++ == 0) {
		ret->vaddr = start;
		ret->n_classes = (uint32_t)n;
	}
}

/* The pairs at one of the two phases that a table may have. */
static void find_runs(const struct word *pairs, size_t n, uint64_t phase, struct pool_pattern *ret)
{
	uint64_t start = 0, run = 0;
	for (size_t i = 0; i < n; i++) {
		if (pairs[i].pair % PAIR != phase)
			continue;
		if (run > 0 && pairs[i].pair == start + run * PAIR) {
			run++;
			continue;
		}
		take_run(start, run, ret);
		start = pairs[i].pair;
		run = 1;
	}
	take_run(start, run, ret);
}

void pool_pattern_find(const struct elf_source *s, bool is_file, struct pool_pattern *ret)
{
	struct gathering g = {
		.source = s, .symbols = {.source = s}, .data = {.source = s}, .words = VEC_EMPTY};
	if (!s->image->fixed) {
		elf_dynamic_read(s, &g.dynamic);
		gather_relocations(&g);
	}
	if (is_file && s->image->fixed)
		gather_data(&g);
	else if (is_file)
		gather_packed(&g);
	struct pool_pattern found = {.partial = g.partial};
	size_t n = g.partial ? 0 : join_pairs(&g);
	for (uint64_t phase = 0; phase < PAIR; phase += 8)
		find_runs(g.words.items, n, phase, &found);
	if (found.n_found != 1)
		found.vaddr = found.n_classes = 0;
	vec_fini(&g.words);
	*ret = found;
}
