/*
 * pagemap: the kernel's word on each page of a process: present, swapped out, or
 * neither.
 *
 * From PAGEMAP_SCAN (Linux 6.7) or, where the kernel has none, from the plain
 * table of 8 bytes a page. Asking touches nothing, but holds the process's mmap lock: long
 * ranges are asked in steps of 32 MiB, with rests of 50 us after each 150 us of asking.
 */
#ifndef INSPECTOR_TARGET_PAGEMAP_H
#define INSPECTOR_TARGET_PAGEMAP_H

#include "base/error.h"
#include "inspector/target/residency/residency.h"

#include <stddef.h>

#define PAGE_BYTES UINT64_C(4096)

enum page_state {
	PAGE_ABSENT,   /* mapped, nothing there (or the shared page of zeros) */
	PAGE_PRESENT,  /* in RAM */
	PAGE_SWAPPED,  /* in swap */
	PAGE_UNMAPPED, /* no mapping; only PAGEMAP_SCAN can tell it from absent */
	PAGE_UNTOLD,   /* one of these: we may not ask (pagemap_tells_nothing) */
};

struct page_run {
	raddr start;
	uint64_t size;
	enum page_state state;
};

struct pagemap;

/*
 * proc: of /proc/PID; only used here. ERROR_PERMISSION, ERROR_GONE. Where maps may be read but not
 * pagemap, which only its owner may open, there is a pagemap that tells nothing: CAP_SYS_PTRACE alone
 * gives that of another user's process (fs/proc/base.c: maps is 0444, pagemap 0400).
 */
struct error *pagemap_open(int proc, struct pagemap **ret) MUST_CHECK;
void pagemap_close(struct pagemap *pagemap); /* takes NULL */

/* From now on without PAGEMAP_SCAN, as on an older kernel. */
void pagemap_use_table(struct pagemap *pagemap);

/* Whether residency of large ranges is asked for without rests: the target stands still and waits for nothing. */
void pagemap_hurry(struct pagemap *pagemap, bool hurries);

/* Whether every page is PAGE_UNTOLD; pagemap_residency() must not be asked then. */
bool pagemap_tells_nothing(const struct pagemap *pagemap);

/* Whether PAGE_UNMAPPED is told from PAGE_ABSENT; if not, both are PAGE_ABSENT. */
bool pagemap_tells_unmapped(const struct pagemap *pagemap);

/* False once the memory it was opened on is gone: the process ended or executed another program. */
bool pagemap_alive(const struct pagemap *pagemap);

/*
 * The states of the pages that [at, at + size) touches, as runs without gaps that begin and end on
 * page borders; as many as fit into `room`, at most 32 MiB: the caller goes on behind the last one.
 */
struct error *pagemap_look(struct pagemap *pagemap, raddr at, uint64_t size, struct page_run *runs,
			   size_t room, size_t *ret_n) MUST_CHECK;

/* Adds what is present and what is swapped in [start, start + size) to *ret; steps and rests. */
struct error *pagemap_residency(struct pagemap *pagemap, raddr start, uint64_t size,
				struct residency *ret) MUST_CHECK;

/*
 * The same with traits. Without PAGEMAP_SCAN huge pages are not told, and an anonymous page that
 * is not mapped by this process alone may be the page of zeros: RESIDENCY_UNSURE; and ERROR_FAULT for
 * more than 64 GiB at once. An anonymous page is shared when the table's bit 56 is clear.
 */
struct error *pagemap_residency_in_detail(struct pagemap *pagemap, raddr start, uint64_t size,
					  struct residency *ret) MUST_CHECK;

#endif
