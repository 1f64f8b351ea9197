/*
 * glibc_tcache: which chunks lie in threads' caches, and which arena each thread allocates from.
 *
 *	thread's memory   │ … thread_arena … tcache … │◀ thread pointer
 *	                        │               └─▷ chunk [counts │ heads] ─▷ chunk ─▷ chunk
 *	                        ▼ arena
 *
 * A cached chunk looks as if it were in use. From 2.29 on its second word is a key: the cache's address,
 * from 2.34 on one number for the whole process; so a walk knows it by itself. Where there is none (before, or
 * where contents were blanked) the lists tell.
 */
#ifndef INSPECTOR_MALLOC_GLIBC_TCACHE_H
#define INSPECTOR_MALLOC_GLIBC_TCACHE_H

#include "inspector/malloc/glibc_marks.h"
#include "inspector/target/threads.h"

struct glibc_thread {
	char name[16]; /* foreign */
	raddr arena;   /* that it allocates from; null: none yet, or not known */
	raddr cache;   /* its tcache_perthread_struct; null: none, or not found */
};

struct glibc_tcaches {
	VEC(struct glibc_thread) threads;
	const struct glibc_tcache_shape *shape; /* NULL: there is no cache */
	struct glibc_marks keys;                /* sorted; empty: chunks have none */
	struct glibc_marks chunks;              /* sorted; filled only where there are no keys */
};

#define GLIBC_TCACHES_EMPTY ((struct glibc_tcaches){.shape = NULL})

/* ERROR_GONE, ERROR_RESOURCE. The caller's to glibc_tcaches_fini(), also on failure. */
struct error *glibc_tcaches_find(struct space *space, const struct glibc_place *place,
				 const struct threads *threads,
				 struct glibc_tcaches *ret) MUST_CHECK;
void glibc_tcaches_fini(struct glibc_tcaches *tcaches);

#endif
