/* watched: opened as the inspector opens it. */
#include "watched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

struct look look_start(victim_fn *run, unsigned lacks)
{
	struct look look = {.victim = victim_start(run, NULL)};
	assert_int_equal(victim_hear(&look.victim), 1);
	check_error(process_open(look.victim.pid, &look.process), 0, NULL);
	check_error(process_space(look.process, &look.space), 0, NULL);
	live_lack(&look.space, lacks);
	return look;
}

void look_end(struct look *look)
{
	space_fini(&look->space);
	process_close(look->process);
	victim_end(&look->victim);
}
