/*
 * doctor: goes the way of a look, step by step, and tells what each step found,
 * from what source, what was refused, and what would help.
 */
#include "base/cleanup.h"
#include "base/text.h"
#include "inspector/core_account.h"
#include "inspector/inspector.h"
#include "inspector/look/budget.h"
#include "inspector/python/runtime.h"
#include "inspector/subject.h"
#include "inspector/target/place.h"
#include "inspector/target/privilege.h"
#include "inspector/target/process/permission.h"
#include "inspector/target/process/process.h"
#include "inspector/target/reading/live.h"

#include <string.h>

/* Foreign text made safe, in a buffer of the caller's. */
static const char *safe(struct text *buffer, const char *foreign)
{
	text_clear(buffer);
	text_add_escaped(buffer, foreign ? foreign : "?", strlen(foreign ? foreign : "?"));
	return text_string(buffer);
}

/* Containers and chroots, where names and numbers mean other things. */
static struct error *tell_place(const struct process *process, struct findings *f)
{
	_cleanup_(place_fini) struct place place = PLACE_EMPTY;
	_cleanup_(text_fini) struct text path = TEXT_EMPTY;
	_cleanup_(text_fini) struct text line = TEXT_EMPTY;
	struct error *err = place_read(process_dir(process), &place);
	if (err)
		return err;
	if (place.other_pids)
		text_addf(&line, "in another pid namespace, where it is pid %d; ",
			  (int)place.inner_pid);
	if (place.other_mounts)
		text_add(&line, "in another mount namespace: files are sought below its root; ");
	if (place.other_users)
		text_add(&line, "in another user namespace; ");
	if (place.root && strcmp(place.root, "/") != 0)
		text_addf(&line, "its root is %s; ", safe(&path, place.root));
	if (line.length)
		findings_add(f, "place", FINDING_OK, "%.*s", (int)line.length - 2,
			     text_string(&line));
	return NULL;
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
	return process ? tell_place(process, f) : NULL;
}

/* Why it went no further, and what would help. */
static void tell_failure(const char *topic, const struct error *failure, struct findings *f)
{
	findings_add(f, topic, FINDING_MISSING, "%s", failure->cause);
	if (failure->remedy)
		findings_add(f, topic, FINDING_MISSING, "%s", failure->remedy);
}

/* What procfs tells of a process that we may not read, and what would help. */
static void tell_refused(pid_t pid, const struct error *refusal, struct findings *f)
{
	struct facts facts = FACTS_EMPTY;
	struct process *process = NULL;
	_cleanup_(free_pointer) char *settings = permission_settings();
	struct error *err = process_facts_of(pid, &facts);
	if (!err)
		findings_add(f, "process", FINDING_OK, "pid %d, uid %u, %" PRIu64 " thread%s",
			     (int)pid, (unsigned)facts.uid, facts.n_threads,
			     facts.n_threads == 1 ? "" : "s");
	facts_fini(&facts);
	error_free(err);
	findings_add(f, "rules", FINDING_OK, "%s", settings ?: "?");
	tell_failure("attach", refusal, f);
	err = process_open_mappings(pid, &process);
	findings_add(f, "mappings", err ? FINDING_MISSING : FINDING_OK, "%s",
		     err ? "may not be read, either"
			 : "may be read: dump sums them up, by kind of memory");
	error_free(err);
	process_close(process);
}

/* Which of several was taken, and the others by the number that --module takes. */
static void tell_candidates(const struct module *m, struct findings *f)
{
	static const char *const uses[] = {
		[RUNTIME_IDLE] = "never initialised",
		[RUNTIME_USE_UNKNOWN] = "in use or not: cannot be told",
		[RUNTIME_INITIALISED] = "initialised",
	};
	_cleanup_(text_fini) struct text path = TEXT_EMPTY;
	size_t n = m->candidates.list.count;
	for (size_t i = 0; n > 1 && i < n; i++) {
		const struct candidate *one = &m->candidates.list.items[i];
		findings_add(f, "runtime", i == m->chosen ? FINDING_OK : FINDING_NOTE,
			     "%zu of %zu: %s at " RADDR_FORMAT ", %s, %s", i + 1, n,
			     safe(&path, one->path), one->image.start.value, uses[one->use],
			     i == m->chosen ? "looked at" : "not looked at");
	}
	if (n > 1)
		findings_add(f, "runtime", FINDING_NOTE,
			     "--module NUMBER or PATH looks at another of these");
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
	tell_candidates(m, f);
	for (size_t i = 0; i < m->trials.count; i++) {
		const struct module_trial *trial = &m->trials.items[i];
		findings_add(f, "file", trial->used ? FINDING_OK : FINDING_NOTE, "%s %s",
			     safe(&path, trial->path), trial->result ? trial->result : "?");
	}
	if (m->file < 0 && s->origin.kind != ORIGIN_SAVEFILE) /* which holds all that it needs */
		findings_add(f, "file", FINDING_MISSING,
			     "the module's file could not be opened: pages that are not %s cannot "
			     "be read",
			     origin_process(&s->origin) ? "resident" : "in the core");
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

static void tell_rights(const struct inspector_request *request, struct findings *f)
{
	_cleanup_(free_pointer) char *settings = permission_settings();
	if (request->kind == ORIGIN_LIVE)
		findings_add(f, "rules", FINDING_OK, "%s", settings ?: "?");
	findings_add(f, "memory", FINDING_OK, "of our own: at most %" PRIu64 " MiB%s",
		     budget_of(request) / MIB,
		     request->max_memory
			     ? " (--max-memory)"
			     : ", half of what the machine and the memory cgroups shared "
			       "with it have left");
	_cleanup_(free_pointer) char *held = privilege_held();
	findings_add(f, "rights", FINDING_OK, "given up after opening; kept: %s",
		     held && *held ? held : "none");
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
	if (opening && opening->kind == ERROR_PERMISSION && !s.origin.ops)
		tell_refused(request->pid, opening, ret);
	tell_module(&s, ret);
	tell_trials(&s, ret);
	if (opening && (opening->kind == ERROR_SYMBOLS || opening->kind == ERROR_RESOURCE))
		tell_failure("symbols", opening, ret);
	if (!opening && !err) {
		tell_layout(&s, ret);
		tell_means(&s, ret);
		tell_rights(request, ret);
		err = core_account_blame(&s.origin, tell_runtime(&s, ret));
	}
	subject_fini(&s);
	if (opening) {
		error_free(err);
		return opening;
	}
	return err;
}
