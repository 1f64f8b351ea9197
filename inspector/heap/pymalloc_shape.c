/*
 * pymalloc_shape: the layout table says where fields lie; hundreds of thousands of
 * structs are decoded by it, so its answers are checked here once and for all.
 */
#include "inspector/heap/pymalloc_shape.h"

#include "base/size.h"

#include <string.h>

struct wanted {
	enum layout_entry_id id;
	size_t width;
	size_t *offset;
};

static struct error *find_size(const struct layout *layout, enum layout_entry_id id, size_t *ret)
{
	if (!layout_has(layout, id))
		return error_new(ERROR_SYMBOLS, "the size of struct %s is not known",
				 layout_type(id));
	uint64_t size = layout_width(layout, id);
	if (size < 8 || size > PYMALLOC_STRUCT_MAX)
		return error_new(ERROR_SYMBOLS, "struct %s of %" PRIu64 " bytes", layout_type(id),
				 size);
	*ret = (size_t)size;
	return NULL;
}

static struct error *find_fields(const struct layout *layout, const struct wanted *wanted, size_t n,
				 size_t struct_size)
{
	for (size_t i = 0; i < n; i++) {
		enum layout_entry_id id = wanted[i].id;
		if (!layout_has(layout, id))
			return error_new(ERROR_SYMBOLS, "%s.%s is not known", layout_type(id),
					 layout_path(id));
		uint64_t offset = layout_offset(layout, id);
		if (offset > struct_size || wanted[i].width > struct_size - offset)
			return error_new(ERROR_SYMBOLS, "%s.%s lies outside its struct",
					 layout_type(id), layout_path(id));
		*wanted[i].offset = (size_t)offset;
	}
	return NULL;
}

struct error *pymalloc_shape_init(const struct layout *layout, struct pymalloc_shape *ret)
{
	struct pymalloc_shape s = {0};
	const struct wanted arena[] = {
		{LAYOUT_ARENA_ADDRESS, 8, &s.arena.address},
		{LAYOUT_ARENA_POOL_ADDRESS, 8, &s.arena.pool_address},
		{LAYOUT_ARENA_NFREEPOOLS, 4, &s.arena.nfreepools},
		{LAYOUT_ARENA_NTOTALPOOLS, 4, &s.arena.ntotalpools},
		{LAYOUT_ARENA_FREEPOOLS, 8, &s.arena.freepools},
		{LAYOUT_ARENA_NEXTARENA, 8, &s.arena.next},
		{LAYOUT_ARENA_PREVARENA, 8, &s.arena.prev},
	};
	const struct wanted pool[] = {
		{LAYOUT_POOL_REF_COUNT, 4, &s.pool.count},
		{LAYOUT_POOL_FREEBLOCK, 8, &s.pool.freeblock},
		{LAYOUT_POOL_NEXTPOOL, 8, &s.pool.next},
		{LAYOUT_POOL_PREVPOOL, 8, &s.pool.prev},
		{LAYOUT_POOL_ARENAINDEX, 4, &s.pool.arenaindex},
		{LAYOUT_POOL_SZIDX, 4, &s.pool.szidx},
		{LAYOUT_POOL_NEXTOFFSET, 4, &s.pool.nextoffset},
		{LAYOUT_POOL_MAXNEXTOFFSET, 4, &s.pool.maxnextoffset},
	};
	struct error *err = find_size(layout, LAYOUT_ARENA_OBJECT_SIZE, &s.arena_size);
	if (err)
		return err;
	err = find_size(layout, LAYOUT_POOL_HEADER_SIZE, &s.header_size);
	if (err)
		return err;
	err = find_fields(layout, arena, ARRAY_SIZE(arena), s.arena_size);
	if (err)
		return err;
	err = find_fields(layout, pool, ARRAY_SIZE(pool), s.header_size);
	if (err)
		return err;
	*ret = s;
	return NULL;
}

static uint32_t u32_at(const uint8_t *bytes, size_t offset)
{
	uint32_t value;
	memcpy(&value, bytes + offset, sizeof(value));
	return value;
}

static raddr raddr_in_bytes(const uint8_t *bytes, size_t offset)
{
	uint64_t value;
	memcpy(&value, bytes + offset, sizeof(value));
	return raddr_at(value);
}

struct pymalloc_arena_object pymalloc_shape_arena(const struct pymalloc_shape *shape,
						  const uint8_t *bytes)
{
	return (struct pymalloc_arena_object){
		.address = raddr_in_bytes(bytes, shape->arena.address),
		.pool_address = raddr_in_bytes(bytes, shape->arena.pool_address),
		.freepools = raddr_in_bytes(bytes, shape->arena.freepools),
		.next = raddr_in_bytes(bytes, shape->arena.next),
		.prev = raddr_in_bytes(bytes, shape->arena.prev),
		.nfreepools = u32_at(bytes, shape->arena.nfreepools),
		.ntotalpools = u32_at(bytes, shape->arena.ntotalpools),
	};
}

struct pymalloc_header pymalloc_shape_header(const struct pymalloc_shape *shape,
					     const uint8_t *bytes)
{
	return (struct pymalloc_header){
		.freeblock = raddr_in_bytes(bytes, shape->pool.freeblock),
		.next = raddr_in_bytes(bytes, shape->pool.next),
		.prev = raddr_in_bytes(bytes, shape->pool.prev),
		.count = u32_at(bytes, shape->pool.count),
		.arenaindex = u32_at(bytes, shape->pool.arenaindex),
		.szidx = u32_at(bytes, shape->pool.szidx),
		.nextoffset = u32_at(bytes, shape->pool.nextoffset),
		.maxnextoffset = u32_at(bytes, shape->pool.maxnextoffset),
	};
}
