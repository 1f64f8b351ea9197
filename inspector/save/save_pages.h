/*
 * save_pages: which pages of a process are saved, and their way into the file.
 *
 * Saved are: what is present of private writable memory; of mapped ELF objects also what is only read
 * (headers, symbols, constants: where names of types lie), from the object's file where it is not
 * present. Not saved: code, shared memory, other mapped files, what is swapped out or was never
 * touched. Nothing of the process is touched that is not present.
 */
#ifndef INSPECTOR_SAVE_SAVE_PAGES_H
#define INSPECTOR_SAVE_SAVE_PAGES_H

#include "inspector/save/redact.h"
#include "inspector/target/origin.h"
#include "inspector/target/savefile/savefile_writer.h"

/* An ELF file that is mapped. */
struct save_object {
	uint64_t device, inode;
};

struct save_objects {
	VEC(struct save_object) list;
};

/* Finds the ELF objects, and names their files to the space. ERROR_GONE, ERROR_RESOURCE. */
struct error *save_objects_find(const struct origin *origin, struct space *space,
				struct save_objects *ret) MUST_CHECK;
/* Whether the start of one is mapped there. */
bool save_objects_begin(const struct save_objects *objects, const struct region *region);

void save_objects_fini(struct save_objects *objects);

struct save_estimate {
	uint64_t memory; /* bytes that would be saved */
	uint64_t file;   /* bytes that they would become, about */
};

/* Looks at residency, and tries to compress a few samples. ERROR_GONE, ERROR_RESOURCE. */
struct error *save_pages_estimate(struct space *space, const struct save_objects *objects,
				  struct savefile_writer *writer,
				  struct save_estimate *ret) MUST_CHECK;

struct save_pages_request {
	struct space *space;
	const struct save_objects *objects;
	struct savefile_writer *writer;
	struct redactor *redactor; /* NULL: nothing is blanked */
	/* Told now and then how many bytes of memory were saved; false: end it. */
	bool (*progress)(void *context, uint64_t done);
	void *context;
};

/* Writes all parts of memory; *ret_memory: bytes before they were compressed. ERROR_RESOURCE (also
 * when progress said so), ERROR_GONE. */
struct error *save_pages_write(const struct save_pages_request *request,
			       uint64_t *ret_memory) MUST_CHECK;

#endif
