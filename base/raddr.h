/*
 * raddr: an address in the target.
 *
 * A one-member struct, so that the compiler refuses to mix it with a size, a
 * pointer of ours or a file offset: an address of another process must never be
 * dereferenced, and arithmetic on it must never wrap unseen.
 */
#ifndef BASE_RADDR_H
#define BASE_RADDR_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct raddr {
	uint64_t value; /* bytes from 0, in the target's address space */
} raddr;

/* printf("… " RADDR_FORMAT, address.value): as Python's hex(id(x)) prints it. */
#define RADDR_FORMAT "0x%" PRIx64

#define RADDR_NULL   ((raddr){0})

static inline raddr raddr_at(uint64_t value)
{
	return (raddr){value};
}

static inline bool raddr_is_null(raddr a)
{
	return a.value == 0;
}

static inline bool raddr_equal(raddr a, raddr b)
{
	return a.value == b.value;
}

/* <0, 0, >0 as a lies below, at, above b. */
static inline int raddr_compare(raddr a, raddr b)
{
	return (a.value > b.value) - (a.value < b.value);
}

/* a + bytes; false, and *ret untouched, where that would leave the address space. */
static inline bool raddr_step(raddr a, uint64_t bytes, raddr *ret)
{
	uint64_t sum;
	if (__builtin_add_overflow(a.value, bytes, &sum))
		return false;
	ret->value = sum;
	return true;
}

/* a + bytes, held at the top of the address space: an address that no read can reach. */
static inline raddr raddr_plus(raddr a, uint64_t bytes)
{
	raddr sum = {UINT64_MAX};
	(void)raddr_step(a, bytes, &sum);
	return sum;
}

/* a - bytes, held at 0. */
static inline raddr raddr_minus(raddr a, uint64_t bytes)
{
	return (raddr){a.value > bytes ? a.value - bytes : 0};
}

/* Down to a multiple of alignment, a power of two. */
static inline raddr raddr_align_down(raddr a, uint64_t alignment)
{
	return (raddr){a.value & ~(alignment - 1)};
}

/* Up to a multiple of alignment, a power of two; held at the top of the address space. */
static inline raddr raddr_align_up(raddr a, uint64_t alignment)
{
	return raddr_align_down(raddr_plus(a, alignment - 1), alignment);
}

/* Bytes from `from` up to `to`; 0 where `to` lies below. */
static inline uint64_t raddr_distance(raddr from, raddr to)
{
	return to.value > from.value ? to.value - from.value : 0;
}

/* Whether a lies in [start, start + size), also where that range ends at the top. */
static inline bool raddr_in(raddr a, raddr start, uint64_t size)
{
	return a.value >= start.value && a.value - start.value < size;
}

#endif
