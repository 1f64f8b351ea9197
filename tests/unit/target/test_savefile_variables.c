/* savefile_variables: the names of several objects are kept apart; constants are left out; damage is refused. */
#include "base/cleanup.h"
#include "inspector/target/savefile/savefile_variables.h"
#include "tests/unit/symbols/assert_named.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define FIRST  UINT64_C(0x7f0000000000)
#define SECOND UINT64_C(0x7f0000400000)

static char names[] = "constant\0cache\0pool.lto_priv.0\0count";

static struct elf_variable list[] = {
	{0x1000, 16, 0},                                    /* in the segment that is only read */
	{0x4000, 8, 9},  {0x4008, 64, 15}, {0x5ff8, 8, 31}, /* the last that memory has */
	{0x6000, 8, 31},                                    /* behind it */
};

static const struct elf_variables variables = {{list, 5, 5}, names, sizeof(names)};

static struct elf_image image_at(uint64_t start)
{
	struct elf_image image = {.start = raddr_at(start), .n_segments = 2};
	image.segments[0] = (struct elf_segment){.vaddr = 0, .memsz = 0x2000};
	image.segments[1] =
		(struct elf_segment){.vaddr = 0x4000, .memsz = 0x2000, .writable = true};
	return image;
}

static void put(struct savefile_buffer *to, uint64_t start, const struct elf_variables *v)
{
	struct elf_image image = image_at(start);
	assert_true(savefile_put_variables(&image, v, to));
}

/* Of two objects, and one between them that has none. */
static struct savefile_buffer make(void)
{
	struct savefile_buffer buffer = {0};
	const struct elf_variables constant = {{list, 1, 1}, names, sizeof(names)};
	const struct elf_variables few = {{list + 2, 1, 1}, names, sizeof(names)};
	put(&buffer, FIRST, &variables);
	put(&buffer, FIRST + 0x1000, &constant);
	put(&buffer, SECOND, &few);
	return buffer;
}

static void each_object_has_its_own(void **state)
{
	struct savefile_buffer buffer = make();
	struct elf_variables v = ELF_VARIABLES_EMPTY;
	(void)state;
	assert_null(savefile_get_variables(buffer.items, buffer.count, raddr_at(FIRST), &v));
	assert_int_equal(v.list.count, 3);
	assert_named(&v, 0x1000, NULL);
	assert_named(&v, 0x4000, "cache");
	assert_named(&v, 0x4047, "pool");
	assert_named(&v, 0x5fff, "count");
	assert_named(&v, 0x6000, NULL);
	elf_variables_fini(&v);
	assert_null(savefile_get_variables(buffer.items, buffer.count, raddr_at(SECOND), &v));
	assert_int_equal(v.list.count, 1);
	assert_named(&v, 0x4008, "pool");
	assert_named(&v, 0x4000, NULL);
	elf_variables_fini(&v);
	free(buffer.items);
}

static void who_has_none_has_none(void **state)
{
	struct savefile_buffer buffer = make();
	struct elf_variables v = ELF_VARIABLES_EMPTY;
	(void)state;
	assert_null(
		savefile_get_variables(buffer.items, buffer.count, raddr_at(FIRST + 0x1000), &v));
	assert_int_equal(v.list.count, 0);
	assert_null(savefile_get_variables(NULL, 0, raddr_at(FIRST), &v));
	assert_int_equal(v.list.count, 0);
	free(buffer.items);
}

static bool is_refused(const uint8_t *data, size_t size)
{
	struct elf_variables v = ELF_VARIABLES_EMPTY;
	struct error *err = savefile_get_variables(data, size, raddr_at(SECOND), &v);
	bool refused = err && err->kind == ERROR_BAD_FILE;
	assert_true(refused || !err);
	error_free(err);
	elf_variables_fini(&v);
	return refused;
}

/* Cut at any byte but between objects, and with any byte changed: refused, or read without harm. */
static void damage_does_no_harm(void **state)
{
	struct savefile_buffer buffer = make();
	size_t refused = 0;
	(void)state;
	for (size_t size = 1; size < buffer.count; size++) {
		uint8_t *cut = malloc(size); /* so that a look behind its end is seen */
		assert_non_null(cut);
		memcpy(cut, buffer.items, size);
		refused += is_refused(cut, size);
		free(cut);
	}
	assert_int_equal(refused, buffer.count - 2); /* between the two is one place to cut */
	refused = 0;
	for (size_t i = 0; i < buffer.count; i++) {
		buffer.items[i] ^= 0xff;
		refused += is_refused(buffer.items, buffer.count);
		buffer.items[i] ^= 0xff;
	}
	assert_true(refused >= 8); /* of lengths */
	free(buffer.items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_object_has_its_own),
		cmocka_unit_test(who_has_none_has_none),
		cmocka_unit_test(damage_does_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
