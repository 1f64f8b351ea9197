/*
 * frames: the input writes words into two small mappings: states of threads in one, chunks in the other. What is told
 * lies in the second, has a possible size and ends, however the lists go.
 */
#include "inspector/python/frames.h"

#include "fuzz.h"
#include "inspector/target/maps.h"

#define STATES UINT64_C(0x10000000)
#define CHUNKS UINT64_C(0x30000000)
#define WORDS  8192
#define SPREAD \
	UINT64_C(0x80000) /* of the chunks' mapping; all but the first words of each page are 0 */

struct memory {
	uint64_t states[WORDS], heads[SPREAD / 4096][4];
	uint64_t reads, limit;
};

static struct error *read_memory(void *source, raddr at, void *buffer, size_t size)
{
	struct memory *m = source;
	uint8_t *to = buffer;
	assert(m->reads++ < m->limit);
	for (size_t i = 0; i < size; i++) {
		uint64_t place = at.value + i, chunk = place - CHUNKS;
		const uint8_t *from = (const uint8_t *)m->states + (place - STATES);
		if (place >= CHUNKS)
			from = (const uint8_t *)m->heads[chunk / 4096] + chunk % 4096;
		to[i] = place >= CHUNKS && chunk % 4096 >= sizeof(m->heads[0]) ? 0 : *from;
	}
	return NULL;
}

static const struct space_ops ops = {.read = read_memory};

/* A word that may mean something: of which mapping, and where. */
static uint64_t word_of(struct fuzz *f)
{
	static const uint64_t sizes[] = {0, 1, 2045, 0x4000, 0x8000, 0x10000, 0x3fff, UINT64_MAX};
	uint64_t kind = fuzz_number(f, 1), at = fuzz_number(f, 2);
	switch (kind % 5) {
	case 0:
		return STATES + at * 8;
	case 1:
		return CHUNKS + at % (SPREAD / 4096) * 4096;
	case 2:
		return CHUNKS + at * 8;
	case 3:
		return sizes[at % 8];
	default:
		return fuzz_number(f, 8);
	}
}

static void fill(struct fuzz *f, struct memory *m)
{
	memset(m, 0, sizeof(*m));
	while (f->size) {
		uint64_t at = fuzz_number(f, 2), word = word_of(f);
		if (at % 2)
			m->heads[at / 2 / 4 % (SPREAD / 4096)][at / 2 % 4] = word;
		else
			m->states[at / 2 % 256] = word; /* where the states are */
	}
}

static void check(const struct frames *frames, const struct space *space)
{
	size_t n = 0;
	assert(frames->threads.count <= space->mapped_size / 256);
	assert(frames->chunks.count <= space->mapped_size / 0x4000);
	for (size_t i = 0; i < frames->threads.count; i++) {
		const struct frames_thread *t = &frames->threads.items[i];
		assert(t->interpreter < 2 && t->first == n);
		n += t->count;
	}
	assert(n == frames->chunks.count);
	for (size_t i = 0; i < n; i++) {
		const struct frames_chunk *c = &frames->chunks.items[i];
		assert(c->start.value >= CHUNKS || c->start.value >= STATES);
		assert(c->size >= 0x4000 && (c->size & (c->size - 1)) == 0);
		assert(raddr_distance(c->start, c->used_end) <= c->size);
		assert(space_region(space, c->start) ==
		       space_region(space, raddr_plus(c->start, c->size - 1)));
	}
}

static void tell(struct layout *layout, enum layout_entry_id id, uint64_t offset)
{
	layout->entries[id] = (struct layout_entry){offset, 8, 1, 8, PROVENANCE_DWARF};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char text[] = "10000000-10010000 rw-p 00000000 00:00 0 \n"
				   "30000000-30080000 rw-p 00000000 00:00 0 \n";
	static struct memory m;
	struct fuzz f = {data, size};
	struct layout layout = {0};
	struct space space = SPACE_EMPTY;
	struct runtime runtime = RUNTIME_EMPTY;
	struct frames frames = FRAMES_EMPTY;
	struct doubts doubts = {0};
	tell(&layout, LAYOUT_INTERP_THREADS_HEAD, 16);
	tell(&layout, LAYOUT_TSTATE_NEXT, 8);
	if (fuzz_number(&f, 1) % 2)
		tell(&layout, LAYOUT_TSTATE_INTERP, 16);
	tell(&layout, LAYOUT_TSTATE_DATASTACK_CHUNK, 40);
	tell(&layout, LAYOUT_TSTATE_DATASTACK_CACHED, 64);
	fill(&f, &m);
	struct error *err = maps_parse(text, sizeof(text) - 1, &space);
	assert(!err);
	space.ops = &ops;
	space.source = &m;
	m.limit = 3 * (6 * (space.mapped_size / 256) + 3 * (space.mapped_size / 0x4000) + 100);
	for (uint64_t i = 0; i < 2; i++) {
		struct runtime_interpreter *interpreter = vec_push(&runtime.interpreters);
		interpreter->address = raddr_at(STATES + i * 1024);
	}
	err = frames_read(&space, &layout, &runtime, &frames, &doubts);
	assert(!err);
	check(&frames, &space);
	frames_fini(&frames);
	doubts_fini(&doubts);
	runtime_fini(&runtime);
	space_fini(&space);
	return 0;
}
