/*
 * redact_table: a header is believed when the rest of the table bears it out.
 *
 *	keys, 3.6 to 3.10   [refcnt size lookup usable nentries][indices][hash key value] …
 *	keys, 3.11 on       [refcnt │ log2 sizes, kind, version │ usable nentries][indices][ … ]
 *	values, 3.11, 3.12  [ … order, used, prefix ][value] …
 *	values, 3.13 on     [room, used, embedded, … ][value] …              outside of their instance
 *	numbers, 2.7        [next block][refcount type value] …              int and float, by the kilobyte
 *	tcache              [counts of 64 or 76 bins][heads of their lists]
 *
 * (Objects/dictobject.c, Include/internal/pycore_dict.h; malloc/malloc.c of glibc 2.26 to 2.43.)
 */
#include "inspector/save/redact_table.h"

#include "base/bytes.h"
#include "inspector/object/keys_header.h"

#define SIZE_MIN      4 /* of a hash table that is not the empty one */
#define VALUES_MAX    30
#define NUMBERS_FIRST 8
#define NUMBER_SIZE   24
#define NUMBERS_END   (NUMBERS_FIRST + 41 * NUMBER_SIZE)
#define NUMBERS_MAX   1016 /* of a chunk's inside */

static void edit(struct redact_plan *plan, uint64_t from, uint64_t to, enum redact_action action)
{
	if (from < to && plan->n < REDACT_EDITS)
		plan->edits[plan->n++] = (struct redact_edit){from, to, action};
}

/* ---- keys of dicts -------------------------------------------------------------------- */

/* As many of the indices as are at hand: an entry's number, or empty (-1), or a dummy (-2). */
static bool indices_hold(struct bytes *b, uint64_t first, const struct keys_header *k)
{
	uint64_t used = 0, width = (k->entries - first) / k->size;
	uint64_t all = UINT64_MAX >> (64 - 8 * width);
	for (uint64_t i = 0; i < k->size; i++) {
		uint64_t offset = first + i * width;
		if (offset + width > b->size)
			return true;
		uint64_t index = bytes_unsigned(b, (size_t)offset, (unsigned)width);
		bool free = index == all || index == all - 1;
		used += !free;
		if (!free && index >= k->used)
			return false;
	}
	return used <= k->used;
}

static bool get_keys(const struct redact_python *python, const struct redact_cell *cell,
		     uint64_t start, struct keys_header *ret)
{
	const struct shapes *s = python->shapes;
	struct bytes b = bytes_of(cell->head + start, size_subtract(cell->n_head, start));
	uint64_t refcount = bytes_u64(&b, 0);
	if (!s->keys.header || refcount > UINT32_MAX || !keys_header_read(s, &b, ret) ||
	    b.overrun || ret->size < SIZE_MIN)
		return false;
	if (refcount == 0) /* in a free list; whatever its indices are by now */
		return keys_header_fills(ret, cell->size - start);
	uint64_t room = ret->size * 2 / 3 + 1; /* USABLE_FRACTION, and one where it rounds up */
	uint64_t size = size_add(ret->entries, size_multiply(ret->used, ret->stride));
	return size_add(ret->usable, ret->used) <= room && size <= cell->size - start &&
	       indices_hold(&b, s->keys.header, ret);
}

/* ---- values of instances --------------------------------------------------------------- */

/* Of the values that begin `prefix` bytes into the cell: how many were set, each once, in an order that is told backwards. */
static bool get_order(struct bytes *b, size_t start, size_t prefix, uint64_t *ret_used)
{
	uint64_t used = bytes_unsigned(b, start + prefix - 2, 1), seen = 0;
	if (bytes_unsigned(b, start + prefix - 1, 1) != prefix || used > prefix - 2)
		return false;
	for (uint64_t i = 0; i < used; i++) {
		uint64_t index = bytes_unsigned(b, (size_t)(start + prefix - 3 - i), 1);
		if (index >= prefix - 2 || seen >> index & 1)
			return false;
		seen |= UINT64_C(1) << index;
	}
	*ret_used = used;
	return true;
}

/* 3.11, 3.12: [ … order, used, prefix ][ value ] …; a prefix has room for as many bytes as there are values, and two more, and each
 * value is one or none (Objects/dictobject.c: new_values()). */
static void plan_ordered(const struct redact_python *python, const struct redact_cell *cell,
			 uint64_t start, struct redact_plan *plan)
{
	struct bytes b = bytes_of(cell->head, cell->n_head);
	uint64_t used;
	for (uint64_t prefix = 8; prefix <= 32 && start + prefix + 8 <= cell->n_head; prefix += 8) {
		uint64_t n = prefix == 8 ? 1 : prefix - 9; /* values there are at least */
		bool holds = get_order(&b, (size_t)start, (size_t)prefix, &used) &&
			     start + prefix + n * 8 <= cell->n_head;
		for (uint64_t i = 0; i < n && holds; i++) {
			uint64_t value = bytes_u64(&b, (size_t)(start + prefix + i * 8));
			holds = !value ||
				(value % 8 == 0 && grounds_of(python->types->grounds, value));
		}
		if (!holds)
			continue;
		edit(plan, start + prefix - 2 - used, start + prefix, REDACT_KEEP);
		return;
	}
}

/* 3.13 on: room for as many as keys are shared (SHARED_KEYS_MAX_SIZE), how many are set; not part of an instance. A free block
 * begins with a link, whose lowest bytes may look the same: that is kept, too. */
static void plan_counted(const struct redact_cell *cell, uint64_t start, struct redact_plan *plan)
{
	struct bytes b = bytes_of(cell->head, cell->n_head);
	uint64_t word = bytes_u64(&b, (size_t)start);
	uint64_t room = word & 0xff, used = word >> 8 & 0xff, embedded = word >> 16 & 0xff;
	if (!b.overrun && room && room <= VALUES_MAX && used <= room && !embedded &&
	    start + 8 + room * 8 <= cell->size)
		edit(plan, start, start + 8, REDACT_COUNTED);
}

static void plan_values(const struct redact_python *python, const struct redact_cell *cell,
			uint64_t start, struct redact_plan *plan)
{
	if (python->shapes->version_hex >= 0x030d0000)
		plan_counted(cell, start, plan);
	else if (python->shapes->version_hex >= 0x030b0000)
		plan_ordered(python, cell, start, plan);
}

/* ---- 2.7's numbers --------------------------------------------------------------------- */

/* An int or float; a free one has no reference, and its type is a link. */
static bool is_number(const struct redact_python *python, struct bytes *b, size_t at,
		      bool *ret_alive)
{
	*ret_alive = bytes_u64(b, at) != 0;
	if (!*ret_alive)
		return true;
	const struct redact_type *type =
		redact_types_find(python->types, raddr_at(bytes_u64(b, at + 8)));
	return type && (type->kind == KIND_SMALL || type->kind == KIND_FLOAT);
}

/* PyIntBlock, PyFloatBlock (Objects/intobject.c, floatobject.c): a link, and as many as 1000 bytes hold. */
static bool is_numbers(const struct redact_python *python, const struct redact_cell *cell)
{
	struct bytes b = bytes_of(cell->head, cell->n_head);
	bool alive, any = false;
	if (python->shapes->version_hex >= 0x03000000 || cell->n_head < NUMBERS_END ||
	    cell->size > NUMBERS_MAX)
		return false;
	for (size_t at = NUMBERS_FIRST; at < NUMBERS_END; at += NUMBER_SIZE) {
		if (!is_number(python, &b, at, &alive))
			return false;
		any |= alive;
	}
	return any;
}

/* ---- tcache --------------------------------------------------------------------------- */

/* What its chunk has room for; an exact fit may be 16 bytes more. */
struct tcache {
	uint64_t cell, counts; /* bytes */
	unsigned n, width;
};

static bool is_tcache(const struct redact_cell *cell, struct tcache *ret)
{
	static const struct tcache kinds[] = {
		{0x248, 64, 64, 1}, {0x288, 128, 64, 2}, {0x2f8, 152, 76, 2}};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct tcache *k = &kinds[i];
		if (cell->size != k->cell && cell->size != k->cell + 16)
			continue;
		struct bytes b = bytes_of(cell->head, cell->n_head);
		bool holds = cell->n_head >= k->counts + k->n * 8;
		for (unsigned bin = 0; holds && bin < k->n; bin++) {
			uint64_t count = bytes_unsigned(&b, bin * k->width, k->width);
			uint64_t head = bytes_u64(&b, (size_t)k->counts + bin * 8);
			holds = count <= 127 && head % 16 == 0 && head < UINT64_C(1) << 47 &&
				(k->n == 76 || (count == 0) == (head == 0));
		}
		*ret = *k;
		return holds;
	}
	return false;
}

bool redact_table_plan_cache(const struct redact_cell *cell, struct redact_plan *plan)
{
	struct tcache t;
	if (!is_tcache(cell, &t))
		return false;
	edit(plan, 0, t.counts, REDACT_KEEP);
	return true;
}

void redact_table_plan(const struct redact_python *python, const struct redact_cell *cell,
		       uint64_t start, struct redact_plan *plan)
{
	struct keys_header k;
	if (start == 0 && redact_table_plan_cache(cell, plan))
		return;
	if (start == 0 && is_numbers(python, cell)) {
		edit(plan, NUMBERS_FIRST, NUMBERS_END, REDACT_NUMBERS);
		return;
	}
	if (!get_keys(python, cell, start, &k)) {
		plan_values(python, cell, start, plan);
		return;
	}
	/* Of a long table the indices are read when its memory may be another's; nobody who opens a file asks for them. */
	edit(plan, start, start + python->shapes->keys.header, REDACT_KEEP);
	edit(plan, start + python->shapes->keys.header, start + k.entries, REDACT_BLANK);
	if (k.stride == KEYS_LONG)
		edit(plan, start + k.entries, start + k.entries + k.used * k.stride, REDACT_HASHED);
}
