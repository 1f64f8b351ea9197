/* panel: what stands beside the map: arenas by use, the change since the mark, the key. */
#ifndef UI_TUI_PANEL_H
#define UI_TUI_PANEL_H

#include "ui/tui/board.h"

/* Columns that the panel takes beside a map on a screen of this width; 0: no room for it. */
int panel_width(int width);

/* As much of the panel as the area's height has room for. */
void panel_draw(const struct board *board, const struct area *area);

#endif
