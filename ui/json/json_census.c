/* json_census: rows as they are; what was not asked for, or may not be told, is null. */
#include "ui/json/json_census.h"

#include "base/size.h"
#include "ui/json/json_value.h"

static bool within(size_t i, size_t n, uint64_t limit)
{
	return i < n && (!limit || i < limit);
}

static json_t *buffers(const struct census *c)
{
	json_t *list = json_array();
	for (size_t i = 0; i < c->buffer_kinds.count; i++) {
		const struct census_buffer *b = &c->buffer_kinds.items[i];
		json_t *o = json_object();
		json_value_set(&o, "kind", json_value_text(b->kind));
		json_value_set(&o, "count", json_value_count(b->count));
		json_value_set(&o, "bytes", json_value_count(b->bytes));
		json_value_append(&list, o);
	}
	return list;
}

static json_t *signature(const struct census_signature *s)
{
	json_t *o = json_object(), *keys = json_array();
	for (size_t i = 0; i < s->keys.count; i++)
		json_value_append(&keys, json_value_text(s->keys.items[i]));
	json_value_set(&o, "n_keys", json_value_count(s->n_keys));
	json_value_set(&o, "keys", keys);
	json_value_set(&o, "attributes", json_boolean(s->attributes));
	json_value_set(&o, "count", json_value_count(s->count));
	json_value_set(&o, "bytes", json_value_count(s->bytes));
	return o;
}

static json_t *array(const struct census_array *a)
{
	json_t *o = json_object(), *shape = json_array();
	for (uint32_t i = 0; i < a->n_shape && i < ARRAY_SIZE(a->shape); i++)
		json_value_append(&shape, json_value_count(a->shape[i]));
	json_value_set(&o, "type", json_value_text(a->type));
	json_value_set(&o, "dtype", json_value_text(a->dtype));
	json_value_set(&o, "shape", shape);
	json_value_set(&o, "count", json_value_count(a->count));
	json_value_set(&o, "data_bytes", json_value_count(a->data_bytes));
	return o;
}

static json_t *strings(const struct census_string *items, size_t n, uint64_t limit)
{
	json_t *list = json_array();
	for (size_t i = 0; within(i, n, limit); i++) {
		json_t *o = json_object();
		json_value_set(&o, "text", json_value_text(items[i].text));
		json_value_set(&o, "length", json_value_count(items[i].length));
		json_value_set(&o, "count", json_value_count(items[i].count));
		json_value_set(&o, "bytes", json_value_count(items[i].bytes));
		json_value_append(&list, o);
	}
	return list;
}

json_t *json_census_of(const struct census *c, uint64_t limit)
{
	if (!c->filled)
		return json_null();
	json_t *o = json_object(), *signatures = json_array(), *arrays = json_array();
	for (size_t i = 0; within(i, c->signatures.count, limit); i++)
		json_value_append(&signatures, signature(&c->signatures.items[i]));
	for (size_t i = 0; within(i, c->arrays.count, limit); i++)
		json_value_append(&arrays, array(&c->arrays.items[i]));
	json_value_set(&o, "blocks", json_value_count(c->blocks));
	json_value_set(&o, "objects", json_value_count(c->objects));
	json_value_set(&o, "buffers", json_value_count(c->buffers));
	json_value_set(&o, "free_listed", json_value_count(c->free_listed));
	json_value_set(&o, "unexplained", json_value_count(c->unexplained));
	json_value_set(&o, "large_objects", json_value_count(c->large_objects));
	json_value_set(&o, "blocks_bytes", json_value_count(c->blocks_bytes));
	json_value_set(&o, "unexplained_bytes", json_value_count(c->unexplained_bytes));
	json_value_set(&o, "large_bytes", json_value_count(c->large_bytes));
	json_value_set(&o, "arenas", json_value_count(c->arenas));
	json_value_set(&o, "streamed", json_boolean(c->streamed));
	json_value_set(&o, "copied_bytes", json_value_count(c->copied));
	json_value_set(&o, "window_bytes", json_value_count(c->read_again));
	json_value_set(&o, "copy_us", json_value_count(c->burst_us));
	json_value_set(&o, "buffer_kinds", buffers(c));
	json_value_set(&o, "dicts", signatures);
	json_value_set(&o, "arrays", arrays);
	json_value_set(&o, "duplicates", strings(c->duplicates.items, c->duplicates.count, limit));
	json_value_set(&o, "largest", strings(c->largest.items, c->largest.count, limit));
	return o;
}

static json_t *row(const struct census_row *r)
{
	json_t *o = json_object();
	json_value_set(&o, "type", json_value_text(r->name));
	json_value_set(&o, "address",
		       raddr_is_null(r->type) ? json_null() : json_value_address(r->type));
	json_value_set(&o, "namesakes", json_value_count(r->n_namesakes));
	json_value_set(&o, "count", json_value_count(r->count));
	json_value_set(&o, "bytes", json_value_count(r->bytes));
	json_value_set(&o, "buffer_count", json_value_count(r->buffer_count));
	json_value_set(&o, "buffer_bytes", json_value_count(r->buffer_bytes));
	json_value_set(&o, "large_count", json_value_count(r->large_count));
	json_value_set(&o, "large_bytes", json_value_count(r->large_bytes));
	json_value_set(&o, "arenas", json_value_count(r->arenas));
	json_value_set(&o, "free_listed", json_value_count(r->dead));
	return o;
}

json_t *json_census_types(const struct census *c, uint64_t limit)
{
	if (!c->filled)
		return json_null();
	json_t *list = json_array();
	for (size_t i = 0; within(i, c->types.count, limit); i++)
		json_value_append(&list, row(&c->types.items[i]));
	return list;
}

/* ---- one object -------------------------------------------------------------------------- */

static json_t *referrer(const struct holder_referrer *r)
{
	json_t *o = json_object();
	json_value_set(&o, "address", json_value_address(r->at));
	json_value_set(&o, "type", json_value_text(r->type));
	json_value_set(&o, "how", json_value_text(r->how));
	return o;
}

static json_t *address_or_null(raddr at)
{
	return raddr_is_null(at) ? json_null() : json_value_address(at);
}

static json_t *links(char *const *items, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_value_append(&list, json_value_text(items[i]));
	return list;
}

json_t *json_object_of(const struct inspector_object *object)
{
	json_t *o = json_object(), *referrers = json_array();
	const struct holder_chain *chain = &object->chain;
	for (size_t i = 0; i < object->referrers.list.count; i++)
		json_value_append(&referrers, referrer(&object->referrers.list.items[i]));
	json_value_set(&o, "found", json_boolean(object->found));
	json_value_set(&o, "address", json_value_address(object->at));
	json_value_set(&o, "type", json_value_text(object->type));
	json_value_set(&o, "preview", json_value_text(object->preview));
	json_value_set(&o, "where", json_value_text(object->where));
	json_value_set(&o, "bytes", json_value_count(object->size));
	json_value_set(&o, "total_bytes", json_value_count(object->with_buffers));
	json_value_set(&o, "refcount",
		       object->type ? json_value_count(object->refcount) : json_null());
	json_value_set(&o, "immortal", json_boolean(object->immortal));
	json_value_set(&o, "deferred", json_boolean(object->deferred));
	json_value_set(&o, "dead", json_boolean(object->dead));
	json_value_set(&o, "found_references", json_value_maybe(object->found_references));
	json_value_set(&o, "arena", address_or_null(object->arena));
	json_value_set(&o, "pool", address_or_null(object->pool));
	json_value_set(&o, "referrers", referrers);
	json_value_set(&o, "n_referrers", json_value_count(object->referrers.n_all));
	json_value_set(&o, "chain",
		       chain->links.count ? links(chain->links.items, chain->links.count)
					  : json_null());
	return o;
}
