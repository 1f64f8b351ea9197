/*
 * free_lists: a count, and as many dead objects.
 *
 *	3.13   count ┄ items[0] items[1] …           lists, dicts, dicts' keys
 *	       count ┄ head ─▶ dead ─▶ dead ─▶ NULL  floats (by ob_type), tuples (by ob_item[0])
 *	3.14   {head, count} ─▶ dead ─▶ dead ─▶ NULL all of them, by their first word
 *
 * A member must lie where a block of its size begins, in a pool of its class (or be a chunk of
 * malloc's, or a block of mimalloc's), and be of the type whose name the list has. One that fails, in a list that stands still,
 * refuses the whole set. A full collection empties all of them (_PyObject_ClearFreeLists() in Objects/object.c): then
 * every set fits.
 */
#include "inspector/scan/free_lists.h"

#include "base/cleanup.h"
#include "inspector/mimalloc/mimalloc_block.h"
#include "inspector/scan/peek.h"

#define TRIES      8
#define NO_LINK    UINT8_MAX /* members are in an array */
#define HOOK       16        /* bytes that the debug hooks put before a block */
#define HOOKS_SIZE 24        /* bytes that they ask for more */
#define TUPLES     20
#define KEYS_SIZE  120  /* of a dict's keys of 8 slots with str keys, the ones that are kept */
#define KEPT_MAX   2000 /* of the longest list */
#define FOLLOWED   64   /* members of each: they lie on as many pages, and each costs a read */

struct place {
	enum layout_entry_id id;
	const char *type;     /* tp_name; NULL: no object, or its type is overwritten */
	uint16_t count, head; /* bytes from obmalloc */
	uint8_t width, n, stride, head_stride;
	uint8_t link; /* bytes in a member; or NO_LINK: head is the array */
	bool collected;
	uint16_t max;
};

static const struct place places_3_13[] = {
	{LAYOUT_FREELIST_FLOAT, NULL, 152, 160, 4, 1, 4, 8, 8, false, 100},
	{LAYOUT_FREELIST_TUPLE, "tuple", 328, 168, 4, TUPLES, 4, 8, 24, true, KEPT_MAX},
	{LAYOUT_FREELIST_LIST, "list", 1048, 408, 4, 1, 4, 8, NO_LINK, true, 80},
	{LAYOUT_FREELIST_DICT, "dict", 1696, 1056, 4, 1, 4, 8, NO_LINK, true, 80},
	{LAYOUT_FREELIST_DICTKEYS, NULL, 2344, 1704, 4, 1, 4, 8, NO_LINK, false, 80},
};

static const struct place places_3_14[] = {
	{LAYOUT_FREELIST_FLOAT, "float", 224, 216, 8, 1, 8, 8, 0, false, 100},
	{LAYOUT_FREELIST_TUPLE, "tuple", 256, 248, 8, TUPLES, 16, 16, 0, true, KEPT_MAX},
	{LAYOUT_FREELIST_LIST, "list", 576, 568, 8, 1, 8, 8, 0, true, 80},
	{LAYOUT_FREELIST_DICT, "dict", 624, 616, 8, 1, 8, 8, 0, true, 80},
	{LAYOUT_FREELIST_DICTKEYS, NULL, 640, 632, 8, 1, 8, 8, 0, false, 80},
};

static const struct place places_3_15[] = {
	{LAYOUT_FREELIST_FLOAT, "float", 224, 216, 8, 1, 8, 8, 0, false, 100},
	{LAYOUT_FREELIST_TUPLE, "tuple", 272, 264, 8, TUPLES, 16, 16, 0, true, KEPT_MAX},
	{LAYOUT_FREELIST_LIST, "list", 592, 584, 8, 1, 8, 8, 0, true, 80},
	{LAYOUT_FREELIST_DICT, "dict", 640, 632, 8, 1, 8, 8, 0, true, 80},
	{LAYOUT_FREELIST_DICTKEYS, NULL, 656, 648, 8, 1, 8, 8, 0, false, 80},
};

static const struct place *const sets[] = {places_3_13, places_3_14, places_3_15};

#define N_PLACES ARRAY_SIZE(places_3_13)

struct search {
	struct peek *peek;
	const struct pymalloc_shape *shape;
	const struct layout *layout;
	const struct pool_table *pools;
	struct mimalloc_flavour flavour;
	raddr base; /* of obmalloc in the interpreter */
};

enum list_state { LIST_EMPTY, LIST_PROVEN, LIST_MOVING, LIST_WRONG };

/* ---- a member ------------------------------------------------------------------------------- */

static struct error *read_some(const struct search *s, raddr at, void *buffer, size_t size,
			       bool *ret_read)
{
	return peek_read(s->peek, at, buffer, size, ret_read);
}

/* Bytes of an object of the list, without its GC head; 0 unknown. */
static uint64_t size_of(const struct search *s, const struct place *place, unsigned i)
{
	uint64_t item = layout_offset(s->layout, LAYOUT_TUPLE_ITEM);
	switch ((int)place->id) {
	case LAYOUT_FREELIST_FLOAT:
		return layout_width(s->layout, LAYOUT_SIZEOF_FLOAT);
	case LAYOUT_FREELIST_TUPLE:
		return layout_has(s->layout, LAYOUT_TUPLE_ITEM) ? item + 8 * (i + UINT64_C(1)) : 0;
	case LAYOUT_FREELIST_LIST:
		return layout_width(s->layout, LAYOUT_SIZEOF_LIST);
	case LAYOUT_FREELIST_DICT:
		return layout_width(s->layout, LAYOUT_SIZEOF_DICT);
	default:
		return KEYS_SIZE;
	}
}

/* Whether a request of `size` bytes could have got the block at `at`. */
static struct error *is_block(const struct search *s, raddr at, uint64_t size, bool *ret)
{
	uint8_t bytes[PYMALLOC_STRUCT_MAX];
	uint64_t pool_size = s->pools->pool_size, alignment = s->pools->alignment;
	raddr pool = raddr_align_down(at, pool_size);
	bool read;
	*ret = false;
	struct error *err = read_some(s, pool, bytes, s->shape->header_size, &read);
	if (err || !read)
		return err;
	struct pymalloc_header h = pymalloc_shape_header(s->shape, bytes);
	uint64_t block = (h.szidx + UINT64_C(1)) * alignment;
	uint64_t inside = raddr_distance(pool, at);
	uint64_t overhead = size_align_up(s->shape->header_size, alignment);
	*ret = h.szidx < s->pools->n_classes && h.count > 0 &&
	       h.maxnextoffset == pool_size - block && inside >= overhead &&
	       (inside - overhead) % block == 0 && size_align_up(size, alignment) == block;
	return NULL;
}

/* Whether glibc's malloc could have given it: the chunk's size stands before it. */
static struct error *is_chunk(const struct search *s, raddr at, uint64_t size, bool *ret)
{
	uint64_t word = 0, least = size_max(size_align_up(size + 8, 16), 32);
	bool read;
	struct error *err = read_some(s, raddr_minus(at, 8), &word, sizeof(word), &read);
	uint64_t chunk = word & ~UINT64_C(7);
	*ret = !err && read && at.value % 16 == 0 && (chunk == least || chunk == least + 16);
	return err;
}

static struct error *read_for_mimalloc(void *context, raddr at, void *buffer, size_t size,
				       bool *ret_read)
{
	return peek_read(context, at, buffer, size, ret_read);
}

/* By whichever allocator serves objects: where pymalloc has no pools, by one of the others. */
static struct error *is_given(const struct search *s, raddr at, uint64_t size, bool *ret)
{
	const struct mimalloc_reader reader = {read_for_mimalloc, s->peek};
	if (s->pools->n_heads > 0)
		return is_block(s, at, size, ret);
	struct error *err = is_chunk(s, at, size, ret);
	if (err || *ret)
		return err;
	return mimalloc_block_fits(&reader, s->layout, &s->flavour, at, size, ret);
}

static struct error *is_allocated(const struct search *s, raddr at, uint64_t size, bool *ret)
{
	*ret = false;
	struct error *err = is_given(s, at, size, ret);
	if (err || *ret)
		return err;
	return is_given(s, raddr_minus(at, HOOK), size + HOOKS_SIZE, ret);
}

/* Whether the object's type has this name. ob_type and tp_name lie where they do in every release
 * with a GIL: behind one word, and behind the three of a PyVarObject. */
static struct error *is_of_type(const struct search *s, raddr object, const char *name, bool *ret)
{
	uint64_t type, text;
	char buffer[8] = "";
	size_t size = strlen(name) + 1;
	struct error *err = read_some(s, raddr_plus(object, 8), &type, sizeof(type), ret);
	if (!err && *ret)
		err = read_some(s, raddr_plus(raddr_at(type), 24), &text, sizeof(text), ret);
	if (!err && *ret)
		err = read_some(s, raddr_at(text), buffer, size_min(size, sizeof(buffer)), ret);
	*ret = *ret && memcmp(buffer, name, size_min(size, sizeof(buffer))) == 0;
	return err;
}

static struct error *is_member(const struct search *s, const struct place *place, unsigned i,
			       raddr object, bool *ret)
{
	uint64_t head = place->collected ? layout_width(s->layout, LAYOUT_SIZEOF_GC_HEAD) : 0;
	uint64_t size = size_of(s, place, i);
	*ret = false;
	if (object.value % 8 != 0 || object.value <= head || size == 0)
		return NULL;
	struct error *err = is_allocated(s, raddr_minus(object, head), size_add(size, head), ret);
	if (!err && *ret && place->type)
		err = is_of_type(s, object, place->type, ret);
	return err;
}

/* ---- a list ------------------------------------------------------------------------------------ */

struct list {
	uint64_t count, head;
	raddr head_at;
};

/* As it is now: what is kept of its members must be newer. */
static struct error *read_list(const struct search *s, const struct place *place, unsigned i,
			       struct list *ret, bool *ret_read)
{
	struct list list = {.count = 0};
	raddr at = raddr_plus(s->base, place->count + (uint64_t)i * place->stride);
	list.head_at = raddr_plus(s->base, place->head + (uint64_t)i * place->head_stride);
	struct error *err = space_read(s->peek->space, at, &list.count, place->width);
	err = err ?: space_read(s->peek->space, list.head_at, &list.head, sizeof(list.head));
	*ret_read = !err;
	*ret = list;
	return err && error_catch(&err, ERROR_FAULT) ? NULL : err;
}

/* Whether `count` members follow one another, and no more; of a long list, its first ones, and no end
 * before. */
static struct error *follow(const struct search *s, const struct place *place, unsigned i,
			    const struct list *list, bool *ret)
{
	bool chained = place->link != NO_LINK;
	raddr at = raddr_at(chained ? list->head : 0);
	*ret = true;
	for (uint64_t k = 0; k < size_min(list->count, FOLLOWED) && *ret; k++) {
		uint64_t next = 0;
		struct error *err = NULL;
		if (!chained)
			err = read_some(s, raddr_plus(list->head_at, 8 * k), &at.value, 8, ret);
		if (!err && *ret)
			err = is_member(s, place, i, at, ret);
		if (!err && *ret && chained)
			err = read_some(s, raddr_plus(at, place->link), &next, 8, ret);
		if (err)
			return err;
		at = chained ? raddr_at(next) : at;
	}
	*ret &= !chained || raddr_is_null(at) == (list->count <= FOLLOWED);
	return NULL;
}

/*
 * One that changes under the look is looked at again, and may still be moving in the end. A count that
 * comes back to what it was is no stillness: only a list that never fits is wrong.
 */
static struct error *examine(const struct search *s, const struct place *place, unsigned i,
			     enum list_state *ret)
{
	*ret = LIST_WRONG;
	for (int try = 0; try < TRIES; try++) {
		struct list list, after;
		bool read, holds = false;
		struct error *err = read_list(s, place, i, &list, &read);
		if (err || !read || list.count > place->max)
			return err;
		err = follow(s, place, i, &list, &holds);
		err = err ?: read_list(s, place, i, &after, &read);
		if (err)
			return err;
		if (holds) {
			*ret = list.count ? LIST_PROVEN : LIST_EMPTY;
			return NULL;
		}
		bool still = after.count == list.count && after.head == list.head;
		*ret = still ? *ret : LIST_MOVING;
		peek_forget(s->peek);
	}
	return NULL;
}

/* ---- a set of them ------------------------------------------------------------------------------- */

static void add_entry(const struct place *place, uint64_t obmalloc, struct free_lists *set)
{
	set->entries[place->id] = (struct layout_entry){
		.offset = obmalloc + place->count,
		.width = place->width,
		.count = place->n,
		.stride = place->stride,
		.provenance = PROVENANCE_SCANNED,
	};
}

/* *ret_wrong: some list's members deny it. */
static struct error *try_set(const struct search *s, const struct place *set, uint64_t obmalloc,
			     struct free_lists *lists, bool *ret_wrong)
{
	*ret_wrong = false;
	for (size_t k = 0; k < N_PLACES; k++) {
		for (unsigned i = 0; i < set[k].n; i++) {
			enum list_state state;
			struct error *err = examine(s, &set[k], i, &state);
			if (err)
				return err;
			lists->n_proven += state == LIST_PROVEN;
			lists->n_moving += state == LIST_MOVING;
			*ret_wrong |= state == LIST_WRONG;
			if (*ret_wrong)
				return NULL;
		}
		add_entry(&set[k], obmalloc, lists);
	}
	return NULL;
}

/* Whether the layout has the lists where the set has them. */
static bool is_recorded(const struct layout *layout, const struct place *set, uint64_t obmalloc)
{
	for (size_t k = 0; k < N_PLACES; k++) {
		const struct layout_entry *e = &layout->entries[set[k].id];
		if (!layout_has(layout, set[k].id) || e->offset != obmalloc + set[k].count ||
		    e->width != set[k].width)
			return false;
	}
	return true;
}

struct error *free_lists_find(struct space *space, const struct pymalloc_shape *shape,
			      const struct python_build *build, const struct pool_table *pools,
			      raddr main, uint64_t obmalloc, struct free_lists *ret)
{
	_cleanup_(peek_fini) struct peek peek = {.pages = NULL};
	const struct search s = {
		.peek = &peek,
		.shape = shape,
		.layout = &build->layout,
		.pools = pools,
		.flavour = {build->free_threaded, build->debug_build, build->version_hex},
		.base = raddr_plus(main, obmalloc),
	};
	unsigned n = 0;
	bool recorded = false;
	struct error *failed = peek_init(space, &peek);
	if (failed)
		return failed;
	struct free_lists found = {.why = "their members deny every known place"};
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		struct free_lists tried = {.found = true};
		bool wrong;
		struct error *err = try_set(&s, sets[i], obmalloc, &tried, &wrong);
		if (err)
			return err;
		if (wrong)
			continue;
		recorded |= is_recorded(s.layout, sets[i], obmalloc);
		if (n++ == 0)
			found = tried;
	}
	if (n > 1 || (n == 1 && found.n_proven == 0))
		found = (struct free_lists){.why = n > 1 ? "two known places fit"
							 : "all are empty, which proves nothing"};
	found.recorded = !found.found && recorded;
	*ret = found;
	return NULL;
}
