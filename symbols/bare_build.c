/*
 * bare_build: one source after the other may add to the table; each addition is
 * tried on a copy, and kept only if the table is then still a possible one.
 *
 *	file ──┐            place of _PyRuntime ─ _Py_DebugOffsets ─ code ─ built-in table
 *	memory ┴─ source ──▶       │                     │             │           │
 *	                           └── copy + addition ── layout_check ── kept, or a trial says why not
 */
#include "symbols/bare_build.h"

#include "base/text.h"
#include "symbols/file_image.h"
#include "symbols/layout_builtin.h"
#include "symbols/layout_code.h"
#include "symbols/layout_offsets.h"
#include "symbols/report.h"
#include "symbols/runtime_place.h"

struct bare {
	struct elf_source source;
	bool is_file;
	int sections; /* the file whose sections may be asked, or -1 */
	struct file_image file;
	struct python_build *build;
	uint64_t runtime_size; /* 0: unknown */
};

/* Keeps `added` as the table if it is a possible one. */
static bool keep(struct bare *b, const char *what, const struct layout *added, const char *result)
{
	struct error *err = layout_check(added);
	if (!err)
		b->build->layout = *added;
	python_build_add_trial(b->build, !err, what, err ? err->cause : result);
	error_free(err);
	return !err;
}

static size_t count_entries(const struct layout *layout)
{
	size_t n = 0;
	for (unsigned id = 0; id < LAYOUT_COUNT; id++)
		n += layout_has(layout, id);
	return n;
}

/* The same, told as the number of entries that it adds; nothing is told of none. */
static void keep_counted(struct bare *b, const char *what, const struct layout *added)
{
	struct text result = TEXT_EMPTY;
	size_t n = count_entries(added) - count_entries(&b->build->layout);
	text_addf(&result, "used: %zu entries", n);
	if (n > 0)
		(void)keep(b, what, added, text_string(&result));
	text_fini(&result);
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
	struct layout added = b->build->layout;
	b->runtime_size = place.size;
	added.entries[LAYOUT_RUNTIME] =
		(struct layout_entry){place.vaddr, place.size, 1, place.size, place.provenance};
	if (place.size)
		added.entries[LAYOUT_RUNTIME_SIZE] =
			(struct layout_entry){0, place.size, 1, place.size, place.provenance};
	if (!keep(b, "_PyRuntime", &added, provenance_name(place.provenance)))
		b->runtime_size = 0;
}

static void ask_runtime(struct bare *b)
{
	struct layout added = b->build->layout;
	const struct layout_entry *runtime = &added.entries[LAYOUT_RUNTIME];
	struct debug_offsets told;
	if (runtime->provenance == PROVENANCE_ABSENT)
		return;
	if (layout_offsets_fill(&b->source, runtime->offset, b->runtime_size, &added, &told)) {
		keep_counted(b, "_Py_DebugOffsets", &added);
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
		.source = &b->source, .is_file = b->is_file, .version_hex = b->build->version_hex};
	layout_code_fill(&request, &added);
	keep_counted(b, "exported functions' code", &added);
}

static void ask_record(struct bare *b)
{
	struct python_build *build = b->build;
	struct layout added = build->layout;
	const struct layout_builtin_key key = {build->version_hex, build->debug_build,
					       build->free_threaded, b->runtime_size};
	build->unverified = !layout_builtin_knows(build->version_hex);
	layout_builtin_fill(&key, &added);
	keep_counted(b,
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
	} else {
		python_build_add_trial(build, false, "the module",
				       "neither its file nor its memory can be read");
	}
	ask_record(&b);
}
