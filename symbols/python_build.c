/*
 * python_build: kept table, else version from constants and layouts from the child;
 * without debug information, from all else that the module holds.
 *
 *	cache ── hit ──────────────────────────────────────────────────────┐
 *	  └ miss ── version (here, by small reads)                          ├── table
 *	         └─ child: debug file, DWARF, symbols ── check ── keep ─────┤
 *	                      └ none, or damaged ── bare_build (not kept) ──┘
 *
 * Only the child touches libelf and libdw.
 */
#include "symbols/python_build.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "symbols/bare/bare_build.h"
#include "symbols/child.h"
#include "symbols/debug/build_reader.h"
#include "symbols/elf/file_image.h"
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

/* ---- without debug information --------------------------------------------------------- */

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

static char *escaped_path(const struct python_build_request *request)
{
	struct text path = TEXT_EMPTY;
	const char *raw = request->path ? request->path : "this build";
	text_add_escaped(&path, raw, strlen(raw));
	return text_take(&path);
}

struct error *python_build_no_symbols(const struct python_build_request *request,
				      const struct python_build *build)
{
	_cleanup_(free_pointer) char *path = escaped_path(request);
	if (!path)
		return error_out_of_memory();
	struct error *err =
		build->why ? error_new(ERROR_SYMBOLS, "no usable debug information for %s: %s",
				       path, build->why)
			   : error_new(ERROR_SYMBOLS, "no debug information for %s", path);
	if (build->no_room)
		return error_remedy(error_as(err, ERROR_RESOURCE),
				    "allow more with --max-memory, or run arenascope outside of "
				    "the process's memory cgroup: what it finds there is kept, and "
				    "then little is needed");
	return add_remedy(err, request, build);
}

/* ---- the child's answer -------------------------------------------------------------- */

/* Nobody but the kernel kills it, and that when memory is out: a limit of its own ends it otherwise. */
static bool ran_out_of_memory(const struct child_answer *answer)
{
	return answer->end == CHILD_CRASHED && answer->signal == SIGKILL;
}

static char *tell_end(const char *file, const struct child_answer *answer)
{
	struct text t = TEXT_EMPTY;
	if (ran_out_of_memory(answer))
		text_addf(&t, "memory ran out while %s was read", file);
	else
		text_addf(&t, "%s is corrupt: reading it %s", file,
			  answer->end == CHILD_HUNG ? "did not end"
			  : answer->end == CHILD_FLOOD
				  ? "gave more than any interpreter can"
				  : "crashed the reader (a child process, contained)");
	return text_take(&t);
}

/* Why nothing of the answer may be believed, or NULL. */
static char *find_damage(const struct child_answer *answer, const struct report_summary *summary,
			 const struct layout *layout)
{
	const char *file = summary->reading ? summary->reading : "a file";
	if (answer->end != CHILD_DONE || !summary->ended)
		return tell_end(file, answer);
	_cleanup_(error_fini) struct error *err = layout_check(layout);
	if (!err)
		return NULL;
	struct text t = TEXT_EMPTY;
	text_addf(&t, "%s is corrupt: %s", file, err->cause);
	return text_take(&t);
}

static void drop_answer(struct python_build *build)
{
	memset(&build->layout, 0, sizeof(build->layout));
	free(build->debug_file);
	build->debug_file = NULL;
}

static void set_why(struct python_build *build, char *why)
{
	free(build->why);
	build->why = why;
}

/* What must be there for the file to have been CPython's debug information at all. True: what was
 * read is damaged, and nothing of it was kept. */
static bool judge(const struct child_answer *answer, const struct report_summary *summary,
		  struct python_build *build)
{
	char *damage = find_damage(answer, summary, &build->layout);
	build->no_room |= ran_out_of_memory(answer) || summary->no_room;
	if (damage) {
		python_build_add_trial(build, false, "debug information", damage);
		drop_answer(build);
		build->no_debug_info = true;
		set_why(build, damage);
	} else if (!layout_has(&build->layout, LAYOUT_INTERP_SIZE)) {
		build->no_debug_info = true;
		free(build->debug_file);
		build->debug_file = NULL;
		const char *why = summary->no_room ?: summary->failure;
		if (why)
			set_why(build, strdup(why));
		if (summary->no_room)
			python_build_add_trial(build, false, "debug information", why);
	}
	return damage != NULL;
}

/* One run of the child; *ret_damaged as judge() says. */
static struct error *run_reader(const struct build_reader_task *task, struct python_build *build,
				struct report_summary *ret, bool *ret_damaged)
{
	const int keep[] = {task->request->file, task->request->target_root};
	_cleanup_(child_answer_fini) struct child_answer answer = {0};
	struct build_reader_task copy = *task;
	struct error *err = child_run(build_reader_run, &copy, keep, ARRAY_SIZE(keep),
				      REPORT_SIZE_MAX, DEADLINE_MS, &answer);
	if (err)
		return err;
	err = report_take(answer.data, answer.size, build, ret);
	if (err)
		answer.end = CHILD_CRASHED;
	error_free(err);
	*ret_damaged = judge(&answer, ret, build);
	return NULL;
}

/* Whether it was the module's own file that the child read last. */
static bool is_own_file(const struct python_build_request *request,
			const struct report_summary *summary)
{
	_cleanup_(free_pointer) char *path = escaped_path(request);
	return !path || !summary->reading || !strcmp(path, summary->reading);
}

/* Debug information; where that is damaged, at least the module's own symbols, unless its file is
 * the damaged one: *ret_own_damaged. */
static struct error *read_files(const struct python_build_request *request,
				struct python_build *build, bool *ret_foreign,
				bool *ret_own_damaged)
{
	_cleanup_(report_summary_fini) struct report_summary summary = {0};
	_cleanup_(report_summary_fini) struct report_summary again = {0};
	struct build_reader_task task = {.request = request};
	bool damaged;
	struct error *err = run_reader(&task, build, &summary, &damaged);
	if (err)
		return err;
	*ret_foreign = summary.foreign;
	*ret_own_damaged = damaged && is_own_file(request, &summary);
	if (!damaged || *ret_own_damaged)
		return NULL;
	task.module_only = true;
	return run_reader(&task, build, &again, ret_own_damaged);
}

/* ---- all of it ----------------------------------------------------------------------- */

void python_build_weigh(struct python_build *build)
{
	build->layout_source = layout_weakest(&build->layout, STRUCTS);
	build->roots_source = layout_weakest(&build->layout, VARIABLES);
}

static void keep_table(const struct python_build_request *request, bool foreign,
		       struct python_build *build)
{
	if (!foreign)
		layout_cache_store(request->cache_dir, &request->build_id, build);
	else
		python_build_add_trial(build, false, "keeping the table",
				       "not kept: others can write the files it came from");
}

struct error *python_build_resolve(const struct python_build_request *request,
				   struct python_build *ret)
{
	*ret = (struct python_build){.trials = VEC_EMPTY};
	bool cached = request->cache_dir && request->build_id.size > 0 && !request->symbols;
	ret->used_cache = cached && layout_cache_load(request->cache_dir, &request->build_id, ret);
	if (ret->used_cache) {
		python_build_weigh(ret);
		return NULL;
	}
	if (request->cache_only)
		return error_new(ERROR_SYMBOLS, "no table of this build is kept");
	find_version(request, ret);
	bool foreign = false, own_damaged = false;
	struct error *err = read_files(request, ret, &foreign, &own_damaged);
	if (err) {
		drop_answer(ret);
		return err;
	}
	if (ret->no_debug_info)
		bare_build_fill(request, !own_damaged, ret);
	else if (cached)
		keep_table(request, foreign, ret);
	python_build_weigh(ret);
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
	free(build->why);
	build->debug_file = build->why = NULL;
}
