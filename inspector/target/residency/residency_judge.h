/*
 * residency_judge: the page of zeros, told from pages that a fork left shared.
 */
#ifndef INSPECTOR_TARGET_RESIDENCY_JUDGE_H
#define INSPECTOR_TARGET_RESIDENCY_JUDGE_H

#include "inspector/target/residency/residency.h"

/*
 * Decides about the RESIDENCY_UNSURE pages of one mapping by what smaps counts as its Rss, in bytes:
 * what is more than that is nobody's. Its ranges, which no other mapping has part in, keep their places, some
 * with size 0. *near, 0 at first: mappings come in ascending order.
 */
void residency_judge(struct residency *residency, raddr start, uint64_t size, uint64_t rss,
		     size_t *near);

/* Bytes that are unsure still. */
uint64_t residency_unsure(const struct residency *residency);

#endif
