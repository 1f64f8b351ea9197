/*
 * ask_why: two looks. What the first proves is printed before the second begins, and stays printed if that is
 * broken off.
 */
#include "ui/ask/question.h"

#include "base/cleanup.h"
#include "ui/ask/baseline.h"
#include "ui/output.h"
#include "ui/report/why_report.h"

#include <unistd.h>

#define FIRST (LOOK_LEDGER | LOOK_MALLOC | LOOK_VERDICT)
#define ALL   (FIRST | LOOK_CENSUS | LOOK_HOLDERS)

static struct why_request request_of(const struct question *q)
{
	const struct options *o = q->options;
	return (struct why_request){.limit = o->limit, .contents = o->contents, .since = o->since};
}

/* What is there so far goes out now, over the line that says how long it takes. */
static struct error *show_now(const struct question *q)
{
	static const char wipe[] = "\r\033[K";
	struct error *err;
	if (q->options->output)
		return NULL;
	if (isatty(STDERR_FILENO)) {
		ssize_t written = write(STDERR_FILENO, wipe, sizeof(wipe) - 1);
		(void)written;
	}
	err = output_text(NULL, &q->answer->text);
	text_clear(&q->answer->text);
	return err;
}

static struct error *first_phase(const struct question *q, struct inspector *inspector,
				 struct snapshot **ret)
{
	struct page page = question_page(q);
	struct why_request request = request_of(q);
	struct error *err = inspector_look(inspector, ret);
	if (err)
		return err;
	q->answer->pid = (*ret)->target.pid;
	why_report_first(&page, *ret, &request);
	return show_now(q);
}

static struct error *write_rest(const struct question *q, const struct snapshot *s,
				const struct snapshot *first, const struct difference *since)
{
	if (q->options->json) {
		struct json_request json = question_json(q);
		json.since = since;
		json.since_name = q->options->since;
		return json_snapshot(&q->answer->text, s, VERB_WHY, &json);
	}
	struct page page = question_page(q);
	struct why_request request = request_of(q);
	why_report_rest(&page, s, first, &request);
	if (since)
		baseline_write(&page, since, q->options->limit);
	return NULL;
}

/* With an earlier look growth is measured, and the verdict is another. */
static struct error *judge_growth(const struct baseline *baseline, struct snapshot *snapshot)
{
	struct verdict verdict = {.filled = false};
	if (!baseline->used)
		return NULL;
	struct error *err = verdict_make_since(snapshot, &baseline->difference, &verdict);
	if (err)
		return err;
	verdict_fini(&snapshot->verdict);
	snapshot->verdict = verdict;
	return NULL;
}

static struct error *both_phases(struct question *q, struct inspector *inspector,
				 struct baseline *baseline)
{
	_cleanup_(snapshot_fini) struct snapshot *first = NULL, *snapshot = NULL;
	struct error *err = NULL;
	if (!q->options->json)
		err = first_phase(q, inspector, &first);
	inspector_ask(inspector, ALL);
	err = err ?: inspector_look(inspector, &snapshot);
	if (err)
		return err;
	q->answer->pid = snapshot->target.pid;
	q->answer->partial =
		doubts_worst(&snapshot->doubts) != DOUBT_NOTE || !snapshot->verdict.filled;
	question_note_look(q, snapshot);
	err = baseline_compare(baseline, snapshot, ALL);
	err = err ?: judge_growth(baseline, snapshot);
	return err ?: write_rest(q, snapshot, first, baseline->used ? &baseline->difference : NULL);
}

struct error *ask_why(struct question *q)
{
	_cleanup_(baseline_fini) struct baseline baseline = BASELINE_EMPTY;
	_cleanup_(inspector_closep) struct inspector *inspector = NULL;
	struct error *err = question_find_target(q);
	err = err ?: baseline_open(q, q->options->since, &baseline);
	err = err ?: question_open(q, &inspector);
	return err ?: both_phases(q, inspector, &baseline);
}
