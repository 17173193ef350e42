/* SPDX-License-Identifier: BSD-3-Clause */
/* What congestion control algorithms have in common. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/tcp/tcp_cc.h"

static void the_initial_window_is_that_of_rfc_6928(void **state)
{
	static const struct {
		uint32_t mss_bytes;
		uint32_t cwnd_bytes;
	} cases[] = {{536, 5360}, {1220, 12200}, {1460, 14600}, {2000, 14600}, {7300, 14600},
		{8960, 17920}, {64, 640}};
	struct tcp_cc cc;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		tcp_cc_init(&cc, cases[i].mss_bytes);
		assert_int_equal(cc.cwnd_bytes, cases[i].cwnd_bytes);
		assert_int_equal(cc.ssthresh_bytes, UINT32_MAX);
	}
}

static void slow_start_counts_bytes_up_to_eight_segments(void **state)
{
	struct tcp_cc cc;
	struct tcp_cc_event e = {.mss_bytes = 1000, .acked_bytes = 300};

	tcp_cc_init(&cc, 1000);
	assert_int_equal(tcp_cc_slow_start(&cc, &e), 0);
	assert_int_equal(cc.cwnd_bytes, 10300);
	e.acked_bytes = 1000000;
	assert_int_equal(tcp_cc_slow_start(&cc, &e), 0);
	assert_int_equal(cc.cwnd_bytes, 18300);
}

static void what_slow_start_does_not_use_is_left_for_avoidance(void **state)
{
	struct tcp_cc cc = {.cwnd_bytes = 9500, .ssthresh_bytes = 10000};
	struct tcp_cc_event e = {.mss_bytes = 1000, .acked_bytes = 2000};

	assert_int_equal(tcp_cc_slow_start(&cc, &e), 1500);
	assert_int_equal(cc.cwnd_bytes, 10000);
}

static void the_window_never_passes_the_largest_of_rfc_7323(void **state)
{
	struct tcp_cc cc = {.cwnd_bytes = TCP_CC_CWND_MAX_BYTES - 10, .ssthresh_bytes = UINT32_MAX};
	struct tcp_cc_event e = {.mss_bytes = 1000, .acked_bytes = 2000};

	tcp_cc_slow_start(&cc, &e);
	assert_int_equal(cc.cwnd_bytes, TCP_CC_CWND_MAX_BYTES);
}

static void a_decrease_is_taken_back_once_and_never_downwards(void **state)
{
	struct tcp_cc cc = {.cwnd_bytes = 50000, .ssthresh_bytes = 40000, .w_max_bytes = 60000};

	assert_false(tcp_cc_restore(&cc));
	tcp_cc_remember(&cc);
	cc.cwnd_bytes = 1000;
	cc.ssthresh_bytes = 25000;
	cc.w_max_bytes = 50000;
	assert_true(tcp_cc_restore(&cc));
	assert_int_equal(cc.cwnd_bytes, 50000);
	assert_int_equal(cc.ssthresh_bytes, 40000);
	assert_int_equal(cc.w_max_bytes, 60000);
	cc.cwnd_bytes = 2000;
	assert_false(tcp_cc_restore(&cc));
	assert_int_equal(cc.cwnd_bytes, 2000);
	tcp_cc_remember(&cc);
	cc.cwnd_bytes = 3000;
	assert_true(tcp_cc_restore(&cc));
	assert_int_equal(cc.cwnd_bytes, 3000);
}

static void idleness_leaves_the_initial_window_at_most(void **state)
{
	struct tcp_cc cc = {.cwnd_bytes = 500000, .ssthresh_bytes = 300000};

	tcp_cc_restart(&cc, 1460);
	assert_int_equal(cc.cwnd_bytes, 14600);
	assert_int_equal(cc.ssthresh_bytes, 300000);
	cc.cwnd_bytes = 2920;
	tcp_cc_restart(&cc, 1460);
	assert_int_equal(cc.cwnd_bytes, 2920);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_initial_window_is_that_of_rfc_6928),
		cmocka_unit_test(slow_start_counts_bytes_up_to_eight_segments),
		cmocka_unit_test(what_slow_start_does_not_use_is_left_for_avoidance),
		cmocka_unit_test(the_window_never_passes_the_largest_of_rfc_7323),
		cmocka_unit_test(a_decrease_is_taken_back_once_and_never_downwards),
		cmocka_unit_test(idleness_leaves_the_initial_window_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
