/*
 * listing: the CPython processes of this machine, containers' included.
 *
 * Every process is glanced at: its maps, and the dynamic symbols of what is
 * mapped. Layouts come from the cache alone: a list must not wait for DWARF.
 */
#include "base/cleanup.h"
#include "inspector/inspector.h"
#include "inspector/python/runtime.h"
#include "inspector/subject.h"
#include "inspector/target/process/process.h"

#include <string.h>

/* The names that a person may type: comm, argv[0]'s base name, the script or module. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static char *duplicate(const char *string)
{
	return string ? strdup(string) : NULL;
}

static void describe(struct listing_entry *entry, const struct facts *facts)
{
	const char *argv0 = facts->cmdline.count ? base_name(facts->cmdline.items[0]) : NULL;
	entry->uid = facts->uid;
	entry->rss = facts->rss;
	entry->command = process_label(facts->cmdline.items, facts->cmdline.count, facts->comm);
	entry->names[0] = duplicate(facts->comm);
	entry->names[1] = duplicate(argv0);
	entry->names[2] = process_script(facts->cmdline.items, facts->cmdline.count);
}

/* Arenas and allocator, where the layout is at hand: a handful of small reads. */
static void count_arenas(struct subject *s, struct listing_entry *entry)
{
	const struct layout *layout = &s->build.layout;
	_cleanup_(doubts_fini) struct doubts doubts = {0};
	_cleanup_(runtime_fini) struct runtime runtime = RUNTIME_EMPTY;
	struct snapshot_target target = {0};
	uint64_t bias = s->module.image.bias;
	struct error *err =
		runtime_read(&s->space, layout, bias, s->build.version_hex, &runtime, &doubts);
	err = err
		      ?: runtime_allocator(&s->space, layout, bias, s->build.version_hex, &target,
					   &doubts);
	entry->allocator = target.allocator;
	uint64_t arenas = 0;
	for (size_t i = 0; !err && i < runtime.interpreters.count; i++) {
		uint64_t current = 0;
		if (!runtime.interpreters.items[i].has_heap)
			continue;
		err = space_read(&s->space, runtime.interpreters.items[i].roots.arenas_current,
				 &current, sizeof(current));
		arenas += current;
	}
	vec_fini(&target.hooks);
	if (err)
		error_free(err);
	else
		entry->arenas = maybe_known(arenas);
}

static void glance(struct subject *s, struct listing_entry *entry)
{
	memcpy(entry->version, s->build.version, sizeof(entry->version));
	entry->debug_build = s->build.debug_build;
	entry->free_threaded = s->build.free_threaded;
	if (layout_has(&s->build.layout, LAYOUT_ARENA_OBJECT_SIZE))
		count_arenas(s, entry);
}

/* A process whose memory we may not see can only be told by its name. */
static bool named_python(const struct listing_entry *entry)
{
	for (size_t i = 0; i < ARRAY_SIZE(entry->names); i++) {
		if (entry->names[i] && strncmp(entry->names[i], "python", 6) == 0)
			return true;
	}
	return false;
}

static void entry_fini(struct listing_entry *entry)
{
	free(entry->command);
	for (size_t i = 0; i < ARRAY_SIZE(entry->names); i++)
		free(entry->names[i]);
	error_free(entry->refused);
}

static struct error *keep(struct listing *ret, struct listing_entry *entry)
{
	struct listing_entry *kept = vec_push(&ret->entries);
	if (!kept) {
		entry_fini(entry);
		return error_out_of_memory();
	}
	*kept = *entry;
	return NULL;
}

static struct error *add_unseen(pid_t pid, struct listing *ret)
{
	pid_t *place = vec_push(&ret->unseen);
	if (!place)
		return error_out_of_memory();
	*place = pid;
	return NULL;
}

/* A refused process: procfs still tells its name, and process_open's error tells the rule. */
static struct error *list_refused(pid_t pid, struct error *refused, struct listing *ret)
{
	struct facts facts = {0};
	struct listing_entry entry = {.pid = pid, .refused = refused};
	struct error *err = process_facts_of(pid, &facts);
	if (err) {
		error_free(err);
		error_free(refused);
		return NULL;
	}
	describe(&entry, &facts);
	facts_fini(&facts);
	if (named_python(&entry))
		return keep(ret, &entry);
	entry_fini(&entry);
	return add_unseen(pid, ret);
}

/* What one process taught, for the next. */
struct acquaintances {
	struct strangers strangers;
	struct known_builds builds;
};

static void forget(struct acquaintances *met)
{
	strangers_fini(&met->strangers);
	known_builds_fini(&met->builds);
}

static struct error *list_one(pid_t pid, bool no_cache, struct acquaintances *met,
			      struct listing *ret)
{
	struct subject subject;
	struct facts facts = {0};
	struct listing_entry entry = {.pid = pid};
	struct error *err = subject_glance(pid, no_cache, &met->strangers, &met->builds, &subject);
	if (err && err->kind == ERROR_PERMISSION) {
		subject_fini(&subject);
		return list_refused(pid, err, ret);
	}
	err = err ?: origin_facts(&subject.origin, &facts);
	if (!err) {
		describe(&entry, &facts);
		facts_fini(&facts);
		glance(&subject, &entry);
		err = keep(ret, &entry);
	} else {
		/* Not CPython, or it ended meanwhile: nothing to list. But what makes itself too
		 * large to be looked at must not hide the others, nor stay unmentioned. */
		bool too_large = err->kind == ERROR_RESOURCE;
		error_free(err);
		err = too_large ? add_unseen(pid, ret) : NULL;
	}
	subject_fini(&subject);
	return err;
}

struct error *inspector_list(bool no_cache, struct listing *ret)
{
	_cleanup_(free_pointer) pid_t *pids = NULL;
	_cleanup_(forget) struct acquaintances met = {STRANGERS_EMPTY, KNOWN_BUILDS_EMPTY};
	size_t n = 0;
	struct error *err = process_pids(&pids, &n);
	*ret = (struct listing){0};
	for (size_t i = 0; !err && i < n; i++)
		err = list_one(pids[i], no_cache, &met, ret);
	if (err)
		listing_fini(ret);
	return err;
}

void listing_fini(struct listing *l)
{
	for (size_t i = 0; i < l->entries.count; i++)
		entry_fini(&l->entries.items[i]);
	vec_fini(&l->entries);
	vec_fini(&l->unseen);
}
