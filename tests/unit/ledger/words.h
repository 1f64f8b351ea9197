/*
 * words: memory made up of a few words; everything else of it is zero.
 */
#ifndef TESTS_UNIT_LEDGER_WORDS_H
#define TESTS_UNIT_LEDGER_WORDS_H

#include "inspector/target/space.h"

/* A space's operations: reads what words_put() wrote. Its source is not looked at. */
extern const struct space_ops words_ops;

void words_put(uint64_t at, uint64_t value);
void words_clear(void);

#endif
