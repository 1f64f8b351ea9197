/*
 * debug_info: the reading child's work on one file, in this process and without its seal. libelf
 * and libdw see the same bytes; what they get wrong is why there is a child.
 */
#include "base/cleanup.h"
#include "fuzz.h"
#include "symbols/debug/elf_file.h"
#include "symbols/debug/layout_dwarf.h"
#include "symbols/debug/layout_symtab.h"

static void read_dwarf(struct elf_file *file, struct layout *layout, const bool wanted[])
{
	elf_file_hide_unneeded(file);
	Dwarf *dwarf = dwarf_begin_elf(file->elf, DWARF_C_READ, NULL);
	struct dwarf_units units;
	struct error *err = dwarf ? dwarf_units_read(dwarf, &units) : NULL;
	if (dwarf && !err) {
		err = layout_dwarf_fill(&units, layout);
		layout_dwarf_fill_variables(&units, layout, wanted);
		dwarf_units_fini(&units);
	}
	error_free(err);
	dwarf_end(dwarf);
}

static void read_links(const struct elf_file *file)
{
	uint32_t crc;
	struct build_id id;
	(void)elf_file_debuglink(file, &crc);
	(void)elf_file_crc(file, &crc);
	(void)elf_file_altlink(file, &id);
	(void)elf_file_has_dwarf(file);
	(void)elf_file_has_zstd(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	_cleanup_(elf_file_closep) struct elf_file *file = NULL;
	struct error *err = elf_file_open(fuzz_file(&f), "a file", &file);
	if (!err) {
		struct layout layout = {0};
		bool wanted[LAYOUT_COUNT] = {false};
		read_links(file);
		(void)layout_symtab_fill(file, &layout, wanted);
		layout_symtab_fill_exported(file, &layout);
		memset(wanted, true, sizeof(wanted));
		read_dwarf(file, &layout, wanted);
		error_free(layout_check(&layout));
	}
	error_free(err);
	return 0;
}
