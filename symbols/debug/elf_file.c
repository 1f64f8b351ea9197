/*
 * elf_file: opened as a private mapping, so that a section header can be changed
 * in memory. dwarf_begin_elf() inflates every .debug_* section it knows at once;
 * one that is said to have no bytes (SHT_NOBITS) is left alone. On Debian's
 * compressed files that halves time and memory.
 */
#include "symbols/debug/elf_file.h"

#include "base/cleanup.h"
#include "base/size.h"
#include "symbols/debug/rooted.h"

#include <elfutils/libdwelf.h>
#include <string.h>

#define SECTIONS_MAX 100000

static struct error *open_elf(struct elf_file *file)
{
	elf_version(EV_CURRENT);
	file->elf = elf_begin(file->fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	GElf_Ehdr header;
	size_t n;
	if (!file->elf || elf_kind(file->elf) != ELF_K_ELF || !gelf_getehdr(file->elf, &header) ||
	    elf_getshdrnum(file->elf, &n))
		return error_new(ERROR_SYMBOLS, "%s is not an ELF file", file->path);
	if (header.e_machine != EM_X86_64 || gelf_getclass(file->elf) != ELFCLASS64)
		return error_new(ERROR_SYMBOLS, "%s is not an ELF file for x86-64", file->path);
	if (n > SECTIONS_MAX)
		return error_new(ERROR_SYMBOLS, "%s has too many sections", file->path);
	const void *id;
	ssize_t size = dwelf_elf_gnu_build_id(file->elf, &id);
	if (size > 0 && size <= BUILD_ID_MAX) {
		memcpy(file->build_id.bytes, id, (size_t)size);
		file->build_id.size = (size_t)size;
	}
	return NULL;
}

struct error *elf_file_open(int fd, const char *path, struct elf_file **ret)
{
	_cleanup_(elf_file_closep) struct elf_file *file = calloc(1, sizeof(*file));
	if (!file) {
		close(fd);
		return error_out_of_memory();
	}
	file->fd = fd;
	file->path = strdup(path);
	if (!file->path)
		return error_out_of_memory();
	file->ours = rooted_is_ours(fd);
	struct error *err = open_elf(file);
	if (err)
		return err;
	*ret = take(file);
	return NULL;
}

void elf_file_close(struct elf_file *file)
{
	if (!file)
		return;
	elf_end(file->elf);
	close_fd(&file->fd);
	free(file->path);
	free(file);
}

static const char *section_name(const struct elf_file *file, const GElf_Shdr *header)
{
	size_t strings;
	const char *name = elf_getshdrstrndx(file->elf, &strings)
				   ? NULL
				   : elf_strptr(file->elf, strings, header->sh_name);
	return name ? name : "";
}

/* The named section that has bytes in the file (no SHT_NOBITS), or NULL. */
static Elf_Scn *section_named(const struct elf_file *file, const char *name, GElf_Shdr *ret)
{
	Elf_Scn *section = NULL;
	while ((section = elf_nextscn(file->elf, section))) {
		GElf_Shdr header;
		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS ||
		    strcmp(section_name(file, &header), name) != 0)
			continue;
		*ret = header;
		return section;
	}
	return NULL;
}

Elf_Scn *elf_file_section_of_type(const struct elf_file *file, GElf_Word type, GElf_Shdr *ret)
{
	Elf_Scn *section = NULL;
	while ((section = elf_nextscn(file->elf, section)))
		if (gelf_getshdr(section, ret) && ret->sh_type == type && ret->sh_size > 0)
			return section;
	return NULL;
}

bool elf_file_has_dwarf(const struct elf_file *file)
{
	GElf_Shdr header;
	return section_named(file, ".debug_info", &header) ||
	       section_named(file, ".zdebug_info", &header);
}

bool elf_file_has_zstd(const struct elf_file *file)
{
	GElf_Shdr header;
	Elf_Scn *section = section_named(file, ".debug_info", &header);
	Elf_Data *raw =
		section && header.sh_flags & SHF_COMPRESSED ? elf_rawdata(section, NULL) : NULL;
	Elf64_Chdr compression;
	if (!raw || raw->d_size < sizeof(compression))
		return false;
	memcpy(&compression, raw->d_buf, sizeof(compression));
	return compression.ch_type == 2; /* ELFCOMPRESS_ZSTD, which older elf.h do not name */
}

const char *elf_file_debuglink(const struct elf_file *file, uint32_t *ret_crc)
{
	GElf_Word crc;
	const char *name = dwelf_elf_gnu_debuglink(file->elf, &crc);
	if (!name || !*name || strchr(name, '/'))
		return NULL;
	*ret_crc = crc;
	return name;
}

const char *elf_file_altlink(const struct elf_file *file, struct build_id *ret)
{
	GElf_Shdr header;
	Elf_Scn *section = section_named(file, ".gnu_debugaltlink", &header);
	Elf_Data *data = section ? elf_rawdata(section, NULL) : NULL;
	const char *end = data && data->d_buf ? memchr(data->d_buf, '\0', data->d_size) : NULL;
	if (!end)
		return NULL;
	const char *name = data->d_buf;
	size_t id_size = data->d_size - (size_t)(end + 1 - name);
	if (id_size == 0 || id_size > BUILD_ID_MAX)
		return NULL;
	memcpy(ret->bytes, end + 1, id_size);
	ret->size = id_size;
	return name;
}

/* Of one section; 0 where it is not compressed. .zdebug_*: "ZLIB", then its size, big-endian. */
static uint64_t inflated_size(const struct elf_file *file, Elf_Scn *section,
			      const GElf_Shdr *header)
{
	Elf64_Chdr head;
	uint8_t old[12];
	bool is_old = strncmp(section_name(file, header), ".zdebug_", 8) == 0;
	Elf_Data *raw =
		is_old || header->sh_flags & SHF_COMPRESSED ? elf_rawdata(section, NULL) : NULL;
	if (!raw || !raw->d_buf || raw->d_size < sizeof(head))
		return 0;
	if (!is_old) {
		memcpy(&head, raw->d_buf, sizeof(head));
		return head.ch_size;
	}
	memcpy(old, raw->d_buf, sizeof(old));
	uint64_t size = 0;
	for (size_t i = 4; i < sizeof(old); i++)
		size = size << 8 | old[i];
	return size;
}

uint64_t elf_file_inflated_size(const struct elf_file *file)
{
	uint64_t sum = 0;
	Elf_Scn *section = NULL;
	while ((section = elf_nextscn(file->elf, section))) {
		GElf_Shdr header;
		if (gelf_getshdr(section, &header) && header.sh_type != SHT_NOBITS)
			sum = size_add(sum, inflated_size(file, section, &header));
	}
	return sum;
}

static uint32_t crc_step(uint32_t crc)
{
	for (int bit = 0; bit < 8; bit++)
		crc = crc & 1 ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
	return crc;
}

bool elf_file_crc(const struct elf_file *file, uint32_t *ret)
{
	uint32_t table[256], crc = UINT32_MAX;
	for (uint32_t i = 0; i < 256; i++)
		table[i] = crc_step(i);
	_cleanup_(free_pointer) uint8_t *buffer = malloc(64 * KIB);
	if (!buffer)
		return false;
	off_t at = 0;
	for (;;) {
		ssize_t n = pread(file->fd, buffer, 64 * KIB, at);
		if (n < 0)
			return false;
		if (n == 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			crc = table[(crc ^ buffer[i]) & 255] ^ (crc >> 8);
		at += n;
	}
	*ret = ~crc;
	return true;
}

static bool is_needed(const char *name)
{
	static const char *const needed[] = {"info",  "abbrev",      "str", "line_str",
					     "types", "str_offsets", "addr"};
	name += strncmp(name, ".z", 2) ? 1 : 2;
	if (strncmp(name, "debug_", 6) != 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(needed); i++)
		if (!strcmp(name + 6, needed[i]))
			return true;
	return false;
}

void elf_file_hide_unneeded(struct elf_file *file)
{
	Elf_Scn *section = NULL;
	while ((section = elf_nextscn(file->elf, section))) {
		GElf_Shdr header;
		if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS)
			continue;
		const char *name = section_name(file, &header);
		if (*name != '.' || is_needed(name))
			continue;
		header.sh_type = SHT_NOBITS;
		header.sh_flags &= ~(GElf_Xword)SHF_COMPRESSED;
		(void)gelf_update_shdr(section, &header);
	}
}
