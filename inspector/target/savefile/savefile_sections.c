/*
 * savefile_sections: one struct or one value behind the other, each length checked before
 * it is used.
 */
#include "inspector/target/savefile/savefile_sections.h"

#include "base/cleanup.h"

#include <string.h>

/* ---- writing -------------------------------------------------------------------------- */

enum region_flag {
	REGION_FLAG_READ = 1,
	REGION_FLAG_WRITE = 2,
	REGION_FLAG_EXECUTE = 4,
	REGION_FLAG_SHARED = 8,
	REGION_FLAG_DELETED = 16,
	REGION_FLAG_KIND = 8 /* bits from here on: enum region_kind */
};

static uint32_t region_flags(const struct region *r)
{
	return (r->readable ? REGION_FLAG_READ : 0u) | (r->writable ? REGION_FLAG_WRITE : 0u) |
	       (r->executable ? REGION_FLAG_EXECUTE : 0u) | (r->shared ? REGION_FLAG_SHARED : 0u) |
	       (r->deleted ? REGION_FLAG_DELETED : 0u) | (uint32_t)r->kind << REGION_FLAG_KIND;
}

static bool put_region(const struct region *r, struct savefile_buffer *to)
{
	size_t label = r->label ? strnlen(r->label, SAVEFILE_LABEL_MAX) : 0;
	return savefile_put_number(to, r->start.value, 8) && savefile_put_number(to, r->size, 8) &&
	       savefile_put_number(to, r->file_offset, 8) &&
	       savefile_put_number(to, r->device, 8) && savefile_put_number(to, r->inode, 8) &&
	       savefile_put_number(to, region_flags(r), 4) && savefile_put_number(to, label, 4) &&
	       (!label || savefile_put_bytes(to, r->label, label));
}

bool savefile_put_regions(const struct space *space, struct savefile_buffer *to)
{
	for (size_t i = 0; i < space->regions.count; i++)
		if (!put_region(&space->regions.items[i], to))
			return false;
	return true;
}

/* Sizes are of whole pages, which leaves twelve bits. */
enum residency_flag {
	RESIDENCY_FLAG_SWAPPED = 1,
	RESIDENCY_FLAG_TRAITS = 1, /* bits from here on: enum residency_trait */
	RESIDENCY_FLAG_MASK = 31,
};

static uint64_t residency_flags(const struct residency_range *r)
{
	return (r->swapped ? RESIDENCY_FLAG_SWAPPED : 0u) | (unsigned)r->traits
								    << RESIDENCY_FLAG_TRAITS;
}

bool savefile_put_residency(const struct residency *residency, struct savefile_buffer *to)
{
	for (size_t i = 0; i < residency->ranges.count; i++) {
		const struct residency_range *r = &residency->ranges.items[i];
		if (r->size && (!savefile_put_number(to, r->start.value, 8) ||
				!savefile_put_number(to, r->size | residency_flags(r), 8)))
			return false;
	}
	return true;
}

#define THREAD_SIZE 40

enum tag {
	TAG_PID = 1,
	TAG_UID,
	TAG_STATE,
	TAG_COMM,
	TAG_EXE,
	TAG_ARGUMENT, /* once for each */
	TAG_STARTED_AT,
	TAG_TAKEN_AT, /* nanoseconds since 1970 */
	TAG_THREADS,
	TAG_RSS,
	TAG_PEAK_RSS,
	TAG_SWAP,
	TAG_PAGE_TABLES,
	TAG_SYSTEM_MEMORY,
	TAG_MOMENT, /* enum space_moment */
	TAG_LABEL,
	TAG_PSS,
	TAG_LAZY_FREE,
	TAG_LAZY_MAPPING, /* once for each: start, size, bytes */
	TAG_PURSE_VERSION,
	TAG_PURSE_CURRENT,
	TAG_PURSE_LIMIT, /* and all after it: UINT64_MAX where there is none */
	TAG_PURSE_HIGH,
	TAG_PURSE_PEAK,
	TAG_PURSE_OOM_EVENTS,
	TAG_PURSE_HEADROOM,
	TAG_PURSE_SHARE,
	TAG_THREAD = 32, /* once for each */
	TAG_AT_WORK,     /* not 0: the heap changed while it was saved */
};

static bool put_value(struct savefile_buffer *to, enum tag tag, uint64_t value)
{
	return savefile_put_number(to, tag, 4) && savefile_put_number(to, 8, 4) &&
	       savefile_put_number(to, value, 8);
}

static bool put_string(struct savefile_buffer *to, enum tag tag, const char *string)
{
	size_t length = string ? strnlen(string, UINT32_MAX) : 0;
	return !string || (savefile_put_number(to, tag, 4) && savefile_put_number(to, length, 4) &&
			   savefile_put_bytes(to, string, length));
}

static uint64_t nanoseconds(struct timespec t)
{
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Not known: not there. */
static bool put_maybe(struct savefile_buffer *to, enum tag tag, struct maybe value)
{
	if (!value.known && !value.absent)
		return true;
	return put_value(to, tag, value.known ? value.value : UINT64_MAX);
}

static bool put_purse(const struct purse *p, struct savefile_buffer *to)
{
	return put_value(to, TAG_PURSE_VERSION, (uint64_t)p->version) &&
	       put_maybe(to, TAG_PURSE_CURRENT, p->current) &&
	       put_maybe(to, TAG_PURSE_LIMIT, p->limit) && put_maybe(to, TAG_PURSE_HIGH, p->high) &&
	       put_maybe(to, TAG_PURSE_PEAK, p->peak) &&
	       put_maybe(to, TAG_PURSE_OOM_EVENTS, p->oom_events) &&
	       put_maybe(to, TAG_PURSE_HEADROOM, p->headroom) &&
	       put_maybe(to, TAG_PURSE_SHARE, p->share_ppm);
}

static bool put_account(const struct account *a, struct savefile_buffer *to)
{
	bool ok = put_maybe(to, TAG_PSS, a->pss) && put_maybe(to, TAG_LAZY_FREE, a->lazy_free) &&
		  put_purse(&a->purse, to);
	for (size_t i = 0; ok && i < a->mappings.count; i++) {
		const struct account_mapping *m = &a->mappings.items[i];
		if (m->lazy_free)
			ok = savefile_put_number(to, TAG_LAZY_MAPPING, 4) &&
			     savefile_put_number(to, 24, 4) &&
			     savefile_put_number(to, m->start.value, 8) &&
			     savefile_put_number(to, m->size, 8) &&
			     savefile_put_number(to, m->lazy_free, 8);
	}
	return ok;
}

/* tid, thread pointer, stack pointer, name: 40 bytes. */
static bool put_threads(struct savefile_buffer *to, const struct threads *threads)
{
	bool ok = true;
	for (size_t i = 0; ok && i < threads->list.count; i++) {
		const struct thread *t = &threads->list.items[i];
		ok = savefile_put_number(to, TAG_THREAD, 4) &&
		     savefile_put_number(to, THREAD_SIZE, 4) &&
		     savefile_put_number(to, (uint64_t)t->tid, 8) &&
		     savefile_put_number(to, t->pointer.value, 8) &&
		     savefile_put_number(to, t->stack.value, 8) &&
		     savefile_put_bytes(to, t->name, sizeof(t->name));
	}
	return ok;
}

static bool take_thread(struct threads *threads, const uint8_t *data)
{
	struct bytes b = bytes_of(data, THREAD_SIZE);
	struct thread *thread = vec_push(&threads->list);
	if (!thread)
		return false;
	*thread = (struct thread){.tid = (pid_t)(bytes_u64(&b, 0) & INT32_MAX),
				  .pointer = bytes_raddr(&b, 8),
				  .stack = bytes_raddr(&b, 16)};
	memcpy(thread->name, data + 24, sizeof(thread->name) - 1);
	return true;
}

bool savefile_put_facts(const struct savefile_facts *facts, bool with_arguments,
			struct savefile_buffer *to)
{
	const struct facts *f = &facts->facts;
	const struct {
		enum tag tag;
		uint64_t value;
	} values[] = {
		{TAG_PID, (uint64_t)f->pid},
		{TAG_UID, f->uid},
		{TAG_STATE, (uint8_t)f->state},
		{TAG_STARTED_AT, nanoseconds(f->started_at)},
		{TAG_TAKEN_AT, nanoseconds(f->taken_at)},
		{TAG_THREADS, f->n_threads},
		{TAG_RSS, f->rss},
		{TAG_PEAK_RSS, f->peak_rss},
		{TAG_SWAP, f->swap},
		{TAG_PAGE_TABLES, f->page_tables},
		{TAG_SYSTEM_MEMORY, f->system_memory},
		{TAG_MOMENT, facts->moment},
		{TAG_AT_WORK, f->at_work},
	};
	bool ok = put_threads(to, &f->threads) && put_string(to, TAG_COMM, f->comm) &&
		  put_string(to, TAG_EXE, f->exe) && put_string(to, TAG_LABEL, f->label);
	for (size_t i = 0; ok && i < ARRAY_SIZE(values); i++)
		ok = put_value(to, values[i].tag, values[i].value);
	for (size_t i = 0; ok && with_arguments && i < f->cmdline.count; i++)
		ok = put_string(to, TAG_ARGUMENT, f->cmdline.items[i]);
	return ok && put_account(&facts->account, to);
}

/* ---- reading -------------------------------------------------------------------------- */

static struct error *damaged(const char *what)
{
	return error_new(ERROR_BAD_FILE, "the snapshot is damaged: %s", what);
}

static bool is_sound(const struct region *r, raddr above)
{
	raddr end;
	return r->size > 0 && r->start.value % SAVEFILE_PAGE == 0 && r->size % SAVEFILE_PAGE == 0 &&
	       raddr_compare(r->start, above) >= 0 && raddr_step(r->start, r->size, &end) &&
	       r->kind <= REGION_SPECIAL;
}

static struct region region_get(struct bytes *b, size_t at)
{
	uint32_t flags = bytes_u32(b, at + 40);
	return (struct region){
		.start = bytes_raddr(b, at),
		.size = bytes_u64(b, at + 8),
		.file_offset = bytes_u64(b, at + 16),
		.device = bytes_u64(b, at + 24),
		.inode = bytes_u64(b, at + 32),
		.readable = flags & REGION_FLAG_READ,
		.writable = flags & REGION_FLAG_WRITE,
		.executable = flags & REGION_FLAG_EXECUTE,
		.shared = flags & REGION_FLAG_SHARED,
		.deleted = flags & REGION_FLAG_DELETED,
		.kind = flags >> REGION_FLAG_KIND,
	};
}

struct error *savefile_get_regions(const void *data, size_t size, struct space *ret)
{
	struct bytes b = bytes_of(data, size);
	raddr above = RADDR_NULL;
	for (size_t at = 0; at < size;) {
		struct region r = region_get(&b, at);
		uint32_t label = bytes_u32(&b, at + 44);
		at += SAVEFILE_REGION_SIZE;
		if (b.overrun || label > SAVEFILE_LABEL_MAX || label > size - at ||
		    !is_sound(&r, above) || (label && memchr(b.data + at, '\0', label)))
			return damaged("its list of mappings");
		above = raddr_plus(r.start, r.size);
		if (label)
			r.label = strndup((const char *)data + at, label);
		struct region *place = label && !r.label ? NULL : vec_push(&ret->regions);
		if (!place) {
			free(r.label);
			return error_out_of_memory();
		}
		*place = r;
		at += label;
	}
	return NULL;
}

struct error *savefile_get_residency(const void *data, size_t size, struct residency *ret)
{
	struct bytes b = bytes_of(data, size);
	raddr above = RADDR_NULL;
	for (size_t at = 0; at < size; at += 16) {
		raddr start = bytes_raddr(&b, at), end;
		uint64_t word = bytes_u64(&b, at + 8);
		uint64_t flags = word & RESIDENCY_FLAG_MASK, length = word - flags;
		if (b.overrun || length == 0 || length % SAVEFILE_PAGE != 0 ||
		    raddr_compare(start, above) < 0 || !raddr_step(start, length, &end))
			return damaged("its list of resident pages");
		above = end;
		if (!residency_add_traits(ret, start, length, flags & RESIDENCY_FLAG_SWAPPED,
					  (unsigned)(flags >> RESIDENCY_FLAG_TRAITS)))
			return error_out_of_memory();
	}
	return NULL;
}

static struct timespec time_of(uint64_t ns)
{
	return (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
}

static struct maybe maybe_of(uint64_t value)
{
	return value == UINT64_MAX ? (struct maybe){.absent = true} : maybe_known(value);
}

static void take_account_value(struct account *a, uint32_t tag, uint64_t value)
{
	struct maybe *const figures[] = {
		[TAG_PSS] = &a->pss,
		[TAG_LAZY_FREE] = &a->lazy_free,
		[TAG_PURSE_CURRENT] = &a->purse.current,
		[TAG_PURSE_LIMIT] = &a->purse.limit,
		[TAG_PURSE_HIGH] = &a->purse.high,
		[TAG_PURSE_PEAK] = &a->purse.peak,
		[TAG_PURSE_OOM_EVENTS] = &a->purse.oom_events,
		[TAG_PURSE_HEADROOM] = &a->purse.headroom,
		[TAG_PURSE_SHARE] = &a->purse.share_ppm,
	};
	if (tag < ARRAY_SIZE(figures) && figures[tag])
		*figures[tag] = maybe_of(value);
	else if (tag == TAG_PURSE_VERSION)
		a->purse.version = value <= 2 ? (int)value : 0;
}

static struct error *take_lazy_mapping(struct account *a, const struct bytes *b, size_t at)
{
	struct bytes from = *b;
	struct account_mapping *m = vec_push(&a->mappings);
	if (!m)
		return error_out_of_memory();
	*m = (struct account_mapping){.start = bytes_raddr(&from, at),
				      .size = bytes_u64(&from, at + 8),
				      .lazy_free = bytes_u64(&from, at + 16)};
	return NULL;
}

static void take_value(struct savefile_facts *ret, uint32_t tag, uint64_t value)
{
	struct facts *f = &ret->facts;
	uint64_t *const numbers[] = {
		[TAG_THREADS] = &f->n_threads,       [TAG_RSS] = &f->rss,
		[TAG_PEAK_RSS] = &f->peak_rss,       [TAG_SWAP] = &f->swap,
		[TAG_PAGE_TABLES] = &f->page_tables, [TAG_SYSTEM_MEMORY] = &f->system_memory,
	};
	if (tag < ARRAY_SIZE(numbers) && numbers[tag])
		*numbers[tag] = value;
	else if (tag == TAG_PID)
		f->pid = value <= INT32_MAX ? (pid_t)value : 0;
	else if (tag == TAG_UID)
		f->uid = (uid_t)value;
	else if (tag == TAG_STATE)
		f->state = (char)value;
	else if (tag == TAG_STARTED_AT)
		f->started_at = time_of(value);
	else if (tag == TAG_TAKEN_AT)
		f->taken_at = time_of(value);
	else if (tag == TAG_AT_WORK)
		f->at_work = value != 0;
	else if (tag == TAG_MOMENT && value <= SPACE_MANY)
		ret->moment = (enum space_moment)value;
	else
		take_account_value(&ret->account, tag, value);
}

static bool take_string(struct facts *f, uint32_t tag, const char *data, size_t size)
{
	char **place = tag == TAG_COMM    ? &f->comm
		       : tag == TAG_EXE   ? &f->exe
		       : tag == TAG_LABEL ? &f->label
					  : NULL;
	if (tag == TAG_ARGUMENT)
		place = vec_push(&f->cmdline);
	else if (!place)
		return true;
	if (!place)
		return false;
	free(*place);
	*place = strndup(data, size);
	return *place;
}

static struct error *take_facts(const void *data, size_t size, struct savefile_facts *ret)
{
	struct bytes b = bytes_of(data, size);
	for (size_t at = 0; at < size;) {
		uint32_t tag = bytes_u32(&b, at), length = bytes_u32(&b, at + 4);
		at += 8;
		if (b.overrun || length > size - at)
			return damaged("what it says of its process");
		if (!take_string(&ret->facts, tag, (const char *)data + at, length))
			return error_out_of_memory();
		if (length == 8)
			take_value(ret, tag, bytes_u64(&b, at));
		if (tag == TAG_LAZY_MAPPING && length == 24) {
			struct error *err = take_lazy_mapping(&ret->account, &b, at);
			if (err)
				return err;
		}
		if (tag == TAG_THREAD && length == THREAD_SIZE &&
		    !take_thread(&ret->facts.threads, b.data + at))
			return error_out_of_memory();
		at += length;
	}
	return NULL;
}

struct error *savefile_get_facts(const void *data, size_t size, struct savefile_facts *ret)
{
	struct savefile_facts facts = {.facts = FACTS_EMPTY};
	struct error *err = take_facts(data, size, &facts);
	if (err) {
		savefile_facts_fini(&facts);
		return err;
	}
	const struct facts *f = &facts.facts;
	if (f->rss) {
		facts.account.rss = maybe_known(f->rss);
		facts.account.peak_rss = maybe_known(f->peak_rss);
		facts.account.swap = maybe_known(f->swap);
	}
	*ret = facts;
	return NULL;
}

void savefile_facts_fini(struct savefile_facts *facts)
{
	facts_fini(&facts->facts);
	account_fini(&facts->account);
}
