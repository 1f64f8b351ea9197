/*
 * python_build: all that files say about one build of CPython, the door of this
 * room.
 *
 * In: a descriptor of the module's file, opened by whoever sees the process, its
 * build-id as read from memory, and the roots below which debug files may lie.
 * Out: the layout table, checked, and how each part was found.
 */
#ifndef SYMBOLS_PYTHON_BUILD_H
#define SYMBOLS_PYTHON_BUILD_H

#include "base/error.h"
#include "base/vec.h"
#include "symbols/bare/pool_pattern.h"
#include "symbols/elf/elf_image.h"
#include "symbols/layout.h"

struct python_build_request {
	int file;                    /* the module's file, or -1 when no file could be had */
	const char *path;            /* its path for messages and for debuglink */
	struct build_id build_id;    /* as read from memory; size 0: unverified */
	int target_root;             /* directory descriptor of the target's root, or -1 */
	const char *symbols;         /* --symbols FILE|DIR, or NULL */
	const char *debuginfo_cache; /* debuginfod client cache folder, or NULL: do not look */
	const char *cache_dir;       /* where tables are kept, or NULL: --no-cache */
	uint64_t max_memory;         /* bytes that reading DWARF may take, at most; 0: no limit */
	bool cache_only;             /* answer from the cache or not at all: no fork, no ELF read */

	/* Where the version is read from when file is -1 (a deleted library): the module in
	 * memory. Only pages that its dynamic symbols and constants lie in are asked for. */
	elf_read_fn *read; /* or NULL */
	void *read_context;
	const struct elf_image *image;
};

/* What was tried and what came of it, for `doctor`: a line each, foreign text already escaped. */
struct python_build_trial {
	char *what;   /* "debug file by build-id in the target's root: /usr/lib/debug/…" */
	char *result; /* "used", "no such file", "refused: another build (build-id 1234…)" */
	bool used;
};

struct python_build {
	char version[32]; /* "3.11.2", "3.13.0rc1+"; "" where nothing says */
	uint32_t
		version_hex; /* PY_VERSION_HEX, 0x030b02f0; release level and serial 0 if unknown */
	bool debug_build;    /* --with-pydebug */
	bool free_threaded;  /* 3.13t and on */
	struct layout layout;          /* layout_check has passed */
	enum provenance layout_source; /* weakest of the struct entries */
	enum provenance roots_source;  /* weakest of the variables' addresses */
	char *debug_file; /* path of the separate debug file, or NULL: none needed; unescaped */
	bool used_cache;
	bool no_debug_info; /* the table holds only what else could be found: what a look needs may
	                       be absent, and memory has to tell it */
	char *why;          /* the debug information was not usable, escaped; NULL: there is none */
	bool no_room;       /* it was there, but more than max_memory would have been needed */
	bool unverified;    /* no debug information, and a version that the built-in table does not
	                    know: its allocator's structs are assumed to be the newest known ones */
	struct pool_pattern pools; /* no debug information: where the module has pymalloc's table of
	                              pools, up to 3.12; memory has to bear it out */
	VEC(struct python_build_trial) trials;
};

/*
 * Fills *ret. Reads ELF and DWARF in a child forked here: call before any thread exists. A table
 * from the cache costs no fork. request->symbols comes first in the search and switches the cache
 * off: a table made from a hand-given file must not answer for the build later.
 * Without usable debug information it still succeeds: no_debug_info is set, and the table is
 * filled, each part by the first that tells: .symtab, .dynsym, the section .PyRuntime, the cookie
 * of _Py_DebugOffsets, _Py_DebugOffsets, exported functions' code, the built-in table
 * (bare_build.h). Such a table is not kept.
 * ERROR_SYMBOLS: with cache_only, no table of this build is kept. ERROR_RESOURCE. The trials are
 * filled even then, so *ret must be python_build_fini()d in every case.
 * A build without pymalloc (no struct arena_object in its DWARF) is no error: those entries are
 * absent.
 */
struct error *python_build_resolve(const struct python_build_request *request,
				   struct python_build *ret) MUST_CHECK;

/* The error for who cannot do without the debug information that was not found: ERROR_SYMBOLS with
 * why, and what to install as the remedy. To be asked only where build->no_debug_info. */
struct error *python_build_no_symbols(const struct python_build_request *request,
				      const struct python_build *build) MUST_CHECK;

/* Sets layout_source and roots_source anew from the table, for who has added entries to it. */
void python_build_weigh(struct python_build *build);

/*
 * Fills only version, version_hex, debug_build and free_threaded of *ret (zeroed first), from the
 * file's own constants: no DWARF, no fork, a few dozen small reads (up to 3.10: one pass over the
 * read-only segments). python_build_fini() is harmless but not needed.
 * ERROR_SYMBOLS: it does not say; ERROR_UNSUPPORTED: not an ELF object of this machine.
 */
struct error *python_build_version(int file, struct python_build *ret) MUST_CHECK;

void python_build_fini(struct python_build *build);

#endif
