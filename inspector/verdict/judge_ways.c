/*
 * judge_ways: what lies on the way from a holder to what it holds, where that has a remedy of its own.
 *
 *	app.ERRORS > list > app.Failed > traceback.tb_frame > frame app.load() rows > list       traceback_bytes
 *	app.find   > functools._lru_cache_wrapper > dict > app.Row                               endless_cache_bytes
 *
 * Told only where most of what is held hangs there.
 */
#include "inspector/verdict/judge.h"

#include <string.h>

/* The standard library has a module of that name, and classes in it. */
static bool is_traceback(const char *link)
{
	return strcmp(link, "traceback") == 0 || strcmp(link, "traceback.tb_frame") == 0 ||
	       strcmp(link, "traceback.tb_next") == 0;
}

static bool is_cache(const char *link)
{
	static const char type[] = "functools._lru_cache_wrapper";
	return strncmp(link, type, sizeof(type) - 1) == 0;
}

typedef bool is_way(const char *link);

/* The first link is the holder's name. */
static bool leads(char *const *links, size_t n, is_way *is)
{
	for (size_t i = 1; i < n; i++)
		if (is(links[i]))
			return true;
	return false;
}

static uint64_t bytes_behind(const struct holder_root *root, is_way *is)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < root->chains.count; i++) {
		const struct holder_chain *chain = &root->chains.items[i];
		if (leads(chain->links.items, chain->links.count, is))
			bytes = size_add(bytes, chain->bytes);
	}
	return bytes;
}

static void tell(struct cause *cause, const char *name, uint64_t bytes, uint64_t whole)
{
	if (bytes > whole / 2)
		judge_bytes(cause, name, bytes);
}

bool judge_drops_entries(const struct holder_root *root)
{
	for (size_t i = 0; i < root->chains.count; i++)
		for (size_t k = 1; k < root->chains.items[i].links.count; k++)
			if (strstr(root->chains.items[i].links.items[k], "_lru_list_elem"))
				return true;
	return false;
}

void judge_ways(struct cause *cause, const struct holder_root *root)
{
	tell(cause, "traceback_bytes", bytes_behind(root, is_traceback), root->bytes);
	if (!judge_drops_entries(root))
		tell(cause, "endless_cache_bytes", bytes_behind(root, is_cache), root->bytes);
}

void judge_ways_of_pin(struct cause *cause, const struct pin_root *root)
{
	if (leads(root->links.items, root->links.count, is_traceback))
		judge_bytes(cause, "traceback_bytes", root->bytes);
}
