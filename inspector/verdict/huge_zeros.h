/*
 * huge_zeros: how much of huge pages nobody ever wrote to.
 */
#ifndef INSPECTOR_VERDICT_HUGE_ZEROS_H
#define INSPECTOR_VERDICT_HUGE_ZEROS_H

#include "inspector/target/residency/residency.h"
#include "inspector/target/space.h"
#include "inspector/verdict/verdict.h"

/*
 * Reads huge pages, at most max_compared bytes of them, evenly chosen, and counts small pages of zeros. residency: in detail;
 * where it knows of no huge page *ret stays not filled. ERROR_RESOURCE, ERROR_GONE.
 */
struct error *huge_zeros_count(struct space *space, const struct residency *residency,
			       uint64_t max_compared, struct huge_zeros *ret) MUST_CHECK;

#endif
