/*
 * malloc_probe: one look at the malloc of a process, a core or a snapshot file, as lines of key=value, for
 * the integration tests: they ask for more than the verb shows.
 *
 *	malloc_probe PID|FILE [live|stop]                    its steps alone
 *	malloc_probe PID look|exact|no-pause [MAX_PAUSE_MS]   as part of a whole look
 */
#include "base/cleanup.h"
#include "inspector/inspector.h"
#include "inspector/malloc/malloc_look.h"
#include "inspector/target/core/core.h"
#include "inspector/target/process/process.h"
#include "inspector/target/reading/live.h"
#include "inspector/target/savefile/savefile.h"
#include "inspector/target/stop/freeze.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static void show(const char *name, uint64_t value)
{
	printf("%s=%" PRIu64 "\n", name, value);
}

static void show_maybe(const char *name, struct maybe value)
{
	if (value.known)
		show(name, value.value);
	else
		printf("%s=?\n", name);
}

static void show_info(const struct malloc_info *i)
{
	show("info.arena", i->arena);
	show("info.ordblks", i->ordblks);
	show("info.smblks", i->smblks);
	show("info.hblks", i->hblks);
	show("info.hblkhd", i->hblkhd);
	show("info.fsmblks", i->fsmblks);
	show("info.uordblks", i->uordblks);
	show("info.fordblks", i->fordblks);
	show("info.keepcost", i->keepcost);
}

static void show_settings(const struct malloc_settings *s)
{
	show("mmap_threshold", s->mmap_threshold);
	show("trim_threshold", s->trim_threshold);
	show("top_pad", s->top_pad);
	show("arena_max", s->arena_max);
	show("arena_test", s->arena_test);
	show("arena_limit", s->arena_limit);
	show("n_mmaps_max", s->n_mmaps_max);
	show_maybe("tcache_max", s->tcache_max);
	show("dynamic", s->dynamic);
	show("moved", s->moved);
	for (size_t i = 0; i < s->ineffective.count; i++)
		printf("ineffective=%s\n", s->ineffective.items[i]);
}

static void show_arena(const struct malloc_arena *a)
{
	printf("arena=0x%" PRIx64 " main=%d verified=%d heaps=%" PRIu64 " chunks=%" PRIu64
	       " attached=%" PRIu64 " system=%" PRIu64 " in_use=%" PRIu64 " tcache=%" PRIu64
	       " n_tcache=%" PRIu64 " fastbin=%" PRIu64 " free=%" PRIu64 " n_free=%" PRIu64
	       " top=%" PRIu64 " overhead=%" PRIu64 " trimmable=%" PRIu64 " stuck=%" PRIu64
	       " top_resident=%" PRIu64 " pin=0x%" PRIx64 " pin_size=%" PRIu64 " pin_below=%" PRIu64
	       " pin_cached=%d threads=",
	       a->address.value, a->main, a->verified, a->n_heaps, a->n_chunks, a->n_attached,
	       a->system, a->in_use, a->tcache, a->n_tcache, a->fastbin, a->free, a->n_free, a->top,
	       a->overhead, a->trimmable.value, a->stuck.value, a->top_resident.value,
	       a->pin.chunk.value, a->pin.size, a->pin.below, a->pin.cached);
	for (size_t i = 0; i < a->threads.count; i++)
		printf("%s%s", i ? "," : "", a->threads.items[i]);
	printf(" damage=%s\n", a->damage ? a->damage : "");
}

static void show_claims(struct claims *claims)
{
	uint64_t sizes[LEAF_COUNT] = {0}, present[LEAF_COUNT] = {0}, whole = 0;
	show("claims.dropped", claims_sort(claims));
	for (size_t i = 0; i < claims->list.count; i++) {
		const struct claim *c = &claims->list.items[i];
		whole += c->size;
		for (size_t k = 0; k < c->n_shares; k++) {
			sizes[c->shares[k].leaf] += c->shares[k].size;
			present[c->shares[k].leaf] += c->shares[k].tally.present;
		}
		if (getenv("MALLOC_PROBE_CLAIMS"))
			printf("claim=0x%" PRIx64 " %" PRIu64 "\n", c->start.value, c->size);
	}
	show("claims.size", whole);
	for (int leaf = 0; leaf < LEAF_COUNT; leaf++)
		if (sizes[leaf])
			printf("%s=%" PRIu64 " resident=%" PRIu64 "\n", leaf_key((enum leaf)leaf),
			       sizes[leaf], present[leaf]);
}

static struct error *open_target(const char *name, struct origin *ret)
{
	static const struct core_request request = {.exe = NULL};
	char magic[4] = {0};
	pid_t pid = (pid_t)strtol(name, NULL, 10);
	if (pid > 0 && strspn(name, "0123456789") == strlen(name))
		return process_origin(pid, ret);
	FILE *file = fopen(name, "rbe");
	size_t n = file ? fread(magic, 1, sizeof(magic), file) : 0;
	if (file)
		(void)fclose(file);
	return n == 4 && memcmp(magic, "ASCO", 4) == 0 ? savefile_origin(name, ret)
						       : core_origin(name, &request, ret);
}

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static struct error *walk_stopped(struct malloc_look *look, const struct origin *origin)
{
	const struct process *process = origin_process(origin);
	const struct freeze_request request = {
		.pid = process_pid(process), .proc = process_dir(process), .limit_us = 10000000};
	struct freeze *freeze;
	bool ready, all = false;
	struct error *err = malloc_look_prepare(look, true, 10000000, &ready);
	if (err || !ready)
		return err;
	err = freeze_start(&request, &freeze, NULL);
	if (err)
		return err;
	uint64_t start = now_us();
	err = malloc_look_copy(look, &all);
	show("copy_us", now_us() - start);
	show("stop_us", freeze_thaw(freeze).us);
	show("copied", all);
	return err || !all ? err : malloc_look_walk_copy(look);
}

static struct error *look_at(const struct origin *origin, struct space *space, const char *how,
			     struct malloc_account *account, struct claims *claims,
			     struct doubts *doubts)
{
	_cleanup_(malloc_look_freep) struct malloc_look *look = NULL;
	const struct malloc_look_request request = {
		.origin = origin, .space = space, .max_memory = 4 * GIB};
	uint64_t start = now_us();
	struct error *err = malloc_look_new(&request, &look);
	show("find_us", now_us() - start);
	start = now_us();
	if (!err)
		err = strcmp(how, "stop") == 0 ? walk_stopped(look, origin)
					       : malloc_look_walk(look);
	show("walk_us", now_us() - start);
	return err ?: malloc_look_finish(look, account, claims, doubts);
}

static void show_account(const struct malloc_account *account, const struct doubts *doubts)
{
	printf("implementation=%s\nversion=%s\nlibrary=%s\n",
	       malloc_implementation_name(account->implementation), account->version,
	       account->library ? account->library : "");
	show_info(&account->info);
	show_settings(&account->settings);
	show_maybe("trimmable", account->trimmable);
	show("n_mmapped", account->n_mmapped);
	show("mmapped", account->mmapped);
	show("mmapped_told", account->mmapped_told);
	show("n_arenas", account->arenas.count);
	for (size_t i = 0; i < account->arenas.count; i++)
		show_arena(&account->arenas.items[i]);
	for (size_t i = 0; i < doubts->list.count; i++)
		printf("doubt=%s %s\n", doubt_kind_name(doubts->list.items[i].kind),
		       doubts->list.items[i].detail);
}

/* Its steps alone, of any target. */
static struct error *probe_steps(const char *name, const char *how)
{
	_cleanup_(origin_close) struct origin origin = ORIGIN_EMPTY;
	_cleanup_(space_fini) struct space space = SPACE_EMPTY;
	_cleanup_(malloc_account_fini) struct malloc_account account = {.filled = false};
	_cleanup_(claims_fini) struct claims claims = CLAIMS_EMPTY;
	_cleanup_(doubts_fini) struct doubts doubts = {VEC_EMPTY};
	struct error *err = open_target(name, &origin);
	err = err ?: origin_space(&origin, &space);
	if (!err && origin_process(&origin))
		err = live_start_readers(&space);
	err = err ?: look_at(&origin, &space, how, &account, &claims, &doubts);
	if (err)
		return err;
	show_account(&account, &doubts);
	show_claims(&claims);
	return NULL;
}

/* As part of a whole look at a Python process. */
static struct error *probe_look(const char *name, const char *how, const char *max_pause)
{
	_cleanup_(inspector_closep) struct inspector *inspector = NULL;
	_cleanup_(snapshot_fini) struct snapshot *snapshot = NULL;
	const struct inspector_request request = {
		.kind = ORIGIN_LIVE,
		.pid = (pid_t)strtol(name, NULL, 10),
		.parts = LOOK_MALLOC | LOOK_LEDGER,
		.mode = *how == 'e'   ? LOOK_EXACT
			: *how == 'n' ? LOOK_NO_PAUSE
				      : LOOK_SETTLE,
		.asked_exact = *how == 'e',
		.max_pause_us = max_pause ? strtoull(max_pause, NULL, 10) * 1000 : 0,
	};
	struct error *err = inspector_enter();
	err = err ?: inspector_open(&request, &inspector);
	err = err ?: inspector_look(inspector, &snapshot);
	if (err)
		return err;
	printf("pause=%s\n", pause_mode_name(snapshot->pause.mode));
	show("stops", snapshot->pause.stops);
	show("longest_us", snapshot->pause.longest_us);
	show("total_us", snapshot->pause.total_us);
	show("elapsed_us", snapshot->elapsed_us);
	show_account(&snapshot->malloc, &snapshot->doubts);
	return NULL;
}

static struct error *probe(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[2] : "live";
	if (strcmp(how, "live") == 0 || strcmp(how, "stop") == 0)
		return probe_steps(argv[1], how);
	return probe_look(argv[1], how, argc > 3 ? argv[3] : NULL);
}

int main(int argc, char **argv)
{
	struct error *err = argc > 1 ? probe(argc, argv) : NULL;
	if (err)
		(void)fprintf(stderr, "malloc_probe: %s\n", err->cause);
	int code = err ? (int)err->kind : argc > 1 ? 0 : 2;
	error_free(err);
	return code;
}
