/*
 * object: whatever stands in types, dicts and blocks, each question ends, and what is told fits in the memory that is there.
 */
#include "fuzz.h"

#include "../unit/object/object_world.h"
#include "inspector/object/dict_walk.h"
#include "inspector/object/object_text.h"

#define TEXT_MAX 100

struct scene {
	struct object_world *w;
	uint64_t things[12];
	size_t n;
	uint64_t n_parts;
};

static uint64_t add(struct scene *s, uint64_t at)
{
	s->things[s->n++] = at;
	return at;
}

/* One of each kind that owns something. */
static void make_things(struct scene *s)
{
	struct object_world *w = s->w;
	uint64_t gc = w->shapes.gc_size ?: w->shapes.free_threaded ? 0 : 24;
	static const char *const keys[] = {"one", "two"};
	uint64_t str = add(s, object_world_str(w, "text")), values[] = {str, w->app};
	uint64_t deque = object_world_data(w, 1024), managed = object_world_data(w, 1024);
	object_world_type(w, deque, "collections.deque", w->type, 232, 0, WORLD_GC);
	object_world_type(w, managed, "A", w->type, 32, 0, WORLD_GC | WORLD_IS_HEAP | 0x1c);
	add(s, object_world_dict(w, keys, values, 2));
	uint64_t list = add(s, object_world_object(w, w->list, gc, 64, 1));
	object_world_put(w, list + w->shapes.list.items, object_world_heap(w, 64));
	add(s, object_world_object(w, w->set, gc, 216, 1));
	add(s, object_world_object(w, w->tuple, gc, 96, 1));
	add(s, object_world_object(w, deque, gc, 232, 1));
	add(s, object_world_object(w, managed, gc + 16, 96, 1));
	add(s, object_world_object(w, w->app, gc, 64, 1));
	add(s, w->app);
	add(s, w->type);
}

/* A word near a thing, a type, or anywhere: a number, or the address of another thing. */
static void damage(struct scene *s, struct fuzz *f)
{
	unsigned what = (unsigned)fuzz_number(f, 1);
	uint64_t near = s->things[what % s->n], offset = fuzz_number(f, 2) % 1024;
	uint64_t at = (what & 0x80 ? WORLD_HEAP + offset * 64 : near + offset - 64) & ~UINT64_C(7);
	uint64_t value = fuzz_number(f, what & 0x40 ? 1 : 8);
	if (what & 0x20)
		value = s->things[value % s->n] + (what & 0x10 ? 0 : fuzz_number(f, 1));
	if (object_world_host(s->w, at, 8))
		object_world_put(s->w, at, value);
}

static void hear(void *context, const struct part *part)
{
	struct scene *s = context;
	assert(part_kind_name(part->kind));
	s->n_parts++;
}

static void ask_dict(struct scene *s, struct dict_walk *walk)
{
	raddr key, value;
	uint64_t n = 0;
	while (dict_walk_next(walk, &key, &value) && n < 100) {
		struct text text = TEXT_EMPTY;
		(void)object_text(&s->w->types, key, TEXT_MAX, &text);
		assert(text.length <= TEXT_MAX);
		text_fini(&text);
		assert(++n <= s->w->space.mapped_size / 16);
	}
}

static void ask_object(struct scene *s, const struct object *object)
{
	struct dict_walk walk;
	struct text text = TEXT_EMPTY;
	raddr dict;
	s->n_parts = 0;
	object_parts(&s->w->types, object, hear, s);
	assert(s->n_parts <= s->w->space.mapped_size / 32);
	if (dict_walk_begin(&s->w->types, object->at, &walk))
		ask_dict(s, &walk);
	if (dict_of_object(&s->w->types, object, &dict) &&
	    dict_walk_begin(&s->w->types, dict, &walk))
		ask_dict(s, &walk);
	if (dict_walk_begin_attributes(&s->w->types, object, &walk))
		ask_dict(s, &walk);
	(void)object_text(&s->w->types, object->at, TEXT_MAX, &text);
	assert(text.length <= TEXT_MAX);
	text_fini(&text);
}

static void ask(struct scene *s)
{
	struct object object;
	struct object_world *w = s->w;
	for (uint64_t at = WORLD_HEAP + 0x1000; at < w->heap_next; at += 16) {
		const uint64_t size = 16 + at % 31 * 16;
		if (!object_in_block(&w->types, raddr_at(at), size, &object))
			continue;
		assert(object.before + object.size <= size &&
		       object.at.value == at + object.before);
		ask_object(s, &object);
	}
	for (size_t i = 0; i < s->n; i++)
		if (object_at(&w->types, raddr_at(s->things[i]), &object))
			ask_object(s, &object);
	for (size_t i = 0; i < w->types.types.count; i++)
		assert(strlen(w->types.types.items[i].name) <= TYPE_NAME_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	struct scene s = {.w = object_world_any(fuzz_number(&f, 1))};
	make_things(&s);
	while (f.size)
		damage(&s, &f);
	object_world_look(s.w);
	ask(&s);
	object_world_free(s.w);
	return 0;
}
