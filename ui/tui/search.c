/*
 * search: what was typed is an address (hex, or decimal as id() prints it) or
 * the start of one.
 *
 *	0x7f3a1c04b2d0 ──► arena 0x7f3a1c000000 ──► pool 0x7f3a1c048000 ──► block
 *	0x7f3a         ──► the first arena whose address begins so; n the next
 */
#include "ui/tui/board.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool all_of(const char *text, int (*is)(int))
{
	if (!*text)
		return false;
	for (; *text; text++)
		if (!is((unsigned char)*text))
			return false;
	return true;
}

/* The digits of a hexadecimal address without 0x and leading zeros; "" when it is none. */
static const char *hex_digits(const char *typed)
{
	if (!strncasecmp(typed, "0x", 2))
		typed += 2;
	while (typed[0] == '0' && typed[1])
		typed++;
	return all_of(typed, isxdigit) && strlen(typed) <= 16 ? typed : "";
}

static bool hex_address(const char *typed, raddr *ret)
{
	const char *digits = hex_digits(typed);
	if (*digits)
		*ret = raddr_at(strtoull(digits, NULL, 16));
	return *digits;
}

static bool decimal_address(const char *typed, raddr *ret)
{
	uint64_t value = 0;
	if (!all_of(typed, isdigit))
		return false;
	for (; *typed; typed++)
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (unsigned)(*typed - '0'), &value))
			return false;
	*ret = raddr_at(value);
	return true;
}

/* The arena that holds what was typed as an address; the count of arenas when none does. */
static size_t arena_holding(const struct occupancy *o, const char *typed, raddr *ret)
{
	raddr candidates[2] = {RADDR_NULL, RADDR_NULL};
	bool known[2] = {decimal_address(typed, &candidates[0]),
			 hex_address(typed, &candidates[1])};
	for (size_t i = 0; i < 2; i++) {
		if (!known[i])
			continue;
		size_t found = occupancy_find(o, candidates[i]);
		*ret = candidates[i];
		if (found < o->arenas.count)
			return found;
	}
	return o->arenas.count;
}

/* Whether the arena's address begins with the digits, or holds the address typed. */
static bool arena_matches(const struct occupancy *o, size_t i, const char *typed)
{
	char address[24];
	raddr at;
	const char *digits = hex_digits(typed);
	snprintf(address, sizeof(address), "%" PRIx64, o->arenas.items[i].address.value);
	if (*digits && !strncasecmp(address, digits, strlen(digits)))
		return true;
	return arena_holding(o, typed, &at) == i;
}

/* The tab of arenas with its cursor on one of them. */
static void arena_show(struct board *board, raddr address)
{
	for (size_t i = 0; i < BOARD_TABS; i++)
		if (board->tabs[i].ops == &view_arenas)
			board_tab(board, i);
	struct view *view = board_view(board);
	if (!view->ops->show(board, view, address)) {
		view->filter = 0; /* it was filtered out */
		board_refresh(board);
		(void)view->ops->show(board, view, address);
	}
	view->at = address;
}

static void address_show(struct board *board, const struct occupancy_arena *one, raddr address)
{
	const struct occupancy *o = &board->now->occupancy;
	const char *arena = occupancy_word(o, "arena"), *pool_word = occupancy_word(o, "pool");
	struct occupancy_pool pool;
	const bool has = occupancy_pool_at(one, occupancy_pool_find(one, address), &pool);
	const bool blocks = one->heap; /* which are listed of pymalloc's pools only */
	raddr start = one->address;
	arena_show(board, start);
	board_open(board, &view_arena, start, address);
	if (!has)
		board_say(board, false, RADDR_FORMAT " lies in %s %s, but in none of its %s",
			  address.value, o->segments ? "a" : "an", arena,
			  occupancy_word(o, "pools"));
	else if (pool.state == POOL_EMPTY && !blocks)
		board_say(board, false, RADDR_FORMAT " lies between the pages, in free slices",
			  address.value);
	else if (pool.state < POOL_PARTIAL)
		board_say(board, false, RADDR_FORMAT " lies in a %s without used blocks",
			  address.value, pool_word);
	else if (blocks)
		board_open(board, &view_pool, pool.address, address);
}

/* The first type, as they are sorted, in whose name it stands. */
static bool type_show(struct board *board, const char *typed)
{
	const struct census *census = board_census(board);
	size_t tab = 0;
	while (tab < BOARD_TABS && board->tabs[tab].ops != &view_types)
		tab++;
	for (size_t i = 0; census && i < census->types.count; i++) {
		if (!census->types.items[i].name || !strstr(census->types.items[i].name, typed))
			continue;
		board_tab(board, tab);
		board->tabs[tab].at = census->types.items[i].type;
		board_refresh(board);
		return true;
	}
	return false;
}

void search_go(struct board *board, const char *typed)
{
	raddr address = RADDR_NULL;
	while (*typed == ' ')
		typed++;
	if (!*typed) {
		search_step(board, 1);
		return;
	}
	memmove(board->searched, typed, strlen(typed) + 1);
	if (!board->now)
		return;
	const struct occupancy *o = &board->now->occupancy;
	size_t found = arena_holding(o, typed, &address);
	if (found < o->arenas.count) {
		address_show(board, &o->arenas.items[found], address);
		return;
	}
	for (size_t i = 0; i < o->arenas.count; i++) {
		if (arena_matches(o, i, typed)) {
			arena_show(board, o->arenas.items[i].address);
			board_say(board, false, "n goes to the next %s that begins so",
				  occupancy_word(o, "arena"));
			return;
		}
	}
	if (type_show(board, typed))
		return;
	if (raddr_is_null(address))
		board_say(board, true,
			  "no such type, and not an address: hex (0x7f...) or what "
			  "id() prints");
	else
		board_say(board, true, RADDR_FORMAT " lies in no %s: it is not %s's", address.value,
			  occupancy_word(o, "arena"), occupancy_word(o, "pymalloc"));
}

/* Where the search stands: the arena of the screen shown. */
static size_t current_arena(struct board *board)
{
	const struct view *view = board_view(board);
	const struct occupancy *o = &board->now->occupancy;
	raddr at = raddr_is_null(view->subject) ? view->at : view->subject;
	if (raddr_is_null(at) && view->ops->locate)
		at = view->ops->locate(board, view);
	return occupancy_find(o, at);
}

static void match_show(struct board *board, raddr address)
{
	struct view *view = board_view(board);
	if (view->ops == &view_arena) {
		view->subject = address;
		view->at = RADDR_NULL;
		view->cursor = view->top = 0;
		board_refresh(board);
	} else if (!raddr_is_null(view->subject) || !view->ops->show ||
		   !view->ops->show(board, view, address)) {
		arena_show(board, address);
	} else {
		view->at = address;
	}
}

void search_step(struct board *board, int direction)
{
	if (!board->now || !board->searched[0]) {
		board_say(board, false, "nothing searched yet: / does");
		return;
	}
	const struct occupancy *o = &board->now->occupancy;
	size_t n = o->arenas.count, from = current_arena(board);
	for (size_t k = 1; k <= n; k++) {
		size_t base = from < n ? from : (direction > 0 ? n - 1 : 0);
		size_t i = (direction > 0 ? base + k : base + n - k) % n;
		if (!arena_matches(o, i, board->searched))
			continue;
		if (i == from)
			board_say(board, false, "no other %s matches %s",
				  occupancy_word(o, "arena"), board->searched);
		match_show(board, o->arenas.items[i].address);
		return;
	}
	board_say(board, true, "no %s matches %s", occupancy_word(o, "arena"), board->searched);
}
