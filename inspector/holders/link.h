/*
 * link: how one node refers to the next, as a person who knows Python writes it.
 */
#ifndef INSPECTOR_HOLDERS_LINK_H
#define INSPECTOR_HOLDERS_LINK_H

#include "base/text.h"
#include "inspector/holders/walk/scanner.h"

/* Adds ".name", "[3]", "['key']" (with contents), or nothing where it is not known. */
void link_add_edge(struct scanner *scanner, uint32_t from, uint32_t to, bool contents,
		   struct text *ret);

/* The same, but nothing where it is no attribute and no variable. */
void link_add_attribute(struct scanner *scanner, uint32_t from, uint32_t to, struct text *ret);

/* Adds " app.run() name" where the first is a frame, a generator or a coroutine, and the second a variable of it; else nothing. */
void link_add_local(struct scanner *scanner, uint32_t from, uint32_t to, struct text *ret);

/* Adds " app.make.<locals>.run() name" where the first is a function, and the second a cell of its closure; else nothing. */
void link_add_closure(struct scanner *scanner, uint32_t from, uint32_t cell, struct text *ret);

/* The same without the function: "() name". False: nothing was added. */
bool link_add_variable(struct scanner *scanner, uint32_t from, uint32_t cell, struct text *ret);

/* The same as link_add_edge(); false, and nothing is added, where it tells no place: a key without contents has only a shape. */
bool link_add_place(struct scanner *scanner, uint32_t from, uint32_t to, bool contents,
		    struct text *ret);

#endif
