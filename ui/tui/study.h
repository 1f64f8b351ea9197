/*
 * study: the look into every block, beside the looks that are shown: once, in a thread of its own, with an inspector
 * of its own. It takes seconds; its age is shown.
 */
#ifndef UI_TUI_STUDY_H
#define UI_TUI_STUDY_H

#include "inspector/inspector.h"

struct study;

/* Opens the target a second time: before any thread exists, and while the rights to do so are still there.
 * request: as for the dashboard's own looks; parts and progress are set here. As inspector_open. */
struct error *study_open(const struct inspector_request *request, struct study **ret) MUST_CHECK;

/* Begins it, unless it is under way. ERROR_RESOURCE: no thread can be had. */
struct error *study_begin(struct study *study) MUST_CHECK;

enum study_state {
	STUDY_IDLE,
	STUDY_UNDER_WAY,
	STUDY_READY /* study_take() has something to give */
};

enum study_state study_state(struct study *study);

/* How far it is, of 1000. */
unsigned study_done(struct study *study);

/* The result of one that is ready: a snapshot, or why there is none. Both are the caller's; then it is idle. */
struct error *study_take(struct study *study, struct snapshot **ret) MUST_CHECK;

/* About one object of the last look. ERROR_USAGE: there was none yet, or it is under way. */
struct error *study_object(struct study *study, raddr at, struct inspector_object *ret) MUST_CHECK;

/* Ends one that is under way as soon as it listens; takes NULL. */
void study_close(struct study *study);

static inline void study_closep(struct study **study)
{
	study_close(*study);
}

#endif
