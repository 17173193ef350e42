/* SPDX-License-Identifier: BSD-3-Clause */
/* What the node does when segments get lost, windows close and paths shrink. */
#include "tests/unit/tcp_peer.h"

#define MSS   1448u /* with time stamps */
#define SMALL 948u  /* ... on a path of 1000 bytes */

/* A connection with a round trip of 20 ms whose application only speaks when told. */
static struct peer open_slowly(void)
{
	struct peer p = peer_new();
	struct peer_got g;

	peer_app.mode = PEER_SWALLOW;
	peer_in(&p, peer_syn(&p));
	g = peer_out(&p, (struct line){.flags = SA, .ack = 1});
	p.ts = g.line.options.has_ts;
	node_advance(20 * NSEC_PER_MSEC);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	peer_quiet(&p);
	return p;
}

static void the_initial_window_is_ten_segments(void **state)
{
	struct peer p = open_slowly();

	assert_int_equal(peer_app_send(50000), 50000);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(peer_next(&p).line.seq, 1 + i * MSS);
	peer_quiet(&p);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1 + 2 * MSS});
	/* Slow start: two acknowledged, four more. */
	for (uint32_t i = 10; i < 14; i++)
		assert_int_equal(peer_next(&p).line.seq, 1 + i * MSS);
	peer_quiet(&p);
}

static void a_lost_tail_is_probed_then_timed_out(void **state)
{
	struct peer p = open_slowly();
	uint64_t sent_ns = node_now_ns(), probed_ns, timed_out_ns;

	peer_app_send(100);
	peer_out(&p, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = 100});
	node_advance(3 * NSEC_PER_SEC);
	probed_ns =
		peer_out(&p, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = 100}).time_ns;
	assert_in_range(probed_ns - sent_ns, 40 * NSEC_PER_MSEC, 300 * NSEC_PER_MSEC);
	timed_out_ns =
		peer_out(&p, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = 100}).time_ns;
	assert_in_range(timed_out_ns - probed_ns, 190 * NSEC_PER_MSEC, 450 * NSEC_PER_MSEC);
	assert_int_equal(peer_stats()->tail_probes, 1);
	assert_true(peer_stats()->timeouts >= 1);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 101});
	peer_forget(&p);
	node_advance(5 * NSEC_PER_SEC);
	peer_quiet(&p);
}

static void selective_acknowledgements_bring_the_lost_one_again(void **state)
{
	struct peer p = open_slowly();

	peer_app_send(6 * MSS);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(peer_next(&p).line.seq, 1 + i * MSS);
	node_advance(20 * NSEC_PER_MSEC);
	for (uint32_t i = 2; i <= 4; i++) {
		uint32_t block[2] = {1 + MSS, 1 + i * MSS};

		peer_queue(&p, peer_sack(1, 1, 1, block));
	}
	node_run();
	peer_out(&p, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = MSS});
	peer_quiet(&p);
	assert_int_equal(peer_stats()->fast_recoveries, 1);
	node_advance(20 * NSEC_PER_MSEC);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1 + 6 * MSS});
	peer_quiet(&p);
	assert_int_equal(peer_stats()->timeouts, 0);
	assert_int_equal(tcp_unacked_bytes(peer_app.conn), 0);
}

static void three_duplicates_do_without_selective_acknowledgements(void **state)
{
	struct peer p = peer_new();

	p.plain = true;
	peer_app.mode = PEER_SWALLOW;
	peer_open(&p);
	peer_app_send(6 * 1460);
	for (uint32_t i = 0; i < 6; i++)
		assert_int_equal(peer_next(&p).line.seq, 1 + i * 1460);
	node_advance(20 * NSEC_PER_MSEC);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	peer_quiet(&p);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	assert_int_equal(peer_next(&p).line.seq, 1);
	peer_quiet(&p);
	/* A partial acknowledgement shows the next hole (RFC 6582). */
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1 + 2 * 1460});
	assert_int_equal(peer_next(&p).line.seq, 1 + 2 * 1460);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1 + 6 * 1460});
	assert_int_equal(tcp_unacked_bytes(peer_app.conn), 0);
}

static void a_closed_window_is_probed(void **state)
{
	struct peer p = open_slowly();

	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1, .wnd = PEER_WND_ZERO});
	peer_app_send(1000);
	peer_quiet(&p);
	node_advance(NSEC_PER_SEC);
	peer_out(&p, (struct line){.flags = A, .seq = 1, .ack = 1, .bytes = 1});
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1, .wnd = PEER_WND_ZERO});
	/* As long as it answers, it may keep its window closed. */
	for (unsigned i = 0; i < 600; i++) {
		node_advance(NSEC_PER_SEC);
		while (peer_more(&p)) {
			peer_next(&p);
			peer_in(&p, (struct line){
					    .flags = A, .seq = 1, .ack = 1, .wnd = PEER_WND_ZERO});
		}
		peer_forget(&p);
	}
	assert_int_equal(peer_app.n_ended, 0);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	peer_out(&p, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = 1000});
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1001});
	node_advance(NSEC_PER_SEC);
	peer_quiet(&p);
}

static void a_silent_peer_is_given_up(void **state)
{
	open_slowly();
	peer_app_send(10);
	node_advance(300 * NSEC_PER_SEC);
	assert_int_equal(peer_app.n_ended, 1);
	assert_int_equal(peer_app.why, TCP_END_TIMEOUT);
}

static void gaps_are_told_and_filled(void **state)
{
	struct peer p = peer_new();
	struct peer_got g;

	peer_open(&p);
	peer_in(&p, (struct line){.flags = PA, .seq = 11, .ack = 1, .bytes = 10});
	g = peer_out(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	assert_int_equal(g.line.options.n_sacks, 1);
	assert_int_equal(g.line.options.sacks[0].start, p.iss + 11);
	assert_int_equal(g.line.options.sacks[0].end, p.iss + 21);
	peer_in(&p, (struct line){.flags = PA, .seq = 31, .ack = 1, .bytes = 10});
	g = peer_out(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	assert_int_equal(g.line.options.n_sacks, 2);
	assert_int_equal(g.line.options.sacks[0].start, p.iss + 31);
	assert_int_equal(peer_stats()->held_mbufs, 2);
	peer_in(&p, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = 10});
	peer_out(&p, (struct line){.flags = PA, .seq = 1, .ack = 21, .bytes = 20});
	peer_in(&p, (struct line){.flags = PA, .seq = 21, .ack = 21, .bytes = 10});
	peer_out(&p, (struct line){.flags = PA, .seq = 21, .ack = 41, .bytes = 20});
	assert_int_equal(peer_stats()->held_mbufs, 0);
	/* Sent twice: reported (RFC 2883). */
	peer_in(&p, (struct line){.flags = PA, .seq = 31, .ack = 41, .bytes = 10});
	g = peer_out(&p, (struct line){.flags = A, .seq = 41, .ack = 41});
	assert_int_equal(g.line.options.n_sacks, 1);
	assert_int_equal(g.line.options.sacks[0].start, p.iss + 31);
}

/* An ICMP error about the node's segment at relative number @seq. */
static void icmp_in(struct peer *p, uint8_t code, uint16_t mtu, uint32_t seq)
{
	uint8_t f[14 + 20 + 8 + 20 + 8] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xaa, 8, 0};
	uint8_t ip[20] = {0x45, 0, 0, sizeof(f) - 14, 0, 1, 0, 0, 64, IPPROTO_ICMP, 0, 0, 192, 0, 2,
		2, 192, 0, 2, 1};
	uint8_t inner[20] = {
		0x45, 0, 5, 0xdc, 0, 1, 0x40, 0, 64, IPPROTO_TCP, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2};
	uint8_t icmp[8] = {3, code, 0, 0, 0, 0, (uint8_t)(mtu >> 8), (uint8_t)mtu};
	uint16_t ports[2] = {htobe16(p->node_port), htobe16(p->port)}, check;
	uint32_t seq_be = htobe32(p->node_iss + seq);

	check = checksum_ip4_header(ip, 5);
	memcpy(ip + 10, &check, 2);
	memcpy(f + 14, ip, 20);
	memcpy(f + 34, icmp, 8);
	memcpy(f + 42, inner, 20);
	memcpy(f + 62, ports, 4);
	memcpy(f + 66, &seq_be, 4);
	check = checksum_finish(checksum_sum(f + 34, sizeof(f) - 34, 0));
	memcpy(f + 36, &check, 2);
	node_input(0, f, sizeof(f));
	node_run();
}

static void a_smaller_path_cuts_what_is_in_flight(void **state)
{
	struct peer p = open_slowly();

	peer_app_send(2 * MSS);
	peer_out(&p, (struct line){.flags = A, .seq = 1, .ack = 1, .bytes = MSS});
	peer_out(&p, (struct line){.flags = PA, .seq = 1 + MSS, .ack = 1, .bytes = MSS});
	/* Not in flight, and below what is believed. */
	icmp_in(&p, 4, 1000, 1 + 5 * MSS);
	icmp_in(&p, 4, 1400, 0);
	peer_quiet(&p);
	assert_int_equal(node_drops(DROP_tcp_icmp_bad), 2);
	icmp_in(&p, 4, 1000, 1);
	for (uint32_t at = 1; at < 1 + 2 * MSS;) {
		struct peer_got g = peer_next(&p);

		assert_true(g.ip_bytes <= 1000);
		assert_int_equal(g.line.seq, at);
		at += g.line.bytes;
	}
	peer_quiet(&p);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1 + 2 * MSS});
	assert_int_equal(tcp_unacked_bytes(peer_app.conn), 0);
	assert_int_equal(peer_stats()->pmtu_lowered, 1);
	assert_int_equal(peer_stats()->fast_recoveries, 0);
}

static void a_black_hole_is_found_by_timeouts(void **state)
{
	struct peer p = open_slowly();
	uint32_t bytes = 0;

	peer_app_send(2 * MSS);
	node_advance(20 * NSEC_PER_SEC);
	while (peer_more(&p))
		bytes = peer_next(&p).line.bytes;
	assert_true(bytes <= 524);
	assert_int_equal(peer_stats()->black_holes, 1);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1 + 2 * MSS});
	assert_int_equal(tcp_unacked_bytes(peer_app.conn), 0);
}

/* The path has been smaller for ten minutes; the first byte to be sent next is @*at. */
static struct peer open_small(uint32_t *at)
{
	struct peer p = open_slowly();

	tcp_keepalive_set(node_worker(0), peer_app.conn, 0);
	peer_app_send(MSS);
	peer_forget(&p);
	icmp_in(&p, 4, 1000, 1);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1 + MSS});
	assert_int_equal(peer_app.conn->mss_bytes, SMALL);
	node_advance((TCP_MTU_AGAIN_S + 1) * NSEC_PER_SEC);
	peer_forget(&p);
	*at = 1 + MSS;
	return p;
}

static void a_larger_segment_is_tried_ten_minutes_later(void **state)
{
	uint32_t at;
	struct peer p = open_small(&at);

	peer_app_send(MSS + 3 * SMALL);
	assert_int_equal(peer_next(&p).line.bytes, MSS);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(peer_next(&p).line.bytes, SMALL);
	peer_quiet(&p);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = at + MSS + 3 * SMALL});
	assert_int_equal(peer_app.conn->mss_bytes, MSS);
	assert_int_equal(peer_app.conn->mtu_at, 0);
}

static void a_larger_segment_that_is_lost_comes_again_in_pieces(void **state)
{
	uint32_t at, sack[2];
	struct peer p = open_small(&at);

	peer_app_send(MSS + 3 * SMALL);
	peer_forget(&p);
	node_advance(20 * NSEC_PER_MSEC);
	sack[0] = at + MSS;
	sack[1] = at + MSS + 3 * SMALL;
	peer_in(&p, peer_sack(1, at, 1, sack));
	assert_int_equal(peer_next(&p).line.bytes, SMALL);
	assert_int_equal(peer_next(&p).line.bytes, MSS - SMALL);
	peer_quiet(&p);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = sack[1]});
	assert_int_equal(peer_app.conn->mss_bytes, SMALL);
	/* Not before another ten minutes. */
	peer_app_send(2 * MSS);
	assert_int_equal(peer_next(&p).line.bytes, SMALL);
}

static void a_fin_beyond_a_gap_is_remembered(void **state)
{
	struct peer p = open_slowly();

	peer_in(&p, (struct line){.flags = FPA, .seq = 11, .ack = 1, .bytes = 10});
	peer_out(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	assert_int_equal(peer_stats()->conns[TCP_ESTABLISHED], 1);
	peer_in(&p, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = 10});
	assert_int_equal(peer_next(&p).line.ack, 22);
	assert_int_equal(peer_stats()->conns[TCP_ESTABLISHED], 0);
}

static void a_large_stream_arrives_whole(void **state)
{
	struct peer p = peer_new();
	uint32_t acked = 1, at = 1;

	peer_app.mode = PEER_SWALLOW;
	peer_open(&p);
	while (acked < 1000000) {
		peer_app_send(1000000 - peer_app.n_sent);
		while (peer_more(&p)) {
			struct peer_got g = peer_next(&p);

			assert_int_equal(g.line.seq, at);
			at += g.line.bytes;
		}
		acked = at;
		peer_forget(&p);
		peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = acked});
		node_advance(10 * NSEC_PER_MSEC);
	}
	assert_int_equal(peer_stats()->retransmitted, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PEER_TEST(the_initial_window_is_ten_segments),
		PEER_TEST(a_lost_tail_is_probed_then_timed_out),
		PEER_TEST(selective_acknowledgements_bring_the_lost_one_again),
		PEER_TEST(three_duplicates_do_without_selective_acknowledgements),
		PEER_TEST(a_closed_window_is_probed),
		PEER_TEST(a_silent_peer_is_given_up),
		PEER_TEST(gaps_are_told_and_filled),
		PEER_TEST(a_smaller_path_cuts_what_is_in_flight),
		PEER_TEST(a_black_hole_is_found_by_timeouts),
		PEER_TEST(a_larger_segment_is_tried_ten_minutes_later),
		PEER_TEST(a_larger_segment_that_is_lost_comes_again_in_pieces),
		PEER_TEST(a_fin_beyond_a_gap_is_remembered),
		PEER_TEST(a_large_stream_arrives_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
