/* core_maker: see its header. */
#include "core_maker.h"

#include "base/cleanup.h"
#include "base/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

void core_maker_load(struct core_maker *m, uint64_t start, uint64_t size, uint64_t filesz,
		     uint32_t flags)
{
	assert_true(m->n_loads < CORE_MAKER_LOADS);
	m->loads[m->n_loads++] = (Elf64_Phdr){
		.p_type = PT_LOAD,
		.p_flags = flags,
		.p_vaddr = start,
		.p_filesz = filesz,
		.p_memsz = size,
	};
}

void core_maker_note(struct core_maker *m, uint32_t type, const void *desc, size_t size)
{
	const Elf64_Nhdr header = {5, (Elf64_Word)size, type};
	text_add_bytes(&m->notes, (const char *)&header, sizeof(header));
	text_add_bytes(&m->notes, "CORE\0\0\0", 8);
	text_add_bytes(&m->notes, desc, size);
	text_add_bytes(&m->notes, "\0\0\0", (4 - size % 4) % 4);
}

void core_maker_files(struct core_maker *m, uint64_t unit, size_t n, const uint64_t (*triples)[3],
		      const char *paths, size_t paths_size)
{
	_cleanup_(text_fini) struct text desc = TEXT_EMPTY;
	const uint64_t head[2] = {n, unit};
	text_add_bytes(&desc, (const char *)head, sizeof(head));
	text_add_bytes(&desc, (const char *)triples, n * sizeof(*triples));
	text_add_bytes(&desc, paths, paths_size);
	core_maker_note(m, NT_FILE, desc.data, desc.length);
}

uint8_t core_maker_byte(uint64_t address)
{
	return (uint8_t)(address * 31 + (address >> 12) + 1);
}

static void add_headers(const struct core_maker *m, struct text *out, uint64_t notes_at)
{
	const Elf64_Phdr notes = {
		.p_type = PT_NOTE, .p_offset = notes_at, .p_filesz = m->notes.length};
	uint64_t at = notes_at + m->notes.length;
	text_add_bytes(out, (const char *)&notes, sizeof(notes));
	for (size_t i = 0; i < m->n_loads; i++) {
		Elf64_Phdr load = m->loads[i];
		load.p_offset = at;
		at += size_min(load.p_filesz, 1 << 20);
		text_add_bytes(out, (const char *)&load, sizeof(load));
	}
}

static void add_memory(const struct core_maker *m, struct text *out)
{
	for (size_t i = 0; i < m->n_loads; i++) {
		const Elf64_Phdr *load = &m->loads[i];
		for (uint64_t at = 0; at < load->p_filesz && at < 1 << 20; at++)
			text_add_char(out, (char)core_maker_byte(load->p_vaddr + at), 1);
	}
}

uint8_t *core_maker_bytes(const struct core_maker *m, size_t *ret_size)
{
	struct text out = TEXT_EMPTY;
	const size_t n = m->n_loads + 1;
	Elf64_Ehdr ehdr = {
		.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_phoff = sizeof(ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = m->many ? PN_XNUM : (Elf64_Half)n,
	};
	text_add_bytes(&out, (const char *)&ehdr, sizeof(ehdr));
	add_headers(m, &out, sizeof(ehdr) + n * sizeof(Elf64_Phdr));
	if (m->notes.length)
		text_add_bytes(&out, m->notes.data, m->notes.length);
	add_memory(m, &out);
	if (m->many) {
		const Elf64_Shdr section = {.sh_size = 1, .sh_info = (Elf64_Word)n};
		ehdr.e_shoff = out.length;
		text_add_bytes(&out, (const char *)&section, sizeof(section));
		memcpy(out.data, &ehdr, sizeof(ehdr));
	}
	assert_false(out.failed);
	*ret_size = out.length;
	return (uint8_t *)text_take(&out);
}

int core_maker_file(const void *bytes, size_t size, char ret_path[64])
{
	int fd = memfd_create("core", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	(void)snprintf(ret_path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

void expect_error(struct error *err, int kind, const char *words)
{
	int got = err ? (int)err->kind : 0;
	if (got != kind || (words && !strstr(err->cause, words)))
		print_error("%d, not %d: %s\n", got, kind, err ? err->cause : "");
	assert_int_equal(got, kind);
	assert_true(!words || strstr(err->cause, words));
	error_free(err);
}
