/*
 * stacks: a block names itself.
 *
 *	[ guard ][ unused ········ stack ◂── │ thread-local │ struct pthread ]
 *	▲                                                    ▲ names itself   ▲ page end
 *	└──────────── stackblock, stackblock_size ───────────┘
 *
 * Guards may be invisible (glibc 2.42 on), and then blocks lie in one mapping, one below the other.
 */
#include "inspector/ledger/stacks.h"

#include "base/size.h"

#include <stdio.h>

#define PAGE        UINT64_C(4096)
#define BLOCK_MAX   (1 * GIB)
#define SELF_OFFSET 16 /* tcbhead_t.self; its first word is the same */
#define FIRST_FIELD 64 /* of struct pthread behind tcbhead_t's first words */
#define TCB_ALIGN   64
#define TLS_MAX     (1 * MIB)

struct block {
	raddr start, end;
};

struct search {
	struct space *space;
	const struct claims *claims;
	struct extents *extents;
};

/* ---- one block ------------------------------------------------------------------------- */

/* Whether a block may begin there: in the mapping that holds its end, or in a closed one right below. */
static bool may_begin(const struct space *space, raddr start, raddr pointer)
{
	const struct region *holds = space_region(space, pointer);
	const struct region *first = space_region(space, start);
	if (!holds || !first || holds->kind != REGION_ANON || first->kind != REGION_ANON)
		return false;
	return first == holds || (raddr_equal(start, first->start) && !first->writable &&
				  raddr_equal(raddr_plus(first->start, first->size), holds->start));
}

/* Reads the page that a struct pthread ends with, from the struct on. */
static size_t read_struct(const struct search *s, raddr pointer, uint64_t words[PAGE / 8])
{
	raddr end = raddr_align_up(raddr_plus(pointer, 1), PAGE);
	size_t size = (size_t)raddr_distance(pointer, end) & ~(size_t)7;
	struct error *err = space_read(s->space, pointer, words, size);
	bool named = !err && size > FIRST_FIELD && words[0] == pointer.value &&
		     words[SELF_OFFSET / 8] == pointer.value;
	error_free(err);
	return named ? size / 8 : 0;
}

/*
 * The block of the thread with this pointer. With its size beside it there is no doubt; in a snapshot without contents
 * sizes are blanked, and then there must be one candidate alone.
 */
static bool find_block(const struct search *s, raddr pointer, struct block *ret)
{
	uint64_t words[PAGE / 8];
	raddr end = raddr_align_up(raddr_plus(pointer, 1), PAGE), found = RADDR_NULL;
	size_t n = read_struct(s, pointer, words), candidates = 0;
	bool sure = false;
	for (size_t i = FIRST_FIELD / 8; i + 1 < n && !sure; i++) {
		raddr start = raddr_at(words[i]);
		uint64_t size = raddr_distance(start, end);
		sure = words[i + 1] == size;
		if (start.value % PAGE || start.value >= pointer.value || size > BLOCK_MAX ||
		    (words[i + 1] && !sure) || !may_begin(s->space, start, pointer)) {
			sure = false;
			continue;
		}
		candidates++;
		found = start;
	}
	if (!sure && candidates != 1)
		return false;
	*ret = (struct block){found, end};
	return true;
}

/* ---- threads that run ------------------------------------------------------------------ */

static struct error *add_mapping(const struct search *s, raddr at, enum leaf leaf, const char *name,
				 uint64_t most)
{
	const struct region *r = raddr_is_null(at) ? NULL : space_region(s->space, at);
	if (!r || r->kind != REGION_ANON || r->size > most)
		return NULL;
	return extents_add(s->extents, r->start, r->size, leaf, name);
}

/* The main thread's struct lies with its thread-local variables, in a small mapping that ld.so made. */
static struct error *add_main(const struct search *s, const struct thread *thread)
{
	return add_mapping(s, thread->pointer, LEAF_STACK_MAIN, "thread-local variables", TLS_MAX);
}

static struct error *add_thread(const struct search *s, const struct thread *thread)
{
	struct block block;
	char name[48];
	(void)snprintf(name, sizeof(name), "%s (%d)", thread->name, thread->tid);
	if (!raddr_is_null(thread->pointer) && find_block(s, thread->pointer, &block))
		return extents_add(s->extents, block.start, raddr_distance(block.start, block.end),
				   LEAF_STACK_THREADS, name);
	raddr inside = raddr_is_null(thread->stack) ? thread->pointer : thread->stack;
	return add_mapping(s, inside, LEAF_STACK_THREADS, name, BLOCK_MAX);
}

/* ---- threads that have ended ----------------------------------------------------------- */

static bool is_claimed(const struct search *s, raddr at)
{
	size_t low = 0, high = s->claims->list.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct claim *claim = &s->claims->list.items[middle];
		if (raddr_in(at, claim->start, claim->size))
			return true;
		if (claim->start.value < at.value)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* The block that ends at a page's end, by the struct in its last page. */
static bool ends_block(const struct search *s, raddr end, struct block *ret)
{
	uint64_t words[PAGE / 8];
	raddr page = raddr_minus(end, PAGE);
	struct error *err = space_read(s->space, page, words, sizeof(words));
	error_free(err);
	for (size_t i = 0; !err && i + SELF_OFFSET / 8 < PAGE / 8; i += TCB_ALIGN / 8) {
		raddr pointer = raddr_plus(page, i * 8);
		if (words[i] == pointer.value && words[i + SELF_OFFSET / 8] == pointer.value &&
		    find_block(s, pointer, ret))
			return true;
	}
	return false;
}

/* Of the first n extents the highest stack that begins below `high` and ends above `low`. */
static const struct extent *highest_in(const struct extents *extents, size_t n, raddr low,
				       raddr high)
{
	const struct extent *found = NULL;
	for (size_t i = 0; i < n; i++) {
		const struct extent *e = &extents->list.items[i];
		if (e->leaf == LEAF_STACK_THREADS && e->start.value < high.value &&
		    raddr_plus(e->start, e->size).value > low.value &&
		    (!found || e->start.value > found->start.value))
			found = e;
	}
	return found;
}

/* From the mapping's end downwards: blocks that end where the last one began. */
static struct error *find_ended(const struct search *s, const struct region *r, size_t n_running,
				const char *name)
{
	raddr at = raddr_plus(r->start, r->size);
	while (raddr_distance(r->start, at) >= PAGE) {
		struct block block;
		const struct extent *below = highest_in(s->extents, n_running, r->start, at);
		raddr end = below ? raddr_plus(below->start, below->size) : r->start;
		if (end.value >= at.value) {
			at = below->start;
		} else if (!is_claimed(s, raddr_minus(at, 1)) && ends_block(s, at, &block)) {
			struct error *err = extents_add(s->extents, block.start,
							raddr_distance(block.start, block.end),
							LEAF_STACK_THREADS, name);
			if (err)
				return err;
			at = block.start;
		} else {
			at = end;
		}
	}
	return NULL;
}

struct error *stacks_find(struct space *space, const struct threads *threads, pid_t pid,
			  const struct claims *claims, struct extents *extents)
{
	const struct search s = {space, claims, extents};
	struct error *err = NULL;
	for (size_t i = 0; i < threads->list.count && !err; i++) {
		const struct thread *thread = &threads->list.items[i];
		err = thread->tid == pid ? add_main(&s, thread) : add_thread(&s, thread);
	}
	/* Where nobody tells which run, that is all that is known of them. */
	const char *ended = threads->list.count ? "threads that ended" : "threads";
	size_t n_running = extents->list.count;
	for (size_t i = 0; i < space->regions.count && !err; i++) {
		const struct region *r = &space->regions.items[i];
		if (r->kind == REGION_ANON && r->readable && r->writable && !r->shared)
			err = find_ended(&s, r, n_running, ended);
	}
	return err;
}
