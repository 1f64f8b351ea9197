/* smaps: the text, cut anywhere; and our own. */
#include "inspector/target/residency/smaps.h"

#include "base/cleanup.h"
#include "base/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

static const char text[] = "00400000-00402000 r-xp 00000000 08:01 12 /bin/a-b c\n"
			   "Size:                  8 kB\n"
			   "Rss:                   4 kB\n"
			   "Pss:                   2 kB\n"
			   "Pss_Dirty:             1 kB\n"
			   "LazyFree:              0 kB\n"
			   "VmFlags: rd ex\n"
			   "7f0000000000-7f0000100000 rw-p 00000000 00:00 0 \n"
			   "Rss:                1024 kB\n"
			   "Pss:                1000 kB\n"
			   "LazyFree:            512 kB\n"
			   "Swap:                 16 kB\n"
			   "SwapPss:               9 kB\n";

struct heard {
	struct smaps_mapping list[8];
	size_t n, most;
};

static bool hear(void *context, const struct smaps_mapping *mapping)
{
	struct heard *heard = context;
	assert_true(heard->n < 8);
	heard->list[heard->n++] = *mapping;
	return heard->n < heard->most;
}

static void check(const struct heard *heard)
{
	assert_int_equal(heard->n, 2);
	assert_int_equal(heard->list[0].start.value, 0x400000);
	assert_int_equal(heard->list[0].size, 8192);
	assert_int_equal(heard->list[0].rss, 4096);
	assert_int_equal(heard->list[0].pss, 2048);
	assert_int_equal(heard->list[1].rss, MIB);
	assert_int_equal(heard->list[1].pss, 1000 * KIB);
	assert_int_equal(heard->list[1].lazy_free, 512 * KIB);
	assert_int_equal(heard->list[1].swap, 16 * KIB);
}

static void any_cut_gives_the_same(void **state)
{
	(void)state;
	for (size_t step = 1; step < sizeof(text); step++) {
		struct heard heard = {.most = 8};
		struct smaps_parser parser = {.hear = hear, .context = &heard};
		for (size_t at = 0; at < sizeof(text) - 1; at += step)
			smaps_parse(&parser, text + at, size_min(step, sizeof(text) - 1 - at));
		smaps_parse_end(&parser);
		check(&heard);
	}
}

static void enough_is_enough(void **state)
{
	(void)state;
	struct heard heard = {.most = 1};
	struct smaps_parser parser = {.hear = hear, .context = &heard};
	smaps_parse(&parser, text, sizeof(text) - 1);
	smaps_parse_end(&parser);
	assert_true(parser.enough);
	assert_int_equal(heard.n, 1);
}

static void long_lines_and_rubbish_are_survived(void **state)
{
	(void)state;
	struct heard heard = {.most = 8};
	struct smaps_parser parser = {.hear = hear, .context = &heard};
	char line[4096];
	memset(line, 'x', sizeof(line));
	smaps_parse(&parser, line, sizeof(line));
	smaps_parse(&parser, "\nRss: 4 kB\n5000-4000 rw-p\n\n-\nRss:", 33);
	smaps_parse_end(&parser);
	assert_int_equal(heard.n, 0);
}

struct seeking {
	raddr at;
	struct smaps_mapping found;
};

static bool seek(void *context, const struct smaps_mapping *m)
{
	struct seeking *seeking = context;
	if (raddr_in(seeking->at, m->start, m->size))
		seeking->found = *m;
	return !seeking->found.size;
}

static void our_own_is_read(void **state)
{
	(void)state;
	_cleanup_(close_fd) int proc = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint8_t *at =
		mmap(NULL, 3 * MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(at != MAP_FAILED);
	memset(at, 1, MIB);
	struct seeking seeking = {.at = raddr_at((uintptr_t)at)};
	for (int still = 0; still < 2; still++) {
		seeking.found.size = 0;
		assert_null(smaps_read(proc, still, seek, &seeking));
		assert_int_equal(seeking.found.size, 3 * MIB);
		assert_int_equal(seeking.found.rss, MIB);
	}
	(void)munmap(at, 3 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_cut_gives_the_same),
		cmocka_unit_test(enough_is_enough),
		cmocka_unit_test(long_lines_and_rubbish_are_survived),
		cmocka_unit_test(our_own_is_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
