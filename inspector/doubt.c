/*
 * doubt: few kinds, so a short list searched from its start. A walker may add the
 * same doubt for each of ten thousand pools: only the first one's words are kept.
 */
#include "inspector/doubt.h"

#include <stdarg.h>
#include <stdio.h>

static struct doubt *find(struct doubts *doubts, enum doubt_kind kind, enum doubt_severity severity)
{
	for (size_t i = 0; i < doubts->list.count; i++) {
		struct doubt *d = &doubts->list.items[i];
		if (d->kind == kind && d->severity == severity)
			return d;
	}
	return NULL;
}

void doubts_add(struct doubts *doubts, enum doubt_kind kind, enum doubt_severity severity,
		uint64_t count, const char *format, ...)
{
	struct doubt *d = find(doubts, kind, severity);
	if (d) {
		d->count = size_add(d->count, count);
		return;
	}
	d = vec_push(&doubts->list);
	if (!d)
		return;
	*d = (struct doubt){.kind = kind, .severity = severity, .count = count};
	va_list args;
	va_start(args, format);
	if (vasprintf(&d->detail, format, args) < 0)
		d->detail = NULL;
	va_end(args);
}

void doubts_join(struct doubts *to, struct doubts *from)
{
	for (size_t i = 0; i < from->list.count; i++) {
		struct doubt *d = &from->list.items[i];
		struct doubt *same = find(to, d->kind, d->severity);
		if (same) {
			same->count = size_add(same->count, d->count);
			continue;
		}
		same = vec_push(&to->list);
		if (!same)
			continue;
		*same = *d;
		d->detail = NULL;
	}
	doubts_fini(from);
}

enum doubt_severity doubts_worst(const struct doubts *doubts)
{
	enum doubt_severity worst = DOUBT_NOTE;
	for (size_t i = 0; i < doubts->list.count; i++) {
		if (doubts->list.items[i].severity > worst)
			worst = doubts->list.items[i].severity;
	}
	return worst;
}

void doubts_clear(struct doubts *doubts)
{
	for (size_t i = 0; i < doubts->list.count; i++)
		free(doubts->list.items[i].detail);
	doubts->list.count = 0;
}

void doubts_fini(struct doubts *doubts)
{
	doubts_clear(doubts);
	vec_fini(&doubts->list);
}

const char *doubt_kind_name(enum doubt_kind kind)
{
	static const char *const names[DOUBT_KIND_COUNT] = {
		[DOUBT_ARENA_VANISHED] = "arena_vanished",
		[DOUBT_ARENA_UNSETTLED] = "arena_unsettled",
		[DOUBT_ARENA_INVALID] = "arena_invalid",
		[DOUBT_ARENAS_UNREADABLE] = "arenas_unreadable",
		[DOUBT_SEGMENT_UNSETTLED] = "segment_unsettled",
		[DOUBT_SEGMENT_FOREIGN] = "segment_foreign",
		[DOUBT_PAGE_UNSETTLED] = "page_unsettled",
		[DOUBT_POOL_UNREADABLE] = "pool_unreadable",
		[DOUBT_POOL_SWAPPED] = "pool_swapped",
		[DOUBT_POOL_INVALID] = "pool_invalid",
		[DOUBT_FREE_CHAIN] = "free_chain",
		[DOUBT_USED_LIST] = "used_list",
		[DOUBT_USABLE_LIST] = "usable_list",
		[DOUBT_COUNTERS] = "counters",
		[DOUBT_TOTALS] = "totals",
		[DOUBT_COUNTER_UNKNOWN] = "counter_unknown",
		[DOUBT_GEOMETRY] = "geometry",
		[DOUBT_INTERPRETER] = "interpreter",
		[DOUBT_FRAMES] = "frames",
		[DOUBT_ALLOCATOR_UNKNOWN] = "allocator_unknown",
		[DOUBT_NOT_STOPPED] = "not_stopped",
		[DOUBT_STOP_EXPIRED] = "stop_expired",
		[DOUBT_STOPPED_INSIDE] = "stopped_inside",
		[DOUBT_EINTR_RISK] = "eintr_risk",
		[DOUBT_SEVERAL_RUNTIMES] = "several_runtimes",
		[DOUBT_UNVERIFIED] = "unverified",
		[DOUBT_LAYOUT_UNVERIFIED] = "layout_unverified",
		[DOUBT_STRUCTURE] = "structure",
		[DOUBT_DEBUG_INFO] = "debug_info",
		[DOUBT_EARLIER_RUN] = "earlier_run",
		[DOUBT_RESIDENCY] = "residency",
		[DOUBT_MALLOC_ARENA] = "malloc_arena",
		[DOUBT_MALLOC_MAPPED] = "malloc_mapped",
		[DOUBT_MALLOC_UNKNOWN] = "malloc_unknown",
		[DOUBT_OBJECTS_UNKNOWN] = "objects_unknown",
		[DOUBT_BLOCKS_UNEXPLAINED] = "blocks_unexplained",
		[DOUBT_CENSUS_STREAMED] = "census_streamed",
		[DOUBT_HOLDERS_PARTIAL] = "holders_partial",
		[DOUBT_FROZEN] = "frozen",
		[DOUBT_MOMENTS] = "moments",
		[DOUBT_INPUT_PARTIAL] = "input_partial",
		[DOUBT_TARGET_CHANGED] = "target_changed",
	};
	return kind < DOUBT_KIND_COUNT && names[kind] ? names[kind] : "unknown";
}

const char *doubt_severity_name(enum doubt_severity severity)
{
	switch (severity) {
	case DOUBT_NOTE:
		return "note";
	case DOUBT_PARTIAL:
		return "partial";
	case DOUBT_INCONSISTENT:
		return "inconsistent";
	}
	return "unknown";
}
