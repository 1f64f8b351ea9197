/* tracees: what sleeps is stopped first and let go last, so that what computes stands the least. */
#include "inspector/target/stop/tracees.h"

#include "inspector/target/clock.h"
#include "tests/unit/target/herd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define THREADS  8
#define DEADLINE (clock_ns() + UINT64_C(5) * 1000 * 1000 * 1000)

static size_t count_computing(const struct tracees *tracees)
{
	size_t n = 0;
	for (size_t i = 0; i < tracees->list.count; i++)
		n += tracees->list.items[i].computes;
	return n;
}

static bool computes(const struct tracees *tracees, pid_t tid)
{
	for (size_t i = 0; i < tracees->list.count; i++) {
		if (tracees->list.items[i].tid == tid)
			return tracees->list.items[i].computes;
	}
	return false;
}

/* The main thread ticks, the others sleep. */
static struct victim seized(struct tracees *ret)
{
	struct victim victim = threads_start(THREADS, false);
	check_error(tracees_open(victim.pid, 0, ret), 0, NULL);
	check_error(tracees_seize(ret), 0, NULL);
	assert_int_equal(ret->list.count, THREADS);
	for (int i = 0; i < 5000 && count_in_state(victim.pid, 'S') < THREADS - 1; i++)
		clock_sleep(1000000);
	tracees_tell_apart(ret);
	return victim;
}

/* Whatever stands or not by now. A traced thread could not be buried by the victim's parent alone. */
static void let_go(struct tracees *tracees, struct victim *victim)
{
	tracees_interrupt(tracees, TRACEES_ALL);
	assert_true(tracees_wait(tracees, DEADLINE));
	tracees_detach(tracees);
	check_runs(victim->pid);
	tracees_close(tracees);
	victim_end(victim);
}

static void what_computes_is_told_from_what_sleeps(void **state)
{
	(void)state;
	struct tracees tracees;
	struct victim victim = seized(&tracees);
	assert_int_equal(count_computing(&tracees), 1);
	assert_true(computes(&tracees, victim.pid));
	let_go(&tracees, &victim);
}

static void what_computes_goes_on_until_the_sleepers_stand(void **state)
{
	(void)state;
	struct tracees tracees;
	struct victim victim = seized(&tracees);
	tracees_interrupt(&tracees, TRACEES_SLEEPING);
	assert_true(tracees_wait(&tracees, DEADLINE));
	assert_int_equal(tracees_stopped(&tracees), THREADS - 1);
	assert_false(tracees_complete(&tracees));
	uint64_t before = board->ticks;
	for (int i = 0; i < 5000 && board->ticks == before; i++)
		clock_sleep(1000000);
	assert_true(board->ticks > before);
	tracees_interrupt(&tracees, TRACEES_ALL);
	assert_true(tracees_wait(&tracees, DEADLINE));
	assert_true(tracees_complete(&tracees));
	check_still();
	let_go(&tracees, &victim);
}

/* Where a thread stands is better known than what it did before. */
static void a_stop_tells_again_who_computes(void **state)
{
	(void)state;
	struct tracees tracees;
	struct victim victim = seized(&tracees);
	for (size_t i = 0; i < tracees.list.count; i++)
		tracees.list.items[i].computes = tracees.list.items[i].tid != victim.pid;
	tracees_interrupt(&tracees, TRACEES_ALL);
	assert_true(tracees_wait(&tracees, DEADLINE));
	assert_false(tracees_inside(&tracees, NULL, 0));
	assert_int_equal(count_computing(&tracees), 1);
	assert_true(computes(&tracees, victim.pid));
	let_go(&tracees, &victim);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_computes_is_told_from_what_sleeps),
		cmocka_unit_test(what_computes_goes_on_until_the_sleepers_stand),
		cmocka_unit_test(a_stop_tells_again_who_computes),
	};
	return cmocka_run_group_tests(tests, board_make, NULL);
}
