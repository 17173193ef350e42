/* SPDX-License-Identifier: BSD-3-Clause */
/* CUBIC in integers against RFC 9438's formulas in floating point. One thread. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/tcp/tcp_cc.h"

#define C    0.4
#define BETA 0.7

static const struct tcp_cc_algorithm *const cubic = &tcp_cc_cubic;

static void the_cube_root_is_the_largest_that_fits(void **state)
{
	static const uint64_t edges[] = {
		0, 1, 7, 8, 26, 27, 999999999, 1000000000, UINT32_MAX, 1ULL << 63, UINT64_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(edges); i++) {
		uint64_t root = tcp_cubic_root(edges[i]);
		unsigned __int128 above = (unsigned __int128)(root + 1) * (root + 1) * (root + 1);

		assert_true(root * root * root <= edges[i]);
		assert_true(above > edges[i]);
	}
	for (uint64_t root = 1; root <= 2642245; root += 1 + root / 7) {
		assert_int_equal(tcp_cubic_root(root * root * root), root);
		assert_int_equal(tcp_cubic_root(root * root * root - 1), root - 1);
	}
}

static void k_is_that_of_the_formula(void **state)
{
	static const uint32_t mss[] = {64, 536, 1448, 8948};

	for (size_t i = 0; i < ARRAY_SIZE(mss); i++)
		for (uint32_t w = 2 * mss[i]; w < TCP_CC_CWND_MAX_BYTES / 3; w = w * 3 + 17) {
			uint32_t cwnd = (uint32_t)(w * BETA);
			double k_s = cbrt((double)(w - cwnd) / mss[i] / C);

			assert_true(fabs(tcp_cubic_k_ms(w, cwnd, mss[i]) - k_s * 1000) <= 1.01);
		}
	assert_int_equal(tcp_cubic_k_ms(1000, 1000, 100), 0);
	assert_int_equal(tcp_cubic_k_ms(1000, 2000, 100), 0);
}

static void the_curve_is_that_of_the_formula(void **state)
{
	const uint32_t mss = 1448;

	for (uint32_t w = 20 * mss; w < 400000 * mss; w *= 5) {
		struct tcp_cc cc = {.w_max_bytes = w};

		cc.k_ms = tcp_cubic_k_ms(w, (uint32_t)(w * BETA), mss);
		for (uint64_t t = 0; t < 4ull * cc.k_ms; t += 1 + cc.k_ms / 23) {
			double away_s = ((double)t - cc.k_ms) / 1000;
			double want = fmin(C * away_s * away_s * away_s * mss + w, 1u << 30);
			double got = tcp_cubic_window_bytes(&cc, t, mss);

			assert_true(fabs(got - want) <= 2 + want * 1e-6);
		}
	}
}

static void the_curve_stays_in_bounds_far_away(void **state)
{
	struct tcp_cc cc = {.w_max_bytes = TCP_CC_CWND_MAX_BYTES};

	assert_int_equal(tcp_cubic_window_bytes(&cc, UINT32_MAX, 65535), TCP_CC_CWND_MAX_BYTES);
	cc.k_ms = UINT32_MAX;
	cc.w_max_bytes = 1000;
	assert_int_equal(tcp_cubic_window_bytes(&cc, 0, 65535), 0);
}

/* The algorithm of RFC 9438 in segments and seconds, one acknowledgement at a time. */
struct reference {
	double cwnd, w_max, w_est, prior, k_s, epoch_s;
};

static void reference_start(struct reference *r, double now_s)
{
	r->epoch_s = now_s;
	r->w_max = fmax(r->w_max, r->cwnd);
	r->k_s = cbrt((r->w_max - r->cwnd) / C);
	r->w_est = r->cwnd;
}

static void reference_ack(struct reference *r, double now_s, double rtt_s)
{
	double alpha = r->w_est >= r->prior ? 1 : 3 * (1 - BETA) / (1 + BETA);
	double t = now_s - r->epoch_s, target;

	r->w_est += alpha / r->cwnd;
	if (C * pow(t - r->k_s, 3) + r->w_max < r->w_est) {
		r->cwnd = fmax(r->cwnd, r->w_est);
		return;
	}
	target = C * pow(t + rtt_s - r->k_s, 3) + r->w_max;
	target = fmin(fmax(target, r->cwnd), 1.5 * r->cwnd);
	r->cwnd += (target - r->cwnd) / r->cwnd;
}

/* A loss at @segments with a round trip of @rtt_ms; both run on for @seconds. Largest difference in
 * parts of the window. */
static double follow(double segments, uint32_t rtt_ms, unsigned seconds)
{
	const uint32_t mss = 1448;
	struct tcp_cc cc = {.cwnd_bytes = (uint32_t)segments * mss, .ssthresh_bytes = UINT32_MAX};
	struct reference r = {.cwnd = segments * BETA, .w_max = segments, .prior = segments};
	struct tcp_cc_event e = {.now_ns = NSEC_PER_SEC,
		.mss_bytes = mss,
		.srtt_us = rtt_ms * 1000,
		.in_flight_bytes = cc.cwnd_bytes,
		.cwnd_limited = true,
		.acked_bytes = mss};
	double worst = 0;

	cubic->on_congestion(&cc, &e, false);
	cc.cwnd_bytes = cc.ssthresh_bytes;
	reference_start(&r, 1);
	for (unsigned round = 0; round < seconds * 1000 / rtt_ms; round++) {
		unsigned n = cc.cwnd_bytes / mss;

		for (unsigned i = 0; i < n; i++) {
			e.now_ns += rtt_ms * NSEC_PER_MSEC / n;
			cubic->on_ack(&cc, &e);
		}
		n = (unsigned)r.cwnd;
		for (unsigned i = 0; i < n; i++)
			reference_ack(
				&r, 1 + (round + (i + 1.0) / n) * rtt_ms / 1000, rtt_ms / 1e3);
		worst = fmax(worst, fabs(cc.cwnd_bytes / (double)mss - r.cwnd) / r.cwnd);
	}
	return worst;
}

static void the_window_follows_the_reference(void **state)
{
	static const struct {
		double segments;
		uint32_t rtt_ms;
		unsigned seconds;
	} cases[] = {{20, 100, 20}, {100, 100, 20}, {1000, 50, 25}, {1000, 10, 10}, {50, 5, 5},
		{5000, 100, 40}, {20, 1, 2}};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		double worst = follow(cases[i].segments, cases[i].rtt_ms, cases[i].seconds);

		if (worst > 0.03)
			fail_msg("%g segments, %u ms: off by %.1f %%", cases[i].segments,
				cases[i].rtt_ms, worst * 100);
	}
}

static struct tcp_cc_event loss_at(uint32_t flight_bytes)
{
	return (struct tcp_cc_event){
		.now_ns = 5 * NSEC_PER_SEC, .mss_bytes = 1000, .in_flight_bytes = flight_bytes};
}

static void a_loss_below_the_last_maximum_makes_room_for_others(void **state)
{
	struct tcp_cc cc = {.cwnd_bytes = 100000, .ssthresh_bytes = UINT32_MAX};
	struct tcp_cc_event e = loss_at(100000);

	cubic->on_congestion(&cc, &e, false);
	assert_int_equal(cc.w_max_bytes, 100000);
	assert_int_equal(cc.ssthresh_bytes, 70000);
	cc.cwnd_bytes = 80000;
	e.in_flight_bytes = 80000;
	cubic->on_congestion(&cc, &e, false);
	assert_int_equal(cc.w_max_bytes, 68000);
	assert_int_equal(cc.ssthresh_bytes, 56000);
}

static void the_least_threshold_is_two_segments_and_one_for_ecn(void **state)
{
	struct tcp_cc cc = {.cwnd_bytes = 1500, .ssthresh_bytes = UINT32_MAX};
	struct tcp_cc_event e = loss_at(1000);

	cubic->on_congestion(&cc, &e, false);
	assert_int_equal(cc.ssthresh_bytes, 2000);
	cubic->on_congestion(&cc, &e, true);
	assert_int_equal(cc.ssthresh_bytes, 1000);
	assert_int_equal(cc.cwnd_bytes, 1000);
}

static void the_curve_after_a_timeout_begins_in_its_middle(void **state)
{
	struct tcp_cc cc = {.cwnd_bytes = 100000, .ssthresh_bytes = UINT32_MAX};
	struct tcp_cc_event e = loss_at(100000);

	cubic->on_timeout(&cc, &e);
	assert_int_equal(cc.cwnd_bytes, 1000);
	assert_int_equal(cc.ssthresh_bytes, 70000);
	e.in_flight_bytes = 1000;
	cubic->on_timeout(&cc, &e);
	assert_int_equal(cc.ssthresh_bytes, 70000);
	e.cwnd_limited = true;
	e.acked_bytes = 8000;
	for (unsigned i = 0; i < 9; i++)
		cubic->on_ack(&cc, &e);
	assert_true(cc.cwnd_bytes >= 70000);
	assert_int_equal(cc.k_ms, 0);
	assert_int_equal(cc.w_max_bytes, 70000);
}

static void a_decrease_that_was_not_needed_is_undone(void **state)
{
	struct tcp_cc cc = {.cwnd_bytes = 100000, .ssthresh_bytes = 90000, .w_max_bytes = 120000};
	struct tcp_cc_event e = loss_at(100000);

	cubic->on_timeout(&cc, &e);
	cubic->on_undo(&cc);
	assert_int_equal(cc.cwnd_bytes, 100000);
	assert_int_equal(cc.ssthresh_bytes, 90000);
	assert_int_equal(cc.w_max_bytes, 120000);
}

static void time_without_use_of_the_window_does_not_count(void **state)
{
	struct tcp_cc cc = {.cwnd_bytes = 100000, .ssthresh_bytes = UINT32_MAX};
	struct tcp_cc_event e = loss_at(100000);
	uint32_t before;

	cubic->on_congestion(&cc, &e, false);
	cc.cwnd_bytes = cc.ssthresh_bytes;
	e.cwnd_limited = true;
	e.acked_bytes = 1000;
	e.srtt_us = 10000;
	cubic->on_ack(&cc, &e);
	e.cwnd_limited = false;
	for (unsigned i = 0; i < 100; i++) {
		e.now_ns += NSEC_PER_SEC;
		cubic->on_ack(&cc, &e);
	}
	before = cc.cwnd_bytes;
	e.cwnd_limited = true;
	for (unsigned i = 0; i < 10; i++)
		cubic->on_ack(&cc, &e);
	assert_true(cc.cwnd_bytes - before < 1000);
}

static void one_round_trip_adds_half_the_window_at_most(void **state)
{
	struct tcp_cc cc = {.cwnd_bytes = 100000, .ssthresh_bytes = 50000, .w_max_bytes = 100000};
	struct tcp_cc_event e = loss_at(100000);

	e.cwnd_limited = true;
	e.srtt_us = 20 * 1000 * 1000;
	e.acked_bytes = 1000;
	cubic->on_ack(&cc, &e);
	e.now_ns += 10 * NSEC_PER_SEC;
	for (unsigned i = 0; i < 100; i++)
		cubic->on_ack(&cc, &e);
	assert_true(cc.cwnd_bytes > 140000 && cc.cwnd_bytes <= 165000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cube_root_is_the_largest_that_fits),
		cmocka_unit_test(k_is_that_of_the_formula),
		cmocka_unit_test(the_curve_is_that_of_the_formula),
		cmocka_unit_test(the_curve_stays_in_bounds_far_away),
		cmocka_unit_test(the_window_follows_the_reference),
		cmocka_unit_test(a_loss_below_the_last_maximum_makes_room_for_others),
		cmocka_unit_test(the_least_threshold_is_two_segments_and_one_for_ecn),
		cmocka_unit_test(the_curve_after_a_timeout_begins_in_its_middle),
		cmocka_unit_test(a_decrease_that_was_not_needed_is_undone),
		cmocka_unit_test(one_round_trip_adds_half_the_window_at_most),
		cmocka_unit_test(time_without_use_of_the_window_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
