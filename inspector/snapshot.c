/*
 * snapshot: everything below is owned by it and freed from here, top down.
 */
#include "inspector/snapshot.h"

struct snapshot *snapshot_new(void)
{
	return calloc(1, sizeof(struct snapshot));
}

static void target_fini(struct snapshot_target *t)
{
	free(t->comm);
	free(t->exe);
	free(t->command);
	free(t->module);
	for (size_t i = 0; i < t->cmdline.count; i++)
		free(t->cmdline.items[i]);
	vec_fini(&t->cmdline);
	for (size_t i = 0; i < t->modules.count; i++)
		free(t->modules.items[i].path);
	vec_fini(&t->modules);
	vec_fini(&t->hooks);
}

void snapshot_free(struct snapshot *s)
{
	if (!s)
		return;
	target_fini(&s->target);
	free(s->symbols.debug_file);
	doubts_fini(&s->doubts);
	for (size_t i = 0; i < s->interpreters.count; i++) {
		pymalloc_fini(&s->interpreters.items[i].pymalloc);
		mimalloc_fini(&s->interpreters.items[i].mimalloc);
		vec_fini(&s->interpreters.items[i].free_lists);
	}
	vec_fini(&s->interpreters);
	ledger_fini(&s->ledger);
	malloc_account_fini(&s->malloc);
	census_fini(&s->census);
	holders_fini(&s->holders);
	pins_fini(&s->pins);
	verdict_fini(&s->verdict);
	free(s);
}

const char *allocator_name(enum allocator a)
{
	switch (a) {
	case ALLOCATOR_UNKNOWN:
		break;
	case ALLOCATOR_PYMALLOC:
		return "pymalloc";
	case ALLOCATOR_MALLOC:
		return "malloc";
	case ALLOCATOR_MIMALLOC:
		return "mimalloc";
	case ALLOCATOR_CUSTOM:
		return "custom";
	}
	return "unknown";
}

const char *runtime_use_name(enum runtime_use use)
{
	switch (use) {
	case RUNTIME_IDLE:
		return "idle";
	case RUNTIME_USE_UNKNOWN:
		break;
	case RUNTIME_INITIALISED:
		return "initialised";
	}
	return "unknown";
}

const char *pause_mode_name(enum pause_mode m)
{
	switch (m) {
	case PAUSE_NONE:
		return "none";
	case PAUSE_SETTLED:
		return "settled";
	case PAUSE_STOPPED:
		return "stopped";
	case PAUSE_PARTIAL:
		return "partial";
	}
	return "unknown";
}
