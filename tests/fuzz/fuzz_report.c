/* report: messages of a reading child that a hostile file has taken over. */
#include "symbols/report.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct python_build build = {0};
	struct report_summary summary;
	struct error *err = report_take(data, size, &build, &summary);
	if (!err) {
		for (size_t i = 0; i < build.trials.count; i++)
			assert(build.trials.items[i].what && build.trials.items[i].result);
		report_summary_fini(&summary);
	}
	error_free(err);
	error_free(layout_check(&build.layout));
	python_build_fini(&build);
	return 0;
}
