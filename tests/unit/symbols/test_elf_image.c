/*
 * Tests of symbols/elf_image: what the loader put into our own memory, files read as
 * if mapped, and images with lies in them.
 */
#include "symbols/elf/elf_image.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "sample_files.h"
#include "symbols/elf/file_image.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/uio.h>

#include <cmocka.h>

/* Our own memory, by the system call that tools use: a bad address is a failure, no crash. */
static struct error *read_self(void *context, raddr at, void *buffer, size_t size)
{
	(void)context;
	struct iovec local = {buffer, size}, remote = {(void *)(uintptr_t)at.value, size};
	if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)size)
		return NULL;
	return error_new(ERROR_FAULT, "cannot be read");
}

static raddr address_of(const void *pointer)
{
	return raddr_at((uint64_t)(uintptr_t)pointer);
}

static void assert_symbol_at(const struct elf_image *image, const char *name, const void *expected)
{
	uint64_t vaddr, size;
	assert_true(elf_image_symbol(read_self, NULL, image, name, &vaddr, &size));
	assert_int_equal(image->bias + vaddr, address_of(expected).value);
}

static void test_a_library_relocated_by_glibc(void **state)
{
	(void)state;
	Dl_info info;
	struct elf_image image;
	void *puts_address = dlsym(RTLD_NEXT, "environ");
	assert_true(dladdr(puts_address, &info));
	assert_null(elf_image_read(read_self, NULL, address_of(info.dli_fbase), &image));
	assert_true(image.n_segments >= 2);
	assert_true(image.build_id.size > 0);
	assert_symbol_at(&image, "environ", puts_address);
	uint64_t vaddr, size;
	assert_false(elf_image_symbol(read_self, NULL, &image, "no_such_symbol", &vaddr, &size));
	assert_false(elf_image_defines_python(read_self, NULL, &image));
}

static void test_a_sysv_hash_table(void **state)
{
	(void)state;
	char path[SAMPLE_PATH_SIZE];
	snprintf(path, sizeof(path), "%s/libsample-sysv.so", getenv("SAMPLES"));
	void *library = dlopen(path, RTLD_NOW);
	assert_non_null(library);
	void *function = dlsym(library, "sample_dict");
	Dl_info info;
	struct elf_image image;
	assert_true(dladdr(function, &info));
	assert_null(elf_image_read(read_self, NULL, address_of(info.dli_fbase), &image));
	assert_symbol_at(&image, "sample_dict", function);
	dlclose(library);
}

static void test_the_vdso_is_not_relocated(void **state)
{
	(void)state;
	uint64_t base = getauxval(AT_SYSINFO_EHDR), vaddr, size;
	struct elf_image image;
	if (!base)
		skip();
	assert_null(elf_image_read(read_self, NULL, raddr_at(base), &image));
	assert_true(elf_image_symbol(read_self, NULL, &image, "__vdso_time", &vaddr, &size));
}

static void test_a_file_as_if_mapped(void **state)
{
	(void)state;
	char path[SAMPLE_PATH_SIZE];
	struct file_image file;
	uint64_t vaddr, size, version;
	sample_path("plain", path);
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_null(file_image_read(fd, &file));
	char hex[2 * BUILD_ID_MAX + 1];
	build_id_hex(&file.image.build_id, hex);
	assert_string_equal(hex, "a12e5a12e5a12e5a12e5a12e5a12e5a12e5a12e5");
	assert_true(elf_image_defines_python(file_image_bytes, &file, &file.image));
	assert_true(elf_image_symbol(file_image_bytes, &file, &file.image, "Py_Version", &vaddr,
				     &size));
	assert_null(file_image_bytes(&file, raddr_at(vaddr), &version, sizeof(version)));
	assert_int_equal(version, 0x030b02f0);
	struct error *err = file_image_bytes(&file, raddr_at(UINT64_MAX - 3), &version, 8);
	assert_true(error_catch(&err, ERROR_FAULT));
}

static void test_build_ids_compare(void **state)
{
	(void)state;
	struct build_id none = {.size = 0}, a = {.bytes = {1, 2}, .size = 2}, b = a;
	assert_false(build_id_equal(&none, &none));
	assert_true(build_id_equal(&a, &b));
	b.size = 1;
	assert_false(build_id_equal(&a, &b));
}

/* ---- hostile images ------------------------------------------------------------------ */

/* A file in memory, read as an image whose segments lie where their offsets are. */
struct hostile {
	uint8_t *data;
	size_t size;
	uint64_t reads;
};

static struct error *read_hostile(void *context, raddr at, void *buffer, size_t size)
{
	struct hostile *h = context;
	h->reads++;
	if (at.value > h->size || size > h->size - at.value)
		return error_new(ERROR_FAULT, "beyond the end");
	memcpy(buffer, h->data + at.value, size);
	return NULL;
}

/* Whatever comes out, it comes soon. */
static void look_at(struct hostile *h)
{
	struct elf_image image;
	h->reads = 0;
	struct error *err = elf_image_read(read_hostile, h, RADDR_NULL, &image);
	if (!err)
		(void)elf_image_defines_python(read_hostile, h, &image);
	error_free(err);
	assert_true(h->reads < 100000);
}

static struct hostile load_sample(void)
{
	char path[SAMPLE_PATH_SIZE];
	struct hostile h = {0};
	sample_path("plain", path);
	h.data = sample_read(path, &h.size);
	return h;
}

static void test_truncated_images(void **state)
{
	(void)state;
	struct hostile h = load_sample();
	size_t whole = h.size;
	for (h.size = 0; h.size < 4096; h.size++)
		look_at(&h);
	for (h.size = 4096; h.size < whole; h.size += 97)
		look_at(&h);
	free(h.data);
}

/* Where the dynamic section and the hash table of the sample lie, byte by byte. */
static void test_flipped_bytes(void **state)
{
	(void)state;
	struct hostile h = load_sample();
	uint32_t random = 1;
	size_t first = size_min(h.size, 16384);
	for (unsigned round = 0; round < 20000; round++) {
		size_t at = round < 1024 ? round : sample_random(&random) % first;
		uint8_t old = h.data[at];
		h.data[at] = (uint8_t)sample_random(&random);
		look_at(&h);
		h.data[at] = old;
	}
	free(h.data);
}

static void test_lying_headers(void **state)
{
	(void)state;
	struct hostile h = load_sample();
	Elf64_Ehdr *header = (Elf64_Ehdr *)(void *)h.data;
	Elf64_Ehdr old = *header;
	struct elf_image image;
	header->e_machine = EM_AARCH64;
	struct error *err = elf_image_read(read_hostile, &h, RADDR_NULL, &image);
	assert_true(error_catch(&err, ERROR_UNSUPPORTED));
	*header = old;
	header->e_phnum = UINT16_MAX;
	err = elf_image_read(read_hostile, &h, RADDR_NULL, &image);
	assert_true(error_catch(&err, ERROR_UNSUPPORTED));
	*header = old;
	header->e_phoff = UINT64_MAX - 1;
	err = elf_image_read(read_hostile, &h, raddr_at(64), &image);
	assert_non_null(err);
	error_free(err);
	free(h.data);
}

/* A hash chain without an end, in an image that is one long chain. */
static void test_an_endless_chain_ends(void **state)
{
	(void)state;
	enum { SIZE = 1 << 20, TABLE = 4096 };
	struct hostile h = {calloc(1, SIZE), SIZE, 0};
	uint32_t *table = (uint32_t *)(void *)(h.data + TABLE);
	for (size_t i = 0; i < (SIZE - TABLE) / 4; i++)
		table[i] = 2;
	table[0] = 1; /* one bucket */
	Elf64_Dyn dynamic[] = {{.d_tag = DT_SYMTAB, .d_un = {TABLE}},
			       {.d_tag = DT_STRTAB, .d_un = {TABLE}},
			       {.d_tag = DT_STRSZ, .d_un = {TABLE}},
			       {.d_tag = DT_GNU_HASH, .d_un = {TABLE}},
			       {.d_tag = DT_NULL}};
	memcpy(h.data + 1024, dynamic, sizeof(dynamic));
	struct elf_image image = {.n_segments = 1,
				  .segments = {{.memsz = SIZE, .filesz = SIZE}},
				  .dynamic_vaddr = 1024,
				  .dynamic_size = sizeof(dynamic)};
	uint64_t vaddr, size;
	assert_false(elf_image_symbol(read_hostile, &h, &image, "_PyRuntime", &vaddr, &size));
	assert_true(h.reads < 100000);
	free(h.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_library_relocated_by_glibc),
		cmocka_unit_test(test_a_sysv_hash_table),
		cmocka_unit_test(test_the_vdso_is_not_relocated),
		cmocka_unit_test(test_a_file_as_if_mapped),
		cmocka_unit_test(test_build_ids_compare),
		cmocka_unit_test(test_truncated_images),
		cmocka_unit_test(test_flipped_bytes),
		cmocka_unit_test(test_lying_headers),
		cmocka_unit_test(test_an_endless_chain_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
