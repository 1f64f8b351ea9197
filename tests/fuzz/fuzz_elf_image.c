/*
 * elf_image: the input is an ELF object, mapped as its own segments say: once at an address of its
 * own choice through a callback, once as a file.
 */
#include "symbols/elf/elf_image.h"

#include "base/size.h"
#include "fuzz.h"
#include "symbols/bare/pool_pattern.h"
#include "symbols/elf/file_image.h"
#include "symbols/python_version.h"

#define READS_MAX 100000

struct memory {
	const uint8_t *data;
	size_t size;
	raddr start;
	size_t n_reads;
};

static struct error *memory_read(void *context, raddr at, void *buffer, size_t size)
{
	struct memory *m = context;
	uint64_t offset = at.value - m->start.value;
	assert(++m->n_reads < READS_MAX && size <= 16 * MIB);
	if (offset > m->size || size > m->size - offset)
		return error_new(ERROR_FAULT, "nothing there");
	if (size)
		memcpy(buffer, m->data + offset, size);
	return NULL;
}

/* A table that is told lies in one writable segment. */
static void check_pools(elf_read_fn *read, void *context, const struct elf_image *image)
{
	const struct elf_source s = {read, context, image};
	for (int is_file = 0; is_file < 2; is_file++) {
		struct pool_pattern p;
		pool_pattern_find(&s, is_file, &p);
		assert(pool_pattern_is_told(&p) ? p.n_classes == 32 || p.n_classes == 64
						: !p.vaddr && !p.n_classes);
		assert(!p.partial || p.n_found + p.n_refused == 0);
		assert(!pool_pattern_is_told(&p) || elf_source_segment(&s, p.vaddr, 16)->writable);
	}
}

static void check_image(elf_read_fn *read, void *context, const struct elf_image *image)
{
	assert(image->n_segments > 0 && image->n_segments <= ELF_SEGMENTS_MAX);
	assert(image->build_id.size <= BUILD_ID_MAX);
	char hex[2 * BUILD_ID_MAX + 1];
	build_id_hex(&image->build_id, hex);
	(void)elf_image_defines_python(read, context, image);
	check_pools(read, context, image);
	uint64_t vaddr, size;
	if (elf_image_symbol(read, context, image, "arenas", &vaddr, &size)) {
		bool inside = false;
		for (size_t i = 0; i < image->n_segments; i++)
			inside |= vaddr - image->segments[i].vaddr < image->segments[i].memsz;
		assert(inside);
	}
	struct python_version version;
	struct error *err = python_version_read(read, context, image, &version);
	assert(err || strnlen(version.text, sizeof(version.text)) < sizeof(version.text));
	error_free(err);
}

static void check_memory(struct fuzz f, raddr start)
{
	struct memory memory = {f.data, f.size, start, 0};
	struct elf_image image;
	struct error *err = elf_image_read(memory_read, &memory, start, &image);
	if (!err)
		check_image(memory_read, &memory, &image);
	error_free(err);
}

static void check_file(const struct fuzz *f)
{
	int fd = fuzz_file(f);
	struct file_image file;
	struct error *err = file_image_read(fd, &file);
	if (!err)
		check_image(file_image_bytes, &file, &file.image);
	error_free(err);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	check_memory(f, raddr_at(UINT64_C(0x7f0000000000)));
	check_memory(f, raddr_at(UINT64_MAX - size));
	check_file(&f);
	return 0;
}
