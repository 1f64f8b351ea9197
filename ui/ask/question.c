/*
 * question: whom a verb is about, what is asked of the inspector, and what is said beside the answer.
 */
#include "ui/ask/question.h"

#include "base/cleanup.h"
#include "ui/output.h"
#include "ui/report/caveat.h"
#include "ui/report/ps.h"

uint64_t question_elapsed_ms(const struct question *q)
{
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)(now.tv_sec - q->start.tv_sec) * 1000 + (uint64_t)(now.tv_nsec / 1000000) -
	       (uint64_t)(q->start.tv_nsec / 1000000);
}

struct json_request question_json(const struct question *q)
{
	return (struct json_request){
		.verb = verb_words(q->options->verb)->name,
		.elapsed_ms = question_elapsed_ms(q),
		.limit = q->options->limit,
		.contents = q->options->contents,
	};
}

struct page question_page(const struct question *q)
{
	return (struct page){&q->answer->text, q->style};
}

/* ---- whom -------------------------------------------------------------------------------- */

static void note_matches(const struct question *q, struct listing *matches)
{
	struct style plain = *q->style;
	plain.color = false;
	struct page page = {&q->answer->notes, &plain};
	ps_sort(matches, NULL);
	ps_write(&page, matches, 0);
}

struct error *question_find_target(struct question *q)
{
	_cleanup_(listing_fini) struct listing matches = {0};
	struct error *err = target_find(q->options, &q->target, &matches);
	if (err && matches.entries.count)
		note_matches(q, &matches);
	q->answer->pid = q->target.pid;
	return err;
}

static enum look_mode mode_of(const struct options *o)
{
	if (o->no_pause || o->verb == VERB_TOP)
		return LOOK_NO_PAUSE;
	if (o->exact || o->verb == VERB_STATS)
		return LOOK_EXACT;
	return LOOK_SETTLE;
}

static unsigned parts_of(const struct question *q)
{
	switch ((int)q->options->verb) {
	case VERB_DUMP:
		return LOOK_LEDGER | LOOK_MALLOC | LOOK_VERDICT | LOOK_LENGTHS;
	case VERB_WHY: /* its first phase */
		return LOOK_LEDGER | LOOK_MALLOC | LOOK_VERDICT;
	case VERB_STATS:
		return LOOK_LENGTHS;
	case VERB_TYPES:
		return LOOK_CENSUS;
	case VERB_OBJECT:
		return LOOK_HOLDERS;
	case VERB_DIFF:
		return LOOK_LEDGER | LOOK_MALLOC | LOOK_HOLDERS;
	case VERB_LEDGER:
		return LOOK_LEDGER;
	case VERB_MALLOC:
		return LOOK_MALLOC;
	case VERB_TOP: /* of a file one look is all there is */
		return LOOK_LEDGER | LOOK_LENGTHS |
		       (q->target.kind == ORIGIN_LIVE ? 0 : LOOK_MALLOC);
	default:
		return 0;
	}
}

struct inspector_request question_request(const struct question *q)
{
	const struct options *o = q->options;
	return (struct inspector_request){
		.kind = q->target.kind,
		.pid = q->target.pid,
		.path = q->target.path,
		.mode = mode_of(o),
		.parts = parts_of(q),
		.asked_exact = o->exact,
		.max_pause_us = o->max_pause_us,
		.repeating = o->verb == VERB_TOP,
		.symbols = o->symbols,
		.module = o->module,
		.no_cache = o->no_cache,
		.max_memory = o->max_memory,
		.more = q->more,
		.traces = q->traces,
		.contents = o->contents,
		.writes = o->output && output_needs_override(o->output, q->answer->pid),
		.core = {.exe = o->exe,
			 .sysroot = o->sysroot,
			 .tmp = o->tmp,
			 .max_tmp = o->max_tmp},
	};
}

struct error *question_open(const struct question *q, struct inspector **ret)
{
	struct inspector_request request = question_request(q);
	return inspector_open(&request, ret);
}

struct error *question_about(const struct question *q, const char *word, struct options *options,
			     struct question *ret)
{
	*options = *q->options;
	options->pid = options->core = options->read = NULL;
	options->target = word;
	*ret = *q;
	ret->options = options;
	struct error *err = question_find_target(ret);
	q->answer->pid = q->target.pid;
	return err;
}

static void note_sources(struct text *notes, const struct snapshot *s)
{
	text_addf(notes, "arenascope: layout: %s, addresses: %s, debug file: ",
		  provenance_name(s->symbols.layout), provenance_name(s->symbols.roots));
	page_quote(notes, s->symbols.debug_file ?: "none needed");
	text_add(notes, "\n");
}

void question_note_doubts(struct text *notes, const struct doubts *doubts, bool quiet)
{
	for (size_t i = 0; i < doubts->list.count; i++) {
		const struct doubt *doubt = &doubts->list.items[i];
		if (quiet && doubt->severity == DOUBT_NOTE)
			continue;
		text_addf(notes,
			  "arenascope: %s, %s (%llu): ", doubt_severity_name(doubt->severity),
			  doubt_kind_name(doubt->kind), (unsigned long long)doubt->count);
		page_quote(notes, doubt->detail ?: "no detail");
		text_addf(notes, " (%s)\n", caveat_meaning(doubt->kind));
	}
}

/* The picture verbs tell pause and doubts themselves; stats may print nothing but its text. */
void question_note_look(const struct question *q, const struct snapshot *s)
{
	const struct options *o = q->options;
	struct text *notes = &q->answer->notes;
	char moment[CAVEAT_PAUSE_MAX];
	if (o->verb == VERB_STATS && !o->json) {
		caveat_moment(moment, s);
		if (!o->quiet)
			text_addf(notes, "arenascope: %s\n", moment);
		question_note_doubts(notes, &s->doubts, o->quiet);
	} else if (o->verb == VERB_MAP && !o->json) {
		question_note_doubts(notes, &s->doubts, o->quiet);
	}
	if (o->verbose && !o->quiet)
		note_sources(notes, s);
}
