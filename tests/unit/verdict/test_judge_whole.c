/*
 * That no byte is told twice, whatever a target says; and who runs it.
 */
#include "base/cleanup.h"
#include "looks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LOOK    _cleanup_(snapshot_fini) struct snapshot *s = look_calm()
#define VERDICT _cleanup_(verdict_fini) struct verdict v = {.filled = false}

static void test_frameworks(void **state)
{
	(void)state;
	static const struct {
		const char *label;
		enum framework framework;
	} cases[] = {
		{"celery", FRAMEWORK_CELERY},
		{"python3 -m celery", FRAMEWORK_CELERY},
		{"python3.11 celery", FRAMEWORK_CELERY},
		{"[celeryd: w1@host]", FRAMEWORK_CELERY},
		{"gunicorn: worker [app]", FRAMEWORK_GUNICORN},
		{"python3 gunicorn", FRAMEWORK_GUNICORN},
		{"uwsgi", FRAMEWORK_UWSGI},
		{"python3 -m distributed.cli.dask_worker", FRAMEWORK_DASK},
		{"python3 dask-worker", FRAMEWORK_DASK},
		{"python3.12 app.py", FRAMEWORK_NONE},
		{"python3 celerybeat.py", FRAMEWORK_NONE},
		{"python3 -m", FRAMEWORK_NONE},
		{"python3 ", FRAMEWORK_NONE},
		{"", FRAMEWORK_NONE},
		{NULL, FRAMEWORK_NONE},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		LOOK;
		VERDICT;
		free(s->target.command);
		s->target.command = cases[i].label ? look_text(cases[i].label) : NULL;
		look_judge(s, &v);
		assert_int_equal(v.framework, cases[i].framework);
	}
}

/* ---- hostile figures ---------------------------------------------------------------------------------------------- */

/* Mostly of sizes that occur, now and then of none that can. */
static uint64_t any(uint64_t *seed)
{
	uint64_t word = *seed += 0x9e3779b97f4a7c15;
	word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9;
	word = (word ^ word >> 27) * 0x94d049bb133111eb;
	word ^= word >> 31;
	return word % 50 ? word / 64 % (200 * MIB) : UINT64_MAX - word / 64 % 4096;
}

static void scramble(struct snapshot *s, uint64_t *seed)
{
	static const char *const links[] = {"a", "b", NULL};
	for (int i = 0; i < LEAF_COUNT; i++) {
		look_set(s, (enum leaf)i, any(seed) % 3 ? 0 : any(seed) % (200 * MIB));
		s->ledger.lines[i].tally.huge = any(seed);
	}
	for (int i = 0; i < 3; i++)
		look_malloc_arena(s, 0, 0, 0, 0, 0);
	for (size_t i = 0; i < s->malloc.arenas.count; i++) {
		struct malloc_arena *a = &s->malloc.arenas.items[i];
		a->trimmable = (struct maybe){.value = any(seed), .known = any(seed) % 2};
		a->stuck = maybe_known(any(seed));
		a->top_resident = maybe_known(any(seed));
		for (size_t k = 0; k < MALLOC_FREE_SIZES; k++)
			a->free_sizes[k] = any(seed);
	}
	for (size_t i = 0; i < s->interpreters.items[0].pymalloc.arenas.count; i++) {
		struct pymalloc_arena *a = &s->interpreters.items[0].pymalloc.arenas.items[i];
		a->used_bytes = any(seed) % (2 * MIB);
		a->resident = any(seed);
		a->n_free = (uint32_t)any(seed);
		a->n_carved = (uint32_t)any(seed);
	}
	s->malloc.settings.moved = any(seed) % 2;
	s->malloc.settings.mmap_threshold = any(seed);
	s->holders.garbage.bytes = any(seed);
	s->holders.frozen.bytes = any(seed);
	s->holders.leaked.bytes = any(seed);
	s->holders.lost_bytes = any(seed);
	s->holders.native_bytes = any(seed);
	uint64_t count = any(seed), bytes = any(seed) % 2 ? s->ledger.rss : any(seed);
	struct holder_root *root = look_root(s, "root", "type", count, bytes, links);
	root->returned = any(seed);
	look_pin_root(s, "root", "type", count, bytes);
	s->pins.lead_returned = any(seed);
	s->pins.unreached_bytes = any(seed);
	s->pins.unreached_returned = any(seed);
	s->pins.sparse_used = any(seed);
	s->pins.mimalloc = any(seed) % 2;
	struct fork_copies *fork = &s->verdict.fork;
	fork->filled = any(seed) % 2;
	fork->private_bytes = any(seed);
	fork->compared = any(seed);
	fork->identical = any(seed);
	fork->refcounts_only = any(seed);
	fork->gc_links_only = any(seed);
	fork->changed = any(seed);
	s->verdict.huge.filled = true;
	s->verdict.huge.compared = any(seed);
	s->verdict.huge.zeros = any(seed);
}

/* No byte is told twice, whatever the figures are: look_judge() checks it. */
static void test_no_byte_is_told_twice(void **state)
{
	(void)state;
	bool seen[CAUSE_KINDS] = {false};
	for (unsigned i = 1; i <= 2000; i++) {
		LOOK;
		VERDICT;
		uint64_t seed = i;
		scramble(s, &seed);
		s->ledger.has_residency = i % 10;
		look_judge(s, &v);
		for (size_t k = 0; k < v.causes.count; k++)
			seen[v.causes.items[k].kind] = true;
	}
	for (int i = 0; i < CAUSE_NOTHING_WRONG; i++) {
		if (i != CAUSE_MALLOC_ENV_INEFFECTIVE && i != CAUSE_SWAPPED_OUT && !seen[i])
			fail_msg("%s never came", cause_kind_name((enum cause_kind)i));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frameworks),
		cmocka_unit_test(test_no_byte_is_told_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
