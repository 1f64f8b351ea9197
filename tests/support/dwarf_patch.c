/*
 * dwarf_patch: a debug file that lies, made from one that does not.
 *
 *	dwarf_patch FILE TYPE MEMBER VALUE	moves a member of a struct: DW_AT_data_member_location
 *	dwarf_patch FILE TYPE - VALUE		pads or shrinks the type itself: DW_AT_byte_size
 *
 * Changes every unit's copy of the attribute in place, so that size, build-id and
 * all else stay as they are. Prints "OLD COUNT"; fails when nothing was found, or
 * where a value does not fit the bytes that hold the old one.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct patch {
	const char *type, *member;
	unsigned long value, old;
	const char *base; /* of the mapped file */
	size_t size;
	int file;
	unsigned count;
};

static _Bool named(Dwarf_Die *die, const char *name)
{
	const char *own = dwarf_diename(die);
	return own && strcmp(own, name) == 0;
}

/* Bytes of a constant that can be overwritten in place; 0 for any other form. */
static size_t width_of(const Dwarf_Attribute *attribute, unsigned long value)
{
	switch (attribute->form) {
	case DW_FORM_data1:
		return value < 256 ? 1 : 0;
	case DW_FORM_data2:
		return value < 65536 ? 2 : 0;
	case DW_FORM_udata:
		return value < 128 ? 1 : 0;
	case DW_FORM_implicit_const: /* in the abbreviation; signed LEB */
		return value < 64 ? 1 : 0;
	default:
		return 0;
	}
}

static void overwrite(struct patch *p, Dwarf_Die *die, unsigned name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word old;
	if (!dwarf_attr(die, name, &attribute) || dwarf_formudata(&attribute, &old) != 0)
		return;
	const char *at = (const char *)attribute.valp;
	size_t width = width_of(&attribute, p->value);
	if (!width || at < p->base || at >= p->base + p->size) {
		fprintf(stderr, "form 0x%x cannot be patched in place\n", attribute.form);
		exit(2);
	}
	unsigned char bytes[2] = {(unsigned char)p->value, (unsigned char)(p->value >> 8)};
	if (pwrite(p->file, bytes, width, at - p->base) != (ssize_t)width) {
		perror("pwrite");
		exit(2);
	}
	p->old = old;
	p->count++;
}

static void visit_type(struct patch *p, Dwarf_Die *die)
{
	Dwarf_Die child;
	if (strcmp(p->member, "-") == 0) {
		overwrite(p, die, DW_AT_byte_size);
		return;
	}
	if (dwarf_child(die, &child) != 0)
		return;
	do {
		if (dwarf_tag(&child) == DW_TAG_member && named(&child, p->member))
			overwrite(p, &child, DW_AT_data_member_location);
	} while (dwarf_siblingof(&child, &child) == 0);
}

static void visit_unit(struct patch *p, Dwarf_Die *unit)
{
	Dwarf_Die child, meant;
	Dwarf_Attribute attribute;
	if (dwarf_child(unit, &child) != 0)
		return;
	do {
		int tag = dwarf_tag(&child);
		if (!named(&child, p->type))
			continue;
		if (tag == DW_TAG_structure_type && !dwarf_hasattr(&child, DW_AT_declaration))
			visit_type(p, &child);
		if (tag == DW_TAG_typedef && dwarf_attr(&child, DW_AT_type, &attribute) &&
		    dwarf_formref_die(&attribute, &meant) &&
		    dwarf_tag(&meant) == DW_TAG_structure_type && !dwarf_diename(&meant))
			visit_type(p, &meant);
	} while (dwarf_siblingof(&child, &child) == 0);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	struct patch p = {.type = argv[2], .member = argv[3], .value = strtoul(argv[4], NULL, 0)};
	p.file = open(argv[1], O_RDWR);
	Dwarf *dwarf = p.file < 0 ? NULL : dwarf_begin(p.file, DWARF_C_READ);
	if (!dwarf)
		return 2;
	p.base = elf_rawfile(dwarf_getelf(dwarf), &p.size);
	Dwarf_CU *cu = NULL;
	Dwarf_Die unit;
	while (dwarf_get_units(dwarf, cu, &cu, NULL, NULL, &unit, NULL) == 0)
		visit_unit(&p, &unit);
	printf("%lu %u\n", p.old, p.count);
	return p.count ? 0 : 1;
}
