/*
 * space: the target's memory: sorted regions and one way to read.
 *
 * Wrap-around, holes and partial reads are handled here and nowhere else. Below
 * it lies a source: a live process, a core, a snapshot, a test's fixture.
 */
#ifndef INSPECTOR_TARGET_SPACE_H
#define INSPECTOR_TARGET_SPACE_H

#include "base/error.h"
#include "base/raddr.h"
#include "base/vec.h"
#include "inspector/target/residency/residency.h"

#include <stddef.h>

enum region_kind { REGION_ANON, REGION_FILE, REGION_HEAP, REGION_STACK, REGION_SPECIAL };

struct region {
	raddr start;
	uint64_t size;
	bool readable, writable, executable, shared;
	enum region_kind kind;
	uint64_t file_offset;   /* of start, in the file */
	uint64_t device, inode; /* as stat(2) has them, but for file systems like btrfs */
	char *label;            /* path or [heap]; foreign, unescaped; NULL for anonymous memory */
	bool deleted;           /* the file's name is gone or means another file now */
	bool unverified; /* of a core: its file was given by hand and could not be compared */
};

/*
 * A strided gather: `count` pieces of `size` bytes, the first at start, each `stride` bytes after
 * the one before; copied one behind the other to bytes[]. got[i] says what came of piece i.
 */
enum slice_got {
	SLICE_UNREADABLE,
	SLICE_READ,
	SLICE_ABSENT /* not present or swapped: not touched */
};

struct space_slice {
	raddr start;
	uint64_t stride;
	size_t size;
	size_t count;
	uint8_t *bytes; /* count * size, the caller's */
	uint8_t *got;   /* count of enum slice_got, the caller's */
};

struct space_ops {
	/* Reads exactly size bytes inside one mapped stretch, or fails with ERROR_FAULT or ERROR_GONE. */
	struct error *(*read)(void *source, raddr at, void *buffer, size_t size);
	/* Fills the slices, whose got[] comes in as SLICE_UNREADABLE; absent pages by `residency`
	 * are left alone. NULL: done through read. */
	struct error *(*gather)(void *source, struct space_slice *slices, size_t n,
				const struct residency *residency);
	/* Adds what is resident in the range to *ret, in small steps. NULL: residency is unknown. */
	struct error *(*residency)(void *source, raddr start, uint64_t size, struct residency *ret);
	/* The same with traits of the pages, at a price. NULL: as residency, without. */
	struct error *(*residency_in_detail)(void *source, raddr start, uint64_t size,
					     struct residency *ret);
	/* Names the file behind a region: see space_back. NULL: this source needs none. */
	struct error *(*back)(void *source, const struct region *region, int fd);
	void (*close)(void *source);
};

/* Hears what is read: every range of space_read, and every piece of a gather that is a slice of its
 * own. It may not read. */
struct space_tap {
	void (*hear)(void *context, raddr at, const void *bytes, size_t size);
	void *context;
};

/* Whether all of it is of one moment. */
enum space_moment {
	SPACE_UNKNOWN, /* a running target, or a file that does not say */
	SPACE_ONE,     /* it stood still while it was copied */
	SPACE_MANY,    /* it was seen to change meanwhile */
};

struct space {
	VEC(struct region) regions; /* ascending, disjoint */
	uint64_t mapped_size;       /* bytes of all readable regions: the budget of every loop */
	const struct space_ops *ops;
	void *source;
	const struct space_tap *tap; /* borrowed; NULL: nobody listens */
	enum space_moment moment;
};

#define SPACE_EMPTY              \
	{                        \
		.mapped_size = 0 \
	}

/* All of [at, at + size) or ERROR_FAULT, naming the first byte that is not there. */
struct error *space_read(struct space *space, raddr at, void *buffer, size_t size) MUST_CHECK;

/* The same, and nobody listens: for what may be secret. */
struct error *space_read_unheard(struct space *space, raddr at, void *buffer,
				 size_t size) MUST_CHECK;

/* Fills every slice as far as it can be read; an error only when nothing can be read any more
 * (the target is gone). residency may be NULL: then only unmapped pieces stay unread. */
struct error *space_gather(struct space *space, struct space_slice *slices, size_t n,
			   const struct residency *residency) MUST_CHECK;

/* Whether this space can tell; then adds the range's resident and swapped pages to *ret.
 * ERROR_FAULT for a range larger than all that is mapped: no honest one is. */
bool space_has_residency(const struct space *space);
struct error *space_residency(struct space *space, raddr start, uint64_t size,
			      struct residency *ret) MUST_CHECK;

/* The same with traits (residency.h), as far as this space can tell them. */
struct error *space_residency_in_detail(struct space *space, raddr start, uint64_t size,
					struct residency *ret) MUST_CHECK;

/*
 * Names the file behind a region, already checked to be the mapped one, so that pages that are not
 * in memory (or not in the core) can be taken from it; and those of all regions of the same device
 * and inode. The source keeps a duplicate of fd.
 */
struct error *space_back(struct space *space, const struct region *region, int fd) MUST_CHECK;

/* The region that holds an address, or NULL. */
const struct region *space_region(const struct space *space, raddr at);

/* Forgets the regions, keeps the source: before they are read anew. */
void space_clear_regions(struct space *space);

/* Closes the source and frees the regions; the space is empty afterwards. */
void space_fini(struct space *space);

#endif
