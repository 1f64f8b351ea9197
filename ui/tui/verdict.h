/* verdict: the sentence above the picture. It claims only what pymalloc's figures, RSS and the ledger prove. */
#ifndef UI_TUI_VERDICT_H
#define UI_TUI_VERDICT_H

#include "base/text.h"
#include "ui/tui/picture.h"

/*
 * Adds one or two sentences: why memory is, or is not, kept. ledger: the newest; NULL: none. studied: the picture of
 * the last look into every block, which knows who; NULL: none.
 */
void verdict_add(struct text *ret, const struct picture *picture, const struct ledger *ledger,
		 const struct picture *studied);

/* Adds how sure that is: what was read, what could not be, what disagrees. Holds foreign text. */
void verdict_add_surety(struct text *ret, const struct picture *picture);

#endif
