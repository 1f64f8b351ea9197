/*
 * core: one rule for every byte.
 *
 *	segment   [ in the file ····· ][ not in the file ··· ]
 *	               │                     │
 *	               │                     ├ a private file's page, never written: from
 *	               │                     │ the file, once its build-id was compared
 *	               │                     └ else: a fault
 *	               ├ pread
 *	               └ beyond the end of a file that is cut off: a fault that says so
 *
 * A kernel dumps what was written of a private mapping, so a page of .data that is
 * not there is still the file's; unless private memory was left out altogether.
 */
#include "inspector/target/core/core.h"

#include "base/cleanup.h"
#include "inspector/target/backing.h"
#include "inspector/target/core/core_map.h"
#include "inspector/target/core/core_search.h"
#include "inspector/target/origin.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>

struct core {
	struct core_file file;
	struct core_elf elf;
	struct core_notes notes;
	struct core_search search;
	struct backings backings;
	struct core_summary summary;
};

/* ---- reading ------------------------------------------------------------------------------ */

/* From the file behind a mapping, where that is certain to be what was in memory. */
static struct error *read_absent(const struct core *core, const struct core_segment *segment,
				 raddr at, void *buffer, size_t size)
{
	const struct core_mapping *mapping = core_notes_find(&core->notes, at);
	const struct backing *backing =
		mapping ? backings_find(&core->backings, 0, mapping->id) : NULL;
	if (!backing)
		return error_new(ERROR_FAULT, RADDR_FORMAT " is not in the core file", at.value);
	if (segment && segment->writable && !core->summary.has_private)
		return error_new(ERROR_FAULT,
				 RADDR_FORMAT " is not in the core file, which leaves out what was "
					      "written",
				 at.value);
	uint64_t offset = size_add(mapping->file_offset, raddr_distance(mapping->start, at));
	return backing_read(backing, offset, at, buffer, size);
}

static struct error *read_dumped(const struct core *core, const struct core_segment *segment,
				 raddr at, void *buffer, size_t size)
{
	uint64_t offset = segment->offset + raddr_distance(segment->start, at);
	struct error *err = core_file_read(&core->file, offset, buffer, size);
	return err ? error_context(err, RADDR_FORMAT " is cut off", at.value) : NULL;
}

static struct error *core_read(void *source, raddr at, void *buffer, size_t size)
{
	const struct core *core = source;
	const struct core_segment *segment = core_elf_find(&core->elf, at);
	uint64_t inside = segment ? raddr_distance(segment->start, at) : 0;
	size_t dumped =
		segment ? (size_t)size_min(size_subtract(segment->filesz, inside), size) : 0;
	struct error *err = dumped ? read_dumped(core, segment, at, buffer, dumped) : NULL;
	if (err || dumped == size)
		return err;
	return read_absent(core, segment, raddr_plus(at, dumped), (uint8_t *)buffer + dumped,
			   size - dumped);
}

static struct error *core_back(void *source, const struct region *region, int fd)
{
	struct core *core = source;
	return backings_add(&core->backings, 0, region->inode, fd);
}

static const struct space_ops space_ops = {.read = core_read, .back = core_back};

/* ---- what there is ------------------------------------------------------------------------ */

static void sum_segment(const struct core *core, const struct core_segment *segment,
			struct core_summary *s)
{
	uint64_t end = segment->offset + segment->filesz;
	s->n_full += segment->filesz == segment->size;
	s->n_partial += segment->filesz && segment->filesz < segment->size;
	s->n_empty += !segment->filesz;
	if (!segment->filesz)
		return;
	s->whole_size = size_max(s->whole_size, end);
	s->lost_size = size_add(s->lost_size,
				size_min(size_subtract(end, core->file.size), segment->filesz));
	s->has_private |= segment->writable && !core_notes_find(&core->notes, segment->start);
}

static bool notes_come_last(const struct core_elf *elf)
{
	return elf->n_notes && elf->segments.count &&
	       elf->notes[0].offset > elf->segments.items[0].offset;
}

static void sum_up(struct core *core)
{
	struct core_summary *s = &core->summary;
	*s = (struct core_summary){
		.packing = codec_name(core->file.packing),
		.packed_size = core->file.packed_size,
		.size = core->file.size,
		.damage = core->file.damage,
		.by_gdb = notes_come_last(&core->elf),
		.n_headers = core->elf.n_headers,
		.n_cut_headers = core->elf.n_cut,
		.n_refused = size_add(core->elf.n_refused, core->notes.n_refused),
		.has_info = core->notes.has_info,
		.has_files = core->notes.has_files,
		.has_auxv = core->notes.has_auxv,
		.notes_cut = core->notes.n_cut > 0,
		.context = &core->file.context,
	};
	for (size_t i = 0; i < core->elf.segments.count; i++)
		sum_segment(core, &core->elf.segments.items[i], s);
	for (size_t i = 0; i < core->elf.n_notes; i++)
		s->whole_size = size_max(s->whole_size, size_add(core->elf.notes[i].offset,
								 core->elf.notes[i].size));
}

static bool begins_elf(struct space *space, const struct region *region)
{
	char magic[SELFMAG];
	if (region->kind != REGION_FILE || region->file_offset || !region->readable)
		return false;
	struct error *err = space_read(space, region->start, magic, sizeof(magic));
	bool begins = !err && memcmp(magic, ELFMAG, SELFMAG) == 0;
	error_free(err);
	return begins;
}

/* ---- the space ---------------------------------------------------------------------------- */

static struct error *no_files(const struct core *core)
{
	const struct core_summary *s = &core->summary;
	if (s->size >= s->whole_size && !s->damage)
		return error_new(
			ERROR_BAD_FILE,
			"the core does not tell which files were mapped (no NT_FILE note), "
			"so its interpreter cannot be found");
	return error_remedy(
		error_new(ERROR_BAD_FILE,
			  "the core file is cut off after %" PRIu64 " of at least %" PRIu64
			  " bytes: the notes, which tell which files were mapped, are missing",
			  s->size, s->whole_size),
		"%s",
		s->by_gdb ? "gcore writes them last: only the whole file can be read"
			  : "only a longer part of the file can be read");
}

/* A file given by hand stands for an object whose own build-id is not to be had. */
static struct error *adopt(struct core *core, struct space *space)
{
	const raddr program = raddr_is_null(core->notes.program_headers)
				      ? core->notes.entry
				      : core->notes.program_headers;
	const struct core_mapping *mapping = core_notes_find(&core->notes, program);
	_cleanup_(close_fd) int fd = -1;
	struct region *region = NULL;
	core->summary.by_hand =
		core_search_by_hand(&core->search, space, mapping ? mapping->id : 0, &region, &fd);
	if (core->summary.by_hand != CORE_BY_HAND_USED)
		return NULL;
	const uint64_t id = region->inode;
	for (size_t i = 0; i < space->regions.count; i++) {
		struct region *part = &space->regions.items[i];
		part->unverified = part->kind == REGION_FILE && part->inode == id;
	}
	return space_back(space, region, fd);
}

static struct error *core_space(void *source, struct space *ret)
{
	struct core *core = source;
	if (!core->summary.has_files)
		return no_files(core);
	*ret = (struct space){.ops = &space_ops, .source = core};
	struct error *err = core_map(&core->elf, &core->notes, ret);
	if (err)
		return err;
	core->summary.n_objects = 0;
	for (size_t i = 0; i < ret->regions.count; i++)
		core->summary.n_objects += begins_elf(ret, &ret->regions.items[i]);
	return adopt(core, ret);
}

/* ---- facts -------------------------------------------------------------------------------- */

/* Where one argument ends and the next begins is lost: blanks have to do. */
static struct error *split_arguments(const char *args, struct facts *facts)
{
	static const char blanks[] = " \t\n";
	for (args += strspn(args, blanks); *args; args += strspn(args, blanks)) {
		size_t length = strcspn(args, blanks);
		char **word = vec_push(&facts->cmdline);
		if (!word || !(*word = strndup(args, length)))
			return error_out_of_memory();
		args += length;
	}
	return NULL;
}

static struct error *copy_strings(const struct core *core, struct facts *facts)
{
	const struct core_mapping *program =
		core_notes_find(&core->notes, core->notes.program_headers);
	if (!program)
		program = core_notes_find(&core->notes, core->notes.entry);
	if (program && !(facts->exe = strdup(program->path)))
		return error_out_of_memory();
	if (!core->notes.has_info)
		return NULL;
	if (!(facts->comm = strdup(core->notes.comm)))
		return error_out_of_memory();
	return split_arguments(core->notes.args, facts);
}

static struct error *core_facts(void *source, struct facts *ret)
{
	const struct core *core = source;
	_cleanup_(facts_fini) struct facts facts = FACTS_EMPTY;
	struct error *err = copy_strings(core, &facts);
	if (err)
		return err;
	facts.pid = core->notes.pid;
	facts.uid = core->notes.uid;
	facts.n_threads = core->notes.n_threads;
	/* gdb writes the signal that it stopped the process with itself. */
	facts.signal = core->summary.by_gdb ? 0 : core->notes.signal;
	facts.taken_at = core->file.written;
	*ret = facts;
	facts = FACTS_EMPTY;
	return NULL;
}

/* ---- the origin --------------------------------------------------------------------------- */

/* Who they are and where their memory is stands in the notes of their registers. */
static struct error *core_threads(void *source, struct space *space, struct threads *ret)
{
	const struct core *core = source;
	(void)space;
	return threads_copy(&core->notes.threads, ret) ? NULL : error_out_of_memory();
}

static struct error *core_open_file(void *source, const struct region *region,
				    origin_accept_fn *accept, void *context, int *ret)
{
	struct core *core = source;
	*ret = core_search_open(&core->search, region, accept, context);
	return NULL;
}

static int core_root(void *source)
{
	const struct core *core = source;
	return core->search.sysroot;
}

static void core_close(void *source)
{
	struct core *core = source;
	if (!core)
		return;
	core_file_close(&core->file);
	core_elf_fini(&core->elf);
	core_notes_fini(&core->notes);
	core_search_fini(&core->search);
	backings_fini(&core->backings);
	free(core);
}

static void core_closep(struct core **core)
{
	core_close(*core);
}

static const struct origin_ops origin_ops = {
	.space = core_space,
	.facts = core_facts,
	.open_file = core_open_file,
	.threads = core_threads,
	.root = core_root,
	.close = core_close,
};

struct error *core_origin(const char *path, const struct core_request *request, struct origin *ret)
{
	_cleanup_(core_closep) struct core *core = calloc(1, sizeof(*core));
	if (!core)
		return error_out_of_memory();
	core->file = CORE_FILE_EMPTY;
	core->search = CORE_SEARCH_EMPTY;
	struct error *err = core_file_open(path, request, &core->file);
	err = err ?: core_elf_read(&core->file, &core->elf);
	err = err ?: core_notes_read(&core->file, &core->elf, &core->notes);
	err = err ?: core_search_init(request, &core->search);
	if (err)
		return error_context(err, "%.200s", path);
	sum_up(core);
	*ret = (struct origin){ORIGIN_CORE, &origin_ops, take(core)};
	return NULL;
}

const struct core_summary *core_summary(const struct origin *origin)
{
	const struct core *core = origin->ops == &origin_ops ? origin->source : NULL;
	return core ? &core->summary : NULL;
}
