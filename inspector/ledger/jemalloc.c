/*
 * jemalloc: a tree of two levels answers whose an address is, for every page of 2^48 bytes.
 *
 *	variables  [ ···· root: a word for each GiB ···· ]
 *	                          │
 *	leaf           [ word for each page: size class << 48 │ description │ flags ]
 *	                   ▲ first          ▲ last of an extent; of one cut into small blocks: every page
 *	description    { bits, address, size, … } in blocks of jemalloc's own, each with a head
 *
 * Nothing of this is a symbol in a stripped library; but of a root that is none, the leaves do not
 * lead back to their pages.
 */
#include "inspector/ledger/jemalloc.h"

#include "base/cleanup.h"
#include "base/size.h"

#include <string.h>

#define PAGE        UINT64_C(4096)
#define LEAF_SHIFT  30                  /* log2 of the bytes that a leaf is for */
#define ENTRIES     (UINT64_C(1) << 18) /* of the root, and of a leaf */
#define TABLE_SIZE  (ENTRIES * 8)
#define BLOCK_SIZE  (2 * MIB)
#define DATA_MAX    (16 * MIB)
#define LEAVES_MAX  (512 * MIB) /* bytes read of them */
#define STEPS_MAX   65536 /* words tried, stretches and blocks found: honest trees need far fewer */
#define PROOFS      32
#define DESCRIPTION UINT64_C(0x0000ffffffffff80)
#define ALIGN       64
#define USER_END    (UINT64_C(1) << 47)
#define NO_ROOT     SIZE_MAX
#define PAGE_WORDS  (PAGE / 8)

struct table {
	uint64_t *words; /* what is not in RAM is 0 */
	size_t n;
};

struct tree {
	struct space *space;
	const struct residency *residency;
	struct table data;
	struct table leaf;
	uint8_t *got;  /* a byte for each page of the larger table */
	size_t root;   /* index in data */
	uint64_t left; /* bytes of leaves that may still be read */
	size_t steps;  /* that may still be taken */
	struct extents found;
};

/* A stretch of pages that is under way. */
struct run {
	uint64_t description, start, end;
};

static void tree_fini(struct tree *tree)
{
	free(tree->data.words);
	free(tree->leaf.words);
	free(tree->got);
	extents_fini(&tree->found);
}

static struct error *read_table(struct tree *t, raddr start, struct table *ret)
{
	size_t pages = ret->n / PAGE_WORDS;
	memset(ret->words, 0, ret->n * 8);
	memset(t->got, SLICE_UNREADABLE, pages);
	struct space_slice slice = {start, PAGE, PAGE, pages, (uint8_t *)ret->words, t->got};
	struct error *err = space_gather(t->space, &slice, 1, t->residency);
	for (size_t i = 0; i < pages && !err; i++)
		if (t->got[i] != SLICE_READ)
			memset(ret->words + i * PAGE_WORDS, 0, PAGE);
	return err;
}

static bool is_own(const struct space *space, uint64_t at, uint64_t size)
{
	const struct region *r = at < USER_END ? space_region(space, raddr_at(at)) : NULL;
	return r && r->kind == REGION_ANON && r->readable && r->writable && !r->shared &&
	       size <= r->size - raddr_distance(r->start, raddr_at(at));
}

/* Reads a leaf, where one can lie; its words all 0 where not. A leaf need not begin with a page. */
static struct error *read_leaf(struct tree *t, uint64_t at)
{
	memset(t->leaf.words, 0, t->leaf.n * 8);
	if (at % ALIGN || t->left < TABLE_SIZE || !is_own(t->space, at, TABLE_SIZE))
		return NULL;
	t->left -= TABLE_SIZE;
	raddr start = raddr_align_down(raddr_at(at), PAGE);
	struct error *err = read_table(t, start, &t->leaf);
	size_t skipped = (size_t)(at - start.value) / 8;
	memmove(t->leaf.words, t->leaf.words + skipped, TABLE_SIZE);
	return err;
}

/* ---- the root -------------------------------------------------------------------------- */

static bool describes(struct tree *t, uint64_t description, uint64_t page)
{
	uint64_t words[3];
	struct error *err = space_read(t->space, raddr_at(description), words, sizeof(words));
	error_free(err);
	uint64_t start = words[1] & ~(PAGE - 1), size = words[2] & ~(PAGE - 1);
	return !err && start <= page && page - start < size;
}

/* Whether the first pages that this leaf knows of are said to be where they are. */
static struct error *prove(struct tree *t, uint64_t gib, uint64_t leaf, bool *ret)
{
	struct error *err = read_leaf(t, leaf);
	size_t proofs = 0;
	bool so = true;
	for (size_t i = 0; i < ENTRIES && !err && so && proofs < PROOFS; i++) {
		uint64_t description = t->leaf.words[i] & DESCRIPTION;
		if (!description)
			continue;
		so = describes(t, description, (gib << LEAF_SHIFT) + i * PAGE);
		proofs++;
	}
	*ret = so && proofs;
	return err;
}

/* A word of the variables may be the root's for one of the GiB that have anonymous memory. */
static struct error *try_word(struct tree *t, size_t index, size_t *n_roots)
{
	uint64_t leaf = t->data.words[index], before = UINT64_MAX;
	if (!leaf || leaf % ALIGN || !t->steps || !is_own(t->space, leaf, TABLE_SIZE))
		return NULL;
	t->steps--;
	for (size_t i = 0; i < t->space->regions.count; i++) {
		const struct region *r = &t->space->regions.items[i];
		uint64_t gib = r->start.value >> LEAF_SHIFT;
		if (r->kind != REGION_ANON || !r->writable || gib == before || gib > index ||
		    index - gib > t->data.n - ENTRIES)
			continue;
		before = gib;
		bool proved;
		struct error *err = prove(t, gib, leaf, &proved);
		if (err)
			return err;
		*n_roots += proved && t->root != index - gib;
		t->root = proved ? (size_t)(index - gib) : t->root;
	}
	return NULL;
}

static struct error *find_root(struct tree *t, bool *ret)
{
	size_t n_roots = 0;
	t->root = NO_ROOT;
	for (size_t i = 0; i < t->data.n; i++) {
		struct error *err = try_word(t, i, &n_roots);
		if (err)
			return err;
	}
	*ret = n_roots == 1;
	return NULL;
}

/* ---- what it holds --------------------------------------------------------------------- */

static struct error *add(struct tree *t, uint64_t start, uint64_t end)
{
	for (uint64_t at = start; at < end && t->steps;) {
		const struct region *r = space_region(t->space, raddr_at(at));
		if (!r || r->kind != REGION_ANON)
			return NULL;
		uint64_t stop = size_min(end, raddr_plus(r->start, r->size).value);
		struct error *err =
			extents_add(&t->found, raddr_at(at), stop - at, LEAF_MALLOC_OPAQUE, NULL);
		if (err)
			return err;
		at = stop;
		t->steps--;
	}
	return NULL;
}

/*
 * The block of its own memory that a description lies in: { size, next, a description of the block itself }, from a
 * multiple of 2 MiB on (base.c, base_block_alloc).
 */
static struct error *add_block(struct tree *t, uint64_t start)
{
	uint64_t words[5];
	if (!t->steps)
		return NULL;
	t->steps--;
	struct error *err = space_read(t->space, raddr_at(start), words, sizeof(words));
	bool block = !err && words[0] >= BLOCK_SIZE && words[0] % BLOCK_SIZE == 0 &&
		     words[0] <= t->space->mapped_size && words[3] > start &&
		     words[3] - start <= words[0];
	error_free(err);
	return block ? add(t, start, start + words[0]) : NULL;
}

static struct error *walk_leaf(struct tree *t, uint64_t gib, struct run *run)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		uint64_t page = (gib << LEAF_SHIFT) + i * PAGE;
		uint64_t description = t->leaf.words[i] & DESCRIPTION;
		uint64_t block = description & ~(BLOCK_SIZE - 1);
		struct error *err = NULL;
		if (!description)
			continue;
		if (block != (run->description & ~(BLOCK_SIZE - 1)))
			err = add_block(t, block);
		if (!err && description != run->description && page != run->end) {
			err = add(t, run->start, run->end);
			run->start = page;
		}
		if (err)
			return err;
		*run = (struct run){description, run->start, page + PAGE};
	}
	return NULL;
}

static struct error *walk_tree(struct tree *t)
{
	struct run run = {0};
	struct error *err = NULL;
	t->left = LEAVES_MAX;
	t->steps = STEPS_MAX;
	for (uint64_t gib = 0; gib < ENTRIES && t->left >= TABLE_SIZE && !err; gib++) {
		uint64_t leaf = t->data.words[t->root + gib];
		if (!leaf)
			continue;
		err = read_leaf(t, leaf);
		err = err ?: walk_leaf(t, gib, &run);
	}
	return err ?: add(t, run.start, run.end);
}

/* Side by side they are one, so that a mapping that is all its own is told as one. */
static struct error *hand_over(struct tree *t, const char *name, struct extents *to)
{
	extents_sort(&t->found);
	for (size_t i = 0; i < t->found.list.count;) {
		raddr start = t->found.list.items[i].start, end = start;
		for (; i < t->found.list.count; i++) {
			const struct extent *e = &t->found.list.items[i];
			if (!raddr_equal(e->start, end))
				break;
			end = raddr_plus(e->start, e->size);
		}
		struct error *err = extents_add(to, start, raddr_distance(start, end),
						LEAF_MALLOC_OPAQUE, name);
		if (err)
			return err;
	}
	return NULL;
}

/* ---- all of it ------------------------------------------------------------------------- */

/* From the library's first variable to the last, where they lie side by side. */
static uint64_t data_of(const struct objects *objects, const char *path, raddr *ret_start)
{
	raddr start = RADDR_NULL, end = RADDR_NULL;
	for (size_t i = 0; i < objects->data.count; i++) {
		const struct object_data *d = &objects->data.items[i];
		if (strcmp(objects->list.items[d->object].path, path) != 0)
			continue;
		if (!raddr_equal(end, d->start))
			start = d->start;
		end = raddr_plus(d->start, d->size);
	}
	*ret_start = start;
	return raddr_distance(start, end);
}

struct error *jemalloc_find(struct space *space, const struct residency *residency,
			    const struct objects *objects, const char *allocator,
			    struct extents *extents)
{
	_cleanup_(tree_fini) struct tree tree = {space, residency, .left = LEAVES_MAX,
						 .steps = STEPS_MAX};
	raddr start;
	uint64_t size = allocator && strstr(allocator, "jemalloc")
				? data_of(objects, allocator, &start)
				: 0;
	if (size < TABLE_SIZE || size > DATA_MAX)
		return NULL;
	tree.data.n = (size_t)(size / PAGE * PAGE_WORDS);
	tree.leaf.n = ENTRIES + PAGE_WORDS;
	tree.data.words = calloc(tree.data.n, 8);
	tree.leaf.words = calloc(tree.leaf.n, 8);
	tree.got = calloc(1, size_max(tree.data.n, tree.leaf.n) / PAGE_WORDS);
	if (!tree.data.words || !tree.leaf.words || !tree.got)
		return error_out_of_memory();
	bool found = false;
	struct error *err = read_table(&tree, start, &tree.data);
	err = err ?: find_root(&tree, &found);
	if (err || !found)
		return err;
	err = walk_tree(&tree);
	return err ?: hand_over(&tree, allocator, extents);
}
