/*
 * core_notes: a chain of notes, each as long as it says of itself.
 *
 *	namesz descsz type │ "CORE" │ desc …     each part padded to 4 bytes
 *
 *	NT_FILE: count, unit │ start end offset │ … │ path\0 path\0 …
 *
 * Offsets there are in units that the note tells: pages by the kernel, bytes by gdb.
 * Layouts of the structures: include/linux/elfcore.h, x86-64.
 */
#include "inspector/target/core/core_notes.h"

#include "base/bytes.h"
#include "base/cleanup.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define NOTES_SIZE_MAX  (256 * MIB) /* 60,000 threads have about so much */
#define DESC_SIZE_MAX   (64 * MIB)  /* the kernel's own limit is 4 MiB */
#define FILE_HEAD_SIZE  16
#define FILE_ENTRY_SIZE 24

/* elf_prpsinfo: uid, pid, fname, psargs; elf_prstatus and siginfo: the signal. */
#define INFO_UID      16
#define INFO_PID      24
#define INFO_COMM     40
#define INFO_ARGS     56
#define INFO_SIZE     136
#define STATUS_SIZE   16
#define STATUS_SIGNAL 12 /* pr_cursig, a short */
#define STATUS_TID    32
#define STATUS_STACK  264 /* pr_reg, struct user_regs_struct: rsp */
#define STATUS_THREAD 280 /* fs_base */
#define STATUS_WHOLE  336

struct note {
	uint32_t name_size, desc_size, type;
	uint64_t desc; /* offset in the file */
};

/* ---- who ------------------------------------------------------------------------------- */

static void take_info(struct core_notes *notes, const uint8_t *desc, size_t size)
{
	struct bytes info = bytes_of(desc, size);
	if (size < INFO_SIZE || notes->has_info) {
		notes->n_refused++;
		return;
	}
	notes->has_info = true;
	notes->uid = bytes_u32(&info, INFO_UID);
	notes->pid = (pid_t)bytes_u32(&info, INFO_PID);
	memcpy(notes->comm, desc + INFO_COMM, CORE_COMM_SIZE);
	memcpy(notes->args, desc + INFO_ARGS, CORE_ARGS_SIZE);
	if (notes->pid < 0)
		notes->pid = 0;
}

/* One for each thread; the first is of the thread that the signal hit. */
static struct error *take_status(struct core_notes *notes, const uint8_t *desc, size_t size)
{
	struct bytes status = bytes_of(desc, size);
	if (size < STATUS_SIZE) {
		notes->n_refused++;
		return NULL;
	}
	if (notes->n_threads++ == 0)
		notes->signal = (int)bytes_unsigned(&status, STATUS_SIGNAL, 2);
	if (size < STATUS_WHOLE)
		return NULL;
	struct thread *thread = vec_push(&notes->threads.list);
	if (!thread)
		return error_out_of_memory();
	*thread = (struct thread){.tid = (pid_t)(bytes_u32(&status, STATUS_TID) & INT32_MAX),
				  .pointer = bytes_raddr(&status, STATUS_THREAD),
				  .stack = bytes_raddr(&status, STATUS_STACK)};
	return NULL;
}

static void take_auxv(struct core_notes *notes, const uint8_t *desc, size_t size)
{
	struct bytes auxv = bytes_of(desc, size);
	notes->has_auxv = true;
	for (size_t at = 0; at + 16 <= size; at += 16) {
		uint64_t type = bytes_u64(&auxv, at);
		if (type == AT_NULL)
			break;
		if (type == AT_PHDR)
			notes->program_headers = bytes_raddr(&auxv, at + 8);
		else if (type == AT_ENTRY)
			notes->entry = bytes_raddr(&auxv, at + 8);
	}
}

/* ---- mapped files ---------------------------------------------------------------------- */

static int compare_starts(const void *a, const void *b)
{
	const struct core_mapping *x = a, *y = b;
	return raddr_compare(x->start, y->start);
}

static int compare_paths(const void *a, const void *b)
{
	const struct core_mapping *x = a, *y = b;
	int order = strcmp(x->path, y->path);
	return order ? order : raddr_compare(x->start, y->start);
}

/* Equal paths get one id; then by address, without those that overlap. */
static void put_in_order(struct core_notes *notes)
{
	struct core_mapping *items = notes->mappings.items;
	size_t n = notes->mappings.count, kept = 0;
	raddr end = RADDR_NULL;
	if (n == 0)
		return;
	qsort(items, n, sizeof(*items), compare_paths);
	for (size_t i = 0; i < n; i++)
		items[i].id = i && strcmp(items[i].path, items[i - 1].path) == 0 ? items[i - 1].id
										 : i + 1;
	qsort(items, n, sizeof(*items), compare_starts);
	for (size_t i = 0; i < n; i++) {
		if (raddr_compare(items[i].start, end) < 0) {
			notes->n_refused++;
			continue;
		}
		end = raddr_plus(items[i].start, items[i].size);
		items[kept++] = items[i];
	}
	notes->mappings.count = kept;
}

static struct error *add_mapping(struct core_notes *notes, struct bytes *desc, uint64_t i,
				 uint64_t unit, const char *path)
{
	size_t at = FILE_HEAD_SIZE + (size_t)i * FILE_ENTRY_SIZE;
	uint64_t start = bytes_u64(desc, at), end = bytes_u64(desc, at + 8);
	uint64_t offset = size_multiply(bytes_u64(desc, at + 16), unit);
	if (end <= start || offset == UINT64_MAX) {
		notes->n_refused++;
		return NULL;
	}
	struct core_mapping *mapping = vec_push(&notes->mappings);
	if (!mapping)
		return error_out_of_memory();
	*mapping = (struct core_mapping){
		.start = raddr_at(start),
		.size = end - start,
		.file_offset = offset,
		.path = path,
	};
	return NULL;
}

/* The note's own copy holds the paths: it is kept. */
static struct error *take_files(struct core_notes *notes, uint8_t **buffer, size_t size)
{
	struct bytes desc = bytes_of(*buffer, size);
	uint64_t count = bytes_u64(&desc, 0), unit = bytes_u64(&desc, 8);
	uint64_t table = size_add(FILE_HEAD_SIZE, size_multiply(count, FILE_ENTRY_SIZE));
	if (notes->has_files || size < FILE_HEAD_SIZE || table > size) {
		notes->n_refused++;
		return NULL;
	}
	notes->has_files = true;
	notes->paths = (char *)take(*buffer);
	size_t at = (size_t)table;
	for (uint64_t i = 0; i < count; i++) {
		const char *path = notes->paths + at;
		size_t length = strnlen(path, size - at);
		if (at + length >= size) { /* without its end */
			notes->n_refused += count - i;
			break;
		}
		struct error *err = add_mapping(notes, &desc, i, unit, path);
		if (err)
			return err;
		at += length + 1;
	}
	put_in_order(notes);
	return NULL;
}

/* ---- the chain ------------------------------------------------------------------------- */

static bool is_wanted(uint32_t type)
{
	return type == NT_PRSTATUS || type == NT_PRPSINFO || type == NT_AUXV || type == NT_FILE;
}

static struct error *take_note(struct core_file *file, const struct note *note,
			       struct core_notes *notes)
{
	size_t size = note->desc_size;
	if (size == 0 || size > DESC_SIZE_MAX) {
		notes->n_refused++;
		return NULL;
	}
	if (note->desc > file->size || size > file->size - note->desc) {
		notes->n_cut = 1;
		return NULL;
	}
	/* One byte more: what is text ends. */
	_cleanup_(free_pointer) uint8_t *desc = calloc(1, size + 1);
	if (!desc)
		return error_out_of_memory();
	struct error *err = core_file_scan(file, note->desc, desc, size);
	if (err)
		return err;
	if (note->type == NT_FILE)
		return take_files(notes, &desc, size);
	if (note->type == NT_PRPSINFO)
		take_info(notes, desc, size);
	else if (note->type == NT_AUXV)
		take_auxv(notes, desc, size);
	else
		return take_status(notes, desc, size);
	return NULL;
}

/* "CORE" is the kernel's and gdb's name for all that is looked for here. */
static struct error *is_named_core(struct core_file *file, uint64_t at, const struct note *note,
				   bool *ret)
{
	char name[5];
	*ret = false;
	if (note->name_size != sizeof(name))
		return NULL;
	struct error *err = core_file_scan(file, at, name, sizeof(name));
	*ret = !err && memcmp(name, "CORE", sizeof(name)) == 0;
	return err;
}

static struct error *read_chain(struct core_file *file, const struct core_notes_place *place,
				struct core_notes *notes)
{
	uint64_t end = size_add(place->offset, size_min(place->size, NOTES_SIZE_MAX));
	for (uint64_t at = place->offset; at < end && end - at >= sizeof(Elf64_Nhdr);) {
		Elf64_Nhdr header;
		bool named;
		struct error *err = core_file_scan(file, at, &header, sizeof(header));
		if (err)
			return err;
		struct note note = {header.n_namesz, header.n_descsz, header.n_type, 0};
		at += sizeof(header);
		note.desc = size_add(at, size_align_up(note.name_size, 4));
		err = is_named_core(file, at, &note, &named);
		if (!err && named && is_wanted(note.type))
			err = take_note(file, &note, notes);
		if (err)
			return err;
		at = size_add(note.desc, size_align_up(note.desc_size, 4));
	}
	return NULL;
}

struct error *core_notes_read(struct core_file *file, const struct core_elf *elf,
			      struct core_notes *ret)
{
	*ret = CORE_NOTES_EMPTY;
	for (size_t i = 0; i < elf->n_notes; i++) {
		struct error *err = read_chain(file, &elf->notes[i], ret);
		if (error_catch(&err, ERROR_FAULT))
			ret->n_cut = 1;
		if (err)
			return err;
	}
	return NULL;
}

void core_notes_fini(struct core_notes *notes)
{
	vec_fini(&notes->mappings);
	threads_fini(&notes->threads);
	free(notes->paths);
	*notes = CORE_NOTES_EMPTY;
}

const struct core_mapping *core_notes_find(const struct core_notes *notes, raddr at)
{
	size_t low = 0, high = notes->mappings.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct core_mapping *mapping = &notes->mappings.items[middle];
		if (raddr_in(at, mapping->start, mapping->size))
			return mapping;
		if (raddr_compare(mapping->start, at) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
