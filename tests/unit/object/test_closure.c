/* closure: which variable a cell is, as every version lays it out; and what is no closure, or a damaged one. */
#include "inspector/object/closure.h"
#include "object_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define N_WORLDS 11
#define WORDS    24

/* def outer(…): lock, cache = …; def run(size): … lock … cache …; return run */
struct closure_world {
	struct object_world *w;
	uint64_t function, code, closure, names, cells[2];
};

static uint64_t make_type(struct object_world *w, const char *name)
{
	uint64_t at = object_world_data(w, 1024);
	object_world_type(w, at, name, w->type, w->shapes.ob_type + 8 + WORDS * 8, 0, 0);
	return at;
}

static uint64_t make_object(struct object_world *w, uint64_t type)
{
	return object_world_object(w, type, 0, w->shapes.ob_type + 8 + WORDS * 8, 1);
}

static uint64_t make_tuple(struct object_world *w, const uint64_t *items, size_t n)
{
	uint64_t at = object_world_object(w, w->tuple, 0, w->shapes.tuple.items + n * 8, 1);
	object_world_put(w, at + w->shapes.ob_size, n);
	for (size_t i = 0; i < n; i++)
		object_world_put(w, at + w->shapes.tuple.items + i * 8, items[i]);
	return at;
}

static void make_names(struct closure_world *c)
{
	struct object_world *w = c->w;
	const struct shapes *s = &w->shapes;
	const uint64_t names[] = {object_world_str(w, "size"), object_world_str(w, "lock"),
				  object_world_str(w, "cache")};
	const bool one_tuple = s->code.localsplusnames;
	c->names = one_tuple ? make_tuple(w, names, 3) : make_tuple(w, names + 1, 2);
	object_world_put(w, c->code + (one_tuple ? s->code.localsplusnames : s->code.freevars),
			 c->names);
	object_world_put(w, c->code + s->code.name, object_world_str(w, "run"));
	if (s->code.qualname)
		object_world_put(w, c->code + s->code.qualname,
				 object_world_str(w, "outer.<locals>.run"));
}

static void closure_world_init(struct closure_world *c, size_t which)
{
	struct object_world *w = object_world_any(which);
	const struct shapes *s = &w->shapes;
	const uint64_t function = make_type(w, "function"), cell = make_type(w, "cell");
	*c = (struct closure_world){.w = w};
	c->function = make_object(w, function);
	c->code = make_object(w, make_type(w, "code"));
	for (size_t i = 0; i < ARRAY_SIZE(c->cells); i++)
		c->cells[i] = make_object(w, cell);
	c->closure = make_tuple(w, c->cells, 2);
	make_names(c);
	const char *key = "__name__";
	const uint64_t module = object_world_str(w, "app");
	object_world_put(w, c->function + s->function.code, c->code);
	object_world_put(w, c->function + s->function.closure, c->closure);
	object_world_put(w, c->function + s->function.globals,
			 object_world_dict(w, &key, &module, 1));
	object_world_look(w);
}

static bool variable(struct closure_world *c, uint64_t function, uint64_t cell, struct text *ret)
{
	struct object object;
	text_clear(ret);
	assert_true(object_at(&c->w->types, raddr_at(function), &object));
	return closure_variable(&c->w->types, &object, raddr_at(cell), ret);
}

static void each_world(void (*test)(struct closure_world *c, struct text *name))
{
	for (size_t i = 0; i < N_WORLDS; i++) {
		struct closure_world c;
		struct text name = TEXT_EMPTY;
		closure_world_init(&c, i);
		print_message("%08x\n", c.w->shapes.version_hex);
		test(&c, &name);
		text_fini(&name);
		object_world_free(c.w);
	}
}

static void names_each(struct closure_world *c, struct text *name)
{
	struct object function;
	assert_true(variable(c, c->function, c->cells[0], name));
	assert_string_equal(text_string(name), "lock");
	assert_true(variable(c, c->function, c->cells[1], name));
	assert_string_equal(text_string(name), "cache");
	text_clear(name);
	assert_true(object_at(&c->w->types, raddr_at(c->function), &function));
	closure_title(&c->w->types, &function, name);
	assert_string_equal(text_string(name),
			    c->w->shapes.code.qualname ? "app.outer.<locals>.run" : "app.run");
}

static void names_nothing_else(struct closure_world *c, struct text *name)
{
	assert_false(variable(c, c->function, c->closure, name));
	assert_false(variable(c, c->cells[0], c->cells[1], name));
	assert_false(variable(c, c->code, c->cells[1], name));
	assert_int_equal(name->length, 0);
}

/* More cells than names, or from 3.11 on than all names together. */
static void names_none_that_is_missing(struct closure_world *c, struct text *name)
{
	const struct shapes *s = &c->w->shapes;
	object_world_put(c->w, c->names + s->ob_size, 1);
	object_world_look(c->w);
	assert_false(variable(c, c->function, c->cells[0], name));
	assert_false(variable(c, c->function, c->cells[1], name));
	object_world_put(c->w, c->closure + s->ob_size, UINT64_C(1) << 60);
	object_world_look(c->w);
	assert_false(variable(c, c->function, c->cells[0], name));
	object_world_put(c->w, c->function + s->function.closure, c->names + 8);
	object_world_look(c->w);
	assert_false(variable(c, c->function, c->cells[0], name));
	assert_int_equal(name->length, 0);
}

static void of_every_version(void **state)
{
	(void)state;
	each_world(names_each);
}

static void of_nothing_else(void **state)
{
	(void)state;
	each_world(names_nothing_else);
}

static void damaged(void **state)
{
	(void)state;
	each_world(names_none_that_is_missing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_every_version),
		cmocka_unit_test(of_nothing_else),
		cmocka_unit_test(damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
