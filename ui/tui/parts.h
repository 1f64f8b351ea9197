/* parts: the parts of the ledger's bar, as the dashboard draws them. */
#ifndef UI_TUI_PARTS_H
#define UI_TUI_PARTS_H

#include "ui/report/ledger_split.h"
#include "ui/tui/canvas.h"

enum style parts_style(enum ledger_part part);
enum glyph parts_glyph(enum ledger_part part);

/* The bar over the whole width at y, and the legend in at most `lines` lines below; returns the
 * line after them. */
int parts_draw(const struct ledger *ledger, const struct area *area, int y, int lines);

/* A bar of the overview: fewer parts, and what a trim would give; two lines. */
void parts_summary(const struct ledger *ledger, const struct area *area, int y);

#endif
