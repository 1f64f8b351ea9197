/*
 * pagemap: two ways to the same runs.
 *
 *	PAGEMAP_SCAN   ranges of one category each; what no range covers is not mapped
 *	table          bit 63 present, bit 62 swapped, bit 61 of a file, bit 56 mapped by nobody else;
 *	               nothing tells a hole, nor the page of zeros
 *
 * Where neither may be had, an open maps still tells whether that memory exists.
 * The ioctl's numbers are our own: Debian 12's headers are older than it.
 * (Documentation/admin-guide/mm/pagemap.rst, Linux 6.7.)
 */
#include "inspector/target/residency/pagemap.h"

#include "base/cleanup.h"
#include "inspector/target/clock.h"
#include "inspector/target/process/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>

#define SCAN_STEP          (32 * MIB)
#define SCAN_RANGES        1024
#define TABLE_PAGES        4096
#define TABLE_PAGES_CALM   1024 /* of one call, while the target runs */
#define BURST_NS           150000
#define REST_NS            50000
#define TABLE_RANGE_MAX    (64 * GIB)

#define CATEGORY_PRESENT   (UINT64_C(1) << 3)
#define CATEGORY_SWAPPED   (UINT64_C(1) << 4)
#define CATEGORY_ZERO_PAGE (UINT64_C(1) << 5)
#define CATEGORY_HUGE      (UINT64_C(1) << 6)
#define CATEGORY_GUARD     (UINT64_C(1) << 8) /* Linux 6.15 */

#define TABLE_PRESENT      (UINT64_C(1) << 63)
#define TABLE_SWAPPED      (UINT64_C(1) << 62)
#define TABLE_FILE         (UINT64_C(1) << 61)
#define TABLE_GUARD        (UINT64_C(1) << 58) /* Linux 6.15 */
#define TABLE_EXCLUSIVE    (UINT64_C(1) << 56)

struct scan_range {
	uint64_t start, end, categories;
};

struct scan_request {
	uint64_t size, flags;
	uint64_t start, end;
	uint64_t walk_end; /* not used: stale when the kernel's own buffer was flushed on the way */
	uint64_t ranges, n_ranges;
	uint64_t max_pages;
	uint64_t inverted, all_of, any_of, wanted;
};

#define SCAN_REQUEST _IOWR('f', 16, struct scan_request)

struct pagemap {
	int fd;     /* of pagemap; blind: of maps, which dies with the same memory */
	bool blind; /* tells nothing */
	bool has_scan;
	uint64_t guard;   /* CATEGORY_GUARD where the kernel knows it */
	bool hurries;     /* the target stands still: no rests */
	uint64_t busy_ns; /* spent asking since the last rest */
	struct scan_range ranges[SCAN_RANGES];
	raddr table_start; /* of the page that table[0] tells of */
	size_t n_table;
	uint64_t table[TABLE_PAGES];
};

/* Returns the count of ranges, or -errno. any_of 0: also the absent pages of mappings. traits: more
 * categories by which ranges are told apart. */
static int scan(struct pagemap *p, raddr start, raddr end, uint64_t any_of, uint64_t traits,
		size_t room)
{
	struct scan_request request = {
		.size = sizeof(request),
		.start = start.value,
		.end = end.value,
		.ranges = (uint64_t)(uintptr_t)p->ranges,
		.n_ranges = size_min(room, SCAN_RANGES),
		.any_of = any_of,
		.wanted = CATEGORY_PRESENT | CATEGORY_SWAPPED | CATEGORY_ZERO_PAGE | p->guard |
			  traits,
	};
	int n = ioctl(p->fd, SCAN_REQUEST, &request);
	return n < 0 ? -errno : n;
}

/* Opens pagemap, or where only that is refused, maps. */
static struct error *open_either(int proc, int *ret, bool *ret_blind)
{
	int fd = openat(proc, "pagemap", O_RDONLY | O_CLOEXEC);
	*ret_blind = fd < 0 && (errno == EACCES || errno == EPERM);
	if (*ret_blind)
		fd = openat(proc, "maps", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return procfs_error(errno, *ret_blind ? "maps" : "pagemap");
	*ret = fd;
	return NULL;
}

struct error *pagemap_open(int proc, struct pagemap **ret)
{
	_cleanup_(close_fd) int fd = -1;
	bool blind;
	struct error *err = open_either(proc, &fd, &blind);
	if (err)
		return err;
	struct pagemap *pagemap = calloc(1, sizeof(*pagemap));
	if (!pagemap)
		return error_out_of_memory();
	pagemap->fd = take_fd(&fd);
	pagemap->blind = blind;
	if (!blind) {
		pagemap->guard = CATEGORY_GUARD;
		int n = scan(pagemap, RADDR_NULL, raddr_at(PAGE_BYTES), CATEGORY_PRESENT, 0, 1);
		if (n == -EINVAL) {
			pagemap->guard = 0;
			n = scan(pagemap, RADDR_NULL, raddr_at(PAGE_BYTES), CATEGORY_PRESENT, 0, 1);
		}
		pagemap->has_scan = n >= 0 || n == -ESRCH;
	}
	*ret = pagemap;
	return NULL;
}

void pagemap_close(struct pagemap *pagemap)
{
	if (!pagemap)
		return;
	close_fd(&pagemap->fd);
	free(pagemap);
}

void pagemap_use_table(struct pagemap *pagemap)
{
	pagemap->has_scan = false;
}

void pagemap_hurry(struct pagemap *pagemap, bool hurries)
{
	pagemap->hurries = hurries;
}

bool pagemap_tells_nothing(const struct pagemap *pagemap)
{
	return pagemap->blind;
}

bool pagemap_tells_unmapped(const struct pagemap *pagemap)
{
	return pagemap->has_scan;
}

bool pagemap_alive(const struct pagemap *pagemap)
{
	uint64_t entry;
	/* Either file reads nothing, from its start, once the memory it was opened on is gone. */
	return pread(pagemap->fd, &entry, sizeof(entry), 0) == sizeof(entry);
}

/* ---- runs ----------------------------------------------------------------------------- */

struct run_list {
	struct page_run *runs;
	size_t room, n;
};

/* Adds up to `end`; false when there is no room for another run. */
static bool run_add(struct run_list *list, raddr start, raddr end, enum page_state state)
{
	uint64_t size = raddr_distance(start, end);
	struct page_run *last = list->n ? &list->runs[list->n - 1] : NULL;
	if (!size)
		return true;
	if (last && last->state == state) {
		last->size += size;
		return true;
	}
	if (list->n == list->room)
		return false;
	list->runs[list->n++] = (struct page_run){start, size, state};
	return true;
}

static enum page_state scanned_state(uint64_t categories)
{
	/* A guard (MADV_GUARD_INSTALL) is written where a swapped page's place would be. */
	if (categories & CATEGORY_SWAPPED)
		return categories & CATEGORY_GUARD ? PAGE_ABSENT : PAGE_SWAPPED;
	bool zero = categories & CATEGORY_ZERO_PAGE;
	return (categories & CATEGORY_PRESENT) && !zero ? PAGE_PRESENT : PAGE_ABSENT;
}

static struct error *look_failed(int number)
{
	if (number == ESRCH)
		return error_new(ERROR_GONE, "the process has ended");
	return error_errno(ERROR_FAULT, number, "asking which pages are present");
}

static struct error *look_by_scan(struct pagemap *p, raddr start, raddr end, struct run_list *list)
{
	size_t asked = size_min(list->room, SCAN_RANGES);
	int n = scan(p, start, end, 0, 0, asked);
	if (n < 0)
		return look_failed(-n);
	raddr at = start;
	for (size_t i = 0; i < (size_t)n; i++) {
		raddr from = raddr_at(p->ranges[i].start), to = raddr_at(p->ranges[i].end);
		enum page_state state = scanned_state(p->ranges[i].categories);
		if (!run_add(list, at, from, PAGE_UNMAPPED) || !run_add(list, from, to, state))
			return NULL;
		at = to;
	}
	/* Only a list that was not filled is known to be complete. */
	if ((size_t)n < asked)
		(void)run_add(list, at, end, PAGE_UNMAPPED);
	return NULL;
}

/* Entries from `start` on, as many as fit, into the table; 0: beyond what the process can map. */
static struct error *table_read(struct pagemap *p, raddr start, raddr end, size_t *ret_n)
{
	uint64_t pages = size_min(raddr_distance(start, end) / PAGE_BYTES, TABLE_PAGES);
	off_t offset = (off_t)(start.value / PAGE_BYTES * sizeof(uint64_t));
	ssize_t got = pread(p->fd, p->table, (size_t)pages * sizeof(uint64_t), offset);
	if (got < 0)
		return look_failed(errno);
	*ret_n = (size_t)got / sizeof(uint64_t);
	return NULL;
}

static enum page_state table_state(uint64_t entry)
{
	if (entry & TABLE_SWAPPED)
		return entry & TABLE_GUARD ? PAGE_ABSENT : PAGE_SWAPPED;
	return entry & TABLE_PRESENT ? PAGE_PRESENT : PAGE_ABSENT;
}

static struct error *look_by_table(struct pagemap *p, raddr start, raddr end, struct run_list *list)
{
	for (raddr at = start; at.value < end.value;) {
		size_t n;
		struct error *err = table_read(p, at, end, &n);
		if (err)
			return err;
		if (n == 0) {
			(void)run_add(list, at, end, PAGE_ABSENT);
			return NULL;
		}
		for (size_t i = 0; i < n; i++, at = raddr_plus(at, PAGE_BYTES))
			if (!run_add(list, at, raddr_plus(at, PAGE_BYTES),
				     table_state(p->table[i])))
				return NULL;
	}
	return NULL;
}

struct error *pagemap_look(struct pagemap *pagemap, raddr at, uint64_t size, struct page_run *runs,
			   size_t room, size_t *ret_n)
{
	raddr start = raddr_align_down(at, PAGE_BYTES);
	raddr end = raddr_align_up(raddr_plus(at, size), PAGE_BYTES);
	if (raddr_distance(start, end) > SCAN_STEP)
		end = raddr_plus(start, SCAN_STEP);
	struct run_list list = {runs, room, 0};
	if (pagemap->blind) {
		(void)run_add(&list, start, end, PAGE_UNTOLD);
		*ret_n = list.n;
		return NULL;
	}
	struct error *err = pagemap->has_scan ? look_by_scan(pagemap, start, end, &list)
					      : look_by_table(pagemap, start, end, &list);
	if (err)
		return err;
	*ret_n = list.n;
	return NULL;
}

/* ---- residency ------------------------------------------------------------------------ */

/* Whoever waits for the lock to write gets it only while nobody asks. */
static void rest_after(struct pagemap *p, uint64_t since)
{
	p->busy_ns += clock_ns() - since;
	if (p->busy_ns < BURST_NS)
		return;
	p->busy_ns = 0;
	if (!p->hurries)
		clock_sleep(REST_NS);
}

/*
 * What is present or swapped, in ranges of one sort; p->ranges[0 .. *ret_n). By its file a range is not told from
 * others: to know that, the kernel looks up every page it passes, and holds the lock four times as long
 * (pagemap_page_category() in fs/proc/task_mmu.c, Linux 6.7 to 6.18).
 */
static struct error *scan_calmly(struct pagemap *p, raddr start, raddr end, uint64_t traits,
				 size_t *ret_n)
{
	uint64_t since = clock_ns();
	int n = scan(p, start, end, CATEGORY_PRESENT | CATEGORY_SWAPPED, traits, SCAN_RANGES);
	if (n < 0)
		return look_failed(-n);
	rest_after(p, since);
	*ret_n = (size_t)n;
	return NULL;
}

static struct error *table_read_calmly(struct pagemap *p, raddr start, raddr end, size_t *ret_n)
{
	uint64_t since = clock_ns();
	raddr most = raddr_plus(start, TABLE_PAGES_CALM * PAGE_BYTES);
	bool all = p->hurries || end.value < most.value;
	struct error *err = table_read(p, start, all ? end : most, ret_n);
	if (!err)
		rest_after(p, since);
	return err;
}

static struct error *residency_by_scan(struct pagemap *p, raddr start, raddr end,
				       struct residency *ret)
{
	while (start.value < end.value) {
		size_t n;
		struct error *err = scan_calmly(p, start, end, 0, &n);
		if (err)
			return err;
		for (size_t i = 0; i < n; i++) {
			const struct scan_range *range = &p->ranges[i];
			enum page_state state = scanned_state(range->categories);
			if (state != PAGE_ABSENT &&
			    !residency_add(ret, raddr_at(range->start), range->end - range->start,
					   state == PAGE_SWAPPED))
				return error_out_of_memory();
		}
		if (n < SCAN_RANGES)
			return NULL;
		start = raddr_at(p->ranges[n - 1].end);
	}
	return NULL;
}

static struct error *residency_by_table(struct pagemap *p, raddr start, raddr end,
					struct residency *ret)
{
	while (start.value < end.value) {
		size_t n;
		struct error *err = table_read_calmly(p, start, end, &n);
		if (err || n == 0)
			return err;
		for (size_t i = 0; i < n; i++, start = raddr_plus(start, PAGE_BYTES)) {
			enum page_state state = table_state(p->table[i]);
			if (state != PAGE_ABSENT &&
			    !residency_add(ret, start, PAGE_BYTES, state == PAGE_SWAPPED))
				return error_out_of_memory();
		}
	}
	return NULL;
}

/* One way to ask for a step. */
typedef struct error *step_fn(struct pagemap *p, raddr start, raddr end, struct residency *ret);

static struct error *in_steps(struct pagemap *pagemap, raddr start, uint64_t size, step_fn *step,
			      struct residency *ret)
{
	raddr at = raddr_align_down(start, PAGE_BYTES);
	raddr end = raddr_align_up(raddr_plus(start, size), PAGE_BYTES);
	while (at.value < end.value) {
		raddr to = raddr_plus(at, SCAN_STEP);
		to = to.value < end.value ? to : end;
		struct error *err = step(pagemap, at, to, ret);
		if (err)
			return err;
		at = to;
	}
	/* Of memory that is gone nothing is present, and that is no answer. */
	return pagemap_alive(pagemap) ? NULL : look_failed(ESRCH);
}

struct error *pagemap_residency(struct pagemap *pagemap, raddr start, uint64_t size,
				struct residency *ret)
{
	return in_steps(pagemap, start, size,
			pagemap->has_scan ? residency_by_scan : residency_by_table, ret);
}

/* ---- in detail ------------------------------------------------------------------------ */

/* What the table says of one page; read on from there, up to `end`, when it is not at hand. */
static struct error *table_entry(struct pagemap *p, raddr at, raddr end, uint64_t *ret)
{
	if (!raddr_in(at, p->table_start, p->n_table * PAGE_BYTES)) {
		p->n_table = 0;
		struct error *err = table_read_calmly(p, at, end, &p->n_table);
		if (err)
			return err;
		p->table_start = at;
	}
	*ret = p->n_table ? p->table[raddr_distance(p->table_start, at) / PAGE_BYTES] : 0;
	return NULL;
}

static unsigned entry_traits(uint64_t entry)
{
	if (entry & TABLE_FILE)
		return RESIDENCY_FILE;
	return (entry & TABLE_PRESENT) && !(entry & TABLE_EXCLUSIVE) ? RESIDENCY_SHARED : 0;
}

/* Only the table tells who else maps a page. */
static struct error *add_present(struct pagemap *p, const struct scan_range *range, raddr end,
				 struct residency *ret)
{
	unsigned huge = range->categories & CATEGORY_HUGE ? RESIDENCY_HUGE : 0;
	for (raddr at = raddr_at(range->start); at.value < range->end;
	     at = raddr_plus(at, PAGE_BYTES)) {
		uint64_t entry;
		struct error *err = table_entry(p, at, end, &entry);
		if (err)
			return err;
		if (!residency_add_traits(ret, at, PAGE_BYTES, false, huge | entry_traits(entry)))
			return error_out_of_memory();
	}
	return NULL;
}

static struct error *add_scanned(struct pagemap *p, const struct scan_range *range, raddr end,
				 struct residency *ret)
{
	enum page_state state = scanned_state(range->categories);
	if (state == PAGE_ABSENT)
		return NULL;
	if (state == PAGE_PRESENT)
		return add_present(p, range, end, ret);
	bool added = residency_add_traits(ret, raddr_at(range->start), range->end - range->start,
					  true, 0);
	return added ? NULL : error_out_of_memory();
}

static struct error *detail_by_scan(struct pagemap *p, raddr start, raddr end,
				    struct residency *ret)
{
	p->n_table = 0; /* of another moment */
	while (start.value < end.value) {
		size_t n = 0;
		struct error *err = scan_calmly(p, start, end, CATEGORY_HUGE, &n);
		for (size_t i = 0; i < n && !err; i++)
			err = add_scanned(p, &p->ranges[i], end, ret);
		if (err || n < SCAN_RANGES)
			return err;
		start = raddr_at(p->ranges[n - 1].end);
	}
	return NULL;
}

static unsigned table_traits(uint64_t entry)
{
	if (entry & TABLE_FILE)
		return RESIDENCY_FILE;
	return entry & TABLE_EXCLUSIVE ? 0 : RESIDENCY_SHARED | RESIDENCY_UNSURE;
}

static struct error *detail_by_table(struct pagemap *p, raddr start, raddr end,
				     struct residency *ret)
{
	while (start.value < end.value) {
		size_t n;
		struct error *err = table_read_calmly(p, start, end, &n);
		if (err || n == 0)
			return err;
		for (size_t i = 0; i < n; i++, start = raddr_plus(start, PAGE_BYTES)) {
			enum page_state state = table_state(p->table[i]);
			bool swapped = state == PAGE_SWAPPED;
			if (state != PAGE_ABSENT &&
			    !residency_add_traits(ret, start, PAGE_BYTES, swapped,
						  swapped ? 0 : table_traits(p->table[i])))
				return error_out_of_memory();
		}
	}
	return NULL;
}

struct error *pagemap_residency_in_detail(struct pagemap *pagemap, raddr start, uint64_t size,
					  struct residency *ret)
{
	/* 8 bytes for each page of a hole, too: of a reserved terabyte that is minutes. */
	if (!pagemap->has_scan && size > TABLE_RANGE_MAX)
		return error_new(ERROR_FAULT,
				 "%" PRIu64 " GiB at " RADDR_FORMAT
				 " are too many to ask for page by page",
				 size / GIB, start.value);
	return in_steps(pagemap, start, size, pagemap->has_scan ? detail_by_scan : detail_by_table,
			ret);
}
