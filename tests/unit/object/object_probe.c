/*
 * object_probe: what is recognised in a target, as lines, for tests that ask a real process; and the table of shapes.
 *
 *	object-probe PID [parts|time]        each block in use (b) and malloc's chunks (c), with parts or not at all, then each type
 *	object-probe shapes HEX [t]          where members lie in that version; t: without the GIL
 *
 *	o b|c ADDRESS TYPE REFCOUNT SIZE BEFORE BLOCK_SIZE     an object; TYPE is an index
 *	u b|c ADDRESS BLOCK_SIZE                               a block in which none was recognised
 *	p OWNER ADDRESS BEFORE LEAF KIND                        a part of an object
 *	t INDEX ADDRESS KIND EXACT NAME                    a type, its name escaped
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "inspector/census/copy/burst_wanted.h"
#include "inspector/census/plotting/plot_make.h"
#include "inspector/look/look.h"
#include "inspector/object/object.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- shapes ------------------------------------------------------------------------------ */

#define MEMBER(member)                                   \
	{                                                \
#member, offsetof(struct shapes, member) \
	}

static const struct {
	const char *name;
	size_t offset;
} members[] = {
	MEMBER(ob_type),
	MEMBER(ob_size),
	MEMBER(type.name),
	MEMBER(type.basicsize),
	MEMBER(type.itemsize),
	MEMBER(type.dealloc),
	MEMBER(type.flags),
	MEMBER(type.doc),
	MEMBER(type.weaklistoffset),
	MEMBER(type.base),
	MEMBER(type.dict),
	MEMBER(type.dictoffset),
	MEMBER(type.mro),
	MEMBER(type.size),
	MEMBER(type.ht_name),
	MEMBER(type.ht_qualname),
	MEMBER(type.ht_cached_keys),
	MEMBER(type.ht_module),
	MEMBER(type.ht_tpname),
	MEMBER(type.heap_size),
	MEMBER(dict.used),
	MEMBER(dict.keys),
	MEMBER(dict.values),
	MEMBER(dict.mask),
	MEMBER(dict.small_table),
	MEMBER(dict.size),
	MEMBER(keys.header),
	MEMBER(keys.size),
	MEMBER(keys.log2_size),
	MEMBER(keys.log2_index_bytes),
	MEMBER(keys.kind),
	MEMBER(keys.usable),
	MEMBER(keys.nentries),
	MEMBER(list.items),
	MEMBER(list.allocated),
	MEMBER(tuple.items),
	MEMBER(set.fill),
	MEMBER(set.used),
	MEMBER(set.mask),
	MEMBER(set.table),
	MEMBER(set.small_table),
	MEMBER(odict.first),
	MEMBER(odict.fast_nodes),
	MEMBER(odict.node_next),
	MEMBER(deque.left),
	MEMBER(deque.right),
	MEMBER(deque.next),
	MEMBER(deque.data),
	MEMBER(deque.block_size),
	MEMBER(deque.n_items),
	MEMBER(deque.n_free),
	MEMBER(deque.free_blocks),
	MEMBER(array.items),
	MEMBER(array.descr),
	MEMBER(buffered.buffer),
	MEMBER(str.length),
	MEMBER(str.state),
	MEMBER(str.ascii_data),
	MEMBER(str.compact_data),
	MEMBER(str.legacy_data),
	MEMBER(str.wstr),
	MEMBER(str.utf8),
	MEMBER(str.utf8_length),
	MEMBER(bytes.data),
	MEMBER(bytearray.alloc),
	MEMBER(bytearray.start),
	MEMBER(bytearray.object),
	MEMBER(integer.digits),
	MEMBER(integer.tag),
	MEMBER(module.dict),
	MEMBER(module.name),
	MEMBER(module.state),
	MEMBER(function.code),
	MEMBER(function.globals),
	MEMBER(function.defaults),
	MEMBER(function.kwdefaults),
	MEMBER(function.closure),
	MEMBER(function.name),
	MEMBER(function.qualname),
	MEMBER(function.dict),
	MEMBER(function.module),
	MEMBER(code.name),
	MEMBER(code.qualname),
	MEMBER(code.filename),
	MEMBER(code.first_line),
	MEMBER(code.varnames),
	MEMBER(code.freevars),
	MEMBER(code.cellvars),
	MEMBER(code.localsplusnames),
	MEMBER(code.n_locals),
	MEMBER(method.function),
	MEMBER(method.self),
	MEMBER(cell.contents),
	MEMBER(instance.class),
	MEMBER(instance.dict),
	MEMBER(old_class.dict),
	MEMBER(old_class.name),
	MEMBER(frame.code),
	MEMBER(frame.locals),
	MEMBER(frame.previous),
	MEMBER(frame.stack_top),
	MEMBER(frame_object),
	MEMBER(generator),
	MEMBER(gc_size),
};

static struct error *show_shapes(const char *version, bool free_threaded)
{
	static const struct layout layout;
	struct shapes shapes;
	bool unverified;
	struct error *err = shapes_fill(&layout, (uint32_t)strtoul(version, NULL, 16),
					free_threaded, false, &shapes, &unverified);
	for (size_t i = 0; !err && i < ARRAY_SIZE(members); i++) {
		uint64_t value;
		memcpy(&value, (const char *)&shapes + members[i].offset, sizeof(value));
		(void)printf("%s=%" PRIu64 "\n", members[i].name, value);
	}
	return err;
}

/* ---- a target ---------------------------------------------------------------------------- */

struct probe {
	struct subject subject;
	struct look look;
	struct snapshot *snapshot;
	struct burst *burst;
	struct plot plot;
	struct shapes shapes;
	struct type_table types;
	bool parts, silent;
	uint64_t n_objects, us;
};

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void show_part(void *context, const struct part *part)
{
	const struct object *owner = context;
	(void)printf("p 0x%" PRIx64 " 0x%" PRIx64 " %" PRIu64 " %d %s\n", owner->at.value,
		     part->at.value, part->before, part->leaf, part_kind_name(part->kind));
}

static void show_block(struct probe *p, const struct plot_place *place)
{
	struct object object;
	char kind = place->arena == PLOT_NONE ? 'c' : 'b';
	if (!object_in_block(&p->types, raddr_at(place->start), place->size, &object)) {
		(void)printf("u %c 0x%" PRIx64 " %" PRIu64 "\n", kind, place->start, place->size);
		return;
	}
	(void)printf("o %c 0x%" PRIx64 " %u %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
		     kind, object.at.value, object.type,
		     object.immortal ? UINT64_MAX : object.refcount, object.size, object.before,
		     place->size);
	if (p->parts)
		object_parts(&p->types, &object, show_part, &object);
}

static void show_blocks(struct probe *p)
{
	for (uint32_t i = 0; i < p->plot.n_blocks; i++) {
		struct plot_place place;
		if (!plot_is_used(&p->plot, i))
			continue;
		plot_place(&p->plot, i, &place);
		show_block(p, &place);
	}
}

/* Nothing but the question that a census asks for each block: for their number, and for the time that it takes. */
static void count_objects(struct probe *p)
{
	uint64_t start = now_us();
	for (uint32_t i = 0; i < p->plot.n_run_blocks; i++) {
		struct plot_place place;
		struct object object;
		if (!plot_is_used(&p->plot, i))
			continue;
		plot_place(&p->plot, i, &place);
		p->n_objects +=
			object_in_block(&p->types, raddr_at(place.start), place.size, &object);
	}
	p->us = now_us() - start;
}

static void show_types(const struct probe *p)
{
	for (size_t i = 0; i < p->types.types.count; i++) {
		const struct type *t = &p->types.types.items[i];
		_cleanup_(text_fini) struct text name = TEXT_EMPTY;
		text_add_escaped(&name, t->name, strlen(t->name));
		(void)printf("t %zu 0x%" PRIx64 " %d %d %s\n", i, t->at.value, (int)t->kind,
			     t->exact, text_string(&name));
	}
	(void)printf("blocks=%" PRIu64 "\nobjects=%" PRIu64 "\nus=%" PRIu64 "\nexamined=%" PRIu64
		     "\ngc_size=%" PRIu64 "\nhooks=%" PRIu64 "\nwindowed=%" PRIu64 "\n",
		     p->plot.n_used, p->n_objects, p->us, p->types.n_examined, p->types.gc_size,
		     p->shapes.hook_size, burst_windowed(p->burst));
}

static struct error *walk_heaps(struct probe *p)
{
	for (size_t i = 0; i < p->look.runtime.interpreters.count; i++) {
		const struct runtime_interpreter *from = &p->look.runtime.interpreters.items[i];
		struct snapshot_interpreter *to = vec_push(&p->snapshot->interpreters);
		if (!to)
			return error_out_of_memory();
		struct error *err = p->look.mimalloc
					    ? mimalloc_walk(p->look.mimalloc, i, &to->mimalloc,
							    &p->snapshot->doubts)
					    : NULL;
		if (!err && from->has_heap)
			err = pymalloc_walk(p->look.copies.items[i], &p->subject.build.layout,
					    &from->roots, &to->pymalloc, &p->snapshot->doubts);
		if (err)
			return err;
	}
	return NULL;
}

static struct error *take_burst(struct probe *p)
{
	_cleanup_(burst_wanted_fini) struct burst_wanted wanted = {.size = 0};
	const struct burst_wanted_request request = {&p->subject.space, &p->subject.origin,
						     &p->look, NULL, 0};
	struct error *err = burst_wanted_find(&request, &wanted);
	if (err)
		return err;
	const struct burst_request all = {
		.space = &p->subject.space,
		.wanted = wanted.list.items,
		.n_wanted = wanted.list.count,
		.max_memory = GIB,
	};
	return burst_take(&all, &p->burst);
}

static struct error *fill_shapes(struct probe *p)
{
	const struct python_build *build = &p->subject.build;
	bool unverified;
	return shapes_fill(&build->layout, build->version_hex, build->free_threaded,
			   p->snapshot->target.debug_hooks, &p->shapes, &unverified);
}

static struct error *show_target(struct probe *p, const struct inspector_request *request)
{
	struct error *err = inspector_enter();
	err = err ?: subject_open(request, &p->subject);
	err = err ?: origin_refresh(&p->subject.origin, &p->subject.space);
	err = err ?: look_copy(&p->look, request, &p->subject, p->snapshot);
	err = err ?: walk_heaps(p);
	err = err ?: take_burst(p);
	err = err ?: fill_shapes(p);
	if (err)
		return err;
	const struct plot_request draw = {p->burst, &p->look, &p->subject, p->snapshot};
	err = plot_make(&draw, &p->plot);
	err = err ?: type_table_init(&p->types, p->burst, &p->shapes, &p->subject.space);
	if (err)
		return err;
	count_objects(p);
	if (!p->silent)
		show_blocks(p);
	show_types(p);
	return NULL;
}

static struct error *probe_target(const char *pid, const char *what)
{
	static struct probe p;
	const struct inspector_request request = {.kind = ORIGIN_LIVE,
						  .pid = (pid_t)strtol(pid, NULL, 10),
						  .parts = LOOK_CENSUS,
						  .mode = LOOK_NO_PAUSE};
	p.parts = strcmp(what, "parts") == 0;
	p.silent = strcmp(what, "time") == 0;
	p.snapshot = snapshot_new();
	struct error *err = show_target(&p, &request);
	type_table_fini(&p.types);
	plot_fini(&p.plot);
	burst_free(p.burst);
	look_fini(&p.look);
	snapshot_free(p.snapshot);
	subject_fini(&p.subject);
	return err;
}

int main(int argc, char **argv)
{
	struct error *err = NULL;
	if (argc > 2 && strcmp(argv[1], "shapes") == 0)
		err = show_shapes(argv[2], argc > 3);
	else if (argc > 1)
		err = probe_target(argv[1], argc > 2 ? argv[2] : "");
	if (err)
		(void)fprintf(stderr, "object-probe: %s\n", err->cause);
	int code = err ? (int)err->kind : argc > 1 ? 0 : 2;
	error_free(err);
	return code;
}
