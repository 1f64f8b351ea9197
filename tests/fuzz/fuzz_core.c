/*
 * core: headers, notes and segments of a core, plain or compressed. What is opened is told from
 * bounded memory, its regions are in order, and every read ends in bytes or a fault.
 */
#include "inspector/target/core/core.h"

#include "fuzz.h"
#include "inspector/target/origin.h"

#include <stdio.h>

#define REGIONS_READ 64

static bool refuse(void *context, int fd, const char *candidate)
{
	(void)context;
	assert(fd >= 0 && candidate);
	return false;
}

static void check_order(const struct space *space)
{
	uint64_t mapped = 0;
	for (size_t i = 0; i < space->regions.count; i++) {
		const struct region *r = &space->regions.items[i];
		const struct region *before = i ? r - 1 : NULL;
		assert(r->size && r->start.value + (r->size - 1) >= r->start.value);
		assert(!before || before->start.value + before->size <= r->start.value);
		assert((r->kind == REGION_FILE) == (r->label != NULL));
		if (r->readable)
			mapped = size_add(mapped, r->size);
	}
	assert(mapped == space->mapped_size);
}

/* At both ends of a region, and over its end. */
static void read_region(struct space *space, const struct region *r)
{
	uint8_t bytes[64];
	const raddr last = raddr_at(r->start.value + (r->size - 1));
	const raddr places[] = {r->start, last, raddr_minus(last, 20)};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		error_free(space_read(space, places[i], bytes, i == 1 ? 1 : sizeof(bytes)));
}

static void look_at(struct origin *origin)
{
	struct facts facts = FACTS_EMPTY;
	struct space space = SPACE_EMPTY;
	const struct core_summary *s = core_summary(origin);
	struct error *err = origin_facts(origin, &facts);
	assert(!err && s && s->n_cut_headers <= s->n_headers);
	assert(!facts.comm || strlen(facts.comm) <= 16);
	facts_fini(&facts);
	err = origin_space(origin, &space);
	if (!err)
		check_order(&space);
	for (size_t i = 0; !err && i < space.regions.count && i < REGIONS_READ; i++)
		read_region(&space, &space.regions.items[i]);
	if (!err && space.regions.count) {
		int fd = -1;
		err = origin_open_file(origin, &space.regions.items[0], refuse, NULL, &fd);
		assert(!err && fd == -1);
	}
	error_free(err);
	space_fini(&space);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {data, size};
	const struct core_request request = {.max_tmp = 1 << 20};
	struct origin origin = ORIGIN_EMPTY;
	char path[64];
	int fd = fuzz_file(&f);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct error *err = core_origin(path, &request, &origin);
	if (!err)
		look_at(&origin);
	error_free(err);
	origin_close(&origin);
	close(fd);
	return 0;
}
