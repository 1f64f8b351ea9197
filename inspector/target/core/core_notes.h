/*
 * core_notes: what a core tells of its process beside memory: who it was, and which
 * files were mapped where.
 */
#ifndef INSPECTOR_TARGET_CORE_NOTES_H
#define INSPECTOR_TARGET_CORE_NOTES_H

#include "base/raddr.h"
#include "base/vec.h"
#include "inspector/target/core/core_elf.h"
#include "inspector/target/threads.h"

#include <sys/types.h>

struct core_mapping {
	raddr start;
	uint64_t size;
	uint64_t file_offset; /* of start, bytes */
	const char *path;     /* foreign, unescaped; points into core_notes */
	uint64_t id;          /* 1 and up; equal for equal paths */
};

#define CORE_COMM_SIZE 16
#define CORE_ARGS_SIZE 80

struct core_notes {
	bool has_info, has_files, has_auxv; /* NT_PRPSINFO, NT_FILE, NT_AUXV */
	pid_t pid;
	uid_t uid;
	char comm[CORE_COMM_SIZE + 1]; /* foreign */
	char args[CORE_ARGS_SIZE + 1]; /* the arguments' first 80 bytes, blanks between; foreign */
	uint64_t n_threads;            /* notes of registers */
	struct threads threads;        /* as those tell; without names */
	int signal;                    /* 0: none */
	raddr program_headers, entry; /* of the program, from the auxiliary vector; NULL: unknown */
	VEC(struct core_mapping) mappings; /* ascending, disjoint */
	char *paths;                       /* what they point to */
	uint64_t n_cut;     /* notes that the file's end cuts off; 1 for any number */
	uint64_t n_refused; /* notes and mappings that make no sense */
};

#define CORE_NOTES_EMPTY ((struct core_notes){.pid = 0})

/* Reads all notes. What is missing or damaged is counted and left out; *ret is to be core_notes_fini()d
 * in every case. ERROR_RESOURCE. */
struct error *core_notes_read(struct core_file *file, const struct core_elf *elf,
			      struct core_notes *ret) MUST_CHECK;
void core_notes_fini(struct core_notes *notes);

/* The mapping that holds an address, or NULL. */
const struct core_mapping *core_notes_find(const struct core_notes *notes, raddr at);

#endif
