/* procfs: stat, and the numbers of status, from any text. */
#include "inspector/target/process/procfs.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[] = {"VmRSS", "CapEff", "Pid", ""};
	struct fuzz f = {data, size};
	char *text = fuzz_string(&f);
	struct procfs_stat stat;
	memset(&stat, 0xa5, sizeof(stat));
	if (procfs_parse_stat(text, &stat))
		assert(strnlen(stat.comm, sizeof(stat.comm)) < sizeof(stat.comm) && stat.state);
	else
		assert((unsigned char)stat.state == 0xa5);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		uint64_t value = 77;
		if (!procfs_number(text, keys[i], i == 1 ? 16 : 10, &value))
			assert(value == 77);
	}
	free(text);
	return 0;
}
