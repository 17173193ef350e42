/* SPDX-License-Identifier: BSD-3-Clause */
/* NewReno's windows against RFC 5681 and RFC 3465. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/tcp/tcp_cc.h"

#define MSS 1000u

static const struct tcp_cc_algorithm *const reno = &tcp_cc_newreno;

static struct tcp_cc_event acked(uint32_t bytes)
{
	return (struct tcp_cc_event){.acked_bytes = bytes, .mss_bytes = MSS, .cwnd_limited = true};
}

static void slow_start_doubles_the_window_each_round_trip(void **state)
{
	struct tcp_cc cc;
	struct tcp_cc_event e = acked(2 * MSS);

	tcp_cc_init(&cc, MSS);
	for (unsigned round = 1; round <= 5; round++) {
		for (uint32_t left = cc.cwnd_bytes; left > 0; left -= 2 * MSS)
			reno->on_ack(&cc, &e);
		assert_int_equal(cc.cwnd_bytes, 10 * MSS << round);
	}
}

static void avoidance_adds_a_segment_each_round_trip(void **state)
{
	struct tcp_cc cc = {.cwnd_bytes = 20 * MSS, .ssthresh_bytes = 20 * MSS};
	struct tcp_cc_event e = acked(MSS);

	for (unsigned round = 1; round <= 10; round++) {
		for (uint32_t left = cc.cwnd_bytes; left > 0; left -= MSS)
			reno->on_ack(&cc, &e);
		assert_int_equal(cc.cwnd_bytes, (20 + round) * MSS);
	}
}

static void a_window_that_is_not_used_does_not_grow(void **state)
{
	struct tcp_cc cc;
	struct tcp_cc_event e = acked(MSS);

	e.cwnd_limited = false;
	tcp_cc_init(&cc, MSS);
	for (unsigned i = 0; i < 100; i++)
		reno->on_ack(&cc, &e);
	assert_int_equal(cc.cwnd_bytes, 10 * MSS);
}

static void loss_halves_what_was_in_flight(void **state)
{
	static const struct {
		uint32_t flight_bytes;
		uint32_t ssthresh_bytes;
	} cases[] = {{40000, 20000}, {39999, 19999}, {4000, 2000}, {3000, 2000}, {1000, 2000},
		{0, 2000}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tcp_cc cc = {.cwnd_bytes = 40000, .ssthresh_bytes = UINT32_MAX};
		struct tcp_cc_event e = acked(0);

		e.in_flight_bytes = cases[i].flight_bytes;
		reno->on_congestion(&cc, &e, false);
		assert_int_equal(cc.ssthresh_bytes, cases[i].ssthresh_bytes);
		assert_int_equal(cc.cwnd_bytes, 40000);
		reno->on_congestion(&cc, &e, true);
		assert_int_equal(cc.cwnd_bytes, cases[i].ssthresh_bytes);
	}
}

static void a_second_timeout_in_a_row_keeps_ssthresh(void **state)
{
	struct tcp_cc cc = {.cwnd_bytes = 40000, .ssthresh_bytes = UINT32_MAX};
	struct tcp_cc_event e = acked(0);

	e.in_flight_bytes = 40000;
	reno->on_timeout(&cc, &e);
	assert_int_equal(cc.cwnd_bytes, MSS);
	assert_int_equal(cc.ssthresh_bytes, 20000);
	e.in_flight_bytes = MSS;
	reno->on_timeout(&cc, &e);
	assert_int_equal(cc.cwnd_bytes, MSS);
	assert_int_equal(cc.ssthresh_bytes, 20000);
	reno->on_undo(&cc);
	assert_int_equal(cc.cwnd_bytes, 40000);
	assert_int_equal(cc.ssthresh_bytes, UINT32_MAX);
}

static void a_stretched_acknowledgement_in_avoidance_adds_one_segment(void **state)
{
	struct tcp_cc cc = {.cwnd_bytes = 4 * MSS, .ssthresh_bytes = 2 * MSS};
	struct tcp_cc_event e = acked(1000 * MSS);

	reno->on_ack(&cc, &e);
	assert_int_equal(cc.cwnd_bytes, 5 * MSS);
	assert_true(cc.acked_bytes <= cc.cwnd_bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_start_doubles_the_window_each_round_trip),
		cmocka_unit_test(avoidance_adds_a_segment_each_round_trip),
		cmocka_unit_test(a_window_that_is_not_used_does_not_grow),
		cmocka_unit_test(loss_halves_what_was_in_flight),
		cmocka_unit_test(a_second_timeout_in_a_row_keeps_ssthresh),
		cmocka_unit_test(a_stretched_acknowledgement_in_avoidance_adds_one_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
