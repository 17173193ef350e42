/* SPDX-License-Identifier: BSD-3-Clause */
/* RACK-TLP against RFC 8985, section by section. One thread. */
#include "tests/unit/tcp_flight.h"

/* One segment is acknowledged after 40 ms, so that there is a round-trip time. */
static void warm_up(void)
{
	flight_send(1, 0);
	flight_wait(40000);
	flight_ack(1, 0, 0);
	assert_int_equal(flight.path.min_rtt_us, 40000);
	assert_int_equal(flight.r.rack_rtt_us, 40000);
}

/* 6.2 step 4: without reordering three that arrived are enough, fewer wait a quarter of the RTT. */
static void one_that_arrived_waits_and_three_do_not(void **state)
{
	warm_up();
	flight_send(6, 1000);
	flight_wait(35000);
	flight_ack(FLIGHT_SAME, 2, 3);
	flight_expect(5, 1, 0);
	/* Segment 1 was sent 1 ms before the one that arrived. */
	assert_int_equal(
		flight.out.rack_timeout_ns, flight.now_ns + (0 - 1000 + 10000) * NSEC_PER_USEC);
	flight_wait(1000);
	flight_ack(FLIGHT_SAME, 2, 4);
	flight_expect(4, 2, 0);
	flight_wait(1000);
	flight_ack(FLIGHT_SAME, 2, 5);
	flight_expect(2, 3, 1);
	assert_true(flight.out.recovery_entered);
	assert_int_equal(flight_next_lost(), 1);
}

static void the_timer_marks_what_waited_long_enough(void **state)
{
	warm_up();
	flight_send(4, 1000);
	flight_wait(36000);
	flight_ack(FLIGHT_SAME, 3, 4);
	flight_expect(3, 1, 0);
	flight.now_ns = flight.out.rack_timeout_ns - 1;
	tcp_recovery_on_rack_timeout(&flight.r, &flight.pool, flight.now_ns, &flight.out);
	assert_int_equal(flight.out.lost_bytes, 0);
	flight.now_ns = flight.out.rack_timeout_ns;
	tcp_recovery_on_rack_timeout(&flight.r, &flight.pool, flight.now_ns, &flight.out);
	assert_int_equal(flight.out.lost_bytes, 1000);
	assert_true(flight.out.recovery_entered);
	/* Segment 2 follows; segment 4 was sent later than what arrived: it waits for nothing. */
	flight.now_ns = flight.now_ns + 1000 * NSEC_PER_USEC;
	tcp_recovery_on_rack_timeout(&flight.r, &flight.pool, flight.now_ns, &flight.out);
	assert_int_equal(flight.out.lost_bytes, 1000);
	assert_int_equal(flight.out.rack_timeout_ns, 0);
	flight_expect(1, 1, 2);
}

/* 6.2 step 3: an original that arrives late shows reordering; then three do not suffice. */
static void reordering_that_was_seen_keeps_the_window_open(void **state)
{
	warm_up();
	flight_send(8, 100);
	flight_wait(40000);
	flight_ack(FLIGHT_SAME, 2, 3);
	assert_false(flight.path.reordering_seen);
	flight_ack(3, 0, 0);
	assert_true(flight.path.reordering_seen);
	flight_ack(FLIGHT_SAME, 5, 8);
	flight_expect(3, 3, 0);
	assert_true(flight.out.rack_timeout_ns > flight.now_ns);
}

/* 6.2 step 4: each round with a DSACK widens the window by a quarter of the RTT, up to SRTT. */
static void duplicates_widen_the_window_once_a_round(void **state)
{
	warm_up();
	flight.path.reordering_seen = true;
	assert_int_equal(tcp_recovery_reo_wnd_us(&flight.r), 10000);
	flight_send(4, 0);
	flight_ack(FLIGHT_SAME, 0, 1);
	assert_true(flight.out.dsack);
	assert_int_equal(tcp_recovery_reo_wnd_us(&flight.r), 20000);
	flight_ack(FLIGHT_SAME, 0, 1);
	assert_int_equal(tcp_recovery_reo_wnd_us(&flight.r), 20000);
	for (unsigned round = 0; round < 100; round++) {
		flight_wait(40000);
		flight_ack(flight.n_sent, 0, 0);
		flight_send(1, 0);
		flight_ack(FLIGHT_SAME, 0, 1);
	}
	assert_int_equal(tcp_recovery_reo_wnd_us(&flight.r), flight.path.srtt_us);
	assert_int_equal(flight.path.reo_mult, 63);
}

static void the_window_is_reset_after_sixteen_recoveries_without_duplicates(void **state)
{
	warm_up();
	flight.path.reordering_seen = true;
	flight_send(1, 0);
	flight_ack(FLIGHT_SAME, 0, 1);
	flight_wait(40000);
	flight_ack(2, 0, 0);
	for (unsigned i = 0; i < 16; i++) {
		assert_int_equal(flight.path.reo_mult, 1);
		flight_send(1, 0);
		tcp_recovery_on_rto(&flight.r, &flight.pool, flight.now_ns);
		flight_resend(1);
		flight_wait(40000);
		flight_ack(flight.n_sent, 0, 0);
		assert_true(flight.out.recovery_left);
	}
	assert_int_equal(flight.path.reo_mult, 0);
}

/* 6.2 step 1: lost retransmissions are found as well, which counting duplicates cannot. */
static void a_retransmission_that_is_lost_is_found(void **state)
{
	warm_up();
	flight_send(6, 0);
	flight_wait(40000);
	flight_ack(FLIGHT_SAME, 3, 6);
	flight_expect(1, 3, 2);
	flight_resend(1);
	flight_wait(1000);
	flight_resend(1);
	flight_wait(50000);
	/* The second retransmission arrives: the first one, sent before, is lost again. */
	flight_ack(FLIGHT_SAME, 2, 6);
	assert_int_equal(flight.out.lost_bytes, 2000);
	assert_int_equal(flight_next_lost(), 1);
	assert_int_equal(flight.r.lost_bytes, 2000);
}

static void an_acknowledgement_too_soon_for_a_retransmission_is_the_originals(void **state)
{
	uint64_t sent_ns;

	warm_up();
	flight_send(6, 0);
	flight_wait(40000);
	flight_ack(FLIGHT_SAME, 3, 6);
	sent_ns = flight.r.rack_sent_ns;
	flight_resend(1);
	flight_wait(10000);
	flight_ack(2, 0, 0);
	assert_int_equal(flight.r.rack_sent_ns, sent_ns);
}

/* 6.3: what was sent only now may still arrive. */
static void a_timeout_leaves_what_was_just_sent(void **state)
{
	warm_up();
	flight_send(3, 0);
	flight_wait(300000);
	flight_send(2, 0);
	tcp_recovery_on_rto(&flight.r, &flight.pool, flight.now_ns);
	flight_expect(2, 0, 3);
	assert_true(flight.r.in_recovery && flight.r.after_rto);
}

static void a_timeout_of_a_peer_without_sack_loses_all(void **state)
{
	flight.r.has_sack = false;
	warm_up();
	flight_send(3, 0);
	flight_wait(300000);
	flight_send(2, 0);
	tcp_recovery_on_rto(&flight.r, &flight.pool, flight.now_ns);
	flight_expect(0, 0, 5);
}

/* RFC 2018 8: the first one was sacked, so the receiver gave it up. */
static void a_peer_that_reneges_gets_everything_again(void **state)
{
	warm_up();
	flight_send(6, 0);
	flight_wait(40000);
	flight_ack(FLIGHT_SAME, 3, 5);
	flight_ack(3, 0, 0);
	tcp_recovery_on_rto(&flight.r, &flight.pool, flight.now_ns);
	flight_expect(0, 0, 4);
	assert_int_equal(flight.r.n_sacked, 0);
	/* Two were one record: the engine cuts what is too large. */
	assert_int_equal(flight_resend(9), 3);
	flight_ack(FLIGHT_SAME, 5, 7);
	flight_expect(2, 2, 0);
}

static void a_timeout_keeps_what_was_sacked_otherwise(void **state)
{
	warm_up();
	flight_send(6, 0);
	flight_wait(40000);
	flight_ack(FLIGHT_SAME, 3, 5);
	flight_wait(300000);
	tcp_recovery_on_rto(&flight.r, &flight.pool, flight.now_ns);
	flight_expect(0, 2, 4);
	for (unsigned i = 1; i <= 6; i++) {
		if (i == 3 || i == 4)
			continue;
		assert_int_equal(flight_next_lost(), i);
		flight_resend(1);
	}
}

/* 7.2: when a probe may be scheduled. */
static void probes_need_sack_no_loss_and_no_other_probe(void **state)
{
	assert_false(tcp_recovery_may_probe(&flight.r));
	warm_up();
	flight_send(4, 0);
	assert_true(tcp_recovery_may_probe(&flight.r));
	flight.r.has_sack = false;
	assert_false(tcp_recovery_may_probe(&flight.r));
	flight.r.has_sack = true;
	tcp_recovery_on_probe(&flight.r, &flight.pool, false);
	assert_false(tcp_recovery_may_probe(&flight.r));
	flight_ack(5, 0, 0);
	flight_send(4, 0);
	assert_true(tcp_recovery_may_probe(&flight.r));
	flight_ack(FLIGHT_SAME, 7, 8);
	assert_false(tcp_recovery_may_probe(&flight.r));
}

/* Sends the last segment again as a probe. */
static void probe(void)
{
	tcp_recovery_on_retransmit(
		&flight.r, &flight.pool, tcp_recovery_last(&flight.r, &flight.pool), flight.now_ns);
	tcp_recovery_on_probe(&flight.r, &flight.pool, true);
	flight_wait(40000);
}

/* 7.4.2: what acknowledgements say about a retransmitted probe. */
static void a_probe_that_filled_the_hole_is_a_loss(void **state)
{
	warm_up();
	flight_send(3, 0);
	flight_wait(80000);
	probe();
	flight_ack(4, 0, 0);
	assert_false(flight.out.probe_repaired);
	assert_true(flight.r.probing);
	flight_send(1, 0);
	flight_wait(40000);
	flight_ack(5, 0, 0);
	assert_true(flight.out.probe_repaired);
	assert_false(flight.r.probing);
}

static void a_probe_that_was_a_duplicate_is_none(void **state)
{
	warm_up();
	flight_send(3, 0);
	flight_wait(80000);
	probe();
	flight_ack(4, 0, 0);
	flight_ack(4, 3, 4);
	assert_true(flight.out.dsack);
	assert_false(flight.out.probe_repaired);
	assert_false(flight.r.probing);
}

static void an_acknowledgement_twice_ends_the_probe_without_loss(void **state)
{
	warm_up();
	flight_send(3, 0);
	flight_wait(80000);
	probe();
	flight_ack(4, 0, 0);
	flight_ack(4, 0, 0);
	assert_false(flight.r.probing);
	flight_send(1, 0);
	flight_ack(5, 0, 0);
	assert_false(flight.out.probe_repaired);
}

/* 3.4 and 7: the tail is lost; the probe's SACK makes RACK find the rest. */
static void a_probe_makes_the_lost_tail_visible(void **state)
{
	warm_up();
	flight_send(5, 0);
	flight_wait(80000);
	probe();
	flight_wait(20000);
	flight_ack(2, 5, 6);
	assert_true(flight.out.recovery_entered || flight.out.rack_timeout_ns > flight.now_ns);
	flight_wait(20000);
	tcp_recovery_on_rack_timeout(&flight.r, &flight.pool, flight.now_ns, &flight.out);
	flight_expect(0, 1, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(one_that_arrived_waits_and_three_do_not, flight_start),
		cmocka_unit_test_setup(the_timer_marks_what_waited_long_enough, flight_start),
		cmocka_unit_test_setup(
			reordering_that_was_seen_keeps_the_window_open, flight_start),
		cmocka_unit_test_setup(duplicates_widen_the_window_once_a_round, flight_start),
		cmocka_unit_test_setup(
			the_window_is_reset_after_sixteen_recoveries_without_duplicates,
			flight_start),
		cmocka_unit_test_setup(a_retransmission_that_is_lost_is_found, flight_start),
		cmocka_unit_test_setup(
			an_acknowledgement_too_soon_for_a_retransmission_is_the_originals,
			flight_start),
		cmocka_unit_test_setup(a_timeout_leaves_what_was_just_sent, flight_start),
		cmocka_unit_test_setup(a_timeout_of_a_peer_without_sack_loses_all, flight_start),
		cmocka_unit_test_setup(a_peer_that_reneges_gets_everything_again, flight_start),
		cmocka_unit_test_setup(a_timeout_keeps_what_was_sacked_otherwise, flight_start),
		cmocka_unit_test_setup(probes_need_sack_no_loss_and_no_other_probe, flight_start),
		cmocka_unit_test_setup(a_probe_that_filled_the_hole_is_a_loss, flight_start),
		cmocka_unit_test_setup(a_probe_that_was_a_duplicate_is_none, flight_start),
		cmocka_unit_test_setup(
			an_acknowledgement_twice_ends_the_probe_without_loss, flight_start),
		cmocka_unit_test_setup(a_probe_makes_the_lost_tail_visible, flight_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
