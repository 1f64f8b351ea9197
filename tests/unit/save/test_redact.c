/* redact: what of a small process of 3.12 is kept, word for word. */
#include "base/bytes.h"
#include "base/cleanup.h"
#include "small_process.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint64_t make_str(const char *text)
{
	uint64_t length = strlen(text), at = small_chunk(41 + length);
	small_put(at, 1);
	small_put(at + 8, TYPE_STR);
	small_put(at + 16, length);
	small_put(at + 24, UINT64_C(0x1234567890abcdef));
	small_put(at + 32, 1 << 5 | 1 << 6 | 1 << 2);
	memcpy(small_host(at + 40, length), text, length);
	return at;
}

static bool has_name(const char *name)
{
	for (size_t i = 0; i < small.log.records.count; i++) {
		const struct save_record *r = &small.log.records.items[i];
		if (r->size == strlen(name) + 1 &&
		    !memcmp(small.log.bytes.items + r->at, name, r->size))
			return true;
	}
	return false;
}

/* ---- tests ------------------------------------------------------------------------------- */

static void objects(void **state)
{
	(void)state;
	uint64_t str = make_str("a secret of some length"), number = small_chunk(32),
		 app = small_chunk(48), list = small_chunk(16 + 40);
	small_put(number, 3);
	small_put(number + 8, TYPE_INT);
	small_put(number + 16, 2 << 3); /* two digits, which together look like an address */
	small_put(number + 24, DATA + 8);
	small_put(app, 1);
	small_put(app + 8, TYPE_APP);
	small_put(app + 16, str);
	small_put(app + 24, 4711);
	small_put(app + 32, CODE + 0x10);
	small_put(app + 40, CODE + 0x11); /* as a small number might be */
	small_put(list + 16, 1);
	small_put(list + 24, TYPE_LIST);
	small_put(list + 32, 7);
	small_put(list + 40, app);
	small_put(list + 48, 8);
	small_top();
	small_blanked(HEAP);
	assert_int_equal(small_kept(str - 8), 80 | 1); /* malloc's size */
	assert_int_equal(small_kept(str), 1);
	assert_int_equal(small_kept(str + 8), TYPE_STR);
	assert_int_equal(small_kept(str + 16), 23);
	assert_int_equal(small_kept(str + 24), 0); /* hash */
	assert_int_equal(small_kept(str + 32), 1 << 5 | 1 << 6 | 1 << 2);
	for (uint64_t at = str + 40; at < str + 64; at += 8)
		assert_int_equal(small_kept(at), 0);
	assert_int_equal(small_kept(number + 16), 2 << 3);
	assert_int_equal(small_kept(number + 24), 0);
	assert_int_equal(small_kept(app + 16), str);
	assert_int_equal(small_kept(app + 24), 0);
	assert_int_equal(small_kept(app + 32), CODE + 0x10);
	assert_int_equal(small_kept(app + 40), 0);
	assert_int_equal(small_kept(list + 32), 7);
	assert_int_equal(small_kept(list + 40), app);
	assert_int_equal(small_kept(list + 48), 8);
	assert_true(has_name("app.Session") && has_name("str") && has_name("list"));
}

/* Of memory that an object has left, how long that was: where it has no room any more, it is not taken for one. */
static void dead_objects(void **state)
{
	(void)state;
	small_put(TYPE_APP + 40, 8); /* tp_itemsize */
	small_renew();
	uint64_t app = small_chunk(48), str = make_str("a secret of some length"),
		 odd = small_chunk(48), text = small_chunk(48);
	small_put(app + 8, TYPE_APP);
	small_put(app + 16, 6870);
	small_put(app + 24, 4711);
	small_put(str, 0);
	small_put(odd + 8, TYPE_LIST);
	small_put(odd + 16, 4711);
	small_put(text + 8, TYPE_APP);
	small_put(text + 16, UINT64_C(0x7365637265742121)); /* of another who has written there */
	/* Of three attributes' values the second was never set, and the third is a type. */
	const uint64_t values = small_chunk(32), order = UINT64_C(0x0802000200000000);
	small_put(values, order);
	small_put(values + 8, app);
	small_put(values + 24, TYPE_LIST);
	small_top();
	small_blanked(HEAP);
	assert_int_equal(small_kept(app + 8), TYPE_APP);
	assert_int_equal(small_kept(app + 16), 6870);
	assert_int_equal(small_kept(app + 24), 0);
	assert_int_equal(small_kept(str + 16), 23);
	assert_int_equal(small_kept(str + 24), 0);
	assert_int_equal(small_kept(str + 32), 1 << 5 | 1 << 6 | 1 << 2);
	assert_int_equal(small_kept(str + 40), 0);
	assert_int_equal(small_kept(odd + 16), 0); /* no count stands there */
	assert_int_equal(small_kept(values), order);
	assert_int_equal(small_kept(text + 16), 0);
}

static void words(void **state)
{
	(void)state;
	uint64_t text = small_chunk(64), links = small_chunk(32);
	memcpy(small_host(text, 64),
	       "not an object, but text that fills all of its sixty-four bytes..", 64);
	small_put(links, text);
	small_put(links + 8, text ^ (links + 8) >> 12);  /* as tcache hides its links */
	small_put(links + 16, UINT64_C(0x7fff12345678)); /* nothing is mapped there */
	small_top();
	small_blanked(HEAP);
	for (uint64_t at = text; at < text + 64; at += 8)
		assert_int_equal(small_kept(at), 0);
	assert_int_equal(small_kept(links), text);
	assert_int_equal(small_kept(links + 8), text ^ (links + 8) >> 12);
	assert_int_equal(small_kept(links + 16), 0);
	assert_int_equal(small_kept(links - 8), 48 | 1);
}

/* A cell that goes on in the next window, and one whose head does. */
static void across_windows(void **state)
{
	(void)state;
	static char secret[0x3e000];
	memset(secret, 's', sizeof(secret) - 1);
	uint64_t str = make_str(secret);
	uint64_t border = (HEAP & ~(SAVEFILE_WINDOW - 1)) + SAVEFILE_WINDOW;
	while (small.chunk + 48 < border)
		(void)small_chunk(8);
	uint64_t type = small_chunk(944); /* a class: longer than any pointer of it */
	assert_true(type < border && type + 416 > border);
	small_put(type, 1);
	small_put(type + 8, TYPE_TYPE);
	small_put(type + 400, 4711);
	small_put(type + 424, 4711);
	small_top();
	small_put(str + 40 + 512, DATA); /* an address in a text is no address */
	small_blanked(HEAP);
	assert_int_equal(small_kept(str + 16), sizeof(secret) - 1);
	assert_int_equal(small_kept(str + 40 + 512), 0);
	small_blanked(border);
	assert_int_equal(small_kept(type + 400), 4711);
	assert_int_equal(small_kept(type + 424), 0);
}

/* Where a size is impossible, chunks end and words are left. */
static void a_broken_chain(void **state)
{
	(void)state;
	uint64_t good = small_chunk(32), bad = small_chunk(32), after;
	small_put(bad - 8, UINT64_C(0x4141414141414141));
	after = small_chunk(32);
	small_put(after, good);
	small_blanked(HEAP);
	assert_int_equal(small_kept(good - 8), 48 | 1);
	assert_int_equal(small_kept(bad - 8), 0);
	assert_int_equal(small_kept(after - 8), 0);
	assert_int_equal(small_kept(after), good);
}

static void mapped_chunks(void **state)
{
	(void)state;
	small_put(LARGE + 8, 0x40000 | 2);
	small_put(LARGE + 16, 2);
	small_put(LARGE + 24, TYPE_STR);
	small_put(LARGE + 32, 0x30000);
	small_put(LARGE + 48, 1 << 5 | 1 << 6);
	small_put(LARGE + 16 + 40, DATA);
	small_put(LARGE + 0x3fff8, DATA);
	small_put(LARGE + 0x40000, DATA); /* behind it: not known, so a word is a word */
	small_blanked(LARGE);
	assert_int_equal(small_kept(LARGE + 8), 0x40000 | 2);
	assert_int_equal(small_kept(LARGE + 32), 0x30000);
	assert_int_equal(small_kept(LARGE + 16 + 40), 0);
	assert_int_equal(small_kept(LARGE + 0x3fff8), 0);
	small_blanked(LARGE + 0x40000);
	assert_int_equal(small_kept(LARGE + 0x40000), DATA);
}

/* Part of a block was advised: its header's page is a mapping of its own. */
static void a_chunk_in_two_mappings(void **state)
{
	(void)state;
	struct region *r = &small.space.regions.items[small.space.regions.count - 1];
	assert_int_equal(r->start.value, LARGE);
	r->size = 0x1000;
	small_add(LARGE + 0x1000, SIZE - 0x1000, REGION_ANON, true);
	small_renew();
	small_put(LARGE + 8, 0x40000 | 2);
	small_put(LARGE + 0x3fff8, 7);
	small_put(LARGE + 0x2000, UINT64_C(0x4141414141414141));
	small_blanked(LARGE);
	assert_int_equal(small_kept(LARGE + 8), 0x40000 | 2);
	assert_int_equal(small_kept(LARGE + 0x2000), 0);
}

/* A thread's: where it begins, guard included, and a size that ends it with the page. */
static void stacks(void **state)
{
	(void)state;
	uint64_t place = LARGE + 0x40000 - 0x400, start = LARGE - 0x10000;
	small_put(place, start);
	small_put(place + 8, 0x50000);
	small_put(place + 16, start);
	small_put(place + 24, 0x4f000); /* ends elsewhere: a number */
	small_blanked(LARGE);
	assert_int_equal(small_kept(place), start);
	assert_int_equal(small_kept(place + 8), 0x50000);
	assert_int_equal(small_kept(place + 16), 0);
	assert_int_equal(small_kept(place + 24), 0);
}

#define TYPE_CODE  (DATA + 0x1400)
#define STACK_SIZE UINT64_C(0x4000)

/* Where one begins: its head is kept where a code object shows that it is one. */
static void python_stacks(void **state)
{
	(void)state;
	const uint64_t first = LARGE, later = LARGE + STACK_SIZE, wrong = LARGE + 2 * STACK_SIZE,
		       code = small_chunk(200), app = small_chunk(48), late = LARGE + SIZE - 0x1000;
	small_make_type(TYPE_CODE, "code", 200, 0);
	small_put(code + 8, TYPE_CODE);
	small_put(app + 8, TYPE_APP);
	small_top();
	for (uint64_t at = first; at <= wrong; at += STACK_SIZE) {
		small_put(at, at == later ? first : 0);
		small_put(at + 8, STACK_SIZE);
		small_put(at + 16, 0x100);
		small_put(at + (at == later ? 24 : 32), at == wrong ? app : code);
		small_put(at + 40, 4711);
	}
	small_blanked(LARGE);
	assert_int_equal(small_kept(first + 8), STACK_SIZE);
	assert_int_equal(small_kept(first + 16), 0x100);
	assert_int_equal(small_kept(first + 32), code);
	assert_int_equal(small_kept(later), first);
	assert_int_equal(small_kept(later + 8), STACK_SIZE);
	assert_int_equal(small_kept(later + 16), 0x100);
	assert_int_equal(small_kept(wrong + 8), 0);
	assert_int_equal(small_kept(wrong + 16), 0);
	assert_int_equal(small_kept(wrong + 32), app);
	assert_int_equal(small_kept(first + 40) + small_kept(later + 40), 0);
	small_put(late + 8, STACK_SIZE); /* more than is mapped */
	small_put(late + 32, code);
	small_blanked(late);
	assert_int_equal(small_kept(late + 8), 0);
	assert_int_equal(small_kept(late + 32), code);
}

/* What says where one is: its end may be where a mapping ends. */
static void ends_of_python_stacks(void **state)
{
	(void)state;
	const uint64_t last = LARGE + SIZE - STACK_SIZE, end = LARGE + SIZE;
	uint64_t good = small_chunk(24), bad = small_chunk(24), alone = small_chunk(16);
	small_put(good, last);
	small_put(good + 8, last + 0x100);
	small_put(good + 16, end);
	small_put(bad, last + 0x1000); /* no size that one has */
	small_put(bad + 8, last + 0x1100);
	small_put(bad + 16, end);
	small_put(alone + 8, end);
	small_top();
	small_blanked(HEAP);
	assert_int_equal(small_kept(good), last);
	assert_int_equal(small_kept(good + 16), end);
	assert_int_equal(small_kept(bad), last + 0x1000);
	assert_int_equal(small_kept(bad + 16), 0);
	assert_int_equal(small_kept(alone + 8), 0);
}

/* Keys of a dict of 3.12 with 8 slots: shape and pointers stay, hashes and indices go. */
static void keys_of_dicts(void **state)
{
	(void)state;
	uint64_t keys = small_chunk(32 + 8 + 5 * 24), fake = small_chunk(32 + 8 + 5 * 24);
	for (uint64_t at = keys;; at = fake) {
		small_put(at, 1);
		small_put(at + 8, 3 | 3 << 8);
		small_put(at + 16, 4);
		small_put(at + 24, 1);
		small_put(at + 32, UINT64_C(0xffff00ffffffffff));
		small_put(at + 40, DATA); /* a hash that is an address by chance */
		small_put(at + 48, DATA + 8);
		small_put(at + 56, DATA + 16);
		if (at == fake)
			break;
	}
	small_put(fake + 32, UINT64_C(0xffff05ffffffffff)); /* entry 5 of one */
	small_top();
	small_blanked(HEAP);
	assert_int_equal(small_kept(keys), 1);
	assert_int_equal(small_kept(keys + 8), 3 | 3 << 8);
	assert_int_equal(small_kept(keys + 24), 1);
	assert_int_equal(small_kept(keys + 32), 0); /* indices: nobody asks for them */
	assert_int_equal(small_kept(keys + 40), 0);
	assert_int_equal(small_kept(keys + 48), DATA + 8);
	assert_int_equal(small_kept(fake + 8), 0);
	assert_int_equal(small_kept(fake + 32), 0);
	assert_int_equal(small_kept(fake + 40), DATA);
}

/* Those of a free list have no reference; how large they are says what they are. */
static void keys_in_a_free_list(void **state)
{
	(void)state;
	uint64_t keys = small_chunk(32 + 8 + 5 * 24), fake = small_chunk(32 + 8 + 8 * 24);
	for (uint64_t at = keys;; at = fake) {
		small_put(at + 8, 3 | 3 << 8);
		small_put(at + 16, 4);
		small_put(at + 24, 1);
		small_put(at + 32, UINT64_C(0x0102030405060708)); /* what was written there last */
		small_put(at + 40, DATA); /* a hash that is an address by chance */
		if (at == fake)
			break;
	}
	small_top();
	small_blanked(HEAP);
	assert_int_equal(small_kept(keys + 8), 3 | 3 << 8);
	assert_int_equal(small_kept(keys + 16), 4);
	assert_int_equal(small_kept(keys + 24), 1);
	assert_int_equal(small_kept(keys + 32), 0);
	assert_int_equal(small_kept(keys + 40), 0);
	assert_int_equal(small_kept(fake + 8), 0);
	assert_int_equal(small_kept(fake + 16), 0);
}

/* Counts of 3.13's values, of which five are there and three set; and a free block whose link looks like them. */
static void values_of_attributes(void **state)
{
	(void)state;
	small.version_hex = 0x030d00f0;
	small_renew();
	uint64_t values = small_chunk(48), link = small_chunk(80);
	small_put(
		values,
		UINT64_C(
			0x5345435201000305)); /* what follows the four bytes is of an earlier tenant */
	small_put(values + 8, DATA);
	small_put(link, DATA + 0x108);
	small_top();
	small_blanked(HEAP);
	assert_int_equal(small_kept(values), 0x000305);
	assert_int_equal(small_kept(values + 8), DATA);
	assert_int_equal(small_kept(link), DATA + 0x108);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(objects, small_begin, small_end),
		cmocka_unit_test_setup_teardown(dead_objects, small_begin, small_end),
		cmocka_unit_test_setup_teardown(words, small_begin, small_end),
		cmocka_unit_test_setup_teardown(across_windows, small_begin, small_end),
		cmocka_unit_test_setup_teardown(a_broken_chain, small_begin, small_end),
		cmocka_unit_test_setup_teardown(mapped_chunks, small_begin, small_end),
		cmocka_unit_test_setup_teardown(a_chunk_in_two_mappings, small_begin, small_end),
		cmocka_unit_test_setup_teardown(stacks, small_begin, small_end),
		cmocka_unit_test_setup_teardown(python_stacks, small_begin, small_end),
		cmocka_unit_test_setup_teardown(ends_of_python_stacks, small_begin, small_end),
		cmocka_unit_test_setup_teardown(keys_of_dicts, small_begin, small_end),
		cmocka_unit_test_setup_teardown(keys_in_a_free_list, small_begin, small_end),
		cmocka_unit_test_setup_teardown(values_of_attributes, small_begin, small_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
