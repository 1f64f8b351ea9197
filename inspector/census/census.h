/*
 * census: what is in every allocated block, as facts. Part of a snapshot.
 *
 *	blocks = objects + buffers + free listed + unexplained       those of the small-object allocator
 *
 * A buffer belongs to an owner: list items, a dict's keys, what some object alone points to. Its bytes are told with
 * its owner's type.
 */
#ifndef INSPECTOR_CENSUS_CENSUS_H
#define INSPECTOR_CENSUS_CENSUS_H

#include "base/raddr.h"
#include "base/vec.h"

#include <stdbool.h>

struct census_row {
	char *name; /* of the type: "app.Session", "dict", "dict of app.Session"; owned, foreign */
	raddr type; /* of its type object: several types of one name are several rows */
	uint32_t n_namesakes; /* other type objects of the same name */
	uint64_t count;
	uint64_t bytes;                      /* sizes of their blocks (of chunks for large ones) */
	uint64_t buffer_count, buffer_bytes; /* of what they own */
	uint64_t large_count, large_bytes;   /* of those, outside of the small-object allocator */
	uint64_t arenas; /* that hold at least one of them or of their buffers */
	uint64_t dead;   /* kept in free lists: not in count */
};

/* Buffers by what they are, over all owners. */
struct census_buffer {
	const char *kind; /* static: part_kind_name(), "generic" */
	uint64_t count, bytes;
};

/* Dicts with the same keys, in order. */
struct census_signature {
	VEC(char *) keys; /* the first few, owned, foreign; empty where they are secret */
	uint64_t n_keys;  /* of each such dict */
	bool attributes;  /* they are attribute names: of instances, modules, classes */
	uint64_t count, bytes;
};

/* Arrays by what they hold. */
struct census_array {
	char *type; /* "numpy.ndarray", "pandas.core.frame.DataFrame"; owned, foreign */
	char *dtype; /* "float64", of a DataFrame "2 float64 + 1 object"; owned, foreign; NULL: not known */
	uint64_t shape[8];
	uint32_t n_shape; /* dimensions; more than 8 are told as 8 */
	uint64_t count, data_bytes;
};

/* With contents: strings that are there more than once, and the largest. */
struct census_string {
	char *text;            /* its beginning, owned, foreign */
	uint64_t length;       /* characters */
	uint64_t count, bytes; /* of all of them */
};

struct census {
	bool filled; /* false: it was not asked for, or could not be made (a doubt says why) */
	uint64_t blocks, objects, buffers, free_listed,
		unexplained; /* of the small-object allocator */
	uint64_t blocks_bytes, unexplained_bytes;
	uint64_t large_objects,
		large_bytes; /* elsewhere: recognised through references, or by their chunk */
	uint64_t arenas;     /* all there are */
	VEC(struct census_row) types; /* most bytes with buffers first */
	VEC(struct census_buffer) buffer_kinds;
	VEC(struct census_signature) signatures; /* most bytes first; the largest thousand */
	VEC(struct census_array) arrays;
	VEC(struct census_string) duplicates, largest;
	bool streamed;               /* memory was too small for a copy */
	uint64_t copied, read_again; /* bytes; of windows */
	uint64_t burst_us;           /* the copy took */
};

void census_fini(struct census *census);

#endif
