/*
 * caveat: every kind says what it does to the figures, since "3 pools unreadable"
 * alone leaves the reader with the question.
 */
#include "ui/report/caveat.h"

#include "base/cleanup.h"

#include <stdio.h>

const char *caveat_meaning(enum doubt_kind kind)
{
	static const char *const meanings[DOUBT_KIND_COUNT] = {
		[DOUBT_ARENA_VANISHED] = "it was given back meanwhile and is not counted",
		[DOUBT_ARENA_UNSETTLED] =
			"the program was allocating there; another look, or --exact, settles it",
		[DOUBT_ARENA_INVALID] = "not counted, so totals may be too low",
		[DOUBT_ARENAS_UNREADABLE] = "arenas may be missing from every figure",
		[DOUBT_SEGMENT_UNSETTLED] =
			"the program was allocating there; another look, or --exact, settles it",
		[DOUBT_SEGMENT_FOREIGN] = "not counted as Python's",
		[DOUBT_PAGE_UNSETTLED] = "its used and free blocks are uncertain",
		[DOUBT_POOL_UNREADABLE] = "their blocks are missing, so live bytes are too low",
		[DOUBT_POOL_SWAPPED] = "left on swap, so their blocks are missing from live bytes",
		[DOUBT_POOL_INVALID] = "their blocks are not counted",
		[DOUBT_FREE_CHAIN] = "used and free blocks of that pool are uncertain",
		[DOUBT_USED_LIST] = "the program was allocating meanwhile, or its heap is damaged",
		[DOUBT_USABLE_LIST] =
			"the program was allocating meanwhile, or its heap is damaged",
		[DOUBT_COUNTERS] = "the walk is printed, the counter is not trusted",
		[DOUBT_TOTALS] = "some figure below the total is wrong",
		[DOUBT_COUNTER_UNKNOWN] = "printed as ?",
		[DOUBT_GEOMETRY] = "if the build differs, all figures do",
		[DOUBT_INTERPRETER] = "its arenas are missing from every figure",
		[DOUBT_FRAMES] = "what is missing of python.frames counts as memory of unknown use",
		[DOUBT_ALLOCATOR_UNKNOWN] = "pymalloc's part is right, but there may be others",
		[DOUBT_NOT_STOPPED] =
			"read while it ran: figures are of slightly different moments",
		[DOUBT_STOP_EXPIRED] = "the rest was read while it ran; see --max-pause",
		[DOUBT_STOPPED_INSIDE] = "one block at most",
		[DOUBT_EINTR_RISK] = "Python 2.7 may see an interrupted system call",
		[DOUBT_SEVERAL_RUNTIMES] = "--module looks at another; doctor lists them",
		[DOUBT_UNVERIFIED] = "if the file is of another build, all figures are wrong",
		[DOUBT_LAYOUT_UNVERIFIED] =
			"every check agreed, but a version that changed the heap may look alike",
		[DOUBT_DEBUG_INFO] = "memory was searched by structure instead",
		[DOUBT_EARLIER_RUN] =
			"allocated_blocks is too low if Python was started anew and had leaked",
		[DOUBT_STRUCTURE] = "one of the two is wrong, and with it all figures",
		[DOUBT_RESIDENCY] = "what lies in RAM and what on swap is not told apart",
		[DOUBT_MALLOC_ARENA] =
			"its figures are of more than one moment, or end where it is damaged",
		[DOUBT_MALLOC_MAPPED] = "the others count as memory of unknown use",
		[DOUBT_MALLOC_UNKNOWN] = "what it holds is not told apart",
		[DOUBT_OBJECTS_UNKNOWN] = "types and holders are not told",
		[DOUBT_BLOCKS_UNEXPLAINED] = "some blocks are nobody's in every table of types",
		[DOUBT_CENSUS_STREAMED] = "memory was read in pieces while it changed",
		[DOUBT_HOLDERS_PARTIAL] = "some live bytes are charged to no root",
		[DOUBT_FROZEN] = "gc.collect() may leave some of what is told as garbage",
		[DOUBT_MOMENTS] =
			"a container that grew meanwhile may have lost its items; leaks are not told",
		[DOUBT_INPUT_PARTIAL] = "what lay there is missing from every figure",
		[DOUBT_TARGET_CHANGED] = "the figures are of what it was before",
	};
	return kind < DOUBT_KIND_COUNT && meanings[kind] ? meanings[kind] : "";
}

static enum ink severity_ink(enum doubt_severity severity)
{
	return severity == DOUBT_NOTE ? INK_PLAIN : INK_HOT;
}

static void write_doubt(struct page *page, const struct doubt *doubt)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	char count[UNITS_MAX];
	units_count(count, doubt->count);
	text_addf(&line, "%s, %s: ", doubt_severity_name(doubt->severity),
		  doubt_kind_name(doubt->kind));
	if (doubt->count > 1)
		text_addf(&line, "%s times, as: ", count);
	page_quote(&line, doubt->detail ?: "no detail");
	text_addf(&line, " (%s)", caveat_meaning(doubt->kind));
	page->text->failed |= line.failed;
	page_wrap(page, severity_ink(doubt->severity), 2, 4, text_string(&line));
}

void caveat_write(struct page *page, const struct doubts *doubts)
{
	for (size_t i = 0; i < doubts->list.count; i++)
		write_doubt(page, &doubts->list.items[i]);
}

void caveat_write_certainty(struct page *page, const struct doubts *doubts, const char *read)
{
	char line[240];
	const char *verdict = "this answer is not whole:";
	if (!doubts->list.count)
		verdict = "no doubts.";
	else if (doubts_worst(doubts) == DOUBT_NOTE)
		verdict = "good for the conclusions above, but know this:";
	snprintf(line, sizeof(line), "%s%s", read ?: "", verdict);
	page_heading(page, "SURE", line);
	caveat_write(page, doubts);
}

void caveat_pause(char ret[CAVEAT_PAUSE_MAX], const struct snapshot_pause *pause)
{
	char total[UNITS_MAX], longest[UNITS_MAX];
	units_pause(total, pause->total_us);
	units_pause(longest, pause->longest_us);
	const char *cut = pause->mode == PAUSE_PARTIAL ? ", cut short" : "";
	if (pause->stops == 0)
		snprintf(ret, CAVEAT_PAUSE_MAX, "never stopped");
	else if (pause->stops == 1)
		snprintf(ret, CAVEAT_PAUSE_MAX, "stopped for %s%s", total, cut);
	else
		snprintf(ret, CAVEAT_PAUSE_MAX, "stopped %llu times, %s in all, the longest %s%s",
			 (unsigned long long)pause->stops, total, longest, cut);
}

void caveat_moment(char ret[CAVEAT_PAUSE_MAX], const struct snapshot *snapshot)
{
	const struct snapshot_target *t = &snapshot->target;
	struct tm utc;
	if (t->kind == ORIGIN_LIVE)
		caveat_pause(ret, &snapshot->pause);
	else if (!t->taken_at.tv_sec || !gmtime_r(&t->taken_at.tv_sec, &utc) ||
		 !strftime(ret, CAVEAT_PAUSE_MAX, "written %Y-%m-%d %H:%M:%S UTC", &utc))
		snprintf(ret, CAVEAT_PAUSE_MAX, "written at an unknown time");
}
