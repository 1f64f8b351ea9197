/*
 * layout_text: a resolved build as text, for the cache and for snapshot files.
 *
 * All of it is foreign when it comes back: a name that this program does not know is
 * passed over or refused, values are checked as those of debug information are.
 */
#ifndef SYMBOLS_LAYOUT_TEXT_H
#define SYMBOLS_LAYOUT_TEXT_H

#include "base/text.h"
#include "symbols/python_build.h"

enum layout_text_use {
	LAYOUT_TEXT_CACHE, /* for this very program: every entry comes from the cache */
	LAYOUT_TEXT_FILE,  /* also for a later one: sources are told, unknown entries passed over */
};

/* Adds the text of a build; what was tried on the way is left out. A debug file's name with a line
 * break is left out too, from a file's text. */
void layout_text_write(const struct python_build *build, const struct build_id *id,
		       enum layout_text_use use, struct text *to);

/*
 * Takes it back into version, flags, layout, sources and debug_file of *ret, zeroed before; data has
 * room for one byte more than size and is cut up. NULL: it was taken; else why not, a static string,
 * and *ret holds rubbish that python_build_fini() frees.
 */
const char *layout_text_read(char *data, size_t size, const struct build_id *id,
			     enum layout_text_use use, struct python_build *ret);

#endif
