/* looks: leaves follow from arenas, so that a snapshot agrees with itself. */
#include "looks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARENA   MIB
#define POOL    (16 * KIB)
#define N_POOLS 63

char *look_text(const char *text)
{
	char *copy = strdup(text);
	assert_non_null(copy);
	return copy;
}

static void sum_up(struct ledger *ledger)
{
	ledger->rss = ledger->swapped = 0;
	for (int i = 0; i < LEAF_COUNT; i++) {
		ledger->rss += ledger->lines[i].tally.present;
		ledger->swapped += ledger->lines[i].tally.swapped;
	}
}

void look_set(struct snapshot *s, enum leaf leaf, uint64_t bytes)
{
	s->ledger.lines[leaf].size = bytes;
	s->ledger.lines[leaf].tally.present = bytes;
	sum_up(&s->ledger);
}

void look_detail(struct snapshot *s, enum leaf leaf, const char *name, uint64_t bytes)
{
	struct ledger_detail *d = vec_push(&s->ledger.lines[leaf].details);
	assert_non_null(d);
	d->name = look_text(name);
	d->size = d->tally.present = bytes;
}

struct snapshot *look_calm(void)
{
	struct snapshot *s = snapshot_new();
	assert_non_null(s);
	s->target.n_threads = 2;
	s->target.command = look_text("python3.12 app.py");
	s->ledger.filled = s->ledger.has_residency = true;
	look_set(s, LEAF_FILE_TEXT, 9 * MIB);
	look_set(s, LEAF_FILE_DATA, MIB);
	look_set(s, LEAF_STACK_MAIN, 132 * KIB);
	look_set(s, LEAF_STACK_THREADS, 64 * KIB);
	look_set(s, LEAF_ANON_UNKNOWN, 512 * KIB);
	s->malloc.filled = true;
	s->malloc.implementation = MALLOC_GLIBC;
	s->malloc.has_settings = true;
	s->malloc.settings = (struct malloc_settings){.mmap_threshold = 128 * KIB,
						      .trim_threshold = 128 * KIB,
						      .arena_limit = 64,
						      .dynamic = true};
	s->malloc.trimmable = maybe_known(0);
	look_malloc_arena(s, 4 * MIB, 200 * KIB, 100 * KIB, 0, 0);
	look_arenas(s, 6, 700 * KIB, 8000, 2);
	s->holders.filled = s->holders.complete = true;
	static const char *const links[] = {"app.ROUTES", "dict", "app.Route", NULL};
	look_root(s, "app.ROUTES", "app.Route", 120, 64 * KIB, links);
	s->holders.reached_bytes = 5 * MIB;
	return s;
}

void look_arenas(struct snapshot *s, size_t n, uint64_t used, uint64_t blocks, uint32_t free_pools)
{
	if (!s->interpreters.count) {
		struct snapshot_interpreter *first = vec_push(&s->interpreters);
		assert_non_null(first);
		first->readable = true;
		first->pymalloc = (struct pymalloc){.used = true,
						    .alignment = 16,
						    .threshold = 512,
						    .pool_size = POOL,
						    .arena_size = ARENA,
						    .pool_overhead = 48,
						    .has_residency = true};
	}
	struct pymalloc *p = &s->interpreters.items[0].pymalloc;
	for (size_t i = 0; i < n; i++) {
		struct pymalloc_arena *a = vec_push(&p->arenas);
		assert_non_null(a);
		a->address = a->first_pool = raddr_at(0x7f0000000000 + p->arenas.count * ARENA);
		a->n_pools = a->n_carved = N_POOLS;
		a->n_free = free_pools;
		a->used_blocks = blocks;
		a->used_bytes = used;
		a->resident = ARENA;
		a->settled = true;
	}
	uint64_t live = 0, pools = 0, blocks_free = 0;
	for (size_t i = 0; i < p->arenas.count; i++) {
		const struct pymalloc_arena *a = &p->arenas.items[i];
		live += a->used_bytes;
		pools += a->n_free * POOL;
		blocks_free += N_POOLS * POOL - a->n_free * POOL - a->used_bytes;
	}
	look_set(s, LEAF_PYMALLOC_LIVE, live);
	look_set(s, LEAF_PYMALLOC_FREE_POOLS, pools);
	look_set(s, LEAF_PYMALLOC_FREE_BLOCKS, blocks_free);
	look_set(s, LEAF_PYMALLOC_OVERHEAD, p->arenas.count * POOL);
	p->arenas_highwater = maybe_known(p->arenas.count + 100);
}

struct malloc_arena *look_malloc_arena(struct snapshot *s, uint64_t in_use, uint64_t trimmable,
				       uint64_t crumbs, uint64_t top, size_t sizes_at)
{
	struct malloc_arena *a = vec_push(&s->malloc.arenas);
	assert_non_null(a);
	a->main = s->malloc.arenas.count == 1;
	a->verified = true;
	a->n_attached = a->main;
	a->in_use = in_use;
	a->n_free = 1000;
	a->free_sizes[sizes_at] = trimmable;
	a->trimmable = maybe_known(trimmable);
	a->stuck = maybe_known(crumbs);
	a->free_resident = maybe_known(trimmable + crumbs);
	a->top = top;
	a->top_resident = maybe_known(top);
	s->malloc.trimmable.value += trimmable;
	look_set(s, LEAF_MALLOC_LIVE, s->ledger.lines[LEAF_MALLOC_LIVE].tally.present + in_use);
	look_set(s, LEAF_MALLOC_FREE_TRIMMABLE,
		 s->ledger.lines[LEAF_MALLOC_FREE_TRIMMABLE].tally.present + trimmable);
	look_set(s, LEAF_MALLOC_FREE_STUCK,
		 s->ledger.lines[LEAF_MALLOC_FREE_STUCK].tally.present + crumbs);
	if (!a->main) /* the main one's is trimmable */
		look_set(s, LEAF_MALLOC_TOP, s->ledger.lines[LEAF_MALLOC_TOP].tally.present + top);
	return a;
}

struct holder_root *look_root(struct snapshot *s, const char *name, const char *type,
			      uint64_t count, uint64_t bytes, const char *const *links)
{
	struct holder_root *root = vec_push(&s->holders.roots);
	assert_non_null(root);
	root->kind = HOLDER_MODULE_GLOBAL;
	root->name = look_text(name);
	root->count = count;
	root->bytes = bytes;
	struct holder_type *of = vec_push(&root->types);
	assert_non_null(of);
	*of = (struct holder_type){look_text(type), count, bytes};
	struct holder_chain *chain = vec_push(&root->chains);
	assert_non_null(chain);
	chain->count = count;
	chain->bytes = bytes;
	for (; *links; links++) {
		char **link = vec_push(&chain->links);
		assert_non_null(link);
		*link = look_text(*links);
	}
	s->holders.reached_bytes += bytes;
	s->holders.reached_count += count;
	return root;
}

void look_pin_root(struct snapshot *s, const char *name, const char *type, uint64_t count,
		   uint64_t returned)
{
	struct pin_root *root = vec_push(&s->pins.roots);
	assert_non_null(root);
	s->pins.filled = true;
	root->kind = HOLDER_MODULE_GLOBAL;
	root->name = look_text(name);
	root->type = look_text(type);
	root->type_count = root->count = count;
	root->arenas = root->sole_arenas = returned / ARENA;
	root->returned = returned;
	s->pins.lead_roots++;
	s->pins.lead_returned += returned;
}

void look_pin_type(struct snapshot *s, const char *type, uint64_t count, uint64_t returned)
{
	struct pin *pin = vec_push(&s->pins.types);
	assert_non_null(pin);
	s->pins.filled = true;
	pin->type = look_text(type);
	pin->count = count;
	pin->arenas = pin->sole_arenas = returned / ARENA;
	pin->returned = returned;
}

void look_judge(const struct snapshot *s, struct verdict *ret)
{
	struct error *err = verdict_make(s, ret);
	assert_null(err);
	assert_true(ret->filled);
	look_check_sums(s, ret);
}

const struct cause *look_cause(const struct verdict *verdict, size_t i, enum cause_kind kind)
{
	assert_true(i < verdict->causes.count);
	assert_string_equal(cause_kind_name(verdict->causes.items[i].kind), cause_kind_name(kind));
	return &verdict->causes.items[i];
}

static const struct evidence *find_evidence(const struct cause *cause, const char *name)
{
	for (size_t i = 0; i < cause->n_evidence; i++) {
		if (strcmp(cause->evidence[i].name, name) == 0)
			return &cause->evidence[i];
	}
	return NULL;
}

const struct ruled_out *look_ruled_out(const struct verdict *v, enum theory theory)
{
	for (size_t i = 0; i < v->not_causes.count; i++) {
		if (v->not_causes.items[i].theory == theory)
			return &v->not_causes.items[i];
	}
	return NULL;
}

bool look_has(const struct cause *cause, const char *name)
{
	return find_evidence(cause, name) != NULL;
}

const struct evidence *look_evidence(const struct cause *cause, const char *name)
{
	const struct evidence *found = find_evidence(cause, name);
	if (!found)
		fail_msg("no evidence \"%s\"", name);
	return found;
}

void look_check_sums(const struct snapshot *s, const struct verdict *verdict)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < verdict->causes.count; i++) {
		const struct cause *cause = &verdict->causes.items[i];
		assert_true(cause->symptom >= cause->bytes);
		assert_true(cause->kind < CAUSE_KINDS && cause->n_evidence <= EVIDENCE_MAX);
		assert_true(cause->kind != CAUSE_NOTHING_WRONG || verdict->causes.count == 1);
		if (cause->kind == CAUSE_SWAPPED_OUT) {
			assert_true(cause->bytes <= s->ledger.swapped);
			continue;
		}
		assert_false(__builtin_add_overflow(sum, cause->bytes, &sum));
	}
	uint64_t mapped = 0;
	for (int i = 0; i < LEAF_COUNT && !s->ledger.has_residency; i++)
		mapped = size_add(mapped, s->ledger.lines[i].size);
	assert_true(sum <= (s->ledger.has_residency ? s->ledger.rss : mapped));
}
