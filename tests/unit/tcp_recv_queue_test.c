/* SPDX-License-Identifier: BSD-3-Clause */
/* Receive queues: order, overlaps, limits, blocks for SACK. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/tcp/tcp_queue.h"
#include "tests/unit/tcp_mbufs.h"

#define BASE 0xfffffc00u /* the sequence numbers wrap in the midst of it */

static struct tcp_recv_queue q;
static struct tcp_recv_limits limits;
static uint32_t rcv_nxt, read_next;

static int start(void **state)
{
	tcp_mbufs_start();
	memset(&q, 0, sizeof(q));
	limits = (struct tcp_recv_limits){
		.gap_bytes_max = 100000, .gap_segments_max = 100, .segments_max = 100};
	rcv_nxt = read_next = BASE;
	return 0;
}

static int stop(void **state)
{
	tcp_recv_queue_clear(&q);
	return tcp_mbufs_in_use() != 0;
}

/* Inserts [@start, @end), counted from the first byte, in an exact buffer. */
static bool put(uint32_t from, uint32_t to)
{
	struct rte_mbuf *m = tcp_mbufs_exact(BASE + from, to - from);

	return tcp_recv_queue_insert(&q, m, BASE + from, &rcv_nxt, &limits);
}

/* Everything up to byte number @to can be read and is right. */
static void expect_read(uint32_t to)
{
	const uint8_t *p;
	uint32_t n;

	assert_int_equal(rcv_nxt - BASE, to);
	assert_int_equal(q.bytes, rcv_nxt - read_next);
	while ((n = tcp_recv_queue_peek(&q, &p)) > 0) {
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(p[i], tcp_mbufs_byte(read_next + i));
		/* Half of it and then the rest, so that reading stops inside of buffers too. */
		n = n > 1 ? n / 2 : n;
		tcp_recv_queue_consume(&q, n);
		read_next += n;
	}
	assert_int_equal(read_next - BASE, to);
	assert_int_equal(q.bytes, 0);
	assert_int_equal(q.n_mbufs, 0);
}

/* The blocks are these {start, end} pairs in this order. */
static void expect_sacks(const uint32_t (*want)[2], unsigned n)
{
	struct tcp_range sacks[TCP_SACK_BLOCKS_MAX];

	assert_int_equal(tcp_recv_queue_sacks(&q, sacks), n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(sacks[i].start - BASE, want[i][0]);
		assert_int_equal(sacks[i].end - BASE, want[i][1]);
	}
}

static void what_comes_in_order_is_read_in_order(void **state)
{
	for (uint32_t i = 0; i < 20; i++)
		assert_true(put(100 * i, 100 * (i + 1)));
	assert_int_equal(q.n_mbufs, 20);
	expect_read(2000);
}

static void duplicates_are_useless_and_overlaps_are_cut(void **state)
{
	assert_true(put(0, 100));
	assert_false(put(0, 100));
	assert_false(put(50, 90));
	assert_true(put(50, 150));
	assert_true(put(0, 151));
	assert_int_equal(q.n_mbufs, 3);
	expect_read(151);
}

static void a_hole_holds_back_what_is_behind_it_until_it_is_filled(void **state)
{
	assert_true(put(100, 200));
	assert_true(put(300, 400));
	assert_int_equal(q.bytes, 0);
	assert_int_equal(q.gap_bytes, 200);
	assert_true(put(0, 100));
	assert_int_equal(rcv_nxt - BASE, 200);
	assert_true(put(200, 300));
	assert_int_equal(q.gap_bytes, 0);
	assert_null(q.gap);
	expect_read(400);
}

static void a_run_behind_one_hole_is_one_range(void **state)
{
	for (uint32_t i = 1; i < 90; i++)
		assert_true(put(10 * i, 10 * (i + 1)));
	assert_int_equal(q.n_ranges, 1);
	assert_int_equal(q.n_gap, 89);
	expect_sacks((const uint32_t[][2]){{10, 900}}, 1);
	assert_true(put(0, 10));
	expect_read(900);
}

static void blocks_are_told_most_recent_first(void **state)
{
	for (uint32_t i = 1; i <= 5; i++)
		put(100 * i, 100 * i + 10);
	expect_sacks((const uint32_t[][2]){{500, 510}, {400, 410}, {300, 310}, {200, 210}}, 4);
	put(210, 220);
	expect_sacks((const uint32_t[][2]){{200, 220}, {500, 510}, {400, 410}, {300, 310}}, 4);
	/* A duplicate is what came last, too (RFC 2018 4). */
	assert_false(put(302, 308));
	expect_sacks((const uint32_t[][2]){{300, 310}, {200, 220}, {500, 510}, {400, 410}}, 4);
	put(400, 510);
	expect_sacks((const uint32_t[][2]){{400, 510}, {300, 310}, {200, 220}, {100, 110}}, 4);
}

struct overlap_case {
	const char *name;
	uint32_t from;
	uint32_t to;
	bool news;
	unsigned n_ranges;
	uint32_t gap_bytes;
};

/* Each on top of [100, 200), [300, 400), [500, 600). */
static const struct overlap_case overlaps[] = {
	{"inside a range", 120, 180, false, 3, 300},
	{"exactly a range", 300, 400, false, 3, 300},
	{"before all", 50, 90, true, 4, 340},
	{"touching the first from before", 50, 100, true, 3, 350},
	{"touching a range from behind", 200, 250, true, 3, 350},
	{"between two", 220, 280, true, 4, 360},
	{"filling a hole exactly", 200, 300, true, 2, 400},
	{"overlapping a range at its end", 150, 250, true, 3, 350},
	{"overlapping a range at its start", 250, 350, true, 3, 350},
	{"overlapping two", 150, 350, true, 2, 400},
	{"covering one", 250, 450, true, 3, 400},
	{"covering all", 50, 700, true, 1, 650},
	{"from one to the last", 150, 550, true, 1, 500},
	{"covering two, touching nothing", 50, 450, true, 2, 500},
	{"behind all", 700, 710, true, 4, 310},
	{"touching the last from behind", 600, 610, true, 3, 310},
	{"overlapping the last at its end", 550, 650, true, 3, 350},
};

static void overlaps_beyond_the_gap_keep_each_byte_once(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(overlaps); i++) {
		const struct overlap_case *c = &overlaps[i];

		start(NULL);
		put(100, 200);
		put(500, 600);
		put(300, 400);
		if (put(c->from, c->to) != c->news || q.n_ranges != c->n_ranges ||
			q.gap_bytes != c->gap_bytes)
			fail_msg("%s: %u ranges, %u bytes", c->name, q.n_ranges, q.gap_bytes);
		put(0, 800);
		expect_read(800);
		assert_int_equal(q.n_ranges, 0);
		assert_int_equal(tcp_mbufs_in_use(), 0);
	}
}

static void a_segment_in_order_ends_where_a_longer_range_begins(void **state)
{
	put(50, 60);
	put(100, 200);
	assert_true(put(0, 150));
	assert_int_equal(q.n_mbufs, 2);
	expect_read(200);
}

static void beyond_the_limits_nothing_is_kept_and_nothing_is_given_up(void **state)
{
	limits.gap_segments_max = 4;
	for (uint32_t i = 1; i <= 4; i++)
		assert_true(put(20 * i, 20 * i + 10));
	assert_false(put(200, 210));
	assert_false(put(35, 36));
	/* It covers two and adds bytes: there are fewer afterwards. */
	assert_true(put(18, 52));
	assert_int_equal(q.n_gap, 3);
	limits.gap_bytes_max = q.gap_bytes + 10;
	assert_true(put(200, 210));
	limits.gap_segments_max = 100;
	assert_false(put(300, 301));
	assert_true(put(0, 18));
	expect_read(52);
}

static void holes_are_bounded_whatever_the_limits(void **state)
{
	limits.gap_segments_max = 1000;
	for (uint32_t i = 1; i <= TCP_RECV_RANGES_MAX; i++)
		assert_true(put(20 * i, 20 * i + 10));
	assert_false(put(20 * TCP_RECV_RANGES_MAX + 20, 20 * TCP_RECV_RANGES_MAX + 21));
	assert_false(put(5, 6));
	assert_int_equal(q.n_ranges, TCP_RECV_RANGES_MAX);
	/* What touches a range, or covers one, makes none more. */
	assert_true(put(30, 31));
	assert_true(put(39, 40));
	assert_true(put(59, 71));
	assert_int_equal(q.n_ranges, TCP_RECV_RANGES_MAX);
	assert_true(put(31, 39));
	assert_int_equal(q.n_ranges, TCP_RECV_RANGES_MAX - 1);
	assert_true(put(5, 6));
	assert_false(put(8, 9));
}

static void data_in_order_is_refused_when_too_many_buffers_wait(void **state)
{
	limits.segments_max = 3;
	for (uint32_t i = 0; i < 3; i++)
		assert_true(put(i, i + 1));
	assert_false(put(3, 4));
	assert_int_equal(rcv_nxt - BASE, 3);
	expect_read(3);
	assert_true(put(3, 4));
	expect_read(4);
}

/* Single bytes that are merged close one hole after the other; behind each one many buffers. */
static void holes_that_close_do_not_pass_the_limit_again_and_again(void **state)
{
	struct rte_mbuf *m;

	limits.segments_max = 3;
	for (uint32_t at = 0; at < 400; at += 20) {
		for (uint32_t i = at + 1; i < at + 19; i += 1)
			put(i, i + 1);
		m = tcp_mbufs_roomy(BASE + at + 19, 1);
		tcp_recv_queue_insert(&q, m, BASE + at + 19, &rcv_nxt, &limits);
		m = tcp_mbufs_roomy(BASE + at, 1);
		tcp_recv_queue_insert(&q, m, BASE + at, &rcv_nxt, &limits);
		assert_true(q.n_mbufs <= limits.segments_max + limits.gap_segments_max);
	}
	assert_int_equal(rcv_nxt - BASE, 20);
	expect_read(20);
}

static void single_bytes_share_buffers_where_there_is_room(void **state)
{
	for (uint32_t i = 0; i < 1500; i++) {
		struct rte_mbuf *m = tcp_mbufs_roomy(BASE + i, 1);

		assert_true(tcp_recv_queue_insert(&q, m, BASE + i, &rcv_nxt, &limits));
	}
	assert_int_equal(q.n_mbufs, 1);
	expect_read(1500);
	for (uint32_t i = 2000; i < 3000; i++) {
		struct rte_mbuf *m = tcp_mbufs_roomy(BASE + i, 1);

		assert_true(tcp_recv_queue_insert(&q, m, BASE + i, &rcv_nxt, &limits));
	}
	assert_int_equal(q.n_gap, 1);
	put(1500, 2000);
	expect_read(3000);
}

static void a_buffer_that_others_see_is_not_written_to(void **state)
{
	struct rte_mbuf *m = tcp_mbufs_roomy(BASE, 10);

	rte_mbuf_refcnt_update(m, 1);
	tcp_recv_queue_insert(&q, m, BASE, &rcv_nxt, &limits);
	put(10, 20);
	assert_int_equal(q.n_mbufs, 2);
	assert_int_equal(m->data_len, 10);
	expect_read(20);
	rte_pktmbuf_free(m);
}

static void a_chain_is_taken_apart(void **state)
{
	struct rte_mbuf *m = tcp_mbufs_exact(BASE + 100, 600);

	tcp_mbufs_chain(m, tcp_mbufs_exact(BASE + 700, 0));
	tcp_mbufs_chain(m, tcp_mbufs_exact(BASE + 700, 900));
	assert_true(tcp_recv_queue_insert(&q, m, BASE + 100, &rcv_nxt, &limits));
	assert_int_equal(q.n_gap, 2);
	assert_int_equal(q.n_ranges, 1);
	put(0, 100);
	expect_read(1600);
}

static void what_is_held_is_known(void **state)
{
	put(100, 200);
	put(300, 400);
	assert_true(tcp_recv_queue_holds(&q, (struct tcp_range){BASE + 300, BASE + 400}));
	assert_true(tcp_recv_queue_holds(&q, (struct tcp_range){BASE + 110, BASE + 120}));
	assert_false(tcp_recv_queue_holds(&q, (struct tcp_range){BASE + 90, BASE + 120}));
	assert_false(tcp_recv_queue_holds(&q, (struct tcp_range){BASE + 150, BASE + 350}));
	assert_false(tcp_recv_queue_holds(&q, (struct tcp_range){BASE + 390, BASE + 410}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_comes_in_order_is_read_in_order, start, stop),
		cmocka_unit_test_setup_teardown(
			duplicates_are_useless_and_overlaps_are_cut, start, stop),
		cmocka_unit_test_setup_teardown(
			a_hole_holds_back_what_is_behind_it_until_it_is_filled, start, stop),
		cmocka_unit_test_setup_teardown(a_run_behind_one_hole_is_one_range, start, stop),
		cmocka_unit_test_setup_teardown(blocks_are_told_most_recent_first, start, stop),
		cmocka_unit_test_setup_teardown(
			overlaps_beyond_the_gap_keep_each_byte_once, start, stop),
		cmocka_unit_test_setup_teardown(
			a_segment_in_order_ends_where_a_longer_range_begins, start, stop),
		cmocka_unit_test_setup_teardown(
			beyond_the_limits_nothing_is_kept_and_nothing_is_given_up, start, stop),
		cmocka_unit_test_setup_teardown(holes_are_bounded_whatever_the_limits, start, stop),
		cmocka_unit_test_setup_teardown(
			data_in_order_is_refused_when_too_many_buffers_wait, start, stop),
		cmocka_unit_test_setup_teardown(
			holes_that_close_do_not_pass_the_limit_again_and_again, start, stop),
		cmocka_unit_test_setup_teardown(
			single_bytes_share_buffers_where_there_is_room, start, stop),
		cmocka_unit_test_setup_teardown(
			a_buffer_that_others_see_is_not_written_to, start, stop),
		cmocka_unit_test_setup_teardown(a_chain_is_taken_apart, start, stop),
		cmocka_unit_test_setup_teardown(what_is_held_is_known, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
