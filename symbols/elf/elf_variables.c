/*
 * elf_variables: section headers -> the symbol table -> its strings.
 *
 *	e_shoff ─▶ ┃ … ┃ .symtab, sh_link ┃ … ┃ .strtab ┃
 *	                 └▶ ┃ name │ OBJECT │ value │ size ┃ …	24 bytes each
 *
 * Functions, sections, thread-local variables (their values are no addresses) and what another file defines are left out.
 */
#include "symbols/elf/elf_variables.h"

#include "base/cleanup.h"
#include "symbols/elf/elf_section.h"

#include <elf.h>
#include <string.h>

#define SECTIONS_MAX 1024
#define SYMBOLS_MAX  (UINT64_C(1) << 20)
#define NAMES_MAX    (64 * MIB)
#define PIECE        ((size_t)1024) /* symbols read at once */

static bool read_header(int fd, Elf64_Ehdr *ret)
{
	return elf_section_bytes(fd, 0, ret, sizeof(*ret)) &&
	       memcmp(ret->e_ident, ELFMAG, SELFMAG) == 0 && ret->e_ident[EI_CLASS] == ELFCLASS64 &&
	       ret->e_shoff && ret->e_shentsize == sizeof(Elf64_Shdr) &&
	       ret->e_shnum <= SECTIONS_MAX;
}

static bool read_section(int fd, const Elf64_Ehdr *h, unsigned index, Elf64_Shdr *ret)
{
	return index < h->e_shnum &&
	       elf_section_bytes(fd, size_add(h->e_shoff, index * sizeof(*ret)), ret, sizeof(*ret));
}

/* The symbol table, and its strings. */
static bool find_table(int fd, Elf64_Shdr *ret_table, Elf64_Shdr *ret_names)
{
	Elf64_Ehdr h;
	Elf64_Shdr section, table = {0};
	if (!read_header(fd, &h))
		return false;
	for (unsigned i = 1; i < h.e_shnum && table.sh_type != SHT_SYMTAB; i++) {
		if (!read_section(fd, &h, i, &section))
			return false;
		if (section.sh_type == SHT_SYMTAB || section.sh_type == SHT_DYNSYM)
			table = section;
	}
	*ret_table = table;
	return table.sh_type != SHT_NULL && table.sh_entsize == sizeof(Elf64_Sym) &&
	       read_section(fd, &h, table.sh_link, ret_names) && ret_names->sh_size &&
	       ret_names->sh_size <= NAMES_MAX;
}

static struct error *read_names(int fd, const Elf64_Shdr *section, struct elf_variables *v)
{
	char last;
	/* Nothing is allocated for what the file does not have. */
	if (!elf_section_bytes(fd, size_add(section->sh_offset, section->sh_size - 1), &last, 1))
		return NULL;
	v->names = malloc(section->sh_size);
	if (!v->names)
		return error_out_of_memory();
	if (elf_section_bytes(fd, section->sh_offset, v->names, section->sh_size)) {
		v->names_size = section->sh_size;
		v->names[v->names_size - 1] = '\0';
	}
	return NULL;
}

static struct error *add_symbol(struct elf_variables *v, const Elf64_Sym *symbol)
{
	if (ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT || symbol->st_shndx == SHN_UNDEF ||
	    symbol->st_shndx >= SHN_LORESERVE || !symbol->st_size ||
	    symbol->st_name >= v->names_size || !v->names[symbol->st_name])
		return NULL;
	struct elf_variable *variable = vec_push(&v->list);
	if (!variable)
		return error_out_of_memory();
	*variable = (struct elf_variable){symbol->st_value, symbol->st_size, symbol->st_name};
	return NULL;
}

static struct error *read_symbols(int fd, const Elf64_Shdr *table, struct elf_variables *v)
{
	Elf64_Sym piece[PIECE];
	uint64_t n = size_min(table->sh_size / sizeof(*piece), SYMBOLS_MAX);
	struct error *err = NULL;
	for (uint64_t done = 0; done < n && !err;) {
		size_t here = (size_t)size_min(n - done, PIECE);
		uint64_t offset = size_add(table->sh_offset, done * sizeof(*piece));
		if (!elf_section_bytes(fd, offset, piece, here * sizeof(*piece)))
			break;
		for (size_t i = 0; i < here && !err; i++)
			err = add_symbol(v, &piece[i]);
		done += here;
	}
	return err;
}

/* Of several with one address the larger one first: the last that holds a place is the closest. */
static int by_address(const void *a, const void *b)
{
	const struct elf_variable *x = a, *y = b;
	if (x->vaddr != y->vaddr)
		return x->vaddr < y->vaddr ? -1 : 1;
	return (x->size < y->size) - (x->size > y->size);
}

struct error *elf_variables_read(int fd, struct elf_variables *ret)
{
	_cleanup_(elf_variables_fini) struct elf_variables v = ELF_VARIABLES_EMPTY;
	Elf64_Shdr table, names;
	if (!find_table(fd, &table, &names)) {
		*ret = ELF_VARIABLES_EMPTY;
		return NULL;
	}
	struct error *err = read_names(fd, &names, &v);
	err = err ?: read_symbols(fd, &table, &v);
	if (err)
		return err;
	if (v.list.count)
		qsort(v.list.items, v.list.count, sizeof(*v.list.items), by_address);
	*ret = v;
	v = ELF_VARIABLES_EMPTY;
	return NULL;
}

const char *elf_variables_find(const struct elf_variables *v, uint64_t vaddr, size_t *ret_length)
{
	size_t low = 0, high = v->list.count; /* the first that begins above */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (v->list.items[middle].vaddr <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || vaddr - v->list.items[low - 1].vaddr >= v->list.items[low - 1].size)
		return NULL;
	const char *name = v->names + v->list.items[low - 1].name;
	*ret_length = strcspn(name, ".");
	return *ret_length ? name : NULL;
}

void elf_variables_fini(struct elf_variables *v)
{
	vec_fini(&v->list);
	free(v->names);
	v->names = NULL;
	v->names_size = 0;
}
