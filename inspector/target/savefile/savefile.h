/*
 * savefile: a snapshot file as a target: what a process was when it was saved.
 *
 * All of it is hostile until it has been checked. On opening every checksum of the file is checked,
 * so that a damaged one is refused and never half believed; memory is then read part by part, as it
 * is asked for.
 */
#ifndef INSPECTOR_TARGET_SAVEFILE_H
#define INSPECTOR_TARGET_SAVEFILE_H

#include "inspector/target/account.h"
#include "inspector/target/facts.h"
#include "inspector/target/origin.h"
#include "inspector/target/residency/residency.h"
#include "inspector/target/savefile/savefile_format.h"
#include "inspector/target/space.h"
#include "symbols/elf/elf_variables.h"

/* What is known beside memory, regions and residency. */
struct savefile_facts {
	struct facts facts;
	struct account account; /* rss, peak_rss and swap of it are those of facts */
	enum space_moment moment;
};

void savefile_facts_fini(struct savefile_facts *facts);

struct savefile;

/* Opens and checks. ERROR_BAD_FILE: no snapshot, cut short, damaged; ERROR_RESOURCE: not readable. */
struct error *savefile_open(const char *path, struct savefile **ret) MUST_CHECK;

/* The same of an open file, which is then the savefile's, also on failure. */
struct error *savefile_from(int fd, struct savefile **ret) MUST_CHECK;
void savefile_close(struct savefile *file); /* takes NULL */

/* The same as the origin of a target, which then owns it. */
struct error *savefile_origin(const char *path, struct origin *ret) MUST_CHECK;

/* Its regions and memory. The file must outlive the space. ERROR_BAD_FILE. */
struct error *savefile_space(struct savefile *file, struct space *ret) MUST_CHECK;

/* The caller's to savefile_facts_fini(). ERROR_BAD_FILE. */
struct error *savefile_facts(struct savefile *file, struct savefile_facts *ret) MUST_CHECK;

/* The text of the resolved build (layout_text.h), with room for one byte more; the caller's. */
struct error *savefile_build(struct savefile *file, char **ret, size_t *ret_size) MUST_CHECK;

/* What the object whose image starts there calls its variables; the caller's to elf_variables_fini(). ERROR_BAD_FILE. */
struct error *savefile_variables(struct savefile *file, raddr start,
				 struct elf_variables *ret) MUST_CHECK;

/* Whether contents were blanked when it was made. */
bool savefile_is_redacted(const struct savefile *file);

/* ---- for savefile_memory ------------------------------------------------------------------ */

/* The parts of a kind: the first of them, and how many; borrowed. */
const struct savefile_part *savefile_parts(const struct savefile *file, enum savefile_kind kind,
					   size_t *ret_n);

/* Unpacks one part to `to`, which has room for its size. ERROR_BAD_FILE. */
struct error *savefile_unpack(struct savefile *file, const struct savefile_part *part,
			      uint8_t *to) MUST_CHECK;

#endif
