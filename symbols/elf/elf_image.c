/*
 * elf_image: read piece by piece through the callback; every piece has a fixed
 * or a capped size.
 *
 *	start -> ELF header -> program headers -> PT_LOAD   what is mapped where
 *	                                       -> PT_NOTE   build-id
 *	                                       -> PT_DYNAMIC -> hash table -> symbol -> name
 *
 * Pointers in the dynamic section are link-time addresses in the file. glibc's
 * loader adds the load bias to some of them in place; musl and the kernel's vdso
 * do not. Which of the two a value is shows from where it lands.
 */
#include "symbols/elf/elf_image.h"

#include "base/size.h"

#include <elf.h>
#include <string.h>

#define PROGRAM_HEADERS_MAX 256
#define NOTE_SIZE_MAX       4096
#define DYNAMIC_MAX         512
#define CHAIN_MAX           4096 /* symbols looked at in one hash chain */
#define SYMBOL_NAME_MAX     128

bool build_id_equal(const struct build_id *a, const struct build_id *b)
{
	return a->size > 0 && a->size <= BUILD_ID_MAX && a->size == b->size &&
	       !memcmp(a->bytes, b->bytes, a->size);
}

void build_id_hex(const struct build_id *id, char ret[2 * BUILD_ID_MAX + 1])
{
	static const char digits[] = "0123456789abcdef";
	size_t size = size_min(id->size, BUILD_ID_MAX);
	for (size_t i = 0; i < size; i++) {
		ret[2 * i] = digits[id->bytes[i] >> 4];
		ret[2 * i + 1] = digits[id->bytes[i] & 15];
	}
	ret[2 * size] = '\0';
}

/* ---- headers ------------------------------------------------------------------------- */

static struct error *check_header(const Elf64_Ehdr *h)
{
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
		return error_new(ERROR_UNSUPPORTED, "not an ELF object");
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
	    h->e_machine != EM_X86_64)
		return error_new(ERROR_UNSUPPORTED, "not an ELF object for x86-64");
	if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
		return error_new(ERROR_UNSUPPORTED, "an ELF file that is no program or library");
	if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum == 0 ||
	    h->e_phnum > PROGRAM_HEADERS_MAX)
		return error_new(ERROR_UNSUPPORTED, "an ELF object with damaged headers");
	return NULL;
}

static bool add_segment(struct elf_image *image, const Elf64_Phdr *p)
{
	uint64_t end;
	if (image->n_segments == ELF_SEGMENTS_MAX ||
	    __builtin_add_overflow(p->p_vaddr, p->p_memsz, &end) ||
	    __builtin_add_overflow(p->p_offset, p->p_filesz, &end) || p->p_filesz > p->p_memsz)
		return false;
	image->segments[image->n_segments++] = (struct elf_segment){
		.vaddr = p->p_vaddr,
		.memsz = p->p_memsz,
		.offset = p->p_offset,
		.filesz = p->p_filesz,
		.writable = p->p_flags & PF_W,
		.executable = p->p_flags & PF_X,
	};
	return true;
}

/* Memory address = bias + link-time address. File offset 0 lies in the lowest segment's page. */
static uint64_t bias_of(const struct elf_image *image)
{
	const struct elf_segment *lowest = &image->segments[0];
	for (size_t i = 1; i < image->n_segments; i++)
		if (image->segments[i].offset < lowest->offset)
			lowest = &image->segments[i];
	return image->start.value - (lowest->vaddr - lowest->offset);
}

static uint64_t note_align(uint64_t size, uint64_t alignment)
{
	return size_align_up(size, alignment == 8 ? 8 : 4);
}

/* A note segment is a row of {name size, descriptor size, type} name, descriptor. */
static bool find_build_id(const uint8_t *notes, size_t size, uint64_t alignment,
			  struct build_id *ret)
{
	size_t at = 0;
	while (size - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr n;
		memcpy(&n, notes + at, sizeof(n));
		uint64_t name = at + sizeof(n);
		uint64_t descriptor = note_align(name + n.n_namesz, alignment);
		uint64_t next = note_align(descriptor + n.n_descsz, alignment);
		if (descriptor > size || n.n_descsz > size - descriptor)
			return false;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == 4 &&
		    !memcmp(notes + name, ELF_NOTE_GNU, 4) && n.n_descsz > 0 &&
		    n.n_descsz <= BUILD_ID_MAX) {
			memcpy(ret->bytes, notes + descriptor, n.n_descsz);
			ret->size = n.n_descsz;
			return true;
		}
		if (next >= size)
			return false;
		at = next;
	}
	return false;
}

static void read_note(elf_read_fn *read, void *context, struct elf_image *image,
		      const Elf64_Phdr *p)
{
	uint8_t notes[NOTE_SIZE_MAX];
	size_t size = size_min(p->p_memsz, sizeof(notes));
	raddr at = raddr_at(image->bias + p->p_vaddr);
	struct error *err = read(context, at, notes, size);
	if (err)
		error_free(err); /* then the build is unverified, which the caller sees */
	else
		(void)find_build_id(notes, size, p->p_align, &image->build_id);
}

static struct error *take_program_headers(elf_read_fn *read, void *context,
					  const Elf64_Phdr *headers, size_t n,
					  struct elf_image *image)
{
	for (size_t i = 0; i < n; i++)
		if (headers[i].p_type == PT_LOAD && !add_segment(image, &headers[i]))
			return error_new(ERROR_UNSUPPORTED, "an ELF object with damaged segments");
	if (image->n_segments == 0)
		return error_new(ERROR_UNSUPPORTED, "an ELF object without segments");
	image->bias = bias_of(image);
	for (size_t i = 0; i < n; i++) {
		if (headers[i].p_type == PT_NOTE && image->build_id.size == 0)
			read_note(read, context, image, &headers[i]);
		if (headers[i].p_type == PT_DYNAMIC) {
			image->dynamic_vaddr = headers[i].p_vaddr;
			image->dynamic_size = headers[i].p_memsz;
		}
	}
	return NULL;
}

struct error *elf_image_read(elf_read_fn *read, void *context, raddr start, struct elf_image *ret)
{
	Elf64_Ehdr header;
	struct error *err = read(context, start, &header, sizeof(header));
	if (err)
		return err;
	err = check_header(&header);
	if (err)
		return err;
	Elf64_Phdr headers[PROGRAM_HEADERS_MAX];
	raddr at;
	if (!raddr_step(start, header.e_phoff, &at))
		return error_new(ERROR_UNSUPPORTED, "an ELF object with damaged headers");
	err = read(context, at, headers, header.e_phnum * sizeof(Elf64_Phdr));
	if (err)
		return err;
	struct elf_image image = {.start = start, .fixed = header.e_type == ET_EXEC};
	err = take_program_headers(read, context, headers, header.e_phnum, &image);
	if (err)
		return err;
	*ret = image;
	return NULL;
}

/* ---- dynamic symbols ----------------------------------------------------------------- */

/* What one lookup needs; the tables' addresses are in memory. */
struct lookup {
	elf_read_fn *read;
	void *context;
	const struct elf_image *image;
	const char *name;
	size_t name_size; /* with its NUL */
	raddr symtab, strtab, gnu_hash, hash;
	uint64_t strtab_size;
};

static bool in_segments(const struct elf_image *image, uint64_t vaddr)
{
	for (size_t i = 0; i < image->n_segments; i++)
		if (vaddr - image->segments[i].vaddr < image->segments[i].memsz)
			return true;
	return false;
}

static raddr pointer_of(const struct elf_image *image, uint64_t value)
{
	if (in_segments(image, value))
		return raddr_at(image->bias + value);
	return in_segments(image, value - image->bias) ? raddr_at(value) : RADDR_NULL;
}

static bool look(const struct lookup *l, raddr base, uint64_t offset, void *buffer, size_t size)
{
	raddr at;
	if (raddr_is_null(base) || !raddr_step(base, offset, &at))
		return false;
	struct error *err = l->read(l->context, at, buffer, size);
	error_free(err);
	return !err;
}

static void take_dynamic(struct lookup *l, const Elf64_Dyn *d)
{
	switch (d->d_tag) {
	case DT_SYMTAB:
		l->symtab = pointer_of(l->image, d->d_un.d_ptr);
		break;
	case DT_STRTAB:
		l->strtab = pointer_of(l->image, d->d_un.d_ptr);
		break;
	case DT_STRSZ:
		l->strtab_size = d->d_un.d_val;
		break;
	case DT_GNU_HASH:
		l->gnu_hash = pointer_of(l->image, d->d_un.d_ptr);
		break;
	case DT_HASH:
		l->hash = pointer_of(l->image, d->d_un.d_ptr);
		break;
	default:
		break;
	}
}

static bool read_dynamic(struct lookup *l)
{
	Elf64_Dyn entries[DYNAMIC_MAX];
	size_t n = size_min(l->image->dynamic_size / sizeof(entries[0]), DYNAMIC_MAX);
	raddr at = raddr_at(l->image->bias + l->image->dynamic_vaddr);
	if (n == 0 || !look(l, at, 0, entries, n * sizeof(entries[0])))
		return false;
	for (size_t i = 0; i < n && entries[i].d_tag != DT_NULL; i++)
		take_dynamic(l, &entries[i]);
	return !raddr_is_null(l->symtab) && !raddr_is_null(l->strtab);
}

static bool symbol_matches(const struct lookup *l, uint32_t index, Elf64_Sym *ret)
{
	Elf64_Sym s;
	char name[SYMBOL_NAME_MAX];
	if (!look(l, l->symtab, index * sizeof(s), &s, sizeof(s)) || s.st_shndx == SHN_UNDEF ||
	    ELF64_ST_TYPE(s.st_info) == STT_TLS || s.st_name >= l->strtab_size ||
	    l->name_size > l->strtab_size - s.st_name ||
	    !look(l, l->strtab, s.st_name, name, l->name_size) ||
	    memcmp(name, l->name, l->name_size) != 0 || !in_segments(l->image, s.st_value))
		return false;
	*ret = s;
	return true;
}

static uint32_t gnu_hash_of(const char *name)
{
	uint32_t h = 5381;
	for (; *name; name++)
		h = h * 33 + (uint8_t)*name;
	return h;
}

/* {n buckets, first symbol, n bloom words, shift} bloom words, buckets, hashes in chains. */
static bool lookup_gnu(const struct lookup *l, Elf64_Sym *ret)
{
	uint32_t header[4], index, hash = gnu_hash_of(l->name);
	if (!look(l, l->gnu_hash, 0, header, sizeof(header)) || header[0] == 0)
		return false;
	uint64_t buckets = sizeof(header) + (uint64_t)header[2] * 8;
	uint64_t chains = buckets + (uint64_t)header[0] * 4;
	if (!look(l, l->gnu_hash, buckets + (uint64_t)(hash % header[0]) * 4, &index, 4) ||
	    index < header[1])
		return false;
	for (unsigned steps = 0; steps < CHAIN_MAX; steps++, index++) {
		uint32_t found;
		if (!look(l, l->gnu_hash, chains + (uint64_t)(index - header[1]) * 4, &found, 4))
			return false;
		if ((found | 1) == (hash | 1) && symbol_matches(l, index, ret))
			return true;
		if ((found & 1) || index == UINT32_MAX)
			return false;
	}
	return false;
}

static uint32_t sysv_hash_of(const char *name)
{
	uint32_t h = 0;
	for (; *name; name++) {
		h = (h << 4) + (uint8_t)*name;
		h = (h ^ ((h & 0xf0000000) >> 24)) & 0x0fffffff;
	}
	return h;
}

/* {n buckets, n chains} buckets, chains; index 0 ends a chain. */
static bool lookup_sysv(const struct lookup *l, Elf64_Sym *ret)
{
	uint32_t header[2], index;
	if (!look(l, l->hash, 0, header, sizeof(header)) || header[0] == 0)
		return false;
	uint64_t bucket = sysv_hash_of(l->name) % header[0];
	if (!look(l, l->hash, sizeof(header) + bucket * 4, &index, 4))
		return false;
	uint64_t chains = sizeof(header) + (uint64_t)header[0] * 4;
	for (unsigned steps = 0; steps < CHAIN_MAX && index && index < header[1]; steps++) {
		if (symbol_matches(l, index, ret))
			return true;
		if (!look(l, l->hash, chains + (uint64_t)index * 4, &index, 4))
			return false;
	}
	return false;
}

bool elf_image_symbol(elf_read_fn *read, void *context, const struct elf_image *image,
		      const char *name, uint64_t *ret_vaddr, uint64_t *ret_size)
{
	struct lookup l = {.read = read, .context = context, .image = image, .name = name};
	l.name_size = strlen(name) + 1;
	Elf64_Sym symbol;
	if (l.name_size > SYMBOL_NAME_MAX || !read_dynamic(&l))
		return false;
	if (raddr_is_null(l.gnu_hash) ? !lookup_sysv(&l, &symbol) : !lookup_gnu(&l, &symbol))
		return false;
	*ret_vaddr = symbol.st_value;
	*ret_size = symbol.st_size;
	return true;
}

bool elf_image_defines_python(elf_read_fn *read, void *context, const struct elf_image *image)
{
	static const char *const names[] = {"_PyRuntime", "PyInterpreterState_Head",
					    "_PyThreadState_Current"};
	uint64_t vaddr, size;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (elf_image_symbol(read, context, image, names[i], &vaddr, &size))
			return true;
	return false;
}
