/* json_malloc: keys of malloc_info are glibc's own names; a setting of 0 that means "not set" is null. */
#include "ui/json/json_malloc.h"

#include "ui/json/json_value.h"

static json_t *threads(const struct malloc_arena *a)
{
	json_t *list = json_array();
	for (size_t i = 0; i < a->threads.count; i++)
		json_value_append(&list, json_value_text(a->threads.items[i]));
	return list;
}

static json_t *pin(const struct malloc_pin *p)
{
	if (raddr_is_null(p->chunk))
		return json_null();
	json_t *o = json_object();
	json_value_set(&o, "address", json_value_address(p->chunk));
	json_value_set(&o, "size_bytes", json_value_count(p->size));
	json_value_set(&o, "free_below_bytes", json_value_count(p->below));
	json_value_set(&o, "cached", json_boolean(p->cached));
	return o;
}

static void add_bytes(json_t **o, const struct malloc_arena *a)
{
	json_value_set(o, "system_bytes", json_value_count(a->system));
	json_value_set(o, "max_system_bytes", json_value_count(a->max_system));
	json_value_set(o, "in_use_bytes", json_value_count(a->in_use));
	json_value_set(o, "tcache_bytes", json_value_count(a->tcache));
	json_value_set(o, "fastbin_bytes", json_value_count(a->fastbin));
	json_value_set(o, "free_bytes", json_value_count(a->free));
	json_value_set(o, "free_resident_bytes", json_value_maybe(a->free_resident));
	json_value_set(o, "top_bytes", json_value_count(a->top));
	json_value_set(o, "top_resident_bytes", json_value_maybe(a->top_resident));
	json_value_set(o, "overhead_bytes", json_value_count(a->overhead));
	json_value_set(o, "trimmable_bytes", json_value_maybe(a->trimmable));
	json_value_set(o, "stuck_bytes", json_value_maybe(a->stuck));
}

static json_t *arena(const struct malloc_arena *a)
{
	json_t *o = json_object();
	json_value_set(&o, "address", json_value_address(a->address));
	json_value_set(&o, "main", json_boolean(a->main));
	json_value_set(&o, "threads", threads(a));
	json_value_set(&o, "attached_threads", json_value_count(a->n_attached));
	json_value_set(&o, "heaps", json_value_count(a->n_heaps));
	json_value_set(&o, "chunks", json_value_count(a->n_chunks));
	json_value_set(&o, "tcache_chunks", json_value_count(a->n_tcache));
	json_value_set(&o, "fastbin_chunks", json_value_count(a->n_fastbin));
	json_value_set(&o, "free_chunks", json_value_count(a->n_free));
	add_bytes(&o, a);
	json_value_set(&o, "pin", pin(&a->pin));
	json_value_set(&o, "verified", json_boolean(a->verified));
	json_value_set(&o, "damage", json_value_quote(a->damage));
	return o;
}

static json_t *arenas(const struct malloc_account *account, uint64_t limit)
{
	json_t *list = json_array();
	for (size_t i = 0; i < account->arenas.count && (!limit || i < limit); i++)
		json_value_append(&list, arena(&account->arenas.items[i]));
	return list;
}

static json_t *info(const struct malloc_account *account)
{
	const struct malloc_info *i = &account->info;
	if (!account->has_info)
		return json_null();
	json_t *o = json_object();
	json_value_set(&o, "arena", json_value_count(i->arena));
	json_value_set(&o, "ordblks", json_value_count(i->ordblks));
	json_value_set(&o, "smblks", json_value_count(i->smblks));
	json_value_set(&o, "hblks", json_value_count(i->hblks));
	json_value_set(&o, "hblkhd", json_value_count(i->hblkhd));
	json_value_set(&o, "fsmblks", json_value_count(i->fsmblks));
	json_value_set(&o, "uordblks", json_value_count(i->uordblks));
	json_value_set(&o, "fordblks", json_value_count(i->fordblks));
	json_value_set(&o, "keepcost", json_value_count(i->keepcost));
	return o;
}

static json_t *unless_zero(uint64_t value)
{
	return value ? json_value_count(value) : json_null();
}

static json_t *ineffective(const struct malloc_settings *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->ineffective.count; i++)
		json_value_append(&list, json_value_text(s->ineffective.items[i]));
	return list;
}

static json_t *settings(const struct malloc_account *account)
{
	const struct malloc_settings *s = &account->settings;
	if (!account->has_settings)
		return json_null();
	json_t *o = json_object();
	json_value_set(&o, "mmap_threshold", json_value_count(s->mmap_threshold));
	json_value_set(&o, "trim_threshold", json_value_count(s->trim_threshold));
	json_value_set(&o, "dynamic", json_boolean(s->dynamic));
	json_value_set(&o, "moved", json_boolean(s->moved));
	json_value_set(&o, "top_pad", json_value_count(s->top_pad));
	json_value_set(&o, "arena_max", unless_zero(s->arena_max));
	json_value_set(&o, "arena_test", unless_zero(s->arena_test));
	json_value_set(&o, "arena_limit", unless_zero(s->arena_limit));
	json_value_set(&o, "mmaps_max", json_value_count(s->n_mmaps_max));
	json_value_set(&o, "tcache_max", json_value_maybe(s->tcache_max));
	json_value_set(&o, "ineffective", ineffective(s));
	return o;
}

static json_t *mmapped(const struct malloc_account *account)
{
	if (account->implementation != MALLOC_GLIBC)
		return json_null();
	json_t *o = json_object();
	json_value_set(&o, "chunks", json_value_count(account->n_mmapped));
	json_value_set(&o, "bytes", json_value_count(account->mmapped));
	json_value_set(&o, "chunks_told", json_value_count(account->n_mmapped_told));
	json_value_set(&o, "bytes_told", json_value_count(account->mmapped_told));
	return o;
}

json_t *json_malloc_of(const struct malloc_account *account, uint64_t limit)
{
	if (!account->filled)
		return json_null();
	json_t *o = json_object();
	bool has_version = account->version[0];
	json_value_set(&o, "implementation",
		       json_string(malloc_implementation_name(account->implementation)));
	json_value_set(&o, "version", json_value_text(has_version ? account->version : NULL));
	json_value_set(&o, "library", json_value_text(account->library));
	json_value_set(&o, "trimmable_bytes", json_value_maybe(account->trimmable));
	json_value_set(&o, "arenas", arenas(account, limit));
	json_value_set(&o, "mmapped", mmapped(account));
	json_value_set(&o, "mallinfo2", info(account));
	json_value_set(&o, "settings", settings(account));
	return o;
}
