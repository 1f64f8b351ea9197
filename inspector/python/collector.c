/*
 * collector: whether it runs by itself.
 *
 *	2.7, 3.6    enabled, a static of Modules/gcmodule.c
 *	3.7, 3.8    _PyRuntime.gc.enabled
 *	3.9 on      interpreter.gc.enabled
 */
#include "inspector/python/runtime.h"

static raddr place_of(const struct layout *layout, uint64_t bias,
		      const struct runtime_interpreter *main)
{
	if (layout_has(layout, LAYOUT_STATIC_GC_ENABLED))
		return raddr_at(bias + layout_offset(layout, LAYOUT_STATIC_GC_ENABLED));
	if (layout_has(layout, LAYOUT_RUNTIME) && layout_has(layout, LAYOUT_RUNTIME_GC_ENABLED))
		return raddr_at(bias + layout_offset(layout, LAYOUT_RUNTIME) +
				layout_offset(layout, LAYOUT_RUNTIME_GC_ENABLED));
	if (layout_has(layout, LAYOUT_INTERP_GC_ENABLED) && !raddr_is_null(main->address))
		return raddr_plus(main->address, layout_offset(layout, LAYOUT_INTERP_GC_ENABLED));
	return RADDR_NULL;
}

struct error *runtime_gc_enabled(struct space *space, const struct layout *layout, uint64_t bias,
				 const struct runtime_interpreter *main, struct maybe *ret)
{
	uint32_t value = 2;
	raddr at = place_of(layout, bias, main);
	*ret = (struct maybe){.known = false};
	if (raddr_is_null(at))
		return NULL;
	struct error *err = space_read(space, at, &value, sizeof(value));
	if (err && !error_catch(&err, ERROR_FAULT))
		return err;
	if (!err && value <= 1)
		*ret = maybe_known(value);
	return NULL;
}
