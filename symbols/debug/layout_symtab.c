/*
 * layout_symtab: one pass over the symbols; each is looked up, without its suffix,
 * in a small hash table of wanted names.
 *
 *	symbol "numfree.lto_priv.3" ── up to the first dot ── "numfree" ── bucket ── wanted, wanted …
 *	                            └─ the rest ── rank: plain, lto_priv, other
 *
 * Local symbols follow the STT_FILE symbol of their source file; that tells the
 * seven variables called `numfree` apart.
 */
#include "symbols/debug/layout_symtab.h"

#include "base/size.h"

#include <string.h>

#define WANTED_MAX  (2 * LAYOUT_COUNT)
#define BUCKETS     512
#define SYMBOLS_MAX (UINT64_C(1) << 24)

/* Lower is better; an alternative name of layout.def counts more than any suffix. */
enum { RANK_PLAIN, RANK_LTO, RANK_OTHER, RANK_STEP, RANK_NONE = 1000 };

struct wanted {
	enum layout_entry_id id;
	const char *name; /* not NUL-terminated */
	size_t name_length;
	const char *file; /* the same; "": any */
	size_t file_length;
	unsigned alternative;
	int next; /* in the bucket, or -1 */
};

struct search {
	struct layout *layout;
	struct wanted wanted[WANTED_MAX];
	int n_wanted;
	int buckets[BUCKETS];
	unsigned rank[LAYOUT_COUNT]; /* of the best symbol so far */
	bool ambiguous[LAYOUT_COUNT];
	bool file_seen[LAYOUT_COUNT]; /* the table knows the source file this entry asks for */
	enum provenance provenance;
	const char *file; /* the source file that local symbols now belong to */
};

static unsigned bucket_of(const char *name, size_t length)
{
	uint32_t h = 2166136261;
	for (size_t i = 0; i < length; i++)
		h = (h ^ (uint8_t)name[i]) * 16777619;
	return h % BUCKETS;
}

static void want(struct search *s, enum layout_entry_id id, const char *name, size_t length,
		 unsigned alternative)
{
	if (s->n_wanted == WANTED_MAX)
		return;
	struct wanted *w = &s->wanted[s->n_wanted];
	const char *colon = memchr(name, ':', length);
	const char *start = colon ? colon + 1 : name;
	*w = (struct wanted){
		.id = id,
		.name = start,
		.name_length = (size_t)(name + length - start),
		.file = colon ? name : "",
		.file_length = colon ? (size_t)(colon - name) : 0,
		.alternative = alternative,
	};
	int *bucket = &s->buckets[bucket_of(w->name, w->name_length)];
	w->next = *bucket;
	*bucket = s->n_wanted++;
}

static void want_entry(struct search *s, enum layout_entry_id id)
{
	const char *at = layout_path(id);
	for (unsigned alternative = 0;; alternative++) {
		size_t length = strcspn(at, "|");
		want(s, id, at, length, alternative);
		if (!at[length])
			return;
		at += length + 1;
	}
}

static void search_init(struct search *s, struct layout *layout, enum provenance provenance)
{
	memset(s, 0, sizeof(*s));
	s->layout = layout;
	s->provenance = provenance;
	s->file = "";
	for (unsigned i = 0; i < BUCKETS; i++)
		s->buckets[i] = -1;
	for (unsigned id = 0; id < LAYOUT_COUNT; id++) {
		enum layout_kind kind = layout_kind(id);
		s->rank[id] = RANK_NONE;
		if (kind != LAYOUT_KIND_OBJECT && kind != LAYOUT_KIND_FUNCTION)
			continue;
		if (layout_has(layout, id) ||
		    (kind == LAYOUT_KIND_FUNCTION && provenance == PROVENANCE_DYNSYM))
			continue;
		want_entry(s, id);
	}
}

/* A row of ".word.N" that says "the same function, compiled on": never ".cold", a torn-off part. */
static bool is_function_suffix(const char *suffix)
{
	static const char *const words[] = {".lto_priv.", ".constprop.", ".isra.", ".part."};
	while (*suffix) {
		size_t length = 0;
		for (size_t i = 0; i < ARRAY_SIZE(words) && !length; i++)
			if (!strncmp(suffix, words[i], strlen(words[i])))
				length = strlen(words[i]);
		size_t digits = length ? strspn(suffix + length, "0123456789") : 0;
		if (!digits)
			return false;
		suffix += length + digits;
	}
	return true;
}

/* How well a symbol with this suffix answers; RANK_NONE: it does not. */
static unsigned rank_of(const struct search *s, const struct wanted *w, const char *suffix,
			unsigned char type)
{
	bool is_function = layout_kind(w->id) == LAYOUT_KIND_FUNCTION;
	if (type != (is_function ? STT_FUNC : STT_OBJECT))
		return RANK_NONE;
	unsigned rank = w->alternative * RANK_STEP;
	if (!*suffix)
		return rank + RANK_PLAIN;
	if (s->provenance == PROVENANCE_DYNSYM || (is_function && !is_function_suffix(suffix)))
		return RANK_NONE;
	return rank + (strncmp(suffix, ".lto_priv.", 10) ? RANK_OTHER : RANK_LTO);
}

static bool in_wanted_file(const struct search *s, const struct wanted *w)
{
	return w->file_length == 0 ||
	       (strlen(s->file) == w->file_length && !memcmp(s->file, w->file, w->file_length));
}

static void enter_file(struct search *s, const char *name)
{
	const char *slash = strrchr(name, '/');
	s->file = slash ? slash + 1 : name;
	for (int i = 0; i < s->n_wanted; i++)
		if (in_wanted_file(s, &s->wanted[i]))
			s->file_seen[s->wanted[i].id] = true;
}

static void offer(struct search *s, const struct wanted *w, const Elf64_Sym *symbol, unsigned rank)
{
	struct layout_entry *e = &s->layout->entries[w->id];
	if (rank > s->rank[w->id])
		return;
	if (rank == s->rank[w->id]) {
		s->ambiguous[w->id] |= e->offset != symbol->st_value;
		return;
	}
	s->rank[w->id] = rank;
	s->ambiguous[w->id] = false;
	*e = (struct layout_entry){symbol->st_value, symbol->st_size, 1, symbol->st_size,
				   s->provenance};
}

static void take_symbol(struct search *s, const Elf64_Sym *symbol, const char *name)
{
	unsigned char type = ELF64_ST_TYPE(symbol->st_info);
	if (type == STT_FILE)
		enter_file(s, name);
	if ((type != STT_OBJECT && type != STT_FUNC) || symbol->st_shndx == SHN_UNDEF ||
	    symbol->st_value == 0)
		return;
	size_t length = strcspn(name, ".");
	for (int i = s->buckets[bucket_of(name, length)]; i >= 0; i = s->wanted[i].next) {
		const struct wanted *w = &s->wanted[i];
		if (w->name_length != length || memcmp(w->name, name, length) != 0 ||
		    !in_wanted_file(s, w))
			continue;
		unsigned rank = rank_of(s, w, name + length, type);
		if (rank != RANK_NONE)
			offer(s, w, symbol, rank);
	}
}

/* All symbols of the table; its strings end in NUL, so that no name leaves them. */
static bool scan(const struct elf_file *file, GElf_Word type, struct search *s)
{
	GElf_Shdr header, strings_header;
	Elf_Scn *section = elf_file_section_of_type(file, type, &header);
	Elf_Scn *strings = section ? elf_getscn(file->elf, header.sh_link) : NULL;
	Elf_Data *symbols = section ? elf_getdata(section, NULL) : NULL;
	Elf_Data *names = strings && gelf_getshdr(strings, &strings_header) &&
					  strings_header.sh_type == SHT_STRTAB
				  ? elf_getdata(strings, NULL)
				  : NULL;
	if (!symbols || !symbols->d_buf || !names || !names->d_buf || names->d_size == 0 ||
	    ((const char *)names->d_buf)[names->d_size - 1] != '\0')
		return false;
	const Elf64_Sym *table = symbols->d_buf;
	uint64_t n = size_min(symbols->d_size / sizeof(*table), SYMBOLS_MAX);
	for (uint64_t i = 0; i < n; i++)
		if (table[i].st_name < names->d_size)
			take_symbol(s, &table[i], (const char *)names->d_buf + table[i].st_name);
	return true;
}

static void drop_ambiguous(struct search *s)
{
	for (unsigned id = 0; id < LAYOUT_COUNT; id++)
		if (s->ambiguous[id])
			s->layout->entries[id] = (struct layout_entry){0};
}

bool layout_symtab_fill(const struct elf_file *file, struct layout *layout,
			bool ret_unsure[LAYOUT_COUNT])
{
	struct search s;
	search_init(&s, layout, PROVENANCE_SYMTAB);
	if (!scan(file, SHT_SYMTAB, &s))
		return false;
	drop_ambiguous(&s);
	for (int i = 0; i < s.n_wanted; i++) {
		const struct wanted *w = &s.wanted[i];
		ret_unsure[w->id] =
			s.ambiguous[w->id] || (w->file_length > 0 && !s.file_seen[w->id]);
	}
	return true;
}

void layout_symtab_fill_exported(const struct elf_file *file, struct layout *layout)
{
	struct search s;
	search_init(&s, layout, PROVENANCE_DYNSYM);
	(void)scan(file, SHT_DYNSYM, &s);
	drop_ambiguous(&s);
}
