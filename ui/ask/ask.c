/*
 * ask: find the process, look, write. A function for each way of answering; which
 * verb goes which way is the table below.
 */
#include "ui/ask/question.h"

#include "base/cleanup.h"
#include "inspector/inspector.h"
#include "ui/json/json.h"
#include "ui/output.h"
#include "ui/report/caveat.h"
#include "ui/report/doctor.h"
#include "ui/report/dump.h"
#include "ui/report/ledger_report.h"
#include "ui/report/malloc_report.h"
#include "ui/report/map.h"
#include "ui/report/mappings.h"
#include "ui/report/ps.h"
#include "ui/report/stats.h"
#include "ui/save.h"
#include "ui/target.h"
#include "ui/tui/app.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* ---- one look: dump, ledger, malloc, stats, map ------------------------------------------ */

static struct error *write_stats(const struct question *q, const struct snapshot *s)
{
	if (s->target.allocator == ALLOCATOR_MIMALLOC)
		return error_remedy(error_new(ERROR_UNSUPPORTED,
					      "this process's objects live in mimalloc, of which "
					      "sys._debugmallocstats() tells nothing"),
				    "arenascope dump shows its heaps, pages and blocks");
	if (stats_write(&q->answer->text, s))
		q->answer->partial = true;
	return NULL;
}

static struct error *write_look(const struct question *q, const struct snapshot *s)
{
	const struct options *o = q->options;
	struct page page = question_page(q);
	if (o->verb == VERB_STATS)
		return write_stats(q, s);
	if (o->verb == VERB_MAP)
		return map_write(&page, s, &(struct map_request){o->limit, o->sort});
	if (o->verb == VERB_LEDGER) {
		ledger_report_write(&page, s,
				    &(struct ledger_request){o->limit, o->sort, o->contents});
		return NULL;
	}
	if (o->verb == VERB_MALLOC)
		return malloc_report_write(
			&page, s, &(struct malloc_request){o->limit, o->sort, o->contents});
	return dump_write(&page, s,
			  &(struct dump_request){
				  .limit = o->limit, .sort = o->sort, .contents = o->contents});
}

/* stdout of `stats` is the interpreter's text or nothing; of malloc mappings tell nothing. */
static bool may_show_mappings(const struct question *q, const struct error *err)
{
	enum verb verb = q->options->verb;
	return err->kind == ERROR_PERMISSION && verb != VERB_STATS && verb != VERB_MALLOC;
}

static void note_refusal(struct text *notes, const struct error *err)
{
	text_add(notes, "arenascope: ");
	page_quote(notes, err->cause);
	text_add(notes, "\n");
	if (err->remedy) {
		text_add(notes, "  ");
		page_quote(notes, err->remedy);
		text_add(notes, "\n");
	}
}

/* Its memory may not be read: where its mappings may, they are the answer. Frees the refusal. */
static struct error *answer_mappings(const struct question *q, struct error *refusal)
{
	_cleanup_(mappings_fini) struct mappings mappings = {0};
	struct error *err = inspector_mappings(q->answer->pid, &mappings);
	if (err) {
		error_free(err);
		return refusal;
	}
	struct page page = question_page(q);
	struct json_request json = question_json(q);
	if (q->options->json)
		err = json_mappings(&q->answer->text, &mappings, refusal, ERROR_INCONSISTENT,
				    &json);
	else
		mappings_write(&page, &mappings);
	note_refusal(&q->answer->notes, refusal);
	error_free(refusal);
	q->answer->partial = true;
	return err;
}

/* What the verb is about was not found at all. */
static bool lacks_part(const struct question *q, const struct snapshot *s)
{
	enum verb verb = q->options->verb;
	return (verb == VERB_LEDGER && !s->ledger.filled) ||
	       (verb == VERB_MALLOC && !s->malloc.filled);
}

static struct error *ask_look(struct question *q)
{
	struct error *err = question_find_target(q);
	if (err)
		return err;
	struct inspector_request request = question_request(q);
	_cleanup_(inspector_closep) struct inspector *inspector = NULL;
	_cleanup_(snapshot_fini) struct snapshot *snapshot = NULL;
	err = inspector_open(&request, &inspector);
	if (err && may_show_mappings(q, err))
		return answer_mappings(q, err);
	if (!err)
		err = inspector_look(inspector, &snapshot);
	if (err)
		return err;
	/* The copies have told what they know: their memory may serve the answer. */
	inspector_close(take(inspector));
	q->answer->pid = snapshot->target.pid;
	q->answer->partial =
		doubts_worst(&snapshot->doubts) != DOUBT_NOTE || lacks_part(q, snapshot);
	question_note_look(q, snapshot);
	if (!q->options->json)
		return write_look(q, snapshot);
	struct json_request json = question_json(q);
	return json_snapshot(&q->answer->text, snapshot, q->options->verb, &json);
}

/* ---- ps, doctor -------------------------------------------------------------------------- */

/* With -v which they are. */
static void note_unseen(const struct listing *listing, bool each, struct text *ret)
{
	size_t n = listing->unseen.count;
	text_addf(ret, "arenascope: %zu process%s could not be looked into", n, n == 1 ? "" : "es");
	for (size_t i = 0; i < n && each; i++)
		text_addf(ret, "%s%d", i ? ", " : ": ", (int)listing->unseen.items[i]);
	text_addf(ret, "%s\n", geteuid() == 0 ? "" : "; root can look into other users'");
}

static struct error *ask_ps(struct question *q)
{
	const struct options *o = q->options;
	_cleanup_(listing_fini) struct listing listing = {0};
	struct error *err = inspector_list(o->no_cache, &listing);
	if (err)
		return err;
	ps_sort(&listing, o->sort);
	if (o->json) {
		struct json_request json = question_json(q);
		return json_listing(&q->answer->text, &listing, &json);
	}
	struct page page = question_page(q);
	ps_write(&page, &listing, o->limit);
	if (listing.unseen.count && !o->quiet)
		note_unseen(&listing, o->verbose, &q->answer->notes);
	return NULL;
}

static struct error *ask_doctor(struct question *q)
{
	const struct options *o = q->options;
	_cleanup_(findings_fini) struct findings findings = {0};
	struct error *err = question_find_target(q);
	if (err)
		return err;
	struct inspector_request request = question_request(q);
	err = o->plan ? inspector_plan(&request, &findings) : inspector_doctor(&request, &findings);
	q->answer->pid = q->answer->pid ?: findings.pid;
	if (!o->json) {
		struct page page = question_page(q);
		doctor_write(&page, &findings);
		return err;
	}
	if (err)
		return err;
	struct json_request json = question_json(q);
	return json_findings(&q->answer->text, &findings, q->answer->pid, o->plan, &json);
}

/* ---- snapshot ---------------------------------------------------------------------------- */

static struct error *write_saved(const struct question *q, const struct saved *saved)
{
	const struct options *o = q->options;
	const struct snapshot *s = saved->result.snapshot;
	q->answer->partial = doubts_worst(&s->doubts) != DOUBT_NOTE;
	if (!o->json) {
		save_note(&q->answer->notes, saved, o, question_elapsed_ms(q));
		question_note_doubts(&q->answer->notes, &s->doubts, o->quiet);
		return NULL;
	}
	struct json_request json = question_json(q);
	return json_saved(&q->answer->text, saved->path, &saved->result, !o->contents, &json);
}

static struct error *ask_snapshot(struct question *q)
{
	struct error *err = question_find_target(q);
	if (err)
		return err;
	if (q->target.kind != ORIGIN_LIVE)
		return error_remedy(
			error_new(ERROR_USAGE, "a snapshot is made of a running process"),
			"a core or snapshot file can be looked at as it is");
	struct inspector_request request = question_request(q);
	_cleanup_(inspector_closep) struct inspector *inspector = NULL;
	_cleanup_(saved_fini) struct saved saved = {0};
	err = inspector_open(&request, &inspector);
	err = err ?: save_process(inspector, q->options, q->target.pid, &saved);
	return err ?: write_saved(q, &saved);
}

/* ---- top --------------------------------------------------------------------------------- */

static struct error *stream_one(const struct question *q, struct inspector *inspector)
{
	_cleanup_(snapshot_fini) struct snapshot *snapshot = NULL;
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	struct error *err = inspector_look(inspector, &snapshot);
	if (err)
		return err;
	struct json_request json = question_json(q);
	err = json_snapshot(&line, snapshot, VERB_TOP, &json);
	return err ? err : output_text(NULL, &line);
}

static void wait_seconds(double seconds)
{
	struct timespec left = {.tv_sec = (time_t)seconds};
	left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
}

static struct error *stream(const struct question *q, struct inspector *inspector)
{
	struct error *err = NULL;
	/* A file says the same each time. */
	uint64_t count = q->target.kind == ORIGIN_LIVE ? q->options->count : 1;
	for (uint64_t n = 0; !err && (!count || n < count); n++) {
		if (n)
			wait_seconds(q->options->interval);
		err = stream_one(q, inspector);
	}
	return err;
}

static struct error *ask_top(struct question *q)
{
	const struct options *o = q->options;
	_cleanup_(inspector_closep) struct inspector *inspector = NULL;
	if (!o->json && (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO)))
		return error_remedy(error_new(ERROR_RESOURCE, "top needs a terminal"),
				    "arenascope dump prints a report, top --json a line for each "
				    "look");
	struct error *err = question_find_target(q);
	if (err)
		return err;
	struct inspector_request request = question_request(q);
	err = inspector_open(&request, &inspector);
	if (err)
		return err;
	if (o->json)
		return stream(q, inspector);
	_cleanup_(study_closep) struct study *study = NULL;
	struct error *refused = study_open(&request, &study);
	struct app_options app = {.interval = o->interval,
				  .count = o->count,
				  .ascii = q->style->ascii,
				  .color = q->style->color,
				  .study = study,
				  .study_refused = refused,
				  .of_file = q->target.kind != ORIGIN_LIVE};
	return app_run(inspector, &app);
}

/* ------------------------------------------------------------------------------------------ */

struct error *ask(const struct options *options, const struct style *style, struct timespec start,
		  struct answer *answer)
{
	static struct error *(*const ways[VERB_COUNT])(struct question *) = {
		[VERB_PS] = ask_ps,
		[VERB_TOP] = ask_top,
		[VERB_DUMP] = ask_look,
		[VERB_WHY] = ask_why,
		[VERB_TYPES] = ask_types,
		[VERB_OBJECT] = ask_object,
		[VERB_DIFF] = ask_diff,
		[VERB_LEDGER] = ask_look,
		[VERB_MALLOC] = ask_look,
		[VERB_STATS] = ask_look,
		[VERB_MAP] = ask_look,
		[VERB_DOCTOR] = ask_doctor,
		[VERB_SNAPSHOT] = ask_snapshot,
	};
	struct question q = {.options = options,
			     .style = style,
			     .start = start,
			     .answer = answer,
			     .target = {.kind = ORIGIN_LIVE}};
	return ways[options->verb](&q);
}

struct error *ask_failure(const struct options *options, const struct error *failure, int exit,
			  struct text *ret)
{
	struct json_request json = {.verb = options ? verb_words(options->verb)->name : NULL};
	return json_failure(ret, failure, exit, &json);
}

void answer_fini(struct answer *answer)
{
	text_fini(&answer->text);
	text_fini(&answer->notes);
}
