/*
 * why_advice: what to do about a cause, in words that can be typed, and only where its evidence bears it.
 */
#ifndef UI_WHY_ADVICE_H
#define UI_WHY_ADVICE_H

#include "ui/report/why_words.h"

/* Appends line i of the advice, escaped, without line break; false: there is no such line. */
bool why_advice(struct text *to, const struct why_words *w, const struct cause *cause, size_t i);

#endif
