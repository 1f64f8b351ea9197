/* redact: what of a small process of 3.12 is kept, word for word. */
#include "base/bytes.h"
#include "base/cleanup.h"
#include "inspector/save/redact.h"
#include "inspector/target/savefile/savefile_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/*
 *	code       400000   a static program: its addresses look like small numbers
 *	data  7f0000000000   types, not the interpreter's
 *	heap  7f0000100000   malloc's, from 64 bytes behind a window's start on
 *	large 7f0000300000   anonymous: one mapped chunk
 */
#define CODE  UINT64_C(0x400000)
#define DATA  UINT64_C(0x7f0000000000)
#define HEAP  UINT64_C(0x7f0000101000)
#define LARGE UINT64_C(0x7f0000300000)
#define SIZE  UINT64_C(0x80000)

static struct fixture {
	uint8_t code[0x1000], data[0x4000], heap[SIZE], large[SIZE];
	uint64_t chunk; /* where the next begins */
	struct space space;
	struct save_log log;
	struct pymalloc_saved_arenas arenas;
	struct redactor *redactor;
	uint32_t version_hex;
	uint8_t in[SAVEFILE_WINDOW], out[SAVEFILE_WINDOW];
} f;

static uint8_t *host(uint64_t at, uint64_t size)
{
	const struct {
		uint64_t start, size;
		uint8_t *bytes;
	} parts[] = {{CODE, sizeof(f.code), f.code},
		     {DATA, sizeof(f.data), f.data},
		     {HEAP, sizeof(f.heap), f.heap},
		     {LARGE, sizeof(f.large), f.large}};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (at >= parts[i].start && at + size <= parts[i].start + parts[i].size)
			return parts[i].bytes + (at - parts[i].start);
	return NULL;
}

static struct error *fixture_read(void *source, raddr at, void *buffer, size_t size)
{
	(void)source;
	const uint8_t *from = host(at.value, size);
	if (!from)
		return error_new(ERROR_FAULT, "not there");
	memcpy(buffer, from, size);
	return NULL;
}

static void put(uint64_t at, uint64_t value)
{
	uint8_t *to = host(at, 8);
	assert_non_null(to);
	memcpy(to, &value, 8);
}

static void add(uint64_t start, uint64_t size, enum region_kind kind, bool writable)
{
	struct region *r = vec_push(&f.space.regions);
	*r = (struct region){.start = raddr_at(start),
			     .size = size,
			     .readable = true,
			     .writable = writable,
			     .executable = start == CODE,
			     .kind = kind};
	r->label = kind == REGION_FILE ? strdup("/x/app") : NULL;
	f.space.mapped_size += size;
}

/* ---- types, as in data ------------------------------------------------------------------- */

#define TYPE_TYPE (DATA + 0x000)
#define TYPE_STR  (DATA + 0x400)
#define TYPE_APP  (DATA + 0x800)
#define TYPE_INT  (DATA + 0xc00)
#define TYPE_LIST (DATA + 0x1000)

static void make_type(uint64_t at, const char *name, uint64_t basicsize, uint64_t flags)
{
	uint64_t mro = at + 0x300, text = at + 0x200;
	put(at, 5);
	put(at + 8, TYPE_TYPE);
	put(at + 24, text);
	put(at + 32, basicsize);
	put(at + 168, flags | 1 << 12);
	put(at + 344, mro);
	put(mro + 24, at);
	memcpy(host(text, strlen(name) + 1), name, strlen(name) + 1);
}

/* Looks at the regions as they are now. */
static void renew(void)
{
	static const struct elf_image image = {0};
	static const struct layout layout;
	const struct redactor_request request = {.space = &f.space,
						 .layout = &layout,
						 .image = &image,
						 .arenas = &f.arenas,
						 .log = &f.log,
						 .version_hex = f.version_hex};
	redactor_free(f.redactor);
	f.redactor = NULL;
	struct error *err = redactor_new(&request, &f.redactor);
	assert_null(err);
}

static int begin(void **state)
{
	(void)state;
	static const struct space_ops ops = {.read = fixture_read};
	static const bool stopped = false;
	memset(&f, 0, sizeof(f));
	f.space = (struct space){.ops = &ops, .source = &f};
	add(CODE, sizeof(f.code), REGION_FILE, false);
	add(DATA, sizeof(f.data), REGION_FILE, true);
	add(HEAP, sizeof(f.heap), REGION_HEAP, true);
	add(LARGE, sizeof(f.large), REGION_ANON, true);
	make_type(TYPE_TYPE, "type", 416, UINT64_C(1) << 31);
	make_type(TYPE_STR, "str", 64, 1 << 28);
	make_type(TYPE_APP, "app.Session", 48, 0);
	make_type(TYPE_INT, "int", 24, 1 << 24);
	make_type(TYPE_LIST, "list", 40, 1 << 25 | 1 << 14);
	f.chunk = HEAP;
	f.version_hex = 0x030c01f0;
	struct error *err = save_log_init(&stopped, &f.log);
	assert_null(err);
	renew();
	return 0;
}

static int end(void **state)
{
	(void)state;
	redactor_free(f.redactor);
	save_log_fini(&f.log);
	f.space.ops = NULL;
	space_fini(&f.space);
	return 0;
}

/* ---- chunks ------------------------------------------------------------------------------ */

/* A chunk in use with room for `size` bytes; where they begin. */
static uint64_t chunk(uint64_t size)
{
	uint64_t at = f.chunk, whole = size_max(size_align_up(size + 8, 16), 32);
	put(at + 8, whole | 1);
	f.chunk = at + whole;
	return at + 16;
}

/* The rest of the heap: the top. */
static void top(void)
{
	put(f.chunk + 8, (HEAP + SIZE - f.chunk) | 1);
}

static uint8_t *blanked(uint64_t window)
{
	uint64_t base = window & ~(SAVEFILE_WINDOW - 1);
	memset(f.in, 0, sizeof(f.in));
	memset(f.out, 0, sizeof(f.out));
	for (uint64_t page = 0; page < SAVEFILE_WINDOW; page += SAVEFILE_PAGE) {
		const uint8_t *from = host(base + page, SAVEFILE_PAGE);
		if (from)
			memcpy(f.in + page, from, SAVEFILE_PAGE);
	}
	struct error *err = redactor_blank(f.redactor, raddr_at(base), f.in, f.out);
	assert_null(err);
	return f.out;
}

static uint64_t kept(uint64_t at)
{
	uint64_t value;
	memcpy(&value, f.out + (at & (SAVEFILE_WINDOW - 1)), 8);
	return value;
}

static uint64_t make_str(const char *text)
{
	uint64_t length = strlen(text), at = chunk(41 + length);
	put(at, 1);
	put(at + 8, TYPE_STR);
	put(at + 16, length);
	put(at + 24, UINT64_C(0x1234567890abcdef));
	put(at + 32, 1 << 5 | 1 << 6 | 1 << 2);
	memcpy(host(at + 40, length), text, length);
	return at;
}

static bool has_name(const char *name)
{
	for (size_t i = 0; i < f.log.records.count; i++) {
		const struct save_record *r = &f.log.records.items[i];
		if (r->size == strlen(name) + 1 &&
		    !memcmp(f.log.bytes.items + r->at, name, r->size))
			return true;
	}
	return false;
}

/* ---- tests ------------------------------------------------------------------------------- */

static void objects(void **state)
{
	(void)state;
	uint64_t str = make_str("a secret of some length"), number = chunk(32), app = chunk(48),
		 list = chunk(16 + 40);
	put(number, 3);
	put(number + 8, TYPE_INT);
	put(number + 16, 2 << 3); /* two digits, which together look like an address */
	put(number + 24, DATA + 8);
	put(app, 1);
	put(app + 8, TYPE_APP);
	put(app + 16, str);
	put(app + 24, 4711);
	put(app + 32, CODE + 0x10);
	put(app + 40, CODE + 0x11); /* as a small number might be */
	put(list + 16, 1);
	put(list + 24, TYPE_LIST);
	put(list + 32, 7);
	put(list + 40, app);
	put(list + 48, 8);
	top();
	blanked(HEAP);
	assert_int_equal(kept(str - 8), 80 | 1); /* malloc's size */
	assert_int_equal(kept(str), 1);
	assert_int_equal(kept(str + 8), TYPE_STR);
	assert_int_equal(kept(str + 16), 23);
	assert_int_equal(kept(str + 24), 0); /* hash */
	assert_int_equal(kept(str + 32), 1 << 5 | 1 << 6 | 1 << 2);
	for (uint64_t at = str + 40; at < str + 64; at += 8)
		assert_int_equal(kept(at), 0);
	assert_int_equal(kept(number + 16), 2 << 3);
	assert_int_equal(kept(number + 24), 0);
	assert_int_equal(kept(app + 16), str);
	assert_int_equal(kept(app + 24), 0);
	assert_int_equal(kept(app + 32), CODE + 0x10);
	assert_int_equal(kept(app + 40), 0);
	assert_int_equal(kept(list + 32), 7);
	assert_int_equal(kept(list + 40), app);
	assert_int_equal(kept(list + 48), 8);
	assert_true(has_name("app.Session") && has_name("str") && has_name("list"));
}

static void words(void **state)
{
	(void)state;
	uint64_t text = chunk(64), links = chunk(32);
	memcpy(host(text, 64), "not an object, but text that fills all of its sixty-four bytes..",
	       64);
	put(links, text);
	put(links + 8, text ^ (links + 8) >> 12);  /* as tcache hides its links */
	put(links + 16, UINT64_C(0x7fff12345678)); /* nothing is mapped there */
	top();
	blanked(HEAP);
	for (uint64_t at = text; at < text + 64; at += 8)
		assert_int_equal(kept(at), 0);
	assert_int_equal(kept(links), text);
	assert_int_equal(kept(links + 8), text ^ (links + 8) >> 12);
	assert_int_equal(kept(links + 16), 0);
	assert_int_equal(kept(links - 8), 48 | 1);
}

/* A cell that goes on in the next window, and one whose head does. */
static void across_windows(void **state)
{
	(void)state;
	static char secret[0x3e000];
	memset(secret, 's', sizeof(secret) - 1);
	uint64_t str = make_str(secret);
	uint64_t border = (HEAP & ~(SAVEFILE_WINDOW - 1)) + SAVEFILE_WINDOW;
	while (f.chunk + 48 < border)
		(void)chunk(8);
	uint64_t type = chunk(944); /* a class: longer than any pointer of it */
	assert_true(type < border && type + 416 > border);
	put(type, 1);
	put(type + 8, TYPE_TYPE);
	put(type + 400, 4711);
	put(type + 424, 4711);
	top();
	put(str + 40 + 512, DATA); /* an address in a text is no address */
	blanked(HEAP);
	assert_int_equal(kept(str + 16), sizeof(secret) - 1);
	assert_int_equal(kept(str + 40 + 512), 0);
	blanked(border);
	assert_int_equal(kept(type + 400), 4711);
	assert_int_equal(kept(type + 424), 0);
}

/* Where a size is impossible, chunks end and words are left. */
static void a_broken_chain(void **state)
{
	(void)state;
	uint64_t good = chunk(32), bad = chunk(32), after;
	put(bad - 8, UINT64_C(0x4141414141414141));
	after = chunk(32);
	put(after, good);
	blanked(HEAP);
	assert_int_equal(kept(good - 8), 48 | 1);
	assert_int_equal(kept(bad - 8), 0);
	assert_int_equal(kept(after - 8), 0);
	assert_int_equal(kept(after), good);
}

static void mapped_chunks(void **state)
{
	(void)state;
	put(LARGE + 8, 0x40000 | 2);
	put(LARGE + 16, 2);
	put(LARGE + 24, TYPE_STR);
	put(LARGE + 32, 0x30000);
	put(LARGE + 48, 1 << 5 | 1 << 6);
	put(LARGE + 16 + 40, DATA);
	put(LARGE + 0x3fff8, DATA);
	put(LARGE + 0x40000, DATA); /* behind it: not known, so a word is a word */
	blanked(LARGE);
	assert_int_equal(kept(LARGE + 8), 0x40000 | 2);
	assert_int_equal(kept(LARGE + 32), 0x30000);
	assert_int_equal(kept(LARGE + 16 + 40), 0);
	assert_int_equal(kept(LARGE + 0x3fff8), 0);
	blanked(LARGE + 0x40000);
	assert_int_equal(kept(LARGE + 0x40000), DATA);
}

/* Part of a block was advised: its header's page is a mapping of its own. */
static void a_chunk_in_two_mappings(void **state)
{
	(void)state;
	struct region *r = &f.space.regions.items[f.space.regions.count - 1];
	assert_int_equal(r->start.value, LARGE);
	r->size = 0x1000;
	add(LARGE + 0x1000, SIZE - 0x1000, REGION_ANON, true);
	renew();
	put(LARGE + 8, 0x40000 | 2);
	put(LARGE + 0x3fff8, 7);
	put(LARGE + 0x2000, UINT64_C(0x4141414141414141));
	blanked(LARGE);
	assert_int_equal(kept(LARGE + 8), 0x40000 | 2);
	assert_int_equal(kept(LARGE + 0x2000), 0);
}

/* A thread's: where it begins, guard included, and a size that ends it with the page. */
static void stacks(void **state)
{
	(void)state;
	uint64_t place = LARGE + 0x40000 - 0x400, start = LARGE - 0x10000;
	put(place, start);
	put(place + 8, 0x50000);
	put(place + 16, start);
	put(place + 24, 0x4f000); /* ends elsewhere: a number */
	blanked(LARGE);
	assert_int_equal(kept(place), start);
	assert_int_equal(kept(place + 8), 0x50000);
	assert_int_equal(kept(place + 16), 0);
	assert_int_equal(kept(place + 24), 0);
}

#define TYPE_CODE  (DATA + 0x1400)
#define STACK_SIZE UINT64_C(0x4000)

/* Where one begins: its head is kept where a code object shows that it is one. */
static void python_stacks(void **state)
{
	(void)state;
	const uint64_t first = LARGE, later = LARGE + STACK_SIZE, wrong = LARGE + 2 * STACK_SIZE,
		       code = chunk(200), app = chunk(48), late = LARGE + SIZE - 0x1000;
	make_type(TYPE_CODE, "code", 200, 0);
	put(code + 8, TYPE_CODE);
	put(app + 8, TYPE_APP);
	top();
	for (uint64_t at = first; at <= wrong; at += STACK_SIZE) {
		put(at, at == later ? first : 0);
		put(at + 8, STACK_SIZE);
		put(at + 16, 0x100);
		put(at + (at == later ? 24 : 32), at == wrong ? app : code);
		put(at + 40, 4711);
	}
	blanked(LARGE);
	assert_int_equal(kept(first + 8), STACK_SIZE);
	assert_int_equal(kept(first + 16), 0x100);
	assert_int_equal(kept(first + 32), code);
	assert_int_equal(kept(later), first);
	assert_int_equal(kept(later + 8), STACK_SIZE);
	assert_int_equal(kept(later + 16), 0x100);
	assert_int_equal(kept(wrong + 8), 0);
	assert_int_equal(kept(wrong + 16), 0);
	assert_int_equal(kept(wrong + 32), app);
	assert_int_equal(kept(first + 40) + kept(later + 40), 0);
	put(late + 8, STACK_SIZE); /* more than is mapped */
	put(late + 32, code);
	blanked(late);
	assert_int_equal(kept(late + 8), 0);
	assert_int_equal(kept(late + 32), code);
}

/* What says where one is: its end may be where a mapping ends. */
static void ends_of_python_stacks(void **state)
{
	(void)state;
	const uint64_t last = LARGE + SIZE - STACK_SIZE, end = LARGE + SIZE;
	uint64_t good = chunk(24), bad = chunk(24), alone = chunk(16);
	put(good, last);
	put(good + 8, last + 0x100);
	put(good + 16, end);
	put(bad, last + 0x1000); /* no size that one has */
	put(bad + 8, last + 0x1100);
	put(bad + 16, end);
	put(alone + 8, end);
	top();
	blanked(HEAP);
	assert_int_equal(kept(good), last);
	assert_int_equal(kept(good + 16), end);
	assert_int_equal(kept(bad), last + 0x1000);
	assert_int_equal(kept(bad + 16), 0);
	assert_int_equal(kept(alone + 8), 0);
}

/* Keys of a dict of 3.12 with 8 slots: shape and pointers stay, hashes go. */
static void keys_of_dicts(void **state)
{
	(void)state;
	uint64_t keys = chunk(32 + 8 + 5 * 24), fake = chunk(32 + 8 + 5 * 24);
	for (uint64_t at = keys;; at = fake) {
		put(at, 1);
		put(at + 8, 3 | 3 << 8);
		put(at + 16, 4);
		put(at + 24, 1);
		put(at + 32, UINT64_C(0xffff00ffffffffff));
		put(at + 40, DATA); /* a hash that is an address by chance */
		put(at + 48, DATA + 8);
		put(at + 56, DATA + 16);
		if (at == fake)
			break;
	}
	put(fake + 32, UINT64_C(0xffff05ffffffffff)); /* entry 5 of one */
	top();
	blanked(HEAP);
	assert_int_equal(kept(keys), 1);
	assert_int_equal(kept(keys + 8), 3 | 3 << 8);
	assert_int_equal(kept(keys + 24), 1);
	assert_int_equal(kept(keys + 32), UINT64_C(0xffff00ffffffffff));
	assert_int_equal(kept(keys + 40), 0);
	assert_int_equal(kept(keys + 48), DATA + 8);
	assert_int_equal(kept(fake + 8), 0);
	assert_int_equal(kept(fake + 32), 0);
	assert_int_equal(kept(fake + 40), DATA);
}

/* Counts of 3.13's values, of which five are there and three set; and a free block whose link looks like them. */
static void values_of_attributes(void **state)
{
	(void)state;
	f.version_hex = 0x030d00f0;
	renew();
	uint64_t values = chunk(48), link = chunk(80);
	put(values,
	    UINT64_C(0x5345435201000305)); /* what follows the four bytes is of an earlier tenant */
	put(values + 8, DATA);
	put(link, DATA + 0x108);
	top();
	blanked(HEAP);
	assert_int_equal(kept(values), 0x000305);
	assert_int_equal(kept(values + 8), DATA);
	assert_int_equal(kept(link), DATA + 0x108);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(objects, begin, end),
		cmocka_unit_test_setup_teardown(words, begin, end),
		cmocka_unit_test_setup_teardown(across_windows, begin, end),
		cmocka_unit_test_setup_teardown(a_broken_chain, begin, end),
		cmocka_unit_test_setup_teardown(mapped_chunks, begin, end),
		cmocka_unit_test_setup_teardown(a_chunk_in_two_mappings, begin, end),
		cmocka_unit_test_setup_teardown(stacks, begin, end),
		cmocka_unit_test_setup_teardown(python_stacks, begin, end),
		cmocka_unit_test_setup_teardown(ends_of_python_stacks, begin, end),
		cmocka_unit_test_setup_teardown(keys_of_dicts, begin, end),
		cmocka_unit_test_setup_teardown(values_of_attributes, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
