/*
 * module: the mapped object that holds the interpreter, found by what it defines
 * and never by its name: an executable, a libpython, a plugin.
 */
#ifndef INSPECTOR_MODULE_H
#define INSPECTOR_MODULE_H

#include "base/error.h"
#include "inspector/candidates.h"
#include "inspector/strangers.h"
#include "inspector/target/origin.h"
#include "inspector/target/space.h"
#include "symbols/elf/elf_image.h"
#include "symbols/elf/elf_variables.h"

/* What came of one way to the module's file, for `doctor`. */
struct module_trial {
	char *path;   /* foreign, unescaped */
	char *result; /* "used", "refused: another build (build-id …)" */
	bool used;
};

struct module {
	struct elf_image image;
	char *path;      /* as maps names it: foreign, unescaped */
	bool deleted;    /* the name is gone or means another file by now */
	int file;        /* the mapped file itself, its build-id checked; -1: none could be had */
	bool verified;   /* the build-ids were there to compare */
	bool by_hand;    /* they were not: the core lacks it, and a person named the file */
	size_t n_unseen; /* objects that may define a runtime: nothing was there to tell */
	char *unseen;    /* path of one of them, "python" in it if any has; foreign, unescaped */
	struct candidates candidates; /* all that define a runtime, this one included */
	size_t chosen;                /* its index there */
	VEC(struct module_trial) trials;
};

/*
 * Finds the module in a target and opens its file. Where several objects define a runtime,
 * candidates_choose() tells which, `wanted` being its. Passes over strangers, and adds those that it
 * meets. ERROR_UNSUPPORTED: none does, so it is not CPython. ERROR_USAGE: not the wanted one.
 */
struct error *module_find(const struct origin *origin, struct space *space,
			  struct strangers *strangers, const char *wanted,
			  struct module *ret) MUST_CHECK;

/* Names the file of any object that a running process maps to the space (space_back), if it can be
 * had; region: that maps the file's start. */
struct error *module_back(const struct origin *origin, struct space *space,
			  const struct region *region) MUST_CHECK;

/* The same for all ELF objects that are mapped, of a file's too where build-ids agree; no more than half of what may be
 * open. ERROR_GONE, ERROR_RESOURCE. */
struct error *module_back_all(const struct origin *origin, struct space *space) MUST_CHECK;

/* Opens the file of any mapped object, checked to be the mapped one: of a running process by its inode, else by the
 * build-id of the image in memory. region: that maps the file's start. *ret is the caller's, -1: it cannot be had. */
struct error *module_open_object(const struct origin *origin, const struct region *region,
				 const struct elf_image *image, int *ret) MUST_CHECK;

/* What an object that is mapped calls its variables, as its file tells or a snapshot has kept; none where nobody does. The
 * caller's to elf_variables_fini(). ERROR_RESOURCE, ERROR_BAD_FILE. */
struct error *module_variables(const struct origin *origin, const struct region *region,
			       const struct elf_image *image, struct elf_variables *ret) MUST_CHECK;

void module_fini(struct module *module);

#endif
