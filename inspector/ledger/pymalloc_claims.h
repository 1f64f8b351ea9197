/*
 * pymalloc_claims: what the arenas of an interpreter hold, pool by pool.
 */
#ifndef INSPECTOR_LEDGER_PYMALLOC_CLAIMS_H
#define INSPECTOR_LEDGER_PYMALLOC_CLAIMS_H

#include "base/error.h"
#include "inspector/heap/pymalloc.h"
#include "inspector/ledger/claims.h"

/*
 * Adds a claim for each arena. residency: in detail, of all arenas; NULL: sizes only. What of a pool is resident is
 * its header's, its used blocks', its free blocks' in that order: those were written first. An arena
 * that does not begin at a page lies in another allocator's memory, and is left to that. ERROR_RESOURCE.
 */
struct error *pymalloc_claim(const struct pymalloc *p, const struct residency *residency,
			     struct claims *to) MUST_CHECK;

#endif
