/*
 * pymalloc_lists: every list is followed once over copied data; each node is marked,
 * so that a cycle ends at its second visit, and what is unmarked in the end was on
 * no list.
 *
 *	usedpools   [2i] next ─▶ pool ⇄ pool ⇄ pool ─▶ back to [2i]      partial pools of class i
 *	            [2i+1] prev                          the head poses as a pool: its address is
 *	                                                 such that its links fall on these two words
 *	usable_arenas ─▶ 1 free ⇄ 3 free ⇄ 3 free ⇄ 60 free ─▶ NULL      ascending, only nfreepools > 0
 *	nfp2lasta[3] ────────────────────────┘                           (3.8 on)
 *	unused_arena_objects ─▶ ─▶ NULL                                  address 0, singly linked
 */
#include "inspector/heap/pymalloc_lists.h"

#include "base/cleanup.h"

struct check {
	const struct pymalloc_image *image;
	const struct image_order *order;
	uint8_t *seen; /* a byte a pool place, later a byte an arena object */
	struct list_findings found;
};

static void blame(uint64_t *count, raddr *first, raddr at)
{
	if ((*count)++ == 0)
		*first = at;
}

static void blame_used(struct check *c, raddr at)
{
	blame(&c->found.n_used, &c->found.used, at);
}

static bool is_partial(const struct check *c, uint32_t arena, const struct pymalloc_header *h)
{
	return h->count > 0 && pymalloc_image_plausible(c->image, h, arena) &&
	       h->count < pymalloc_geometry_capacity(&c->image->geometry, h->szidx);
}

/* One node of the list of `class`: false where it cannot be followed further. */
static bool follow_used(struct check *c, uint32_t class, raddr at, raddr from, raddr *ret_next)
{
	uint32_t arena, pool;
	if (!pymalloc_image_find(c->image, c->order, at, &arena, &pool)) {
		blame_used(c, at);
		return false;
	}
	size_t place = pymalloc_image_place(c->image, &c->image->arenas[arena], pool);
	if (pymalloc_image_got(c->image, place) != SLICE_READ)
		return false;
	if (c->seen[place]) {
		blame_used(c, at);
		return false;
	}
	c->seen[place] = 1;
	struct pymalloc_header h = pymalloc_image_header(c->image, place);
	if (!is_partial(c, arena, &h) || h.szidx != class || !raddr_equal(h.prev, from))
		blame_used(c, at);
	*ret_next = h.next;
	return true;
}

/* Whether the whole list could be followed, back to its head. */
static bool check_used_list(struct check *c, uint32_t class)
{
	const struct pymalloc_words *words = &c->image->words;
	raddr word = raddr_at(c->image->used_at.value + UINT64_C(16) * class);
	raddr head = raddr_minus(word, c->image->shape.pool.next);
	raddr at = raddr_at(words->used[2 * class]), from = head;
	while (!raddr_equal(at, head)) {
		raddr next;
		if (!follow_used(c, class, at, from, &next))
			return false;
		from = at;
		at = next;
	}
	if (!raddr_equal(raddr_at(words->used[2 * class + 1]), from))
		blame_used(c, head);
	return true;
}

/* Partial pools that no list led to; of a class whose list broke off nothing can be said. */
static void check_strays(struct check *c, const bool *whole)
{
	for (size_t i = 0; i < c->order->count; i++) {
		uint32_t index = c->order->items[i].index;
		const struct image_arena *arena = &c->image->arenas[index];
		size_t place = pymalloc_image_place(c->image, arena, 0);
		for (uint32_t pool = 0; pool < arena->carved; pool++, place++) {
			if (c->seen[place] || pymalloc_image_got(c->image, place) != SLICE_READ)
				continue;
			struct pymalloc_header h = pymalloc_image_header(c->image, place);
			if (is_partial(c, index, &h) && whole[h.szidx])
				blame_used(c, raddr_plus(pymalloc_geometry_first_pool(
								 &c->image->geometry,
								 arena->seen.address),
							 pool * c->image->geometry.pool_size));
		}
	}
}

static void check_used(struct check *c)
{
	bool whole[PYMALLOC_CLASSES_MAX];
	if (!c->image->words.got_used)
		return;
	for (uint32_t class = 0; class < c->image->geometry.n_classes; class ++)
		whole[class] = check_used_list(c, class);
	check_strays(c, whole);
}

static void blame_usable(struct check *c, uint64_t at)
{
	blame(&c->found.n_usable, &c->found.usable, raddr_at(at));
}

static uint64_t object_address(const struct check *c, uint32_t index)
{
	return c->image->words.word[WORD_ARENAS] + index * c->image->shape.arena_size;
}

/* nfp2lasta[n] is the last arena of the list with n free pools. */
static void check_last_of(struct check *c, uint32_t nfree, uint64_t address)
{
	const struct pymalloc_words *words = &c->image->words;
	if (words->got_nfp2lasta && nfree < words->n_nfp2lasta &&
	    words->nfp2lasta[nfree] != address)
		blame_usable(c, address);
}

static void check_usable(struct check *c)
{
	const struct pymalloc_image *image = c->image;
	raddr at = raddr_at(image->words.word[WORD_USABLE_ARENAS]), from = RADDR_NULL;
	uint32_t index, nfree = 0;
	while (!raddr_is_null(at)) {
		if (!pymalloc_image_index(image, at, &index) || c->seen[index]) {
			blame_usable(c, at.value);
			return;
		}
		c->seen[index] = 1;
		struct pymalloc_arena_object o = pymalloc_image_object(image, index);
		if (raddr_is_null(o.address) || o.nfreepools == 0 || o.nfreepools < nfree ||
		    !raddr_equal(o.prev, from))
			blame_usable(c, at.value);
		if (nfree != 0 && o.nfreepools != nfree)
			check_last_of(c, nfree, from.value);
		nfree = o.nfreepools;
		from = at;
		at = o.next;
	}
	check_last_of(c, nfree, from.value);
	for (index = 0; index < image->n_table; index++) {
		struct pymalloc_arena_object o = pymalloc_image_object(image, index);
		if (!raddr_is_null(o.address) && o.nfreepools > 0 && !c->seen[index])
			blame_usable(c, object_address(c, index));
	}
}

static void check_unused(struct check *c)
{
	const struct pymalloc_image *image = c->image;
	raddr at = raddr_at(image->words.word[WORD_UNUSED_ARENA_OBJECTS]);
	uint32_t index;
	for (; !raddr_is_null(at); at = pymalloc_image_object(image, index).next) {
		bool ours = pymalloc_image_index(image, at, &index);
		if (!ours || c->seen[index] ||
		    !raddr_is_null(pymalloc_image_object(image, index).address)) {
			blame(&c->found.n_unused, &c->found.unused, at);
			return;
		}
		c->seen[index] = 1;
	}
	for (index = 0; index < image->n_table; index++) {
		if (!c->seen[index] && raddr_is_null(pymalloc_image_object(image, index).address))
			blame(&c->found.n_unused, &c->found.unused,
			      raddr_at(object_address(c, index)));
	}
}

struct error *pymalloc_lists_check(const struct pymalloc_image *image,
				   const struct image_order *order, struct list_findings *ret)
{
	size_t n_places = (size_t)image->n_slots * image->geometry.pools_per_arena;
	_cleanup_(free_pointer) uint8_t *seen = calloc(n_places + image->n_table + 1, 1);
	if (!seen)
		return error_out_of_memory();
	struct check c = {.image = image, .order = order, .seen = seen};
	check_used(&c);
	c.seen = seen + n_places;
	if (image->words.got[WORD_USABLE_ARENAS])
		check_usable(&c);
	memset(c.seen, 0, image->n_table);
	if (image->words.got[WORD_UNUSED_ARENA_OBJECTS])
		check_unused(&c);
	*ret = c.found;
	return NULL;
}
