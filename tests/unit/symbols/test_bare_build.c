/*
 * Tests of symbols/bare_build on every interpreter of this machine that has debug
 * information: what is found without it is what it says, or nothing. Read from the file
 * and, as far as a test can, from memory; with section headers and without.
 */
#include "symbols/bare_build.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "discovery.h"
#include "symbols/file_image.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* One interpreter: what its debug information says, and its file. */
struct subject {
	const struct interpreter *interpreter;
	struct python_build truth;
	int fd;
	struct file_image image;
};

static bool open_subject(const struct interpreter *one, struct subject *ret)
{
	_cleanup_(close_fd) int root =
		one->root ? open(one->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	*ret = (struct subject){.interpreter = one, .fd = open(one->path, O_RDONLY | O_CLOEXEC)};
	assert_true(ret->fd >= 0);
	assert_null(file_image_read(ret->fd, &ret->image));
	struct python_build_request request = {
		.file = ret->fd,
		.path = one->path,
		.build_id = ret->image.image.build_id,
		.target_root = root,
	};
	struct error *err = python_build_resolve(&request, &ret->truth);
	assert_null(err);
	return !ret->truth.no_debug_info;
}

static void close_subject(struct subject *s)
{
	python_build_fini(&s->truth);
	close(s->fd);
}

/* The table of a build of which only the version is known. */
static void fill(const struct subject *s, const struct python_build_request *request,
		 struct python_build *ret)
{
	*ret = (struct python_build){.trials = VEC_EMPTY, .no_debug_info = true};
	ret->version_hex = s->truth.version_hex;
	ret->debug_build = s->truth.debug_build;
	ret->free_threaded = s->truth.free_threaded;
	bare_build_fill(request, true, ret);
	assert_null(layout_check(&ret->layout));
}

static bool is_same(enum layout_entry_id id, const struct layout_entry *bare,
		    const struct layout_entry *truth)
{
	bool has_unknown_width = layout_kind(id) == LAYOUT_KIND_FUNCTION ||
				 (id == LAYOUT_RUNTIME && bare->width == 0);
	return truth->provenance != PROVENANCE_ABSENT && bare->offset == truth->offset &&
	       (has_unknown_width || (bare->width == truth->width && bare->count == truth->count));
}

/* Nothing in the table is wrong; the number of entries that are there. */
static size_t assert_right(const struct subject *s, const struct python_build *bare)
{
	size_t n = 0;
	for (unsigned id = 0; id < LAYOUT_COUNT; id++) {
		const struct layout_entry *a = &bare->layout.entries[id];
		const struct layout_entry *b = &s->truth.layout.entries[id];
		if (a->provenance == PROVENANCE_ABSENT)
			continue;
		if (!is_same(id, a, b))
			print_error("%s: %s (%s) is %lu %lu %lu, the truth %lu %lu %lu (%s)\n",
				    s->interpreter->path, layout_name(id),
				    provenance_name(a->provenance), a->offset, a->width, a->count,
				    b->offset, b->width, b->count, provenance_name(b->provenance));
		n++;
	}
	for (unsigned id = 0; id < LAYOUT_COUNT; id++)
		if (!layout_has(&bare->layout, id) && layout_has(&s->truth.layout, id))
			printf("   missing %s\n", layout_name(id));
	return n;
}

static void test_probe(void **state)
{
	(void)state;
	struct interpreters all;
	interpreters_discover(&all);
	for (size_t i = 0; i < all.list.count; i++) {
		struct subject s;
		if (open_subject(&all.list.items[i], &s)) {
			struct python_build_request request = {.file = s.fd, .target_root = -1};
			struct python_build bare;
			printf("%s %s\n", s.interpreter->path, s.truth.version);
			fill(&s, &request, &bare);
			printf("  %zu\n", assert_right(&s, &bare));
			for (size_t j = 0; j < bare.trials.count; j++)
				printf("  %s: %s\n", bare.trials.items[j].what, bare.trials.items[j].result);
			for (unsigned id = 0; id < LAYOUT_COUNT; id++)
				if (bare.layout.entries[id].provenance == PROVENANCE_SCANNED)
					printf(" %s", layout_name(id));
			printf("\n");
			python_build_fini(&bare);
		}
		close_subject(&s);
	}
	interpreters_fini(&all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_probe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
