/* plot: whatever stands in a heap's memory, a plot is made of it, and agrees with itself. */
#include "fuzz_drawing.h"
#include "fuzz_world.h"

static struct error *copy_all(struct world *w, struct look *look)
{
	for (size_t i = 0; i < look->runtime.interpreters.count && i < 4; i++) {
		const struct runtime_interpreter *r = &look->runtime.interpreters.items[i];
		struct pymalloc_copy **copy = vec_push(&look->copies);
		*copy = pymalloc_copy_new();
		struct error *err = r->has_heap ? pymalloc_copy_take(*copy, &w->space, &w->layout,
								     &r->roots, 64 * MIB, false)
						: NULL;
		if (err)
			return err;
	}
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	struct world *w = fuzz_world(&f);
	struct look look = {.malloc = NULL};
	struct doubts doubts = {VEC_EMPTY};
	struct error *err = runtime_read(&w->space, &w->layout, WORLD_BIAS, w->model->version,
					 &look.runtime, &doubts);
	if (!err)
		err = copy_all(w, &look);
	if (!err)
		fuzz_draw(&w->space, &look, NULL, size % 3 ? 16 * MIB : 128 * KIB);
	error_free(err);
	look_fini(&look);
	doubts_fini(&doubts);
	world_free(w);
	return 0;
}
