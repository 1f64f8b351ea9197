/*
 * object_report: what it is, where it lies, who points at it, what keeps it.
 *
 *	app.Session at 0x7f3a1c04b2d0: 3 attributes	title
 *	SIZE … REFERENCES … PLACE …			figures
 *	HELD BY						the chain, root first
 *	REFERRERS					who points at it
 */
#include "ui/report/object_report.h"

#include "base/cleanup.h"
#include "base/count.h"
#include "base/size.h"
#include "ui/report/caveat.h"
#include "ui/report/dump.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REFERRERS 20

/* What static objects begin with: _PyObject_IMMORTAL_INIT in Include/internal/pycore_object.h, 3.11. */
#define STATIC_REFCOUNT 999999999

struct error *object_address(const char *word, raddr *ret)
{
	bool decimal = word[0] && word[strspn(word, "0123456789")] == '\0';
	char *end = NULL;
	errno = 0;
	unsigned long long value = strtoull(word, &end, decimal ? 10 : 16);
	bool plain = strspn(word, "0123456789abcdefABCDEFxX") == strlen(word);
	if (!plain || end == word || *end || errno)
		return error_remedy(error_new(ERROR_USAGE, "'%.60s' is no address", word),
				    "0x7f3a1c04b2d0 as repr() prints it, or the number that id() "
				    "gives");
	*ret = raddr_at(value);
	return NULL;
}

static void write_title(struct page *page, const struct inspector_object *o)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	if (o->type) {
		page_escape(&line, page->style, o->type);
		text_addf(&line, " at " RADDR_FORMAT, o->at.value);
		if (o->preview && *o->preview && strcmp(o->preview, o->type) != 0) {
			text_add(&line, ": ");
			page_escape(&line, page->style, o->preview);
		}
	} else if (o->found) {
		text_addf(&line, "A block at " RADDR_FORMAT " that is no object", o->at.value);
	} else {
		text_addf(&line, "No object and no block in use at " RADDR_FORMAT, o->at.value);
	}
	text_add(&line, ".");
	page->text->failed |= line.failed;
	page_addf(page, "\n");
	page_wrap(page, INK_STRONG, 0, 0, text_string(&line));
}

static void write_size(struct page *page, const struct inspector_object *o)
{
	char own[UNITS_MAX], total[UNITS_MAX];
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	units_said(own, page->style->units, o->size);
	units_said(total, page->style->units, o->with_buffers);
	text_addf(&line, "%s", own);
	if (o->with_buffers > o->size)
		text_addf(&line, ", with the buffers that only it owns %s", total);
	page->text->failed |= line.failed;
	page_heading(page, "SIZE", text_string(&line));
}

/* What the difference between references counted and pointers found is made of. */
static void add_difference(struct text *line, const struct inspector_object *o)
{
	char found[UNITS_MAX];
	const uint64_t own = o->refcount - o->deferred;
	units_maybe(found, o->found_references);
	text_addf(line, ", %s pointer%s to it %s found", found,
		  o->found_references.value == 1 ? "" : "s",
		  o->found_references.value == 1 ? "was" : "were");
	if (o->immortal)
		return;
	if (o->refcount >= STATIC_REFCOUNT)
		text_addf(line, ": it is never freed, its count began at %s",
			  COUNT(STATIC_REFCOUNT));
	else if (o->found_references.value < own && o->is_static)
		text_add(line, ": the others are C code's, which knows where it stands");
	else if (o->found_references.value < own)
		text_add(line, ": the others are where no memory of Python's or malloc's shows "
			       "them, or were leaked");
	else if (o->found_references.value > own)
		text_add(line, ": some do not own it, or are left over in memory out of use");
}

static void write_references(struct page *page, const struct inspector_object *o)
{
	char count[UNITS_MAX];
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	units_count(count, o->refcount);
	if (o->dead)
		text_add(&line, "none: it is dead, and kept in a free list for the next of its "
				"type");
	else if (o->immortal)
		text_add(&line, "immortal: its count does not move");
	else
		text_addf(&line, "%s counted%s", count,
			  o->deferred
				  ? ", one of them the interpreter's own, for the collector alone "
				    "frees it"
				  : "");
	if (!o->dead && o->found_references.known)
		add_difference(&line, o);
	page->text->failed |= line.failed;
	page_heading(page, "REFERENCES", text_string(&line));
}

static void write_place(struct page *page, const struct inspector_object *o)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	if (!o->where)
		return;
	page_quote(&line, o->where);
	page->text->failed |= line.failed;
	page_heading(page, "PLACE", text_string(&line));
}

static void write_chain(struct page *page, const struct holder_chain *chain)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	for (size_t i = 0; i < chain->links.count; i++) {
		text_add(&line, i ? " > " : "");
		page_escape(&line, page->style, chain->links.items[i]);
	}
	if (!chain->links.count)
		text_add(&line, "nothing that could be found: a cycle that waits for the "
				"collector, a leaked reference, or native code's");
	page->text->failed |= line.failed;
	page_heading(page, "HELD BY", text_string(&line));
}

static void write_referrers(struct page *page, const struct holder_referrers *referrers,
			    uint64_t limit)
{
	size_t shown = size_min(limit ?: REFERRERS, referrers->list.count);
	if (!referrers->list.count)
		return;
	page_heading(page, "REFERRERS", "Who points at it, by address.");
	for (size_t i = 0; i < shown; i++) {
		const struct holder_referrer *r = &referrers->list.items[i];
		_cleanup_(text_fini) struct text line = TEXT_EMPTY;
		page_addf(page, "  " RADDR_FORMAT "  ", r->at.value);
		page_escape(&line, page->style, r->type ?: "?");
		if (r->how) {
			text_add(&line, " ");
			page_escape(&line, page->style, r->how);
		}
		page->text->failed |= line.failed;
		text_add(page->text, text_string(&line));
		page_end(page);
	}
	if (referrers->n_all > shown)
		page_inkf(page, INK_DIM, "  %s more\n", COUNT(referrers->n_all - shown));
}

void object_report_write(struct page *page, const struct snapshot *snapshot,
			 const struct inspector_object *object,
			 const struct object_request *request)
{
	dump_write_head(page, snapshot, request->contents);
	write_title(page, object);
	if (object->found) {
		write_size(page, object);
		if (object->type)
			write_references(page, object);
	}
	write_place(page, object);
	if (object->found) {
		if (object->followed)
			write_chain(page, &object->chain);
		write_referrers(page, &object->referrers, request->limit);
	}
	caveat_write_certainty(page, &snapshot->doubts, NULL);
}
