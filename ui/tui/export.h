/* export: what the screen shows, as a text file. */
#ifndef UI_TUI_EXPORT_H
#define UI_TUI_EXPORT_H

#include "base/error.h"
#include "ui/tui/canvas.h"

#include <sys/types.h>
#include <time.h>

/*
 * Writes the canvas to a new file in the current folder, only for its owner (0600), named after
 * process, screen and time: "arenascope-4127-arenas-20260102-143207.txt". An existing file is never
 * written to: "-2" … is added. *ret_name is the caller's to free. ERROR_RESOURCE.
 */
struct error *export_canvas(const struct canvas *canvas, pid_t pid, const char *view, time_t at,
			    char **ret_name) MUST_CHECK;

#endif
