/*
 * mapping: a few questions, the first that fits answers.
 */
#include "inspector/ledger/mapping.h"

#include <string.h>

static bool starts_with(const char *label, const char *prefix)
{
	return label && strncmp(label, prefix, strlen(prefix)) == 0;
}

/* The names that the kernel gives to memory shared without a file (mm/shmem.c, mm/memfd.c, ipc/shm.c, Linux 6.18). */
bool mapping_is_shared_memory(const struct region *region)
{
	const char *label = region->label;
	if (region->kind != REGION_FILE)
		return false;
	return (region->shared && (!label || starts_with(label, "/dev/zero"))) ||
	       starts_with(label, "/dev/shm/") || starts_with(label, "/SYSV") ||
	       starts_with(label, "/memfd:") || starts_with(label, "[anon_shmem:");
}

bool mapping_is_device(const struct region *region)
{
	const char *label = region->label;
	return region->kind == REGION_FILE && label && !starts_with(label, "/dev/zero") &&
	       (starts_with(label, "/dev/") || label[0] != '/');
}

static enum leaf leaf_of_file(const struct region *region, bool of_object)
{
	if (mapping_is_shared_memory(region))
		return region->executable ? LEAF_JIT_CODE : LEAF_SHARED_MEMORY;
	if (mapping_is_device(region))
		return LEAF_DEVICE_MAPPED;
	if (starts_with(region->label, "/dev/zero"))
		return LEAF_ANON_UNKNOWN;
	if (!of_object || region->shared)
		return LEAF_FILE_MAPPED;
	return region->writable ? LEAF_FILE_DATA : LEAF_FILE_TEXT;
}

enum leaf mapping_leaf(const struct region *region, bool of_object)
{
	switch (region->kind) {
	case REGION_FILE:
		return leaf_of_file(region, of_object);
	case REGION_HEAP:
		return LEAF_MALLOC_OPAQUE;
	case REGION_STACK: /* [stack:7], up to Linux 4.4, is a thread's */
		return starts_with(region->label, "[stack:") ? LEAF_STACK_THREADS : LEAF_STACK_MAIN;
	case REGION_SPECIAL:
		return LEAF_KERNEL_SPECIAL;
	case REGION_ANON:
		break;
	}
	return region->executable ? LEAF_JIT_CODE : LEAF_ANON_UNKNOWN;
}
