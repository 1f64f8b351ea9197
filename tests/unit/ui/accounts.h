/*
 * accounts: ledgers, containers and malloc's arenas made by hand, for the situations that people
 * ask about.
 */
#ifndef TESTS_UNIT_UI_ACCOUNTS_H
#define TESTS_UNIT_UI_ACCOUNTS_H

#include "inspector/snapshot.h"

/* After a peak: nearly all is kept by pymalloc, pinned by live objects; malloc has little to give. */
void accounts_pinned(struct snapshot *s);

/* Freed memory in 37 arenas of glibc, most of which serve no thread; the container is nearly full.
 * Names are hostile. */
void accounts_glibc(struct snapshot *s);

/* The same as a core has it: sizes, nothing of RAM, no container. */
void accounts_core(struct snapshot *s);

/* Little is kept; another allocator's memory. */
void accounts_jemalloc(struct snapshot *s);

/* Sets what is resident of a leaf (and its size), and sums up anew. */
void accounts_set(struct ledger *ledger, enum leaf leaf, uint64_t bytes);

#endif
