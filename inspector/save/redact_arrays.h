/*
 * redact_arrays: what arrays and tensors say of their shape stays known where what they hold does not.
 */
#ifndef INSPECTOR_SAVE_REDACT_ARRAYS_H
#define INSPECTOR_SAVE_REDACT_ARRAYS_H

#include "inspector/save/redact_types.h"

/*
 * Adds to the log of `types`, of an ndarray of numpy: its dimensions and strides, where they agree with each other, its elements
 * and its memory, and the number of the type of its elements. Whether they do: then the array may keep how many dimensions
 * it has.
 */
bool redact_arrays_note(struct redact_types *types, raddr ndarray);

/* The same of a tensor of torch: sizes, strides, the type of its elements, the size of its storage. */
void redact_arrays_note_tensor(struct redact_types *types, raddr tensor);

#endif
