/*
 * gather: every piece is what the victim holds there, or is marked as not got; whatever
 * is unmapped on the way. The victim writes each page's number over the page.
 */
#include "base/cleanup.h"
#include "inspector/target/clock.h"
#include "inspector/target/process/process.h"
#include "inspector/target/reading/live.h"
#include "inspector/target/stop/freeze.h"
#include "victim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

#define PAGE   ((size_t)4096)
#define PAGES  ((size_t)8192)
#define HEADER 48
#define STALE  0xee

/* Mapped by the test and never touched by it; the same address in the victim. */
static uint8_t *area;

static int area_make(void **state)
{
	(void)state;
	area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(area != MAP_FAILED);
	return madvise(area, PAGES * PAGE, MADV_NOHUGEPAGE);
}

static bool is_absent(size_t page)
{
	return page % 97 == 5 || (page >= 3000 && page < 3100);
}

static bool is_unmapped(size_t page)
{
	return page == 777 || page == 778 || (page > 2000 && page % 211 == 3);
}

static bool is_forbidden(size_t page)
{
	return page == 1 || page == 1500;
}

static void area_fill(void)
{
	for (size_t i = 0; i < PAGES; i++)
		for (size_t word = 0; !is_absent(i) && word < PAGE / 8; word++)
			((uint64_t *)(void *)(area + i * PAGE))[word] = i * 1000 + word;
}

static void area_pierce(void)
{
	for (size_t i = 0; i < PAGES; i++) {
		if (is_unmapped(i))
			(void)munmap(area + i * PAGE, PAGE);
		else if (is_forbidden(i))
			(void)mprotect(area + i * PAGE, PAGE, PROT_NONE);
	}
}

static void victim_run(struct victim *self, void *argument)
{
	(void)argument;
	area_fill();
	victim_tell(self, 1);
	victim_await(self);
	area_pierce();
	victim_tell(self, 2);
	victim_sleep();
}

struct look {
	struct victim victim;
	struct process *process;
	struct space space;
	struct residency residency;
	uint8_t *bytes, *got;
	size_t room;
};

static struct look look_start(victim_fn *run, unsigned lacks, bool readers)
{
	struct look look = {.victim = victim_start(run, NULL), .room = PAGES * 8};
	look.bytes = malloc(look.room * HEADER);
	look.got = malloc(look.room);
	assert_true(look.bytes && look.got);
	assert_int_equal(victim_hear(&look.victim), 1);
	check_error(process_open(look.victim.pid, &look.process), 0, NULL);
	check_error(process_space(look.process, &look.space), 0, NULL);
	/* The victim is a fork: that alone would lead through /proc/PID/mem. */
	live_lack(&look.space, lacks & LIVE_NO_VM_READV ? lacks : lacks | LIVE_PINS);
	if (readers)
		check_error(live_start_readers(&look.space), 0, NULL);
	check_error(space_residency(&look.space, raddr_at((uintptr_t)area), PAGES * PAGE,
				    &look.residency),
		    0, NULL);
	return look;
}

static void look_end(struct look *look)
{
	residency_fini(&look->residency);
	space_fini(&look->space);
	process_close(look->process);
	free(look->bytes);
	free(look->got);
	victim_end(&look->victim);
}

/* One slice of `arena` bytes after the other, as a heap's arenas come. */
static struct error *gather(struct look *look, size_t stride, size_t arena, bool ask)
{
	struct space_slice slices[PAGES];
	size_t n = PAGES * PAGE / arena, count = arena / stride;
	assert_true(n <= PAGES && n * count <= look->room);
	memset(look->bytes, STALE, look->room * HEADER);
	memset(look->got, 9, look->room);
	for (size_t i = 0; i < n; i++)
		slices[i] = (struct space_slice){
			.start = raddr_at((uintptr_t)area + i * arena),
			.stride = stride,
			.size = HEADER,
			.count = count,
			.bytes = look->bytes + i * count * HEADER,
			.got = look->got + i * count,
		};
	return space_gather(&look->space, slices, n, ask ? &look->residency : NULL);
}

static void check_piece(const struct look *look, size_t stride, size_t i, bool zeros)
{
	uint64_t words[HEADER / 8];
	size_t page = i * stride / PAGE, first = i * stride % PAGE / 8;
	memcpy(words, look->bytes + i * HEADER, HEADER);
	for (size_t word = 0; word < HEADER / 8; word++)
		assert_int_equal(words[word], zeros ? 0 : page * 1000 + first + word);
}

static void check_all(const struct look *look, size_t stride, bool pierced, bool asked)
{
	for (size_t i = 0; i < PAGES * PAGE / stride; i++) {
		size_t page = i * stride / PAGE;
		bool hole = pierced && (is_unmapped(page) || is_forbidden(page));
		if (is_absent(page) && asked) {
			assert_int_equal(look->got[i], SLICE_ABSENT);
		} else if (hole) {
			assert_int_equal(look->got[i], SLICE_UNREADABLE);
			assert_int_not_equal(look->bytes[i * HEADER], STALE);
		} else {
			assert_int_equal(look->got[i], SLICE_READ);
			check_piece(look, stride, i, is_absent(page));
		}
	}
}

static void gather_all_ways(unsigned lacks, bool readers)
{
	static const size_t strides[] = {16384, 4096, 1024};
	struct look look = look_start(victim_run, lacks, readers);
	for (size_t i = 0; i < ARRAY_SIZE(strides); i++) {
		check_error(gather(&look, strides[i], MIB, true), 0, NULL);
		check_all(&look, strides[i], false, true);
		check_error(gather(&look, strides[i], 64 * KIB, true), 0, NULL);
		check_all(&look, strides[i], false, true);
	}
	/* The residency is now older than the mappings: pieces vanish in the midst of batches. */
	victim_nudge(&look.victim);
	assert_int_equal(victim_hear(&look.victim), 2);
	for (size_t i = 0; i < ARRAY_SIZE(strides); i++) {
		check_error(gather(&look, strides[i], MIB, true), 0, NULL);
		check_all(&look, strides[i], true, true);
	}
	check_error(gather(&look, 4096, PAGES * PAGE, true), 0, NULL);
	check_all(&look, 4096, true, true);
	look_end(&look);
}

static void pieces_are_gathered(void **state)
{
	(void)state;
	gather_all_ways(LIVE_NO_BULK, false);
	gather_all_ways(LIVE_NO_BULK, true);
}

static void bulk_is_gathered(void **state)
{
	(void)state;
	gather_all_ways(LIVE_NO_PIECES, false);
	gather_all_ways(LIVE_NO_PIECES, true);
}

static void the_faster_way_is_gathered(void **state)
{
	(void)state;
	gather_all_ways(0, true);
}

/* Then all readers work at once, without rests, in either way. */
static void what_stands_still_is_gathered(void **state)
{
	(void)state;
	static const unsigned lacks[] = {0, LIVE_NO_BULK, LIVE_NO_PIECES};
	for (size_t i = 0; i < ARRAY_SIZE(lacks); i++) {
		struct look look = look_start(victim_run, lacks[i], true);
		struct freeze_request request = {
			.pid = look.victim.pid,
			.proc = process_dir(look.process),
			.limit_us = 10000000,
		};
		struct freeze *freeze = NULL;
		victim_nudge(&look.victim);
		assert_int_equal(victim_hear(&look.victim), 2);
		check_error(freeze_start(&request, &freeze, NULL), 0, NULL);
		for (size_t stride = 1024; stride <= 16384; stride *= 4) {
			check_error(gather(&look, stride, MIB, true), 0, NULL);
			check_all(&look, stride, true, true);
		}
		assert_true(freeze_holds(freeze));
		assert_false(freeze_thaw(freeze).expired);
		look_end(&look);
	}
}

/* Unlike process_vm_readv, this door opens PROT_NONE too: those pages are left out of it. */
static void mem_is_gathered(void **state)
{
	(void)state;
	struct look look = look_start(victim_run, LIVE_NO_VM_READV, true);
	check_error(gather(&look, 4096, MIB, true), 0, NULL);
	check_all(&look, 4096, false, true);
	look_end(&look);
}

static void without_residency_nothing_is_touched(void **state)
{
	(void)state;
	struct look look = look_start(victim_run, 0, false);
	uint64_t tables = victim_status(look.victim.pid, "VmPTE"), present, swapped, before;
	residency_count(&look.residency, raddr_at((uintptr_t)area), PAGES * PAGE, &before,
			&swapped);
	check_error(gather(&look, 4096, MIB, false), 0, NULL);
	check_all(&look, 4096, false, false);
	assert_int_equal(victim_status(look.victim.pid, "VmPTE"), tables);
	victim_nudge(&look.victim);
	assert_int_equal(victim_hear(&look.victim), 2);
	tables = victim_status(look.victim.pid, "VmPTE"); /* its own steps may have cost some */
	check_error(gather(&look, 16384, MIB, false), 0, NULL);
	check_all(&look, 16384, true, false);
	assert_int_equal(victim_status(look.victim.pid, "VmPTE"), tables);
	residency_clear(&look.residency);
	check_error(space_residency(&look.space, raddr_at((uintptr_t)area), PAGES * PAGE,
				    &look.residency),
		    0, NULL);
	residency_count(&look.residency, raddr_at((uintptr_t)area), PAGES * PAGE, &present,
			&swapped);
	assert_true(present <= before);
	look_end(&look);
}

/* ---- a victim that maps and unmaps meanwhile ---------------------------------------------- */

static void restless_run(struct victim *self, void *argument)
{
	(void)argument;
	area_fill();
	victim_tell(self, 1);
	for (size_t i = 0;; i = (i + 37) % (PAGES - 16)) {
		(void)munmap(area + i * PAGE, 16 * PAGE);
		(void)mmap(area + i * PAGE, 16 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		for (size_t page = i; page < i + 16; page++)
			for (size_t word = 0; word < 8; word++)
				((uint64_t *)(void *)(area + page * PAGE))[word] =
					page * 1000 + word;
	}
}

/* What is marked as read is of that very page: whole, or zeros of a page just mapped. */
static void no_stale_byte_is_taken_for_read(void **state)
{
	(void)state;
	struct look look = look_start(restless_run, 0, true);
	size_t n_unread = 0;
	for (unsigned round = 0; round < 40; round++) {
		check_error(gather(&look, 4096, MIB, true), 0, NULL);
		for (size_t page = 0; page < PAGES; page++) {
			uint64_t words[HEADER / 8];
			memcpy(words, look.bytes + page * HEADER, HEADER);
			n_unread += look.got[page] == SLICE_UNREADABLE;
			for (size_t w = 0; look.got[page] == SLICE_READ && w < HEADER / 8; w++)
				assert_true(words[w] == page * 1000 + w || words[w] == 0);
		}
	}
	print_message("%zu pieces vanished under the gather\n", n_unread);
	look_end(&look);
}

static void *kill_soon(void *argument)
{
	clock_sleep(3000000);
	(void)kill(*(pid_t *)argument, SIGKILL);
	return NULL;
}

static void death_in_the_midst_is_gone(void **state)
{
	(void)state;
	struct look look = look_start(victim_run, 0, true);
	pthread_t killer;
	assert_int_equal(pthread_create(&killer, NULL, kill_soon, &look.victim.pid), 0);
	struct error *err = NULL;
	for (uint64_t end = clock_ns() + 5 * UINT64_C(1000000000); !err && clock_ns() < end;)
		err = gather(&look, 4096, MIB, true);
	assert_int_equal(pthread_join(killer, NULL), 0);
	check_error(err, ERROR_GONE, NULL);
	look_end(&look);
}

/* ---- the readers --------------------------------------------------------------------------- */

static size_t count_unblocked_threads(void)
{
	size_t unblocked = 0;
	DIR *directory = opendir("/proc/self/task");
	assert_non_null(directory);
	for (struct dirent *entry; (entry = readdir(directory));) {
		char path[300], line[200];
		(void)snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		FILE *file = fopen(path, "re");
		while (file && entry->d_name[0] != '.' && fgets(line, sizeof(line), file)) {
			unsigned long long mask;
			if (sscanf(line, "SigBlk: %llx", &mask) == 1)
				unblocked += !(mask >> (SIGINT - 1) & 1);
		}
		if (file)
			(void)fclose(file);
	}
	(void)closedir(directory);
	return unblocked;
}

static void readers_leave_signals_alone(void **state)
{
	(void)state;
	size_t before = count_unblocked_threads();
	struct look look = look_start(victim_run, 0, true);
	check_error(gather(&look, 4096, MIB, true), 0, NULL);
	assert_int_equal(count_unblocked_threads(), before);
	look_end(&look);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_gathered),
		cmocka_unit_test(bulk_is_gathered),
		cmocka_unit_test(the_faster_way_is_gathered),
		cmocka_unit_test(what_stands_still_is_gathered),
		cmocka_unit_test(mem_is_gathered),
		cmocka_unit_test(without_residency_nothing_is_touched),
		cmocka_unit_test(no_stale_byte_is_taken_for_read),
		cmocka_unit_test(death_in_the_midst_is_gone),
		cmocka_unit_test(readers_leave_signals_alone),
	};
	return cmocka_run_group_tests(tests, area_make, NULL);
}
