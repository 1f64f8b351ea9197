/*
 * collector: whether it runs by itself, and where it keeps what it leaves alone.
 *
 *	2.7, 3.6    enabled, a static of Modules/gcmodule.c
 *	3.7, 3.8    _PyRuntime.gc         { enabled, …, generations, permanent_generation }
 *	3.9 on      interpreter.gc
 */
#include "inspector/python/runtime.h"

/* A member of the collector's state, wherever this version has that. */
static raddr member(const struct layout *layout, uint64_t bias,
		    const struct runtime_interpreter *interpreter, enum layout_entry_id of_runtime,
		    enum layout_entry_id of_interpreter)
{
	if (layout_has(layout, LAYOUT_RUNTIME) && layout_has(layout, of_runtime))
		return raddr_at(bias + layout_offset(layout, LAYOUT_RUNTIME) +
				layout_offset(layout, of_runtime));
	if (layout_has(layout, of_interpreter) && !raddr_is_null(interpreter->address))
		return raddr_plus(interpreter->address, layout_offset(layout, of_interpreter));
	return RADDR_NULL;
}

static raddr place_of(const struct layout *layout, uint64_t bias,
		      const struct runtime_interpreter *main)
{
	if (layout_has(layout, LAYOUT_STATIC_GC_ENABLED))
		return raddr_at(bias + layout_offset(layout, LAYOUT_STATIC_GC_ENABLED));
	return member(layout, bias, main, LAYOUT_RUNTIME_GC_ENABLED, LAYOUT_INTERP_GC_ENABLED);
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

raddr runtime_gc_permanent(const struct layout *layout, uint64_t bias,
			   const struct runtime_interpreter *interpreter)
{
	return member(layout, bias, interpreter, LAYOUT_RUNTIME_GC_PERMANENT,
		      LAYOUT_INTERP_GC_PERMANENT);
}
