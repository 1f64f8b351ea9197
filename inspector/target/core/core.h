/*
 * core: a core file as a target.
 *
 * Written by the kernel or by gcore, with any coredump_filter, perhaps on another
 * machine, perhaps cut off. What the core does not hold is taken from the ELF files
 * that were mapped, and from no other: their build-id stands in the core.
 */
#ifndef INSPECTOR_TARGET_CORE_H
#define INSPECTOR_TARGET_CORE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct core_context;
struct origin;

/* What a person may say of a core; borrowed strings. */
struct core_request {
	const char *exe;     /* the program, or the library that holds its interpreter; or NULL */
	const char *sysroot; /* folder below which the process's files lie, or NULL: ours */
	const char *tmp;     /* folder to unpack in; NULL: $TMPDIR, else /var/tmp */
	uint64_t max_tmp;    /* bytes to unpack at most; 0: half of what is free there */
};

/* What came of a file given by hand for an object whose build-id the core does not hold. */
enum core_by_hand {
	CORE_BY_HAND_NONE, /* there is none, or it was not needed */
	CORE_BY_HAND_USED,
	CORE_BY_HAND_UNFIT, /* its segments do not lie as the core's mappings do */
};

struct core_summary {
	const char *packing; /* "gzip"; "": it is plain */
	uint64_t packed_size, size;
	const char *damage; /* why unpacking ended early, or NULL */
	bool by_gdb;        /* its notes come last, as gdb's gcore writes them */
	uint64_t
		whole_size; /* bytes that the file should have at least; more than size: it is cut off */
	uint64_t lost_size; /* bytes of memory that should be in the file and are not */
	uint64_t n_headers, n_cut_headers; /* program headers, and those that are cut off */
	size_t n_full, n_partial, n_empty; /* segments by how much of them was dumped */
	uint64_t n_refused;                /* segments, notes, mappings that make no sense */
	bool has_info, has_files, has_auxv, notes_cut;
	bool has_private; /* private memory that was written is there (coredump_filter's bit 0) */
	size_t n_objects; /* mapped files whose ELF header is there (bit 4) */
	enum core_by_hand by_hand;
	const struct core_context *context; /* systemd-coredump's (core_file.h); borrowed */
};

/* Opens a core as the origin of a target, which then owns it. As core_file_open and core_elf_read. */
struct error *core_origin(const char *path, const struct core_request *request,
			  struct origin *ret) MUST_CHECK;

/* What kind of core it is and what it lacks; by_hand and n_objects once it has a space. NULL: the
 * origin is no core. Borrowed. */
const struct core_summary *core_summary(const struct origin *origin);

#endif
