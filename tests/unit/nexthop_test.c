/* SPDX-License-Identifier: BSD-3-Clause */
/* Next-hop numbers: all are handed out, none is reused before a grace period. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/core/nexthop.h"

static int start(void **state)
{
	return nexthop_init(NULL);
}

static int end(void **state)
{
	nexthop_fini();
	return 0;
}

static void the_fixed_numbers_are_there_from_the_start(void **state)
{
	assert_int_equal(nexthop_array()[NEXTHOP_NUMBER_NONE].kind, NEXTHOP_NONE);
	assert_int_equal(nexthop_array()[NEXTHOP_NUMBER_BLACKHOLE].kind, NEXTHOP_BLACKHOLE);
	assert_int_equal(nexthop_array()[NEXTHOP_NUMBER_REJECT].kind, NEXTHOP_REJECT);
	assert_int_equal(nexthop_count(), 0);
}

static void a_full_array_hands_out_nothing(void **state)
{
	static bool seen[WORLD_NEXTHOPS_MAX];

	for (unsigned i = NEXTHOP_NUMBER_FIRST_FREE; i < WORLD_NEXTHOPS_MAX; i++) {
		uint16_t n = nexthop_alloc();

		assert_true(n >= NEXTHOP_NUMBER_FIRST_FREE && !seen[n]);
		seen[n] = true;
	}
	assert_int_equal(nexthop_alloc(), NEXTHOP_NUMBER_NONE);
	assert_int_equal(nexthop_count(), WORLD_NEXTHOPS_MAX - NEXTHOP_NUMBER_FIRST_FREE);
}

static void a_freed_number_comes_back_only_after_the_grace_period(void **state)
{
	uint16_t n = nexthop_alloc();
	struct nexthop *nh = &nexthop_array()[n];

	nh->kind = NEXTHOP_GROUP;
	nh->group = calloc(1, sizeof(*nh->group));
	nexthop_free(n);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_not_equal(nexthop_alloc(), n);
	assert_int_equal(nh->kind, NEXTHOP_GROUP);
	nexthop_reclaim();
	assert_int_equal(nh->kind, NEXTHOP_NONE);
	assert_null(nh->group);
	assert_int_equal(nexthop_alloc(), n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_fixed_numbers_are_there_from_the_start, start, end),
		cmocka_unit_test_setup_teardown(a_full_array_hands_out_nothing, start, end),
		cmocka_unit_test_setup_teardown(
			a_freed_number_comes_back_only_after_the_grace_period, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
