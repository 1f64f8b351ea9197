/* threads: a list. */
#include "inspector/target/threads.h"

void threads_fini(struct threads *threads)
{
	vec_fini(&threads->list);
}
