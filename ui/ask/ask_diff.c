/*
 * ask_diff: two looks, and what grew from the first to the second. Both are opened before either is looked at.
 */
#include "ui/ask/question.h"

#include "base/cleanup.h"
#include "inspector/verdict/difference.h"
#include "ui/report/diff_report.h"

static bool grew_too_much(const struct options *o, const struct difference *d)
{
	const int64_t grown[] = {
		[FAIL_ON_NOTHING] = 0,          [FAIL_ON_RSS] = d->rss,
		[FAIL_ON_LIVE] = d->live_bytes, [FAIL_ON_BLOCKS] = d->live_blocks,
		[FAIL_ON_ARENAS] = d->arenas,
	};
	int64_t amount = grown[o->fail_on];
	return amount > 0 && (uint64_t)amount > o->fail_above;
}

static struct error *write_difference(const struct question *q, const struct snapshot *b,
				      const struct difference *difference)
{
	const struct options *o = q->options;
	if (o->json) {
		struct json_request json = question_json(q);
		json.since = difference;
		return json_snapshot(&q->answer->text, b, o->verb, &json);
	}
	struct page page = question_page(q);
	diff_report_write(&page, b, difference, &(struct diff_request){o->limit, o->contents});
	return NULL;
}

static struct error *compare(struct question *q, const struct snapshot *a, const struct snapshot *b)
{
	_cleanup_(difference_fini) struct difference difference = {.same_process = false};
	struct error *err = difference_make(a, b, &difference);
	if (err)
		return err;
	q->answer->pid = b->target.pid;
	q->answer->partial =
		doubts_worst(&a->doubts) != DOUBT_NOTE || doubts_worst(&b->doubts) != DOUBT_NOTE;
	q->answer->condition = grew_too_much(q->options, &difference);
	question_note_look(q, b);
	return write_difference(q, b, &difference);
}

struct error *ask_diff(struct question *q)
{
	struct options options;
	struct question later;
	_cleanup_(inspector_closep) struct inspector *first = NULL, *second = NULL;
	_cleanup_(snapshot_fini) struct snapshot *a = NULL, *b = NULL;
	struct error *err = question_find_target(q);
	err = err ?: question_about(q, q->options->second, &options, &later);
	q->more = true;
	later.traces = q->target.kind == ORIGIN_LIVE;
	err = err ?: question_open(q, &first);
	err = err ?: question_open(&later, &second);
	err = err ?: inspector_look(first, &a);
	if (err)
		return err;
	inspector_close(take(first));
	err = inspector_look(second, &b);
	if (err)
		return err;
	inspector_close(take(second));
	return compare(q, a, b);
}
