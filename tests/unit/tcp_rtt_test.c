/* SPDX-License-Identifier: BSD-3-Clause */
/* RFC 6298's arithmetic and the times made of it. One thread. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/tcp/tcp_recovery_impl.h"

static void the_first_sample_sets_both(void **state)
{
	struct tcp_path path = {0};

	assert_int_equal(tcp_recovery_rto_us(&path), 1000000);
	tcp_recovery_on_rtt(&path, 100000, NSEC_PER_SEC);
	assert_int_equal(path.srtt_us, 100000);
	assert_int_equal(path.rttvar_us, 50000);
	assert_int_equal(tcp_recovery_rto_us(&path), 100000 + 4 * 50000);
	assert_int_equal(path.min_rtt_us, 100000);
}

/* RFC 6298 2.3 with alpha 1/8 and beta 1/4, worked out by hand. */
static void further_samples_are_smoothed(void **state)
{
	static const struct {
		uint32_t rtt_us;
		uint32_t srtt_us;
		uint32_t rttvar_us;
		uint64_t rto_us;
	} steps[] = {
		{80000, 80000, 40000, 280000},
		{160000, 90000, 50000, 290000},
		{90000, 90000, 37500, 290000},
		{10000, 80000, 48125, 280000},
		{800000, 170000, 216094, 1034376},
		{170000, 170000, 162071, 818284},
	};
	struct tcp_path path = {0};

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		tcp_recovery_on_rtt(&path, steps[i].rtt_us, NSEC_PER_SEC);
		assert_int_equal(path.srtt_us, steps[i].srtt_us);
		assert_int_equal(path.rttvar_us, steps[i].rttvar_us);
		assert_int_equal(tcp_recovery_rto_us(&path), steps[i].rto_us);
	}
}

static void small_round_trips_follow_the_formula_too(void **state)
{
	for (double to = 1; to < 3000; to = to * 3 + 1) {
		struct tcp_path path = {0};
		double srtt = 500;

		tcp_recovery_on_rtt(&path, 500, NSEC_PER_SEC);
		for (unsigned i = 0; i < 200; i++) {
			tcp_recovery_on_rtt(&path, (uint32_t)to, NSEC_PER_SEC);
			srtt += (to - srtt) / 8;
		}
		assert_true(fabs(path.srtt_us - srtt) <= 4);
		assert_true(path.rttvar_us <= 6);
	}
}

static void a_steady_path_waits_for_delayed_acknowledgements(void **state)
{
	struct tcp_path path = {0};

	for (unsigned i = 0; i < 200; i++)
		tcp_recovery_on_rtt(&path, 190000, NSEC_PER_SEC);
	assert_int_equal(tcp_recovery_rto_us(&path), 190000 + TCP_RTO_MIN_US);
}

static void the_timeout_doubles_up_to_a_minute(void **state)
{
	struct tcp_path path = {.srtt_us = 100000, .rttvar_us = 50000};
	uint64_t want_us = 300000;

	for (unsigned i = 0; i <= TCP_RTO_BACKOFF_MAX; i++) {
		path.rto_backoff = i & 15;
		assert_int_equal(tcp_recovery_rto_us(&path), MIN_OF(want_us, 60000000ull));
		want_us *= 2;
	}
	tcp_recovery_on_rtt(&path, 100000, NSEC_PER_SEC);
	assert_int_equal(path.rto_backoff, 0);
}

static void samples_of_any_size_stay_in_bounds(void **state)
{
	static const uint32_t samples[] = {0, 1, UINT32_MAX, 60000000, 0, UINT32_MAX};
	struct tcp_path path = {0};

	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		tcp_recovery_on_rtt(&path, samples[i], NSEC_PER_SEC);
		assert_true(path.srtt_us >= 1 && path.srtt_us <= 60000000);
		assert_true(tcp_recovery_rto_us(&path) <= 60000000);
		assert_true(tcp_recovery_rto_us(&path) >= 200000);
	}
}

static void probes_come_after_two_round_trips_at_most_at_the_timeout(void **state)
{
	struct tcp_path path = {0};

	assert_int_equal(tcp_recovery_pto_us(&path, false), 1000000);
	path.srtt_us = 30000;
	path.rttvar_us = 5000;
	assert_int_equal(tcp_recovery_pto_us(&path, false), 60000);
	assert_int_equal(tcp_recovery_pto_us(&path, true), 230000);
	path.rttvar_us = 100000;
	assert_int_equal(tcp_recovery_pto_us(&path, true), 260000);
}

static void the_minimum_is_forgotten_after_some_seconds(void **state)
{
	struct tcp_path path = {0};
	uint64_t now_ns = 250 * NSEC_PER_SEC;

	tcp_rtt_min(&path, 100, now_ns);
	tcp_rtt_min(&path, 150, now_ns + 9 * NSEC_PER_SEC);
	assert_int_equal(path.min_rtt_us, 100);
	tcp_rtt_min(&path, 150, now_ns + 10 * NSEC_PER_SEC);
	assert_int_equal(path.min_rtt_us, 150);
	tcp_rtt_min(&path, 70, now_ns + 11 * NSEC_PER_SEC);
	assert_int_equal(path.min_rtt_us, 70);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_sample_sets_both),
		cmocka_unit_test(further_samples_are_smoothed),
		cmocka_unit_test(small_round_trips_follow_the_formula_too),
		cmocka_unit_test(a_steady_path_waits_for_delayed_acknowledgements),
		cmocka_unit_test(the_timeout_doubles_up_to_a_minute),
		cmocka_unit_test(samples_of_any_size_stay_in_bounds),
		cmocka_unit_test(probes_come_after_two_round_trips_at_most_at_the_timeout),
		cmocka_unit_test(the_minimum_is_forgotten_after_some_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
