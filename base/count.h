/*
 * count: a whole number as a person reads it, with thousands separators, whatever the locale: "1,402". All sentences have
 * it so, ours of a doubt and ui's alike.
 */
#ifndef BASE_COUNT_H
#define BASE_COUNT_H

#include <stdint.h>

#define COUNT_SIZE 27 /* twenty digits, six separators, the end */

/* Writes it, and returns where. */
const char *count_write(char ret[COUNT_SIZE], uint64_t count);

/* The same in the midst of a sentence; good until the end of the block. */
#define COUNT(number) count_write((char[COUNT_SIZE]){0}, (number))

#endif
