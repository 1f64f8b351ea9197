/*
 * under_study: what the screens of types, pins and objects have in common: their age, and what stands there before
 * every block was looked into.
 */
#ifndef UI_TUI_UNDER_STUDY_H
#define UI_TUI_UNDER_STUDY_H

#include "ui/tui/board.h"

/* Line 0: the title, and how old what is shown is, or how far the next look is. */
void under_study_title(const struct board *board, const struct area *area, const char *title);

/* Lines 2 on: why there is nothing yet. */
void under_study_draw(const struct board *board, const struct area *area);

/* The key that asks for a new look; false: another request. */
bool under_study_request(struct board *board, enum request request);

#endif
