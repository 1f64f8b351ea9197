/*
 * difference: both looks' figures are sorted by name and walked side by side.
 *
 *	a   app.Row 10   ·            str 70
 *	b   ·            app.Task 5   str 90        → app.Row -10, app.Task +5, str +20
 *
 * Types of one name are one row: their addresses say nothing in another process. What a look folded as "others" is not
 * compared: nobody knows who is in it.
 */
#include "inspector/verdict/difference.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

#define CLASS_NAME_MAX 32

struct figure {
	char *name; /* owned */
	uint64_t count, bytes;
};

struct figures {
	VEC(struct figure) list;
};

static void figures_fini(struct figures *figures)
{
	for (size_t i = 0; i < figures->list.count; i++)
		free(figures->list.items[i].name);
	vec_fini(&figures->list);
}

static struct error *add_figure(struct figures *to, const char *name, uint64_t count,
				uint64_t bytes)
{
	struct figure *figure = vec_push(&to->list);
	if (!figure || !(figure->name = strdup(name ? name : "?")))
		return error_out_of_memory();
	figure->count = count;
	figure->bytes = bytes;
	return NULL;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct figure *)a)->name, ((const struct figure *)b)->name);
}

/* Sorted, and one for each name. */
static void fold(struct figures *figures)
{
	size_t kept = 0;
	if (!figures->list.count)
		return;
	struct figure *items = figures->list.items;
	qsort(items, figures->list.count, sizeof(*items), compare_names);
	for (size_t i = 1; i < figures->list.count; i++) {
		if (strcmp(items[kept].name, items[i].name) != 0) {
			items[++kept] = items[i];
			continue;
		}
		items[kept].count = size_add(items[kept].count, items[i].count);
		items[kept].bytes = size_add(items[kept].bytes, items[i].bytes);
		free(items[i].name);
	}
	figures->list.count = kept + 1;
}

/* ---- what a look tells of each part --------------------------------------------------------------------- */

static struct error *types_of(const struct snapshot *s, struct figures *ret)
{
	struct error *err = NULL;
	for (size_t i = 0; i < s->census.types.count && !err; i++) {
		const struct census_row *row = &s->census.types.items[i];
		err = add_figure(ret, row->name, row->count,
				 size_add(row->bytes, row->buffer_bytes));
	}
	return err;
}

static struct error *roots_of(const struct snapshot *s, struct figures *ret)
{
	struct error *err = NULL;
	for (size_t i = 0; i < s->holders.roots.count && !err; i++) {
		const struct holder_root *root = &s->holders.roots.items[i];
		if (root->kind != HOLDER_UNKNOWN)
			err = add_figure(ret, root->name, root->count, root->bytes);
	}
	return err;
}

static struct error *classes_of(const struct snapshot *s, struct figures *ret)
{
	struct error *err = NULL;
	for (size_t i = 0; i < s->interpreters.count && !err; i++) {
		const struct pymalloc *p = &s->interpreters.items[i].pymalloc;
		for (size_t k = 0; k < p->n_classes && k < PYMALLOC_CLASSES_MAX && !err; k++) {
			const struct pymalloc_class *class = &p->classes[k];
			char name[CLASS_NAME_MAX];
			(void)snprintf(name, sizeof(name), "class %" PRIu64, class->size);
			err = add_figure(ret, name, class->used_blocks,
					 size_multiply(class->used_blocks, class->size));
		}
	}
	return err;
}

/* Resident bytes where both looks know them; else sizes. */
static struct error *leaves_of(const struct snapshot *s, bool resident, struct figures *ret)
{
	struct error *err = NULL;
	for (int i = 0; i < LEAF_COUNT && !err; i++) {
		const struct ledger_line *line = &s->ledger.lines[i];
		err = add_figure(ret, leaf_key((enum leaf)i), 0,
				 resident ? line->tally.present : line->size);
	}
	return err;
}

static struct error *figures_of(const struct snapshot *s, enum difference_part part, bool resident,
				struct figures *ret)
{
	switch (part) {
	case DIFFERENCE_TYPE:
		return types_of(s, ret);
	case DIFFERENCE_ROOT:
		return roots_of(s, ret);
	case DIFFERENCE_CLASS:
		return classes_of(s, ret);
	case DIFFERENCE_LEAF:
		return leaves_of(s, resident, ret);
	}
	return NULL;
}

/* ---- rows ---------------------------------------------------------------------------------------------------- */

/* b - a, held at the ends. */
static int64_t less(uint64_t b, uint64_t a)
{
	if (b >= a)
		return (int64_t)size_min(b - a, INT64_MAX);
	return -(int64_t)size_min(a - b, INT64_MAX);
}

/* Of a name that one or both have: NULL is none. Their names move into the row. */
static struct error *add_row(struct difference *to, enum difference_part part, struct figure *a,
			     struct figure *b)
{
	struct difference_row row = {
		.part = part,
		.count_a = a ? a->count : 0,
		.count_b = b ? b->count : 0,
		.bytes_a = a ? a->bytes : 0,
		.bytes_b = b ? b->bytes : 0,
	};
	row.count = less(row.count_b, row.count_a);
	row.bytes = less(row.bytes_b, row.bytes_a);
	if (!row.count && !row.bytes)
		return NULL;
	struct difference_row *place = vec_push(&to->rows);
	if (!place)
		return error_out_of_memory();
	row.name = a ? take(a->name) : take(b->name);
	*place = row;
	return NULL;
}

static struct error *merge(struct difference *to, enum difference_part part, struct figures *a,
			   struct figures *b)
{
	struct error *err = NULL;
	size_t i = 0, k = 0;
	while ((i < a->list.count || k < b->list.count) && !err) {
		struct figure *one = i < a->list.count ? &a->list.items[i] : NULL;
		struct figure *other = k < b->list.count ? &b->list.items[k] : NULL;
		int order = !one ? 1 : !other ? -1 : strcmp(one->name, other->name);
		err = add_row(to, part, order <= 0 ? one : NULL, order >= 0 ? other : NULL);
		i += order <= 0;
		k += order >= 0;
	}
	return err;
}

static struct error *compare_part(const struct snapshot *a, const struct snapshot *b,
				  enum difference_part part, struct difference *to)
{
	_cleanup_(figures_fini) struct figures one = {VEC_EMPTY}, other = {VEC_EMPTY};
	bool resident = a->ledger.has_residency && b->ledger.has_residency;
	struct error *err = figures_of(a, part, resident, &one);
	err = err ?: figures_of(b, part, resident, &other);
	if (err)
		return err;
	fold(&one);
	fold(&other);
	return merge(to, part, &one, &other);
}

static uint64_t magnitude(int64_t value)
{
	return value < 0 ? (uint64_t)-value : (uint64_t)value;
}

static int compare_rows(const void *a, const void *b)
{
	const struct difference_row *one = a, *other = b;
	uint64_t bytes = magnitude(one->bytes), count = magnitude(one->count);
	if (one->part != other->part)
		return one->part < other->part ? -1 : 1;
	if (bytes != magnitude(other->bytes))
		return bytes > magnitude(other->bytes) ? -1 : 1;
	if (count != magnitude(other->count))
		return count > magnitude(other->count) ? -1 : 1;
	return strcmp(one->name, other->name);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static bool is_set(const struct timespec *time)
{
	return time->tv_sec || time->tv_nsec;
}

static double seconds_between(const struct timespec *a, const struct timespec *b)
{
	if (!is_set(a) || !is_set(b))
		return 0;
	return (double)b->tv_sec - (double)a->tv_sec +
	       ((double)b->tv_nsec - (double)a->tv_nsec) / 1e9;
}

static void compare_targets(const struct snapshot_target *a, const struct snapshot_target *b,
			    struct difference *to)
{
	/* The kernel counts a start in ticks since boot, and the moment of boot is itself computed. */
	double started = seconds_between(&a->started_at, &b->started_at);
	to->same_build = build_id_equal(&a->build_id, &b->build_id);
	to->same_process = to->same_build && a->pid && a->pid == b->pid && is_set(&a->started_at) &&
			   is_set(&b->started_at) && started > -1 && started < 1;
	to->seconds = seconds_between(&a->taken_at, &b->taken_at);
}

struct sums {
	uint64_t arenas, bytes, blocks;
};

static struct sums sum_up(const struct snapshot *s)
{
	struct sums sums = {0};
	for (size_t i = 0; i < s->interpreters.count; i++) {
		const struct snapshot_interpreter *of = &s->interpreters.items[i];
		sums.arenas += of->pymalloc.arenas.count + of->mimalloc.segments.count;
		sums.bytes = size_add(sums.bytes, size_add(of->pymalloc.allocated_bytes,
							   of->mimalloc.used_bytes));
		sums.blocks = size_add(
			sums.blocks, size_add(of->pymalloc.used_blocks, of->mimalloc.used_blocks));
	}
	return sums;
}

struct error *difference_make(const struct snapshot *a, const struct snapshot *b,
			      struct difference *ret)
{
	const struct {
		enum difference_part part;
		bool both;
	} parts[] = {
		{DIFFERENCE_TYPE, a->census.filled && b->census.filled},
		{DIFFERENCE_ROOT, a->holders.filled && b->holders.filled},
		{DIFFERENCE_CLASS, true},
		{DIFFERENCE_LEAF, a->ledger.filled && b->ledger.filled},
	};
	_cleanup_(difference_fini) struct difference difference = {.seconds = 0};
	struct sums one = sum_up(a), other = sum_up(b);
	bool ledgers = a->ledger.has_residency && b->ledger.has_residency;
	struct error *err = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(parts) && !err; i++)
		err = parts[i].both ? compare_part(a, b, parts[i].part, &difference) : NULL;
	if (err)
		return err;
	compare_targets(&a->target, &b->target, &difference);
	difference.rss =
		ledgers ? less(b->ledger.rss, a->ledger.rss) : less(b->target.rss, a->target.rss);
	difference.arenas = less(other.arenas, one.arenas);
	difference.live_bytes = less(other.bytes, one.bytes);
	difference.live_blocks = less(other.blocks, one.blocks);
	if (difference.rows.count)
		qsort(difference.rows.items, difference.rows.count, sizeof(*difference.rows.items),
		      compare_rows);
	*ret = difference;
	difference = (struct difference){.seconds = 0};
	return NULL;
}

void difference_fini(struct difference *difference)
{
	for (size_t i = 0; i < difference->rows.count; i++)
		free(difference->rows.items[i].name);
	vec_fini(&difference->rows);
	*difference = (struct difference){.seconds = 0};
}
