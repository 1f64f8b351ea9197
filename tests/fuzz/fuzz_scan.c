/*
 * scan: whatever stands in a module's data and in a heap, the scan ends, the layout that it makes is a
 * possible one, and a look by that layout ends, too. A world that nobody damaged gives its own answer.
 *
 *	model u8, order u8, arenas u8 │ where u8, index u16, how u8, value u64 │ where, index, how, value │ …
 */
#include "fuzz.h"

#include "tests/unit/heap/scan_world.h"

#define MUTATIONS_MAX 48

static const struct world_model *model_of(uint64_t i)
{
	uint64_t n = i % (world_n_models + 2);
	if (n < world_n_models)
		return &world_models[n];
	return n == world_n_models ? &scan_model_2m : &scan_model_no_radix;
}

/* ---- mutations ------------------------------------------------------------------------ */

/* A word of something that the scan looks at. */
static raddr pick(const struct scan_world *s, uint64_t where, uint64_t index)
{
	const struct world *w = s->world;
	const struct world_heap *h = &w->heaps[0];
	uint64_t object = layout_width(&s->truth, LAYOUT_ARENA_OBJECT_SIZE);
	switch (where % 5) {
	case 0:
		return raddr_plus(h->roots.usedpools, index % h->roots.n_usedpools * 8);
	case 1:
		return raddr_plus(h->table, index % (SCAN_SLOTS * object / 8) * 8);
	case 2:
		return raddr_plus(world_pool_at(h, 0, (uint32_t)(index / 8 % 8)), index % 8 * 8);
	case 3: /* around the roots, or the words of the state behind its pools */
		return raddr_plus(h->roots.arenas, index % 128 * 8);
	default:
		return raddr_plus(w->regions[0].start, index % (64 * KIB) & ~UINT64_C(7));
	}
}

/* A number, an address of something else, a word from elsewhere, or a stretch of words from there. */
static void mutate(struct scan_world *s, struct fuzz *f)
{
	uint64_t where = fuzz_number(f, 1), index = fuzz_number(f, 2);
	uint64_t how = fuzz_number(f, 1), value = fuzz_number(f, 8);
	raddr at = pick(s, where, index), other = pick(s, value >> 16, value & 0xffff);
	uint64_t n = how % 4 == 3 ? how / 4 : 1;
	if (how % 4 == 1)
		value = other.value + (value >> 32 & 15);
	else if (how % 4 == 2)
		value = world_get(s->world, other, 8) + (value >> 32 & 15);
	for (uint64_t i = 0; i < n; i++) {
		raddr to = raddr_plus(at, i * 8), from = raddr_plus(other, i * 8);
		world_put(s->world, to, 8, how % 4 == 3 ? world_get(s->world, from, 8) : value);
	}
}

/* ---- the look ------------------------------------------------------------------------- */

static void look_at_heap(struct scan_world *s, const struct pymalloc_roots *roots)
{
	struct doubts doubts = {VEC_EMPTY};
	struct pymalloc p = {0};
	struct pymalloc_copy *to = pymalloc_copy_new();
	struct error *err =
		pymalloc_copy_take(to, &s->world->space, &s->build.layout, roots, 256 * MIB, false);
	if (!err)
		err = pymalloc_walk(to, &s->build.layout, roots, &p, &doubts);
	assert(err || p.allocated_bytes <= s->world->space.mapped_size);
	error_free(err);
	pymalloc_fini(&p);
	pymalloc_copy_free(to);
	doubts_fini(&doubts);
}

static void look(struct scan_world *s)
{
	struct doubts doubts = {VEC_EMPTY};
	struct runtime runtime = RUNTIME_EMPTY;
	struct error *err = runtime_read(&s->world->space, &s->build.layout, WORLD_BIAS,
					 s->build.version_hex, &runtime, &doubts);
	for (size_t i = 0; !err && i < size_min(runtime.interpreters.count, 2); i++) {
		if (runtime.interpreters.items[i].has_heap)
			look_at_heap(s, &runtime.interpreters.items[i].roots);
	}
	error_free(err);
	runtime_fini(&runtime);
	doubts_fini(&doubts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	const struct world_model *model = model_of(fuzz_number(&f, 1));
	enum scan_order order = (enum scan_order)(fuzz_number(&f, 1) % ORDER_COUNT);
	struct scan_world *s = scan_world_new(model, order, 1 + (uint32_t)fuzz_number(&f, 1) % 4);
	bool whole = f.size == 0;
	for (unsigned i = 0; i < MUTATIONS_MAX && f.size > 0; i++)
		mutate(s, &f);
	struct scan scan = {.verdict = SCAN_NONE};
	struct error *err = scan_run(&s->world->space, &s->image, NULL, &s->build, &scan);
	assert(!err && s->world->n_reads < 1000000);
	assert(!whole || scan.verdict == SCAN_FOUND);
	err = layout_check(&s->build.layout);
	assert(!err);
	if (scan.verdict == SCAN_FOUND || scan.verdict == SCAN_IDLE)
		look(s);
	scan_fini(&scan);
	scan_world_free(s);
	return 0;
}
