/*
 * doctor: goes the way of a look, step by step, and tells what each step found,
 * from what source, what was refused, and what would help.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "inspector/core_account.h"
#include "inspector/inspector.h"
#include "inspector/python/runtime.h"
#include "inspector/subject.h"
#include "inspector/target/live.h"
#include "inspector/target/process.h"

#include <string.h>

/* Foreign text made safe, in a buffer of the caller's. */
static const char *safe(struct text *buffer, const char *foreign)
{
	text_clear(buffer);
	text_add_escaped(buffer, foreign ? foreign : "?", strlen(foreign ? foreign : "?"));
	return text_string(buffer);
}

static struct error *tell_process(const struct subject *s, struct findings *f)
{
	const struct process *process = origin_process(&s->origin);
	struct facts facts = FACTS_EMPTY;
	struct error *err = origin_facts(&s->origin, &facts);
	if (err)
		return err;
	_cleanup_(text_fini) struct text exe = TEXT_EMPTY;
	findings_add(f, "process", FINDING_OK, "pid %d, uid %u, %" PRIu64 " thread%s, %s",
		     (int)facts.pid, (unsigned)facts.uid, facts.n_threads,
		     facts.n_threads == 1 ? "" : "s", safe(&exe, facts.exe));
	f->pid = facts.pid;
	pid_t tracer = process ? process_tracer(process) : 0;
	if (tracer)
		findings_add(f, "attach", FINDING_NOTE,
			     "pid %d traces it: it can be read, but not stopped", (int)tracer);
	else if (process)
		findings_add(f, "attach", FINDING_OK,
			     "may be read and, where that is needed, stopped");
	facts_fini(&facts);
	return NULL;
}

static struct error *tell_subject(const struct subject *s, struct findings *f)
{
	if (s->origin.kind == ORIGIN_LIVE)
		return tell_process(s, f);
	return core_account_tell(&s->origin, f);
}

static void tell_module(const struct subject *s, struct findings *f)
{
	const struct module *m = &s->module;
	_cleanup_(text_fini) struct text path = TEXT_EMPTY;
	char hex[2 * BUILD_ID_MAX + 1];
	if (!m->path)
		return;
	build_id_hex(&m->image.build_id, hex);
	findings_add(f, "module", FINDING_OK,
		     "%s defines the Python runtime, mapped at " RADDR_FORMAT, safe(&path, m->path),
		     m->image.start.value);
	findings_add(f, "module", *hex ? FINDING_OK : FINDING_NOTE, "build-id in memory: %s",
		     *hex ? hex : "none, so files are taken on trust");
	if (m->n_others)
		findings_add(f, "module", FINDING_NOTE,
			     "%zu more mapped objects define a runtime; the first is looked at",
			     m->n_others);
	for (size_t i = 0; i < m->trials.count; i++) {
		const struct module_trial *trial = &m->trials.items[i];
		findings_add(f, "file", trial->used ? FINDING_OK : FINDING_NOTE, "%s %s",
			     safe(&path, trial->path), trial->result ? trial->result : "?");
	}
	if (m->file < 0)
		findings_add(f, "file", FINDING_MISSING,
			     "the module's file could not be opened: pages that are not %s cannot "
			     "be read",
			     origin_process(&s->origin) ? "resident" : "in the file");
}

/* What symbols/ tells is escaped already. */
static void tell_trials(const struct subject *s, struct findings *f)
{
	for (size_t i = 0; i < s->build.trials.count; i++) {
		const struct python_build_trial *trial = &s->build.trials.items[i];
		findings_add(f, "symbols", trial->used ? FINDING_OK : FINDING_NOTE, "%s: %s",
			     trial->what ?: "?", trial->result ?: "?");
	}
}

static void tell_layout(const struct subject *s, struct findings *f)
{
	size_t by_source[PROVENANCE_DWARF + 1] = {0};
	for (size_t i = 0; i < LAYOUT_COUNT; i++)
		by_source[s->build.layout.entries[i].provenance]++;
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	for (size_t i = PROVENANCE_DWARF; i > PROVENANCE_ABSENT; i--) {
		if (by_source[i])
			text_addf(&line, "%s%zu from %s", line.length ? ", " : "", by_source[i],
				  provenance_name((enum provenance)i));
	}
	findings_add(f, "layout", FINDING_OK,
		     "CPython %s%s%s: %s; %zu entries this version does not have", s->build.version,
		     s->build.debug_build ? ", pydebug" : "",
		     s->build.free_threaded ? ", free-threaded" : "", text_string(&line),
		     by_source[PROVENANCE_ABSENT]);
}

static void tell_means(struct subject *s, struct findings *f)
{
	if (!origin_process(&s->origin))
		return;
	findings_add(f, "reading", FINDING_OK, "memory by %s, residency by %s",
		     live_mechanism(&s->space), live_residency_mechanism(&s->space));
	if (s->n_code == 0)
		findings_add(f, "reading", FINDING_NOTE,
			     "the allocator's code was not found: a stop inside it cannot be told");
}

static void tell_allocator(const struct snapshot_target *target, struct findings *f)
{
	_cleanup_(text_fini) struct text hooks = TEXT_EMPTY;
	for (size_t i = 0; i < target->hooks.count; i++)
		text_addf(&hooks, ", behind %s", target->hooks.items[i]);
	findings_add(f, "allocator",
		     target->allocator == ALLOCATOR_PYMALLOC ? FINDING_OK : FINDING_NOTE, "%s%s%s",
		     allocator_name(target->allocator),
		     target->debug_hooks ? ", under debug hooks" : "", text_string(&hooks));
}

static void tell_doubts(const struct doubts *doubts, struct findings *f)
{
	for (size_t i = 0; i < doubts->list.count; i++) {
		const struct doubt *doubt = &doubts->list.items[i];
		findings_add(f, "doubt",
			     doubt->severity == DOUBT_NOTE ? FINDING_NOTE : FINDING_MISSING,
			     "%s (%" PRIu64 "): %s", doubt_kind_name(doubt->kind), doubt->count,
			     doubt->detail ? doubt->detail : "");
	}
}

static struct error *tell_runtime(struct subject *s, struct findings *f)
{
	_cleanup_(doubts_fini) struct doubts doubts = {0};
	_cleanup_(runtime_fini) struct runtime runtime = RUNTIME_EMPTY;
	struct snapshot_target target = {0};
	struct error *err = runtime_read(&s->space, &s->build.layout, s->module.image.bias,
					 s->build.version_hex, &runtime, &doubts);
	if (err)
		return err;
	for (size_t i = 0; i < runtime.interpreters.count; i++) {
		const struct runtime_interpreter *interp = &runtime.interpreters.items[i];
		findings_add(f, "interpreter", FINDING_OK, "%" PRId64 ": %s", interp->id,
			     interp->shares_main ? "uses the main interpreter's arenas"
						 : "has arenas of its own");
	}
	err = runtime_allocator(&s->space, &s->build.layout, s->module.image.bias,
				s->build.version_hex, &target, &doubts);
	if (!err)
		tell_allocator(&target, f);
	vec_fini(&target.hooks);
	tell_doubts(&doubts, f);
	return err;
}

struct error *inspector_doctor(const struct inspector_request *request, struct findings *ret)
{
	struct subject s;
	*ret = (struct findings){0};
	struct error *opening = subject_open(request, &s);
	struct error *err = s.origin.ops ? tell_subject(&s, ret) : NULL;
	tell_module(&s, ret);
	tell_trials(&s, ret);
	if (!opening && !err) {
		tell_layout(&s, ret);
		tell_means(&s, ret);
		err = core_account_blame(&s.origin, tell_runtime(&s, ret));
	}
	subject_fini(&s);
	if (opening) {
		error_free(err);
		return opening;
	}
	return err;
}
