/* The other one; here it is an array. */
#include "python.h"

void *sample_tuple(void);

static __attribute__((used)) long serialno = 1;
static __attribute__((used)) int numfree[20] = {1};
static __attribute__((used)) PyTupleObject tuple = {1, 0, 0, {0}};

void *sample_tuple(void)
{
	return &tuple;
}
