/* One of two files with a static called numfree. */
#include "python.h"

void *sample_dict(void);

static __attribute__((used)) long serialno = 1;
static __attribute__((used)) int numfree = 1;
static __attribute__((used)) PyDictObject dict = {1, 0, {0}};

void *sample_dict(void)
{
	return &dict;
}
