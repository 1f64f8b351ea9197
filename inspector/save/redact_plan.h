/*
 * redact_plan: what of one cell, a block of pymalloc's or a chunk of malloc's, is kept.
 *
 *	list    [refcount type][ob_size][ob_item][allocated]
 *	         keep           keep     words    keep
 *	str     [refcount type][length][hash ][state][ characters …          ]
 *	         keep           keep    blank  keep   blank
 *	else    [ … ]                                        words: pointers alone
 */
#ifndef INSPECTOR_SAVE_REDACT_PLAN_H
#define INSPECTOR_SAVE_REDACT_PLAN_H

#include "inspector/save/redact_names.h"
#include "inspector/save/redact_types.h"

enum redact_action {
	REDACT_WORDS, /* aligned words that are addresses */
	REDACT_KEEP,
	REDACT_BLANK,
	REDACT_HASHED,  /* as WORDS, but the first of every three is a hash */
	REDACT_COUNTED, /* as WORDS, and the first three bytes */
	REDACT_NUMBERS, /* as WORDS, but of every three the first is kept, and the last is a number */
};

#define REDACT_EDITS 12

struct redact_edit {
	uint64_t from, to; /* bytes from the cell's start */
	enum redact_action action;
};

struct redact_plan {
	struct redact_edit edits[REDACT_EDITS]; /* ascending, disjoint */
	size_t n;
	enum redact_action rest;
};

struct redact_cell {
	const uint8_t *head; /* its first bytes */
	size_t n_head;
	uint64_t size; /* of the whole cell */
	raddr at;
};

#define REDACT_HEAD_MAX \
	1024 /* more is not asked for, but of tables of keys: then indices go unchecked, and none are kept */

struct redact_python {
	struct redact_types *types;
	struct redact_names *names; /* told of what gives names */
	const struct shapes *
		shapes; /* NULL: no objects are recognised, of a build whose objects are not known */
	uint64_t gc_size; /* of PyGC_Head; 0: there is none */
};

/* What is to be kept of a cell. */
void redact_plan_make(const struct redact_python *python, const struct redact_cell *cell,
		      struct redact_plan *ret);

#endif
