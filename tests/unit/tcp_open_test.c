/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening, talking, closing: the plain ways (RFC 9293 3.5, 3.6). */
#include "tests/unit/tcp_peer.h"

static void a_handshake_negotiates_every_option(void **state)
{
	struct peer p = peer_new();
	struct peer_got g;

	peer_in(&p, peer_syn(&p));
	g = peer_out(&p, (struct line){.flags = SA, .ack = 1});
	assert_true(g.line.options.has_mss);
	assert_int_equal(g.line.options.mss_bytes, 1460);
	assert_true(g.line.options.has_wscale);
	assert_int_equal(g.line.options.wscale, 3);
	assert_true(g.line.options.has_ts);
	assert_true(g.line.options.sack_permitted);
	assert_int_equal(g.wnd, 65535);
	p.ts = true;
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	peer_quiet(&p);
	assert_int_equal(peer_app.n_opened, 1);
	assert_int_equal(tcp_tag(peer_app.conn), 7);
	assert_int_equal(peer_stats()->opened_passive, 1);
	assert_int_equal(peer_stats()->conns[TCP_ESTABLISHED], 1);
}

static void the_acknowledgement_rides_on_the_reply(void **state)
{
	struct peer p = peer_new();

	peer_open(&p);
	for (uint32_t at = 1; at < 100; at += 3) {
		peer_in(&p, (struct line){.flags = PA, .seq = at, .ack = at, .bytes = 3});
		peer_out(&p, (struct line){.flags = PA, .seq = at, .ack = at + 3, .bytes = 3});
		peer_quiet(&p);
	}
	peer_in(&p, (struct line){.flags = A, .seq = 100, .ack = 100});
	node_advance(5 * NSEC_PER_SEC);
	peer_quiet(&p);
	assert_int_equal(peer_stats()->retransmitted, 0);
}

static void the_same_over_ipv6(void **state)
{
	struct peer p = peer_new();

	p.family = 6;
	peer_open(&p);
	peer_in(&p, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = 1400});
	peer_out(&p, (struct line){.flags = PA, .seq = 1, .ack = 1401, .bytes = 1400});
	peer_quiet(&p);
}

static void the_peer_closes_first(void **state)
{
	struct peer p = peer_new();

	peer_open(&p);
	peer_in(&p, (struct line){.flags = FPA, .seq = 1, .ack = 1, .bytes = 4});
	peer_out(&p, (struct line){.flags = FPA, .seq = 1, .ack = 6, .bytes = 4});
	peer_quiet(&p);
	assert_int_equal(peer_app.n_ended, 0);
	peer_in(&p, (struct line){.flags = A, .seq = 6, .ack = 6});
	peer_quiet(&p);
	assert_int_equal(peer_app.n_ended, 1);
	assert_int_equal(peer_app.why, TCP_END_CLOSED);
	assert_int_equal(peer_stats()->in_time_wait, 0);
}

static void the_node_closes_first_and_waits(void **state)
{
	struct peer p = peer_new();

	peer_open(&p);
	tcp_close(node_worker(0), peer_app.conn);
	node_run();
	peer_out(&p, (struct line){.flags = FA, .seq = 1, .ack = 1});
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 2});
	assert_int_equal(peer_stats()->conns[TCP_FIN_WAIT_2], 1);
	/* Half-closed: what the peer still says is read. */
	peer_app.mode = PEER_SWALLOW;
	peer_in(&p, (struct line){.flags = PA, .seq = 1, .ack = 2, .bytes = 9});
	peer_out(&p, (struct line){.flags = A, .seq = 2, .ack = 10});
	peer_in(&p, (struct line){.flags = FA, .seq = 10, .ack = 2});
	peer_out(&p, (struct line){.flags = A, .seq = 2, .ack = 11});
	assert_int_equal(peer_app.n_ended, 1);
	assert_int_equal(peer_app.why, TCP_END_CLOSED);
	assert_int_equal(peer_stats()->in_time_wait, 1);
	/* The last ACK was lost. */
	peer_in(&p, (struct line){.flags = FA, .seq = 10, .ack = 2});
	peer_out(&p, (struct line){.flags = A, .seq = 2, .ack = 11});
	peer_quiet(&p);
}

static void both_close_at_once(void **state)
{
	struct peer p = peer_new();

	peer_open(&p);
	tcp_close(node_worker(0), peer_app.conn);
	node_run();
	peer_out(&p, (struct line){.flags = FA, .seq = 1, .ack = 1});
	peer_in(&p, (struct line){.flags = FA, .seq = 1, .ack = 1});
	peer_out(&p, (struct line){.flags = A, .seq = 2, .ack = 2});
	assert_int_equal(peer_stats()->conns[TCP_CLOSING], 1);
	peer_in(&p, (struct line){.flags = A, .seq = 2, .ack = 2});
	assert_int_equal(peer_app.n_ended, 1);
	assert_int_equal(peer_stats()->in_time_wait, 1);
}

static void an_application_may_refuse(void **state)
{
	struct peer p = peer_new();

	peer_app.refuse = true;
	peer_in(&p, peer_syn(&p));
	peer_out(&p, (struct line){.flags = SA, .ack = 1});
	p.ts = true;
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	peer_out(&p, (struct line){.flags = RA, .seq = 1, .ack = 1});
	assert_int_equal(peer_app.n_ended, 0);
	assert_int_equal(peer_stats()->conns[TCP_ESTABLISHED], 0);
}

static void a_reset_ends_it_only_exactly_in_sequence(void **state)
{
	struct peer p = peer_new();

	peer_open(&p);
	peer_in(&p, (struct line){.flags = R, .seq = 2});
	peer_out(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	peer_in(&p, (struct line){.flags = R, .seq = 70000});
	peer_quiet(&p);
	assert_int_equal(peer_app.n_ended, 0);
	peer_in(&p, (struct line){.flags = R, .seq = 1});
	peer_quiet(&p);
	assert_int_equal(peer_app.n_ended, 1);
	assert_int_equal(peer_app.why, TCP_END_RESET);
}

static void an_abort_resets(void **state)
{
	struct peer p = peer_new();

	peer_open(&p);
	tcp_abort(node_worker(0), peer_app.conn);
	node_run();
	peer_out(&p, (struct line){.flags = RA, .seq = 1, .ack = 1});
	assert_int_equal(peer_app.n_ended, 1);
	assert_int_equal(peer_app.why, TCP_END_ABORTED);
}

static void segments_for_nobody_are_refused(void **state)
{
	struct peer p = peer_new();

	p.node_port = 81;
	peer_in(&p, peer_syn(&p));
	peer_out(&p, (struct line){.flags = RA, .ack = 1});
	p.node_port = PEER_NODE_PORT;
	peer_in(&p, (struct line){.flags = A, .seq = 5, .ack = 9});
	peer_out(&p, (struct line){.flags = R, .seq = 9});
	peer_in(&p, (struct line){.flags = R, .seq = 5});
	peer_quiet(&p);
	assert_int_equal(node_drops(DROP_tcp_refused), 2);
	assert_int_equal(node_drops(DROP_tcp_reset_ignored), 1);
}

static void a_syn_ack_is_repeated_and_given_up(void **state)
{
	struct peer p = peer_new();
	unsigned n = 0;

	peer_in(&p, peer_syn(&p));
	node_advance(200 * NSEC_PER_SEC);
	while (peer_more(&p)) {
		peer_out(&p, (struct line){.flags = SA, .ack = 1});
		n++;
	}
	assert_int_equal(n, TCP_SYN_ACK_TRIES);
	assert_int_equal(peer_stats()->half_open, 0);
	assert_int_equal(peer_app.n_opened, 0);
}

static void an_active_open_ends_in_a_connection(void **state)
{
	struct ip_addr remote = peer_addr("192.0.2.2");
	struct peer p = peer_new();
	struct tcp_conn *c;
	struct tcp_ends ends;
	struct peer_got g;

	c = tcp_connect(node_worker(0), &peer_app_calls, NULL, &remote, htobe16(PEER_PORT));
	assert_non_null(c);
	node_run();
	tcp_ends_of(c, &ends);
	p.node_port = be16toh(ends.local_port_be);
	g = peer_out(&p, (struct line){.flags = S | E | W});
	assert_true(g.line.options.has_ts);
	p.ts = true;
	peer_in(&p, (struct line){.flags = SA,
			    .seq = 0,
			    .ack = 1,
			    .options = {.has_mss = true,
				    .mss_bytes = 1460,
				    .has_wscale = true,
				    .sack_permitted = true,
				    .wscale = 7}});
	peer_out(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	assert_int_equal(peer_app.n_opened, 1);
	assert_int_equal(peer_stats()->opened_active, 1);
	peer_in(&p, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = 6});
	peer_out(&p, (struct line){.flags = PA, .seq = 1, .ack = 7, .bytes = 6});
}

static void an_active_open_may_be_refused(void **state)
{
	struct ip_addr remote = peer_addr("192.0.2.2");
	struct peer p = peer_new();
	struct tcp_conn *c;
	struct tcp_ends ends;

	c = tcp_connect(node_worker(0), &peer_app_calls, NULL, &remote, htobe16(PEER_PORT));
	tcp_ends_of(c, &ends);
	p.node_port = be16toh(ends.local_port_be);
	node_run();
	peer_out(&p, (struct line){.flags = S | E | W});
	peer_in(&p, (struct line){.flags = RA, .seq = 0, .ack = 1});
	assert_int_equal(peer_app.n_ended, 1);
	assert_int_equal(peer_app.why, TCP_END_REFUSED);
}

static void both_open_at_once(void **state)
{
	struct ip_addr remote = peer_addr("192.0.2.2");
	struct peer p = peer_new();
	struct tcp_conn *c;
	struct tcp_ends ends;

	p.plain = true;
	c = tcp_connect(node_worker(0), &peer_app_calls, NULL, &remote, htobe16(PEER_PORT));
	tcp_ends_of(c, &ends);
	p.node_port = be16toh(ends.local_port_be);
	node_run();
	peer_out(&p, (struct line){.flags = S | E | W});
	peer_in(&p, peer_syn(&p));
	peer_out(&p, (struct line){.flags = SA, .ack = 1});
	peer_in(&p, (struct line){.flags = SA, .seq = 0, .ack = 1});
	assert_int_equal(peer_app.n_opened, 1);
	assert_int_equal(peer_stats()->conns[TCP_ESTABLISHED], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PEER_TEST(a_handshake_negotiates_every_option),
		PEER_TEST(the_acknowledgement_rides_on_the_reply),
		PEER_TEST(the_same_over_ipv6),
		PEER_TEST(the_peer_closes_first),
		PEER_TEST(the_node_closes_first_and_waits),
		PEER_TEST(both_close_at_once),
		PEER_TEST(an_application_may_refuse),
		PEER_TEST(a_reset_ends_it_only_exactly_in_sequence),
		PEER_TEST(an_abort_resets),
		PEER_TEST(segments_for_nobody_are_refused),
		PEER_TEST(a_syn_ack_is_repeated_and_given_up),
		PEER_TEST(an_active_open_ends_in_a_connection),
		PEER_TEST(an_active_open_may_be_refused),
		PEER_TEST(both_open_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
