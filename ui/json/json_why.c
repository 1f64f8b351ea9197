/* json_why: evidence by name, words as `why` prints them, so that a script can paste them. */
#include "ui/json/json_why.h"

#include "base/cleanup.h"
#include "ui/json/json_value.h"
#include "ui/report/why_advice.h"
#include "ui/report/why_words.h"

static bool within(size_t i, size_t n, uint64_t limit)
{
	return i < n && (!limit || i < limit);
}

/* Words of ours, in which foreign text is escaped already. */
static json_t *words(struct text *text)
{
	json_t *string = text->failed ? NULL : json_value_quote(text_string(text));
	text_fini(text);
	return string;
}

static json_t *links(char *const *items, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_value_append(&list, json_value_text(items[i]));
	return list;
}

/* ---- causes ------------------------------------------------------------------------------ */

static json_t *evidence(const struct cause *cause)
{
	json_t *o = json_object();
	for (size_t i = 0; i < cause->n_evidence; i++) {
		const struct evidence *e = &cause->evidence[i];
		json_value_set(&o, e->name,
			       e->unit == EVIDENCE_TEXT       ? json_value_text(e->text)
			       : e->unit == EVIDENCE_PERMILLE ? json_real((double)e->value / 1000)
							      : json_value_count(e->value));
	}
	return o;
}

static json_t *advice(const struct why_words *w, const struct cause *cause)
{
	json_t *list = json_array();
	struct text line = TEXT_EMPTY;
	for (size_t i = 0; why_advice(&line, w, cause, i); i++)
		json_value_append(&list, words(&line));
	text_fini(&line);
	return list;
}

static json_t *holder_of(const struct snapshot *s, const struct cause *cause)
{
	const char *name = NULL;
	if (cause->pin_root < s->pins.roots.count)
		name = s->pins.roots.items[cause->pin_root].name;
	else if (cause->holder_root < s->holders.roots.count)
		name = s->holders.roots.items[cause->holder_root].name;
	return json_value_text(name);
}

static json_t *cause_of(const struct why_words *w, const struct cause *cause)
{
	struct text line = TEXT_EMPTY;
	json_t *o = json_object();
	why_cause(&line, w, cause);
	json_value_set(&o, "cause", json_string(cause_kind_name(cause->kind)));
	json_value_set(&o, "bytes", json_value_count(cause->bytes));
	json_value_set(&o, "symptom_bytes", json_value_count(cause->symptom));
	json_value_set(&o, "confidence", json_string(cause->measured ? "measured" : "inferred"));
	json_value_set(&o, "text", words(&line));
	json_value_set(&o, "holder", holder_of(w->snapshot, cause));
	json_value_set(&o, "evidence", evidence(cause));
	json_value_set(&o, "advice", advice(w, cause));
	return o;
}

static json_t *verdict_lines(const struct why_words *w)
{
	json_t *list = json_array();
	const struct verdict *v = &w->snapshot->verdict;
	for (size_t i = 0; i < v->causes.count; i++) {
		struct text line = TEXT_EMPTY;
		why_cause(&line, w, &v->causes.items[i]);
		json_value_append(&list, words(&line));
	}
	return list;
}

static json_t *theories(const struct why_words *w)
{
	json_t *list = json_array();
	for (size_t i = 0; i < w->snapshot->verdict.not_causes.count; i++) {
		const struct ruled_out *r = &w->snapshot->verdict.not_causes.items[i];
		struct text line = TEXT_EMPTY;
		json_t *o = json_object();
		why_not(&line, w, r);
		json_value_set(&o, "theory", json_string(theory_name(r->theory)));
		json_value_set(&o, "bytes", json_value_maybe(r->bytes));
		json_value_set(&o, "text", words(&line));
		json_value_append(&list, o);
	}
	return list;
}

/* ---- pins -------------------------------------------------------------------------------- */

static json_t *chain_of(const struct holder_chain *c)
{
	json_t *o = json_object();
	json_value_set(&o, "chain", links(c->links.items, c->links.count));
	json_value_set(&o, "kind", json_string(holder_kind_name(c->kind)));
	json_value_set(&o, "count", json_value_count(c->count));
	json_value_set(&o, "bytes", json_value_count(c->bytes));
	return o;
}

static json_t *pin_of(const struct pin *p)
{
	json_t *o = json_object(), *holders = json_array();
	for (size_t i = 0; i < p->holders.count; i++)
		json_value_append(&holders, chain_of(&p->holders.items[i]));
	json_value_set(&o, "type", json_value_text(p->type));
	json_value_set(&o, "count", json_value_count(p->count));
	json_value_set(&o, "bytes", json_value_count(p->bytes));
	json_value_set(&o, "arenas", json_value_count(p->arenas));
	json_value_set(&o, "sole_arenas", json_value_count(p->sole_arenas));
	json_value_set(&o, "held_bytes", json_value_count(p->held));
	json_value_set(&o, "returned_bytes", json_value_count(p->returned));
	json_value_set(&o, "holders", holders);
	return o;
}

static json_t *pin_root_of(const struct pin_root *r)
{
	json_t *o = json_object();
	json_value_set(&o, "root", json_value_text(r->name));
	json_value_set(&o, "kind", json_string(holder_kind_name(r->kind)));
	json_value_set(&o, "type", json_value_text(r->type));
	json_value_set(&o, "type_count", json_value_count(r->type_count));
	json_value_set(&o, "count", json_value_count(r->count));
	json_value_set(&o, "bytes", json_value_count(r->bytes));
	json_value_set(&o, "arenas", json_value_count(r->arenas));
	json_value_set(&o, "sole_arenas", json_value_count(r->sole_arenas));
	json_value_set(&o, "held_bytes", json_value_count(r->held));
	json_value_set(&o, "returned_bytes", json_value_count(r->returned));
	json_value_set(&o, "chain", links(r->links.items, r->links.count));
	return o;
}

static json_t *pins_of(const struct pins *p, uint64_t limit)
{
	json_t *list = json_array();
	for (size_t i = 0; within(i, p->types.count, limit); i++)
		json_value_append(&list, pin_of(&p->types.items[i]));
	return p->filled ? list : (json_decref(list), json_null());
}

static json_t *top_of(const struct pin_top *t)
{
	json_t *o = json_object();
	json_value_set(&o, "arena", json_value_address(t->arena));
	json_value_set(&o, "chunk", json_value_address(t->chunk));
	json_value_set(&o, "bytes", json_value_count(t->size));
	json_value_set(&o, "free_below_bytes", json_value_count(t->below));
	json_value_set(&o, "free_above_bytes", json_value_count(t->above));
	json_value_set(&o, "type", json_value_text(t->type));
	json_value_set(&o, "chain",
		       t->chain.links.count ? links(t->chain.links.items, t->chain.links.count)
					    : json_null());
	return o;
}

static json_t *sparse_of(const struct pins *p, uint64_t limit)
{
	if (!p->filled)
		return json_null();
	json_t *o = json_object(), *roots = json_array(), *curve = json_array();
	json_t *tops = json_array();
	for (size_t i = 0; within(i, p->roots.count, limit); i++)
		json_value_append(&roots, pin_root_of(&p->roots.items[i]));
	for (size_t i = 0; i < p->curve.count; i++) {
		json_t *step = json_object();
		json_value_set(&step, "blocks", json_value_count(p->curve.items[i].blocks));
		json_value_set(&step, "bytes", json_value_count(p->curve.items[i].bytes));
		json_value_set(&step, "returned_bytes",
			       json_value_count(p->curve.items[i].returned));
		json_value_append(&curve, step);
	}
	for (size_t i = 0; within(i, p->tops.count, limit); i++)
		json_value_append(&tops, top_of(&p->tops.items[i]));
	json_value_set(&o, "of", json_string(p->mimalloc ? "mimalloc_pages" : "pymalloc_arenas"));
	json_value_set(&o, "below", json_real(p->sparse_below));
	json_value_set(&o, "arenas", json_value_count(p->arenas));
	json_value_set(&o, "sparse_arenas", json_value_count(p->sparse_arenas));
	json_value_set(&o, "resident_bytes", json_value_count(p->sparse_bytes));
	json_value_set(&o, "free_bytes", json_value_count(p->sparse_free));
	json_value_set(&o, "used_blocks", json_value_count(p->sparse_blocks));
	json_value_set(&o, "used_bytes", json_value_count(p->sparse_used));
	json_value_set(&o, "unreached_bytes", json_value_count(p->unreached_bytes));
	json_value_set(&o, "unreached_returned_bytes", json_value_count(p->unreached_returned));
	json_value_set(&o, "roots", roots);
	json_value_set(&o, "curve", curve);
	json_value_set(&o, "tops", tops);
	return o;
}

/* ---- holders ----------------------------------------------------------------------------- */

static json_t *type_of(const struct holder_type *t)
{
	json_t *o = json_object();
	json_value_set(&o, "type", json_value_text(t->type));
	json_value_set(&o, "count", json_value_count(t->count));
	json_value_set(&o, "bytes", json_value_count(t->bytes));
	return o;
}

static json_t *types_of(const struct holder_type *items, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_value_append(&list, type_of(&items[i]));
	return list;
}

static json_t *root_of(const struct holder_root *r)
{
	json_t *o = json_object(), *chains = json_array();
	for (size_t i = 0; i < r->chains.count; i++)
		json_value_append(&chains, chain_of(&r->chains.items[i]));
	json_value_set(&o, "root", json_value_text(r->name));
	json_value_set(&o, "kind", json_string(holder_kind_name(r->kind)));
	json_value_set(&o, "bytes", json_value_count(r->bytes));
	json_value_set(&o, "count", json_value_count(r->count));
	json_value_set(&o, "types", types_of(r->types.items, r->types.count));
	json_value_set(&o, "chains", chains);
	return o;
}

static json_t *holders_of(const struct holders *h, uint64_t limit)
{
	if (!h->filled)
		return json_null();
	json_t *list = json_array();
	for (size_t i = 0; within(i, h->roots.count, limit); i++)
		json_value_append(&list, root_of(&h->roots.items[i]));
	return list;
}

static json_t *sum_of(const struct holder_type *sum, const struct holder_type *types, size_t n)
{
	json_t *o = json_object();
	json_value_set(&o, "count", json_value_count(sum->count));
	json_value_set(&o, "bytes", json_value_count(sum->bytes));
	json_value_set(&o, "types", types_of(types, n));
	return o;
}

static json_t *lost_of(const struct holders *h)
{
	json_t *o = json_object(), *sizes = json_array();
	for (size_t i = 0; i < h->lost_sizes.count; i++) {
		json_t *size = json_object();
		json_value_set(&size, "size", json_value_count(h->lost_sizes.items[i].size));
		json_value_set(&size, "count", json_value_count(h->lost_sizes.items[i].count));
		json_value_append(&sizes, size);
	}
	json_value_set(&o, "count", json_value_count(h->lost_count));
	json_value_set(&o, "bytes", json_value_count(h->lost_bytes));
	json_value_set(&o, "library", json_value_text(h->lost_library));
	json_value_set(&o, "sizes", sizes);
	return o;
}

/* What no root reaches, and what needs none. */
static json_t *unheld_of(const struct holders *h)
{
	if (!h->filled)
		return json_null();
	json_t *o = json_object();
	json_value_set(&o, "complete", json_boolean(h->complete));
	json_value_set(&o, "reached_bytes", json_value_count(h->reached_bytes));
	json_value_set(&o, "reached_count", json_value_count(h->reached_count));
	json_value_set(&o, "garbage",
		       sum_of(&h->garbage, h->garbage_types.items, h->garbage_types.count));
	json_value_set(&o, "frozen",
		       sum_of(&h->frozen, h->frozen_types.items, h->frozen_types.count));
	json_value_set(&o, "gc_enabled",
		       h->gc_enabled.known ? json_boolean(h->gc_enabled.value) : json_null());
	json_value_set(&o, "leaked",
		       sum_of(&h->leaked, h->leaked_types.items, h->leaked_types.count));
	json_value_set(&o, "lost", lost_of(h));
	json_value_set(&o, "native_count", json_value_count(h->native_count));
	json_value_set(&o, "native_bytes", json_value_count(h->native_bytes));
	json_value_set(&o, "unreached_count", json_value_count(h->unreached_count));
	json_value_set(&o, "unreached_bytes", json_value_count(h->unreached_bytes));
	json_value_set(&o, "immortal_count", json_value_count(h->immortal_count));
	json_value_set(&o, "immortal_bytes", json_value_count(h->immortal_bytes));
	json_value_set(&o, "interned_count", json_value_count(h->interned_count));
	json_value_set(&o, "interned_bytes", json_value_count(h->interned_bytes));
	return o;
}

static json_t *fork_of(const struct fork_copies *f)
{
	if (!f->filled)
		return json_null();
	json_t *o = json_object();
	json_value_set(&o, "parent", json_integer(f->parent));
	json_value_set(&o, "private_bytes", json_value_count(f->private_bytes));
	json_value_set(&o, "compared_bytes", json_value_count(f->compared));
	json_value_set(&o, "identical_bytes", json_value_count(f->identical));
	json_value_set(&o, "refcounts_only_bytes", json_value_count(f->refcounts_only));
	json_value_set(&o, "gc_links_only_bytes", json_value_count(f->gc_links_only));
	json_value_set(&o, "changed_bytes", json_value_count(f->changed));
	return o;
}

static json_t *huge_of(const struct huge_zeros *h)
{
	if (!h->filled)
		return json_null();
	json_t *o = json_object();
	json_value_set(&o, "compared_bytes", json_value_count(h->compared));
	json_value_set(&o, "zero_bytes", json_value_count(h->zeros));
	return o;
}

json_t *json_why_of(const struct snapshot *s, const struct json_request *request)
{
	const struct verdict *v = &s->verdict;
	const uint64_t limit = request->limit;
	struct why_words w = {s, UNITS_AUTO, false, request->since_name};
	if (!v->filled)
		return json_null();
	json_t *o = json_object(), *causes = json_array();
	for (size_t i = 0; i < v->causes.count; i++)
		json_value_append(&causes, cause_of(&w, &v->causes.items[i]));
	json_value_set(&o, "verdict", verdict_lines(&w));
	json_value_set(&o, "causes", causes);
	json_value_set(&o, "pins", pins_of(&s->pins, limit));
	json_value_set(&o, "sparse", sparse_of(&s->pins, limit));
	json_value_set(&o, "holders", holders_of(&s->holders, limit));
	json_value_set(&o, "unheld", unheld_of(&s->holders));
	json_value_set(&o, "fork", fork_of(&v->fork));
	json_value_set(&o, "huge", huge_of(&v->huge));
	json_value_set(&o, "not", theories(&w));
	return o;
}

/* ---- what grew --------------------------------------------------------------------------- */

static json_t *grown(const struct difference_row *r)
{
	json_t *o = json_object();
	json_value_set(&o, "name", json_value_text(r->name));
	json_value_set(&o, "count", json_integer(r->count));
	json_value_set(&o, "bytes", json_integer(r->bytes));
	json_value_set(&o, "count_before", json_value_count(r->count_a));
	json_value_set(&o, "count_now", json_value_count(r->count_b));
	json_value_set(&o, "bytes_before", json_value_count(r->bytes_a));
	json_value_set(&o, "bytes_now", json_value_count(r->bytes_b));
	return o;
}

static json_t *part_of(const struct difference *d, enum difference_part part, uint64_t limit)
{
	json_t *list = json_array();
	size_t n = 0;
	for (size_t i = 0; i < d->rows.count; i++) {
		if (d->rows.items[i].part == part && (!limit || n++ < limit))
			json_value_append(&list, grown(&d->rows.items[i]));
	}
	return list;
}

json_t *json_difference_of(const struct difference *d, uint64_t limit)
{
	json_t *o = json_object();
	json_value_set(&o, "same_process", json_boolean(d->same_process));
	json_value_set(&o, "same_build", json_boolean(d->same_build));
	json_value_set(&o, "seconds", json_real(d->seconds));
	json_value_set(&o, "rss_bytes", json_integer(d->rss));
	json_value_set(&o, "live_bytes", json_integer(d->live_bytes));
	json_value_set(&o, "live_blocks", json_integer(d->live_blocks));
	json_value_set(&o, "arenas", json_integer(d->arenas));
	json_value_set(&o, "types", part_of(d, DIFFERENCE_TYPE, limit));
	json_value_set(&o, "roots", part_of(d, DIFFERENCE_ROOT, limit));
	json_value_set(&o, "classes", part_of(d, DIFFERENCE_CLASS, limit));
	json_value_set(&o, "ledger", part_of(d, DIFFERENCE_LEAF, limit));
	return o;
}
