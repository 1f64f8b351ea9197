/*
 * mappings: maps says of each range what it is, pagemap how much of it is there.
 *
 *	maps     [exe r-x][exe rw-][heap][anon ........][libc r-x] …
 *	pagemap   ■■■□□    ■■       ■■■   ■■□□■■■■■□□□   ■■■□□□
 */
#include "inspector/mappings.h"

#include "base/cleanup.h"
#include "inspector/target/process/process.h"

#include <string.h>

const char *mapping_kind_name(enum mapping_kind kind)
{
	static const char *const names[MAPPING_KINDS] = {
		[MAPPING_ANON] = "anon.unknown",      [MAPPING_HEAP] = "anon.heap",
		[MAPPING_STACK] = "stack.main",       [MAPPING_TEXT] = "file.text",
		[MAPPING_DATA] = "file.data",         [MAPPING_FILE] = "file.mapped",
		[MAPPING_SHARED] = "shared.memory",   [MAPPING_DEVICE] = "device.mapped",
		[MAPPING_SPECIAL] = "kernel.special",
	};
	return kind < MAPPING_KINDS ? names[kind] : "unknown";
}

static bool starts_with(const char *label, const char *prefix)
{
	return label && strncmp(label, prefix, strlen(prefix)) == 0;
}

/* The names that the kernel gives to memory shared without a file (mm/shmem.c, ipc/shm.c). */
static bool is_shared_memory(const char *label)
{
	return !label || starts_with(label, "/dev/shm/") || starts_with(label, "/dev/zero") ||
	       starts_with(label, "/SYSV") || starts_with(label, "/memfd:") ||
	       starts_with(label, "[anon_shmem:");
}

static enum mapping_kind kind_of_file(const struct region *region)
{
	if (region->shared && is_shared_memory(region->label))
		return MAPPING_SHARED;
	if (starts_with(region->label, "/dev/"))
		return MAPPING_DEVICE;
	if (region->executable)
		return MAPPING_TEXT;
	return region->writable && !region->shared ? MAPPING_DATA : MAPPING_FILE;
}

static enum mapping_kind kind_of(const struct region *region)
{
	switch (region->kind) {
	case REGION_ANON:
		break;
	case REGION_HEAP:
		return MAPPING_HEAP;
	case REGION_STACK:
		return MAPPING_STACK;
	case REGION_FILE:
		return kind_of_file(region);
	case REGION_SPECIAL:
		return MAPPING_SPECIAL;
	}
	return MAPPING_ANON;
}

static void add(struct mapping_sum *sum, uint64_t size, const struct mapping_sum *one)
{
	sum->n++;
	sum->mapped = size_add(sum->mapped, size);
	sum->resident.known = sum->swapped.known = one->resident.known;
	sum->resident.value = size_add(sum->resident.value, one->resident.value);
	sum->swapped.value = size_add(sum->swapped.value, one->swapped.value);
}

/* What of one region is there (the kernel's own pages count as nobody's); unknown where its pagemap may not be read, either. */
static struct error *measure(const struct process *process, const struct region *region,
			     struct mapping_sum *ret)
{
	_cleanup_(residency_fini) struct residency residency = RESIDENCY_EMPTY;
	uint64_t present = 0, swapped = 0;
	*ret = (struct mapping_sum){0};
	if (!process_tells_residency(process))
		return NULL;
	ret->resident = ret->swapped = maybe_known(0);
	if (region->kind == REGION_SPECIAL)
		return NULL;
	struct error *err = process_residency(process, region->start, region->size, &residency);
	if (err)
		return err;
	residency_count(&residency, region->start, region->size, &present, &swapped);
	ret->resident = maybe_known(present);
	ret->swapped = maybe_known(swapped);
	return NULL;
}

static struct error *sum_up(const struct process *process, const struct space *space,
			    struct mappings *m)
{
	for (size_t i = 0; i < space->regions.count; i++) {
		const struct region *region = &space->regions.items[i];
		struct mapping_sum one;
		struct error *err = measure(process, region, &one);
		if (err)
			return err;
		add(&m->kinds[kind_of(region)], region->size, &one);
		add(&m->total, region->size, &one);
	}
	return NULL;
}

struct error *inspector_mappings(pid_t pid, struct mappings *ret)
{
	_cleanup_(process_closep) struct process *process = NULL;
	_cleanup_(space_fini) struct space space = SPACE_EMPTY;
	_cleanup_(mappings_fini) struct mappings mappings = {0};
	struct error *err = process_open_mappings(pid, &process);
	err = err ?: process_regions(process, &space);
	err = err ?: process_facts(process, &mappings.facts);
	err = err ?: sum_up(process, &space, &mappings);
	err = err ?: process_check(process);
	if (err)
		return err;
	mappings.command = process_label(mappings.facts.cmdline.items, mappings.facts.cmdline.count,
					 mappings.facts.comm);
	*ret = mappings;
	mappings = (struct mappings){0};
	return NULL;
}

void mappings_fini(struct mappings *mappings)
{
	facts_fini(&mappings->facts);
	free(mappings->command);
}
