/*
 * layout_cache: a file of tables. 'w': the input is what stands between a right head and a right
 * sum, so that the lines are reached; else it is the whole file. A table that is taken is possible,
 * and is taken again when written and read.
 */
#include "symbols/layout_cache.h"

#include "base/text.h"
#include "fuzz.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

struct place {
	char folder[4096], file[4096 + 32], head[128];
};

static const struct build_id id = {.bytes = {0xab, 0xcd, 0xef}, .size = 3};

static struct place place;

static void remove_place(void)
{
	(void)unlink(place.file);
	(void)rmdir(place.folder);
}

/* The first two lines, from a file that was written by the code itself. */
static void make_place(void)
{
	const char *where = getenv("TMPDIR");
	struct python_build empty = {.version = "3.11.2"};
	snprintf(place.folder, sizeof(place.folder), "%s/fuzz-XXXXXX", where ? where : "/tmp");
	assert(mkdtemp(place.folder));
	snprintf(place.file, sizeof(place.file), "%s/abcdef.v1", place.folder);
	atexit(remove_place);
	layout_cache_store(place.folder, &id, &empty);
	FILE *file = fopen(place.file, "r");
	assert(file && fread(place.head, 1, sizeof(place.head) - 1, file) > 0);
	fclose(file);
	char *end = strstr(place.head, "python ");
	assert(end);
	*end = '\0';
	python_build_fini(&empty);
}

static void put_file(const struct fuzz *f, bool whole)
{
	struct text t = TEXT_EMPTY;
	if (!whole)
		text_add(&t, place.head);
	text_add_bytes(&t, (const char *)f->data, f->size);
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	for (size_t i = 0; i < t.length; i++)
		sum = (sum ^ (uint8_t)t.data[i]) * UINT64_C(0x100000001b3);
	if (!whole)
		text_addf(&t, "sum %016" PRIx64 "\n", sum);
	int fd = open(place.file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert(fd >= 0 && write(fd, text_string(&t), t.length) == (ssize_t)t.length);
	close(fd);
	text_fini(&t);
}

static void check(const struct python_build *b)
{
	struct error *err = layout_check(&b->layout);
	assert(!err && strnlen(b->version, sizeof(b->version)) < sizeof(b->version));
	for (unsigned i = 0; i < LAYOUT_COUNT; i++)
		assert(b->layout.entries[i].provenance == PROVENANCE_ABSENT ||
		       b->layout.entries[i].provenance == PROVENANCE_CACHE);
}

static void check_again(struct python_build *b)
{
	struct python_build again = {0};
	layout_cache_store(place.folder, &id, b);
	assert(layout_cache_load(place.folder, &id, &again));
	assert(memcmp(&again.layout, &b->layout, sizeof(b->layout)) == 0);
	assert(strcmp(again.version, b->version) == 0 && again.version_hex == b->version_hex);
	assert(!again.debug_file == !b->debug_file);
	assert(!b->debug_file || strcmp(again.debug_file, b->debug_file) == 0);
	python_build_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	if (!*place.folder)
		make_place();
	bool whole = fuzz_number(&f, 1) != 'w';
	put_file(&f, whole);
	struct python_build build = {0};
	if (layout_cache_load(place.folder, &id, &build)) {
		check(&build);
		check_again(&build);
	} else {
		assert(!build.debug_file && !*build.version);
	}
	python_build_fini(&build);
	return 0;
}
