/*
 * core_elf: read by hand, since libelf stays in symbols/ and a core is only this:
 *
 *	ehdr | phdr phdr phdr … | notes | memory │ memory │ …   | shdr 0     by the kernel
 *	ehdr | phdr phdr phdr … | memory │ memory │ … | notes   | shdrs      by gdb
 *
 * From 65,535 program headers on their number does not fit the ELF header and stands
 * in section header 0, the last thing in the file. Where that is cut off, a kernel's
 * notes still tell: they begin where the program headers end.
 */
#include "inspector/target/core/core_elf.h"

#include "base/cleanup.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

static struct error *check_header(const Elf64_Ehdr *ehdr)
{
	if (ehdr->e_ident[EI_CLASS] != ELFCLASS64 || ehdr->e_ident[EI_DATA] != ELFDATA2LSB ||
	    ehdr->e_machine != EM_X86_64)
		return error_new(
			ERROR_UNSUPPORTED,
			"it is a core of another machine (ELF machine %u, %s): only x86-64 "
			"can be read",
			(unsigned)ehdr->e_machine,
			ehdr->e_ident[EI_CLASS] == ELFCLASS32 ? "32 bits" : "64 bits");
	if (ehdr->e_phnum && ehdr->e_phentsize != sizeof(Elf64_Phdr))
		return error_new(ERROR_BAD_FILE, "its program headers are %u bytes long, not %zu",
				 (unsigned)ehdr->e_phentsize, sizeof(Elf64_Phdr));
	return NULL;
}

/* By fs/binfmt_elf.c of Linux 2.6.34 on: the notes are the first program header, and follow the last
 * one; 0: not so. */
static uint64_t count_by_notes(struct core_file *file, const Elf64_Ehdr *ehdr)
{
	Elf64_Phdr first;
	struct error *err = core_file_scan(file, ehdr->e_phoff, &first, sizeof(first));
	bool told = !err && first.p_type == PT_NOTE && first.p_offset > ehdr->e_phoff &&
		    (first.p_offset - ehdr->e_phoff) % sizeof(Elf64_Phdr) == 0;
	error_free(err);
	return told ? (first.p_offset - ehdr->e_phoff) / sizeof(Elf64_Phdr) : 0;
}

static struct error *count_headers(struct core_file *file, const Elf64_Ehdr *ehdr, uint64_t *ret)
{
	Elf64_Shdr section;
	uint64_t n = ehdr->e_phnum;
	if (n == PN_XNUM) {
		struct error *err = core_file_scan(file, ehdr->e_shoff, &section, sizeof(section));
		n = !err && ehdr->e_shoff ? section.sh_info : count_by_notes(file, ehdr);
		error_free(err);
	}
	if (n == 0)
		return error_new(ERROR_BAD_FILE, "it has no program headers, or their number is "
						 "cut off");
	if (n > CORE_SEGMENTS_MAX)
		return error_new(ERROR_BAD_FILE,
				 "it claims %" PRIu64 " segments, which is too much", n);
	*ret = n;
	return NULL;
}

/* ---- program headers ------------------------------------------------------------------- */

static bool fits(uint64_t start, uint64_t size)
{
	return size <= UINT64_MAX - start;
}

static struct error *add_segment(struct core_elf *elf, const Elf64_Phdr *phdr)
{
	if (phdr->p_memsz == 0)
		return NULL;
	if (!fits(phdr->p_vaddr, phdr->p_memsz) || !fits(phdr->p_offset, phdr->p_filesz) ||
	    phdr->p_filesz > phdr->p_memsz) {
		elf->n_refused++;
		return NULL;
	}
	struct core_segment *segment = vec_push(&elf->segments);
	if (!segment)
		return error_out_of_memory();
	*segment = (struct core_segment){
		.start = raddr_at(phdr->p_vaddr),
		.size = phdr->p_memsz,
		.filesz = phdr->p_filesz,
		.offset = phdr->p_offset,
		.readable = phdr->p_flags & PF_R,
		.writable = phdr->p_flags & PF_W,
		.executable = phdr->p_flags & PF_X,
	};
	return NULL;
}

static struct error *add_header(struct core_elf *elf, const Elf64_Phdr *phdr)
{
	if (phdr->p_type == PT_LOAD)
		return add_segment(elf, phdr);
	if (phdr->p_type == PT_NOTE && elf->n_notes < CORE_NOTES_MAX)
		elf->notes[elf->n_notes++] =
			(struct core_notes_place){phdr->p_offset, phdr->p_filesz};
	return NULL;
}

static struct error *read_headers(struct core_file *file, const Elf64_Ehdr *ehdr,
				  struct core_elf *elf)
{
	for (uint64_t i = 0; i < elf->n_headers; i++) {
		Elf64_Phdr phdr;
		uint64_t at = size_add(ehdr->e_phoff, i * sizeof(phdr));
		struct error *err = core_file_scan(file, at, &phdr, sizeof(phdr));
		if (error_catch(&err, ERROR_FAULT)) {
			elf->n_cut = elf->n_headers - i;
			return NULL;
		}
		err = err ?: add_header(elf, &phdr);
		if (err)
			return err;
	}
	return NULL;
}

/* ---- order ----------------------------------------------------------------------------- */

static int compare_starts(const void *a, const void *b)
{
	const struct core_segment *x = a, *y = b;
	return raddr_compare(x->start, y->start);
}

/* Of two that overlap the lower one is kept: no kernel writes such, so neither is to be believed
 * more. */
static void put_in_order(struct core_elf *elf)
{
	size_t kept = 0;
	raddr end = RADDR_NULL;
	if (elf->segments.count > 1)
		qsort(elf->segments.items, elf->segments.count, sizeof(*elf->segments.items),
		      compare_starts);
	for (size_t i = 0; i < elf->segments.count; i++) {
		const struct core_segment segment = elf->segments.items[i];
		if (raddr_compare(segment.start, end) < 0) {
			elf->n_refused++;
			continue;
		}
		end = raddr_plus(segment.start, segment.size);
		elf->segments.items[kept++] = segment;
	}
	elf->segments.count = kept;
}

struct error *core_elf_read(struct core_file *file, struct core_elf *ret)
{
	Elf64_Ehdr ehdr;
	*ret = CORE_ELF_EMPTY;
	struct error *err = core_file_scan(file, 0, &ehdr, sizeof(ehdr));
	if (err)
		return error_as(err, ERROR_BAD_FILE);
	err = check_header(&ehdr);
	err = err ?: count_headers(file, &ehdr, &ret->n_headers);
	err = err ?: read_headers(file, &ehdr, ret);
	if (err)
		return err;
	put_in_order(ret);
	return NULL;
}

void core_elf_fini(struct core_elf *elf)
{
	vec_fini(&elf->segments);
	*elf = CORE_ELF_EMPTY;
}

const struct core_segment *core_elf_find(const struct core_elf *elf, raddr at)
{
	size_t low = 0, high = elf->segments.count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct core_segment *segment = &elf->segments.items[middle];
		if (raddr_in(at, segment->start, segment->size))
			return segment;
		if (raddr_compare(segment->start, at) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
