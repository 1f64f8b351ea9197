/*
 * python_build: kept table, else version from constants and layouts from the child.
 *
 *	cache ── hit ─────────────────────────────────────┐
 *	  └ miss ── version (here, by small reads)         ├── table
 *	         └─ child: debug file, DWARF, symbols ── check ── keep ┘
 *
 * Only the child touches libelf and libdw.
 */
#include "symbols/python_build.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "symbols/child.h"
#include "symbols/debug/build_reader.h"
#include "symbols/file_image.h"
#include "symbols/layout_cache.h"
#include "symbols/python_version.h"
#include "symbols/report.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#define DEADLINE_MS 30000

#define STRUCTS     (1U << LAYOUT_KIND_SIZE | 1U << LAYOUT_KIND_FIELD)
#define VARIABLES   (1U << LAYOUT_KIND_OBJECT)

/* ---- version ------------------------------------------------------------------------- */

static void take_version(struct python_build *build, const struct python_version *v)
{
	memcpy(build->version, v->text, sizeof(build->version));
	build->version_hex = v->hex;
	build->debug_build = v->debug_build;
	build->free_threaded = v->free_threaded;
}

static struct error *read_version(int file, struct python_build *build)
{
	struct file_image image;
	struct python_version version;
	struct error *err = file_image_read(file, &image);
	if (!err)
		err = python_version_read(file_image_bytes, &image, &image.image, &version);
	if (err)
		return err;
	take_version(build, &version);
	return NULL;
}

struct error *python_build_version(int file, struct python_build *ret)
{
	struct python_build build = {.trials = VEC_EMPTY};
	struct error *err = read_version(file, &build);
	if (err)
		return err;
	*ret = build;
	return NULL;
}

/* From the file, else from the module in memory. An unknown version is a trial, no error: the
 * table does not depend on it. */
static void find_version(const struct python_build_request *request, struct python_build *build)
{
	struct python_version version;
	struct error *err;
	if (request->file >= 0) {
		err = read_version(request->file, build);
	} else if (request->read && request->image) {
		err = python_version_read(request->read, request->read_context, request->image,
					  &version);
		if (!err)
			take_version(build, &version);
	} else {
		err = error_new(ERROR_SYMBOLS, "no file to read it from");
	}
	if (err)
		python_build_add_trial(build, false, "version", err->cause);
	error_free(err);
}

/* ---- failure ------------------------------------------------------------------------- */

/* "install python3.11-dbg …" with the version as far as it is known. */
static struct error *add_remedy(struct error *err, const struct python_build_request *request,
				const struct python_build *build)
{
	char hex[2 * BUILD_ID_MAX + 1], python[16] = "python3";
	build_id_hex(&request->build_id, hex);
	if (build->version_hex)
		snprintf(python, sizeof(python), "python%u.%u", build->version_hex >> 24,
			 build->version_hex >> 16 & 255);
	return error_remedy(
		err,
		"install %s-dbg (Debian, Ubuntu) or %s-debuginfo (Fedora, SUSE), or build "
		"it with -g and do not strip it, or give --symbols FILE%s%s",
		python, python, *hex ? "; build-id " : "", hex);
}

static struct error *fail(const struct python_build_request *request,
			  const struct python_build *build, const char *why)
{
	struct text path = TEXT_EMPTY;
	const char *raw = request->path ? request->path : "this build";
	text_add_escaped(&path, raw, strlen(raw));
	struct error *err =
		why ? error_new(ERROR_SYMBOLS, "no usable debug information for %s: %s",
				text_string(&path), why)
		    : error_new(ERROR_SYMBOLS, "no debug information for %s", text_string(&path));
	text_fini(&path);
	return add_remedy(err, request, build);
}

static struct error *no_room(const char *cause)
{
	return error_remedy(
		error_new(ERROR_RESOURCE, "%s", cause),
		"allow more with --max-memory, or run arenascope outside of the process's "
		"memory cgroup: what it finds there is kept, and then little is needed");
}

/* Nobody but the kernel kills it, and that when memory is out: a limit of its own ends it otherwise. */
static struct error *blame_memory(const struct report_summary *summary)
{
	char cause[4096];
	snprintf(cause, sizeof(cause), "memory ran out while %s was read",
		 summary->reading ? summary->reading : "a file");
	return no_room(cause);
}

/* The child did not get to its end: the file it was reading did that. */
static struct error *blame_file(const struct python_build_request *request,
				const struct python_build *build, enum child_end end,
				const struct report_summary *summary)
{
	const char *file = summary->reading ? summary->reading : "a file";
	struct error *err =
		error_new(ERROR_SYMBOLS, "%s is corrupt: reading it %s", file,
			  end == CHILD_HUNG    ? "did not end"
			  : end == CHILD_FLOOD ? "gave more than any interpreter can"
					       : "crashed the reader (a child process, contained)");
	return add_remedy(err, request, build);
}

/* ---- the child's answer -------------------------------------------------------------- */

static void drop_answer(struct python_build *build)
{
	memset(&build->layout, 0, sizeof(build->layout));
	free(build->debug_file);
	build->debug_file = NULL;
}

/* What must be there for the file to have been CPython's debug information at all. */
static struct error *judge(const struct python_build_request *request,
			   const struct python_build *build, const struct child_answer *answer,
			   const struct report_summary *summary)
{
	if (answer->end == CHILD_CRASHED && answer->signal == SIGKILL)
		return blame_memory(summary);
	if (answer->end == CHILD_DONE && summary->ended && summary->no_room)
		return no_room(summary->no_room);
	if (answer->end != CHILD_DONE || !summary->ended)
		return blame_file(request, build, answer->end, summary);
	if (!layout_has(&build->layout, LAYOUT_INTERP_SIZE))
		return fail(request, build, summary->failure);
	struct error *err = layout_check(&build->layout);
	if (!err)
		return NULL;
	err = error_context(err, "%s is corrupt", summary->reading ? summary->reading : "a file");
	return add_remedy(err, request, build);
}

static struct error *read_files(const struct python_build_request *request,
				struct python_build *build, bool *ret_foreign)
{
	const int keep[] = {request->file, request->target_root};
	_cleanup_(child_answer_fini) struct child_answer answer = {0};
	struct python_build_request copy = *request;
	struct error *err = child_run(build_reader_run, &copy, keep, ARRAY_SIZE(keep),
				      REPORT_SIZE_MAX, DEADLINE_MS, &answer);
	if (err)
		return err;
	_cleanup_(report_summary_fini) struct report_summary summary = {0};
	err = report_take(answer.data, answer.size, build, &summary);
	if (!err)
		err = judge(request, build, &answer, &summary);
	*ret_foreign = summary.foreign;
	return err;
}

/* ---- all of it ----------------------------------------------------------------------- */

static void take_sources(struct python_build *build)
{
	build->layout_source = layout_weakest(&build->layout, STRUCTS);
	build->roots_source = layout_weakest(&build->layout, VARIABLES);
}

struct error *python_build_resolve(const struct python_build_request *request,
				   struct python_build *ret)
{
	*ret = (struct python_build){.trials = VEC_EMPTY};
	bool cached = request->cache_dir && request->build_id.size > 0 && !request->symbols;
	ret->used_cache = cached && layout_cache_load(request->cache_dir, &request->build_id, ret);
	if (ret->used_cache) {
		take_sources(ret);
		return NULL;
	}
	if (request->cache_only)
		return error_new(ERROR_SYMBOLS, "no table of this build is kept");
	find_version(request, ret);
	bool foreign = false;
	struct error *err = read_files(request, ret, &foreign);
	if (err) {
		drop_answer(ret);
		return err;
	}
	take_sources(ret);
	if (cached && !foreign)
		layout_cache_store(request->cache_dir, &request->build_id, ret);
	else if (cached)
		python_build_add_trial(ret, false, "keeping the table",
				       "not kept: others can write the files it came from");
	return NULL;
}

void python_build_fini(struct python_build *build)
{
	for (size_t i = 0; i < build->trials.count; i++) {
		free(build->trials.items[i].what);
		free(build->trials.items[i].result);
	}
	vec_fini(&build->trials);
	free(build->debug_file);
	build->debug_file = NULL;
}
