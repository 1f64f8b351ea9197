/*
 * head: refcount and collector's marks, as each version has them.
 *
 *	2.7 … 3.11   [GC head][refcount 8]                         3.12, 3.13: low half negative: immortal
 *	3.14 …       [GC head][refcount 4][overflow, flags]
 *	no GIL       [thread 8][…][gc bits 1 at 11][local 4 at 12][shared 8 at 16]
 *
 * Include/object.h, Include/refcount.h; Include/internal/pycore_gc.h, up to 3.7 Include/objimpl.h: 2.7 to 3.15.
 *
 * Without the GIL a count is a sum: of the owning thread's references, and of what all others have added or taken away, which may be
 * less than nothing. What is counted late (modules, classes, functions: _PyObject_SetDeferredRefcount() in Objects/object.c)
 * has in 3.13 one more than it has references; from 3.14 on an eighth of all numbers more, and some of its references are counted
 * in tables of each thread, so that of its own words nothing follows.
 */
#include "inspector/holders/walk/head.h"

#include "base/bytes.h"

#define GC_UNTRACKED_2_7 ((uint64_t)-2)
#define GC_UNTRACKED_3   ((uint64_t)-2 << 1 >> 1)

#define GC_BITS          11
#define GC_TRACKED       1
#define GC_FROZEN        8
#define GC_DEFERRED      64
#define HEX_3_14         0x030e0000

static void read_sum(const struct shapes *shapes, struct bytes *object, struct head *ret)
{
	uint32_t local = bytes_u32(object, 12);
	int64_t sum = (int64_t)local + ((int64_t)bytes_u64(object, 16) >> 2);
	bool deferred = bytes_unsigned(object, GC_BITS, 1) & GC_DEFERRED;
	sum -= deferred;
	ret->immortal = local == UINT32_MAX;
	ret->refcount = sum < 0 ? 0 : (uint64_t)sum;
	ret->uncounted = deferred && shapes->version_hex >= HEX_3_14;
}

static void read_refcount(const struct shapes *shapes, struct bytes *object, struct head *ret)
{
	uint64_t word = bytes_u64(object, 0);
	switch (shapes->refcount) {
	case REFCOUNT_PLAIN:
		ret->refcount = word;
		break;
	case REFCOUNT_LOW:
		ret->refcount = word;
		ret->immortal = (int32_t)(uint32_t)word < 0;
		break;
	case REFCOUNT_SPLIT:
		ret->refcount = (uint32_t)word;
		ret->immortal = (int32_t)(uint32_t)word < 0;
		break;
	case REFCOUNT_LOCAL:
		read_sum(shapes, object, ret);
		break;
	}
}

/* head: of `size` bytes, ends where the object starts. */
static bool is_tracked(const struct shapes *shapes, struct bytes *head, uint64_t size)
{
	if (size == 16)
		return bytes_u64(head, 0) != 0;
	uint64_t refs = bytes_u64(head, 16);
	return shapes->version_hex < 0x03000000 ? refs != GC_UNTRACKED_2_7
						: refs >> 1 != GC_UNTRACKED_3;
}

bool head_read(struct scanner *scanner, uint32_t node, struct head *ret)
{
	const struct shapes *shapes = &scanner->ground->shapes;
	const struct rule *rule = scanner_rule(scanner, node);
	const struct type *type = type_table_get(&scanner->ground->types, rule->type);
	uint64_t start, size, there = 0;
	scanner_place(scanner, node, &start, &size);
	uint64_t before = rules_gc_head(type, shapes);
	const uint64_t wanted = before + 24;
	const uint8_t *bytes = scanner_bytes(scanner, start + rule->into - before, wanted, &there);
	if (!bytes || there < wanted - 8)
		return false;
	struct bytes head = bytes_of(bytes, (size_t)before);
	struct bytes object = bytes_of(bytes + before, (size_t)(there - before));
	struct head read = {0};
	read_refcount(shapes, &object, &read);
	if (shapes->free_threaded) {
		read.tracked = bytes_unsigned(&object, GC_BITS, 1) & GC_TRACKED;
		read.frozen = bytes_unsigned(&object, GC_BITS, 1) & GC_FROZEN;
	} else {
		read.tracked = before && is_tracked(shapes, &head, before);
	}
	*ret = read;
	return true;
}
