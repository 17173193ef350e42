/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What acknowledgements change: SACK (RFC 2018), duplicates (RFC 2883), NewReno (RFC 6582), Karn
 * and Eifel, and that hostile ones cost little. One thread.
 */
#include "tests/unit/tcp_flight.h"

static void a_cumulative_acknowledgement_frees_and_samples(void **state)
{
	flight_send(4, 0);
	flight_wait(20000);
	flight_ack(3, 0, 0);
	assert_int_equal(flight.out.acked_bytes, 3000);
	assert_int_equal(flight.out.delivered_bytes, 3000);
	assert_int_equal(flight.out.rtt_us, 20000);
	assert_int_equal(flight.path.srtt_us, 20000);
	flight_expect(1, 0, 0);
	flight_ack(4, 0, 0);
	flight_expect(0, 0, 0);
	assert_int_equal(flight.pool.n_free, FLIGHT_RECORDS);
}

static void an_acknowledgement_inside_a_segment_cuts_it(void **state)
{
	struct tcp_options o = {0};
	struct tcp_ack ack = {.una = flight_seq(1) + 250, .options = &o};

	flight_send(3, 0);
	ack.now_ns = flight.now_ns;
	tcp_recovery_on_ack(&flight.r, &flight.pool, &ack, &flight.out);
	assert_int_equal(flight.out.acked_bytes, 1250);
	assert_int_equal(flight.r.in_flight_bytes, 1750);
	assert_int_equal(tcp_recovery_first(&flight.r, &flight.pool)->start, flight_seq(1) + 250);
}

static void neighbours_that_are_sacked_become_one_record(void **state)
{
	flight_send(10, 0);
	flight_wait(10000);
	flight_ack(FLIGHT_SAME, 3, 4);
	assert_int_equal(flight.out.sacked_bytes, 1000);
	flight_ack(FLIGHT_SAME, 5, 6);
	assert_int_equal(flight.r.n_segments, 10);
	flight_ack(FLIGHT_SAME, 3, 6);
	assert_int_equal(flight.out.sacked_bytes, 1000);
	assert_int_equal(flight.r.n_segments, 8);
	flight_ack(FLIGHT_SAME, 3, 10);
	assert_int_equal(flight.r.n_segments, 4);
	assert_int_equal(flight.r.n_sacked, 7);
	flight_ack(10, 0, 0);
	assert_int_equal(flight.out.acked_bytes, 10000);
	assert_int_equal(flight.out.delivered_bytes, 3000);
	assert_int_equal(flight.r.n_sacked, 0);
	flight_expect(0, 0, 0);
}

static void a_segment_is_sacked_only_as_a_whole(void **state)
{
	struct tcp_options o = {.n_sacks = 1, .sacks = {{flight_seq(1) + 1, flight_seq(3) + 999}}};
	struct tcp_ack ack = {.una = FLIGHT_START, .options = &o};

	flight_send(4, 0);
	ack.now_ns = flight.now_ns;
	tcp_recovery_on_ack(&flight.r, &flight.pool, &ack, &flight.out);
	assert_int_equal(flight.out.sacked_bytes, 1000);
}

struct nonsense_case {
	const char *name;
	struct tcp_range block;
	uint32_t sacked_bytes;
	bool dsack;
};

#define UNA (FLIGHT_START + 2000u)
#define NXT (FLIGHT_START + 8000u)

/* Ten segments were sent, two of them are acknowledged, two more of them never existed. */
static const struct nonsense_case nonsense[] = {
	{"what is next in order", {UNA, UNA + 1000}, 0, false},
	{"everything", {UNA, NXT}, 0, false},
	{"from before what is acknowledged", {UNA - 1000, UNA + 3000}, 0, false},
	{"beyond what was sent", {UNA + 1000, NXT + 1}, 0, false},
	{"all beyond what was sent", {NXT, NXT + 1000}, 0, false},
	{"empty", {UNA + 1000, UNA + 1000}, 0, false},
	{"backwards", {UNA + 3000, UNA + 1000}, 0, false},
	{"half the number space", {UNA + 1000, UNA + 0x80000000u}, 0, false},
	{"the whole number space", {UNA + 1000, UNA + 999}, 0, false},
	{"one byte", {UNA + 1000, UNA + 1001}, 0, false},
	{"all but a byte of one", {UNA + 1000, UNA + 1999}, 0, false},
	{"below what is acknowledged", {UNA - 1000, UNA}, 0, true},
	{"far below", {UNA - 0x40000000u, UNA - 0x3fffffffu}, 0, true},
	{"the last segment", {NXT - 1000, NXT}, 1000, false},
	{"all but the first", {UNA + 1000, NXT}, 5000, false},
};

static void nonsense_in_blocks_changes_nothing(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(nonsense); i++) {
		struct tcp_options o = {.n_sacks = 1, .sacks = {nonsense[i].block}};
		struct tcp_ack ack = {.una = UNA, .options = &o};

		flight_start(NULL);
		flight_send(8, 0);
		flight_wait(1000);
		ack.now_ns = flight.now_ns;
		tcp_recovery_on_ack(&flight.r, &flight.pool, &ack, &flight.out);
		if (flight.out.sacked_bytes != nonsense[i].sacked_bytes ||
			flight.out.dsack != nonsense[i].dsack)
			fail_msg("%s: %u bytes", nonsense[i].name, flight.out.sacked_bytes);
		assert_int_equal(
			flight.r.in_flight_bytes + flight.r.sacked_bytes + flight.r.lost_bytes,
			6000);
	}
}

static void blocks_from_a_peer_without_sack_are_not_read(void **state)
{
	flight.r.has_sack = false;
	flight_send(4, 0);
	flight_ack(FLIGHT_SAME, 2, 4);
	flight_expect(4, 0, 0);
	assert_false(flight.out.dsack);
}

static void a_block_inside_the_second_one_is_a_duplicate(void **state)
{
	flight_send(8, 0);
	flight_ack_blocks(FLIGHT_SAME, (const uint32_t[][2]){{4, 5}, {3, 6}}, 2);
	assert_true(flight.out.dsack);
	flight_expect(5, 3, 0);
	flight_ack_blocks(FLIGHT_SAME, (const uint32_t[][2]){{3, 6}, {4, 5}}, 2);
	assert_false(flight.out.dsack);
}

static void what_was_sent_twice_gives_no_sample_without_time_stamps(void **state)
{
	flight_send(2, 0);
	tcp_recovery_on_rto(&flight.r, &flight.pool, flight.now_ns);
	assert_int_equal(flight.path.rto_backoff, 1);
	flight_resend(2);
	flight_wait(30000);
	flight_ack(1, 0, 0);
	assert_int_equal(flight.out.rtt_us, 0);
	assert_true(flight.out.retransmission_acked);
	assert_int_equal(flight.path.rto_backoff, 1);
	flight.ts_rtt_us = 30000;
	flight_ack(2, 0, 0);
	assert_int_equal(flight.out.rtt_us, 30000);
	assert_int_equal(flight.path.rto_backoff, 0);
}

static void recovery_begins_with_the_first_loss_and_ends_behind_all_that_was_out(void **state)
{
	flight_send(10, 0);
	flight_wait(10000);
	flight_ack(FLIGHT_SAME, 3, 4);
	flight_ack(FLIGHT_SAME, 3, 5);
	assert_false(flight.out.recovery_entered);
	flight_ack(FLIGHT_SAME, 3, 6);
	assert_true(flight.out.recovery_entered);
	assert_int_equal(flight.out.lost_bytes, 3000);
	assert_int_equal(flight_resend(9), 3);
	flight_send(2, 0);
	flight_wait(10000);
	flight_ack(6, 0, 0);
	assert_false(flight.out.recovery_left);
	flight_ack(10, 0, 0);
	assert_true(flight.out.recovery_left);
	assert_false(flight.r.in_recovery);
	flight_expect(2, 0, 0);
}

/* RFC 6582 3.2: each partial acknowledgement names the next hole. */
static void partial_acknowledgements_take_the_next_hole_without_sack(void **state)
{
	flight.r.has_sack = false;
	flight_send(8, 0);
	assert_true(tcp_recovery_on_dup_acks(&flight.r, &flight.pool));
	flight_resend(9);
	flight_wait(10000);
	flight_ack(3, 0, 0);
	assert_int_equal(flight.out.lost_bytes, 1000);
	assert_int_equal(flight_next_lost(), 3);
	flight_resend(9);
	flight_wait(10000);
	flight_ack(3, 0, 0);
	assert_int_equal(flight.out.lost_bytes, 0);
	flight_ack(5, 0, 0);
	assert_int_equal(flight_next_lost(), 5);
	flight_resend(9);
	flight_wait(10000);
	flight_ack(8, 0, 0);
	assert_true(flight.out.recovery_left);
	assert_int_equal(flight.out.lost_bytes, 0);
}

static void after_a_timeout_partial_acknowledgements_lose_nothing_twice(void **state)
{
	flight.r.has_sack = false;
	flight_send(6, 0);
	flight_wait(300000);
	tcp_recovery_on_rto(&flight.r, &flight.pool, flight.now_ns);
	flight_resend(2);
	flight_wait(10000);
	flight_ack(1, 0, 0);
	assert_int_equal(flight.out.lost_bytes, 0);
	flight_expect(1, 0, 4);
}

/* RFC 3522: the echo of the first transmission comes back after the timer fired. */
/* Ten segments from number @first on, of which the last six have arrived; the others are sent
 * again. */
static void send_four_again(uint32_t first)
{
	flight_send(10, 0);
	flight_wait(10000);
	flight_ack(first, first + 4, first + 10);
	assert_true(flight.out.recovery_entered);
	assert_int_equal(flight_resend(10), 4);
	flight_wait(5000);
}

/* Segment @number is reported as received twice; whether recovery is undone by it. */
static bool told_twice(uint32_t una, uint32_t number)
{
	flight_ack(una, number, number + 1);
	assert_true(flight.out.dsack);
	return flight.out.spurious;
}

static void duplicates_of_all_that_was_sent_again_undo_recovery(void **state)
{
	send_four_again(0);
	assert_false(told_twice(4, 0));
	assert_false(told_twice(4, 3));
	assert_false(told_twice(4, 1));
	assert_true(flight.r.in_recovery);
	assert_true(told_twice(4, 2));
	assert_false(flight.r.in_recovery);
	assert_false(flight.out.recovery_left);
	assert_false(told_twice(4, 2));
}

static void they_undo_it_after_its_end_too(void **state)
{
	send_four_again(0);
	flight_ack(10, 0, 0);
	assert_true(flight.out.recovery_left);
	flight_send(2, 0);
	for (uint32_t i = 0; i < 3; i++)
		assert_false(told_twice(10, i));
	assert_true(told_twice(10, 3));
	flight_expect(2, 0, 0);
}

static void a_timeout_is_undone_by_them(void **state)
{
	flight_send(1, 0);
	flight_wait(300000);
	tcp_recovery_on_rto(&flight.r, &flight.pool, flight.now_ns);
	assert_int_equal(flight_resend(1), 1);
	flight_ack(1, 0, 0);
	flight_send(1, 0);
	assert_true(told_twice(1, 0));
	flight_expect(1, 0, 0);
}

static void duplicates_of_something_else_undo_nothing(void **state)
{
	flight_send(3, 0);
	flight_ack(3, 0, 0);
	send_four_again(3);
	flight_ack(13, 0, 0);
	flight_send(2, 0);
	flight_ack(15, 0, 0);
	for (uint32_t i = 0; i < 8; i++)
		assert_false(told_twice(15, i < 4 ? 2 : 14));
	for (uint32_t i = 3; i < 6; i++)
		assert_false(told_twice(15, i));
	assert_true(told_twice(15, 6));
}

static void the_duplicate_of_a_tail_probe_is_none_of_them(void **state)
{
	flight_send(4, 0);
	flight_wait(20000);
	tcp_recovery_on_retransmit(
		&flight.r, &flight.pool, tcp_recovery_last(&flight.r, &flight.pool), flight.now_ns);
	tcp_recovery_on_probe(&flight.r, &flight.pool, true);
	flight_wait(5000);
	flight_ack(0, 1, 4);
	assert_true(flight.out.recovery_entered);
	assert_int_equal(flight_resend(1), 1);
	assert_false(told_twice(4, 3));
	assert_true(told_twice(4, 0));
}

static void an_echo_older_than_the_retransmission_undoes_recovery(void **state)
{
	flight_send(6, 0);
	flight_wait(300000);
	tcp_recovery_on_rto(&flight.r, &flight.pool, flight.now_ns);
	flight_resend(1);
	flight_wait(2000);
	flight.ts_rtt_us = 302000;
	flight_ack(1, 0, 0);
	assert_true(flight.out.spurious);
	assert_false(flight.r.in_recovery);
	flight_expect(5, 0, 0);
}

static void an_echo_of_the_retransmission_does_not(void **state)
{
	flight_send(6, 0);
	flight_wait(300000);
	tcp_recovery_on_rto(&flight.r, &flight.pool, flight.now_ns);
	flight_resend(1);
	flight_wait(20000);
	flight.ts_rtt_us = 21000;
	flight_ack(1, 0, 0);
	assert_false(flight.out.spurious);
	/* Nor may a later one: the first acknowledgement has decided. */
	flight_resend(1);
	flight_wait(20000);
	flight.ts_rtt_us = 300000;
	flight_ack(2, 0, 0);
	assert_false(flight.out.spurious);
	assert_true(flight.r.in_recovery);
}

/* Every second segment is sacked; what one more acknowledgement costs is bounded. */
static void a_board_full_of_holes_costs_a_bounded_search(void **state)
{
	flight_send(1000, 0);
	for (uint32_t i = 1; i < 1000; i += 2)
		flight_ack(FLIGHT_SAME, i, i + 1);
	assert_int_equal(flight.r.n_sacked, 500);
	assert_int_equal(flight.r.n_segments, 1000);
	/* A hole far from the front and before the hint is out of reach ... */
	flight_ack(FLIGHT_SAME, 600, 601);
	assert_int_equal(flight.out.sacked_bytes, 0);
	/* ... one that is near is not, nor is what lies behind the hint. */
	flight_ack(FLIGHT_SAME, 200, 201);
	assert_int_equal(flight.out.sacked_bytes, 1000);
	flight_send(1, 0);
	flight_ack_blocks(FLIGHT_SAME, (const uint32_t[][2]){{999, 1001}, {3, 4}}, 2);
	assert_int_equal(flight.out.sacked_bytes, 1000);
	flight_ack(1001, 0, 0);
	flight_expect(0, 0, 0);
	assert_int_equal(flight.pool.n_free, FLIGHT_RECORDS);
}

/* The first 900 are lost: the search for what arrived takes four acknowledgements, then none. */
static void a_block_behind_a_long_loss_is_reached_step_by_step(void **state)
{
	unsigned n_sacked = 0;

	flight_send(1000, 0);
	flight_wait(10000);
	for (uint32_t i = 900; i < 1000; i++) {
		flight_ack(FLIGHT_SAME, 900, i + 1);
		assert_int_equal(flight.r.n_sacked, i < 903 ? 0 : i - 899);
		n_sacked += flight.out.sacked_bytes / FLIGHT_BYTES;
	}
	assert_int_equal(n_sacked, 100);
	assert_int_equal(flight.r.n_segments, 901);
	flight_expect(0, 100, 900);
}

/* The short way of tcp_recovery_on_ack and the long one, one flight each. */
static void the_short_way_says_what_the_long_one_does(void **state)
{
	static struct tcp_segment records[2][8];
	struct tcp_segment_pool pools[2];
	struct tcp_recovery r[2] = {{.has_sack = true}, {.has_sack = true}};
	struct tcp_path paths[2] = {{0}, {0}};
	struct tcp_options o = {0};
	uint64_t now_ns = NSEC_PER_SEC;
	uint32_t seq = FLIGHT_START;

	for (unsigned i = 0; i < 2; i++) {
		tcp_segment_pool_init(&pools[i], records[i], ARRAY_SIZE(records[i]));
		r[i].path = &paths[i];
	}
	for (unsigned n = 0; n < 300; n++) {
		struct tcp_range range = {seq, seq + 1 + n * 7 % 1460};
		uint8_t flags = n % 50 == 0 ? TCP_SEGMENT_FIN : 0;
		struct tcp_ack ack = {.una = range.end, .options = &o, .ts_rtt_us = n % 3 * 1000};
		struct tcp_acked out[2];

		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(
				tcp_recovery_on_send(&r[i], &pools[i], range, flags, now_ns), 0);
			if (n % 11 == 0)
				tcp_recovery_on_retransmit(&r[i], &pools[i],
					tcp_recovery_first(&r[i], &pools[i]), now_ns);
			if (n % 13 == 0)
				tcp_recovery_on_probe(&r[i], &pools[i], false);
		}
		now_ns += (n * n * 977) % (300 * NSEC_PER_MSEC);
		ack.now_ns = now_ns;
		tcp_recovery_on_ack(&r[0], &pools[0], &ack, &out[0]);
		tcp_recovery_on_ack_slow(&r[1], &pools[1], &ack, &out[1]);
		assert_memory_equal(&out[0], &out[1], sizeof(out[0]));
		assert_memory_equal(&paths[0], &paths[1], sizeof(paths[0]));
		assert_memory_equal((char *)&r[0] + sizeof(r[0].path),
			(char *)&r[1] + sizeof(r[1].path), sizeof(r[0]) - sizeof(r[0].path));
		assert_int_equal(pools[0].n_free, ARRAY_SIZE(records[0]));
		assert_int_equal(pools[0].free, pools[1].free);
		seq = range.end;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			a_cumulative_acknowledgement_frees_and_samples, flight_start),
		cmocka_unit_test_setup(an_acknowledgement_inside_a_segment_cuts_it, flight_start),
		cmocka_unit_test_setup(neighbours_that_are_sacked_become_one_record, flight_start),
		cmocka_unit_test_setup(a_segment_is_sacked_only_as_a_whole, flight_start),
		cmocka_unit_test_setup(nonsense_in_blocks_changes_nothing, flight_start),
		cmocka_unit_test_setup(blocks_from_a_peer_without_sack_are_not_read, flight_start),
		cmocka_unit_test_setup(a_block_inside_the_second_one_is_a_duplicate, flight_start),
		cmocka_unit_test_setup(
			what_was_sent_twice_gives_no_sample_without_time_stamps, flight_start),
		cmocka_unit_test_setup(
			recovery_begins_with_the_first_loss_and_ends_behind_all_that_was_out,
			flight_start),
		cmocka_unit_test_setup(
			partial_acknowledgements_take_the_next_hole_without_sack, flight_start),
		cmocka_unit_test_setup(
			after_a_timeout_partial_acknowledgements_lose_nothing_twice, flight_start),
		cmocka_unit_test_setup(
			duplicates_of_all_that_was_sent_again_undo_recovery, flight_start),
		cmocka_unit_test_setup(they_undo_it_after_its_end_too, flight_start),
		cmocka_unit_test_setup(a_timeout_is_undone_by_them, flight_start),
		cmocka_unit_test_setup(duplicates_of_something_else_undo_nothing, flight_start),
		cmocka_unit_test_setup(the_duplicate_of_a_tail_probe_is_none_of_them, flight_start),
		cmocka_unit_test_setup(
			an_echo_older_than_the_retransmission_undoes_recovery, flight_start),
		cmocka_unit_test_setup(an_echo_of_the_retransmission_does_not, flight_start),
		cmocka_unit_test_setup(a_board_full_of_holes_costs_a_bounded_search, flight_start),
		cmocka_unit_test_setup(
			a_block_behind_a_long_loss_is_reached_step_by_step, flight_start),
		cmocka_unit_test(the_short_way_says_what_the_long_one_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
