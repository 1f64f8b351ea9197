/* small_process: regions and their bytes are arrays; types are laid out as 3.12 has them. */
#include "small_process.h"

#include "base/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct small_process small;

uint8_t *small_host(uint64_t at, uint64_t size)
{
	const struct {
		uint64_t start, size;
		uint8_t *bytes;
	} parts[] = {{CODE, sizeof(small.code), small.code},
		     {DATA, sizeof(small.data), small.data},
		     {HEAP, sizeof(small.heap), small.heap},
		     {LARGE, sizeof(small.large), small.large}};
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (at >= parts[i].start && at + size <= parts[i].start + parts[i].size)
			return parts[i].bytes + (at - parts[i].start);
	return NULL;
}

static struct error *fixture_read(void *source, raddr at, void *buffer, size_t size)
{
	(void)source;
	const uint8_t *from = small_host(at.value, size);
	if (!from)
		return error_new(ERROR_FAULT, "not there");
	memcpy(buffer, from, size);
	return NULL;
}

void small_put(uint64_t at, uint64_t value)
{
	uint8_t *to = small_host(at, 8);
	assert_non_null(to);
	memcpy(to, &value, 8);
}

void small_add(uint64_t start, uint64_t size, enum region_kind kind, bool writable)
{
	struct region *r = vec_push(&small.space.regions);
	*r = (struct region){.start = raddr_at(start),
			     .size = size,
			     .readable = true,
			     .writable = writable,
			     .executable = start == CODE,
			     .kind = kind};
	r->label = kind == REGION_FILE ? strdup("/x/app") : NULL;
	small.space.mapped_size += size;
}

/* ---- types, as in data ------------------------------------------------------------------- */

void small_make_type(uint64_t at, const char *name, uint64_t basicsize, uint64_t flags)
{
	uint64_t mro = at + 0x300, text = at + 0x200;
	small_put(at, 5);
	small_put(at + 8, TYPE_TYPE);
	small_put(at + 24, text);
	small_put(at + 32, basicsize);
	small_put(at + 168, flags | 1 << 12);
	small_put(at + 344, mro);
	small_put(mro + 24, at);
	memcpy(small_host(text, strlen(name) + 1), name, strlen(name) + 1);
}

void small_renew(void)
{
	static const struct elf_image image = {0};
	static const struct layout layout;
	const struct redactor_request request = {.space = &small.space,
						 .layout = &layout,
						 .image = &image,
						 .arenas = &small.arenas,
						 .log = &small.log,
						 .version_hex = small.version_hex};
	redactor_free(small.redactor);
	small.redactor = NULL;
	struct error *err = redactor_new(&request, &small.redactor);
	assert_null(err);
}

int small_begin(void **state)
{
	(void)state;
	static const struct space_ops ops = {.read = fixture_read};
	static const bool stopped = false;
	memset(&small, 0, sizeof(small));
	small.space = (struct space){.ops = &ops, .source = &small};
	small_add(CODE, sizeof(small.code), REGION_FILE, false);
	small_add(DATA, sizeof(small.data), REGION_FILE, true);
	small_add(HEAP, sizeof(small.heap), REGION_HEAP, true);
	small_add(LARGE, sizeof(small.large), REGION_ANON, true);
	small_make_type(TYPE_TYPE, "type", 416, UINT64_C(1) << 31);
	small_make_type(TYPE_STR, "str", 64, 1 << 28);
	small_make_type(TYPE_APP, "app.Session", 48, 0);
	small_make_type(TYPE_INT, "int", 24, 1 << 24);
	small_make_type(TYPE_LIST, "list", 40, 1 << 25 | 1 << 14);
	small.chunk = HEAP;
	small.version_hex = 0x030c01f0;
	struct error *err = save_log_init(&stopped, &small.log);
	assert_null(err);
	small_renew();
	return 0;
}

int small_end(void **state)
{
	(void)state;
	redactor_free(small.redactor);
	save_log_fini(&small.log);
	small.space.ops = NULL;
	space_fini(&small.space);
	return 0;
}

/* ---- chunks ------------------------------------------------------------------------------ */

uint64_t small_chunk(uint64_t size)
{
	uint64_t at = small.chunk, whole = size_max(size_align_up(size + 8, 16), 32);
	small_put(at + 8, whole | 1);
	small.chunk = at + whole;
	return at + 16;
}

void small_top(void)
{
	small_put(small.chunk + 8, (HEAP + SIZE - small.chunk) | 1);
}

uint8_t *small_blanked(uint64_t window)
{
	uint64_t base = window & ~(SAVEFILE_WINDOW - 1);
	memset(small.in, 0, sizeof(small.in));
	memset(small.out, 0, sizeof(small.out));
	for (uint64_t page = 0; page < SAVEFILE_WINDOW; page += SAVEFILE_PAGE) {
		const uint8_t *from = small_host(base + page, SAVEFILE_PAGE);
		if (from)
			memcpy(small.in + page, from, SAVEFILE_PAGE);
	}
	struct error *err = redactor_blank(small.redactor, raddr_at(base), small.in, small.out);
	assert_null(err);
	return small.out;
}

uint64_t small_kept(uint64_t at)
{
	uint64_t value;
	memcpy(&value, small.out + (at & (SAVEFILE_WINDOW - 1)), 8);
	return value;
}
