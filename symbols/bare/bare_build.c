/*
 * bare_build: one source after the other may add to the table; each entry is tried on
 * a copy, and kept only if the table is then still a possible one.
 *
 *	file ──┐            place of _PyRuntime ─ _Py_DebugOffsets ─ code ─ built-in table
 *	memory ┴─ source ──▶       │                     │             │           │
 *	              │            └── copy + entry ── layout_check ── kept, or a trial says so
 *	              └ pool_pattern: beside the table, since only memory can tell if it is true
 */
#include "symbols/bare/bare_build.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "symbols/bare/layout_builtin.h"
#include "symbols/bare/layout_code.h"
#include "symbols/bare/layout_offsets.h"
#include "symbols/bare/pool_pattern.h"
#include "symbols/bare/runtime_place.h"
#include "symbols/elf/file_image.h"
#include "symbols/report.h"

struct bare {
	struct elf_source source;
	bool is_file;
	int sections; /* the file whose sections may be asked, or -1 */
	struct file_image file;
	struct python_build *build;
	uint64_t runtime_size; /* 0: unknown */
};

/* Puts one entry into the table if that is then still a possible one. */
static bool keep_entry(struct bare *b, enum layout_entry_id id, const struct layout_entry *entry)
{
	struct layout tried = b->build->layout;
	tried.entries[id] = *entry;
	struct error *err = layout_check(&tried);
	error_free(err);
	if (!err)
		b->build->layout = tried;
	return !err;
}

/* The entries that `added` has and the table has not; what came of it is told, unless there are
 * none. */
static void keep(struct bare *b, const char *what, const struct layout *added)
{
	_cleanup_(text_fini) struct text result = TEXT_EMPTY;
	size_t n_kept = 0, n_refused = 0;
	for (unsigned id = 0; id < LAYOUT_COUNT; id++) {
		if (!layout_has(added, id) || layout_has(&b->build->layout, id))
			continue;
		if (keep_entry(b, id, &added->entries[id]))
			n_kept++;
		else
			n_refused++;
	}
	if (n_kept + n_refused == 0)
		return;
	text_addf(&result, "%s: %zu entries", n_kept ? "used" : "refused", n_kept ?: n_refused);
	if (n_kept && n_refused)
		text_addf(&result, ", %zu impossible ones refused", n_refused);
	python_build_add_trial(b->build, n_kept > 0, what, text_string(&result));
}

/* ---- where to read ------------------------------------------------------------------- */

static bool is_of_build(const struct python_build_request *request, const struct file_image *file)
{
	return request->build_id.size == 0 ||
	       build_id_equal(&request->build_id, &file->image.build_id);
}

static bool open_file(const struct python_build_request *request, bool trusts_sections,
		      struct bare *b)
{
	struct error *err = file_image_read(request->file, &b->file);
	const char *why = err                              ? err->cause
			  : is_of_build(request, &b->file) ? NULL
							   : "refused: another build";
	if (why)
		python_build_add_trial(b->build, false, "the module's own file", why);
	else
		b->sections = trusts_sections ? request->file : -1;
	error_free(err);
	b->source = (struct elf_source){file_image_bytes, &b->file, &b->file.image};
	b->is_file = !why;
	return !why;
}

static bool open_source(const struct python_build_request *request, bool trusts_sections,
			struct bare *b)
{
	b->sections = -1;
	if (request->file >= 0 && open_file(request, trusts_sections, b))
		return true;
	if (!request->read || !request->image)
		return false;
	b->source = (struct elf_source){request->read, request->read_context, request->image};
	return true;
}

/* ---- what is asked ------------------------------------------------------------------- */

static void find_runtime(struct bare *b)
{
	const struct layout_entry *known = &b->build->layout.entries[LAYOUT_RUNTIME];
	struct runtime_place place = {known->offset, known->width, known->provenance};
	if (known->provenance == PROVENANCE_ABSENT &&
	    !runtime_place_find(&b->source, b->sections, &place))
		return;
	const struct layout_entry at = {place.vaddr, place.size, 1, place.size, place.provenance};
	const struct layout_entry size = {0, place.size, 1, place.size, place.provenance};
	bool kept = keep_entry(b, LAYOUT_RUNTIME, &at);
	b->runtime_size = kept && keep_entry(b, LAYOUT_RUNTIME_SIZE, &size) ? place.size : 0;
	python_build_add_trial(b->build, kept, "_PyRuntime",
			       kept ? provenance_name(place.provenance) : "at no possible place");
}

static void ask_runtime(struct bare *b)
{
	struct layout added = b->build->layout;
	const struct layout_entry *runtime = &added.entries[LAYOUT_RUNTIME];
	struct debug_offsets told;
	if (runtime->provenance == PROVENANCE_ABSENT)
		return;
	if (layout_offsets_fill(&b->source, runtime->offset, b->runtime_size, &added, &told)) {
		keep(b, "_Py_DebugOffsets", &added);
		b->runtime_size = told.size;
	} else if (b->build->version_hex >= 0x030d0000u) {
		python_build_add_trial(b->build, false, "_Py_DebugOffsets",
				       "refused: unreadable or impossible");
	}
}

static void ask_code(struct bare *b)
{
	struct layout added = b->build->layout;
	const struct layout_code_request request = {
		.source = &b->source,
		.is_file = b->is_file,
		.version_hex = b->build->version_hex,
		.free_threaded = b->build->free_threaded,
	};
	layout_code_fill(&request, &added);
	keep(b, "exported functions' code", &added);
}

static void tell_pools(const struct bare *b, const struct pool_pattern *found, struct text *result)
{
	if (pool_pattern_is_told(found))
		text_addf(result, "at 0x%" PRIx64 ", %u size classes", found->vaddr,
			  (unsigned)found->n_classes);
	else if (found->partial)
		text_add(result, "not all of them can be read");
	else if (!b->is_file && b->source.image->fixed)
		text_add(result, "a program that is not moved has none: its file would tell");
	else
		text_addf(result, "%u found, %u of another length%s", (unsigned)found->n_found,
			  (unsigned)found->n_refused,
			  found->n_found ? "" : "; from 3.13 on it is made at run time");
}

/* Where pools are kept: no exported function tells that. */
static void find_pools(struct bare *b)
{
	_cleanup_(text_fini) struct text result = TEXT_EMPTY;
	const char *what = !b->is_file              ? "pool table in the relocations in memory"
			   : b->source.image->fixed ? "pool table in the file's data"
						    : "pool table in the file's relocations";
	pool_pattern_find(&b->source, b->is_file, &b->build->pools);
	tell_pools(b, &b->build->pools, &result);
	python_build_add_trial(b->build, pool_pattern_is_told(&b->build->pools), what,
			       text_string(&result));
}

static void ask_record(struct bare *b)
{
	struct python_build *build = b->build;
	struct layout added = build->layout;
	const struct layout_builtin_key key = {build->version_hex, build->debug_build,
					       build->free_threaded, b->runtime_size};
	build->unverified = !layout_builtin_knows(build->version_hex);
	layout_builtin_fill(&key, &added);
	keep(b,
	     build->unverified ? "built-in table, of other versions: unverified layout"
			       : "built-in table",
	     &added);
}

void bare_build_fill(const struct python_build_request *request, bool trusts_sections,
		     struct python_build *build)
{
	struct bare b = {.build = build};
	if (open_source(request, trusts_sections, &b)) {
		find_runtime(&b);
		ask_runtime(&b);
		ask_code(&b);
		find_pools(&b);
	} else {
		python_build_add_trial(build, false, "the module",
				       "neither its file nor its memory can be read");
	}
	ask_record(&b);
}
