/*
 * cross_check: the scan's marks, looked for only where symbols say that they are.
 *
 *	usedpools	refers to itself, class by class
 *	arenas		holds every pool at the ends of those lists
 *	maxarenas	is how many slots it has
 *	the lists	begin where the slots' links begin
 */
#include "inspector/scan/cross_check.h"

#include "base/cleanup.h"
#include "inspector/scan/arena_table.h"
#include "inspector/scan/rest.h"
#include "inspector/scan/state_place.h"

#define TRIES 40 /* some 130 ms */

/* Where the variables are by the layout; null: absent. */
struct places {
	raddr usedpools, arenas, maxarenas, unused, usable;
};

struct check {
	struct space *space;
	const struct elf_image *image;
	const struct layout *layout;
	struct pymalloc_shape shape;
	struct places places;
	const char *what;
};

static raddr variable(const struct check *c, enum layout_entry_id id)
{
	return layout_has(c->layout, id) ? raddr_at(c->image->bias + layout_offset(c->layout, id))
					 : RADDR_NULL;
}

static raddr member(const struct check *c, raddr state, enum layout_entry_id id)
{
	return layout_has(c->layout, id) ? raddr_plus(state, layout_offset(c->layout, id))
					 : RADDR_NULL;
}

static struct error *find_places(struct check *c)
{
	raddr state;
	if (!layout_has(c->layout, LAYOUT_INTERP_OBMALLOC)) {
		c->places = (struct places){
			.usedpools = variable(c, LAYOUT_STATIC_USEDPOOLS),
			.arenas = variable(c, LAYOUT_STATIC_ARENAS),
			.maxarenas = variable(c, LAYOUT_STATIC_MAXARENAS),
			.unused = variable(c, LAYOUT_STATIC_UNUSED_ARENA_OBJECTS),
			.usable = variable(c, LAYOUT_STATIC_USABLE_ARENAS),
		};
		return NULL;
	}
	c->places = (struct places){.usedpools = RADDR_NULL};
	struct error *err = state_place_follow(c->space, c->image, c->layout, &state);
	if (err || raddr_is_null(state))
		return err;
	c->places = (struct places){
		.usedpools = member(c, state, LAYOUT_STATE_USEDPOOLS),
		.arenas = member(c, state, LAYOUT_STATE_ARENAS),
		.maxarenas = member(c, state, LAYOUT_STATE_MAXARENAS),
		.unused = member(c, state, LAYOUT_STATE_UNUSED_ARENA_OBJECTS),
		.usable = member(c, state, LAYOUT_STATE_USABLE_ARENAS),
	};
	return NULL;
}

/* The value of a variable of `size` bytes; *ret_read false: absent or not to be read. */
static struct error *read_value(const struct check *c, raddr at, size_t size, uint64_t *ret,
				bool *ret_read)
{
	*ret = 0;
	*ret_read = !raddr_is_null(at);
	struct error *err = *ret_read ? space_read(c->space, at, ret, size) : NULL;
	*ret_read &= !err;
	return err && error_catch(&err, ERROR_FAULT) ? NULL : err;
}

static struct error *compare(struct check *c, raddr at, size_t size, uint64_t expected,
			     const char *what)
{
	uint64_t value;
	bool read;
	struct error *err = read_value(c, at, size, &value, &read);
	if (!err && read && value != expected && !c->what)
		c->what = what;
	return err;
}

/* Whether the table is one that only cannot be read: swapped out, it disproves nothing. */
static struct error *is_away(const struct check *c, uint64_t arenas, bool *ret)
{
	uint8_t slot[PYMALLOC_STRUCT_MAX];
	struct error *err = space_read(c->space, raddr_at(arenas), slot, c->shape.arena_size);
	*ret = err && space_region(c->space, raddr_at(arenas));
	return err && error_catch(&err, ERROR_FAULT) ? NULL : err;
}

static struct error *check_arenas(struct check *c, const struct pool_table *pools,
				  enum cross_check_result *ret)
{
	_cleanup_(arena_table_fini) struct arena_table table = {.slots = NULL};
	uint64_t arenas;
	bool read, away = false, fits = false;
	struct error *err = read_value(c, c->places.arenas, 8, &arenas, &read);
	if (!err && read)
		err = is_away(c, arenas, &away);
	if (err || !read || away)
		return err;
	err = arena_table_read(c->space, &c->shape, pools, raddr_at(arenas), &fits, &table);
	if (!err && !fits)
		c->what = "arenas does not hold the pools in use";
	if (!err && fits)
		err = compare(c, c->places.maxarenas, 4, table.n_slots,
			      "maxarenas is not the length of arenas");
	if (!err && fits)
		err = compare(c, c->places.unused, 8, table.unused.value,
			      "unused_arena_objects is not the head of its list");
	if (!err && fits)
		err = compare(c, c->places.usable, 8, table.usable.value,
			      "usable_arenas is not the head of its list");
	*ret = c->what ? CROSS_CHECK_DISAGREES : CROSS_CHECK_AGREES;
	return err;
}

static struct error *check_once(struct check *c, enum cross_check_result *ret)
{
	struct pool_table pools;
	bool found;
	*ret = CROSS_CHECK_SILENT;
	c->what = NULL;
	struct error *err = find_places(c);
	if (err || raddr_is_null(c->places.usedpools))
		return err;
	err = pool_table_read(c->space, &c->shape, c->places.usedpools, 0, &found, &pools);
	if (err || pools.n_unseen > 0)
		return err;
	if (!found) {
		c->what = "usedpools is no table of lists of pools";
		*ret = CROSS_CHECK_DISAGREES;
		return NULL;
	}
	return pools.n_heads ? check_arenas(c, &pools, ret) : NULL;
}

struct error *cross_check(struct space *space, const struct elf_image *image,
			  const struct layout *layout, bool moves, enum cross_check_result *ret,
			  const char **ret_what)
{
	struct check c = {.space = space, .image = image, .layout = layout};
	struct error *err = pymalloc_shape_init(layout, &c.shape);
	*ret = CROSS_CHECK_SILENT;
	*ret_what = NULL;
	if (err) /* built without pymalloc */
		return error_catch(&err, ERROR_SYMBOLS) ? NULL : err;
	for (int i = 0; i < (moves ? TRIES : 1); i++) {
		if (i > 0)
			rest_before_try(i);
		err = check_once(&c, ret);
		*ret_what = c.what;
		if (err || *ret != CROSS_CHECK_DISAGREES)
			return err;
	}
	return NULL;
}
