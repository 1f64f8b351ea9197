/*
 * object_world: a small process with types and objects, laid out as some version does, for the tests of object/.
 *
 *	code   400000        executable
 *	data   7f0000000000  static types and what they point to
 *	heap   7f0000100000  everything else; blocks of any size are taken from it in order
 */
#ifndef OBJECT_WORLD_H
#define OBJECT_WORLD_H

#include "inspector/census/burst.h"
#include "inspector/object/object.h"

#define WORLD_CODE    UINT64_C(0x400000)
#define WORLD_DATA    UINT64_C(0x7f0000000000)
#define WORLD_HEAP    UINT64_C(0x7f0000100000)
#define WORLD_SIZE    UINT64_C(0x100000)

#define WORLD_READY   (UINT64_C(1) << 12)
#define WORLD_GC      (UINT64_C(1) << 14)
#define WORLD_IS_HEAP (UINT64_C(1) << 9)

struct object_world {
	uint8_t *code, *data, *heap; /* WORLD_SIZE each */
	struct space space;
	struct shapes shapes;
	struct burst *burst;
	struct type_table types;
	uint64_t data_next, heap_next;
	uint64_t type, object, str, list, tuple, dict, set, integer, app; /* addresses of types */
};

/* A version's world with those types: `app` is a class of Python's, app.Session. gc_size as a build's own debug information would tell it; 0:
 * it does not. To be ended. */
struct object_world *object_world_new(uint32_t version_hex, bool free_threaded, bool hooks,
				      uint64_t gc_size);

/* The same of one of a dozen builds that lay things out differently; any number will do. */
struct object_world *object_world_any(size_t which);

void object_world_free(struct object_world *w);

/* What is put from now on is seen by those who look after object_world_look(), which copies everything and empties the type table. */
void object_world_look(struct object_world *w);

uint8_t *object_world_host(struct object_world *w, uint64_t at, uint64_t size);
void object_world_put(struct object_world *w, uint64_t at, uint64_t value);
void object_world_put_bytes(struct object_world *w, uint64_t at, const void *bytes, uint64_t size);

/* Bytes, zeroed, aligned to 16. */
uint64_t object_world_data(struct object_world *w, uint64_t size);
uint64_t object_world_heap(struct object_world *w, uint64_t size);

/* A type, at an address that was reserved for one; with a tp_mro of its own. */
void object_world_type(struct object_world *w, uint64_t at, const char *name, uint64_t metatype,
		       uint64_t basicsize, uint64_t itemsize, uint64_t flags);

/* An object of a type in a block of `size` bytes for it (headers come on top): hooks' header, refcount, type. Its address. */
uint64_t object_world_object(struct object_world *w, uint64_t type, uint64_t before, uint64_t size,
			     uint64_t refcount);

/* A str (2.7: of bytes), with characters of one byte. */
uint64_t object_world_str(struct object_world *w, const char *text);

/* A dict of str keys, combined. */
uint64_t object_world_dict(struct object_world *w, const char *const *keys, const uint64_t *values,
			   size_t n);

/* The start of its block, and the block's size. */
uint64_t object_world_block(const struct object_world *w, uint64_t object, uint64_t before);

#endif
