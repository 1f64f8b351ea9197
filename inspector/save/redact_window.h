/*
 * redact_window: one window of memory on its way into the file: what is kept of it is copied, all else stays zero.
 */
#ifndef INSPECTOR_SAVE_REDACT_WINDOW_H
#define INSPECTOR_SAVE_REDACT_WINDOW_H

#include "inspector/save/redact_plan.h"

struct redact_window {
	struct space *space; /* borrowed, as grounds and python */
	struct grounds *grounds;
	const struct redact_python *python;

	/* SAVEFILE_WINDOW bytes at `base`; borrowed until the next ones. */
	uint64_t base;
	const uint8_t *in;
	uint8_t *out;

	/* The cell that was begun last; it may go on in the windows behind. */
	uint64_t cell_start, cell_end;
	struct redact_plan plan;
};

/* All addresses lie in the window. Words begin at multiples of 8; of bytes in front of the first and behind the last nothing
 * is kept. */
uint64_t redact_window_word(const struct redact_window *window, uint64_t at);
void redact_window_keep(const struct redact_window *window, uint64_t from, uint64_t to);

/* Keeps words that are addresses, also as malloc hides links, and where stacks end. */
void redact_window_keep_words(const struct redact_window *window, uint64_t from, uint64_t to);

/* Of objects in the data of a file the heads. Types among them are found, also where no object is an instance. */
void redact_window_keep_statics(const struct redact_window *window, uint64_t from, uint64_t to);

/* Makes the plan of the cell [start, end), which may go on behind the window; `limit`: the window's end, or where what is at hand
 * of the cell ends. What of a head lies behind that is read. */
void redact_window_begin_cell(struct redact_window *window, uint64_t start, uint64_t end,
			      uint64_t limit);

/* Keeps of [from, to), a part of that cell, what its plan says. */
void redact_window_apply(const struct redact_window *window, uint64_t from, uint64_t to);

#endif
