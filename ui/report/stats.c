/*
 * stats: the interpreter's own report, written from the snapshot alone.
 *
 *	Small block threshold = 512, in 32 size classes.
 *
 *	class   size   num pools   blocks in use  avail blocks
 *	-----   ----   ---------   -------------  ------------
 *	    0     16          80           13504          6736
 *
 *	# arenas allocated total           =                   65
 *	|<--- label, 35 columns --------->| |<- 21 columns ---->|
 *	…
 *	           80 free PyDictObjects * 48 bytes each =                3,840
 *	|<------------ 48 columns, right-aligned ----->|
 *
 * Versions differ only in which lines they have; the snapshot says which, by figures that are absent.
 */
#include "ui/report/stats.h"

#include "base/cleanup.h"
#include "ui/text/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LABEL_WIDTH  35
#define FIGURE_WIDTH 21
#define COUNT_WIDTH  48 /* of "N free PyXs * S bytes each" */

struct stats {
	struct text *text;
	uint64_t n_unknown;
};

static void add_line(struct stats *s, const char *label, struct maybe figure)
{
	char value[UNITS_MAX];
	if (figure.absent)
		return;
	s->n_unknown += !figure.known;
	units_maybe(value, figure);
	text_addf(s->text, "%-*s=%*s\n", LABEL_WIDTH, label, FIGURE_WIDTH, value);
}

static void add_figure(struct stats *s, const char *label, uint64_t figure)
{
	add_line(s, label, maybe_known(figure));
}

/* "51 arenas * 262144 bytes/arena": a count, what is counted and its size; then the product. */
static void add_product(struct stats *s, uint64_t count, const char *format, uint64_t size,
			uint64_t product)
{
	_cleanup_(text_fini) struct text label = TEXT_EMPTY;
	text_addf(&label, "%" PRIu64 " %s%" PRIu64, count, format, size);
	text_add(&label, format[0] == 'a' ? " bytes/arena" : " bytes");
	add_figure(s, text_string(&label), product);
}

static void add_classes(struct stats *s, const struct pymalloc *p)
{
	text_addf(s->text,
		  "Small block threshold = %" PRIu64 ", in %" PRIu64 " size classes.\n\n"
		  "class   size   num pools   blocks in use  avail blocks\n"
		  "-----   ----   ---------   -------------  ------------\n",
		  p->threshold, p->n_classes);
	for (uint64_t i = 0; i < p->n_classes && i < PYMALLOC_CLASSES_MAX; i++) {
		const struct pymalloc_class *c = &p->classes[i];
		if (c->pools)
			text_addf(s->text,
				  "%5" PRIu64 " %6" PRIu64 " %11" PRIu64 " %15" PRIu64 " %13" PRIu64
				  "\n",
				  i, c->size, c->pools, c->used_blocks, c->free_blocks);
	}
	text_add(s->text, "\n");
}

/* What was ever allocated and is no more. */
static struct maybe arenas_reclaimed(const struct pymalloc *p)
{
	struct maybe reclaimed = p->arenas_allocated_total;
	reclaimed.value = size_subtract(reclaimed.value, p->arenas.count);
	return reclaimed;
}

static void add_arenas(struct stats *s, const struct pymalloc *p)
{
	add_line(s, "# arenas allocated total", p->arenas_allocated_total);
	add_line(s, "# arenas reclaimed", arenas_reclaimed(p));
	add_line(s, "# arenas highwater mark", p->arenas_highwater);
	add_figure(s, "# arenas allocated current", p->arenas.count);
	add_product(s, p->arenas.count, "arenas * ", p->arena_size,
		    size_multiply(p->arenas.count, p->arena_size));
	text_add(s->text, "\n");
}

static void add_bytes(struct stats *s, const struct pymalloc *p)
{
	add_figure(s, "# bytes in allocated blocks", p->allocated_bytes);
	add_figure(s, "# bytes in available blocks", p->available_bytes);
	add_product(s, p->unused_pools, "unused pools * ", p->pool_size, p->unused_pools_bytes);
	add_figure(s, "# bytes lost to pool headers", p->pool_headers_bytes);
	add_figure(s, "# bytes lost to quantization", p->quantization_bytes);
	add_figure(s, "# bytes lost to arena alignment", p->arena_alignment_bytes);
	add_figure(s, "Total", p->total_bytes);
}

static struct maybe nodes_bytes(struct maybe nodes, uint64_t size)
{
	nodes.value = size_multiply(nodes.value, size);
	return nodes;
}

/* The radix tree that tells whether an address is pymalloc's: 3.10 and on. */
static void add_arena_map(struct stats *s, const struct pymalloc *p)
{
	struct maybe mids = nodes_bytes(p->arena_map_mids, p->arena_map_mid_size);
	struct maybe bots = nodes_bytes(p->arena_map_bots, p->arena_map_bot_size);
	struct maybe root = {p->arena_map_root_size, p->arena_map_root_size > 0, false};
	struct maybe total = maybe_known(root.value + mids.value + bots.value);
	total.known = root.known && mids.known && bots.known;
	text_add(s->text, "\narena map counts\n");
	add_line(s, "# arena map mid nodes", p->arena_map_mids);
	add_line(s, "# arena map bot nodes", p->arena_map_bots);
	text_add(s->text, "\n");
	add_line(s, "# bytes lost to arena map root", root);
	add_line(s, "# bytes lost to arena map mid", mids);
	add_line(s, "# bytes lost to arena map bot", bots);
	add_line(s, "Total", total);
}

static void add_table(struct stats *s, const struct pymalloc *p, struct maybe serialno)
{
	add_classes(s, p);
	add_line(s, "# times object malloc called", serialno);
	add_arenas(s, p);
	add_bytes(s, p);
	if (p->has_arena_map)
		add_arena_map(s, p);
	text_add(s->text, "\n");
}

static void add_free_list(struct stats *s, const struct snapshot_free_list *list)
{
	_cleanup_(text_fini) struct text label = TEXT_EMPTY;
	char count[UNITS_MAX] = "?", size[UNITS_MAX] = "?", bytes[UNITS_MAX] = "?";
	if (list->count.absent)
		return;
	s->n_unknown += !list->count.known || !list->size;
	if (list->count.known)
		snprintf(count, sizeof(count), "%" PRIu64, list->count.value);
	if (list->size)
		snprintf(size, sizeof(size), "%" PRIu64, list->size);
	if (list->count.known && list->size)
		units_count(bytes, size_multiply(list->count.value, list->size));
	text_addf(&label, "%s ", count);
	text_add_escaped(&label, list->type, strnlen(list->type, sizeof(list->type)));
	text_addf(&label, "s * %s bytes each", size);
	text_addf(s->text, "%*s =%*s\n", COUNT_WIDTH, text_string(&label), FIGURE_WIDTH, bytes);
}

/* Serialno belongs to the process: printed with the main interpreter's table only. */
static void add_interpreter(struct stats *s, const struct snapshot *snapshot,
			    const struct snapshot_interpreter *interpreter, bool main)
{
	struct maybe absent = {.absent = true};
	if (!interpreter->readable) {
		text_add(s->text, "# this interpreter could not be read: ?\n");
		s->n_unknown++;
		return;
	}
	if (interpreter->pymalloc.used && !snapshot->target.shows_stats)
		text_add(s->text, "# hidden by allocator hooks: there the interpreter itself "
				  "prints only its free lists\n");
	if (interpreter->pymalloc.used)
		add_table(s, &interpreter->pymalloc, main ? snapshot->serialno : absent);
	for (size_t i = 0; i < interpreter->free_lists.count; i++)
		add_free_list(s, &interpreter->free_lists.items[i]);
}

uint64_t stats_write(struct text *text, const struct snapshot *snapshot)
{
	struct stats s = {.text = text};
	for (size_t i = 0; i < snapshot->interpreters.count; i++) {
		const struct snapshot_interpreter *interpreter = &snapshot->interpreters.items[i];
		if (interpreter->shares_main)
			continue;
		if (i)
			text_addf(text, "# interpreter %" PRId64 "\n", interpreter->id);
		add_interpreter(&s, snapshot, interpreter, i == 0);
	}
	return s.n_unknown;
}
