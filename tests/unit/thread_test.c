/* SPDX-License-Identifier: BSD-3-Clause */
/* How an idle worker backs off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dataplane/core/thread.h"

static void a_busy_worker_never_sleeps(void **state)
{
	struct worker_idle idle = {0};

	for (unsigned i = 0; i < 10 * WORKER_IDLE_SPINS; i++)
		assert_int_equal(worker_idle_next(&idle, i % (WORKER_IDLE_SPINS - 1) == 0), 0);
}

static void an_idle_worker_sleeps_longer_and_longer_up_to_the_limit(void **state)
{
	struct worker_idle idle = {0};
	uint32_t before = 0, ns = 0;

	for (unsigned i = 0; i < WORKER_IDLE_SPINS - 1; i++)
		assert_int_equal(worker_idle_next(&idle, 0), 0);
	for (unsigned i = 0; i < 20; i++) {
		ns = worker_idle_next(&idle, 0);
		assert_true(ns >= WORKER_IDLE_FIRST_NS && ns >= before);
		before = ns;
	}
	assert_int_equal(ns, WORKER_IDLE_MAX_NS);
}

static void one_packet_makes_it_poll_again(void **state)
{
	struct worker_idle idle = {0};

	for (unsigned i = 0; i < 2 * WORKER_IDLE_SPINS; i++)
		worker_idle_next(&idle, 0);
	assert_int_equal(worker_idle_next(&idle, 1), 0);
	for (unsigned i = 0; i < WORKER_IDLE_SPINS - 1; i++)
		assert_int_equal(worker_idle_next(&idle, 0), 0);
	assert_int_equal(worker_idle_next(&idle, 0), WORKER_IDLE_FIRST_NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_busy_worker_never_sleeps),
		cmocka_unit_test(an_idle_worker_sleeps_longer_and_longer_up_to_the_limit),
		cmocka_unit_test(one_packet_makes_it_poll_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
