/*
 * array: what an array says of itself: of what its elements are, how many there are in each direction, whose memory they lie in.
 */
#ifndef INSPECTOR_OBJECT_ARRAYS_ARRAY_H
#define INSPECTOR_OBJECT_ARRAYS_ARRAY_H

#include "base/size.h"

#define ARRAY_DIMENSIONS 8   /* that are told */
#define ARRAY_DTYPE      384 /* bytes of its name, with a final 0 */

struct array {
	char dtype
		[ARRAY_DTYPE]; /* "float64", of a table "2 float64 + 1 object"; "": not known; foreign */
	uint64_t shape[ARRAY_DIMENSIONS]; /* of more than those the first */
	uint32_t n_shape;
	uint64_t data_bytes; /* of its own data */
};

#endif
