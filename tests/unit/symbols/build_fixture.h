/*
 * build_fixture: a stripped module and its debug file in a folder of their own, and
 * what the table of a sample must say, by the compiler's own offsetof.
 */
#ifndef TESTS_UNIT_SYMBOLS_BUILD_FIXTURE_H
#define TESTS_UNIT_SYMBOLS_BUILD_FIXTURE_H

#include "sample/python.h"
#include "sample_files.h"
#include "symbols/python_build.h"

#define HEX   "a12e5a12e5a12e5a12e5a12e5a12e5a12e5a12e5"
#define BY_ID "/usr/lib/debug/.build-id/a1/2e5a12e5a12e5a12e5a12e5a12e5a12e5a12e5.debug"

struct build_scene {
	char folder[SAMPLE_PATH_SIZE];
	char stripped[SAMPLE_PATH_SIZE + 32]; /* the module, without symbols */
	char debug[SAMPLE_PATH_SIZE + 32];    /* its debug file, where nobody looks */
	int root;                             /* descriptor of folder: the target's root */
};

/* A scene for each test, in *state. */
int build_scene_setup(void **state);
int build_scene_teardown(void **state);

#define TEST(name) cmocka_unit_test_setup_teardown(name, build_scene_setup, build_scene_teardown)

/* A request that leads nowhere: no file, no root, no cache. */
struct python_build_request build_nowhere(void);

/* Resolves the file at path with the other members of the request as given. */
struct error *build_resolve(const char *path, struct python_build_request request,
			    struct python_build *ret) MUST_CHECK;

/* The same for a file without usable debug information: it is resolved, says so, and the error that
 * this makes for who cannot do without. */
struct error *build_no_symbols(const char *path, struct python_build_request request,
			       struct python_build *ret) MUST_CHECK;

/* A trial whose result has this in it; NULL: none. */
const struct python_build_trial *build_find_trial(const struct python_build *b, const char *result);

/* Fails the test with the error's cause. */
void assert_success(struct error *err);

void assert_entry(const struct python_build *b, enum layout_entry_id id, uint64_t offset,
		  uint64_t width, uint64_t count, uint64_t stride);

#define ASSERT_FIELD(build, id, type, member)                                           \
	assert_entry(build, id, offsetof(type, member), sizeof(((type *)0)->member), 1, \
		     sizeof(((type *)0)->member))
#define ASSERT_SIZE(build, id, type) assert_entry(build, id, 0, sizeof(type), 1, sizeof(type))

/* The allocator's part of the table, and all of it. */
void assert_sample_table(const struct python_build *b);

#endif
