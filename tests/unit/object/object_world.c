/* object_world: memory of three regions, written through shapes. */
#include "object_world.h"

#include <assert.h>
#include <string.h>

uint8_t *object_world_host(struct object_world *w, uint64_t at, uint64_t size)
{
	const struct {
		uint64_t start;
		uint8_t *bytes;
	} parts[] = {{WORLD_CODE, w->code}, {WORLD_DATA, w->data}, {WORLD_HEAP, w->heap}};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (at >= parts[i].start && size <= WORLD_SIZE &&
		    at - parts[i].start <= WORLD_SIZE - size)
			return parts[i].bytes + (at - parts[i].start);
	return NULL;
}

static struct error *world_read(void *source, raddr at, void *buffer, size_t size)
{
	const uint8_t *from = object_world_host(source, at.value, size);
	if (!from)
		return error_new(ERROR_FAULT, "not there");
	memcpy(buffer, from, size);
	return NULL;
}

void object_world_put_bytes(struct object_world *w, uint64_t at, const void *bytes, uint64_t size)
{
	uint8_t *to = object_world_host(w, at, size);
	assert(to);
	memcpy(to, bytes, size);
}

void object_world_put(struct object_world *w, uint64_t at, uint64_t value)
{
	object_world_put_bytes(w, at, &value, sizeof(value));
}

uint64_t object_world_data(struct object_world *w, uint64_t size)
{
	uint64_t at = w->data_next;
	w->data_next += size_align_up(size, 16);
	assert(object_world_host(w, at, size));
	return at;
}

uint64_t object_world_heap(struct object_world *w, uint64_t size)
{
	uint64_t at = w->heap_next;
	w->heap_next += size_align_up(size, 16);
	assert(object_world_host(w, at, size));
	return at;
}

static void add_region(struct object_world *w, uint64_t start, enum region_kind kind)
{
	struct region *r = vec_push(&w->space.regions);
	assert(r);
	*r = (struct region){.start = raddr_at(start),
			     .size = WORLD_SIZE,
			     .readable = true,
			     .writable = start != WORLD_CODE,
			     .executable = start == WORLD_CODE,
			     .kind = kind};
	w->space.mapped_size += r->size;
}

/* A count of `refcount` references, as the version keeps it. */
static void put_header(struct object_world *w, uint64_t at, uint64_t type, uint64_t refcount)
{
	if (w->shapes.free_threaded)
		object_world_put(w, at + 8, refcount << 32);
	else
		object_world_put(w, at, refcount);
	object_world_put(w, at + w->shapes.ob_type, type);
}

void object_world_type(struct object_world *w, uint64_t at, const char *name, uint64_t metatype,
		       uint64_t basicsize, uint64_t itemsize, uint64_t flags)
{
	const struct shapes *s = &w->shapes;
	uint64_t text = object_world_data(w, strlen(name) + 1);
	uint64_t mro = object_world_data(w, s->tuple.items + 16);
	object_world_put_bytes(w, text, name, strlen(name) + 1);
	put_header(w, at, metatype, 3);
	object_world_put(w, at + s->type.name, text);
	object_world_put(w, at + s->type.basicsize, basicsize);
	object_world_put(w, at + s->type.itemsize, itemsize);
	object_world_put(w, at + s->type.flags, flags | WORLD_READY);
	object_world_put(w, at + s->type.dealloc, WORLD_CODE + 0x100);
	object_world_put(w, at + s->type.base, at == w->object ? 0 : w->object);
	object_world_put(w, at + s->type.mro, mro);
	put_header(w, mro, w->tuple, 1);
	object_world_put(w, mro + s->ob_size, 2);
	object_world_put(w, mro + s->tuple.items, at);
	object_world_put(w, mro + s->tuple.items + 8, w->object);
}

uint64_t object_world_block(const struct object_world *w, uint64_t object, uint64_t before)
{
	return object - before - w->shapes.hook_size;
}

static void put_hook(struct object_world *w, uint64_t block, uint64_t size)
{
	uint8_t hook[16];
	uint64_t big = __builtin_bswap64(size);
	memset(hook, w->shapes.version_hex < 0x03070000 ? 0xfb : 0xfd, sizeof(hook));
	memcpy(hook, &big, 8);
	hook[8] = 'o';
	object_world_put_bytes(w, block, hook, sizeof(hook));
}

uint64_t object_world_object(struct object_world *w, uint64_t type, uint64_t before, uint64_t size,
			     uint64_t refcount)
{
	uint64_t hook = w->shapes.hook_size;
	uint64_t block = object_world_heap(w, hook + before + size);
	if (hook)
		put_hook(w, block, before + size);
	put_header(w, block + hook + before, type, refcount);
	return block + hook + before;
}

/* A str's state: not interned, one byte a character, compact, ASCII. */
static uint64_t one_byte_ascii(const struct shapes *s)
{
	bool byte_before = s->free_threaded && s->version_hex >= 0x030e0000; /* for interned */
	return byte_before ? 1 << 8 | 1 << 11 | 1 << 12 : 1 << 2 | 1 << 5 | 1 << 6;
}

uint64_t object_world_str(struct object_world *w, const char *text)
{
	const struct shapes *s = &w->shapes;
	uint64_t n = strlen(text), data = s->str.state ? s->str.ascii_data : s->bytes.data;
	uint64_t at = object_world_object(w, w->str, 0, data + n + 1, 1);
	object_world_put(w, at + s->ob_size, n); /* the same place as a str's length */
	if (s->str.state)
		object_world_put(w, at + s->str.state, one_byte_ascii(s));
	object_world_put_bytes(w, at + data, text, n);
	return at;
}

static uint64_t put_table(struct object_world *w, const char *const *keys, const uint64_t *values,
			  size_t n)
{
	uint64_t table = object_world_heap(w, 16 * 24);
	for (size_t i = 0; i < n; i++) {
		object_world_put(w, table + i * 24 + 8, object_world_str(w, keys[i]));
		object_world_put(w, table + i * 24 + 16, values[i]);
	}
	return table;
}

/* A table of 16 places has room for 10 entries. */
static uint64_t put_keys(struct object_world *w, const char *const *keys, const uint64_t *values,
			 size_t n)
{
	const struct shapes *s = &w->shapes;
	bool is_new = s->keys.kind;
	uint64_t at = object_world_heap(w, s->keys.header + 16 + 24 * 10);
	uint64_t stride = is_new ? 16 : 24, first = at + s->keys.header + 16;
	object_world_put(w, at, 1);
	object_world_put(w, at + 8, is_new ? 4 | 4 << 8 | 1 << 16 : 16);
	object_world_put(w, at + s->keys.nentries, n);
	for (size_t i = 0; i < n; i++) {
		uint64_t entry = first + i * stride + stride - 16;
		object_world_put(w, entry, object_world_str(w, keys[i]));
		object_world_put(w, entry + 8, values[i]);
	}
	return at;
}

uint64_t object_world_dict(struct object_world *w, const char *const *keys, const uint64_t *values,
			   size_t n)
{
	const struct shapes *s = &w->shapes;
	uint64_t at = object_world_object(w, w->dict, w->shapes.gc_size ?: 24, s->dict.size, 1);
	object_world_put(w, at + s->dict.used, n);
	if (s->dict.mask)
		object_world_put(w, at + s->dict.mask, 15);
	object_world_put(w, at + s->dict.keys,
			 s->dict.mask ? put_table(w, keys, values, n)
				      : put_keys(w, keys, values, n));
	return at;
}

/* app.Session: its module is known to its dict, its name to itself. */
static void make_app(struct object_world *w)
{
	const struct shapes *s = &w->shapes;
	static const char *const keys[] = {"__doc__", "__module__"};
	object_world_type(w, w->app, "Session", w->type, s->ob_type + 8 + 16, 0,
			  WORLD_IS_HEAP | WORLD_GC);
	uint64_t values[] = {w->object, object_world_str(w, "app")};
	uint64_t name = s->type.ht_qualname ?: s->type.ht_name;
	object_world_put(w, w->app + name, object_world_str(w, "Session"));
	object_world_put(w, w->app + s->type.dict, object_world_dict(w, keys, values, 2));
}

static void make_types(struct object_world *w)
{
	const struct shapes *s = &w->shapes;
	bool old = s->version_hex < 0x03000000;
	uint64_t *const places[] = {&w->type, &w->object, &w->str,     &w->list, &w->tuple,
				    &w->dict, &w->set,    &w->integer, &w->app};
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		*places[i] = object_world_data(w, 1024);
	uint64_t header = s->ob_type + 8;
	object_world_type(w, w->type, "type", w->type, s->type.heap_size, 40,
			  UINT64_C(1) << 31 | WORLD_GC);
	object_world_type(w, w->object, "object", w->type, header, 0, 0);
	object_world_type(w, w->str, "str", w->type, old ? 37 : s->str.legacy_data + 8, old,
			  1 << (old ? 27 : 28));
	object_world_type(w, w->list, "list", w->type, header + 24, 0, 1 << 25 | WORLD_GC);
	object_world_type(w, w->tuple, "tuple", w->type, s->tuple.items, 8, 1 << 26 | WORLD_GC);
	object_world_type(w, w->dict, "dict", w->type, s->dict.size, 0, 1 << 29 | WORLD_GC);
	object_world_type(w, w->set, "set", w->type, header + 184, 0, WORLD_GC);
	object_world_type(w, w->integer, old ? "long" : "int", w->type, header + 8, 4, 1 << 24);
	make_app(w);
}

static void look(struct object_world *w)
{
	const struct burst_range all[] = {{raddr_at(WORLD_DATA), WORLD_SIZE},
					  {raddr_at(WORLD_HEAP), WORLD_SIZE}};
	const struct burst_request request = {
		.space = &w->space, .wanted = all, .n_wanted = 2, .max_memory = GIB};
	struct error *err = burst_take(&request, &w->burst);
	err = err ?: type_table_init(&w->types, w->burst, &w->shapes, &w->space);
	assert(!err);
	(void)err;
}

void object_world_look(struct object_world *w)
{
	type_table_fini(&w->types);
	burst_free(w->burst);
	w->burst = NULL;
	look(w);
}

struct object_world *object_world_new(uint32_t version_hex, bool free_threaded, bool hooks,
				      uint64_t gc_size)
{
	static const struct space_ops ops = {.read = world_read};
	struct layout layout = {0};
	bool unverified;
	struct object_world *w = calloc(1, sizeof(*w));
	assert(w);
	if (gc_size)
		layout.entries[LAYOUT_SIZEOF_GC_HEAD] = (struct layout_entry){
			.width = gc_size, .count = 1, .provenance = PROVENANCE_DWARF};
	struct error *err =
		shapes_fill(&layout, version_hex, free_threaded, hooks, &w->shapes, &unverified);
	assert(!err);
	(void)err;
	w->code = calloc(1, WORLD_SIZE);
	w->data = calloc(1, WORLD_SIZE);
	w->heap = calloc(1, WORLD_SIZE);
	w->space = (struct space){.ops = &ops, .source = w};
	w->data_next = WORLD_DATA + 0x1000;
	w->heap_next = WORLD_HEAP + 0x1000;
	add_region(w, WORLD_CODE, REGION_FILE);
	add_region(w, WORLD_DATA, REGION_FILE);
	add_region(w, WORLD_HEAP, REGION_ANON);
	make_types(w);
	look(w);
	return w;
}

struct object_world *object_world_any(size_t which)
{
	static const struct {
		uint32_t hex;
		bool free_threaded, hooks;
		uint64_t gc_size;
	} flavours[] = {
		{0x02071200, false, false, 32}, {0x03060000, false, false, 0},
		{0x03070000, false, true, 32},  {0x03080000, false, false, 0},
		{0x030a0000, false, false, 0},  {0x030b0000, false, false, 0},
		{0x030c0000, false, true, 0},   {0x030d0000, false, false, 0},
		{0x030d0000, true, false, 0},   {0x030e0000, false, false, 0},
		{0x030f0000, false, false, 0},
	};
	size_t i = which % ARRAY_SIZE(flavours);
	return object_world_new(flavours[i].hex, flavours[i].free_threaded, flavours[i].hooks,
				flavours[i].gc_size);
}

void object_world_free(struct object_world *w)
{
	type_table_fini(&w->types);
	burst_free(w->burst);
	w->space.ops = NULL;
	space_fini(&w->space);
	free(w->code);
	free(w->data);
	free(w->heap);
	free(w);
}
