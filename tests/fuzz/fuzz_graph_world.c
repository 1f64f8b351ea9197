/*
 * fuzz_graph_world: the input first shapes a plot, then a number in it fills the plot with whatever holds whatever, then the input
 * is a row of things to do to that.
 *
 *	flavour │ pools: block size, u8 each │ chunks: size, u8 each │ number u32 │ do: what u8, where u16, … │ do … │
 *
 *	what    an object, a buffer, a dict with its keys   in a block of its own
 *	        a word                                      that refers to a block, or is any
 *	        damage                                      to a type, or anything near
 *	        a root                                      a word, or memory
 *	        a hole                                      a page that cannot be read
 */
#include "fuzz_graph_world.h"

#include "inspector/census/plotting/plot_directory.h"

#define MANAGED  0x1c /* flags of 3.13's: inline values, weak references, dict */
#define HEAP     (WORLD_HEAP + 0x10000)
#define CHUNKS   (WORLD_HEAP + 0x20000)
#define SCRATCH  (WORLD_HEAP + 0x38000) /* of no allocator that is walked */
#define COPIED   0x40000
#define PAGE     4096
#define POOLS    5
#define BLOCKS   24 /* of each pool, at most */
#define N_CHUNKS 6
#define DEEDS    200

/* Beside those of every object world; the last has a name of its own alone. */
static const struct {
	const char *name;
	uint64_t basicsize, itemsize, flags;
	int64_t weaklistoffset;
} more[] = {
	{"collections.deque", 232, 0, WORLD_GC, 40},
	{"app.Managed", 32, 0, WORLD_GC | WORLD_IS_HEAP | MANAGED, 0},
	{"weakref.ReferenceType", 72, 0, WORLD_GC, 0},
	{"app.Weak", 48, 8, WORLD_GC | WORLD_IS_HEAP, 24},
};

static uint64_t block_size(const struct graph_world *w, uint32_t block, uint64_t *ret_start)
{
	struct plot_place place;
	plot_place(&w->ground.plot, block, &place);
	*ret_start = place.start;
	return place.size;
}

static uint64_t hook_of(const struct graph_world *w)
{
	return w->objects->shapes.hook_size;
}

/* Writes a word where there is memory. */
static void put(struct graph_world *w, uint64_t at, uint64_t value)
{
	if (object_world_host(w->objects, at, sizeof(value)))
		object_world_put(w->objects, at, value);
}

/* ---- what there is at first -------------------------------------------------------------- */

static uint64_t gc_size(const struct object_world *o)
{
	return o->shapes.gc_size ?: o->shapes.free_threaded ? 0 : 24;
}

static void make_types(struct graph_world *w)
{
	struct object_world *o = w->objects;
	const uint64_t known[] = {o->type, o->object, o->str, o->list,   o->tuple,
				  o->dict, o->set,    o->app, o->integer};
	size_t n = ARRAY_SIZE(known);
	memcpy(w->types, known, sizeof(known));
	for (size_t i = 0; i < ARRAY_SIZE(more); i++) {
		uint64_t at = object_world_data(o, 1024);
		object_world_type(o, at, more[i].name, o->type, more[i].basicsize, more[i].itemsize,
				  more[i].flags);
		object_world_put(o, at + o->shapes.type.weaklistoffset,
				 (uint64_t)more[i].weaklistoffset);
		w->types[n++] = at;
	}
	assert(n == GRAPH_WORLD_TYPES);
	for (size_t i = 0; i < n; i++) {
		uint64_t flags;
		memcpy(&flags, object_world_host(o, w->types[i] + o->shapes.type.flags, 8), 8);
		w->before[i] = (uint16_t)(flags & WORLD_GC ? gc_size(o) : 0);
		if (flags & MANAGED && o->shapes.values >= VALUES_WORDS)
			w->before[i] += 16;
	}
}

static void make_pools(struct plot *plot, struct fuzz *f)
{
	struct plot_arena *arena = vec_push(&plot->arenas);
	assert(arena);
	*arena = (struct plot_arena){.start = HEAP, .size = POOLS * PAGE};
	for (size_t i = 0; i < POOLS; i++) {
		uint32_t size = 32 + (uint32_t)fuzz_number(f, 1) % 31 * 16;
		struct plot_run *run = vec_push(&plot->runs);
		assert(run);
		*run = (struct plot_run){.start = HEAP + i * PAGE + 48,
					 .block_size = size,
					 .n_blocks = (uint32_t)size_min((PAGE - 48) / size, BLOCKS),
					 .first = plot->n_run_blocks};
		plot->n_run_blocks += run->n_blocks;
	}
}

static void make_plot(struct graph_world *w, struct fuzz *f)
{
	struct plot *plot = &w->ground.plot;
	uint64_t at = CHUNKS;
	make_pools(plot, f);
	for (size_t i = 0; i < N_CHUNKS; i++) {
		struct plot_chunk *chunk = vec_push(&plot->chunks);
		assert(chunk);
		*chunk = (struct plot_chunk){at, 24 + fuzz_number(f, 1) * 48};
		at += chunk->size + 24;
	}
	plot->n_blocks = plot->n_run_blocks + N_CHUNKS;
	plot->used = calloc(plot->n_blocks / 64 + 1, sizeof(*plot->used));
	struct error *err = plot_directory_make(plot);
	assert(plot->used && !err);
	for (uint32_t i = 0; i < plot->n_blocks; i++) {
		struct label *label = vec_push(&w->said);
		uint64_t *meant = vec_push(&w->meant);
		assert(label && meant);
		*label = (struct label){.type = TYPE_NONE, .of = TYPE_NONE};
		(void)block_size(w, i, meant);
	}
}

/* ---- blocks ---------------------------------------------------------------------------- */

static void say(struct graph_world *w, uint32_t block, enum label_kind kind, size_t type)
{
	struct label *label = &w->said.items[block];
	*label = (struct label){.kind = kind, .type = (uint32_t)type, .of = TYPE_NONE};
	(void)block_size(w, block, &w->meant.items[block]);
	if (type < GRAPH_WORLD_TYPES && (kind == LABEL_OBJECT || kind == LABEL_FREE_LISTED))
		w->meant.items[block] += hook_of(w) + w->before[type];
	w->ground.plot.used[block / 64] |= UINT64_C(1) << (block % 64);
}

/* The object of a block, where it has room for one. False: it has not. */
static bool add_object(struct graph_world *w, uint32_t block, size_t type, uint64_t refcount)
{
	struct object_world *o = w->objects;
	uint64_t start, size = block_size(w, block, &start);
	uint64_t head = hook_of(w) + w->before[type];
	if (size < head + o->shapes.ob_type + 8)
		return false;
	o->heap_next = start;
	(void)object_world_object(o, w->types[type], w->before[type], size - head, refcount);
	say(w, block, refcount ? LABEL_OBJECT : LABEL_FREE_LISTED, type);
	return true;
}

static void add_buffer(struct graph_world *w, uint32_t block, size_t type, uint64_t part)
{
	say(w, block, LABEL_BUFFER, type);
	w->said.items[block].part = (enum part_kind)(part % (PART_OTHER + 1));
	w->said.items[block].leaf = part & 0x80;
}

static void copy(struct graph_world *w, uint64_t to, uint64_t from, uint64_t size)
{
	const uint8_t *source = object_world_host(w->objects, from, size);
	assert(source);
	object_world_put_bytes(w->objects, to, source, size);
}

/* A dict in one block, its keys in the next. */
static void add_dict(struct graph_world *w, uint32_t block, const uint64_t *values)
{
	static const char *const keys[] = {"one", "two"};
	const struct shapes *s = &w->objects->shapes;
	const size_t type = 5;
	assert(w->types[type] == w->objects->dict);
	uint64_t start, keys_start, size = block_size(w, block, &start);
	uint64_t keys_size = block_size(w, block + 1, &keys_start), pointer;
	if (size < hook_of(w) + w->before[type] + s->dict.size)
		return;
	w->objects->heap_next = SCRATCH;
	uint64_t dict = object_world_dict(w->objects, keys, values, 2);
	(void)add_object(w, block, type, 1);
	copy(w, w->meant.items[block] + 16, dict + 16, s->dict.size - 16);
	memcpy(&pointer, object_world_host(w->objects, dict + s->dict.keys, 8), 8);
	add_buffer(w, block + 1, type, PART_DICT_KEYS);
	copy(w, keys_start, pointer, size_min(keys_size, 512));
	put(w, w->meant.items[block] + s->dict.keys, keys_start);
}

/* ---- what is done ---------------------------------------------------------------------- */

uint64_t graph_world_address(const struct graph_world *w, struct fuzz *f)
{
	uint64_t what = fuzz_number(f, 1), which = fuzz_number(f, 2);
	if (what < 8)
		return w->types[which % GRAPH_WORLD_TYPES];
	if (what < 12)
		return WORLD_DATA + which * 8;
	if (what < 16)
		return CHUNKS - 0x40 + which;
	uint64_t at = w->meant.items[which % w->meant.count];
	return what < 32 ? at + what % 16 * 8 - 64 : at;
}

static void add_root(struct graph_world *w, struct fuzz *f, uint64_t how)
{
	static const char *const names[] = {"app.CACHE", "main() data", "", NULL};
	struct root *root = vec_push(&w->roots.list);
	assert(root);
	*root = (struct root){.phase = how % (ROOT_STACK + 1),
			      .kind = (how >> 2) % (HOLDER_UNKNOWN + 1)};
	const char *name = names[(how >> 5) % ARRAY_SIZE(names)];
	root->name = name ? strdup(name) : NULL;
	root->at = raddr_at(graph_world_address(w, f));
	if (root->kind == HOLDER_MODULE_GLOBAL)
		root->from = raddr_at(graph_world_address(w, f));
	else if (root->phase != ROOT_NAMED && how & 0x80)
		root->size = fuzz_number(f, 2);
}

static void add_outside(struct graph_world *w, uint64_t at, size_t type)
{
	struct outside *outside = &w->ground.outside;
	struct outside_object *last =
		outside->list.count ? &outside->list.items[outside->list.count - 1] : NULL;
	if (last && at < last->at + last->size)
		return;
	struct outside_object *object = vec_push(&outside->list);
	assert(object);
	/* Its label: until types are looked for. */
	*object = (struct outside_object){at, w->objects->shapes.type.size, (uint16_t)type};
}

/* Low words are where references mostly stand. */
static void do_word(struct graph_world *w, struct fuzz *f, uint32_t block, uint64_t what)
{
	uint64_t word = fuzz_number(f, 1) % (what & 0x40 ? 64 : 8);
	put(w, w->meant.items[block] + word * 8,
	    what & 0x80 ? fuzz_number(f, 8) : graph_world_address(w, f));
}

/* what: 0 … 2 an object, 3 a buffer, 4 neither, 5 a dict. */
static void do_block(struct graph_world *w, struct fuzz *f, uint32_t block, uint64_t what,
		     uint64_t how)
{
	size_t type = (size_t)(fuzz_number(f, 1) % GRAPH_WORLD_TYPES);
	if (what < 3) {
		(void)add_object(w, block, type, how);
	} else if (what == 3) {
		add_buffer(w, block, type, fuzz_number(f, 1));
	} else if (what == 4) {
		say(w, block, how & 1 ? LABEL_GENERIC : LABEL_UNEXPLAINED,
		    how & 2 ? type : TYPE_NONE);
	} else if (block + 1 < w->meant.count) {
		const uint64_t values[] = {graph_world_address(w, f), graph_world_address(w, f)};
		add_dict(w, block, values);
	}
}

static void do_one(struct graph_world *w, struct fuzz *f)
{
	uint64_t what = fuzz_number(f, 1), which = fuzz_number(f, 2);
	uint32_t block = (uint32_t)(which % w->meant.count);
	uint64_t word;
	switch (what % 16) {
	case 6:
		word = graph_world_address(w, f) + fuzz_number(f, 1) * 8;
		put(w, word & ~UINT64_C(7), fuzz_number(f, 8));
		break;
	case 7:
		add_outside(w, WORLD_DATA + which * 16, fuzz_number(f, 1) % GRAPH_WORLD_TYPES);
		break;
	case 8:
	case 9:
		add_root(w, f, fuzz_number(f, 1));
		break;
	case 10:
		if (what & 0x80)
			w->holes[what >> 4 & 7] = graph_world_address(w, f) / PAGE * PAGE;
		break;
	default:
		if (what % 16 < 6)
			do_block(w, f, block, what % 16, what >> 4);
		else
			do_word(w, f, block, what);
		break;
	}
}

/* ---- a heap to begin with ------------------------------------------------------------------ */

/* The same bytes for the same number, as many as are asked for. */
static void make_input(uint32_t number, uint8_t *ret, size_t n)
{
	uint64_t state = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
	for (size_t i = 0; i < n; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		ret[i] = (uint8_t)(state >> 24);
	}
}

/* Half of all blocks have something in them that refers to a few others, and a few roots hold some. */
static void populate(struct graph_world *w, uint32_t number)
{
	uint8_t bytes[8192];
	struct fuzz f = {bytes, sizeof(bytes)};
	make_input(number, bytes, sizeof(bytes));
	for (uint32_t i = 0; i < w->meant.count; i++) {
		uint64_t what = fuzz_number(&f, 1);
		do_block(w, &f, i, what % 16 < 11 ? 0 : 3 + what % 3, what >> 4 < 12);
		for (uint64_t n = fuzz_number(&f, 1) % 4; n > 0; n--)
			do_word(w, &f, i, fuzz_number(&f, 1) & 7);
	}
	for (uint64_t n = fuzz_number(&f, 1) % 8; n > 0; n--)
		add_root(w, &f, fuzz_number(&f, 1));
}

/* ---- what the census would have made of it ------------------------------------------------- */

static uint16_t number_of(struct graph_world *w, struct label label)
{
	if (label.type != TYPE_NONE)
		label.type = type_table_find(&w->ground.types, raddr_at(w->types[label.type]));
	const bool object = label.kind == LABEL_OBJECT || label.kind == LABEL_FREE_LISTED;
	if (object && label.type != TYPE_NONE)
		label.leaf = type_table_get(&w->ground.types, label.type)->leaf;
	return labels_number(&w->ground.labels, &label);
}

/* A type that was damaged may need more room than its block has: then nothing was recognised there. */
static bool has_room(struct graph_world *w, uint32_t block, const struct label *label)
{
	uint64_t start, size = block_size(w, block, &start);
	uint32_t i = label->type == TYPE_NONE
			     ? TYPE_NONE
			     : type_table_find(&w->ground.types, raddr_at(w->types[label->type]));
	const struct type *type = i == TYPE_NONE ? NULL : type_table_get(&w->ground.types, i);
	return !type || size >= hook_of(w) + type->before + w->objects->shapes.ob_type + 8;
}

static void label_all(struct graph_world *w)
{
	struct ground *g = &w->ground;
	struct error *err = labels_init(&g->labels, g->plot.n_blocks);
	assert(!err);
	for (uint32_t i = 0; i < g->plot.n_blocks; i++) {
		struct label *said = &w->said.items[i];
		if (i >= g->plot.n_run_blocks && said->kind == LABEL_FREE)
			say(w, i, LABEL_UNEXPLAINED, TYPE_NONE);
		if ((said->kind == LABEL_OBJECT || said->kind == LABEL_FREE_LISTED) &&
		    !has_room(w, i, said))
			*said = (struct label){.kind = LABEL_UNEXPLAINED, .type = TYPE_NONE};
		g->labels.of_block[i] = number_of(w, *said);
	}
	for (size_t i = 0; i < g->outside.list.count; i++) {
		struct outside_object *object = &g->outside.list.items[i];
		object->label = number_of(w, (struct label){.kind = LABEL_OBJECT,
							    .type = object->label,
							    .of = TYPE_NONE});
	}
}

static struct error *read_with_holes(void *source, raddr at, void *buffer, size_t size)
{
	const struct graph_world *w = source;
	for (size_t i = 0; i < GRAPH_WORLD_HOLES; i++)
		if (w->holes[i] && at.value < w->holes[i] + PAGE && w->holes[i] < at.value + size)
			return error_new(ERROR_FAULT, "a hole");
	const uint8_t *from = object_world_host(w->objects, at.value, size);
	if (!from)
		return error_new(ERROR_FAULT, "not there");
	memcpy(buffer, from, size);
	return NULL;
}

static void copy_all(struct graph_world *w)
{
	const struct burst_range all[] = {{raddr_at(WORLD_DATA), COPIED},
					  {raddr_at(WORLD_HEAP), COPIED}};
	const struct burst_request request = {.space = &w->objects->space,
					      .wanted = all,
					      .n_wanted = 2,
					      .max_memory = w->streamed ? 192 * KIB : 64 * MIB};
	struct ground *g = &w->ground;
	struct error *err = burst_take(&request, &g->burst);
	err = err ?: type_table_init(&g->types, g->burst, &g->shapes, &w->objects->space);
	assert(!err);
}

struct graph_world *graph_world_new(struct fuzz *f)
{
	static const struct space_ops ops = {.read = read_with_holes};
	struct graph_world *w = calloc(1, sizeof(*w));
	assert(w);
	size_t flavour = fuzz_number(f, 1);
	w->streamed = flavour & 0x80;
	w->objects = object_world_any(flavour & 0x7f);
	w->objects->space.ops = &ops;
	w->objects->space.source = w;
	make_types(w);
	make_plot(w, f);
	populate(w, (uint32_t)fuzz_number(f, 4));
	for (size_t i = 0; i < DEEDS && f->size > 16; i++)
		do_one(w, f);
	w->ground.space = &w->objects->space;
	w->ground.shapes = w->objects->shapes;
	copy_all(w);
	label_all(w);
	return w;
}

void graph_world_free(struct graph_world *w)
{
	type_table_fini(&w->ground.types);
	burst_free(w->ground.burst);
	plot_fini(&w->ground.plot);
	labels_fini(&w->ground.labels);
	outside_fini(&w->ground.outside);
	roots_fini(&w->roots);
	vec_fini(&w->said);
	vec_fini(&w->meant);
	object_world_free(w->objects);
	free(w);
}
