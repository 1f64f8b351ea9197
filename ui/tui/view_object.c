/*
 * view_object: what is in one block, as of the last look into every block: type, size, who points at it, what keeps it.
 */
#include "ui/tui/board.h"

#include "base/cleanup.h"
#include "ui/text/units.h"
#include "ui/tui/under_study.h"

#include <string.h>

static struct error *refresh(struct board *board, struct view *view)
{
	struct inspector_object object = {.found = false};
	/* It is of the study, which a look does not change. */
	if (!board->options.object || view->asked)
		return NULL;
	struct error *err = board->options.object(board->options.context, view->subject, &object);
	if (err)
		return err;
	inspector_object_fini(&view->object);
	view->object = object;
	view->asked = true;
	view->count = object.referrers.list.count;
	return NULL;
}

static int figures_draw(const struct inspector_object *o, const struct area *area, int y)
{
	char size[UNITS_MAX], total[UNITS_MAX], count[UNITS_MAX], found[UNITS_MAX];
	units_bytes(size, o->size);
	units_bytes(total, o->with_buffers);
	units_count(count, o->refcount);
	units_maybe(found, o->found_references);
	if (o->where)
		area_foreign(area, 1, y++, area->width - 2, STYLE_PLAIN, o->where);
	int x = area_textf(area, 1, y, STYLE_PLAIN, "%s, with its buffers %s", size, total);
	if (o->dead)
		area_text(area, x, y, STYLE_PLAIN, "; dead, kept in a free list");
	else if (o->immortal)
		area_text(area, x, y, STYLE_PLAIN, "; immortal");
	else if (o->type)
		area_textf(area, x, y, STYLE_PLAIN, "; %s references, %s found", count, found);
	return y + 1;
}

static int chain_draw(const struct holder_chain *chain, const struct area *area, int y)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	for (size_t i = 0; i < chain->links.count; i++) {
		text_add(&line, i ? " > " : "");
		text_add_escaped(&line, chain->links.items[i], strlen(chain->links.items[i]));
	}
	if (!chain->links.count)
		text_add(&line, "nothing that could be found");
	area_text(area, 1, y, STYLE_TITLE, "HELD BY");
	return y + 1 +
	       area_wrap(area, 2, y + 1, area->width - 3, 4, STYLE_STRONG, text_string(&line));
}

static void referrer_draw(const struct holder_referrer *r, const struct area *area, int y)
{
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	text_addf(&line, RADDR_FORMAT "  %s %s", r->at.value, r->type ? r->type : "?",
		  r->how ? r->how : "");
	area_foreign(area, 2, y, area->width - 3, STYLE_PLAIN, text_string(&line));
}

static void referrers_draw(struct view *view, const struct area *area)
{
	const struct holder_referrers *r = &view->object.referrers;
	char n[UNITS_MAX];
	units_count(n, r->n_all);
	int x = area_text(area, 1, 0, STYLE_TITLE, "REFERRERS");
	area_text(area, x + 2, 0, STYLE_PLAIN, n);
	view->columns = 1;
	view->page = area->height > 1 ? (size_t)area->height - 1 : 1;
	view_scroll(view);
	for (size_t i = 0; i < view->page && view->top + i < r->list.count; i++) {
		referrer_draw(&r->list.items[view->top + i], area, (int)i + 1);
		for (int column = 0; view->top + i == view->cursor && column < area->width;
		     column++)
			area_mark(area, column, (int)i + 1, false, true);
	}
}

static void draw(const struct board *board, struct view *view, const struct area *area)
{
	const struct inspector_object *o = &view->object;
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	under_study_title(board, area, "OBJECT");
	if (!view->asked) {
		under_study_draw(board, area);
		return;
	}
	text_addf(&line, "%s at " RADDR_FORMAT,
		  o->type
			  ?: o->found ? "no object"
				      : "nothing in use",
		  o->found ? o->at.value : view->subject.value);
	if (o->preview)
		text_addf(&line, ": %s", o->preview);
	area_foreign(area, 1, 1, area->width - 2, STYLE_VERDICT, text_string(&line));
	int y = figures_draw(o, area, 2) + 1;
	if (!o->found)
		return;
	if (o->followed)
		y = chain_draw(&o->chain, area, y) + 1;
	struct area rows = area_part(area, 0, y, area->width, area->height - y);
	if (o->referrers.list.count && rows.height > 1)
		referrers_draw(view, &rows);
}

static const struct holder_referrer *referrer_at(const struct view *view)
{
	const struct holder_referrers *r = &view->object.referrers;
	return view->cursor < r->list.count ? &r->list.items[view->cursor] : NULL;
}

static bool request(struct board *board, struct view *view, enum request request)
{
	const struct holder_referrer *r = referrer_at(view);
	if (request == REQUEST_ENTER && r) {
		raddr at = r->at;
		view->subject = at;
		view->asked = false;
		view->cursor = view->top = 0;
		board_refresh(board);
		return true;
	}
	return request == REQUEST_ENTER || under_study_request(board, request);
}

static void hint(const struct board *board, const struct view *view, struct text *ret)
{
	(void)board;
	if (referrer_at(view))
		text_add(ret, "Enter goes to who refers to it");
}

const struct view_ops view_object = {
	.name = "object",
	.keys = "Enter go to the referrer  Esc back to the blocks  r look again  e export  ? help  q",
	.refresh = refresh,
	.draw = draw,
	.hint = hint,
	.request = request,
};
