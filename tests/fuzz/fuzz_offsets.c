/*
 * offsets: the input is what a file holds of its writable segment, and _PyRuntime may be anywhere in
 * it. What is believed gives a possible table, inside the structs it names.
 */
#include "symbols/bare/layout_offsets.h"

#include "fuzz.h"
#include "symbols/bare/runtime_place.h"

#define START UINT64_C(0x10000)

static struct error *read_input(void *context, raddr at, void *buffer, size_t size)
{
	const struct fuzz *f = context;
	if (at.value < START || at.value - START > f->size || size > f->size - (at.value - START))
		return error_new(ERROR_FAULT, "nothing there");
	if (size)
		memcpy(buffer, f->data + (at.value - START), size);
	return NULL;
}

static void check(const struct elf_source *s, uint64_t vaddr, uint64_t size)
{
	struct layout layout = {0};
	struct debug_offsets told;
	if (!layout_offsets_fill(s, vaddr, size, &layout, &told))
		return;
	assert(size == 0 || told.size == size);
	assert(layout_offset(&layout, LAYOUT_RUNTIME_INTERPRETERS_HEAD) <= told.size - 8);
	struct error *err = layout_check(&layout);
	assert(!err);
	for (unsigned id = 0; id < LAYOUT_COUNT; id++)
		assert(layout.entries[id].provenance == PROVENANCE_ABSENT ||
		       layout.entries[id].provenance == PROVENANCE_SELF_DESCRIBED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	uint64_t memsz = (uint64_t)size << fuzz_number(&f, 1) % 16; /* with .bss behind */
	uint64_t known = fuzz_number(&f, 4);
	const struct elf_image image = {
		.n_segments = 1,
		.segments = {{.vaddr = START,
			      .memsz = memsz < f.size ? f.size : memsz,
			      .filesz = f.size,
			      .writable = true}},
	};
	const struct elf_source s = {read_input, &f, &image};
	struct runtime_place place;
	check(&s, START, 0);
	check(&s, START, known);
	if (!runtime_place_find(&s, -1, &place))
		return 0;
	assert(place.provenance == PROVENANCE_COOKIE &&
	       elf_source_segment(&s, place.vaddr, place.size));
	check(&s, place.vaddr, place.size);
	return 0;
}
