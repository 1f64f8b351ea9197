/*
 * type_table: two tables of addresses: types for good, and words that are none as long as their place is not needed.
 *
 *	types     [at → index][    ][at → index] …     grows; small, so that it stays in the processor's cache
 *	nothing   [at][at][  ][at] …                   one place for each hash
 *
 * A type is looked at with its metatype and its base; each is in the table before what it refers to is looked at,
 * so a circle of them ends. Names are made last, by whoever came first: a name needs the types of strings.
 */
#include "inspector/object/type_table.h"

#include "base/cleanup.h"
#include "inspector/object/type_name.h"
#include "inspector/object/type_read.h"

#include <string.h>

#define LOWEST       UINT64_C(0x10000) /* nothing is mapped below */
#define USER_END     (UINT64_C(1) << 47)
#define NOTHING_BITS 16
#define TYPES_MAX    (1u << 18) /* more are told as none: their labels would have no room */
#define DEPTH_MAX    64         /* of metatypes and bases */
#define OLD_CLASS    1          /* added to the address of an old class, whose place is no type's */

struct memo_slot {
	uint64_t at; /* 0: free */
	uint32_t type;
};

struct type_memo {
	struct memo_slot *types; /* open, linear */
	size_t n, room;          /* a power of two */
	uint64_t *nothing;       /* 1 << NOTHING_BITS */
	size_t n_named;          /* of the table's types: those before have their names */
	bool naming;
	uint64_t budget; /* words that may still be looked at */
};

static uint64_t hash_of(uint64_t at)
{
	return (at >> 3) * UINT64_C(0x9e3779b97f4a7c15);
}

struct error *type_table_init(struct type_table *table, struct burst *burst,
			      const struct shapes *shapes, const struct space *space)
{
	struct type_memo *memo = calloc(1, sizeof(*memo));
	*table = (struct type_table){.burst = burst,
				     .shapes = shapes,
				     .space = space,
				     .gc_size = shapes->gc_size,
				     .memo = memo};
	if (!memo)
		return error_out_of_memory();
	memo->room = 1024;
	memo->types = calloc(memo->room, sizeof(*memo->types));
	memo->nothing = calloc((size_t)1 << NOTHING_BITS, sizeof(*memo->nothing));
	memo->budget = size_add(space->mapped_size, MIB);
	if (memo->types && memo->nothing)
		return NULL;
	type_table_fini(table);
	return error_out_of_memory();
}

void type_table_fini(struct type_table *table)
{
	for (size_t i = 0; i < table->types.count; i++)
		free(table->types.items[i].name);
	vec_fini(&table->types);
	if (table->memo) {
		free(table->memo->types);
		free(table->memo->nothing);
	}
	free(take(table->memo));
}

/* ---- the memo --------------------------------------------------------------------------- */

static struct memo_slot *slot_of(const struct type_memo *m, uint64_t at)
{
	size_t i = (size_t)(hash_of(at) >> 32) & (m->room - 1);
	while (m->types[i].at && m->types[i].at != at)
		i = (i + 1) & (m->room - 1);
	return &m->types[i];
}

static uint64_t *nothing_of(const struct type_memo *m, uint64_t at)
{
	return &m->nothing[hash_of(at) >> (64 - NOTHING_BITS)];
}

static bool grow(struct type_memo *m)
{
	struct type_memo bigger = *m;
	bigger.room = m->room * 2;
	bigger.types = calloc(bigger.room, sizeof(*bigger.types));
	if (!bigger.types)
		return false;
	for (size_t i = 0; i < m->room; i++)
		if (m->types[i].at)
			*slot_of(&bigger, m->types[i].at) = m->types[i];
	free(m->types);
	*m = bigger;
	return true;
}

/* Its index, TYPE_NONE: out of memory, or too many. */
static uint32_t add(struct type_table *t, const struct type *type, uint64_t at)
{
	struct type_memo *m = t->memo;
	if (t->types.count >= TYPES_MAX || (m->n * 2 >= m->room && !grow(m)))
		return TYPE_NONE;
	_cleanup_(free_pointer) char *name = strdup("?");
	struct type *place = name ? vec_push(&t->types) : NULL;
	if (!place)
		return TYPE_NONE;
	uint32_t index = (uint32_t)(t->types.count - 1);
	*place = *type;
	place->name = take(name);
	*slot_of(m, at) = (struct memo_slot){at, index};
	m->n++;
	return index;
}

/* ---- the size of a GC head, where nothing else tells ------------------------------------ */

/* Its neighbours in the list of the collector point back to it. */
static bool is_linked(struct type_table *t, raddr head)
{
	uint64_t next, previous, back, forth;
	return burst_word(t->burst, head, &next) &&
	       burst_word(t->burst, raddr_plus(head, 8), &previous) && next != previous &&
	       burst_word(t->burst, raddr_plus(raddr_at(next), 8), &back) && back == head.value &&
	       burst_word(t->burst, raddr_at(previous), &forth) && forth == head.value;
}

/* Up to 3.7 it has 24 or 32 bytes: of the dict before which one of them holds. */
static void calibrate(struct type_table *t, raddr dict)
{
	if (t->gc_size || t->shapes->free_threaded || raddr_is_null(dict))
		return;
	bool small = is_linked(t, raddr_minus(dict, 24)),
	     large = is_linked(t, raddr_minus(dict, 32));
	if (small == large)
		return;
	t->gc_size = small ? 24 : 32;
	for (size_t i = 0; i < t->types.count; i++)
		t->types.items[i].before = type_read_before(t, &t->types.items[i]);
}

/* ---- looking at one --------------------------------------------------------------------- */

static uint32_t find(struct type_table *t, raddr at, unsigned depth);

/* A metatype is a type, too; `type` is its own. */
static bool find_metatype(struct type_table *t, const struct type_read *read, struct type *type,
			  unsigned depth)
{
	raddr meta = raddr_at(type_read_word(read, t->shapes->ob_type));
	if (raddr_equal(meta, read->at))
		return type->kind == TYPE_TYPE;
	type->metatype = depth ? find(t, meta, depth - 1) : TYPE_NONE;
	return type->metatype != TYPE_NONE && t->types.items[type->metatype].kind == TYPE_TYPE;
}

static void inherit(struct type_table *t, uint32_t index, unsigned depth)
{
	raddr at = t->types.items[index].base;
	uint32_t base = depth ? find(t, at, depth - 1) : TYPE_NONE;
	if (base != TYPE_NONE)
		type_read_inherit(&t->types.items[index], &t->types.items[base]);
}

static uint32_t examine(struct type_table *t, raddr at, unsigned depth)
{
	struct type_read read;
	struct type type;
	if (!t->memo->budget || !type_read(t, at, &read))
		return TYPE_NONE;
	t->memo->budget--;
	type_read_fill(t, &read, &type);
	if (!find_metatype(t, &read, &type, depth))
		return TYPE_NONE;
	uint32_t index = add(t, &type, at.value);
	if (index == TYPE_NONE)
		return TYPE_NONE;
	if (type.metatype == TYPE_NONE)
		t->types.items[index].metatype = index;
	calibrate(t, type.dict);
	t->types.items[index].before =
		type_read_before(t, &type); /* its metatype's may have told */
	inherit(t, index, depth);
	return index;
}

static uint32_t find(struct type_table *t, raddr at, unsigned depth)
{
	if (at.value % 8 || at.value < LOWEST || at.value >= USER_END)
		return TYPE_NONE;
	struct type_memo *m = t->memo;
	const struct memo_slot *known = slot_of(m, at.value);
	if (known->at)
		return known->type;
	uint64_t *nothing = nothing_of(m, at.value);
	if (*nothing == at.value)
		return TYPE_NONE;
	*nothing = at.value; /* while it is looked at: a circle of metatypes ends here */
	t->n_examined++;
	uint32_t index = examine(t, at, depth);
	if (index != TYPE_NONE && *nothing == at.value)
		*nothing = 0;
	return index;
}

/* ---- names ------------------------------------------------------------------------------ */

static void name_one(struct type_table *t, uint32_t index)
{
	const struct type *type = &t->types.items[index];
	char *name = type->kind == TYPE_INSTANCE && !type->exact ? type_name_make_old(t, type->at)
								 : type_name_make(t, index);
	if (!name)
		return;
	free(t->types.items[index].name);
	t->types.items[index].name = name;
}

/* Naming finds more types; those are named in turn, not within each other. */
static void name_new(struct type_table *t)
{
	struct type_memo *m = t->memo;
	if (m->naming)
		return;
	m->naming = true;
	while (m->n_named < t->types.count)
		name_one(t, (uint32_t)m->n_named++);
	m->naming = false;
}

uint32_t type_table_find(struct type_table *t, raddr at)
{
	uint32_t index = find(t, at, DEPTH_MAX);
	if (t->memo->n_named < t->types.count)
		name_new(t);
	return index;
}

uint32_t type_table_known(const struct type_table *t, raddr at)
{
	const struct memo_slot *slot = slot_of(t->memo, at.value);
	return slot->at && at.value ? slot->type : TYPE_NONE;
}

uint32_t type_table_ancestor(struct type_table *t, uint32_t i, const char *const *names)
{
	for (unsigned depth = 0; i != TYPE_NONE && depth < DEPTH_MAX; depth++) {
		const struct type *type = type_table_get(t, i);
		for (const char *const *name = names; !type->heap && *name; name++)
			if (type->name && strcmp(type->name, *name) == 0)
				return i;
		if (raddr_is_null(type->base))
			return TYPE_NONE;
		i = type_table_find(t, type->base);
	}
	return TYPE_NONE;
}

/* ---- old classes ------------------------------------------------------------------------ */

static bool is_old_class(struct type_table *t, raddr at)
{
	uint64_t type;
	if (at.value % 8 || !burst_word(t->burst, raddr_plus(at, t->shapes->ob_type), &type))
		return false;
	uint32_t index = type_table_find(t, raddr_at(type));
	return index != TYPE_NONE && t->types.items[index].kind == TYPE_OLD_CLASS;
}

static uint32_t find_instance(const struct type_table *t)
{
	for (size_t i = 0; i < t->types.count; i++)
		if (t->types.items[i].kind == TYPE_INSTANCE && t->types.items[i].exact)
			return (uint32_t)i;
	return TYPE_NONE;
}

uint32_t type_table_find_class(struct type_table *t, raddr at)
{
	const struct memo_slot *known = slot_of(t->memo, at.value | OLD_CLASS);
	if (known->at)
		return known->type;
	t->n_examined++;
	uint32_t instance = find_instance(t);
	if (instance == TYPE_NONE || !is_old_class(t, at))
		return TYPE_NONE;
	struct type type = t->types.items[instance];
	uint64_t dict = 0;
	(void)burst_word(t->burst, raddr_plus(at, t->shapes->old_class.dict), &dict);
	type.at = at;
	type.exact = false;
	type.dict = raddr_at(dict);
	uint32_t index = add(t, &type, at.value | OLD_CLASS);
	name_new(t);
	return index;
}
