/*
 * ask_types: what is in the heap: of all of it, and of one object.
 */
#include "ui/ask/question.h"

#include "base/cleanup.h"
#include "ui/ask/baseline.h"
#include "ui/report/diff_report.h"
#include "ui/report/object_report.h"
#include "ui/report/types_report.h"

static struct error *look(struct question *q, struct inspector *inspector, struct snapshot **ret)
{
	struct error *err = inspector_look(inspector, ret);
	if (err)
		return err;
	q->answer->pid = (*ret)->target.pid;
	q->answer->partial = doubts_worst(&(*ret)->doubts) != DOUBT_NOTE || !(*ret)->census.filled;
	question_note_look(q, *ret);
	return NULL;
}

/* ---- types ------------------------------------------------------------------------------- */

static struct error *write_types(const struct question *q, const struct snapshot *s,
				 const struct difference *since)
{
	const struct options *o = q->options;
	if (o->json) {
		struct json_request json = question_json(q);
		json.since = since;
		return json_snapshot(&q->answer->text, s, o->verb, &json);
	}
	struct page page = question_page(q);
	struct error *err = types_report_write(
		&page, s, &(struct types_request){o->limit, o->sort, o->contents});
	if (!err && since)
		baseline_write(&page, since, o->limit);
	return err;
}

struct error *ask_types(struct question *q)
{
	_cleanup_(baseline_fini) struct baseline baseline = BASELINE_EMPTY;
	_cleanup_(inspector_closep) struct inspector *inspector = NULL;
	_cleanup_(snapshot_fini) struct snapshot *snapshot = NULL;
	struct error *err = question_find_target(q);
	err = err ?: baseline_open(q, q->options->since, &baseline);
	err = err ?: question_open(q, &inspector);
	err = err ?: look(q, inspector, &snapshot);
	if (err)
		return err;
	inspector_close(take(inspector));
	err = baseline_compare(&baseline, snapshot, LOOK_CENSUS);
	return err ?: write_types(q, snapshot, baseline.used ? &baseline.difference : NULL);
}

/* ---- object ------------------------------------------------------------------------------ */

static struct error *write_object(const struct question *q, const struct snapshot *s,
				  const struct inspector_object *object)
{
	const struct options *o = q->options;
	if (o->json) {
		struct json_request json = question_json(q);
		return json_object_answer(&q->answer->text, s, object, &json);
	}
	struct page page = question_page(q);
	object_report_write(&page, s, object, &(struct object_request){o->limit, o->contents});
	return NULL;
}

struct error *ask_object(struct question *q)
{
	_cleanup_(inspector_closep) struct inspector *inspector = NULL;
	_cleanup_(snapshot_fini) struct snapshot *snapshot = NULL;
	_cleanup_(inspector_object_fini) struct inspector_object object = {.found = false};
	raddr at;
	struct error *err = object_address(q->options->second, &at);
	err = err ?: question_find_target(q);
	err = err ?: question_open(q, &inspector);
	err = err ?: look(q, inspector, &snapshot);
	err = err ?: inspector_object(inspector, at, &object);
	return err ?: write_object(q, snapshot, &object);
}
