/* The sample's table of pools, as CPython's own initialisers make it: every list refers to itself. With
 * SAMPLE_EXPORTED it is a part of a struct that others may replace, as in 3.12. */
#define HEAD(i)   (char *)&TABLE[2 * (i)] - 2 * sizeof(char *)
#define PAIR(i)   HEAD(i), HEAD(i)
#define PAIRS4(i) PAIR(i), PAIR((i) + 1), PAIR((i) + 2), PAIR((i) + 3)
#define PAIRS(i)  PAIRS4(i), PAIRS4((i) + 4), PAIRS4((i) + 8), PAIRS4((i) + 12)

#ifdef SAMPLE_EXPORTED
struct sample_runtime {
	long before[9];
	char *usedpools[64];
};
#define TABLE _PyRuntime.usedpools
extern struct sample_runtime _PyRuntime;
struct sample_runtime _PyRuntime = {.usedpools = {PAIRS(0), PAIRS(16)}};
#else
#define TABLE usedpools
static char *usedpools[64] __attribute__((used)) = {PAIRS(0), PAIRS(16)};
#endif

/* Looks like some of a table, and is none; wherever the compiler puts it, it touches no table. */
static void *ring[6] __attribute__((used)) = {[2] = (char *)ring, [3] = (char *)ring};

int main(void)
{
	return ring[2] == TABLE;
}
