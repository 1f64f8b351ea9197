/* burst: what it says of an address is what stands there, copied or not; and nothing is touched that is not present. */
#include "inspector/census/burst.h"
#include "pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#define START ((raddr){UINT64_C(0x7f0000ff0000)}) /* a MiB begins 16 pages behind it */
#define N     ((size_t)700)

static raddr page(size_t i)
{
	return raddr_plus(START, i * PAGES_SIZE);
}

static struct burst *take_burst(struct pages *p, const struct burst_range *wanted, size_t n,
				uint64_t max_memory)
{
	struct burst *burst = NULL;
	const struct burst_request request = {
		.space = &p->space, .wanted = wanted, .n_wanted = n, .max_memory = max_memory};
	assert_null(burst_take(&request, &burst));
	return burst;
}

static uint64_t dice_state = 1;

static uint64_t dice(uint64_t n)
{
	dice_state = dice_state * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (dice_state >> 33) % n;
}

/* At random places, near each other and far. */
static void assert_says_the_truth(struct pages *p, struct burst *burst)
{
	for (int i = 0; i < 4000; i++) {
		raddr at = raddr_plus(raddr_minus(START, PAGES_SIZE), dice((N + 2) * PAGES_SIZE));
		size_t size = 1 + (size_t)dice(i % 7 ? 200 : 3 * PAGES_SIZE);
		const uint8_t *bytes = burst_bytes(burst, at, size);
		bool readable = pages_readable(p, at, size);
		assert_int_equal(bytes != NULL, readable);
		if (readable)
			assert_true(pages_are(p, at, bytes, size));
		uint64_t word;
		raddr aligned = raddr_align_down(at, 8);
		assert_int_equal(burst_word(burst, aligned, &word), pages_readable(p, aligned, 8));
	}
}

static void assert_stretches(struct pages *p, const struct burst *burst, uint64_t copied)
{
	uint64_t sum = 0, size, left;
	raddr start, at = RADDR_NULL;
	while (burst_above(burst, at, &start, &size)) {
		assert_true(raddr_compare(start, at) >= 0 && size % PAGES_SIZE == 0 && size > 0);
		const uint8_t *bytes = burst_stretch(burst, start, &left);
		assert_non_null(bytes);
		assert_int_equal(left, size);
		assert_true(pages_are(p, start, bytes, (size_t)size));
		assert_ptr_equal(burst_stretch(burst, raddr_plus(start, size - 1), &left),
				 bytes + size - 1);
		assert_int_equal(left, 1);
		sum += size;
		at = raddr_plus(start, size);
	}
	assert_int_equal(sum, copied);
	assert_int_equal(burst_copied(burst), copied);
}

static void copies_what_is_present(void **state)
{
	(void)state;
	struct pages p;
	pages_init(&p, START, N, true);
	for (size_t i = 0; i < N; i++)
		p.kinds[i] = i % 10 == 3   ? PAGE_OUT
			     : i % 10 == 5 ? PAGE_NEVER
			     : i % 10 == 6 ? PAGE_IN_FILE
					   : PAGE_THERE;
	for (size_t i = 0; i < N; i++)
		if (p.kinds[i] == PAGE_NEVER)
			memset(p.bytes + i * PAGES_SIZE, 0, PAGES_SIZE);
	const struct burst_range wanted[] = {{page(0), 300 * PAGES_SIZE},
					     {page(500), 100 * PAGES_SIZE},
					     {page(300), 100 * PAGES_SIZE}};
	struct burst *burst = take_burst(&p, wanted, 3, GIB);
	assert_true(burst_whole(burst));
	assert_stretches(&p, burst, 500 / 10 * 7 * PAGES_SIZE);
	assert_says_the_truth(&p, burst);
	assert_true(burst_windowed(burst) > 0);
	burst_free(burst);
	pages_fini(&p);
}

/* Copied pages are not read again, whatever is asked. */
static void reads_once(void **state)
{
	(void)state;
	struct pages p;
	pages_init(&p, START, N, true);
	const struct burst_range wanted = {page(0), N * PAGES_SIZE};
	struct burst *burst = take_burst(&p, &wanted, 1, GIB);
	size_t n = p.n_reads;
	memset(p.bytes, 0xee, 8); /* what the target does later is not seen */
	uint64_t word;
	assert_true(burst_word(burst, START, &word));
	assert_int_equal(word, START.value);
	for (size_t i = 0; i < 1000; i++)
		assert_non_null(
			burst_bytes(burst, raddr_plus(START, dice(N * PAGES_SIZE - 64)), 64));
	assert_non_null(burst_bytes(burst, START, N * PAGES_SIZE));
	assert_int_equal(p.n_reads, n);
	assert_int_equal(burst_windowed(burst), 0);
	burst_free(burst);
	pages_fini(&p);
}

static void one_page_breaks(void **state)
{
	(void)state;
	for (int tells = 0; tells < 2; tells++) {
		struct pages p;
		pages_init(&p, START, N, tells);
		p.kinds[17] = p.kinds[350] = p.kinds[N - 1] = PAGE_BROKEN;
		pages_unmap(&p, 400, 20);
		const struct burst_range wanted = {page(0), N * PAGES_SIZE};
		struct burst *burst = take_burst(&p, &wanted, 1, GIB);
		assert_stretches(&p, burst, (N - 23) * PAGES_SIZE);
		assert_says_the_truth(&p, burst);
		burst_free(burst);
		pages_fini(&p);
	}
}

/* The first ranges are copied, the others streamed: the same answers. */
static void little_memory(void **state)
{
	(void)state;
	struct pages p;
	pages_init(&p, START, N, true);
	const struct burst_range wanted[] = {{page(300), 50 * PAGES_SIZE},
					     {page(0), N * PAGES_SIZE}};
	struct burst *burst = take_burst(&p, wanted, 2, 100 * PAGES_SIZE);
	uint64_t left;
	assert_false(burst_whole(burst));
	assert_true(burst_copied(burst) <= 100 * PAGES_SIZE);
	assert_non_null(burst_stretch(burst, page(300), &left));
	assert_null(burst_stretch(burst, page(N - 1), &left));
	assert_says_the_truth(&p, burst);
	burst_free(burst);
	burst = take_burst(&p, wanted, 2, 0);
	assert_int_equal(burst_copied(burst), 0);
	assert_says_the_truth(&p, burst);
	burst_free(burst);
	pages_fini(&p);
}

/* Ranges that share memory, that begin inside of pages, that nobody has mapped. */
static void odd_ranges(void **state)
{
	(void)state;
	struct pages p;
	pages_init(&p, START, N, true);
	const struct burst_range wanted[] = {
		{raddr_plus(page(10), 100), 2 * PAGES_SIZE},
		{page(5), 10 * PAGES_SIZE},
		{page(12), 10 * PAGES_SIZE},
		{raddr_at(4096), 5 * PAGES_SIZE},
		{page(N - 1), UINT64_MAX},
		{raddr_at(UINT64_MAX - 4096), UINT64_MAX},
		{page(100), 0},
	};
	struct burst *burst = take_burst(&p, wanted, ARRAY_SIZE(wanted), GIB);
	assert_stretches(&p, burst, (17 + 1) * PAGES_SIZE);
	assert_says_the_truth(&p, burst);
	burst_free(burst);
	pages_fini(&p);
}

/* Through the space, too, one reading may be of both. */
static void as_a_space(void **state)
{
	(void)state;
	struct pages p;
	pages_init(&p, START, N, true);
	p.kinds[60] = PAGE_OUT;
	const struct burst_range wanted = {page(100), 100 * PAGES_SIZE};
	struct burst *burst = take_burst(&p, &wanted, 1, GIB);
	struct space space = burst_space(burst);
	static uint8_t buffer[300 * PAGES_SIZE];
	assert_null(space_read(&space, page(90), buffer, 120 * PAGES_SIZE));
	assert_true(pages_are(&p, page(90), buffer, 120 * PAGES_SIZE));
	struct error *err = space_read(&space, page(50), buffer, 100 * PAGES_SIZE);
	assert_non_null(err);
	assert_int_equal(err->kind, ERROR_FAULT);
	error_free(err);
	size_t n = p.n_reads;
	assert_null(space_read(&space, page(120), buffer, 50 * PAGES_SIZE));
	assert_int_equal(p.n_reads, n);
	burst_free(burst);
	pages_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_what_is_present),
		cmocka_unit_test(reads_once),
		cmocka_unit_test(one_page_breaks),
		cmocka_unit_test(little_memory),
		cmocka_unit_test(odd_ranges),
		cmocka_unit_test(as_a_space),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
