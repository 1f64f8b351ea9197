/* accounts: figures of round sizes, so that a golden text can be added up by hand. */
#include "accounts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void sum_up(struct ledger *ledger)
{
	ledger->filled = true;
	ledger->rss = ledger->swapped = 0;
	for (int i = 0; i < LEAF_COUNT; i++) {
		ledger->rss += ledger->lines[i].tally.present;
		ledger->swapped += ledger->lines[i].tally.swapped;
	}
	ledger->unexplained = ledger->lines[LEAF_ANON_UNKNOWN].tally.present;
}

void accounts_set(struct ledger *ledger, enum leaf leaf, uint64_t bytes)
{
	ledger->lines[leaf].size = bytes + bytes / 4;
	ledger->lines[leaf].tally.present = bytes;
	sum_up(ledger);
}

static void add_detail(struct ledger *ledger, enum leaf leaf, const char *name, uint64_t bytes)
{
	struct ledger_detail *d = vec_push(&ledger->lines[leaf].details);
	if (!d)
		abort();
	d->name = strdup(name);
	d->size = bytes + bytes / 4;
	d->tally.present = bytes;
}

static void add_files(struct ledger *ledger)
{
	ledger->has_residency = true;
	accounts_set(ledger, LEAF_FILE_TEXT, 38 * MIB);
	add_detail(ledger, LEAF_FILE_TEXT, "/usr/lib/x86_64-linux-gnu/libpython3.12.so.1.0",
		   4 * MIB);
	add_detail(ledger, LEAF_FILE_TEXT, "/usr/lib/evil\x1b[31m.so", 3 * MIB);
	add_detail(ledger, LEAF_FILE_TEXT, "/usr/lib/x86_64-linux-gnu/libc.so.6", 2 * MIB);
	add_detail(ledger, LEAF_FILE_TEXT, "/usr/lib/x86_64-linux-gnu/libm.so.6", 1 * MIB);
	add_detail(ledger, LEAF_FILE_TEXT, "/usr/lib/x86_64-linux-gnu/libz.so.1", 96 * KIB);
	accounts_set(ledger, LEAF_FILE_DATA, 6 * MIB);
	accounts_set(ledger, LEAF_PYTHON_STATIC, 700 * KIB);
	accounts_set(ledger, LEAF_STACK_MAIN, 132 * KIB);
	accounts_set(ledger, LEAF_STACK_THREADS, 3 * MIB);
	add_detail(ledger, LEAF_STACK_THREADS, "worker-1", 1 * MIB);
	accounts_set(ledger, LEAF_ANON_BSS, 1 * MIB);
	accounts_set(ledger, LEAF_ANON_UNKNOWN, 12 * MIB);
	for (int i = 0; i < 12; i++) {
		char name[40];
		snprintf(name, sizeof(name), "0x7f3a%06x00-0x7f3a%06x00 rw-p", 0x400000 + 64 * i,
			 0x400000 + 64 * i + 32);
		add_detail(ledger, LEAF_ANON_UNKNOWN, name, (uint64_t)(12 - i) * 128 * KIB);
	}
	accounts_set(ledger, LEAF_KERNEL_SPECIAL, 4 * KIB);
	ledger->rss_kernel = maybe_known(ledger->rss);
}

/* ---- malloc ------------------------------------------------------------------------------ */

static struct malloc_arena *add_arena(struct malloc_account *account, uint64_t address)
{
	struct malloc_arena *a = vec_push(&account->arenas);
	if (!a)
		abort();
	a->address = raddr_at(address);
	a->main = account->arenas.count == 1;
	a->n_heaps = 1;
	a->verified = true;
	return a;
}

static void add_thread(struct malloc_arena *a, const char *name)
{
	char **to = (char **)vec_push(&a->threads);
	if (!to)
		abort();
	*to = strdup(name);
	a->n_attached++;
}

static void fill_arena(struct malloc_arena *a, uint64_t in_use, uint64_t free, uint64_t top)
{
	a->in_use = in_use;
	a->n_chunks = in_use / 4096;
	a->tcache = 48 * KIB;
	a->n_tcache = 300;
	a->free = free;
	a->n_free = free / (64 * KIB);
	a->top = top;
	a->overhead = 2 * KIB;
	a->system = a->max_system = in_use + a->tcache + free + top + a->overhead;
	a->free_resident = maybe_known(free - free / 16);
	a->top_resident = maybe_known(top);
	a->trimmable = maybe_known(free - free / 8);
	a->stuck = maybe_known(free / 16);
}

static void set_glibc(struct malloc_account *account)
{
	account->filled = true;
	account->implementation = MALLOC_GLIBC;
	strcpy(account->version, "2.36");
	account->library = strdup("/usr/lib/x86_64-linux-gnu/libc.so.6");
	account->has_settings = true;
	account->settings = (struct malloc_settings){
		.mmap_threshold = 128 * KIB,
		.trim_threshold = 128 * KIB,
		.top_pad = 128 * KIB,
		.arena_limit = 64,
		.n_mmaps_max = 65536,
		.tcache_max = maybe_known(1032),
		.dynamic = true,
	};
}

static void set_sums(struct malloc_account *account)
{
	struct malloc_info *info = &account->info;
	account->has_info = true;
	account->trimmable = maybe_known(0);
	for (size_t i = 0; i < account->arenas.count; i++) {
		const struct malloc_arena *a = &account->arenas.items[i];
		account->trimmable.value += a->trimmable.value;
		info->arena += a->system;
		info->ordblks += a->n_free + 1;
		info->uordblks += a->in_use + a->tcache;
		info->fordblks += a->free + a->top;
		info->keepcost += a->main ? a->top : 0;
	}
	info->hblks = account->n_mmapped = account->n_mmapped_told = 12;
	info->hblkhd = account->mmapped = account->mmapped_told = 45 * MIB;
}

void accounts_pinned(struct snapshot *s)
{
	struct ledger *ledger = &s->ledger;
	add_files(ledger);
	accounts_set(ledger, LEAF_PYMALLOC_LIVE, 276 * MIB);
	accounts_set(ledger, LEAF_PYMALLOC_FREE_BLOCKS, 361 * MIB);
	accounts_set(ledger, LEAF_PYMALLOC_FREE_POOLS, 1020 * MIB);
	accounts_set(ledger, LEAF_PYMALLOC_OVERHEAD, 9 * MIB);
	accounts_set(ledger, LEAF_MALLOC_LIVE, 110 * MIB);
	accounts_set(ledger, LEAF_MALLOC_MMAPPED, 45 * MIB);
	accounts_set(ledger, LEAF_MALLOC_FREE_TRIMMABLE, 9 * MIB);
	accounts_set(ledger, LEAF_MALLOC_FREE_STUCK, 2 * MIB);
	accounts_set(ledger, LEAF_MALLOC_TOP, 120 * KIB);
	ledger->rss_kernel = maybe_known(ledger->rss + 84 * KIB);
	ledger->peak_rss = maybe_known(2310 * MIB);
	s->target.rss = ledger->rss_kernel.value;
	s->target.peak_rss = ledger->peak_rss.value;
	set_glibc(&s->malloc);
	fill_arena(add_arena(&s->malloc, 0x7f3a5ffbec60), 110 * MIB, 11 * MIB, 120 * KIB);
	add_thread(&s->malloc.arenas.items[0], "celery");
	set_sums(&s->malloc);
}

static void set_purse(struct purse *purse)
{
	*purse = (struct purse){
		.version = 2,
		.current = maybe_known(3700 * MIB),
		.limit = maybe_known(4 * GIB),
		.high = {.absent = true},
		.peak = maybe_known(4090 * MIB),
		.oom_events = maybe_known(2),
		.headroom = maybe_known(400 * MIB),
		.share_ppm = maybe_known(967000),
	};
}

static void add_arenas(struct malloc_account *account)
{
	struct malloc_arena *main = add_arena(account, 0x7f3a5ffbec60);
	fill_arena(main, 310 * MIB, 320 * MIB, 12 * KIB);
	main->fastbin = 3 * KIB;
	main->pin = (struct malloc_pin){raddr_at(0x55d0c0ffee00), 60 * KIB, 300 * MIB, false};
	add_thread(main, "gunicorn");
	add_thread(main, "gunicorn");
	for (int i = 1; i < 37; i++) {
		struct malloc_arena *a =
			add_arena(account, 0x7f3a10000030 + (uint64_t)i * 64 * MIB);
		fill_arena(a, (uint64_t)i * 20 * KIB, 56 * MIB, 5 * MIB);
		if (i < 8) {
			struct malloc_arena *user = &account->arenas.items[i];
			add_thread(user, i == 3 ? "evil\x1b[2J" : "ThreadPoolExecu");
			add_thread(user, "worker");
		}
	}
	account->arenas.items[5].pin =
		(struct malloc_pin){raddr_at(0x7f3a24001000), 80, 40 * MIB, true};
	account->arenas.items[9].verified = false;
	account->arenas.items[9].damage = strdup("chunk 0x7f3a34001000 has a size of 0\x1b");
}

void accounts_glibc(struct snapshot *s)
{
	struct ledger *ledger = &s->ledger;
	add_files(ledger);
	accounts_set(ledger, LEAF_PYMALLOC_LIVE, 590 * MIB);
	accounts_set(ledger, LEAF_PYMALLOC_FREE_BLOCKS, 20 * MIB);
	accounts_set(ledger, LEAF_PYMALLOC_FREE_POOLS, 6 * MIB);
	accounts_set(ledger, LEAF_PYMALLOC_OVERHEAD, 3 * MIB);
	accounts_set(ledger, LEAF_MALLOC_LIVE, 323 * MIB);
	accounts_set(ledger, LEAF_MALLOC_MMAPPED, 45 * MIB);
	accounts_set(ledger, LEAF_MALLOC_TCACHE, 2 * MIB);
	accounts_set(ledger, LEAF_MALLOC_FREE_TRIMMABLE, 2044 * MIB);
	accounts_set(ledger, LEAF_MALLOC_FREE_STUCK, 146 * MIB);
	accounts_set(ledger, LEAF_MALLOC_TOP, 180 * MIB);
	accounts_set(ledger, LEAF_MALLOC_LAZYFREE, 24 * MIB);
	accounts_set(ledger, LEAF_SHARED_MEMORY, 64 * MIB);
	ledger->lines[LEAF_MALLOC_FREE_TRIMMABLE].tally.huge = 512 * MIB;
	ledger->lines[LEAF_PYMALLOC_LIVE].tally.swapped = 31 * MIB;
	ledger->lines[LEAF_PYMALLOC_LIVE].tally.shared = 12 * MIB;
	ledger->lines[LEAF_MALLOC_LAZYFREE].lazy_free = maybe_known(24 * MIB);
	add_detail(ledger, LEAF_SHARED_MEMORY, "/dev/shm/psm_1f3a", 64 * MIB);
	sum_up(ledger);
	ledger->rss_kernel = maybe_known(ledger->rss - 128 * KIB);
	ledger->peak_rss = maybe_known(3900 * MIB);
	ledger->pss = maybe_known(ledger->rss - 40 * MIB);
	ledger->swap = maybe_known(31 * MIB);
	ledger->lazy_free = maybe_known(24 * MIB);
	s->target.rss = ledger->rss_kernel.value;
	s->target.peak_rss = ledger->peak_rss.value;
	s->target.swap = 31 * MIB;
	set_purse(&s->purse);
	set_glibc(&s->malloc);
	add_arenas(&s->malloc);
	set_sums(&s->malloc);
	s->malloc.settings.mmap_threshold = 32 * MIB;
	s->malloc.settings.trim_threshold = 64 * MIB;
	s->malloc.settings.moved = true;
	const char **late = (const char **)vec_push(&s->malloc.settings.ineffective);
	if (!late)
		abort();
	*late = "MALLOC_ARENA_MAX";
}

void accounts_core(struct snapshot *s)
{
	accounts_glibc(s);
	s->target.kind = ORIGIN_CORE;
	struct ledger *ledger = &s->ledger;
	ledger->has_residency = false;
	ledger->rss = ledger->swapped = ledger->unexplained = 0;
	ledger->rss_kernel = ledger->peak_rss = ledger->pss = ledger->swap = (struct maybe){0};
	ledger->lazy_free = (struct maybe){0};
	for (int i = 0; i < LEAF_COUNT; i++) {
		ledger->lines[i].tally = (struct residency_tally){0};
		ledger->lines[i].lazy_free = (struct maybe){0};
		for (size_t k = 0; k < ledger->lines[i].details.count; k++)
			ledger->lines[i].details.items[k].tally = (struct residency_tally){0};
	}
	for (size_t i = 0; i < s->malloc.arenas.count; i++) {
		struct malloc_arena *a = &s->malloc.arenas.items[i];
		a->free_resident = a->top_resident = a->trimmable = a->stuck = (struct maybe){0};
	}
	s->malloc.trimmable = (struct maybe){0};
	s->purse = (struct purse){0};
}

void accounts_jemalloc(struct snapshot *s)
{
	struct ledger *ledger = &s->ledger;
	add_files(ledger);
	accounts_set(ledger, LEAF_PYMALLOC_LIVE, 30 * MIB);
	accounts_set(ledger, LEAF_PYMALLOC_FREE_BLOCKS, 2 * MIB);
	accounts_set(ledger, LEAF_MALLOC_OPAQUE, 372 * MIB);
	ledger->rss_kernel = maybe_known(ledger->rss);
	s->target.rss = ledger->rss;
	s->target.peak_rss = ledger->rss;
	s->purse = (struct purse){.version = 1,
				  .current = maybe_known(500 * MIB),
				  .limit = {.absent = true},
				  .oom_events = maybe_known(0)};
	s->malloc.filled = true;
	s->malloc.implementation = MALLOC_JEMALLOC;
	s->malloc.library = strdup("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2");
}
