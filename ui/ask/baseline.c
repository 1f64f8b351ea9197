/*
 * baseline: opened before the target, looked at after it: what the person waits for comes first.
 */
#include "ui/ask/baseline.h"

#include "base/cleanup.h"
#include "ui/report/diff_report.h"

struct error *baseline_open(const struct question *q, const char *file, struct baseline *ret)
{
	struct options options;
	struct question about;
	if (!file)
		return NULL;
	struct error *err = question_about(q, file, &options, &about);
	if (err)
		return error_context(err, "--since");
	if (about.target.kind == ORIGIN_LIVE)
		return error_remedy(error_new(ERROR_USAGE, "--since takes a snapshot or core file"),
				    "arenascope diff compares any two targets");
	about.more = true;
	err = question_open(&about, &ret->inspector);
	ret->used = !err;
	return err;
}

struct error *baseline_compare(struct baseline *baseline, const struct snapshot *later,
			       unsigned parts)
{
	if (!baseline->used)
		return NULL;
	inspector_ask(baseline->inspector, parts);
	struct error *err = inspector_look(baseline->inspector, &baseline->snapshot);
	inspector_close(take(baseline->inspector));
	return err ?: difference_make(baseline->snapshot, later, &baseline->difference);
}

void baseline_write(struct page *page, const struct difference *difference, uint64_t limit)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	diff_sentence(&line, difference, page->style->units);
	page->text->failed |= line.failed;
	page_heading(page, "SINCE", text_string(&line));
	diff_tables(page, difference, limit);
}

void baseline_fini(struct baseline *baseline)
{
	inspector_close(baseline->inspector);
	snapshot_free(baseline->snapshot);
	difference_fini(&baseline->difference);
}
