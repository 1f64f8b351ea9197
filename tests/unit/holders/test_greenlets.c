/* greenlets: frames of those that wait, in every layout that greenlet and Python have had. */
#include "../object/object_world.h"

#include "inspector/census/plotting/plot_directory.h"
#include "inspector/holders/roots/gather.h"
#include "inspector/look/look.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Where greenlet keeps what is a thread's while it runs. */
enum keeps { IN_ITSELF /* 1.1 */, BEHIND_IT /* 2.0 on */ };

static const struct {
	uint32_t version_hex;
	enum keeps keeps;
} layouts[] = {
	{0x02070000, IN_ITSELF}, {0x03060000, IN_ITSELF}, {0x03080000, BEHIND_IT},
	{0x030a0000, IN_ITSELF}, {0x030a0000, BEHIND_IT}, {0x030b0000, IN_ITSELF},
	{0x030b0000, BEHIND_IT}, {0x030c0000, BEHIND_IT}, {0x030d0000, BEHIND_IT},
	{0x030e0000, BEHIND_IT}, {0x030f0000, BEHIND_IT},
};

#define HEX_3_11   0x030b0000
#define STACK_SIZE UINT64_C(0x4000)
#define WORDS      48 /* that hold a greenlet's state */

struct scene {
	struct object_world *w;
	struct ground ground;
	struct look look;
	struct roots roots;
	struct gather g;
	bool lists; /* frames are objects in a list */
	uint64_t code_type, frame_type, greenlet_type, derived_type;
	uint64_t code, globals;
	uint64_t greenlet, state; /* state: the words that hold frame and stack */
	uint64_t stack;           /* its chunk */
	uint64_t frames[2], data[2];
};

/* ---- blocks ---------------------------------------------------------------------------- */

/* The latest object or memory in a block of its own; blocks ascend. */
static void plot_block(struct scene *s, uint64_t start, const struct label *said)
{
	struct plot *plot = &s->ground.plot;
	struct plot_chunk *chunk = vec_push(&plot->chunks);
	assert_non_null(chunk);
	*chunk = (struct plot_chunk){start, s->w->heap_next - start};
	s->ground.labels.of_block[plot->n_blocks++] = labels_number(&s->ground.labels, said);
}

static uint64_t object(struct scene *s, uint64_t type, uint64_t size)
{
	uint64_t start = s->w->heap_next, before = s->w->shapes.gc_size ?: 32;
	uint64_t at = object_world_object(s->w, type, before, size, 1);
	const struct label said = {LABEL_OBJECT, PART_OTHER, (uint32_t)type, TYPE_NONE, false};
	plot_block(s, start, &said); /* its type by address, until types have numbers */
	return at;
}

static uint64_t memory(struct scene *s, uint64_t size)
{
	const struct label said = {LABEL_UNEXPLAINED, PART_OTHER, TYPE_NONE, TYPE_NONE, false};
	uint64_t at = object_world_heap(s->w, size);
	plot_block(s, at, &said);
	return at;
}

/* ---- Python ---------------------------------------------------------------------------- */

static void make_types(struct scene *s)
{
	struct object_world *w = s->w;
	bool inside = s->state == 0;
	uint64_t *const places[] = {&s->code_type, &s->frame_type, &s->greenlet_type,
				    &s->derived_type};
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		*places[i] = object_world_data(w, 1024);
	object_world_type(w, s->code_type, "code", w->type, 200, 0, WORLD_GC);
	object_world_type(w, s->frame_type, "frame", w->type, 400, 0, WORLD_GC);
	object_world_type(w, s->greenlet_type, "greenlet.greenlet", w->type,
			  inside ? w->shapes.ob_type + 8 + WORDS * 8 : w->shapes.ob_type + 32, 0,
			  WORLD_GC);
	object_world_type(w, s->derived_type, "gevent.Greenlet", w->type, 600, 0, WORLD_GC);
	object_world_put(w, s->derived_type + w->shapes.type.base, s->greenlet_type);
}

static uint64_t tuple_of(struct scene *s, const char *const *texts, size_t n)
{
	struct object_world *w = s->w;
	uint64_t at = object_world_object(w, w->tuple, w->shapes.gc_size ?: 32,
					  w->shapes.tuple.items + n * 8, 1);
	object_world_put(w, at + w->shapes.ob_size, n);
	for (size_t i = 0; i < n; i++)
		object_world_put(w, at + w->shapes.tuple.items + i * 8,
				 object_world_str(w, texts[i]));
	return at;
}

/* handle(), with one variable and room for two words more. */
static void make_code(struct scene *s)
{
	static const char *const variables[] = {"data"}, *const keys[] = {"__name__"};
	struct object_world *w = s->w;
	const struct shapes *k = &w->shapes;
	uint64_t app = object_world_str(w, "app"), names = tuple_of(s, variables, 1);
	s->globals = object_world_dict(w, keys, &app, 1);
	s->code = object_world_object(w, s->code_type, k->gc_size ?: 32, 200, 1);
	uint64_t counts = s->lists ? UINT64_C(2) << 32 | 1 : 1, at = s->code + k->code.n_locals;
	uint32_t n_locals = (uint32_t)counts, stack = 2;
	object_world_put_bytes(w, at, &n_locals, 4);
	object_world_put_bytes(w, s->lists ? at + 4 : at - 8, &stack, 4);
	object_world_put(w, s->code + k->code.name, object_world_str(w, "handle"));
	if (k->code.qualname)
		object_world_put(w, s->code + k->code.qualname, object_world_str(w, "handle"));
	if (s->lists) {
		object_world_put(w, s->code + k->code.varnames, names);
		object_world_put(w, s->code + k->code.cellvars, tuple_of(s, NULL, 0));
		object_world_put(w, s->code + k->code.freevars, tuple_of(s, NULL, 0));
	} else {
		object_world_put(w, s->code + k->code.localsplusnames, names);
	}
}

static void fill_frame(struct scene *s, uint64_t at, uint64_t data)
{
	struct object_world *w = s->w;
	const struct shapes *k = &w->shapes;
	uint64_t tag = k->version_hex >= 0x030e0000; /* a reference that is counted elsewhere */
	uint64_t globals = s->lists                      ? k->frame.code + 16
			   : k->version_hex < 0x030c0000 ? k->frame.code - 24
							 : k->frame.code + 24;
	object_world_put(w, at + k->frame.code, s->code | tag);
	object_world_put(w, at + globals, s->globals);
	object_world_put(w, at + k->frame.locals, data | tag);
}

/* The frame on top is an object in any case; from 3.11 on it only refers to what is in the stack. */
static uint64_t make_frames(struct scene *s)
{
	struct object_world *w = s->w;
	const struct shapes *k = &w->shapes;
	uint64_t size = k->frame.locals + 3 * 8, top = 0, at = s->stack + 24 + 8;
	for (size_t i = 0; i < 2; i++) {
		s->data[i] = object(s, w->list, 24);
		if (s->lists) {
			s->frames[i] = object(s, s->frame_type, 400);
			object_world_put(w, s->frames[i] + k->frame.previous, top);
			top = s->frames[i];
		} else {
			s->frames[i] = at;
			at += size;
		}
		fill_frame(s, s->frames[i], s->data[i]);
	}
	if (!s->lists) {
		top = object(s, s->frame_type, 400);
		object_world_put(w, top + k->frame_object, s->frames[1]);
	}
	return top;
}

static void put_stack(struct scene *s, unsigned word, uint64_t chunk)
{
	uint64_t used = 24 + 8 + 2 * (s->w->shapes.frame.locals + 24);
	object_world_put(s->w, chunk + 8, STACK_SIZE);
	object_world_put(s->w, s->state + word * 8, chunk);
	object_world_put(s->w, s->state + word * 8 + 8, chunk + used);
	object_world_put(s->w, s->state + word * 8 + 16, chunk + STACK_SIZE);
}

/* ---- greenlets ------------------------------------------------------------------------- */

#define FRAME_WORD 20
#define STACK_WORD 24

static void make_greenlet(struct scene *s, enum keeps keeps, bool derived)
{
	struct object_world *w = s->w;
	uint64_t head = w->shapes.ob_type + 8;
	s->greenlet = object(s, derived ? s->derived_type : s->greenlet_type, 600);
	s->state = s->greenlet + head;
	if (keeps == BEHIND_IT) {
		s->state = memory(s, WORDS * 8);
		object_world_put(w, s->greenlet + head + 16, s->state);
		object_world_put(w, s->state, WORLD_CODE + 0x40);
		object_world_put(w, s->state + 8, s->greenlet);
	}
	object_world_put(w, s->state + FRAME_WORD * 8, make_frames(s));
	if (!s->lists)
		put_stack(s, STACK_WORD, s->stack);
}

static void scene_init(struct scene *s, size_t layout, bool derived)
{
	*s = (struct scene){
		.w = object_world_new(layouts[layout].version_hex, false, false,
				      layouts[layout].version_hex < 0x03080000 ? 32 : 0)};
	s->lists = layouts[layout].version_hex < HEX_3_11;
	assert_null(labels_init(&s->ground.labels, 32));
	s->state = layouts[layout].keeps == BEHIND_IT;
	make_types(s);
	make_code(s);
	s->stack = object_world_heap(s->w, 2 * STACK_SIZE);
	make_greenlet(s, layouts[layout].keeps, derived);
}

static void scene_fini(struct scene *s)
{
	roots_fini(&s->roots);
	plot_fini(&s->ground.plot);
	labels_fini(&s->ground.labels);
	vec_fini(&s->g.greenlets);
	frames_fini(&s->g.put_aside);
	object_world_free(s->w);
}

/* Labels that have a type's address get its number. */
static void number_types(struct scene *s)
{
	struct labels *labels = &s->ground.labels;
	for (size_t i = 0; i < labels->list.count; i++) {
		struct label *label = &labels->list.items[i];
		if (label->kind == LABEL_OBJECT && label->type != TYPE_NONE)
			label->type = type_table_find(&s->ground.types,
						      raddr_at(WORLD_DATA | label->type));
	}
}

static void look(struct scene *s)
{
	struct plot *plot = &s->ground.plot;
	object_world_look(s->w);
	s->ground.space = &s->w->space;
	s->ground.burst = s->w->burst;
	s->ground.shapes = s->w->shapes;
	s->ground.types = s->w->types;
	plot->used = malloc(64);
	assert_non_null(plot->used);
	memset(plot->used, 0xff, 64);
	assert_null(plot_directory_make(plot));
	number_types(s);
	const struct roots_request request = {.ground = &s->ground, .look = &s->look};
	s->g = (struct gather){.request = &request,
			       .types = &s->ground.types,
			       .ret = &s->roots,
			       .left = 100000,
			       .chunks_left = 4};
	assert_null(gather_greenlets(&s->g));
	assert_null(gather_locals(&s->g));
	s->w->types = s->ground.types; /* it may have moved */
	s->g.request = NULL;
}

static void expect_frames(const struct scene *s)
{
	assert_int_equal(s->g.n_strange + s->g.n_cut, 0);
	assert_int_equal(s->roots.list.count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct root *root = &s->roots.list.items[i];
		assert_int_equal(root->kind, HOLDER_FRAME_LOCAL);
		assert_int_equal(root->at.value, s->data[i]);
		assert_int_equal(root->from.value, s->frames[i]);
	}
	assert_string_equal(s->roots.list.items[0].name, "app.handle() data");
	assert_null(s->roots.list.items[1].name); /* the same */
}

static void expect_none(const struct scene *s, uint64_t n_strange, uint64_t n_cut)
{
	assert_int_equal(s->roots.list.count, n_cut);
	assert_int_equal(s->g.n_strange, n_strange);
	assert_int_equal(s->g.n_cut, n_cut);
}

/* ---- tests ----------------------------------------------------------------------------- */

static void in_every_layout(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts) * 2; i++) {
		struct scene s;
		scene_init(&s, i / 2, i % 2);
		look(&s);
		expect_frames(&s);
		scene_fini(&s);
	}
}

/* One that runs, has ended or was never started: what it says of a stack is old. */
static void without_a_frame_it_does_not_wait(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct scene s;
		scene_init(&s, i, false);
		object_world_put(s.w, s.state + FRAME_WORD * 8, 0);
		look(&s);
		expect_none(&s, 0, 0);
		scene_fini(&s);
	}
}

enum flaw { TWO_FRAMES, TWO_STACKS, NO_STACK, OTHER_SIZE, OTHER_END, OTHER_STATE, OTHER_FUNCTIONS };

static void spoil(struct scene *s, enum flaw flaw)
{
	struct object_world *w = s->w;
	switch (flaw) {
	case TWO_FRAMES:
		object_world_put(w, s->state + 40 * 8, object(s, s->frame_type, 400));
		break;
	case TWO_STACKS:
		put_stack(s, 30, s->stack + STACK_SIZE);
		break;
	case NO_STACK:
		object_world_put(w, s->state + STACK_WORD * 8, 0);
		break;
	case OTHER_SIZE:
		object_world_put(w, s->stack + 8, 2 * STACK_SIZE);
		break;
	case OTHER_END:
		object_world_put(w, s->state + STACK_WORD * 8 + 16, s->stack + STACK_SIZE + 8);
		break;
	case OTHER_STATE:
		object_world_put(w, s->state + 8, s->greenlet + 16);
		break;
	case OTHER_FUNCTIONS:
		object_world_put(w, s->state, s->greenlet);
		break;
	}
}

static void what_disagrees_is_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		for (enum flaw flaw = TWO_FRAMES; flaw <= OTHER_FUNCTIONS; flaw++) {
			struct scene s;
			bool old = layouts[i].version_hex < HEX_3_11;
			if ((old && flaw > TWO_FRAMES && flaw < OTHER_STATE) ||
			    (layouts[i].keeps == IN_ITSELF && flaw >= OTHER_STATE))
				continue;
			scene_init(&s, i, false);
			spoil(&s, flaw);
			look(&s);
			expect_none(&s, 1, 0);
			scene_fini(&s);
		}
	}
}

/* The outer frame is there; what follows is none. */
static void frames_that_break_off_are_counted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		struct scene s;
		scene_init(&s, i, false);
		uint64_t broken = s.frames[s.lists ? 0 : 1];
		object_world_put(s.w, broken + s.w->shapes.frame.code, s.globals);
		look(&s);
		expect_none(&s, 0, 1);
		scene_fini(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_every_layout),
		cmocka_unit_test(without_a_frame_it_does_not_wait),
		cmocka_unit_test(what_disagrees_is_counted),
		cmocka_unit_test(frames_that_break_off_are_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
