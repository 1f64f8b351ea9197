/* count: digits are written as they are, with a separator wherever a multiple of three is still to come. */
#include "base/count.h"

#include <inttypes.h>
#include <stdio.h>

const char *count_write(char ret[COUNT_SIZE], uint64_t count)
{
	char digits[COUNT_SIZE];
	int n = snprintf(digits, sizeof(digits), "%" PRIu64, count);
	char *to = ret;
	for (int i = 0; i < n; i++) {
		if (i && (n - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return ret;
}
