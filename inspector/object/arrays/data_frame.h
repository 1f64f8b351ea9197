/*
 * data_frame: tables and columns of pandas, by what their columns hold.
 */
#ifndef INSPECTOR_OBJECT_ARRAYS_DATA_FRAME_H
#define INSPECTOR_OBJECT_ARRAYS_DATA_FRAME_H

#include "inspector/object/arrays/array.h"
#include "inspector/object/object.h"

struct data_frame_request {
	struct type_table *types;
	bool series; /* one column, told without a second dimension */
	/* Blocks that may still be looked at; what is spent is taken off. */
	uint64_t *budget;
	/* Whether data, by where they lie, are to be told with this frame; an array's data may be many frames'. */
	bool (*claim)(void *context, raddr data);
	void *context;
};

/*
 * What a DataFrame or a Series says, an object that is known as one. array.dtype tells how many columns have each dtype, most
 * first: "2 float64 + 1 object", of a Series the dtype alone; array.data_bytes the data of numpy's arrays that its
 * blocks are all of. False: it is not what pandas 0.24 to 3.0 makes; a frame without columns, or one whose columns tell no
 * length (Arrow's), is not told either.
 */
bool data_frame_read(const struct data_frame_request *request, const struct object *object,
		     struct array *ret);

/* Whether types of this name are DataFrames; or Series. */
bool data_frame_is(const char *type_name);
bool data_frame_is_series(const char *type_name);

#endif
