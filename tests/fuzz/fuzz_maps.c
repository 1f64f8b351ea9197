/* maps: whatever the text, the regions are ascending, disjoint, and found again. */
#include "inspector/target/maps.h"

#include "base/size.h"
#include "fuzz.h"

static void check(const struct space *space, const char *text, size_t size)
{
	uint64_t readable = 0;
	raddr above = RADDR_NULL;
	for (size_t i = 0; i < space->regions.count; i++) {
		const struct region *r = &space->regions.items[i];
		assert(r->size > 0 && r->start.value >= above.value);
		assert(!__builtin_add_overflow(r->start.value, r->size, &above.value));
		assert(space_region(space, r->start) == r);
		assert(space_region(space, raddr_at(above.value - 1)) == r);
		assert(maps_cover(text, size, r->start, r->size));
		assert(!r->label || strlen(r->label) <= size);
		if (r->readable)
			readable = size_add(readable, r->size);
	}
	assert(readable == space->mapped_size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct space space = SPACE_EMPTY;
	const char *text = (const char *)data;
	struct error *err = maps_parse(text, size, &space);
	assert(!err);
	check(&space, text, size);
	struct fuzz f = {data, size};
	uint64_t at = fuzz_number(&f, 8);
	(void)maps_cover(text, size, raddr_at(at), fuzz_number(&f, 8));
	space_fini(&space);
	return 0;
}
