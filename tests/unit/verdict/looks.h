/*
 * looks: snapshots of round figures, made by hand, that a verdict is asked about.
 */
#ifndef TEST_LOOKS_H
#define TEST_LOOKS_H

#include "inspector/snapshot.h"
#include "inspector/verdict/difference.h"

/* A server that has just started: 24 MiB, of which 10 of files; nothing is kept that is worth a word. Its holders were
 * sought, and hold little. */
struct snapshot *look_calm(void);

/* Sets what a leaf holds, and the ledger's sums. */
void look_set(struct snapshot *s, enum leaf leaf, uint64_t bytes);

/* A detail of a leaf. */
void look_detail(struct snapshot *s, enum leaf leaf, const char *name, uint64_t bytes);

/* n arenas of 1 MiB, all in RAM: `used` bytes of each in so many blocks, and `free_pools` pools of 16 KiB free. The leaves of
 * pymalloc are set to match all arenas so far. */
void look_arenas(struct snapshot *s, size_t n, uint64_t used, uint64_t blocks, uint32_t free_pools);

/* An arena of glibc's; the leaves of malloc are set to match all so far. sizes_at: the class of its free runs. */
struct malloc_arena *look_malloc_arena(struct snapshot *s, uint64_t in_use, uint64_t trimmable,
				       uint64_t crumbs, uint64_t top, size_t sizes_at);

/* A root with so many objects of a type, reached by a chain of links that ends with NULL. */
struct holder_root *look_root(struct snapshot *s, const char *name, const char *type,
			      uint64_t count, uint64_t bytes, const char *const *links);

/* A root among the pins. */
void look_pin_root(struct snapshot *s, const char *name, const char *type, uint64_t count,
		   uint64_t returned);
void look_pin_type(struct snapshot *s, const char *type, uint64_t count, uint64_t returned);

/* A text on the heap; the test ends where memory does. */
char *look_text(const char *text);

/* The verdict; its cause i is of that kind, or the test fails. */
void look_judge(const struct snapshot *s, struct verdict *ret);
const struct cause *look_cause(const struct verdict *verdict, size_t i, enum cause_kind kind);
const struct evidence *look_evidence(const struct cause *cause, const char *name);
bool look_has(const struct cause *cause, const char *name); /* whether it has that evidence */

/* NULL: it is not ruled out. */
const struct ruled_out *look_ruled_out(const struct verdict *verdict, enum theory theory);

/* Fails unless the causes' bytes add up to no more than is resident, and no symptom is below its gain. */
void look_check_sums(const struct snapshot *s, const struct verdict *verdict);

#endif
