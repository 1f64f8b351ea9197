/*
 * scan: the steps in order; each needs the answer of the one before.
 *
 *	tables of pools in memory   one      several, none
 *	the module tells            the same  another one   nothing
 *	                            │        └ is it one?   └ no answer, but for one
 *	                            ▼          ▼
 *	                            this one: arenas[], …   (one here and another there: no answer)
 *
 * A live target changes under the look: what gives no answer is tried again, a few times.
 */
#include "inspector/scan/scan.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "inspector/scan/allocators.h"
#include "inspector/scan/cross_check.h"
#include "inspector/scan/free_lists.h"
#include "inspector/scan/layout_fill.h"
#include "inspector/scan/rest.h"
#include "inspector/scan/state_place.h"
#include "inspector/scan/state_roots.h"
#include "inspector/scan/static_roots.h"
#include "symbols/report.h"

#include <stdarg.h>

/* About a second: a busy target on a busy machine agrees with itself once in ten times. */
#define TRIES        200
#define TRIES_AGED   5 /* of one list of mappings: a heap may just have outgrown it */
#define TRIES_BLIND  4 /* where nothing looks like a table of pools */
#define VERSION_3_12 0x030c0000u

struct work {
	struct space *space;
	const struct elf_image *image;
	struct python_build *build;
	struct pymalloc_shape shape;
	struct data_segments data;
	struct layout_fill fill;
	struct scan *ret;
	const struct origin *running; /* NULL: it stands still */
	bool blind;                   /* no words of the data look like a table of pools */
	bool placed; /* the table's place is told, though no pool that it leads to can be read */
};

/* ---- telling ---------------------------------------------------------------------------- */

static void tell(const struct work *w, bool used, const char *what, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static void tell(const struct work *w, bool used, const char *what, const char *format, ...)
{
	_cleanup_(text_fini) struct text text = TEXT_EMPTY;
	va_list args;
	va_start(args, format);
	text_addv(&text, format, args);
	va_end(args);
	python_build_add_trial(w->build, used, what, text_string(&text));
}

static void conclude(struct work *w, enum scan_verdict verdict, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void conclude(struct work *w, enum scan_verdict verdict, const char *format, ...)
{
	struct text text = TEXT_EMPTY;
	va_list args;
	va_start(args, format);
	text_addv(&text, format, args);
	va_end(args);
	free(w->ret->why);
	w->ret->why = text_take(&text);
	w->ret->verdict = verdict;
}

/* ---- up to 3.11 --------------------------------------------------------------------------- */

static void fill_statics(struct work *w, const struct pool_table *pools,
			 const struct arena_table *table)
{
	struct static_roots r = static_roots_find(&w->data, table);
	if (r.n_places != 1) {
		conclude(w, SCAN_NONE, "the variables arenas and maxarenas could lie in %u ways",
			 (unsigned)r.n_places);
		return;
	}
	layout_fill_variable(&w->fill, LAYOUT_STATIC_USEDPOOLS, pools->at,
			     pools->n_classes * UINT64_C(16));
	layout_fill_variable(&w->fill, LAYOUT_STATIC_ARENAS, r.arenas, 8);
	layout_fill_variable(&w->fill, LAYOUT_STATIC_MAXARENAS, r.maxarenas, 4);
	layout_fill_variable(&w->fill, LAYOUT_STATIC_UNUSED_ARENA_OBJECTS, r.unused_arena_objects,
			     8);
	layout_fill_variable(&w->fill, LAYOUT_STATIC_USABLE_ARENAS, r.usable_arenas, 8);
	layout_fill_variable(&w->fill, LAYOUT_STATIC_NFP2LASTA, r.nfp2lasta,
			     r.n_nfp2lasta * UINT64_C(8));
	layout_fill_variable(&w->fill, LAYOUT_STATIC_NARENAS_CURRENT, r.current, 8);
	layout_fill_variable(&w->fill, LAYOUT_STATIC_NTIMES_ALLOCATED, r.total, 8);
	layout_fill_variable(&w->fill, LAYOUT_STATIC_NARENAS_HIGHWATER, r.highwater, 8);
	tell(w, true, "scan: variables",
	     "arenas at " RADDR_FORMAT ", maxarenas at " RADDR_FORMAT "%s%s%s", r.arenas.value,
	     r.maxarenas.value, raddr_is_null(r.usable_arenas) ? "" : ", lists",
	     raddr_is_null(r.nfp2lasta) ? "" : ", nfp2lasta",
	     raddr_is_null(r.total) ? "" : ", counters");
}

/* The radix tree is there exactly where pools are larger than a page (3.10 to 3.15). */
static struct error *fill_map(struct work *w, const struct arena_table *table)
{
	struct arena_map map;
	if (table->geometry.pool_size == 4 * KIB)
		return NULL;
	struct error *err = arena_map_find(w->space, &w->data, table, &map);
	if (err)
		return err;
	if (map.n_found != 1) {
		tell(w, false, "scan: radix tree", "%u candidates lead to every arena",
		     map.n_found);
		return NULL;
	}
	layout_fill_variable(&w->fill, LAYOUT_STATIC_ARENA_MAP_ROOT, map.root, map.root_size);
	layout_fill_variable(&w->fill, LAYOUT_STATIC_ARENA_MAP_MID_COUNT, map.mid_count, 4);
	layout_fill_variable(&w->fill, LAYOUT_STATIC_ARENA_MAP_BOT_COUNT, map.bot_count, 4);
	layout_fill_size(&w->fill, LAYOUT_ARENA_MAP_MID_SIZE, map.mid_size);
	layout_fill_size(&w->fill, LAYOUT_ARENA_MAP_BOT_SIZE, map.bot_size);
	tell(w, true, "scan: radix tree", "at " RADDR_FORMAT ", %u and %u nodes%s", map.root.value,
	     (unsigned)map.n_mids, (unsigned)map.n_bots,
	     raddr_is_null(map.mid_count) ? ", their counts not found" : "");
	return NULL;
}

static struct error *scan_statics(struct work *w, const struct pool_table *pools)
{
	struct arena_tables tables;
	if (pools->n_heads == 0) {
		layout_fill_variable(&w->fill, LAYOUT_STATIC_USEDPOOLS, pools->at,
				     pools->n_classes * UINT64_C(16));
		w->placed = pools->n_unseen > 0;
		if (w->placed)
			conclude(w, SCAN_NONE, "no pool in use can be read");
		else
			conclude(w, SCAN_IDLE, "no pool is in use");
		return NULL;
	}
	struct error *err =
		arena_table_find(w->space, w->image, &w->shape, &w->data, pools, &tables);
	if (err)
		return err;
	_cleanup_(arena_table_fini) struct arena_table table = tables.first;
	tell(w, tables.n_found == 1, "scan: arenas",
	     "%u found that hold all %u pools at the ends of lists, %u refused",
	     (unsigned)tables.n_found, (unsigned)pools->n_heads, (unsigned)tables.n_refused);
	if (tables.n_found != 1) {
		conclude(w, SCAN_NONE, "%u tables of arenas fit all pools in use",
			 (unsigned)tables.n_found);
		return NULL;
	}
	w->ret->verdict = SCAN_FOUND;
	fill_statics(w, pools, &table);
	return w->ret->verdict == SCAN_FOUND ? fill_map(w, &table) : NULL;
}

/* ---- from 3.12 on ---------------------------------------------------------------------------- */

/* Those that nothing else has told; what is recorded is believed where memory says nothing against it. */
static struct error *fill_free_lists(struct work *w, const struct pool_table *pools,
				     const struct state_place *place)
{
	struct free_lists lists;
	if (w->build->layout.entries[LAYOUT_FREELIST_DICT].provenance > PROVENANCE_BUILTIN)
		return NULL;
	struct error *err = free_lists_find(w->space, &w->shape, w->build, pools, place->main,
					    place->offset, &lists);
	if (err)
		return err;
	if (lists.found) {
		layout_fill_members(&w->fill, lists.entries);
		tell(w, true, "scan: free lists of objects",
		     "%u lists bear their members out, %u change too fast", lists.n_proven,
		     lists.n_moving);
		return NULL;
	}
	for (unsigned id = LAYOUT_FREELIST_DICT; id <= LAYOUT_FREELIST_TUPLE && !lists.recorded;
	     id++)
		layout_fill_deny(&w->fill, id);
	tell(w, lists.recorded, "scan: free lists of objects", "%s%s", lists.why,
	     lists.recorded ? "; but they are recorded so" : "");
	return NULL;
}

static struct error *scan_state(struct work *w, const struct pool_table *pools,
				const struct state_roots *roots)
{
	struct state_place place;
	w->ret->verdict = roots->idle ? SCAN_IDLE : SCAN_FOUND;
	layout_fill_members(&w->fill, roots->entries);
	struct error *err =
		state_place_find(w->space, w->image, &w->build->layout, pools->at, &place);
	if (err)
		return err;
	if (place.n_found != 1) {
		conclude(w, SCAN_NONE, "%s", place.why);
		return NULL;
	}
	layout_fill_place(&w->fill, &place);
	tell(w, true, "scan: state", "%s at offset %" PRIu64 " of the main interpreter",
	     place.embedded ? "embedded" : "pointed to", place.offset);
	if (roots->idle)
		conclude(w, SCAN_IDLE, "it has never had an arena");
	return place.embedded ? NULL : fill_free_lists(w, pools, &place);
}

/* ---- beside the heap ------------------------------------------------------------------------- */

static void fill_function(struct work *w, enum layout_entry_id id, raddr at)
{
	layout_fill_variable(&w->fill, id, at, 0);
}

static void fill_runtime_member(struct work *w, enum layout_entry_id id, raddr at, uint64_t size)
{
	const struct layout *layout = &w->fill.layout;
	uint64_t runtime = w->image->bias + layout_offset(layout, LAYOUT_RUNTIME);
	if (raddr_is_null(at) || !layout_has(layout, LAYOUT_RUNTIME) || at.value < runtime)
		return;
	layout_fill_member(&w->fill, id, at.value - runtime, size);
}

/* Who serves objects, and what stands before it. No answer only leaves that unknown. */
static struct error *fill_allocators(struct work *w)
{
	struct allocators a;
	struct error *err = allocators_find(w->space, w->image, &w->data, &a);
	if (err)
		return err;
	tell(w, a.n_found == 1, "scan: allocators", "%u sets of records, %s", a.n_found,
	     !raddr_is_null(a.mimalloc)   ? "mimalloc beside pymalloc"
	     : !raddr_is_null(a.pymalloc) ? "pymalloc told"
					  : "pymalloc not told");
	fill_function(w, LAYOUT_PYMALLOC_MALLOC, a.pymalloc);
	fill_function(w, LAYOUT_RAW_MALLOC, a.raw);
	fill_function(w, LAYOUT_MIMALLOC_MALLOC, a.mimalloc);
	fill_function(w, LAYOUT_DEBUG_MALLOC, a.debug_malloc);
	if (!a.joined)
		layout_fill_variable(&w->fill, LAYOUT_STATIC_ALLOCATOR_OBJ, a.object, 40);
	else
		fill_runtime_member(w, LAYOUT_RUNTIME_ALLOCATORS_OBJ, a.object, 40);
	fill_runtime_member(w, LAYOUT_RUNTIME_INTERPRETER_LEAKS, a.leaks, 8);
	return NULL;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static bool keeps_state(const struct work *w)
{
	return layout_has(&w->build->layout, LAYOUT_INTERP_OBMALLOC) ||
	       w->build->version_hex >= VERSION_3_12;
}

static struct error *scan_table(struct work *w, const struct pool_table *pools)
{
	struct state_roots roots;
	struct error *err = state_roots_read(w->space, &w->shape, pools, &roots);
	if (err)
		return err;
	if (roots.found || (roots.idle && keeps_state(w)))
		return scan_state(w, pools, &roots);
	/* Of a version that nobody knows, also the older way is tried. */
	if (!keeps_state(w) || w->build->unverified)
		return scan_statics(w, pools);
	conclude(w, SCAN_NONE, "the struct at the table of pools is no allocator's: %s", roots.why);
	return NULL;
}

/* ---- which table of pools ------------------------------------------------------------------- */

/* There is exactly one in memory, and the module does not contradict it. */
static void choose_found(struct work *w, const struct pool_tables *tables, bool told,
			 bool *ret_chosen)
{
	const struct pool_table *first = &tables->first;
	const struct pool_pattern *p = &w->build->pools;
	raddr at = raddr_at(w->image->bias + p->vaddr);
	bool same = raddr_equal(first->at, at) && first->n_classes == p->n_classes;
	const char *note = same ? ", as the module tells" : ", not as the module tells";
	*ret_chosen = !told || same;
	tell(w, *ret_chosen, "scan: pool table",
	     "at " RADDR_FORMAT "%s, %u size classes, %u ends of lists; %u refused",
	     first->at.value, told ? note : "", (unsigned)first->n_classes,
	     (unsigned)first->n_heads, (unsigned)tables->n_refused);
	if (!*ret_chosen)
		conclude(w, SCAN_DISAGREES,
			 "in memory pymalloc's table of pools is at " RADDR_FORMAT
			 " with %u lists, by the module's relocations or data at " RADDR_FORMAT
			 " with %u",
			 first->at.value, (unsigned)first->n_classes, at.value,
			 (unsigned)p->n_classes);
}

/* Memory alone has several or none: the one that the module tells, if it can be one. */
static struct error *choose_told(struct work *w, const struct pool_tables *tables, bool *ret_chosen,
				 struct pool_table *ret)
{
	const struct pool_pattern *p = &w->build->pools;
	raddr at = raddr_at(w->image->bias + p->vaddr);
	struct error *err = pool_table_read(w->space, &w->shape, at, p->n_classes, ret_chosen, ret);
	if (err)
		return err;
	tell(w, *ret_chosen, "scan: pool table",
	     "%s" RADDR_FORMAT ", where the module tells it to be, %u ends of lists, %u lists "
	     "unseen; %u candidates, %u refused",
	     *ret_chosen ? "at " : "none at ", at.value, (unsigned)ret->n_heads,
	     (unsigned)ret->n_unseen, (unsigned)tables->n_found, (unsigned)tables->n_refused);
	if (!*ret_chosen)
		conclude(w, SCAN_NONE,
			 "%u words of its data look like pymalloc's table of pools, but not those "
			 "where the module tells it to be",
			 (unsigned)tables->n_found);
	return NULL;
}

static struct error *choose_table(struct work *w, const struct pool_tables *tables,
				  bool *ret_chosen, struct pool_table *ret)
{
	bool told = pool_pattern_is_told(&w->build->pools);
	*ret_chosen = false;
	*ret = tables->first;
	if (tables->n_found == 1) {
		choose_found(w, tables, told, ret_chosen);
		return NULL;
	}
	if (told)
		return choose_told(w, tables, ret_chosen, ret);
	tell(w, false, "scan: pool table", "%u candidates, %u refused", (unsigned)tables->n_found,
	     (unsigned)tables->n_refused);
	conclude(w, SCAN_NONE, "%u words of its data look like pymalloc's table of pools",
		 (unsigned)tables->n_found);
	return NULL;
}

static struct error *scan_once(struct work *w)
{
	struct pool_tables tables;
	struct pool_table table;
	bool chosen;
	w->placed = false;
	struct error *err = data_segments_refresh(w->space, &w->data);
	err = err ?: pool_table_find(w->space, &w->shape, &w->data, &tables);
	err = err ?: choose_table(w, &tables, &chosen, &table);
	if (err)
		return err;
	w->blind = !chosen && tables.n_found + tables.n_refused == 0;
	if (!chosen)
		return NULL;
	err = scan_table(w, &table);
	return err ?: fill_allocators(w);
}

/* Takes what was found over, if the table is a possible one with it. */
static struct error *take_over(struct work *w)
{
	if (w->fill.n_disagree) {
		conclude(w, SCAN_DISAGREES, "%s is not where memory shows it",
			 layout_name(w->fill.disagrees));
		return NULL;
	}
	struct error *err = layout_check(&w->fill.layout);
	if (err) {
		conclude(w, SCAN_NONE, "what was found is impossible: %s", err->cause);
		error_free(err);
		return NULL;
	}
	w->build->layout = w->fill.layout;
	w->ret->filled = w->fill.n_filled > 0;
	return NULL;
}

/* Only the last try is told. */
static void forget_trials(struct python_build *build, size_t n)
{
	while (build->trials.count > n) {
		struct python_build_trial *trial = &build->trials.items[--build->trials.count];
		free(trial->what);
		free(trial->result);
	}
}

static struct error *scan_tries(struct work *w)
{
	struct error *err = NULL;
	size_t told = w->build->trials.count;
	for (int i = 0; i < (w->running ? TRIES : 1) && !err; i++) {
		if (i > 0)
			rest_before_try(i);
		if (i > 0 && i % TRIES_AGED == 0)
			err = origin_refresh(w->running, w->space);
		if (err)
			return err;
		forget_trials(w->build, told);
		free(w->ret->why);
		*w->ret = (struct scan){.verdict = SCAN_NONE};
		layout_fill_init(&w->fill, &w->build->layout, w->image->bias);
		err = scan_once(w);
		if (!err && (w->ret->verdict == SCAN_FOUND || w->ret->verdict == SCAN_IDLE))
			err = take_over(w);
		if (w->ret->verdict == SCAN_FOUND || w->ret->verdict == SCAN_IDLE ||
		    (w->blind && i + 1 >= TRIES_BLIND))
			return err;
	}
	return !err && w->placed ? take_over(w) : err;
}

/* Symbols have told everything: memory need only agree. */
static struct error *check(struct space *space, const struct elf_image *image, bool moves,
			   struct python_build *build, struct scan *ret)
{
	struct work w = {.build = build, .ret = ret};
	enum cross_check_result result;
	const char *what;
	*ret = (struct scan){.verdict = SCAN_NOT_NEEDED};
	struct error *err = cross_check(space, image, &build->layout, moves, &result, &what);
	if (err)
		return err;
	if (result == CROSS_CHECK_DISAGREES)
		conclude(&w, SCAN_DISAGREES, "%s", what);
	tell(&w, result == CROSS_CHECK_AGREES, "cross-check in memory", "%s",
	     result == CROSS_CHECK_AGREES   ? "usedpools and arenas look as they must"
	     : result == CROSS_CHECK_SILENT ? "no pools to compare"
					    : what);
	return NULL;
}

struct error *scan_run(struct space *space, const struct elf_image *image,
		       const struct origin *running, struct python_build *build, struct scan *ret)
{
	struct scan scan = {.verdict = SCAN_NONE};
	struct work w = {
		.space = space, .image = image, .build = build, .ret = &scan, .running = running};
	if (!build->no_debug_info)
		return check(space, image, running != NULL, build, ret);
	layout_fill_shape(&build->layout);
	struct error *err = pymalloc_shape_init(&build->layout, &w.shape);
	err = err ?: data_segments_read(space, image, &w.data);
	err = err ?: scan_tries(&w);
	data_segments_fini(&w.data);
	if (err) {
		scan_fini(&scan);
		return err;
	}
	*ret = scan;
	return NULL;
}

static bool has_all(const struct layout *layout, const enum layout_entry_id *ids, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!layout_has(layout, ids[i]))
			return false;
	}
	return true;
}

bool scan_is_enough(const struct scan *scan, const struct python_build *build)
{
	static const enum layout_entry_id statics[] = {
		LAYOUT_STATIC_USEDPOOLS, LAYOUT_STATIC_ARENAS, LAYOUT_STATIC_MAXARENAS};
	static const enum layout_entry_id state[] = {
		LAYOUT_RUNTIME,         LAYOUT_RUNTIME_INTERPRETERS_HEAD, LAYOUT_INTERP_NEXT,
		LAYOUT_INTERP_OBMALLOC, LAYOUT_STATE_USEDPOOLS,           LAYOUT_STATE_ARENAS,
		LAYOUT_STATE_MAXARENAS};
	bool has = scan->verdict == SCAN_FOUND || scan->verdict == SCAN_IDLE;
	return has || !build->no_debug_info ||
	       has_all(&build->layout, statics, ARRAY_SIZE(statics)) ||
	       has_all(&build->layout, state, ARRAY_SIZE(state));
}

void scan_fini(struct scan *scan)
{
	free(scan->why);
	scan->why = NULL;
}
