/*
 * ground: how it is made.
 *
 *	wanted ─▷ burst ─▷ plot ─▷ labels: recognise, claim, attribute ─▷ tables
 *
 * What the passes take beside the copy, two bytes a block and what orphans need, has its share of the
 * budget set aside before anything is copied.
 */
#include "inspector/census/ground.h"

#include "base/cleanup.h"
#include "base/count.h"
#include "inspector/census/copy/burst_stacks.h"
#include "inspector/census/passes/passes.h"
#include "inspector/census/plotting/plot_make.h"
#include "inspector/census/tables/arrays.h"
#include "inspector/census/tables/signatures.h"
#include "inspector/census/tables/strings.h"
#include "inspector/census/tables/tally.h"
#include "inspector/look/look.h"
#include "inspector/module.h"
#include "inspector/subject.h"
#include "inspector/target/savefile/savefile.h"

#define BESIDE        135        /* of 100: the copy and what is made of it */
#define OF_A_BLOCK    3          /* bytes, whether it is copied or not */
#define OURS          (16 * MIB) /* the program's own, types, tables */
#define COPY_LEAST    (4 * MIB)
#define SMALL_MAPPING MIB

/* ---- copying and plotting ------------------------------------------------------------- */

static struct error *know_shapes(const struct ground_request *request, struct ground *ground,
				 struct doubts *doubts)
{
	const struct python_build *build = &request->subject->build;
	const struct snapshot_target *target = &request->snapshot->target;
	bool unverified = false;
	struct error *err = shapes_fill(&build->layout, build->version_hex, build->free_threaded,
					target->debug_hooks, &ground->shapes, &unverified);
	if (!err && unverified)
		doubts_add(doubts, DOUBT_OBJECTS_UNKNOWN, DOUBT_NOTE, 1,
			   "objects of CPython %s are taken to be those of the newest known one",
			   *build->version ? build->version : "of an unknown version");
	return err;
}

/* Small ones: what libraries map for themselves. Where malloc is not walked all: objects lie in them. */
static struct error *find_mappings(const struct ground_request *request, struct burst_stacks *ret)
{
	const struct space *space = request->space;
	bool walked = malloc_look_walks(request->look->malloc);
	for (size_t i = 0; i < space->regions.count; i++) {
		const struct region *region = &space->regions.items[i];
		if (region->kind != REGION_ANON || !region->readable || !region->writable ||
		    region->shared || (walked && region->size > SMALL_MAPPING))
			continue;
		struct burst_range *range = vec_push(&ret->list);
		if (!range)
			return error_out_of_memory();
		*range = (struct burst_range){region->start, region->size};
	}
	return NULL;
}

static uint64_t count_blocks(const struct snapshot *snapshot)
{
	uint64_t n = 0;
	for (size_t i = 0; i < snapshot->interpreters.count; i++) {
		const struct pymalloc *p = &snapshot->interpreters.items[i].pymalloc;
		const struct mimalloc *m = &snapshot->interpreters.items[i].mimalloc;
		for (uint64_t c = 0; c < p->n_classes && c < PYMALLOC_CLASSES_MAX; c++)
			n += p->classes[c].used_blocks + p->classes[c].free_blocks;
		for (size_t k = 0; k < m->pages.count; k++)
			n += m->pages.items[k].capacity;
	}
	return n;
}

/* What of the budget is for the copy; 0: not even windows have room beside the rest. */
static uint64_t room_for_copy(const struct ground_request *request)
{
	uint64_t beside =
		size_add(size_multiply(count_blocks(request->snapshot), OF_A_BLOCK), OURS);
	uint64_t most = size_subtract(request->max_memory, beside);
	if (most < COPY_LEAST)
		return 0;
	return size_min(request->max_memory / BESIDE * 100,
			size_max(size_subtract(most, request->after), COPY_LEAST));
}

static struct error *copy(const struct ground_request *request, const struct burst_hold *hold,
			  struct ground *ground)
{
	_cleanup_(burst_stacks_fini) struct burst_stacks more = {VEC_EMPTY};
	struct error *err = burst_stacks_find(request->space, &request->look->frames, &more);
	err = err ?: find_mappings(request, &more);
	const struct burst_wanted_request wishes = {
		.space = request->space,
		.origin = &request->subject->origin,
		.look = request->look,
		.more = more.list.items,
		.n_more = more.list.count,
	};
	err = err ?: burst_wanted_find(&wishes, &ground->wanted);
	const struct burst_request burst = {
		.space = request->space,
		.wanted = ground->wanted.list.items,
		.n_wanted = ground->wanted.list.count,
		.max_memory = room_for_copy(request),
		.hold = hold,
	};
	err = err ?: burst_take(&burst, &ground->burst);
	ground->still = request->space->moment == SPACE_ONE || (!err && burst_still(ground->burst));
	return err;
}

static struct error *plot(const struct ground_request *request, struct ground *ground)
{
	const struct plot_request plot = {
		.burst = ground->burst,
		.look = request->look,
		.subject = request->subject,
		.snapshot = request->snapshot,
	};
	struct error *err = plot_make(&plot, &ground->plot);
	ground->still &= ground->plot.n_later == 0; /* what they own is in the copy */
	err = err ?: type_table_init(&ground->types, ground->burst, &ground->shapes, ground->space);
	return err ?: labels_init(&ground->labels, ground->plot.n_blocks);
}

/* ---- labels --------------------------------------------------------------------------- */

/* *ret_ended: the person had it end. */
static struct error *label(const struct ground_request *request, struct ground *ground,
			   bool *ret_ended)
{
	_cleanup_(crew_freep) struct crew *crew = NULL;
	struct error *err = crew_new(ground, &crew);
	if (err)
		return err;
	crew->request = request;
	crew->progress = request->progress;
	crew->progress_context = request->context;
	bool done = pass_recognise(crew) && pass_claim(crew) && pass_attribute(crew);
	*ret_ended = !done && !crew_failed(crew);
	return crew_failed(crew) ? error_out_of_memory() : NULL;
}

static struct error *fill_tables(const struct ground_request *request, struct ground *ground,
				 struct census *ret)
{
	struct error *err = tally_fill(ground, ret);
	err = err ?: signatures_fill(ground, request->contents, ret);
	err = err ?: arrays_fill(ground, ret);
	if (request->contents)
		err = err ?: strings_fill(ground, ret);
	ret->streamed = !burst_whole(ground->burst);
	ret->copied = burst_copied(ground->burst);
	ret->read_again = burst_windowed(ground->burst);
	ret->burst_us = burst_took(ground->burst);
	ret->filled = true;
	return err;
}

/* ---- doubts --------------------------------------------------------------------------- */

/* Shares of blocks that nothing explains, of 10000: on a quiet target, and on one that allocates at full speed. */
#define QUIET 1
#define BUSY  50

static void doubt(const struct ground *ground, const struct census *census, uint64_t max_memory,
		  struct doubts *doubts)
{
	uint64_t share = census->unexplained * 10000;
	if (share > census->blocks * QUIET)
		doubts_add(doubts, DOUBT_BLOCKS_UNEXPLAINED,
			   share > census->blocks * BUSY ? DOUBT_PARTIAL : DOUBT_NOTE,
			   census->unexplained,
			   "%s of %s blocks are nobody's; the lists of %s"
			   " pools were in motion",
			   COUNT(census->unexplained), COUNT(census->blocks),
			   COUNT(ground->plot.n_damaged));
	if (ground->n_moved)
		doubts_add(
			doubts, DOUBT_BLOCKS_UNEXPLAINED, DOUBT_NOTE, ground->n_moved,
			"%s of %s blocks changed hands while they were copied: of what they were is not "
			"known",
			COUNT(ground->n_moved), COUNT(census->blocks));
	if (census->streamed)
		doubts_add(doubts, DOUBT_CENSUS_STREAMED, DOUBT_NOTE, 1,
			   "within %s MiB of memory of our own %s"
			   " MiB were copied; the rest was read while it was looked through",
			   COUNT(max_memory / MIB), COUNT(census->copied / MIB));
	if (ground->labels.n_beyond)
		doubts_add(doubts, DOUBT_OBJECTS_UNKNOWN, DOUBT_NOTE, ground->labels.n_beyond,
			   "there are more sorts of objects than are told apart");
	if (ground->outside.n_untold)
		doubts_add(
			doubts, DOUBT_OBJECTS_UNKNOWN, DOUBT_NOTE, ground->outside.n_untold,
			"objects outside of the small-object allocator are more than were sought");
}

/* ---- attempts ------------------------------------------------------------------------- */

#define ATTEMPTS 3

struct attempt {
	unsigned n;
	bool held; /* one was */
	bool ended;
};

static void clear(struct ground *ground)
{
	outside_fini(&ground->outside);
	labels_fini(&ground->labels);
	plot_fini(&ground->plot);
	type_table_fini(&ground->types);
	burst_free(take(ground->burst));
	burst_wanted_fini(&ground->wanted);
	ground->n_moved = 0;
}

static struct error *attempt(const struct ground_request *request, struct ground *ground,
			     struct attempt *a)
{
	const struct burst_hold *hold = request->hold;
	bool holds = hold && !a->held && (hold->at_once || a->n);
	/* Arenas come and go; what is not mapped by now cannot be read. */
	struct error *err = origin_refresh(&request->subject->origin, request->space);
	err = err ?: copy(request, holds ? hold : NULL, ground);
	err = err ?: plot(request, ground);
	err = err ?: label(request, ground, &a->ended);
	a->held |= holds;
	a->n++;
	return err;
}

static uint64_t count_unexplained(const struct ground *ground)
{
	uint64_t n = 0;
	for (uint32_t b = 0; b < ground->plot.n_run_blocks; b++)
		n += ground->labels.of_block[b] == LABELS_UNEXPLAINED;
	return n;
}

/* Whether the copy is of so many moments that another is worth its time: one under a stop, where there is time for that,
 * else only where too much is left unexplained. */
static bool is_blurred(const struct ground_request *request, const struct ground *ground,
		       const struct attempt *a)
{
	const struct burst_hold *hold = request->hold;
	uint64_t unexplained = count_unexplained(ground), blocks = ground->plot.n_used;
	if (ground->still || a->ended || !origin_process(&request->subject->origin))
		return false;
	if (hold && !a->held && burst_copied(ground->burst) <= hold->most)
		return (unexplained + ground->n_moved) * 10000 > blocks * QUIET;
	return a->n < ATTEMPTS && unexplained * 10000 > blocks * BUSY;
}

static struct error *try(const struct ground_request *request, struct ground *ground,
			 bool *ret_ended)
{
	struct attempt a = {.n = 0};
	struct error *err = attempt(request, ground, &a);
	while (!err && is_blurred(request, ground, &a)) {
		clear(ground);
		err = attempt(request, ground, &a);
	}
	*ret_ended = a.ended;
	return err;
}

/* ---- the door ------------------------------------------------------------------------- */

static struct error *make(const struct ground_request *request, struct ground **ret,
			  struct census *ret_census, struct doubts *doubts)
{
	_cleanup_(ground_freep) struct ground *ground = calloc(1, sizeof(*ground));
	bool ended = false;
	if (!ground)
		return error_out_of_memory();
	ground->space = request->space;
	struct error *err = know_shapes(request, ground, doubts);
	/* Names of static types are constants: they may be in the file alone. */
	err = err ?: module_back_all(&request->subject->origin, request->space);
	err = err ?: try(request, ground, &ended);
	if (err || ended)
		return err;
	err = fill_tables(request, ground, ret_census);
	if (err)
		return err;
	doubt(ground, ret_census, request->max_memory, doubts);
	*ret = take(ground);
	return NULL;
}

/* Whoever blanks a snapshot of such a build keeps addresses alone: counts, sizes and characters are all gone. */
static bool is_blanked(const struct ground_request *request)
{
	const struct origin *origin = &request->subject->origin;
	const struct python_build *build = &request->subject->build;
	return origin->kind == ORIGIN_SAVEFILE && savefile_is_redacted(origin->source) &&
	       !shapes_tell_payloads(build->version_hex, build->free_threaded);
}

struct error *ground_make(const struct ground_request *request, struct ground **ret,
			  struct census *ret_census, struct doubts *doubts)
{
	if (is_blanked(request)) {
		doubts_add(
			doubts, DOUBT_OBJECTS_UNKNOWN, DOUBT_PARTIAL, 1,
			"of free-threaded builds from 3.14 on a snapshot without contents holds nothing "
			"that tells objects apart: save it with --contents");
		return NULL;
	}
	if (!room_for_copy(request)) {
		doubts_add(doubts, DOUBT_OBJECTS_UNKNOWN, DOUBT_PARTIAL, 1,
			   "what is in each block was not looked at: %s"
			   " MiB of memory of our own are too little",
			   COUNT(request->max_memory / MIB));
		return NULL;
	}
	struct error *err = make(request, ret, ret_census, doubts);
	if (err && err->kind == ERROR_UNSUPPORTED) {
		doubts_add(doubts, DOUBT_OBJECTS_UNKNOWN, DOUBT_PARTIAL, 1, "%s", err->cause);
		error_free(take(err));
	}
	return err;
}

void ground_free(struct ground *ground)
{
	if (!ground)
		return;
	clear(ground);
	free(ground);
}

uint64_t ground_memory(const struct ground *ground)
{
	uint64_t labels = (uint64_t)ground->plot.n_blocks * sizeof(*ground->labels.of_block);
	return size_add(burst_copied(ground->burst), labels + OURS);
}

bool ground_object(struct ground *ground, uint32_t block, struct object *ret)
{
	struct plot_place place;
	enum label_kind kind = labels_of(&ground->labels, block)->kind;
	if (kind != LABEL_OBJECT && kind != LABEL_FREE_LISTED)
		return false;
	plot_place(&ground->plot, block, &place);
	return object_in_block(&ground->types, raddr_at(place.start), place.size, ret);
}

/* ---- names ---------------------------------------------------------------------------- */

static const char *type_name(const struct ground *ground, uint32_t type)
{
	return type == TYPE_NONE ? "others" : type_table_get(&ground->types, type)->name;
}

static void add_object_name(const struct ground *ground, const struct label *label,
			    struct text *ret)
{
	text_add(ret, type_name(ground, label->type));
	if (label->of == TYPE_NONE)
		return;
	text_add(ret, " of ");
	text_add(ret, type_name(ground, label->of));
}

void ground_label_name(const struct ground *ground, const struct label *label, struct text *ret)
{
	switch (label->kind) {
	case LABEL_FREE:
		text_add(ret, "free");
		return;
	case LABEL_UNEXPLAINED:
		text_add(ret, "unexplained");
		return;
	case LABEL_BUFFER:
		text_add(ret, part_kind_name(label->part));
		return;
	case LABEL_GENERIC:
		add_object_name(ground, label, ret);
		text_add(ret, " buffer");
		return;
	case LABEL_OBJECT:
	case LABEL_FREE_LISTED:
		add_object_name(ground, label, ret);
		return;
	}
}
