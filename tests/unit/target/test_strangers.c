/* strangers: who is remembered, and who only looks like it. */
#include "base/cleanup.h"
#include "inspector/strangers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct region file(uint64_t inode, char *path)
{
	return (struct region){
		.kind = REGION_FILE, .device = 7, .inode = inode, .size = 4096, .label = path};
}

static void everyone_is_remembered_once(void **state)
{
	(void)state;
	_cleanup_(strangers_fini) struct strangers s = STRANGERS_EMPTY;
	char path[] = "/usr/lib/libc.so.6";
	for (uint64_t i = 0; i < 2000; i++) {
		struct region region = file(i * 7919 % 1009, path);
		assert_int_equal(strangers_have(&s, &region), i >= 1009);
		strangers_add(&s, &region);
		assert_true(strangers_have(&s, &region));
	}
	assert_int_equal(s.list.count, 1009);
}

/* One inode number in two subvolumes: one file may be libpython. */
static void equal_numbers_are_not_enough(void **state)
{
	(void)state;
	_cleanup_(strangers_fini) struct strangers s = STRANGERS_EMPTY;
	char libc[] = "/usr/lib/libc.so.6", python[] = "/usr/lib/libpython3.13.so.1.0";
	struct region region = file(300, libc), other = file(300, python), longer = region;
	longer.size = 8192;
	strangers_add(&s, &region);
	assert_true(strangers_have(&s, &region));
	assert_false(strangers_have(&s, &other));
	assert_false(strangers_have(&s, &longer));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everyone_is_remembered_once),
		cmocka_unit_test(equal_numbers_are_not_enough),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
