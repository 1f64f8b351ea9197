/* studies: figures of round sizes, names as a target may have them. */
#include "studies.h"

#include "accounts.h"

#include <stdlib.h>
#include <string.h>

static void *checked(void *pointer)
{
	if (!pointer)
		abort();
	return pointer;
}

static char *own(const char *string)
{
	return checked(strdup(string));
}

/* ---- census ------------------------------------------------------------------------------ */

static void add_row(struct census *c, const char *name, uint64_t count, uint64_t bytes,
		    uint64_t buffers, uint64_t arenas)
{
	struct census_row *r = checked(vec_push(&c->types));
	*r = (struct census_row){.name = own(name),
				 .type = raddr_at(0x7f3a00001000 + 0x400 * c->types.count),
				 .count = count,
				 .bytes = bytes,
				 .buffer_count = buffers ? count : 0,
				 .buffer_bytes = buffers,
				 .arenas = arenas};
}

static void fill_census(struct census *c)
{
	c->filled = true;
	c->blocks = 1052309;
	c->blocks_bytes = 87 * MIB;
	c->objects = 948200;
	c->buffers = 104000;
	c->free_listed = 100;
	c->unexplained = 9;
	c->large_objects = 3120;
	c->large_bytes = 12 * MIB;
	c->arenas = 1659;
	c->burst_us = 84000;
	add_row(c, "str", 410206, 32 * MIB, 1 * MIB, 812);
	add_row(c, "dict of app.Session", 1322, 84 * KIB, 900 * KIB, 1264);
	add_row(c, "app.Session", 1322, 62 * KIB, 0, 1264);
	add_row(c, "evil\x1b[2J\nname", 3, 144, 0, 2);
	add_row(c, "app.Row", 12, 768, 0, 1);
	c->types.items[4].n_namesakes = 2;
	*(struct census_buffer *)checked(vec_push(&c->buffer_kinds)) =
		(struct census_buffer){"dict keys", 81000, 9 * MIB};
	*(struct census_buffer *)checked(vec_push(&c->buffer_kinds)) =
		(struct census_buffer){"list items", 23000, 2 * MIB};
	struct census_signature *s = checked(vec_push(&c->signatures));
	*s = (struct census_signature){.n_keys = 12, .count = 1322, .bytes = 900 * KIB};
	s->attributes = true;
	*(char **)checked(vec_push(&s->keys)) = own("user");
	*(char **)checked(vec_push(&s->keys)) = own("created");
	struct census_array *a = checked(vec_push(&c->arrays));
	*a = (struct census_array){.type = own("numpy.ndarray"),
				   .dtype = own("float64"),
				   .shape = {1000, 128},
				   .n_shape = 2,
				   .count = 2,
				   .data_bytes = 2048000};
}

/* ---- holders, pins ----------------------------------------------------------------------- */

static void add_type(struct holder_type *at, const char *type, uint64_t count, uint64_t bytes)
{
	*at = (struct holder_type){own(type), count, bytes};
}

static struct holder_root *add_root(struct holders *h, enum holder_kind kind, const char *name,
				    uint64_t count, uint64_t bytes)
{
	struct holder_root *r = checked(vec_push(&h->roots));
	*r = (struct holder_root){.kind = kind, .name = own(name), .count = count, .bytes = bytes};
	h->reached_bytes += bytes;
	h->reached_count += count;
	return r;
}

static void fill_holders(struct holders *h)
{
	h->filled = h->complete = true;
	struct holder_root *r = add_root(h, HOLDER_MODULE_GLOBAL, "app.CACHE", 14000, 41 * MIB);
	add_type(checked(vec_push(&r->types)), "app.Session", 1322, 62 * KIB);
	struct holder_chain *c = checked(vec_push(&r->chains));
	*c = (struct holder_chain){.kind = r->kind, .count = 1322, .bytes = 41 * MIB};
	*(char **)checked(vec_push(&c->links)) = own("app.CACHE");
	*(char **)checked(vec_push(&c->links)) = own("dict");
	*(char **)checked(vec_push(&c->links)) = own("app.Session");
	add_root(h, HOLDER_FRAME_LOCAL, "app.main() rows", 900, 3 * MIB);
	add_root(h, HOLDER_CLASS_ATTRIBUTE, "evil\x1b[31m.Registry.items", 10, 1 * MIB);
	add_root(h, HOLDER_STATIC, "_ext.so: cache", 5, 64 * KIB);
	h->gc_enabled = maybe_known(1);
}

static void fill_pins(struct pins *p)
{
	*p = (struct pins){.filled = true,
			   .sparse_below = 0.25,
			   .arenas = 40,
			   .sparse_arenas = 30,
			   .sparse_bytes = 30 * MIB,
			   .sparse_free = 29 * MIB,
			   .sparse_blocks = 1500,
			   .sparse_used = 1 * MIB};
	struct pin_root *r = checked(vec_push(&p->roots));
	*r = (struct pin_root){.name = own("app.CACHE"),
			       .kind = HOLDER_MODULE_GLOBAL,
			       .count = 1400,
			       .bytes = 900 * KIB,
			       .arenas = 29,
			       .sole_arenas = 27,
			       .held = 25 * MIB,
			       .returned = 26 * MIB,
			       .type = own("app.Session"),
			       .type_count = 1322};
	*(char **)checked(vec_push(&r->links)) = own("app.CACHE");
	*(char **)checked(vec_push(&r->links)) = own("dict");
	*(char **)checked(vec_push(&r->links)) = own("app.Session");
	struct pin *t = checked(vec_push(&p->types));
	*t = (struct pin){.type = own("app.Session"),
			  .count = 1322,
			  .bytes = 900 * KIB,
			  .arenas = 29,
			  .sole_arenas = 27,
			  .held = 25 * MIB,
			  .returned = 26 * MIB};
	*(struct pin_step *)checked(vec_push(&p->curve)) = (struct pin_step){10, 480, 9 * MIB};
	*(struct pin_step *)checked(vec_push(&p->curve)) = (struct pin_step){300, 14000, 22 * MIB};
}

/* ---- verdicts ---------------------------------------------------------------------------- */

static struct cause *add_cause(struct verdict *v, enum cause_kind kind, uint64_t bytes,
			       uint64_t symptom)
{
	struct cause *c = checked(vec_push(&v->causes));
	*c = (struct cause){.kind = kind,
			    .bytes = bytes,
			    .symptom = symptom,
			    .measured = true,
			    .pin_root = SIZE_MAX,
			    .holder_root = SIZE_MAX};
	v->filled = true;
	return c;
}

static void rule_out(struct verdict *v, enum theory theory, uint64_t bytes)
{
	*(struct ruled_out *)checked(vec_push(&v->not_causes)) =
		(struct ruled_out){theory, theory == THEORY_GROWTH ? (struct maybe){.known = false}
								   : maybe_known(bytes)};
}

static void add_evidence(struct cause *c, const char *name, enum evidence_unit unit, uint64_t value)
{
	c->evidence[c->n_evidence++] =
		(struct evidence){.name = name, .unit = unit, .value = value};
}

void studies_first(struct snapshot *s)
{
	accounts_pinned(s);
	(void)add_cause(&s->verdict, CAUSE_PYMALLOC_PINNED, 29 * MIB, 29 * MIB);
	s->verdict.preliminary = true;
}

void studies_pinned(struct snapshot *s)
{
	accounts_pinned(s);
	fill_census(&s->census);
	fill_holders(&s->holders);
	fill_pins(&s->pins);
	struct cause *c = add_cause(&s->verdict, CAUSE_PYMALLOC_PINNED, 26 * MIB, 29 * MIB);
	c->pin_root = 0;
	add_evidence(c, "sparse_arenas", EVIDENCE_COUNT, 30);
	add_evidence(c, "sparse_occupancy", EVIDENCE_PERMILLE, 40);
	rule_out(&s->verdict, THEORY_MALLOC_TRIM, 2 * MIB);
	rule_out(&s->verdict, THEORY_SWAP, 0);
	rule_out(&s->verdict, THEORY_GROWTH, 0);
	s->verdict.framework = FRAMEWORK_CELERY;
}

void studies_glibc(struct snapshot *s)
{
	accounts_glibc(s);
	fill_census(&s->census);
	fill_holders(&s->holders);
	(void)add_cause(&s->verdict, CAUSE_MALLOC_ARENA_PER_THREAD, 2 * GIB, 2 * GIB + 100 * MIB);
	(void)add_cause(&s->verdict, CAUSE_THREAD_STACKS, 90 * MIB, 90 * MIB);
	rule_out(&s->verdict, THEORY_PYTHON_LEAK, 610 * MIB);
	rule_out(&s->verdict, THEORY_GC, 0);
	s->verdict.framework = FRAMEWORK_GUNICORN;
}

void studies_unheld(struct snapshot *s)
{
	accounts_pinned(s);
	fill_census(&s->census);
	fill_holders(&s->holders);
	struct holders *h = &s->holders;
	h->gc_enabled = maybe_known(0);
	h->garbage = (struct holder_type){NULL, 90000, 80 * MIB};
	add_type(checked(vec_push(&h->garbage_types)), "app.Node", 45000, 40 * MIB);
	add_type(checked(vec_push(&h->garbage_types)), "dict of app.Node", 45000, 40 * MIB);
	h->leaked = (struct holder_type){NULL, 500, 30 * MIB};
	add_type(checked(vec_push(&h->leaked_types)), "bytes", 500, 30 * MIB);
	h->lost_count = 5000;
	h->lost_bytes = 20 * MIB;
	*(struct holder_sizes *)checked(vec_push(&h->lost_sizes)) =
		(struct holder_sizes){4096, 5000};
	h->lost_library = own("libevil\x1b[0m.so");
	(void)add_cause(&s->verdict, CAUSE_UNCOLLECTED_GARBAGE, 80 * MIB, 80 * MIB);
	(void)add_cause(&s->verdict, CAUSE_LEAKED_REFERENCES, 30 * MIB, 30 * MIB);
	(void)add_cause(&s->verdict, CAUSE_NATIVE_LOST, 20 * MIB, 20 * MIB);
}

void studies_frozen(struct snapshot *s)
{
	accounts_pinned(s);
	fill_census(&s->census);
	fill_holders(&s->holders);
	s->holders.frozen = (struct holder_type){NULL, 40000, 35 * MIB};
	add_type(checked(vec_push(&s->holders.frozen_types)), "app.Config", 40000, 35 * MIB);
	(void)add_cause(&s->verdict, CAUSE_FROZEN_GARBAGE, 35 * MIB, 35 * MIB);
	rule_out(&s->verdict, THEORY_GC, 64 * KIB);
}

void studies_well(struct snapshot *s)
{
	accounts_jemalloc(s);
	fill_census(&s->census);
	fill_holders(&s->holders);
	(void)add_cause(&s->verdict, CAUSE_NOTHING_WRONG, 0, 0);
	rule_out(&s->verdict, THEORY_KEPT_ARENAS, 3 * MIB);
}

/* ---- what grew, one object --------------------------------------------------------------- */

static void add_growth(struct difference *d, enum difference_part part, const char *name,
		       int64_t count, int64_t bytes)
{
	struct difference_row *r = checked(vec_push(&d->rows));
	*r = (struct difference_row){.part = part,
				     .name = own(name),
				     .count = count,
				     .bytes = bytes,
				     .count_a = 1000,
				     .bytes_a = 64 * KIB,
				     .count_b = (uint64_t)(1000 + count),
				     .bytes_b = (uint64_t)((int64_t)(64 * KIB) + bytes)};
}

void studies_difference(struct difference *d)
{
	*d = (struct difference){.same_process = true,
				 .same_build = true,
				 .seconds = 62 * 3600,
				 .rss = 31 * (int64_t)MIB,
				 .arenas = 30,
				 .live_bytes = 28 * (int64_t)MIB,
				 .live_blocks = 412906};
	add_growth(d, DIFFERENCE_TYPE, "asyncio.Task", 412906, 28 * (int64_t)MIB);
	add_growth(d, DIFFERENCE_TYPE, "evil\x1b[1m", -30, -2000);
	add_growth(d, DIFFERENCE_ROOT, "ingest.main.BUS", 412906, 28 * (int64_t)MIB);
	add_growth(d, DIFFERENCE_CLASS, "class 48", 412906, 19 * (int64_t)MIB);
	add_growth(d, DIFFERENCE_LEAF, "pymalloc.live", 0, 28 * (int64_t)MIB);
}

static void add_referrer(struct inspector_object *o, uint64_t at, const char *type, const char *how)
{
	struct holder_referrer *r = checked(vec_push(&o->referrers.list));
	*r = (struct holder_referrer){raddr_at(at), own(type), how ? own(how) : NULL};
	o->referrers.n_all++;
}

void studies_object(struct inspector_object *o)
{
	*o = (struct inspector_object){.found = true,
				       .at = raddr_at(0x7f3a1c04b2d0),
				       .type = own("app.Session"),
				       .preview = own("12 attributes \x1b[5m"),
				       .where = own("arena 12, pool 3, block 17 of 48 bytes"),
				       .size = 48,
				       .with_buffers = 760,
				       .refcount = 2,
				       .found_references = maybe_known(1),
				       .arena = raddr_at(0x7f3a1c000000),
				       .pool = raddr_at(0x7f3a1c048000)};
	add_referrer(o, 0x7f3a1c0a0010, "dict", "[str of 12]");
	add_referrer(o, 0x7f3a1c0a0400, "list items", NULL);
	o->referrers.n_all = 90;
	o->followed = true;
	o->chain.kind = HOLDER_MODULE_GLOBAL;
	*(char **)checked(vec_push(&o->chain.links)) = own("app.CACHE");
	*(char **)checked(vec_push(&o->chain.links)) = own("dict");
	*(char **)checked(vec_push(&o->chain.links)) = own("app.Session");
}
