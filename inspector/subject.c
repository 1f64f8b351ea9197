/*
 * subject: the steps of preparation, each on the shoulders of the one before.
 *
 *	pid → origin → maps → space → module → file → build (layout, roots) → scan
 */
#include "inspector/subject.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "inspector/core_account.h"
#include "inspector/look/budget.h"
#include "inspector/target/privilege.h"
#include "inspector/target/process/process.h"
#include "inspector/target/reading/live.h"
#include "inspector/target/savefile/savefile.h"
#include "symbols/layout_text.h"

#include <stdio.h>
#include <string.h>

/* $variable/rest, or $HOME/fallback/rest; NULL when neither is an absolute path. */
static char *user_dir(const char *variable, const char *fallback, const char *rest)
{
	const char *base = secure_getenv(variable);
	const char *home = secure_getenv("HOME");
	char *path = NULL;
	int length = -1;
	if (base && base[0] == '/')
		length = asprintf(&path, "%s/%s", base, rest);
	else if (home && home[0] == '/')
		length = asprintf(&path, "%s/%s/%s", home, fallback, rest);
	return length < 0 ? NULL : path;
}

char *subject_cache_dir(void)
{
	return user_dir("XDG_CACHE_HOME", ".cache", "arenascope");
}

static char *debuginfo_cache_dir(void)
{
	const char *given = secure_getenv("DEBUGINFOD_CACHE_PATH");
	return given && given[0] == '/' ? strdup(given)
					: user_dir("XDG_CACHE_HOME", ".cache", "debuginfod_client");
}

/* Where the allocator's code lies in the target: a stop inside it is retried. */
static void find_code(struct subject *s)
{
	static const enum layout_entry_id functions[] = {
		LAYOUT_PYMALLOC_MALLOC,    LAYOUT_PYMALLOC_FREE,   LAYOUT_PYMALLOC_REALLOC,
		LAYOUT_PYMALLOC_CALLOC,    LAYOUT_PYMALLOC_ALLOC,  LAYOUT_PYMALLOC_NEW_POOL,
		LAYOUT_PYMALLOC_NEW_ARENA, LAYOUT_PYMALLOC_INSERT, LAYOUT_PYMALLOC_FREE_POOL,
	};
	for (size_t i = 0; i < ARRAY_SIZE(functions) && s->n_code < SUBJECT_CODE_MAX; i++) {
		const struct layout_entry *entry = &s->build.layout.entries[functions[i]];
		if (entry->provenance == PROVENANCE_ABSENT || entry->width == 0)
			continue;
		s->code[s->n_code++] = (struct freeze_range){
			raddr_at(s->module.image.bias + entry->offset), entry->width};
	}
}

/* For what no file says: a deleted library's constants. */
static struct error *read_space(void *context, raddr at, void *buffer, size_t size)
{
	return space_read(context, at, buffer, size);
}

/* A snapshot brings the table along that its process was looked at with. */
static struct error *resolve_saved(struct subject *s)
{
	_cleanup_(free_pointer) char *text = NULL;
	size_t size = 0;
	struct error *err = savefile_build(s->origin.source, &text, &size);
	if (err)
		return err;
	const char *why = layout_text_read(text, size, &s->module.image.build_id, LAYOUT_TEXT_FILE,
					   &s->build);
	if (!why) /* the memory in the file must bear it out, too */
		return scan_run(&s->space, &s->module.image, NULL, &s->build, &s->scan);
	return error_new(ERROR_BAD_FILE,
			 "the snapshot's table of its interpreter cannot be used: %s", why);
}

/* Neither files nor memory tell. */
static struct error *no_answer(const struct python_build_request *request, const struct subject *s)
{
	struct error *err = python_build_no_symbols(request, &s->build);
	return error_context(err, "its memory gives no single answer (%s), and there is",
			     s->scan.why ?: "nothing was found");
}

static struct error *resolve(const struct inspector_request *request, uint64_t budget,
			     struct subject *s)
{
	if (s->origin.kind == ORIGIN_SAVEFILE)
		return resolve_saved(s);
	_cleanup_(free_pointer) char *cache = request->no_cache ? NULL : subject_cache_dir();
	_cleanup_(free_pointer) char *debuginfo = debuginfo_cache_dir();
	struct python_build_request build = {
		.file = s->module.file,
		.path = s->module.path,
		.build_id = s->module.image.build_id,
		.target_root = origin_root(&s->origin),
		.symbols = request->symbols,
		.debuginfo_cache = debuginfo,
		.cache_dir = cache,
		.max_memory = budget,
		.read = read_space,
		.read_context = &s->space,
		.image = &s->module.image,
	};
	struct error *err = python_build_resolve(&build, &s->build);
	err = err
		      ?: scan_run(&s->space, &s->module.image,
				  origin_process(&s->origin) ? &s->origin : NULL, &s->build,
				  &s->scan);
	if (err)
		return err;
	python_build_weigh(&s->build);
	return scan_is_enough(&s->scan, &s->build) ? NULL : no_answer(&build, s);
}

static struct error *open_origin(const struct inspector_request *request, struct origin *ret)
{
	switch (request->kind) {
	case ORIGIN_LIVE:
		return process_origin(request->pid, ret);
	case ORIGIN_CORE:
		return core_origin(request->path, &request->core, ret);
	case ORIGIN_SAVEFILE:
		return savefile_origin(request->path, ret);
	}
	return error_new(ERROR_BUG, "no such kind of target");
}

static struct error *subject_locate(const struct inspector_request *request,
				    struct strangers *strangers, struct subject *ret)
{
	*ret = (struct subject){.origin = ORIGIN_EMPTY, .module.file = -1};
	struct error *err = open_origin(request, &ret->origin);
	if (err)
		return err;
	err = origin_space(&ret->origin, &ret->space);
	if (err)
		return err;
	err = module_find(&ret->origin, &ret->space, strangers, request->module, &ret->module);
	err = core_account_explain(&ret->origin, &ret->module, err);
	return err ?: origin_check(&ret->origin);
}

/* What went wrong may only be the target's end: then say that. */
static struct error *or_gone(const struct subject *s, struct error *err)
{
	if (!err || !s->origin.ops || err->kind == ERROR_GONE || err->kind == ERROR_PERMISSION)
		return err;
	struct error *gone = origin_check(&s->origin);
	if (!gone)
		return core_account_blame(&s->origin, err);
	error_free(err);
	return gone;
}

/* A worker is compared with the process that it was forked from. Nothing is wrong where that cannot be read. */
static void open_parent(const struct inspector_request *request, struct subject *s)
{
	struct facts facts = FACTS_EMPTY;
	if (!(request->parts & LOOK_VERDICT) || !origin_process(&s->origin))
		return;
	struct error *err = origin_facts(&s->origin, &facts);
	pid_t parent = err ? 0 : facts.parent;
	facts_fini(&facts);
	if (!err && parent > 1)
		err = process_origin(parent, &s->parent);
	s->parent_pid = !err && parent > 1 ? parent : 0;
	error_free(err);
}

/* All files of the target are open by now, and there is no thread yet. */
static void drop_privileges(const struct inspector_request *request, const struct subject *s)
{
	unsigned needs = request->writes ? PRIVILEGE_WRITE : 0;
	if (request->more)
		return;
	if (origin_process(&s->origin) || request->traces)
		needs |= PRIVILEGE_TRACE;
	if (origin_process(&s->origin) && request->mode != LOOK_NO_PAUSE)
		needs |= PRIVILEGE_HURRY;
	privilege_drop(needs);
}

struct error *subject_open(const struct inspector_request *request, struct subject *ret)
{
	_cleanup_(strangers_fini) struct strangers strangers = STRANGERS_EMPTY;
	uint64_t budget = budget_of(request);
	struct error *err = subject_locate(request, &strangers, ret);
	err = err ?: budget_check(budget);
	err = err ?: resolve(request, budget, ret);
	if (err)
		return or_gone(ret, err);
	find_code(ret);
	open_parent(request, ret);
	drop_privileges(request, ret);
	if (budget < BUDGET_COMFORT)
		live_lack(&ret->space, LIVE_NO_SECOND_READER);
	return origin_process(&ret->origin) ? live_start_readers(&ret->space) : NULL;
}

/* What files say of its build without DWARF: a kept table, else the version alone. */
static void glance_at_build(bool no_cache, struct subject *s)
{
	_cleanup_(free_pointer) char *cache = no_cache ? NULL : subject_cache_dir();
	struct python_build_request build = {
		.file = s->module.file,
		.path = s->module.path,
		.build_id = s->module.image.build_id,
		.target_root = -1,
		.cache_dir = cache,
		.cache_only = true,
	};
	struct error *err = python_build_resolve(&build, &s->build);
	if (!err)
		return;
	error_free(err);
	python_build_fini(&s->build);
	s->build = (struct python_build){0};
	if (s->module.file >= 0)
		error_free(python_build_version(s->module.file, &s->build));
}

struct error *subject_glance(pid_t pid, bool no_cache, struct strangers *strangers,
			     struct known_builds *known, struct subject *ret)
{
	const struct inspector_request request = {.kind = ORIGIN_LIVE, .pid = pid};
	struct error *err = subject_locate(&request, strangers, ret);
	if (err)
		return or_gone(ret, err);
	const struct build_id *id = &ret->module.image.build_id;
	if (known_builds_find(known, id, &ret->build))
		return NULL;
	glance_at_build(no_cache, ret);
	known_builds_add(known, id, &ret->build);
	return NULL;
}

void subject_fini(struct subject *subject)
{
	python_build_fini(&subject->build);
	scan_fini(&subject->scan);
	module_fini(&subject->module);
	space_fini(&subject->space);
	origin_close(&subject->origin);
	origin_close(&subject->parent);
}
