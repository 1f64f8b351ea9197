/*
 * glibc_place: where glibc's malloc keeps its variables, found by structure.
 *
 * main_arena is where, in libc's data, every one of 127 bins is empty and names itself or leads to
 * a chunk, and the ring of arenas that begins there closes; mp_ is where the begin of the main heap stands
 * among plausible neighbours. Exactly one place is an answer.
 */
#ifndef INSPECTOR_MALLOC_GLIBC_PLACE_H
#define INSPECTOR_MALLOC_GLIBC_PLACE_H

#include "base/vec.h"
#include "inspector/malloc/glibc_shape.h"
#include "inspector/target/origin.h"

struct glibc_place {
	char *library;                         /* path, foreign, owned; NULL: no libc is mapped */
	unsigned minor;                        /* 2.minor; 0: not known */
	const struct glibc_state_shape *state; /* NULL: main_arena was not found */
	raddr main_arena;
	const struct glibc_par_shape *par; /* NULL: mp_ was not found */
	raddr mp;
	uint8_t mp_bytes[GLIBC_PAR_MAX]; /* as it was when it was found */
	VEC(raddr) arenas;               /* the ring, the main one first */
	uint64_t heap_info_size;         /* 32 or 48 */
	uint64_t heap_align;
};

#define GLIBC_PLACE_EMPTY ((struct glibc_place){.minor = 0})

/* What is not found stays empty. The caller's to glibc_place_fini(), also on failure. ERROR_GONE,
 * ERROR_RESOURCE. */
struct error *glibc_place_find(const struct origin *origin, struct space *space,
			       struct glibc_place *ret) MUST_CHECK;
void glibc_place_fini(struct glibc_place *place);

/* Fields of mp_bytes. */
uint64_t glibc_place_par_word(const struct glibc_place *place, unsigned offset);
uint32_t glibc_place_par_int(const struct glibc_place *place, unsigned offset);

#endif
