/*
 * json: a function for each object of the contract, keys in the contract's order.
 */
#include "ui/json/json.h"

#include "ui/json/json_census.h"
#include "ui/json/json_ledger.h"
#include "ui/json/json_malloc.h"
#include "ui/json/json_value.h"
#include "ui/json/json_why.h"
#include "ui/report/doctor.h"
#include "ui/report/ps.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#define SCHEMA "arenascope/1"

static json_t *host_name(void)
{
	char host[HOST_NAME_MAX + 1] = "";
	return gethostname(host, sizeof(host) - 1) == 0 ? json_value_text(host) : json_null();
}

/* What every object begins with. */
static json_t *new_answer(const struct json_request *request)
{
	json_t *answer = json_object();
	json_value_set(&answer, "schema", json_string(SCHEMA));
	json_value_set(&answer, "tool", json_string(ARENASCOPE_VERSION));
	json_value_set(&answer, "verb", json_value_quote(request->verb));
	json_value_set(&answer, "host", host_name());
	json_value_set(&answer, "elapsed_ms", json_value_count(request->elapsed_ms));
	return answer;
}

/* ---- target ------------------------------------------------------------------------------ */

static json_t *command_line(const struct snapshot_target *t, bool contents)
{
	if (!contents || !t->cmdline.count)
		return json_null();
	json_t *list = json_array();
	for (size_t i = 0; i < t->cmdline.count; i++)
		json_value_append(&list, json_value_text(t->cmdline.items[i]));
	return list;
}

static json_t *hooks(const struct snapshot_target *t)
{
	json_t *list = json_array();
	for (size_t i = 0; i < t->hooks.count; i++)
		json_value_append(&list, json_value_text(t->hooks.items[i]));
	return list;
}

static json_t *build_id(const struct build_id *id)
{
	char hex[2 * BUILD_ID_MAX + 1];
	if (!id->size)
		return json_null();
	build_id_hex(id, hex);
	return json_string(hex);
}

static json_t *modules(const struct snapshot_target *t)
{
	json_t *list = t->modules.count ? json_array() : json_null();
	for (size_t i = 0; i < t->modules.count; i++) {
		const struct snapshot_module *m = &t->modules.items[i];
		/* Of a single one nothing is asked: it is the one. */
		bool alone = t->modules.count == 1;
		json_t *o = json_object();
		json_value_set(&o, "path", json_value_text(m->path));
		json_value_set(&o, "address", json_value_address(m->address));
		json_value_set(&o, "build_id", build_id(&m->build_id));
		json_value_set(&o, "use",
			       json_string(runtime_use_name(alone ? RUNTIME_INITIALISED : m->use)));
		json_value_set(&o, "chosen", json_boolean(m->chosen));
		json_value_append(&list, o);
	}
	return list;
}

static void add_sizes(json_t **o, const struct snapshot_target *t)
{
	bool known = t->kind != ORIGIN_CORE;
	json_value_set(o, "rss_bytes", known ? json_value_count(t->rss) : json_null());
	json_value_set(o, "peak_rss_bytes", known ? json_value_count(t->peak_rss) : json_null());
	json_value_set(o, "swap_bytes", known ? json_value_count(t->swap) : json_null());
}

static const char *kind_name(enum origin_kind kind)
{
	static const char *const names[] = {
		[ORIGIN_LIVE] = "live", [ORIGIN_CORE] = "core", [ORIGIN_SAVEFILE] = "snapshot"};
	return names[kind];
}

static json_t *target(const struct snapshot_target *t, bool contents)
{
	json_t *o = json_object();
	json_value_set(&o, "kind", json_string(kind_name(t->kind)));
	json_value_set(&o, "pid", t->pid ? json_integer(t->pid) : json_null());
	json_value_set(&o, "uid", t->pid ? json_integer(t->uid) : json_null());
	json_value_set(&o, "command", json_value_text(t->command));
	json_value_set(&o, "exe", json_value_text(t->exe));
	json_value_set(&o, "cmdline", command_line(t, contents));
	json_value_set(&o, "module", json_value_text(t->module));
	json_value_set(&o, "modules", modules(t));
	json_value_set(&o, "python", json_value_text(t->version[0] ? t->version : NULL));
	json_value_set(&o, "debug_build", json_boolean(t->debug_build));
	json_value_set(&o, "free_threaded", json_boolean(t->free_threaded));
	json_value_set(&o, "allocator", json_string(allocator_name(t->allocator)));
	json_value_set(&o, "debug_hooks", json_boolean(t->debug_hooks));
	json_value_set(&o, "hooks", hooks(t));
	json_value_set(&o, "build_id", build_id(&t->build_id));
	json_value_set(&o, "started_at", json_value_time(t->started_at));
	json_value_set(&o, "taken_at", json_value_time(t->taken_at));
	json_value_set(&o, "threads", t->n_threads ? json_value_count(t->n_threads) : json_null());
	json_value_set(&o, "signal", t->signal ? json_integer(t->signal) : json_null());
	add_sizes(&o, t);
	return o;
}

static json_t *symbols(const struct snapshot_symbols *s)
{
	json_t *o = json_object();
	json_value_set(&o, "layout", json_string(provenance_name(s->layout)));
	json_value_set(&o, "roots", json_string(provenance_name(s->roots)));
	json_value_set(&o, "debug_file", json_value_text(s->debug_file));
	return o;
}

static json_t *pause_of(const struct snapshot_pause *p)
{
	json_t *o = json_object();
	json_value_set(&o, "mode", json_string(pause_mode_name(p->mode)));
	json_value_set(&o, "stops", json_value_count(p->stops));
	json_value_set(&o, "longest_us", json_value_count(p->longest_us));
	json_value_set(&o, "total_us", json_value_count(p->total_us));
	return o;
}

static json_t *doubts(const struct doubts *d)
{
	json_t *list = json_array();
	for (size_t i = 0; i < d->list.count; i++) {
		const struct doubt *doubt = &d->list.items[i];
		json_t *o = json_object();
		json_value_set(&o, "kind", json_string(doubt_kind_name(doubt->kind)));
		json_value_set(&o, "severity", json_string(doubt_severity_name(doubt->severity)));
		json_value_set(&o, "count", json_value_count(doubt->count));
		json_value_set(&o, "detail", json_value_quote(doubt->detail));
		json_value_append(&list, o);
	}
	return list;
}

/* ---- pymalloc ---------------------------------------------------------------------------- */

static json_t *arena_counters(const struct pymalloc *p)
{
	json_t *o = json_object();
	struct maybe reclaimed = p->arenas_allocated_total;
	reclaimed.value = size_subtract(reclaimed.value, p->arenas.count);
	json_value_set(&o, "allocated_total", json_value_maybe(p->arenas_allocated_total));
	json_value_set(&o, "reclaimed", json_value_maybe(reclaimed));
	json_value_set(&o, "highwater", json_value_maybe(p->arenas_highwater));
	json_value_set(&o, "current", json_value_count(p->arenas.count));
	return o;
}

static json_t *byte_sums(const struct pymalloc *p)
{
	json_t *o = json_object();
	json_value_set(&o, "allocated", json_value_count(p->allocated_bytes));
	json_value_set(&o, "available", json_value_count(p->available_bytes));
	json_value_set(&o, "unused_pools", json_value_count(p->unused_pools_bytes));
	json_value_set(&o, "pool_headers", json_value_count(p->pool_headers_bytes));
	json_value_set(&o, "quantization", json_value_count(p->quantization_bytes));
	json_value_set(&o, "arena_alignment", json_value_count(p->arena_alignment_bytes));
	json_value_set(&o, "total", json_value_count(p->total_bytes));
	return o;
}

static json_t *classes(const struct pymalloc *p)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->n_classes && i < PYMALLOC_CLASSES_MAX; i++) {
		json_t *o = json_object();
		json_value_set(&o, "size", json_value_count(p->classes[i].size));
		json_value_set(&o, "pools", json_value_count(p->classes[i].pools));
		json_value_set(&o, "used_blocks", json_value_count(p->classes[i].used_blocks));
		json_value_set(&o, "free_blocks", json_value_count(p->classes[i].free_blocks));
		json_value_append(&list, o);
	}
	return list;
}

static json_t *arena(const struct pymalloc *p, const struct pymalloc_arena *a)
{
	json_t *o = json_object();
	struct maybe resident = {.value = a->resident, .known = p->has_residency};
	struct maybe swapped = {.value = a->swapped, .known = p->has_residency};
	json_value_set(&o, "address", json_value_address(a->address));
	json_value_set(&o, "pools", json_value_count(a->n_pools));
	json_value_set(&o, "free_pools", json_value_count(a->n_free));
	json_value_set(&o, "used_blocks", json_value_count(a->used_blocks));
	json_value_set(&o, "used_bytes", json_value_count(a->used_bytes));
	json_value_set(&o, "resident_bytes", json_value_maybe(resident));
	json_value_set(&o, "swapped_bytes", json_value_maybe(swapped));
	return o;
}

static json_t *arena_list(const struct pymalloc *p, uint64_t limit)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->arenas.count && (!limit || i < limit); i++)
		json_value_append(&list, arena(p, &p->arenas.items[i]));
	return list;
}

static json_t *pymalloc_of(const struct pymalloc *p, bool with_arenas, uint64_t limit)
{
	if (!p->used)
		return json_null();
	json_t *o = json_object();
	json_value_set(&o, "alignment", json_value_count(p->alignment));
	json_value_set(&o, "small_request_threshold", json_value_count(p->threshold));
	json_value_set(&o, "pool_size", json_value_count(p->pool_size));
	json_value_set(&o, "arena_size", json_value_count(p->arena_size));
	json_value_set(&o, "arenas", arena_counters(p));
	json_value_set(&o, "bytes", byte_sums(p));
	json_value_set(&o, "classes", classes(p));
	json_value_set(&o, "arena_list", with_arenas ? arena_list(p, limit) : json_null());
	return o;
}

/* ---- mimalloc ---------------------------------------------------------------------------- */

static json_t *mimalloc_heap(const struct mimalloc_heap *h)
{
	json_t *o = json_object();
	json_value_set(&o, "thread", h->thread ? json_integer(h->thread) : json_null());
	json_value_set(&o, "kind", json_value_text(mimalloc_kind_name(h->kind)));
	json_value_set(&o, "pages", json_value_count(h->n_pages));
	json_value_set(&o, "used_blocks", json_value_count(h->used_blocks));
	json_value_set(&o, "used_bytes", json_value_count(h->used_bytes));
	json_value_set(&o, "free_bytes", json_value_count(h->free_bytes));
	return o;
}

static json_t *mimalloc_of(const struct mimalloc *m)
{
	if (!m->used)
		return json_null();
	json_t *o = json_object(), *heaps = json_array();
	for (size_t i = 0; i < m->heaps.count; i++)
		json_value_append(&heaps, mimalloc_heap(&m->heaps.items[i]));
	json_value_set(&o, "heaps", heaps);
	json_value_set(&o, "segments", json_value_count(m->segments.count));
	json_value_set(&o, "delayed_bytes", json_value_count(m->delayed_bytes));
	return o;
}

/* ---- interpreters ------------------------------------------------------------------------ */

static json_t *free_lists(const struct snapshot_interpreter *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->free_lists.count; i++) {
		const struct snapshot_free_list *f = &s->free_lists.items[i];
		json_t *o = json_object();
		json_value_set(&o, "type", json_value_text(f->name));
		json_value_set(&o, "count", json_value_maybe(f->count));
		json_value_set(&o, "size", f->size ? json_value_count(f->size) : json_null());
		json_value_append(&list, o);
	}
	return list;
}

static json_t *interpreter(const struct snapshot_interpreter *s, bool with_arenas, uint64_t limit)
{
	json_t *o = json_object();
	json_value_set(&o, "id", json_integer(s->id));
	json_value_set(&o, "shares_main", json_boolean(s->shares_main));
	json_value_set(&o, "readable", json_boolean(s->readable));
	json_value_set(&o, "pymalloc", pymalloc_of(&s->pymalloc, with_arenas, limit));
	json_value_set(&o, "mimalloc", mimalloc_of(&s->mimalloc));
	json_value_set(&o, "free_lists", free_lists(s));
	return o;
}

static json_t *interpreters(const struct snapshot *s, bool with_arenas, uint64_t limit)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->interpreters.count; i++)
		json_value_append(&list,
				  interpreter(&s->interpreters.items[i], with_arenas, limit));
	return list;
}

static void add_look(json_t **answer, const struct snapshot *s, const struct json_request *request)
{
	json_value_set(answer, "target", target(&s->target, request->contents));
	json_value_set(answer, "symbols", symbols(&s->symbols));
	json_value_set(answer, "pause",
		       s->target.kind == ORIGIN_LIVE ? pause_of(&s->pause) : json_null());
	json_value_set(answer, "doubts", doubts(&s->doubts));
}

/* Verbs that tell of pymalloc. */
static void add_heaps(json_t **answer, const struct snapshot *s, enum verb verb,
		      const struct json_request *request)
{
	if (verb != VERB_MAP)
		json_value_set(answer, "allocated_blocks", json_value_maybe(s->allocated_blocks));
	json_value_set(answer, "interpreters", interpreters(s, verb != VERB_STATS, request->limit));
	if (verb != VERB_MAP)
		json_value_set(answer, "free_lists",
			       s->interpreters.count ? free_lists(&s->interpreters.items[0])
						     : json_null());
}

static bool tells_heaps(enum verb verb)
{
	return verb == VERB_DUMP || verb == VERB_TOP || verb == VERB_STATS || verb == VERB_MAP;
}

struct error *json_snapshot(struct text *text, const struct snapshot *s, enum verb verb,
			    const struct json_request *request)
{
	json_t *answer = new_answer(request);
	bool all = verb == VERB_DUMP || verb == VERB_TOP;
	add_look(&answer, s, request);
	if (tells_heaps(verb))
		add_heaps(&answer, s, verb, request);
	if (all || verb == VERB_LEDGER || verb == VERB_WHY) {
		json_value_set(&answer, "ledger", json_ledger_of(&s->ledger, request->limit));
		json_value_set(&answer, "cgroup", json_ledger_cgroup(&s->purse));
	}
	if (all || verb == VERB_MALLOC)
		json_value_set(&answer, "malloc", json_malloc_of(&s->malloc, request->limit));
	if (all || verb == VERB_TYPES || verb == VERB_WHY) {
		json_value_set(&answer, "census", json_census_of(&s->census, request->limit));
		json_value_set(&answer, "types", json_census_types(&s->census, request->limit));
	}
	if (all || verb == VERB_WHY)
		json_value_set(&answer, "why", json_why_of(s, request));
	if (request->since)
		json_value_set(&answer, "diff", json_difference_of(request->since, request->limit));
	return json_value_write(text, answer);
}

struct error *json_object_answer(struct text *text, const struct snapshot *s,
				 const struct inspector_object *object,
				 const struct json_request *request)
{
	json_t *answer = new_answer(request);
	add_look(&answer, s, request);
	json_value_set(&answer, "object", json_object_of(object));
	return json_value_write(text, answer);
}

struct error *json_saved(struct text *text, const char *path, const struct inspector_saved *saved,
			 bool redacted, const struct json_request *request)
{
	json_t *answer = new_answer(request), *file = json_object();
	add_look(&answer, saved->snapshot, request);
	json_value_set(&file, "path", json_value_text(path));
	json_value_set(&file, "bytes", json_value_count(saved->file_size));
	json_value_set(&file, "estimated_bytes", json_value_count(saved->estimate));
	json_value_set(&file, "memory_bytes", json_value_count(saved->memory_size));
	json_value_set(&file, "redacted", json_boolean(redacted));
	json_value_set(&answer, "file", file);
	return json_value_write(text, answer);
}

/* ---- other answers ----------------------------------------------------------------------- */

static json_t *failure_of(const struct error *failure, int exit_status)
{
	json_t *o = json_object();
	json_value_set(&o, "exit", json_integer(exit_status));
	json_value_set(&o, "rule", json_value_quote(failure->rule));
	json_value_set(&o, "detail", json_value_quote(failure->cause));
	json_value_set(&o, "remedy", json_value_quote(failure->remedy));
	return o;
}

struct error *json_failure(struct text *text, const struct error *failure, int exit_status,
			   const struct json_request *request)
{
	json_t *answer = json_object();
	json_value_set(&answer, "schema", json_string(SCHEMA));
	json_value_set(&answer, "verb", json_value_quote(request->verb));
	json_value_set(&answer, "error", failure_of(failure, exit_status));
	return json_value_write(text, answer);
}

static json_t *mapping_entry(enum mapping_kind kind, const struct mapping_sum *sum)
{
	json_t *o = json_object();
	json_value_set(&o, "key", json_string(mapping_kind_name(kind)));
	json_value_set(&o, "mappings", json_value_count(sum->n));
	json_value_set(&o, "mapped_bytes", json_value_count(sum->mapped));
	json_value_set(&o, "resident_bytes", json_value_maybe(sum->resident));
	json_value_set(&o, "swapped_bytes", json_value_maybe(sum->swapped));
	return o;
}

/* As the contract's ledger, as far as mappings tell. */
static json_t *mapping_ledger(const struct mappings *m)
{
	json_t *o = json_object(), *entries = json_array();
	for (int i = 0; i < MAPPING_KINDS; i++) {
		if (m->kinds[i].n)
			json_value_append(&entries,
					  mapping_entry((enum mapping_kind)i, &m->kinds[i]));
	}
	json_value_set(&o, "rss_bytes", json_value_maybe(m->total.resident));
	json_value_set(&o, "rss_kernel_bytes", json_value_count(m->facts.rss));
	json_value_set(&o, "peak_rss_bytes", json_value_count(m->facts.peak_rss));
	json_value_set(&o, "swap_bytes", json_value_count(m->facts.swap));
	json_value_set(&o, "entries", entries);
	return o;
}

struct error *json_mappings(struct text *text, const struct mappings *m,
			    const struct error *failure, int exit_status,
			    const struct json_request *request)
{
	json_t *answer = new_answer(request);
	json_value_set(&answer, "pid", json_integer(m->facts.pid));
	json_value_set(&answer, "ledger", mapping_ledger(m));
	json_value_set(&answer, "error", failure_of(failure, exit_status));
	return json_value_write(text, answer);
}

static json_t *listed(const struct listing_entry *e, const struct json_request *request)
{
	char user[40];
	ps_user(user, e->uid);
	bool known = e->version[0];
	json_t *o = new_answer(request);
	json_value_set(&o, "pid", json_integer(e->pid));
	json_value_set(&o, "uid", json_integer(e->uid));
	json_value_set(&o, "user", json_value_text(user));
	json_value_set(&o, "command", json_value_text(e->command));
	json_value_set(&o, "python", json_value_text(known ? e->version : NULL));
	json_value_set(&o, "debug_build", known ? json_boolean(e->debug_build) : json_null());
	json_value_set(&o, "free_threaded", known ? json_boolean(e->free_threaded) : json_null());
	json_value_set(&o, "allocator", json_string(allocator_name(e->allocator)));
	json_value_set(&o, "rss_bytes", json_value_count(e->rss));
	json_value_set(&o, "arenas", json_value_maybe(e->arenas));
	json_value_set(&o, "refused",
		       e->refused ? failure_of(e->refused, (int)e->refused->kind) : json_null());
	return o;
}

struct error *json_listing(struct text *text, const struct listing *listing,
			   const struct json_request *request)
{
	size_t n = listing->entries.count;
	struct error *err = NULL;
	for (size_t i = 0; !err && i < n && (!request->limit || i < request->limit); i++)
		err = json_value_write(text, listed(&listing->entries.items[i], request));
	return err;
}

struct error *json_findings(struct text *text, const struct findings *findings, pid_t pid,
			    bool plan, const struct json_request *request)
{
	json_t *answer = new_answer(request);
	json_t *list = json_array();
	for (size_t i = 0; i < findings->list.count; i++) {
		const struct finding *finding = &findings->list.items[i];
		json_t *o = json_object();
		json_value_set(&o, "topic", json_string(finding->topic));
		json_value_set(&o, "kind", json_string(doctor_kind_name(finding->kind)));
		json_value_set(&o, "text", json_value_quote(finding->text));
		json_value_append(&list, o);
	}
	json_value_set(&answer, "pid", pid ? json_integer(pid) : json_null());
	json_value_set(&answer, "plan", json_boolean(plan));
	json_value_set(&answer, "findings", list);
	return json_value_write(text, answer);
}
