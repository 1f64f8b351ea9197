/*
 * build_reader: first everything that opens files, then the seal, then the parsing
 * of what they hold.
 *
 *	open module ─ find debug file ─┃seal┃─ DWARF: layouts ─ .symtab: addresses ─ report
 *
 * Variables come from .symtab, of the debug file or of the module. DWARF is asked
 * for an address only where symbols cannot tell: no .symtab at all, two candidates,
 * or file statics whose file link-time optimisation has forgotten.
 */
#include "symbols/debug/build_reader.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "symbols/debug/debug_file.h"
#include "symbols/debug/layout_dwarf.h"
#include "symbols/debug/layout_symtab.h"
#include "symbols/sandbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OWN_NEED (1 * MIB) /* beside what is inflated */

struct reader {
	struct report report;
	struct debug_search search;
	struct debug_found found;
	struct layout layout;
};

static void fail(struct reader *r, const char *path, const char *why)
{
	char cause[4096 + 256];
	snprintf(cause, sizeof(cause), "%s: %s", path, why);
	report_failure(&r->report, cause);
}

/* The module's own file; a file of another build is not the module's. */
static struct elf_file *open_main(struct reader *r, const struct python_build_request *request)
{
	_cleanup_(elf_file_closep) struct elf_file *file = NULL;
	const char *path = request->path ? request->path : "the module's file";
	if (request->file < 0) {
		report_trial(&r->report, false, "the module's own file", "not to be had");
		return NULL;
	}
	report_file(&r->report, path);
	struct error *err = elf_file_open(request->file, path, &file);
	if (err) {
		report_trial(&r->report, false, "the module's own file", err->cause);
		error_free(err);
		return NULL;
	}
	if (request->build_id.size == 0 || build_id_equal(&request->build_id, &file->build_id))
		return take(file);
	char hex[2 * BUILD_ID_MAX + 1], result[sizeof(hex) + 64];
	build_id_hex(&file->build_id, hex);
	snprintf(result, sizeof(result), "refused: another build (build-id %s)",
		 *hex ? hex : "none");
	report_trial(&r->report, false, "the module's own file", result);
	return NULL;
}

static bool all_ours(const struct reader *r)
{
	const struct elf_file *main = r->search.main;
	return r->found.file->ours && (!main || main->ours) &&
	       (!r->found.alt || r->found.alt->ours);
}

/* ---- DWARF --------------------------------------------------------------------------- */

static Dwarf *open_dwarf(struct reader *r, struct elf_file *file)
{
	elf_file_hide_unneeded(file);
	Dwarf *dwarf = dwarf_begin_elf(file->elf, DWARF_C_READ, NULL);
	if (dwarf)
		return dwarf;
	if (elf_file_has_zstd(file))
		fail(r, file->path,
		     "its debug information is compressed with zstd, which the libdw in use "
		     "cannot read (elfutils 0.189 built with zstd can)");
	else
		fail(r, file->path, dwarf_errmsg(-1));
	return NULL;
}

/* Says so when split units are why something is missing. */
static void tell_missing_dwo(struct reader *r, const struct dwarf_units *units)
{
	char why[1024];
	if (units->n_without_dwo == 0)
		return;
	snprintf(why, sizeof(why),
		 "%zu units are split off and their files were not found (%.600s)",
		 units->n_without_dwo, units->missing_dwo);
	report_trial(&r->report, false, "split debug information (.dwo)", why);
	if (!layout_has(&r->layout, LAYOUT_INTERP_SIZE))
		fail(r, r->found.file->path, why);
}

/* Variables that only DWARF can tell. From 3.10 on the interpreter has the free lists, and the
 * statics called numfree do not exist. */
static bool choose_variables(const struct reader *r, bool has_symtab,
			     const bool unsure[LAYOUT_COUNT], bool ret[LAYOUT_COUNT])
{
	bool any = false, in_interpreter = layout_has(&r->layout, LAYOUT_FREELIST_FLOAT);
	for (unsigned id = 0; id < LAYOUT_COUNT; id++) {
		bool of_file = strchr(layout_path(id), ':');
		ret[id] = layout_kind(id) == LAYOUT_KIND_OBJECT && !layout_has(&r->layout, id) &&
			  (!has_symtab || unsure[id]) && !(of_file && in_interpreter);
		any |= ret[id];
	}
	return any;
}

static void read_addresses(struct reader *r, struct dwarf_units *units)
{
	bool unsure[LAYOUT_COUNT] = {false}, wanted[LAYOUT_COUNT];
	struct elf_file *main = r->search.main;
	bool has_symtab = layout_symtab_fill(r->found.file, &r->layout, unsure);
	if (!has_symtab && main && main != r->found.file)
		has_symtab = layout_symtab_fill(main, &r->layout, unsure);
	if (main)
		layout_symtab_fill_exported(main, &r->layout);
	if (choose_variables(r, has_symtab, unsure, wanted))
		layout_dwarf_fill_variables(units, &r->layout, wanted);
}

static void read_dwarf(struct reader *r, Dwarf *dwarf)
{
	struct dwarf_units units;
	struct error *err = dwarf_units_read(dwarf, &units);
	if (!err) {
		err = layout_dwarf_fill(&units, &r->layout);
		tell_missing_dwo(r, &units);
		read_addresses(r, &units);
		dwarf_units_fini(&units);
	}
	if (err)
		fail(r, r->found.file->path, err->cause);
	error_free(err);
}

/* Whether the budget has room for what libdw inflates, and for its tables: as measured, a fifth of that
 * and some. What is not compressed stays in the file's pages, which the kernel may drop. */
static bool has_room(struct reader *r)
{
	char cause[4096 + 256];
	uint64_t budget = r->search.request->max_memory;
	elf_file_hide_unneeded(r->found.file);
	uint64_t inflated = elf_file_inflated_size(r->found.file);
	if (r->found.alt) {
		elf_file_hide_unneeded(r->found.alt);
		inflated = size_add(inflated, elf_file_inflated_size(r->found.alt));
	}
	uint64_t needed = size_add(size_add(inflated, inflated / 5), OWN_NEED);
	if (budget == 0 || needed <= budget)
		return true;
	snprintf(cause, sizeof(cause),
		 "reading %s takes %" PRIu64 " MiB of memory, and %" PRIu64 " MiB may be used",
		 r->found.file->path, needed / MIB + 1, budget / MIB);
	report_no_room(&r->report, cause);
	return false;
}

/* Without debug information: what the module's own symbol tables say. */
static void read_symbols(struct reader *r)
{
	bool ignored[LAYOUT_COUNT] = {false};
	if (!r->search.main)
		return;
	(void)layout_symtab_fill(r->search.main, &r->layout, ignored);
	layout_symtab_fill_exported(r->search.main, &r->layout);
}

/* Neither is ended: the child is about to leave, and freeing takes longer than leaving. */
static void read_files(struct reader *r)
{
	Dwarf *dwarf = open_dwarf(r, r->found.file);
	Dwarf *alt = dwarf && r->found.alt ? open_dwarf(r, r->found.alt) : NULL;
	if (alt)
		dwarf_setalt(dwarf, alt);
	if (dwarf && (alt || !r->found.alt))
		read_dwarf(r, dwarf);
	if (layout_has(&r->layout, LAYOUT_INTERP_SIZE))
		return;
	memset(&r->layout, 0, sizeof(r->layout)); /* half of it is worth nothing */
	if (r->found.file != r->search.main)
		read_symbols(r);
}

static void report_layout(const struct reader *r)
{
	for (unsigned id = 0; id < LAYOUT_COUNT; id++)
		if (layout_has(&r->layout, id))
			report_entry(&r->report, id, &r->layout.entries[id]);
}

void build_reader_run(void *context, int out)
{
	const struct build_reader_task *task = context;
	const struct python_build_request *request = task->request;
	struct reader r = {.report = {out}, .search = {.request = request}};
	r.search.report = &r.report;
	_cleanup_(elf_file_closep) struct elf_file *main = open_main(&r, request);
	r.search.main = main;
	r.search.id = request->build_id.size || !main ? request->build_id : main->build_id;
	if (!task->module_only && debug_file_find(&r.search, &r.found)) {
		bool ours = all_ours(&r);
		if (!ours)
			report_foreign(&r.report);
		report_file(&r.report, r.found.file->path);
		sandbox_seal(ours);
		if (has_room(&r))
			read_files(&r);
		else
			read_symbols(&r);
	} else {
		if (main)
			report_file(&r.report, main->path);
		sandbox_seal(false);
		read_symbols(&r);
	}
	report_layout(&r);
	debug_found_fini(&r.search, &r.found);
	report_end(&r.report);
}
