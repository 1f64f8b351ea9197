/*
 * layout_offsets: a row of 64-bit numbers. The head is the same in all versions so
 * far, what follows is not:
 *
 *	0  "xdebugpy"          24  runtime: size, finalizing, interpreters.head
 *	8  PY_VERSION_HEX      48  interpreter: size, id, next, threads.head, …
 *	16 free_threaded           … threads, objects: at places of their own in each version
 *
 * A number that does not fit what is known already makes all of it unbelievable.
 */
#include "symbols/bare/layout_offsets.h"

#include "base/bytes.h"
#include "base/size.h"

#include <string.h>

#define COOKIE           "xdebugpy"
#define VERSION_FIRST    0x030d0000u
#define RUNTIME_SIZE_MAX (16 * MIB)
#define INTERP_SIZE_MAX  (16 * MIB)
#define THREAD_SIZE_MAX  (1 * MIB)
#define OBJECT_SIZE_MIN  16 /* PyObject */
#define OBJECT_SIZE_MAX  (4 * KIB)

enum head {
	HEAD_VERSION = 8,
	HEAD_FREE_THREADED = 16,
	HEAD_RUNTIME_SIZE = 24,
	HEAD_RUNTIME_FINALIZING = 32,
	HEAD_RUNTIME_INTERPRETERS = 40,
	HEAD_INTERP_SIZE = 48,
	HEAD_INTERP_ID = 56,
	HEAD_INTERP_NEXT = 64,
	HEAD_INTERP_THREADS = 72,
	HEAD_END = 80,
};

/* Where a version keeps what it says of threads and of objects, and how long the whole is. */
struct edition {
	uint32_t minor; /* PY_VERSION_HEX >> 16 */
	uint16_t thread_size, thread_next, thread_interp, thread_id, native_id, stack_chunk;
	uint16_t tuple_size, tuple_item, list_size, dict_size, float_size, end;
};

static const struct edition editions[] = {
	{0x030d, 152, 168, 176, 192, 200, 208, 400, 408, 424, 448, 472, 584},
	{0x030e, 176, 192, 200, 216, 224, 232, 448, 456, 472, 528, 552, 760},
	{0x030f, 176, 192, 200, 240, 248, 256, 544, 552, 568, 624, 648, 888},
};

#define EDITION_MAX 888

struct reading {
	struct bytes bytes;
	const struct edition *edition; /* NULL: a version that is not known */
	struct debug_offsets told;
};

static uint64_t at(struct reading *r, size_t place)
{
	return bytes_u64(&r->bytes, place);
}

static const struct edition *edition_of(uint32_t version_hex)
{
	for (size_t i = 0; i < ARRAY_SIZE(editions); i++)
		if (editions[i].minor == version_hex >> 16)
			return &editions[i];
	return NULL;
}

/* Whether a pointer at `offset` lies in a struct of `size` bytes. */
static bool is_inside(uint64_t offset, uint64_t size)
{
	return size >= 8 && offset <= size - 8;
}

static bool is_head_possible(struct reading *r, uint64_t known_size)
{
	uint64_t runtime = at(r, HEAD_RUNTIME_SIZE), interp = at(r, HEAD_INTERP_SIZE);
	uint64_t version = at(r, HEAD_VERSION);
	return version >= VERSION_FIRST && version <= 0x03ffffff &&
	       at(r, HEAD_FREE_THREADED) <= 1 && runtime > HEAD_END &&
	       runtime <= RUNTIME_SIZE_MAX && (known_size == 0 || runtime == known_size) &&
	       interp > 0 && interp <= INTERP_SIZE_MAX &&
	       is_inside(at(r, HEAD_RUNTIME_FINALIZING), runtime) &&
	       is_inside(at(r, HEAD_RUNTIME_INTERPRETERS), runtime) &&
	       at(r, HEAD_RUNTIME_INTERPRETERS) >= HEAD_END &&
	       is_inside(at(r, HEAD_INTERP_ID), interp) &&
	       is_inside(at(r, HEAD_INTERP_NEXT), interp) &&
	       is_inside(at(r, HEAD_INTERP_THREADS), interp) &&
	       at(r, HEAD_INTERP_ID) != at(r, HEAD_INTERP_NEXT);
}

static bool is_object_size(struct reading *r, uint16_t place)
{
	uint64_t size = at(r, place);
	return size >= OBJECT_SIZE_MIN && size <= OBJECT_SIZE_MAX;
}

static bool are_objects_possible(struct reading *r)
{
	const struct edition *e = r->edition;
	return is_object_size(r, e->tuple_size) && is_object_size(r, e->list_size) &&
	       is_object_size(r, e->dict_size) && is_object_size(r, e->float_size) &&
	       is_inside(at(r, e->tuple_item), at(r, e->tuple_size)) &&
	       at(r, e->tuple_item) >= OBJECT_SIZE_MIN;
}

static bool are_threads_possible(struct reading *r)
{
	const struct edition *e = r->edition;
	const uint16_t places[] = {e->thread_next, e->thread_interp, e->thread_id, e->native_id,
				   e->stack_chunk};
	uint64_t size = at(r, e->thread_size);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (!is_inside(at(r, places[i]), size))
			return false;
	return size <= THREAD_SIZE_MAX;
}

/* All of it that this version has into `buffer`; false: not there, or not possible. */
static bool read_whole(const struct elf_source *s, uint64_t runtime, uint64_t size,
		       uint8_t buffer[EDITION_MAX], struct reading *ret)
{
	if ((size != 0 && size < HEAD_END) || !elf_source_read(s, runtime, buffer, HEAD_END) ||
	    memcmp(buffer, COOKIE, strlen(COOKIE)) != 0)
		return false;
	struct reading r = {.bytes = bytes_of(buffer, HEAD_END)};
	if (!is_head_possible(&r, size))
		return false;
	r.told.version_hex = (uint32_t)at(&r, HEAD_VERSION);
	r.told.free_threaded = at(&r, HEAD_FREE_THREADED);
	r.told.size = at(&r, HEAD_RUNTIME_SIZE);
	r.edition = edition_of(r.told.version_hex);
	r.told.known = r.edition != NULL;
	if (r.edition) {
		if (r.edition->end > r.told.size ||
		    !elf_source_read(s, runtime, buffer, r.edition->end))
			return false;
		r.bytes = bytes_of(buffer, r.edition->end);
		if (!is_head_possible(&r, size) || !are_threads_possible(&r) ||
		    !are_objects_possible(&r))
			return false;
	}
	*ret = r;
	return true;
}

bool layout_offsets_read(const struct elf_source *s, uint64_t runtime, uint64_t size,
			 struct debug_offsets *ret)
{
	uint8_t buffer[EDITION_MAX];
	struct reading r;
	if (!read_whole(s, runtime, size, buffer, &r))
		return false;
	*ret = r.told;
	return true;
}

static void put(struct layout *layout, enum layout_entry_id id, uint64_t number)
{
	bool is_size = layout_kind(id) == LAYOUT_KIND_SIZE;
	uint64_t width = is_size ? number : 8;
	if (!layout_has(layout, id))
		layout->entries[id] = (struct layout_entry){is_size ? 0 : number, width, 1, width,
							    PROVENANCE_SELF_DESCRIBED};
}

static void put_threads(struct layout *layout, struct reading *r)
{
	const struct edition *e = r->edition;
	put(layout, LAYOUT_INTERP_THREADS_HEAD, at(r, HEAD_INTERP_THREADS));
	put(layout, LAYOUT_TSTATE_NEXT, at(r, e->thread_next));
	put(layout, LAYOUT_TSTATE_INTERP, at(r, e->thread_interp));
	put(layout, LAYOUT_TSTATE_THREAD_ID, at(r, e->thread_id));
	put(layout, LAYOUT_TSTATE_NATIVE_THREAD_ID, at(r, e->native_id));
	put(layout, LAYOUT_TSTATE_DATASTACK_CHUNK, at(r, e->stack_chunk));
}

/* An array of pointers without a bound of its own, as DWARF tells it: one element. */
static void put_objects(struct layout *layout, struct reading *r)
{
	const struct edition *e = r->edition;
	put(layout, LAYOUT_SIZEOF_TUPLE, at(r, e->tuple_size));
	put(layout, LAYOUT_TUPLE_ITEM, at(r, e->tuple_item));
	put(layout, LAYOUT_SIZEOF_LIST, at(r, e->list_size));
	put(layout, LAYOUT_SIZEOF_DICT, at(r, e->dict_size));
	put(layout, LAYOUT_SIZEOF_FLOAT, at(r, e->float_size));
}

bool layout_offsets_fill(const struct elf_source *s, uint64_t runtime, uint64_t size,
			 struct layout *layout, struct debug_offsets *ret)
{
	uint8_t buffer[EDITION_MAX];
	struct reading r;
	if (!read_whole(s, runtime, size, buffer, &r))
		return false;
	put(layout, LAYOUT_RUNTIME_SIZE, r.told.size);
	put(layout, LAYOUT_RUNTIME_INTERPRETERS_HEAD, at(&r, HEAD_RUNTIME_INTERPRETERS));
	put(layout, LAYOUT_INTERP_SIZE, at(&r, HEAD_INTERP_SIZE));
	put(layout, LAYOUT_INTERP_ID, at(&r, HEAD_INTERP_ID));
	put(layout, LAYOUT_INTERP_NEXT, at(&r, HEAD_INTERP_NEXT));
	if (r.edition) {
		put_threads(layout, &r);
		put_objects(layout, &r);
	}
	*ret = r.told;
	return true;
}
