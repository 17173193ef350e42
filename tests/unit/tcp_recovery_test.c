/* SPDX-License-Identifier: BSD-3-Clause */
/* The records of what was sent: pools, retransmissions, cuts. One thread. */
#include <errno.h>

#include "tests/unit/tcp_flight.h"

static void records_come_from_the_pool_and_go_back(void **state)
{
	flight_send(10, 0);
	assert_int_equal(flight.pool.n_free, FLIGHT_RECORDS - 10);
	flight_expect(10, 0, 0);
	flight_ack(4, 0, 0);
	assert_int_equal(flight.pool.n_free, FLIGHT_RECORDS - 6);
	tcp_recovery_clear(&flight.r, &flight.pool);
	assert_int_equal(flight.pool.n_free, FLIGHT_RECORDS);
	flight_expect(0, 0, 0);
	assert_null(tcp_recovery_first(&flight.r, &flight.pool));
	assert_null(tcp_recovery_last(&flight.r, &flight.pool));
	assert_null(tcp_recovery_next_lost(&flight.r, &flight.pool));
}

static void a_connection_has_a_bounded_number_of_segments(void **state)
{
	struct tcp_range next = {flight_seq(TCP_SEGMENTS_MAX), flight_seq(TCP_SEGMENTS_MAX) + 1};

	flight_send(TCP_SEGMENTS_MAX, 0);
	assert_int_equal(
		tcp_recovery_on_send(&flight.r, &flight.pool, next, 0, flight.now_ns), -ENOBUFS);
	flight_ack(1, 0, 0);
	assert_int_equal(tcp_recovery_on_send(&flight.r, &flight.pool, next, 0, flight.now_ns), 0);
}

static void one_has_half_of_what_is_free_to_all(void **state)
{
	struct tcp_range next;

	tcp_segment_pool_init(&flight.pool, flight.records, 100);
	flight.pool.n_kept = 10;
	/* Thirty leave seventy, ten of them kept. */
	flight_send(30, 0);
	next = (struct tcp_range){flight_seq(30), flight_seq(31)};
	assert_int_equal(
		tcp_recovery_on_send(&flight.r, &flight.pool, next, 0, flight.now_ns), -ENOBUFS);
	/* Another one finds its first ones whatever is left, and pieces are not refused. */
	flight.pool.n_kept = 100;
	assert_int_equal(tcp_recovery_split(&flight.r, &flight.pool,
				 tcp_recovery_last(&flight.r, &flight.pool), flight_seq(29) + 1),
		0);
	tcp_recovery_clear(&flight.r, &flight.pool);
	flight.n_sent = 0;
	flight_send(TCP_SEGMENTS_MIN, 0);
	next = (struct tcp_range){flight_seq(TCP_SEGMENTS_MIN), flight_seq(TCP_SEGMENTS_MIN + 1)};
	assert_int_equal(
		tcp_recovery_on_send(&flight.r, &flight.pool, next, 0, flight.now_ns), -ENOBUFS);
}

static void an_empty_pool_says_so(void **state)
{
	struct tcp_range next = {flight_seq(2), flight_seq(3)};

	tcp_segment_pool_init(&flight.pool, flight.records, 2);
	flight_send(2, 0);
	assert_int_equal(
		tcp_recovery_on_send(&flight.r, &flight.pool, next, 0, flight.now_ns), -ENOBUFS);
	assert_int_equal(tcp_recovery_split(&flight.r, &flight.pool,
				 tcp_recovery_last(&flight.r, &flight.pool), flight_seq(1) + 1),
		-ENOBUFS);
	flight_expect(2, 0, 0);
}

static void what_is_lost_is_sent_again_from_the_front(void **state)
{
	flight_send(8, 0);
	tcp_recovery_on_rto(&flight.r, &flight.pool, flight.now_ns);
	flight_expect(0, 0, 8);
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(flight_next_lost(), i);
		assert_int_equal(flight_resend(1), 1);
		flight_expect(i + 1, 0, 7 - i);
	}
	assert_int_equal(flight_next_lost(), UINT32_MAX);
	assert_int_equal(tcp_recovery_first(&flight.r, &flight.pool)->n_sent, 2);
}

static void the_number_of_transmissions_saturates(void **state)
{
	struct tcp_segment *s;

	flight_send(1, 0);
	s = tcp_recovery_last(&flight.r, &flight.pool);
	for (unsigned i = 0; i < 300; i++)
		tcp_recovery_on_retransmit(&flight.r, &flight.pool, s, flight.now_ns);
	assert_int_equal(s->n_sent, UINT8_MAX);
	flight_expect(1, 0, 0);
}

static void a_cut_leaves_the_bytes_and_the_order(void **state)
{
	struct tcp_range fin = {flight_seq(3), flight_seq(3) + 501};
	struct tcp_segment *s;

	flight_send(3, 10);
	tcp_recovery_on_send(&flight.r, &flight.pool, fin, TCP_SEGMENT_FIN, flight.now_ns);
	s = tcp_recovery_last(&flight.r, &flight.pool);
	assert_int_equal(tcp_recovery_split(&flight.r, &flight.pool, s, fin.start + 400), 0);
	assert_int_equal(s->flags & TCP_SEGMENT_FIN, 0);
	assert_int_equal(s->end, fin.start + 400);
	s = tcp_recovery_last(&flight.r, &flight.pool);
	assert_true(s->flags & TCP_SEGMENT_FIN);
	assert_int_equal(s->start, fin.start + 400);
	assert_int_equal(s->end, fin.end);
	assert_int_equal(flight.r.in_flight_bytes, 3501);
	tcp_recovery_on_rto(&flight.r, &flight.pool, flight.now_ns);
	/* Lost ones can be cut, too: the second half is sent right behind the first. */
	s = tcp_recovery_next_lost(&flight.r, &flight.pool);
	assert_int_equal(tcp_recovery_split(&flight.r, &flight.pool, s, s->start + 300), 0);
	assert_int_equal(flight_resend(1), 1);
	s = tcp_recovery_next_lost(&flight.r, &flight.pool);
	assert_int_equal(s->start, flight_seq(0) + 300);
	assert_int_equal(flight_resend(99), 5);
	assert_int_equal(flight.r.in_flight_bytes, 3501);
}

static void three_duplicates_lose_the_first_once(void **state)
{
	flight.r.has_sack = false;
	assert_false(tcp_recovery_on_dup_acks(&flight.r, &flight.pool));
	flight_send(6, 0);
	assert_true(tcp_recovery_on_dup_acks(&flight.r, &flight.pool));
	flight_expect(5, 0, 1);
	assert_int_equal(flight_next_lost(), 0);
	assert_false(tcp_recovery_on_dup_acks(&flight.r, &flight.pool));
	flight_expect(5, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(records_come_from_the_pool_and_go_back, flight_start),
		cmocka_unit_test_setup(a_connection_has_a_bounded_number_of_segments, flight_start),
		cmocka_unit_test_setup(one_has_half_of_what_is_free_to_all, flight_start),
		cmocka_unit_test_setup(an_empty_pool_says_so, flight_start),
		cmocka_unit_test_setup(what_is_lost_is_sent_again_from_the_front, flight_start),
		cmocka_unit_test_setup(the_number_of_transmissions_saturates, flight_start),
		cmocka_unit_test_setup(a_cut_leaves_the_bytes_and_the_order, flight_start),
		cmocka_unit_test_setup(three_duplicates_lose_the_first_once, flight_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
