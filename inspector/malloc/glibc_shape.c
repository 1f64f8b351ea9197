/*
 * glibc_shape: three tables, oldest first.
 *
 *	state   [mutex flags │ fastbins │ top rest │ bins … │ binmap │ next … │ attached │ system_mem max]
 *	par     [trim pad mmap test max │ huge pages │ counts of mappings │ bytes │ sbrk_base │ tcache]
 */
#include "inspector/malloc/glibc_shape.h"

#include "base/size.h"

#define NEWEST 99 /* until something changes */

static const struct glibc_state_shape states[] = {
	{26, 26, true, 104},
	{27, 42, true, 112},
	{43, NEWEST, false, 24},
};

static const struct glibc_par_shape pars[] = {
	{26, 34, 0, 0, 40, 44, 48, 52, 56, 64, 72, 88, 112},
	{35, 41, 40, 48, 60, 64, 68, 72, 80, 88, 96, 112, 136},
	{42, 42, 40, 48, 60, 64, 68, 72, 80, 88, 96, 112, 136},
	{43, NEWEST, 48, 56, 68, 72, 76, 80, 88, 96, 104, 120, 144},
};

static const struct glibc_tcache_shape tcaches[] = {
	{26, 29, 64, 1, 0x250, false},
	{30, 41, 64, 2, 0x290, false},
	{42, NEWEST, 76, 2, 0x300, true},
};

const struct glibc_state_shape *glibc_state_shape(size_t i)
{
	return i < ARRAY_SIZE(states) ? &states[i] : NULL;
}

const struct glibc_par_shape *glibc_par_shape(size_t i)
{
	return i < ARRAY_SIZE(pars) ? &pars[i] : NULL;
}

const struct glibc_tcache_shape *glibc_tcache_shape(size_t i)
{
	return i < ARRAY_SIZE(tcaches) ? &tcaches[i] : NULL;
}
