/*
 * elf_section: ELF header -> section headers -> the names' section -> the name.
 *
 *	e_shoff ─▶ ┃ #0 ┃ #1 ┃ … ┃ #e_shstrndx ┃ …      64 bytes each
 *	                              └▶ "\0.text\0.data\0.PyRuntime\0…"
 *
 * Files with more sections than a header can count (#0 holds the number then) are no
 * CPython's, and are not understood here.
 */
#include "symbols/elf/elf_section.h"

#include "base/size.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define SECTIONS_MAX 1024
#define LONGEST_NAME 32

bool elf_section_bytes(int fd, uint64_t offset, void *buffer, size_t size)
{
	size_t done = 0;
	if (offset > INT64_MAX - size)
		return false;
	while (done < size) {
		ssize_t n = pread(fd, (char *)buffer + done, size - done, (off_t)(offset + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool read_section(int fd, const Elf64_Ehdr *h, unsigned index, Elf64_Shdr *ret)
{
	return elf_section_bytes(fd, size_add(h->e_shoff, index * sizeof(*ret)), ret, sizeof(*ret));
}

static bool is_named(int fd, const Elf64_Shdr *names, const Elf64_Shdr *section, const char *name)
{
	char found[LONGEST_NAME];
	size_t size = strlen(name) + 1;
	return size <= sizeof(found) && section->sh_name < names->sh_size &&
	       size <= names->sh_size - section->sh_name &&
	       elf_section_bytes(fd, size_add(names->sh_offset, section->sh_name), found, size) &&
	       !memcmp(found, name, size);
}

bool elf_section_find(int fd, const char *name, uint64_t *ret_vaddr, uint64_t *ret_size)
{
	Elf64_Ehdr h;
	Elf64_Shdr names, section, found = {0};
	if (!elf_section_bytes(fd, 0, &h, sizeof(h)) || memcmp(h.e_ident, ELFMAG, SELFMAG) != 0 ||
	    h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_shoff == 0 ||
	    h.e_shentsize != sizeof(section) || h.e_shnum > SECTIONS_MAX ||
	    h.e_shstrndx >= h.e_shnum || !read_section(fd, &h, h.e_shstrndx, &names))
		return false;
	for (unsigned i = 1; i < h.e_shnum; i++) {
		if (!read_section(fd, &h, i, &section))
			return false;
		if (!(section.sh_flags & SHF_ALLOC) || !is_named(fd, &names, &section, name))
			continue;
		if (found.sh_addr)
			return false;
		found = section;
	}
	if (!found.sh_addr)
		return false;
	*ret_vaddr = found.sh_addr;
	*ret_size = found.sh_size;
	return true;
}
