/*
 * malloc_stranger: names of libraries, as those who preload them or link with them give them.
 */
#include "inspector/malloc/malloc_stranger.h"

#include <string.h>

static const struct {
	const char *begin; /* of the file's name */
	enum malloc_implementation implementation;
} names[] = {
	{"libjemalloc.so", MALLOC_JEMALLOC}, {"libtcmalloc.so", MALLOC_TCMALLOC},
	{"libtcmalloc_", MALLOC_TCMALLOC},   {"libmimalloc.so", MALLOC_MIMALLOC},
	{"libmimalloc-", MALLOC_MIMALLOC},   {"ld-musl-", MALLOC_MUSL},
	{"libc.musl-", MALLOC_MUSL},
};

static enum malloc_implementation of_path(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strncmp(name, names[i].begin, strlen(names[i].begin)) == 0)
			return names[i].implementation;
	return MALLOC_UNKNOWN;
}

/* musl serves malloc only where nobody is before it. */
static bool outranks(enum malloc_implementation one, enum malloc_implementation other)
{
	return other == MALLOC_UNKNOWN || (other == MALLOC_MUSL && one != MALLOC_MUSL);
}

enum malloc_implementation malloc_stranger_find(const struct space *space, const char **ret_path)
{
	enum malloc_implementation found = MALLOC_UNKNOWN;
	bool several = false;
	*ret_path = NULL;
	for (size_t i = 0; i < space->regions.count; i++) {
		const struct region *region = &space->regions.items[i];
		enum malloc_implementation one = region->kind == REGION_FILE && region->label
							 ? of_path(region->label)
							 : MALLOC_UNKNOWN;
		if (one == MALLOC_UNKNOWN || one == found)
			continue;
		if (outranks(one, found)) {
			found = one;
			*ret_path = region->label;
			several = false;
		} else {
			several |= !outranks(found, one);
		}
	}
	if (several)
		*ret_path = NULL;
	return several ? MALLOC_UNKNOWN : found;
}
