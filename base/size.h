/*
 * size: arithmetic on sizes and counts that must not wrap unseen.
 *
 * The saturating forms are for budgets and lengths that are then compared with a
 * limit: what does not fit in 64 bits is simply "too much".
 */
#ifndef BASE_SIZE_H
#define BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KIB               (UINT64_C(1) << 10)
#define MIB               (UINT64_C(1) << 20)
#define GIB               (UINT64_C(1) << 30)

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static inline uint64_t size_add(uint64_t a, uint64_t b)
{
	uint64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static inline uint64_t size_multiply(uint64_t a, uint64_t b)
{
	uint64_t product;
	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

/* a - b, held at 0. */
static inline uint64_t size_subtract(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static inline uint64_t size_min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t size_max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline bool size_is_power_of_two(uint64_t a)
{
	return a && !(a & (a - 1));
}

/* Up to a multiple of alignment, a power of two; saturates at the last multiple. */
static inline uint64_t size_align_up(uint64_t a, uint64_t alignment)
{
	return size_add(a, alignment - 1) & ~(alignment - 1);
}

#endif
