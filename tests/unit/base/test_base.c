/* base: the promises of its headers, at their edges. */
#include "base/bytes.h"
#include "base/cleanup.h"
#include "base/count.h"
#include "base/error.h"
#include "base/size.h"
#include "base/sum.h"
#include "base/text.h"
#include "base/vec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

static void raddr_never_wraps(void **state)
{
	(void)state;
	raddr end = raddr_at(UINT64_MAX - 4);
	raddr kept = raddr_at(7);
	assert_false(raddr_step(end, 5, &kept));
	assert_int_equal(kept.value, 7);
	assert_true(raddr_step(end, 4, &kept));
	assert_int_equal(raddr_plus(end, 100).value, UINT64_MAX);
	assert_int_equal(raddr_minus(raddr_at(3), 4).value, 0);
	assert_true(raddr_in(raddr_at(UINT64_MAX), end, 5));
	assert_false(raddr_in(raddr_at(3), end, 5));
	assert_int_equal(raddr_align_up(raddr_at(0x4001), 0x4000).value, 0x8000);
	assert_int_equal(raddr_distance(raddr_at(9), raddr_at(4)), 0);
}

static void sizes_saturate(void **state)
{
	(void)state;
	assert_int_equal(size_add(UINT64_MAX, 1), UINT64_MAX);
	assert_int_equal(size_multiply(UINT64_C(1) << 40, UINT64_C(1) << 40), UINT64_MAX);
	assert_int_equal(size_subtract(3, 9), 0);
	assert_true(size_is_power_of_two(4096));
	assert_false(size_is_power_of_two(0));
	assert_false(size_is_power_of_two(48));
}

static void bytes_stay_inside(void **state)
{
	(void)state;
	const uint8_t data[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	struct bytes b = bytes_of(data, sizeof(data));
	assert_int_equal(bytes_u32(&b, 1), 0x05040302);
	assert_int_equal(bytes_u64(&b, 1), UINT64_C(0x0908070605040302));
	assert_false(b.overrun);
	assert_int_equal(bytes_u64(&b, 2), 0);
	assert_true(b.overrun);
	b.overrun = false;
	assert_int_equal(bytes_unsigned(&b, SIZE_MAX, 8), 0);
	assert_true(b.overrun);
}

static void text_escapes_what_moves_a_cursor(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		size_t size;
		const char *out;
	} cases[] = {
		{"plain", 5, "plain"},
		{"a\x1b[2J", 5, "a\\x1b[2J"},
		{"\xc3\xa4", 2, "\xc3\xa4"},
		{"\xc2\x9b", 2, "\\xc2\\x9b"},
		{"\xff\x41", 2, "\\xffA"},
		{"\xc0\xaf", 2, "\\xc0\\xaf"},
		{"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"},
		{"\xe2\x80\xae", 3, "\\xe2\\x80\\xae"},
		{"\\x41", 4, "\\x5cx41"},
		{"\xe2\x82", 2, "\\xe2\\x82"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(text_fini) struct text t = TEXT_EMPTY;
		text_add_escaped(&t, cases[i].in, cases[i].size);
		assert_string_equal(text_string(&t), cases[i].out);
	}
}

static void errors_gather_context(void **state)
{
	(void)state;
	struct error *err = error_new(ERROR_GONE, "pid %d is gone", 7);
	err = error_context(err, "reading %s", "maps");
	err = error_rule(error_remedy(err, "look again"), "gone");
	assert_string_equal(err->cause, "reading maps: pid 7 is gone");
	assert_string_equal(err->remedy, "look again");
	assert_false(error_catch(&err, ERROR_FAULT));
	assert_true(error_catch(&err, ERROR_GONE));
	assert_null(err);
	error_free(error_context(error_out_of_memory(), "anywhere"));
}

static void text_takes_back(void **state)
{
	_cleanup_(text_fini) struct text t = TEXT_EMPTY;
	(void)state;
	text_shorten(&t, 0);
	text_add(&t, "app.STATE.__dict__");
	text_shorten(&t, 9);
	assert_string_equal(text_string(&t), "app.STATE");
	text_shorten(&t, 12);
	text_add(&t, ".x");
	assert_string_equal(text_string(&t), "app.STATE.x");
}

static void counts_have_separators(void **state)
{
	char count[COUNT_SIZE];
	(void)state;
	assert_string_equal(COUNT(0), "0");
	assert_string_equal(COUNT(999), "999");
	assert_string_equal(COUNT(1000), "1,000");
	assert_string_equal(COUNT(123456), "123,456");
	assert_string_equal(count_write(count, UINT64_MAX), "18,446,744,073,709,551,615");
	assert_int_equal(strlen(count) + 1, COUNT_SIZE);
}

static void vec_grows_and_keeps(void **state)
{
	(void)state;
	VEC(int) numbers = VEC_EMPTY;
	for (int i = 0; i < 1000; i++)
		*(int *)vec_push(&numbers) = i;
	assert_int_equal(numbers.count, 1000);
	assert_int_equal(numbers.items[999], 999);
	assert_false(vec_reserve(&numbers, SIZE_MAX / 2));
	assert_int_equal(numbers.items[999], 999);
	vec_fini(&numbers);
	assert_null(numbers.items);
}

static void sums_tell_every_bit(void **state)
{
	(void)state;
	uint8_t bytes[19] = {1, 2, 3};
	uint64_t whole = sum_of(bytes, sizeof(bytes));
	assert_true(sum_of(bytes, sizeof(bytes) - 1) != whole);
	for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_true(sum_of(bytes, sizeof(bytes)) != whole);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_true(sum_of(NULL, 0) == sum_of(bytes, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raddr_never_wraps),
		cmocka_unit_test(sizes_saturate),
		cmocka_unit_test(bytes_stay_inside),
		cmocka_unit_test(text_escapes_what_moves_a_cursor),
		cmocka_unit_test(errors_gather_context),
		cmocka_unit_test(text_takes_back),
		cmocka_unit_test(counts_have_separators),
		cmocka_unit_test(vec_grows_and_keeps),
		cmocka_unit_test(sums_tell_every_bit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
