/*
 * doctor: the kind stands first, so that the eye finds what is missing; the text
 * wraps below itself.
 *
 *	ok       symbols     debug file by build-id: /usr/lib/debug/.build-id/…
 *	missing  layout      no debug information: apt install python3.11-dbg
 */
#include "ui/report/doctor.h"

#include "base/cleanup.h"
#include "base/size.h"

#include <string.h>

#define KIND_WIDTH 9

const char *doctor_kind_name(enum finding_kind kind)
{
	static const char *const names[] = {
		[FINDING_OK] = "ok", [FINDING_NOTE] = "note", [FINDING_MISSING] = "missing"};
	return names[kind];
}

static enum ink kind_ink(enum finding_kind kind)
{
	static const enum ink by_kind[] = {
		[FINDING_OK] = INK_LIVE, [FINDING_NOTE] = INK_KEPT, [FINDING_MISSING] = INK_HOT};
	return by_kind[kind];
}

static void write_finding(struct page *page, const struct finding *finding, unsigned topic_width)
{
	_cleanup_(text_fini) struct text paragraph = TEXT_EMPTY;
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	struct page inner = {&paragraph, page->style};
	unsigned indent = KIND_WIDTH + topic_width + 2;
	page_quote(&line, finding->text ?: "?");
	page_wrap(&inner, INK_PLAIN, indent, indent, text_string(&line));
	page_inkf(page, kind_ink(finding->kind), "%-*s", KIND_WIDTH,
		  doctor_kind_name(finding->kind));
	page_addf(page, "%-*s", (int)topic_width + 2, finding->topic);
	page->text->failed |= line.failed || paragraph.failed;
	text_add(page->text, text_string(&paragraph) + size_min(indent, paragraph.length));
}

void doctor_write(struct page *page, const struct findings *findings)
{
	size_t width = 0;
	for (size_t i = 0; i < findings->list.count; i++)
		width = size_max(width, strlen(findings->list.items[i].topic));
	for (size_t i = 0; i < findings->list.count; i++)
		write_finding(page, &findings->list.items[i], (unsigned)width);
}
