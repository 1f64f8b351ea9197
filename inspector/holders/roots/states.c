/*
 * states: what interpreters and threads hold themselves, told by what it is.
 *
 *	PyInterpreterState [ … │ dict whose keys are its values │ … ]		interpreter 0: interned strings
 *	PyThreadState      [ … │ Context │ dict │ … ]				thread 4711: Context
 *
 * Where in these structs a member lies changes from patch to patch: each word is looked at, but for those that hold nothing
 * (leftovers.c). How far they reach is what the layout says, or the block they lie in.
 *
 * Without the GIL a thread keeps two lists more, known by their shape: what it has freed and others may still be looking at, and
 * objects that others have let go of, which only it can count.
 *
 *	mem_free_queue   [ next ]──▷ [ next prev rd wr │ address goal │ … 254 ]		prev ──▷ the state's own word
 *	objects_to_merge [ head ]──▷ [ prev n │ object │ … 254 ]			each marked as queued
 */
#include "base/cleanup.h"
#include "inspector/holders/roots/leftovers.h"
#include "inspector/look/look.h"
#include "inspector/object/word.h"

#include <stdio.h>
#include <string.h>

#define STATE_MAX     (4 * MIB)
#define WAITING_MAX   254 /* WORK_ITEMS_PER_CHUNK, _Py_OBJECT_STACK_CHUNK_SIZE: 3.13 */
#define SHARED_COUNT  16
#define SHARED_QUEUED 2

struct held {
	raddr from, at;
	const char *what; /* static, or the type table's */
};

struct state {
	raddr at;
	uint64_t size;
	const char *name;
	struct leftovers leftovers;
	VEC(struct held) held;
};

static void state_fini(struct state *s)
{
	vec_fini(&s->held);
}

/* Objects/obmalloc.c: struct _mem_work_chunk; the state's word is the queue's first or, behind that, its last. */
static bool is_free_queue(struct gather *g, raddr from, raddr chunk)
{
	uint64_t done = word_at(g->types, chunk, 16), used = word_at(g->types, chunk, 24);
	bool first = raddr_equal(word_pointer(g->types, chunk, 8), from);
	bool last = raddr_equal(word_pointer(g->types, chunk, 0), raddr_minus(from, 8));
	return (first || last) && done <= used && used <= WAITING_MAX;
}

/* Include/internal/pycore_object_stack.h; Include/object.h: _Py_REF_QUEUED in the word that others count in. */
static bool is_merge_stack(struct gather *g, raddr chunk)
{
	uint64_t n = word_at(g->types, chunk, 8);
	if (n == 0 || n > WAITING_MAX)
		return false;
	raddr oldest = word_pointer(g->types, chunk, 16);
	raddr newest = word_pointer(g->types, chunk, 16 + (n - 1) * 8);
	return (word_at(g->types, oldest, SHARED_COUNT) & 3) == SHARED_QUEUED &&
	       (word_at(g->types, newest, SHARED_COUNT) & 3) == SHARED_QUEUED;
}

static const char *what_memory(struct gather *g, raddr from, raddr at)
{
	if (!g->types->shapes->free_threaded)
		return "memory";
	if (is_free_queue(g, from, at))
		return "freed memory that waits";
	return is_merge_stack(g, at) ? "objects that wait for it" : "memory";
}

static const char *what_is(struct gather *g, enum gather_what what, uint32_t type, raddr from,
			   raddr at)
{
	if (what == GATHER_BUFFER)
		return what_memory(g, from, at);
	if (what == GATHER_FREE_LISTED)
		return "free lists";
	const struct type *t = type_table_get(g->types, type);
	if (t->kind == TYPE_DICT && gather_is_interned(g, at))
		return "interned strings";
	t = type_table_get(g->types, type);
	return t->name ? t->name : "?";
}

static struct error *find_held(struct gather *g, struct state *s)
{
	for (uint64_t offset = 0; offset + 8 <= s->size; offset += 8) {
		uint64_t word = word_at(g->types, s->at, offset);
		uint32_t type = TYPE_NONE;
		enum gather_what what = word ? gather_target(g, word, &type) : GATHER_NOTHING;
		if (what == GATHER_NOTHING ||
		    leftovers_have(&s->leftovers, raddr_plus(s->at, offset)))
			continue;
		struct held *held = vec_push(&s->held);
		if (!held)
			return error_out_of_memory();
		*held = (struct held){
			raddr_plus(s->at, offset), raddr_at(word),
			what_is(g, what, type, raddr_plus(s->at, offset), raddr_at(word))};
	}
	return NULL;
}

static int by_what(const void *a, const void *b)
{
	const struct held *x = a, *y = b;
	int order = strcmp(x->what, y->what);
	return order ? order : raddr_compare(x->from, y->from);
}

/* One root for all that is of one sort. */
static struct error *add_state(struct gather *g, struct state *s)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	struct error *err = find_held(g, s);
	if (!err && s->held.count)
		qsort(s->held.items, s->held.count, sizeof(*s->held.items), by_what);
	for (size_t i = 0; i < s->held.count && !err; i++) {
		const struct held *held = &s->held.items[i];
		bool first = i == 0 || strcmp(held->what, held[-1].what) != 0;
		text_clear(&name);
		text_addf(&name, "%s: %s", s->name, held->what);
		if (name.failed)
			return error_out_of_memory();
		err = gather_add(g,
				 (struct root){.phase = ROOT_STATIC,
					       .kind = HOLDER_THREAD,
					       .at = held->at,
					       .from = held->from},
				 first ? text_string(&name) : NULL);
	}
	return err;
}

/* From `at` to where its block ends; `known` where it lies in none. */
static uint64_t size_of(const struct gather *g, raddr at, uint64_t known)
{
	struct plot_place place;
	if (!known && plot_find(&g->request->ground->plot, at.value, &place))
		known = place.start + place.size - at.value;
	return size_min(known, STATE_MAX);
}

/* Without the thread's state inside, which is told as the thread's. */
static uint64_t size_without(const struct gather *g, raddr at, uint64_t size)
{
	const struct frames *frames = &g->request->look->frames;
	for (size_t i = 0; i < frames->threads.count; i++) {
		raddr state = frames->threads.items[i].state;
		if (raddr_in(state, at, size))
			size = raddr_distance(at, state);
	}
	return size;
}

/* Whoever comes to its block must not take what is left over for what is held. */
static struct error *tell_at_once(struct gather *g, raddr interpreter)
{
	raddr *told = vec_push(&g->ret->told);
	if (!told)
		return error_out_of_memory();
	*told = interpreter;
	return NULL;
}

static struct error *add_interpreter(struct gather *g, const struct runtime_interpreter *i)
{
	char name[48];
	const struct layout *layout = &g->request->subject->build.layout;
	_cleanup_(state_fini) struct state state = {.at = i->address, .name = name};
	if (raddr_is_null(i->address) || !i->readable)
		return NULL;
	state.size = size_without(g, i->address,
				  size_of(g, i->address, layout_width(layout, LAYOUT_INTERP_SIZE)));
	(void)snprintf(name, sizeof(name), "interpreter %" PRId64, i->id);
	leftovers_find(g, i->address, &state.leftovers);
	struct error *err = tell_at_once(g, i->address);
	return err ?: add_state(g, &state);
}

/* One that lies inside its interpreter, its first from 3.12 on, is the last of that. */
static uint64_t size_inside(const struct gather *g, const struct frames_thread *t)
{
	const struct look *look = g->request->look;
	uint64_t size = layout_width(&g->request->subject->build.layout, LAYOUT_INTERP_SIZE);
	if (t->interpreter >= look->runtime.interpreters.count)
		return 0;
	raddr start = look->runtime.interpreters.items[t->interpreter].address;
	return raddr_in(t->state, start, size) ? size - raddr_distance(start, t->state) : 0;
}

static struct error *add_thread(struct gather *g, size_t thread)
{
	_cleanup_(text_fini) struct text name = TEXT_EMPTY;
	const struct frames_thread *t = &g->request->look->frames.threads.items[thread];
	gather_thread_name(g, thread, &name);
	if (name.failed)
		return error_out_of_memory();
	_cleanup_(state_fini) struct state state = {.at = t->state,
						    .size = size_of(g, t->state, size_inside(g, t)),
						    .name = text_string(&name)};
	return add_state(g, &state);
}

struct error *gather_states(struct gather *g)
{
	const struct look *look = g->request->look;
	struct error *err = NULL;
	for (size_t i = 0; i < look->frames.threads.count && !err; i++)
		err = add_thread(g, i);
	for (size_t i = 0; i < look->runtime.interpreters.count && !err; i++)
		err = add_interpreter(g, &look->runtime.interpreters.items[i]);
	return err;
}
