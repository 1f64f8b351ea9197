/*
 * glibc_settings: each variable that malloc knows has a place in mp_, and either it stands there or the
 * variable had no effect.
 *
 * malloc/malloc.c, malloc/arena.c, elf/dl-tunables.list; glibc 2.26 to 2.43.
 */
#include "inspector/malloc/glibc_settings.h"

#include "base/size.h"

#include <errno.h>
#include <string.h>

#define MMAP_THRESHOLD_DEFAULT (128 * KIB)
#define ARENAS_A_PROCESSOR     8
#define HEADER                 8 /* a request is so much smaller than its chunk */

enum setting {
	SETTING_TRIM,
	SETTING_PAD,
	SETTING_MMAP,
	SETTING_MMAPS,
	SETTING_ARENAS,
	SETTING_TEST,
	SETTING_NONE, /* no such variable is known to malloc */
};

/* The last ones are what people write for the first. */
static const struct {
	const char *name;
	enum setting setting;
} variables[] = {
	{"MALLOC_TRIM_THRESHOLD_", SETTING_TRIM}, {"MALLOC_TOP_PAD_", SETTING_PAD},
	{"MALLOC_MMAP_THRESHOLD_", SETTING_MMAP}, {"MALLOC_MMAP_MAX_", SETTING_MMAPS},
	{"MALLOC_ARENA_MAX", SETTING_ARENAS},     {"MALLOC_ARENA_TEST", SETTING_TEST},
	{"MALLOC_TRIM_THRESHOLD", SETTING_NONE},  {"MALLOC_TOP_PAD", SETTING_NONE},
	{"MALLOC_MMAP_THRESHOLD", SETTING_NONE},  {"MALLOC_MMAP_MAX", SETTING_NONE},
	{"MALLOC_ARENA_MAX_", SETTING_NONE},      {"MALLOC_ARENA_TEST_", SETTING_NONE},
	{"MALLOC_ARENAS_MAX", SETTING_NONE},
};

static uint64_t value_of(const struct malloc_settings *s, enum setting setting)
{
	switch (setting) {
	case SETTING_TRIM:
		return s->trim_threshold;
	case SETTING_PAD:
		return s->top_pad;
	case SETTING_MMAP:
		return s->mmap_threshold;
	case SETTING_MMAPS:
		return s->n_mmaps_max;
	case SETTING_ARENAS:
		return s->arena_max;
	case SETTING_TEST:
		return s->arena_test;
	case SETTING_NONE:
		break;
	}
	return 0;
}

static bool has_effect(const struct malloc_settings *s, enum setting setting, const char *text)
{
	char *end;
	errno = 0;
	unsigned long long wanted = strtoull(text, &end, 0);
	return setting != SETTING_NONE && errno == 0 && end != text &&
	       value_of(s, setting) == wanted;
}

/* Whether it is there, at the start or now, with a value that malloc does not have. */
static bool lacks_effect(const struct environment *environment, const struct malloc_settings *s,
			 size_t variable)
{
	for (size_t i = 0; i < environment->list.count; i++) {
		const char *text = environment_value(environment, i, variables[variable].name);
		if (text && !has_effect(s, variables[variable].setting, text))
			return true;
	}
	return false;
}

static struct error *compare(const struct environment *environment, struct malloc_settings *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
		if (!lacks_effect(environment, s, i))
			continue;
		const char **place = vec_push(&s->ineffective);
		if (!place)
			return error_out_of_memory();
		*place = variables[i].name;
	}
	return NULL;
}

/* From 2.42 on it is the largest chunk, and one more; before, the largest request. */
static struct maybe tcache_max(const struct glibc_place *place)
{
	const struct glibc_par_shape *p = place->par;
	uint64_t value = glibc_place_par_word(place, p->tcache_max_bytes);
	if (value == 0)
		return maybe_known(0);
	return maybe_known(p->from >= 42 ? size_subtract(value, 1 + HEADER) : value);
}

struct error *glibc_settings_read(const struct glibc_place *place,
				  const struct environment *environment, uint64_t n_processors,
				  struct malloc_settings *ret)
{
	const struct glibc_par_shape *p = place->par;
	ret->mmap_threshold = glibc_place_par_word(place, GLIBC_PAR_MMAP_THRESHOLD);
	ret->trim_threshold = glibc_place_par_word(place, GLIBC_PAR_TRIM_THRESHOLD);
	ret->top_pad = glibc_place_par_word(place, GLIBC_PAR_TOP_PAD);
	ret->arena_max = glibc_place_par_word(place, GLIBC_PAR_ARENA_MAX);
	ret->arena_test = glibc_place_par_word(place, GLIBC_PAR_ARENA_TEST);
	ret->n_mmaps_max = glibc_place_par_int(place, p->n_mmaps_max);
	ret->tcache_max = tcache_max(place);
	ret->dynamic = glibc_place_par_int(place, p->no_dyn_threshold) == 0;
	ret->moved = ret->dynamic && ret->mmap_threshold != MMAP_THRESHOLD_DEFAULT;
	ret->arena_limit =
		ret->arena_max ? ret->arena_max : size_multiply(n_processors, ARENAS_A_PROCESSOR);
	return compare(environment, ret);
}
