/*
 * savefile: whatever a snapshot file says, it is refused or read within its bounds, and a look at
 * the memory in it ends.
 *
 *	mode 0	the input is the file
 *	mode 1	the input is parts; index, places and checksums are made right
 *	mode 2	the same, between the pages of a heap that a world builder wrote
 */
#include "base/sum.h"
#include "fuzz_world.h"
#include "inspector/target/savefile/savefile.h"
#include "symbols/layout_text.h"

#include <zstd.h>

#define PARTS_MAX 512

struct file {
	int fd;
	uint64_t at;
	uint8_t index[PARTS_MAX * SAVEFILE_ENTRY_SIZE];
	size_t n;
};

static void put(struct file *file, const void *data, size_t size)
{
	assert(write(file->fd, data, size) == (ssize_t)size);
	file->at += size;
}

static void put_part(struct file *file, struct savefile_part part, const void *data)
{
	static uint8_t packed[ZSTD_COMPRESSBOUND(SAVEFILE_PART_MAX)];
	if (file->n == PARTS_MAX)
		return;
	size_t n = ZSTD_compress(packed, sizeof(packed), data, part.size, -5);
	part.offset = file->at;
	part.stored = (uint32_t)n;
	part.sum = sum_of(packed, n);
	put(file, packed, n);
	savefile_entry_put(file->index + file->n++ * SAVEFILE_ENTRY_SIZE, &part);
}

/* A part as the input has it; of memory the pages are filled with what there is. */
static void put_fuzzed(struct file *file, struct fuzz *f)
{
	static uint8_t data[SAVEFILE_PART_MAX];
	struct savefile_part part = {.kind = (uint32_t)fuzz_number(f, 1) % SAVEFILE_KINDS};
	bool placed = part.kind == SAVEFILE_MEMORY || part.kind == SAVEFILE_OVERLAY;
	part.start = placed ? fuzz_number(f, 8) : 0;
	part.pages = placed ? fuzz_number(f, 8) : 0;
	size_t given = (size_t)fuzz_number(f, 2);
	given = given < f->size ? given : f->size;
	part.size = (uint32_t)given;
	if (part.kind == SAVEFILE_MEMORY)
		part.size = (uint32_t)__builtin_popcountll(part.pages) * 4096;
	for (size_t i = 0; i < part.size; i++)
		data[i] = given ? f->data[i % given] : 0;
	f->data += given;
	f->size -= given;
	if (part.size)
		put_part(file, part, data);
}

static void put_world(struct file *file, const struct world *w)
{
	static uint8_t window[SAVEFILE_WINDOW];
	for (size_t i = 0; i < w->n_regions; i++) {
		const struct world_region *r = &w->regions[i];
		uint64_t base = r->start.value & ~(SAVEFILE_WINDOW - 1);
		for (; base < r->start.value + r->size; base += SAVEFILE_WINDOW) {
			struct savefile_part part = {.kind = SAVEFILE_MEMORY, .start = base};
			for (unsigned page = 0; page < 64; page++) {
				uint64_t at = base + page * SAVEFILE_PAGE;
				if (at < r->start.value ||
				    at + SAVEFILE_PAGE > r->start.value + r->size)
					continue;
				part.pages |= UINT64_C(1) << page;
				memcpy(window + part.size, r->host + (at - r->start.value), 4096);
				part.size += 4096;
			}
			if (part.size)
				put_part(file, part, window);
		}
	}
}

static void finish(struct file *file)
{
	static uint8_t packed[ZSTD_COMPRESSBOUND(sizeof(file->index))];
	uint8_t end[SAVEFILE_TRAILER_SIZE];
	struct savefile_trailer t = {.offset = file->at, .size = file->n * SAVEFILE_ENTRY_SIZE};
	t.stored = ZSTD_compress(packed, sizeof(packed), file->index, (size_t)t.size, 1);
	t.sum = sum_of(packed, (size_t)t.stored);
	put(file, packed, (size_t)t.stored);
	savefile_trailer_put(end, &t);
	put(file, end, sizeof(end));
}

static int make_file(struct fuzz *f, const struct world *w)
{
	static struct file file;
	uint8_t header[SAVEFILE_HEADER_SIZE];
	file = (struct file){.fd = memfd_create("fuzz", MFD_CLOEXEC)};
	assert(file.fd >= 0);
	savefile_header_put(header, 0, "fuzz");
	put(&file, header, sizeof(header));
	if (w)
		put_world(&file, w);
	while (f->size)
		put_fuzzed(&file, f);
	finish(&file);
	return file.fd;
}

/* ---- what must hold ------------------------------------------------------------------- */

static void read_around(struct space *space, uint64_t at)
{
	static uint8_t bytes[70000], got[64];
	static const size_t sizes[] = {1, 8, 48, 4096, 65536, sizeof(bytes)};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		error_free(space_read(space, raddr_at(at), bytes, sizes[i]));
	struct residency residency = RESIDENCY_EMPTY;
	error_free(space_residency(space, raddr_at(at & ~UINT64_C(4095)), 65536, &residency));
	uint64_t present, swapped;
	residency_count(&residency, raddr_at(at & ~UINT64_C(4095)), 65536, &present, &swapped);
	assert(present + swapped <= 65536);
	struct space_slice slice = {raddr_at(at), 1024, 48, sizeof(got), bytes, got};
	error_free(space_gather(space, &slice, 1, &residency));
	error_free(space_gather(space, &slice, 1, NULL));
	residency_fini(&residency);
}

static void read_facts(struct savefile *file)
{
	struct savefile_facts facts;
	struct error *err = savefile_facts(file, &facts);
	if (!err)
		facts_fini(&facts.facts);
	error_free(err);
}

static void read_build(struct savefile *file)
{
	struct python_build build = {0};
	struct build_id id = {{1, 2}, 2};
	char *text = NULL;
	size_t size = 0;
	struct error *err = savefile_build(file, &text, &size);
	if (!err && !layout_text_read(text, size, &id, LAYOUT_TEXT_FILE, &build)) {
		struct error *wrong = layout_check(&build.layout);
		assert(!wrong);
	}
	python_build_fini(&build);
	free(text);
	error_free(err);
}

/* Of the first objects, and of one that is none. */
static void read_variables(struct savefile *file, const struct space *space)
{
	for (size_t i = 0; i <= size_min(space->regions.count, 8); i++) {
		struct elf_variables variables = ELF_VARIABLES_EMPTY;
		raddr start = i < space->regions.count ? space->regions.items[i].start : RADDR_NULL;
		struct error *err = savefile_variables(file, start, &variables);
		size_t length = 0;
		for (size_t k = 0; !err && k < size_min(variables.list.count, 64); k++) {
			const struct elf_variable *v = &variables.list.items[k];
			const char *name = elf_variables_find(&variables, v->vaddr, &length);
			assert(!name || memchr(variables.names, '\0', variables.names_size));
		}
		elf_variables_fini(&variables);
		error_free(err);
	}
}

/* As a look at a snapshot does; the roots are the world's. */
static void look(struct space *space, const struct world *w)
{
	struct doubts doubts = {VEC_EMPTY};
	struct runtime runtime = RUNTIME_EMPTY;
	struct error *err =
		runtime_read(space, &w->layout, WORLD_BIAS, w->model->version, &runtime, &doubts);
	for (size_t i = 0; !err && i < runtime.interpreters.count && i < 4; i++) {
		const struct runtime_interpreter *interpreter = &runtime.interpreters.items[i];
		struct pymalloc_copy *copy = pymalloc_copy_new();
		struct pymalloc p = {0};
		if (interpreter->has_heap)
			err = pymalloc_copy_take(copy, space, &w->layout, &interpreter->roots,
						 256 * MIB, false);
		if (!err && interpreter->has_heap)
			err = pymalloc_walk(copy, &w->layout, &interpreter->roots, &p, &doubts);
		pymalloc_fini(&p);
		pymalloc_copy_free(copy);
	}
	error_free(err);
	runtime_fini(&runtime);
	doubts_fini(&doubts);
}

static void use(struct savefile *file, const struct world *w)
{
	struct space space = SPACE_EMPTY;
	struct error *err = savefile_space(file, &space);
	size_t n;
	read_facts(file);
	read_build(file);
	if (!err) {
		read_variables(file, &space);
		for (size_t i = 0; i < size_min(space.regions.count, 8); i++) {
			read_around(&space, space.regions.items[i].start.value);
			read_around(&space, space.regions.items[i].start.value + 4090);
		}
		const struct savefile_part *parts = savefile_parts(file, SAVEFILE_OVERLAY, &n);
		for (size_t i = 0; i < size_min(n, 4); i++)
			read_around(&space, parts[i].start);
		if (w)
			look(&space, w);
	}
	space_fini(&space);
	error_free(err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	unsigned mode = (unsigned)fuzz_number(&f, 1) % 3;
	struct world *w = NULL;
	struct savefile *file = NULL;
	if (mode == 2) {
		struct fuzz few = {f.data, f.size < 64 ? f.size : 64};
		w = fuzz_world(&few);
		f.data += size_min(f.size, 64);
		f.size -= size_min(f.size, 64);
	}
	int fd = mode == 0 ? fuzz_file(&f) : make_file(&f, w);
	struct error *err = savefile_from(fd, &file);
	if (!err)
		use(file, w);
	assert(!err || err->kind == ERROR_BAD_FILE);
	error_free(err);
	savefile_close(file);
	if (w)
		world_free(w);
	return 0;
}
