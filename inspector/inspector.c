/*
 * inspector: the pipeline of one look.
 *
 *	refresh maps → interpreters → copy live ┬→ agrees ──────────────────→ walk
 *	                                        ├→ settle: stop, copy again what disagrees
 *	                                        └→ exact: stop, copy everything
 *
 * Everything that touches the target comes before the walk; the walk works on the
 * copy. How the target is stopped, and how often, is look.c's.
 */
#include "inspector/inspector.h"

#include "base/cleanup.h"
#include "base/count.h"
#include "base/text.h"
#include "inspector/core_account.h"
#include "inspector/ledger/frame_extents.h"
#include "inspector/ledger/greenlet_extents.h"
#include "inspector/ledger/ledger_fill.h"
#include "inspector/ledger/pymalloc_claims.h"
#include "inspector/look/budget.h"
#include "inspector/look/footprint.h"
#include "inspector/look/look.h"
#include "inspector/look/look_pages.h"
#include "inspector/look/look_study.h"
#include "inspector/python/runtime.h"
#include "inspector/save/save.h"
#include "inspector/subject.h"
#include "inspector/target/cgroup.h"
#include "inspector/target/privilege.h"
#include "inspector/target/process/process.h"
#include "inspector/target/reading/haste.h"

#include <string.h>

struct inspector {
	struct inspector_request request;
	struct subject subject;
	struct look look;           /* copies are kept from look to look: their buffers are warm */
	struct footprint footprint; /* of the last look that was asked for the ledger */
	struct footprint *saved;    /* of the file that is being written; borrowed, or NULL */
	struct ledger_memory memory;
	struct look_study study; /* what the last look into every block stands on */
	uint64_t opened_us;      /* what opening cost; part of the first look's time */
	bool looked;
};

static uint64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct error *inspector_enter(void)
{
	cgroup_volunteer();
	return privilege_begin();
}

struct error *inspector_open(const struct inspector_request *request, struct inspector **ret)
{
	uint64_t start = now_us();
	struct inspector *inspector = calloc(1, sizeof(*inspector));
	if (!inspector)
		return error_out_of_memory();
	inspector->request = *request;
	if (request->repeating)
		haste_never();
	struct error *err = subject_open(request, &inspector->subject);
	if (err) {
		inspector_close(inspector);
		return err;
	}
	inspector->opened_us = now_us() - start;
	*ret = inspector;
	return NULL;
}

void inspector_close(struct inspector *inspector)
{
	if (!inspector)
		return;
	look_study_drop(&inspector->study);
	look_fini(&inspector->look);
	footprint_fini(&inspector->footprint);
	ledger_memory_fini(&inspector->memory);
	subject_fini(&inspector->subject);
	free(inspector);
}

void inspector_ask(struct inspector *inspector, unsigned parts)
{
	inspector->request.parts = parts;
}

bool inspector_alive(const struct inspector *inspector)
{
	return origin_alive(&inspector->subject.origin);
}

/* Strings of the facts move into the snapshot. */
static struct error *describe_target(const struct subject *s, struct snapshot_target *t)
{
	struct facts facts = FACTS_EMPTY;
	struct error *err = origin_facts(&s->origin, &facts);
	if (err)
		return err;
	t->kind = s->origin.kind;
	t->pid = facts.pid;
	t->uid = facts.uid;
	t->started_at = facts.started_at;
	t->taken_at = facts.taken_at;
	t->n_threads = facts.n_threads;
	t->signal = facts.signal;
	t->rss = facts.rss;
	t->peak_rss = facts.peak_rss;
	t->swap = facts.swap;
	t->at_work = facts.at_work;
	t->command = facts.label
			     ? take(facts.label)
			     : process_label(facts.cmdline.items, facts.cmdline.count, facts.comm);
	t->comm = take(facts.comm);
	t->exe = take(facts.exe);
	for (size_t i = 0; i < facts.cmdline.count; i++) {
		char **argument = vec_push(&t->cmdline);
		if (argument)
			*argument = take(facts.cmdline.items[i]);
	}
	t->system_memory = facts.system_memory;
	facts_fini(&facts);
	uint64_t available;
	if (!t->system_memory)
		process_machine_memory(&t->system_memory, &available);
	return NULL;
}

static void describe_modules(const struct subject *s, struct snapshot *ret)
{
	const struct module *m = &s->module;
	struct text names = TEXT_EMPTY;
	for (size_t i = 0; i < m->candidates.list.count; i++) {
		const struct candidate *from = &m->candidates.list.items[i];
		struct snapshot_module *to = vec_push(&ret->target.modules);
		if (!to)
			break;
		*to = (struct snapshot_module){strdup(from->path), from->image.start,
					       from->image.build_id, from->use, i == m->chosen};
		if (i == m->chosen || from->use < m->candidates.list.items[m->chosen].use)
			continue;
		text_add(&names, names.length ? ", " : "");
		text_add_escaped(&names, from->path, strlen(from->path));
	}
	size_t rivals = candidates_rivals(&m->candidates, m->chosen);
	if (rivals)
		doubts_add(&ret->doubts, DOUBT_SEVERAL_RUNTIMES, DOUBT_NOTE, rivals,
			   "this is one of several Python runtimes in the process; not looked "
			   "at: %s",
			   text_string(&names));
	text_fini(&names);
}

/* A process is asked until its lists stand still, and that was done before it was saved; what of them was copied then may be of two
 * moments, or of one inside an update. The walk tells what matters. */
static void doubt_structure(const struct subject *s, struct doubts *doubts)
{
	const char *why = s->scan.why ?: "?";
	if (s->origin.kind == ORIGIN_SAVEFILE)
		doubts_add(doubts, DOUBT_MOMENTS, DOUBT_NOTE, 1,
			   "the allocator's lists changed while they were saved: %s", why);
	else
		doubts_add(doubts, DOUBT_STRUCTURE, DOUBT_INCONSISTENT, 1,
			   "symbols and memory disagree: %s", why);
}

/* What one object says of another may be older than that. */
static void doubt_moments(const struct snapshot_target *t, struct doubts *doubts)
{
	if (t->at_work)
		doubts_add(doubts, DOUBT_MOMENTS, DOUBT_NOTE, 1,
			   "it worked while it was saved: what leads to an object may be of "
			   "another moment than the object");
}

/* What is known by structure only, or against it. */
static void describe_scan(const struct subject *s, struct doubts *doubts)
{
	const struct python_build *build = &s->build;
	if (build->unverified)
		doubts_add(doubts, DOUBT_LAYOUT_UNVERIFIED, DOUBT_NOTE, 1,
			   "unverified layout: CPython %s is not known; its heap has the shape of "
			   "the newest known one",
			   *build->version ? build->version : "of an unknown version");
	if (build->no_debug_info && build->why)
		doubts_add(doubts, DOUBT_DEBUG_INFO, DOUBT_NOTE, 1, "not used: %s", build->why);
	if (s->scan.verdict == SCAN_DISAGREES)
		doubt_structure(s, doubts);
}

static struct error *describe_build(const struct subject *s, struct snapshot *ret)
{
	const struct python_build *build = &s->build;
	struct snapshot_target *t = &ret->target;
	memcpy(t->version, build->version, sizeof(t->version));
	t->version_hex = build->version_hex;
	t->debug_build = build->debug_build;
	t->free_threaded = build->free_threaded;
	t->build_id = s->module.image.build_id;
	t->module = s->module.path ? strdup(s->module.path) : NULL;
	ret->symbols.layout = build->layout_source;
	ret->symbols.roots = build->roots_source;
	ret->symbols.debug_file = build->debug_file ? strdup(build->debug_file) : NULL;
	describe_modules(s, ret);
	if (origin_process(&s->origin) && !space_has_residency(&s->space))
		doubts_add(&ret->doubts, DOUBT_RESIDENCY, DOUBT_NOTE, 1,
			   "its pagemap may not be read");
	if (s->module.by_hand)
		doubts_add(&ret->doubts, DOUBT_UNVERIFIED, DOUBT_NOTE, 1,
			   "the core does not hold the interpreter's build-id: the file given with "
			   "--exe is taken on trust");
	else if (s->module.image.build_id.size == 0 || (s->module.file >= 0 && !s->module.verified))
		doubts_add(&ret->doubts, DOUBT_UNVERIFIED, DOUBT_NOTE, 1,
			   "%s has no build-id: its file is taken on trust", "the interpreter");
	doubt_moments(t, &ret->doubts);
	describe_scan(s, &ret->doubts);
	return NULL;
}

/* Facts from the copies: one interpreter after the other. */
static struct error *walk(struct inspector *inspector, struct snapshot *ret)
{
	const struct layout *layout = &inspector->subject.build.layout;
	struct look *look = &inspector->look;
	for (size_t i = 0; i < look->runtime.interpreters.count; i++) {
		const struct runtime_interpreter *from = &look->runtime.interpreters.items[i];
		struct snapshot_interpreter *to = vec_push(&ret->interpreters);
		if (!to)
			return error_out_of_memory();
		to->id = from->id;
		to->shares_main = from->shares_main;
		to->readable = from->readable;
		look_hand_over_free_lists(look, i, to);
		struct error *err = look->mimalloc ? mimalloc_walk(look->mimalloc, i, &to->mimalloc,
								   &ret->doubts)
						   : NULL;
		if (err)
			return err;
		if (!from->has_heap) {
			to->pymalloc.raw_allocated_blocks = maybe_known(0);
			continue;
		}
		err = pymalloc_walk(look->copies.items[i], layout, &from->roots, &to->pymalloc,
				    &ret->doubts);
		if (err)
			return err;
	}
	return look_block_counters(look, ret);
}

/* Before anything is read: reading changes what is resident. */
static struct error *take_footprint(struct inspector *inspector)
{
	struct subject *s = &inspector->subject;
	inspector->look.residency = NULL;
	inspector->look.footprint = inspector->saved;
	if (!(inspector->request.parts & LOOK_LEDGER))
		return NULL;
	struct error *err = footprint_take(&s->origin, &s->space, inspector->request.repeating,
					   &inspector->footprint);
	struct footprint *footprint = &inspector->footprint;
	inspector->look.footprint = err ? NULL : footprint;
	inspector->look.residency = !err && footprint->has_residency ? &footprint->residency : NULL;
	return err;
}

static void doubt_footprint(const struct footprint *footprint, struct doubts *doubts)
{
	if (!footprint->has_residency)
		doubts_add(doubts, DOUBT_RESIDENCY, DOUBT_NOTE, 1,
			   "what was in RAM is not known: sizes are those of mappings");
	if (footprint->untold)
		doubts_add(doubts, DOUBT_RESIDENCY, DOUBT_PARTIAL, 1,
			   "%s MiB of mappings are too large to ask for page by page",
			   COUNT(footprint->untold / MIB));
	if (footprint->unsure)
		doubts_add(
			doubts, DOUBT_RESIDENCY, DOUBT_NOTE, 1,
			"this kernel does not tell whether %s KiB are shared with another process or pages of zeros",
			COUNT(footprint->unsure / KIB));
}

/* In the order of the ledger's keys: of two claims to the same memory the first counts. */
static struct error *collect_claims(const struct look *look, const struct snapshot *snapshot,
				    const struct residency *residency, struct claims *to)
{
	struct error *err = NULL;
	for (size_t i = 0; i < snapshot->interpreters.count && !err; i++)
		err = pymalloc_claim(&snapshot->interpreters.items[i].pymalloc, residency, to);
	if (!err && look->mimalloc)
		err = mimalloc_claims(look->mimalloc, to);
	return err ?: claims_join(to, &look->claims);
}

static struct error *tell_ledger(struct inspector *inspector, struct snapshot *ret)
{
	_cleanup_(claims_fini) struct claims claims = CLAIMS_EMPTY;
	_cleanup_(extents_fini) struct extents extents = EXTENTS_EMPTY;
	struct subject *s = &inspector->subject;
	const struct footprint *footprint = &inspector->footprint;
	const struct residency *residency = footprint->has_residency ? &footprint->residency : NULL;
	if (!(inspector->request.parts & LOOK_LEDGER))
		return NULL;
	doubt_footprint(footprint, &ret->doubts);
	struct error *err = collect_claims(&inspector->look, ret, residency, &claims);
	err = err ?: frame_extents(&inspector->look.frames, &footprint->threads, &extents);
	err = err ?: greenlet_extents(&s->space, &s->build, &inspector->look.frames, &extents);
	if (err)
		return err;
	(void)claims_sort(&claims);
	ret->purse = footprint->account.purse;
	const struct ledger_request request = {
		.space = &s->space,
		.residency = residency,
		.account = &footprint->account,
		.threads = &footprint->threads,
		.pid = ret->target.pid,
		.claims = &claims,
		.extents = &extents,
		.runtime = &s->module.image,
		.allocator = ledger_find_allocator(&s->space),
		.memory = inspector->request.repeating ? &inspector->memory : NULL,
	};
	return ledger_fill(&request, &ret->ledger);
}

struct ground *inspector_ground(struct inspector *inspector)
{
	return inspector->study.ground;
}

bool inspector_contents(const struct inspector *inspector)
{
	return inspector->request.contents;
}

const struct graph *inspector_graph(const struct inspector *inspector)
{
	return inspector->study.graph;
}

/* What takes reading again what was copied: not for a dashboard's tick. */
static struct error *look_closer(struct inspector *inspector, struct snapshot *ret)
{
	return inspector->request.repeating
		       ? NULL
		       : look_pages(&inspector->subject, inspector->look.residency, ret);
}

/* Why, from all that was found. */
static struct error *tell_verdict(struct inspector *inspector, struct snapshot *ret)
{
	struct verdict verdict = {.filled = false};
	if (!(inspector->request.parts & LOOK_VERDICT))
		return NULL;
	struct error *err = look_closer(inspector, ret);
	err = err ?: verdict_make(ret, &verdict);
	if (err)
		return err;
	verdict_fini(&ret->verdict);
	ret->verdict = verdict;
	return NULL;
}

static struct error *look_once(struct inspector *inspector, struct snapshot *ret)
{
	struct subject *s = &inspector->subject;
	struct error *err = describe_target(s, &ret->target);
	err = err ?: describe_build(s, ret);
	core_account_doubts(&s->origin, &ret->doubts);
	err = err ?: take_footprint(inspector);
	err = err ?: look_copy(&inspector->look, &inspector->request, s, ret);
	err = err ?: walk(inspector, ret);
	err = err ?: tell_ledger(inspector, ret);
	err = err
		      ?: look_study_take(&inspector->study, &inspector->request, s,
					 &inspector->look, ret);
	err = err ?: tell_verdict(inspector, ret);
	if (origin_process(&s->origin))
		clock_gettime(CLOCK_REALTIME, &ret->target.taken_at);
	return err ?: origin_check(&s->origin);
}

struct error *inspector_look(struct inspector *inspector, struct snapshot **ret)
{
	uint64_t start = now_us();
	_cleanup_(snapshot_fini) struct snapshot *snapshot = snapshot_new();
	if (!snapshot)
		return error_out_of_memory();
	/* Also the first time: reading DWARF took a while. */
	struct subject *s = &inspector->subject;
	if (look_study_asked(&inspector->request))
		look_study_drop(&inspector->study);
	struct error *err = origin_refresh(&s->origin, &s->space);
	err = err ?: look_once(inspector, snapshot);
	if (err) {
		struct error *gone = origin_check(&s->origin);
		if (gone) {
			error_free(err);
			return gone;
		}
		return core_account_blame(&s->origin, err);
	}
	snapshot->elapsed_us = now_us() - start + (inspector->looked ? 0 : inspector->opened_us);
	inspector->looked = true;
	*ret = take(snapshot);
	return NULL;
}

static struct error *look_for_save(void *context, enum look_mode mode, struct footprint *footprint,
				   struct snapshot **ret)
{
	struct inspector *inspector = context;
	const struct inspector_request asked = inspector->request;
	inspector->saved = footprint;
	inspector->request.mode = mode;
	inspector->request.parts = LOOK_FRAMES; /* what it reads goes into the file as it is */
	struct error *err = inspector_look(inspector, ret);
	inspector->request = asked;
	inspector->saved = inspector->look.footprint = NULL;
	return err;
}

struct error *inspector_save(struct inspector *inspector, const struct inspector_save *to,
			     struct inspector_saved *ret)
{
	const struct save_source source = {
		.request = &inspector->request,
		.subject = &inspector->subject,
		.look = &inspector->look,
		.take_look = look_for_save,
		.context = inspector,
	};
	struct error *err = save_write(&source, to, ret);
	struct error *gone = err ? origin_check(&inspector->subject.origin) : NULL;
	if (!gone)
		return err;
	error_free(err);
	return gone;
}

struct error *inspector_blocks(struct inspector *inspector, const struct snapshot *snapshot,
			       raddr address, struct pymalloc_blocks *ret)
{
	struct subject *s = &inspector->subject;
	struct error *err = origin_check(&s->origin);
	if (err)
		return err;
	for (size_t i = 0; i < snapshot->interpreters.count; i++) {
		const struct pymalloc *p = &snapshot->interpreters.items[i].pymalloc;
		if (pymalloc_find_arena(p, address))
			return pymalloc_blocks_read(&s->space, &s->build.layout, p, address, ret);
	}
	return error_new(ERROR_FAULT, RADDR_FORMAT " lies in no pymalloc arena", address.value);
}
