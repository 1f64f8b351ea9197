/*
 * shapes: a table of where each member lies from which version on.
 *
 *	AT(str.utf8, 6, 56)     3.6 on: at 56
 *	AT(str.utf8, 12, 48)    3.12 on: at 48, until a later row says otherwise
 *
 * Struct definitions of objects are no part of any promise, and yet they held within each minor version;
 * tests/integration/test_objects.py asks the debug information of every interpreter at hand. Without the GIL the header is 16
 * bytes longer, and all that lies behind it with it.
 */
#include "inspector/object/shapes.h"

#include "base/size.h"

#include <string.h>

#define NEWEST        15
#define FREE_THREADED 16 /* bytes by which its header is longer */
#define HOOK_SIZE     16 /* requested size, domain, seven fence bytes (Objects/obmalloc.c) */

struct row {
	size_t member; /* in struct shapes */
	uint8_t from;  /* minor version of 3; 0: 2.7 */
	bool shifts;   /* it lies behind an object's header */
	uint16_t value;
};

#define AT(member, from, value)                                    \
	{                                                          \
		offsetof(struct shapes, member), from, true, value \
	}
#define INNER(member, from, value)                                  \
	{                                                           \
		offsetof(struct shapes, member), from, false, value \
	}

/* Include/object.h, Include/cpython/object.h */
static const struct row type_rows[] = {
	AT(ob_type, 0, 8),
	AT(ob_size, 0, 16),
	AT(type.name, 0, 24),
	AT(type.basicsize, 0, 32),
	AT(type.itemsize, 0, 40),
	AT(type.dealloc, 0, 48),
	AT(type.flags, 0, 168),
	AT(type.doc, 0, 176),
	AT(type.weaklistoffset, 0, 208),
	AT(type.base, 0, 256),
	AT(type.dict, 0, 264),
	AT(type.dictoffset, 0, 288),
	AT(type.mro, 0, 344),
	AT(type.size, 0, 392),
	AT(type.size, 6, 400),
	AT(type.size, 8, 416),
	AT(type.size, 9, 408),
	AT(type.size, 12, 416),
	AT(type.size, 15, 424),
	AT(type.ht_name, 0, 856),
	AT(type.ht_name, 6, 832),
	AT(type.ht_name, 8, 848),
	AT(type.ht_name, 9, 840),
	AT(type.ht_name, 10, 848),
	AT(type.ht_name, 12, 856),
	AT(type.ht_name, 15, 864),
	AT(type.ht_qualname, 6, 848),
	AT(type.ht_qualname, 8, 864),
	AT(type.ht_qualname, 9, 856),
	AT(type.ht_qualname, 10, 864),
	AT(type.ht_qualname, 12, 872),
	AT(type.ht_qualname, 15, 880),
	AT(type.ht_cached_keys, 6, 856),
	AT(type.ht_cached_keys, 8, 872),
	AT(type.ht_cached_keys, 9, 864),
	AT(type.ht_cached_keys, 10, 872),
	AT(type.ht_cached_keys, 12, 880),
	AT(type.ht_cached_keys, 15, 888),
	AT(type.ht_module, 9, 872),
	AT(type.ht_module, 10, 880),
	AT(type.ht_module, 12, 888),
	AT(type.ht_module, 15, 896),
	AT(type.ht_tpname, 11, 888),
	AT(type.ht_tpname, 12, 896),
	AT(type.ht_tpname, 15, 904),
	AT(type.heap_size, 0, 872),
	AT(type.heap_size, 6, 864),
	AT(type.heap_size, 8, 880),
	AT(type.heap_size, 10, 888),
	AT(type.heap_size, 11, 904),
	AT(type.heap_size, 12, 920),
	AT(type.heap_size, 13, 928),
	AT(type.heap_size, 14, 936),
	AT(type.heap_size, 15, 944),
};

/* Include/dictobject.h, Include/cpython/dictobject.h, Objects/dict-common.h, Include/internal/pycore_dict.h, and the headers of
 * list, tuple, set, OrderedDict (Objects/odictobject.c), deque (Modules/_collectionsmodule.c), array (Modules/arraymodule.c),
 * files (Modules/_io/bufferedio.c) */
static const struct row container_rows[] = {
	AT(dict.used, 0, 24),
	AT(dict.used, 6, 16),
	AT(dict.keys, 0, 40),
	AT(dict.keys, 6, 32),
	AT(dict.values, 6, 40),
	AT(dict.mask, 0, 32),
	AT(dict.mask, 6, 0),
	AT(dict.small_table, 0, 56),
	AT(dict.small_table, 6, 0),
	AT(dict.size, 0, 248),
	AT(dict.size, 6, 48),
	INNER(keys.header, 6, 40),
	INNER(keys.header, 11, 32),
	INNER(keys.size, 6, 8),
	INNER(keys.size, 11, 0),
	INNER(keys.log2_size, 11, 8),
	INNER(keys.log2_index_bytes, 11, 9),
	INNER(keys.kind, 11, 10),
	INNER(keys.usable, 6, 24),
	INNER(keys.usable, 11, 16),
	INNER(keys.nentries, 6, 32),
	INNER(keys.nentries, 11, 24),
	AT(list.items, 0, 24),
	AT(list.allocated, 0, 32),
	AT(tuple.items, 0, 24),
	AT(tuple.items, 14, 32),
	AT(set.fill, 0, 16),
	AT(set.used, 0, 24),
	AT(set.mask, 0, 32),
	AT(set.table, 0, 40),
	AT(set.small_table, 0, 56),
	AT(set.small_table, 6, 64),
	AT(odict.first, 6, 48),
	AT(odict.fast_nodes, 6, 64),
	INNER(odict.node_next, 6, 16),
	AT(deque.left, 0, 16),
	AT(deque.left, 6, 24),
	AT(deque.right, 0, 24),
	AT(deque.right, 6, 32),
	INNER(deque.next, 0, 496),
	INNER(deque.next, 6, 520),
	INNER(deque.data, 6, 8),
	INNER(deque.block_size, 0, 512),
	INNER(deque.block_size, 6, 528),
	AT(deque.n_items, 0, 48),
	AT(deque.n_items, 6, 16),
	AT(deque.n_free, 11, 72),
	AT(deque.free_blocks, 11, 80),
	AT(array.items, 0, 24),
	AT(array.descr, 0, 40),
	AT(buffered.buffer, 0, 56),
};

/* Include/cpython/unicodeobject.h, bytesobject.h, bytearrayobject.h, longintrepr.h; 2.7: unicodeobject.h, stringobject.h */
static const struct row text_rows[] = {
	AT(str.length, 0, 16),        AT(str.state, 6, 32),        AT(str.ascii_data, 6, 48),
	AT(str.ascii_data, 12, 40),   AT(str.compact_data, 6, 72), AT(str.compact_data, 12, 56),
	AT(str.legacy_data, 0, 24),   AT(str.legacy_data, 6, 72),  AT(str.legacy_data, 12, 56),
	AT(str.wstr, 6, 40),          AT(str.wstr, 12, 0),         AT(str.utf8, 6, 56),
	AT(str.utf8, 12, 48),         AT(str.utf8_length, 6, 48),  AT(str.utf8_length, 12, 40),
	AT(bytes.data, 0, 36),        AT(bytes.data, 6, 32),       AT(bytearray.alloc, 0, 32),
	AT(bytearray.alloc, 6, 24),   AT(bytearray.start, 0, 40),  AT(bytearray.start, 6, 32),
	AT(bytearray.object, 15, 56), AT(integer.digits, 0, 24),   AT(integer.tag, 0, 16),
};

/* Objects/moduleobject.c, Include/internal/pycore_moduleobject.h, Include/cpython/funcobject.h, code.h, classobject.h, cellobject.h,
 * genobject.h, frameobject.h, Include/internal/pycore_frame.h */
static const struct row code_rows[] = {
	AT(module.dict, 0, 16),          AT(module.name, 6, 48),
	AT(module.name, 15, 40),         AT(module.state, 6, 32),
	AT(module.state, 15, 24),        AT(function.code, 0, 16),
	AT(function.code, 10, 48),       AT(function.globals, 0, 24),
	AT(function.globals, 10, 16),    AT(function.defaults, 0, 32),
	AT(function.defaults, 10, 56),   AT(function.kwdefaults, 6, 40),
	AT(function.kwdefaults, 10, 64), AT(function.closure, 0, 40),
	AT(function.closure, 6, 48),     AT(function.closure, 10, 72),
	AT(function.name, 0, 56),        AT(function.name, 6, 64),
	AT(function.name, 10, 32),       AT(function.qualname, 6, 104),
	AT(function.qualname, 10, 40),   AT(function.dict, 0, 64),
	AT(function.dict, 6, 72),        AT(function.dict, 10, 88),
	AT(function.module, 0, 80),      AT(function.module, 6, 88),
	AT(function.module, 10, 104),    AT(code.name, 0, 88),
	AT(code.name, 6, 104),           AT(code.name, 8, 112),
	AT(code.name, 11, 120),          AT(code.qualname, 11, 128),
	AT(code.filename, 0, 80),        AT(code.filename, 6, 96),
	AT(code.filename, 8, 104),       AT(code.filename, 11, 112),
	AT(code.first_line, 0, 96),      AT(code.first_line, 6, 36),
	AT(code.first_line, 8, 40),      AT(code.first_line, 11, 72),
	AT(code.first_line, 12, 68),     AT(code.varnames, 0, 56),
	AT(code.varnames, 6, 64),        AT(code.varnames, 8, 72),
	AT(code.varnames, 11, 0),        AT(code.freevars, 0, 64),
	AT(code.freevars, 6, 72),        AT(code.freevars, 8, 80),
	AT(code.freevars, 11, 0),        AT(code.cellvars, 0, 72),
	AT(code.cellvars, 6, 80),        AT(code.cellvars, 8, 88),
	AT(code.cellvars, 11, 0),        AT(code.localsplusnames, 11, 96),
	AT(code.n_locals, 0, 20),        AT(code.n_locals, 6, 24),
	AT(code.n_locals, 8, 28),        AT(code.n_locals, 11, 76),
	AT(code.n_locals, 12, 72),       AT(method.function, 0, 16),
	AT(method.self, 0, 24),          AT(cell.contents, 0, 16),
	AT(instance.class, 0, 16),       AT(instance.class, 6, 0),
	AT(instance.dict, 0, 24),        AT(instance.dict, 6, 0),
	AT(old_class.dict, 0, 24),       AT(old_class.dict, 6, 0),
	AT(old_class.name, 0, 32),       AT(old_class.name, 6, 0),
	AT(frame.code, 0, 32),           INNER(frame.code, 11, 32),
	INNER(frame.code, 12, 0),        AT(frame.locals, 0, 376),
	AT(frame.locals, 7, 360),        AT(frame.locals, 10, 352),
	INNER(frame.locals, 11, 72),     INNER(frame.locals, 14, 80),
	AT(frame.previous, 0, 24),       INNER(frame.previous, 11, 48),
	INNER(frame.previous, 12, 8),    AT(frame.stack_top, 0, 72),
	AT(frame.stack_top, 10, 80),     INNER(frame.stack_top, 11, 64),
	AT(frame_object, 11, 24),        AT(generator, 0, 16),
	AT(generator, 11, 80),           AT(generator, 12, 72),
};

static void fill_rows(const struct row *rows, size_t n, uint8_t minor, bool free_threaded,
		      struct shapes *s)
{
	for (size_t i = 0; i < n; i++) {
		const struct row *r = &rows[i];
		if (r->from > minor)
			continue;
		uint64_t value = r->value;
		if (value && r->shifts && free_threaded)
			value += FREE_THREADED;
		memcpy((char *)s + r->member, &value, sizeof(value));
	}
}

static enum refcount_kind refcount_of(uint8_t minor, bool free_threaded)
{
	if (free_threaded)
		return REFCOUNT_LOCAL;
	return minor >= 14 ? REFCOUNT_SPLIT : minor >= 12 ? REFCOUNT_LOW : REFCOUNT_PLAIN;
}

static enum values_kind values_of(uint8_t minor)
{
	if (minor >= 13)
		return VALUES_INLINE;
	return minor == 12 ? VALUES_TAGGED : minor == 11 ? VALUES_WORDS : VALUES_NONE;
}

/* Before 3.8 it has 24 or 32 bytes, whatever the version (a long double was put into it in the midst of 3.7, and
 * by distributions elsewhere): only this very build's debug information knows. */
static uint64_t gc_size_of(const struct layout *layout, uint8_t minor, bool free_threaded)
{
	const struct layout_entry *e = &layout->entries[LAYOUT_SIZEOF_GC_HEAD];
	bool sure = e->provenance == PROVENANCE_DWARF || e->provenance == PROVENANCE_CACHE;
	if (free_threaded)
		return 0;
	if (sure && (e->width == 16 || e->width == 24 || e->width == 32))
		return e->width;
	return minor >= 8 ? 16 : 0;
}

struct error *shapes_fill(const struct layout *layout, uint32_t version_hex, bool free_threaded,
			  bool debug_hooks, struct shapes *ret, bool *ret_unverified)
{
	unsigned major = version_hex >> 24, minor = version_hex >> 16 & 0xff;
	bool old = major == 2 && minor == 7;
	if (!old && (major != 3 || minor < 6))
		return error_new(ERROR_UNSUPPORTED,
				 "objects of CPython %u.%u are not known: only those of 2.7 and of "
				 "3.6 and later are",
				 major, minor);
	uint8_t row = (uint8_t)(old ? 0 : size_min(minor, NEWEST));
	struct shapes s = {
		.version_hex = version_hex,
		.free_threaded = free_threaded,
		.debug_hooks = debug_hooks,
		.refcount = refcount_of(row, free_threaded),
		.values = values_of(row),
		.gc_size = gc_size_of(layout, row, free_threaded),
		.hook_size = debug_hooks ? HOOK_SIZE : 0,
		.integer.tagged = row >= 12,
	};
	fill_rows(type_rows, ARRAY_SIZE(type_rows), row, free_threaded, &s);
	fill_rows(container_rows, ARRAY_SIZE(container_rows), row, free_threaded, &s);
	fill_rows(text_rows, ARRAY_SIZE(text_rows), row, free_threaded, &s);
	fill_rows(code_rows, ARRAY_SIZE(code_rows), row, free_threaded, &s);
	*ret = s;
	*ret_unverified = !old && minor > NEWEST;
	return NULL;
}

bool shapes_tell_payloads(uint32_t version_hex, bool free_threaded)
{
	return !free_threaded || version_hex < 0x030e0000;
}
