/* made_object: tables at fixed places. */
#include "made_object.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define DYNAMIC_AT 0x100
#define SYMBOLS_AT 0x400
#define PACKED_AT  0x18000

static struct error *read_object(void *context, raddr at, void *buffer, size_t size)
{
	struct made_object *o = context;
	uint64_t vaddr = at.value - o->image.bias;
	o->n_reads++;
	if (vaddr > MADE_END || size > MADE_END - vaddr ||
	    (o->hole && vaddr <= o->hole && o->hole - vaddr < size))
		return error_new(ERROR_FAULT, "nothing there");
	memcpy(buffer, o->bytes + vaddr, size);
	return NULL;
}

void made_object_init(struct made_object *o)
{
	static const Elf64_Sxword tags[] = {DT_RELA, DT_RELASZ, DT_RELR, DT_RELRSZ, DT_SYMTAB};
	static const uint64_t values[] = {MADE_RELOCATIONS, 0, PACKED_AT, 0, SYMBOLS_AT};
	*o = (struct made_object){
		.image = {.bias = MADE_BIAS,
			  .start = {MADE_BIAS},
			  .n_segments = 2,
			  .segments = {{.vaddr = 0, .memsz = MADE_DATA, .filesz = MADE_DATA},
				       {.vaddr = MADE_DATA,
					.memsz = MADE_END - MADE_DATA,
					.offset = MADE_DATA,
					.filesz = MADE_DATA_SIZE,
					.writable = true}},
			  .dynamic_vaddr = DYNAMIC_AT,
			  .dynamic_size = sizeof(o->dynamic)},
		.bytes = calloc(MADE_END, 1),
	};
	assert(o->bytes);
	for (size_t i = 0; i < MADE_TAGS; i++)
		o->dynamic[i] = (Elf64_Dyn){.d_tag = tags[i], .d_un = {.d_val = values[i]}};
}

void made_object_fini(struct made_object *o)
{
	free(o->bytes);
}

struct elf_source made_object_source(struct made_object *o)
{
	if (!o->dynamic[MADE_RELASZ].d_un.d_val)
		o->dynamic[MADE_RELASZ].d_un.d_val = o->n_relocations * sizeof(Elf64_Rela);
	if (!o->dynamic[MADE_RELRSZ].d_un.d_val)
		o->dynamic[MADE_RELRSZ].d_un.d_val = o->n_packed * 8;
	memcpy(o->bytes + DYNAMIC_AT, o->dynamic, sizeof(o->dynamic));
	o->n_reads = 0;
	return (struct elf_source){read_object, o, &o->image};
}

void made_object_word(struct made_object *o, uint64_t at, uint64_t value)
{
	memcpy(o->bytes + at, &value, sizeof(value));
}

Elf64_Rela *made_object_relocation(struct made_object *o, size_t i)
{
	return (Elf64_Rela *)(void *)(o->bytes + MADE_RELOCATIONS) + i;
}

void made_object_relocate(struct made_object *o, uint64_t at, uint64_t type, uint64_t symbol,
			  uint64_t addend)
{
	Elf64_Rela *r = made_object_relocation(o, o->n_relocations++);
	assert((uint8_t *)(r + 1) <= o->bytes + PACKED_AT);
	*r = (Elf64_Rela){at, ELF64_R_INFO(symbol, type), (Elf64_Sxword)addend};
}

void made_object_pack(struct made_object *o, uint64_t entry)
{
	made_object_word(o, PACKED_AT + o->n_packed++ * 8, entry);
}

void made_object_define(struct made_object *o, uint64_t index, uint16_t section, uint64_t value)
{
	const Elf64_Sym symbol = {.st_shndx = section, .st_value = value};
	memcpy(o->bytes + SYMBOLS_AT + index * sizeof(symbol), &symbol, sizeof(symbol));
}
