/* SPDX-License-Identifier: BSD-3-Clause */
/* What strangers cannot do: floods, blind attacks, old duplicates, hoarding. And whose worker a
 * connection is. */
#include "tests/unit/tcp_peer.h"

static int start_without_backlog(void **state)
{
	peer_limits_default();
	peer_start_on(PEER_YAML("[0]"), TCP_ANY_WORKER, 0);
	return 0;
}

static int start_small(void **state)
{
	peer_limits_default();
	peer_limits.conns = 4;
	peer_limits.conns_per_source = 3;
	peer_start_on(PEER_YAML("[0]"), TCP_ANY_WORKER, 8);
	return 0;
}

static int start_tiny(void **state)
{
	peer_limits_default();
	peer_limits.conns = 4;
	peer_start_on(PEER_YAML("[0]"), TCP_ANY_WORKER, 8);
	return 0;
}

static int start_two_workers(void **state)
{
	peer_limits_default();
	peer_start_on(PEER_YAML("[0, 1]"), 1, 8);
	return 0;
}

static int start_any_of_two(void **state)
{
	peer_limits_default();
	peer_start_on(PEER_YAML("[0, 1]"), TCP_ANY_WORKER, 8);
	return 0;
}

#define GUARD_TEST(name, start) cmocka_unit_test_setup_teardown(name, start, peer_stop)

static void a_cookie_opens_a_connection_with_its_options(void **state)
{
	struct peer p = peer_new();
	struct peer_got g;

	peer_in(&p, peer_syn(&p));
	g = peer_out(&p, (struct line){.flags = SA, .ack = 1});
	assert_int_equal(peer_stats()->cookies_sent, 1);
	assert_int_equal(peer_stats()->half_open, 0);
	assert_true(g.line.options.has_wscale && g.line.options.sack_permitted);
	p.ts = true;
	/* With data, as browsers and proxies do. */
	peer_in(&p, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = 30});
	peer_out(&p, (struct line){.flags = PA, .seq = 1, .ack = 31, .bytes = 30});
	assert_int_equal(peer_stats()->cookies_accepted, 1);
	assert_int_equal(peer_app.conn->snd_wscale, 7);
	assert_true(peer_app.conn->flags & TCP_CONN_SACK);
	assert_int_equal(peer_app.conn->mss_bytes, 1448);
	peer_in(&p, (struct line){.flags = A, .seq = 31, .ack = 31});
	node_advance(NSEC_PER_SEC);
	peer_quiet(&p);
}

static void a_guessed_cookie_is_refused(void **state)
{
	struct peer p = peer_new();

	peer_in(&p, peer_syn(&p));
	peer_out(&p, (struct line){.flags = SA, .ack = 1});
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 77});
	peer_out(&p, (struct line){.flags = R, .seq = 77});
	peer_in(&p, (struct line){.flags = A, .seq = 2, .ack = 1});
	peer_out(&p, (struct line){.flags = R, .seq = 1});
	assert_int_equal(peer_stats()->cookies_failed, 2);
	assert_int_equal(peer_app.n_opened, 0);
}

static void a_full_table_gives_up_its_oldest_half_open(void **state)
{
	struct peer p = peer_new();

	for (uint16_t i = 0; i < 6; i++) {
		p.port = (uint16_t)(PEER_PORT + i);
		peer_in(&p, peer_syn(&p));
		peer_out(&p, (struct line){.flags = SA, .ack = 1});
	}
	assert_int_equal(peer_stats()->half_open, 4);
	assert_int_equal(peer_stats()->half_open_recycled, 2);
	/* The last one is still there. */
	p.ts = true;
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	assert_int_equal(peer_app.n_opened, 1);
}

static void a_source_has_its_share_only(void **state)
{
	struct peer p = peer_new();

	for (uint16_t i = 0; i < 5; i++) {
		p.port = (uint16_t)(PEER_PORT + i);
		p.ts = false;
		peer_in(&p, peer_syn(&p));
		if (i < 3) {
			peer_out(&p, (struct line){.flags = SA, .ack = 1});
			p.ts = true;
			peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
		}
		peer_quiet(&p);
	}
	assert_int_equal(node_drops(DROP_tcp_source_limit), 2);
	assert_int_equal(peer_app.n_opened, 3);
	/* One ends, another one may come. */
	tcp_abort(node_worker(0), peer_app.conn);
	node_run();
	peer_forget(&p);
	p.ts = false;
	peer_in(&p, peer_syn(&p));
	peer_out(&p, (struct line){.flags = SA, .ack = 1});
}

static void old_duplicates_are_seen_by_their_time_stamp(void **state)
{
	struct peer p = peer_new();

	peer_open(&p);
	peer_in(&p, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = 4});
	peer_out(&p, (struct line){.flags = PA, .seq = 1, .ack = 5, .bytes = 4});
	peer_in(&p,
		(struct line){
			.flags = PA, .seq = 5, .ack = 5, .bytes = 4, .ts_val = peer_ts() - 1000});
	peer_out(&p, (struct line){.flags = A, .seq = 5, .ack = 5});
	assert_int_equal(peer_stats()->paws_drops, 1);
	peer_in(&p, (struct line){.flags = PA, .seq = 5, .ack = 5, .bytes = 4, .no_ts = true});
	peer_quiet(&p);
	assert_int_equal(node_drops(DROP_tcp_no_timestamp), 1);
}

/* Whoever forges SYNs of others must not use up their share. */
static void half_open_ones_take_no_share(void **state)
{
	struct peer p = peer_new();

	for (uint16_t i = 0; i < 3; i++) {
		p.port = (uint16_t)(PEER_PORT + i);
		peer_in(&p, peer_syn(&p));
		peer_out(&p, (struct line){.flags = SA, .ack = 1});
	}
	p.port = PEER_PORT + 3;
	peer_open(&p);
	assert_int_equal(peer_app.n_opened, 1);
	assert_int_equal(node_drops(DROP_tcp_source_limit), 0);
}

/* Those that are opened at once are counted all the same. */
static void half_open_ones_beyond_the_share_are_reset(void **state)
{
	struct peer p = peer_new(), peers[4];

	for (uint16_t i = 0; i < 4; i++) {
		p.port = (uint16_t)(PEER_PORT + i);
		p.ts = false;
		peer_in(&p, peer_syn(&p));
		peer_out(&p, (struct line){.flags = SA, .ack = 1});
		p.ts = true;
		peers[i] = p;
	}
	for (uint16_t i = 0; i < 4; i++) {
		peers[i].at = node_n_output();
		peer_in(&peers[i], (struct line){.flags = A, .seq = 1, .ack = 1});
		if (i == 3)
			peer_out(&peers[i], (struct line){.flags = RA, .seq = 1, .ack = 1});
		peer_quiet(&peers[i]);
	}
	assert_int_equal(peer_app.n_opened, 3);
	assert_int_equal(peer_app.n_ended, 0);
	assert_int_equal(peer_stats()->limit_source, 1);
	assert_int_equal(node_worker(0)->tcp->n_conns, 3);
}

/* RFC 7323 5.5: after 24 days the peer's clock may seem to have gone back; it counts from there. */
static void a_time_stamp_that_is_too_old_itself_is_replaced(void **state)
{
	struct peer p = peer_new();
	struct peer_got g;

	peer_open(&p);
	peer_app.conn->ts_recent_at -= (uint32_t)(25ull * 24 * 3600 * NSEC_PER_SEC / WHEEL_TICK_NS);
	for (uint32_t i = 0; i < 2; i++) {
		peer_in(&p, (struct line){
				    .flags = PA,
				    .seq = 1 + i,
				    .ack = 1 + i,
				    .bytes = 1,
				    .ts_val = 0x81000000 + i,
			    });
		g = peer_out(
			&p, (struct line){.flags = PA, .seq = 1 + i, .ack = 2 + i, .bytes = 1});
		assert_int_equal(g.line.options.ts_ecr, 0x81000000 + i);
	}
	/* From here on it protects again. */
	peer_in(&p,
		(struct line){.flags = PA, .seq = 3, .ack = 3, .bytes = 1, .ts_val = 0x80ffffff});
	assert_int_equal(peer_stats()->paws_drops, 1);
}

static void challenges_are_few(void **state)
{
	struct peer p = peer_new();
	unsigned n = 0;

	peer_open(&p);
	for (unsigned i = 0; i < 20; i++)
		peer_in(&p, (struct line){.flags = S, .seq = 100 + i, .ts_val = peer_ts()});
	while (peer_more(&p)) {
		peer_out(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
		n++;
	}
	assert_int_equal(n, TCP_CHALLENGES);
	assert_int_equal(peer_stats()->challenge_acks_limited, 20 - TCP_CHALLENGES);
	node_advance(2 * NSEC_PER_SEC);
	peer_in(&p, (struct line){.flags = R, .seq = 9});
	peer_out(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	/* Acknowledges what was never sent (RFC 5961 5). */
	peer_in(&p, (struct line){.flags = PA, .seq = 1, .ack = 1000, .bytes = 3});
	peer_out(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	assert_int_equal(peer_app.n_readable, 0);
	assert_int_equal(peer_app.n_ended, 0);
}

static void a_newer_syn_takes_over_from_time_wait(void **state)
{
	struct peer p = peer_new();

	peer_open(&p);
	tcp_close(node_worker(0), peer_app.conn);
	node_run();
	peer_out(&p, (struct line){.flags = FA, .seq = 1, .ack = 1});
	peer_in(&p, (struct line){.flags = FA, .seq = 1, .ack = 2});
	peer_out(&p, (struct line){.flags = A, .seq = 2, .ack = 2});
	assert_int_equal(peer_stats()->in_time_wait, 1);
	node_advance(NSEC_PER_SEC);
	p.iss += 5000;
	p.ts = false;
	peer_open(&p);
	assert_int_equal(peer_stats()->time_waits_reused, 1);
	assert_int_equal(peer_app.n_opened, 2);
}

static void hoarding_out_of_order_segments_has_an_end(void **state)
{
	struct peer p = peer_new();

	peer_open(&p);
	for (uint32_t i = 0; i < 400; i++)
		peer_in(&p, (struct line){.flags = A, .seq = 3 + 2 * i, .ack = 1, .bytes = 1});
	assert_in_range(peer_stats()->held_mbufs, 1, TCP_GAP_SEGMENTS_MAX);
	assert_true(node_drops(DROP_tcp_held_limit) > 0);
	peer_forget(&p);
	peer_in(&p, (struct line){.flags = R, .seq = 1});
	assert_int_equal(peer_stats()->held_mbufs, 0);
}

/* A run behind one hole, in a window that has grown: a fifth of all may be held for one. */
static void what_lies_beyond_a_gap_has_its_share(void **state)
{
	struct peer p = peer_new();
	uint32_t at = 1, most = node_worker(0)->tcp->n_held_max / (TCP_GAP_SHARE + 1) + 1;

	peer_app.mode = PEER_SWALLOW;
	peer_open(&p);
	for (unsigned i = 0; i < 400; i++, at += 1000)
		peer_in(&p, (struct line){.flags = A, .seq = at, .ack = 1, .bytes = 1000});
	assert_int_equal(peer_stats()->held_mbufs, 0);
	for (unsigned i = 1; i <= 250; i++)
		peer_in(&p,
			(struct line){.flags = A, .seq = at + i * 1000, .ack = 1, .bytes = 1000});
	assert_int_equal(peer_stats()->held_mbufs, most);
	assert_true(most > 128);
	peer_forget(&p);
	peer_in(&p, (struct line){.flags = A, .seq = at, .ack = 1, .bytes = 1000});
	peer_out(&p, (struct line){.flags = A, .seq = 1, .ack = at + (most + 1) * 1000});
}

static void what_nobody_reads_closes_the_window(void **state)
{
	struct peer p = peer_new();
	uint32_t at = 1;
	struct peer_got g = {0};

	peer_app.mode = PEER_KEEP;
	peer_open(&p);
	for (unsigned i = 0; i < 400; i++) {
		peer_in(&p, (struct line){.flags = A, .seq = at, .ack = 1, .bytes = 1000});
		at += 1000;
		while (peer_more(&p))
			g = peer_next(&p);
		if (g.wnd == 0)
			break;
		node_clear();
		p.at = 0;
	}
	assert_int_equal(g.wnd, 0);
	assert_in_range(tcp_readable_bytes(peer_app.conn), 60000, 65535);
	/* Read at last: the window opens, and that is said. */
	peer_app.mode = PEER_SWALLOW;
	peer_on_readable(node_worker(0), &peer_app.conn, 1);
	node_run();
	g = peer_next(&p);
	assert_int_equal(g.line.flags, A);
	assert_true(g.wnd > 0);
	peer_forget(&p);
}

static void congestion_marks_are_echoed_and_heeded(void **state)
{
	struct peer p = peer_new();
	struct line syn = peer_syn(&p);
	uint32_t cwnd;

	syn.flags |= E | W;
	peer_in(&p, syn);
	peer_out(&p, (struct line){.flags = SA | E, .ack = 1});
	p.ts = true;
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	peer_in(&p, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = 10, .ecn = 3});
	assert_int_equal(
		peer_out(&p, (struct line){.flags = PA | E, .seq = 1, .ack = 11, .bytes = 10})
			.line.ecn,
		2);
	peer_in(&p, (struct line){.flags = PA | W, .seq = 11, .ack = 11, .bytes = 10, .ecn = 2});
	peer_out(&p, (struct line){.flags = PA, .seq = 11, .ack = 21, .bytes = 10});
	cwnd = tcp_cwnd_bytes(peer_app.conn);
	peer_in(&p, (struct line){.flags = A | E, .seq = 21, .ack = 21, .ecn = 2});
	assert_true(tcp_cwnd_bytes(peer_app.conn) < cwnd);
	peer_in(&p, (struct line){.flags = PA, .seq = 21, .ack = 21, .bytes = 10});
	peer_out(&p, (struct line){.flags = PA | W, .seq = 21, .ack = 31, .bytes = 10});
}

static void silence_is_asked_about_then_ended(void **state)
{
	struct peer p = peer_new();

	peer_open(&p);
	tcp_keepalive_set(node_worker(0), peer_app.conn, 30);
	node_advance(31 * NSEC_PER_SEC);
	peer_out(&p, (struct line){.flags = A, .seq = 0, .ack = 1});
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	node_advance(31 * NSEC_PER_SEC);
	for (unsigned i = 0; i < TCP_KEEPALIVE_PROBES; i++) {
		peer_out(&p, (struct line){.flags = A, .seq = 0, .ack = 1});
		node_advance(10100 * NSEC_PER_MSEC);
	}
	peer_out(&p, (struct line){.flags = RA, .seq = 1, .ack = 1});
	assert_int_equal(peer_app.why, TCP_END_TIMEOUT);
}

static void segments_find_the_worker_of_their_listener(void **state)
{
	for (uint16_t i = 0; i < 8; i++) {
		struct peer p = peer_new();

		p.port = (uint16_t)(PEER_PORT + i);
		peer_open(&p);
		peer_in(&p, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = 5});
		peer_out(&p, (struct line){.flags = PA, .seq = 1, .ack = 6, .bytes = 5});
	}
	assert_int_equal(node_worker(1)->stats->tcp.conns[TCP_ESTABLISHED], 8);
	assert_int_equal(node_worker(0)->stats->tcp.conns[TCP_ESTABLISHED], 0);
}

static void connections_of_any_worker_stay_where_they_are_steered(void **state)
{
	uint64_t n[2];

	for (uint16_t i = 0; i < 32; i++) {
		struct peer p = peer_new();

		p.port = (uint16_t)(PEER_PORT + i);
		peer_open(&p);
		peer_in(&p, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = 5});
		peer_out(&p, (struct line){.flags = PA, .seq = 1, .ack = 6, .bytes = 5});
	}
	for (unsigned i = 0; i < 2; i++)
		n[i] = node_worker(i)->stats->tcp.conns[TCP_ESTABLISHED];
	assert_int_equal(n[0] + n[1], 32);
	assert_in_range(n[0], 4, 28);
}

static void an_active_open_of_any_worker_gets_its_replies(void **state)
{
	struct ip_addr remote = peer_addr("192.0.2.2");

	for (unsigned i = 0; i < 2; i++) {
		struct peer p = peer_new();
		struct tcp_ends ends;
		struct tcp_conn *c;

		c = tcp_connect(node_worker(i), &peer_app_calls, NULL, &remote, htobe16(PEER_PORT));
		assert_non_null(c);
		tcp_ends_of(c, &ends);
		p.node_port = be16toh(ends.local_port_be);
		node_run();
		peer_out(&p, (struct line){.flags = S | E | W});
		p.plain = true;
		peer_in(&p, (struct line){.flags = SA, .seq = 0, .ack = 1});
		peer_out(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
		assert_int_equal(node_worker(i)->stats->tcp.conns[TCP_ESTABLISHED], 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		GUARD_TEST(a_cookie_opens_a_connection_with_its_options, start_without_backlog),
		GUARD_TEST(a_guessed_cookie_is_refused, start_without_backlog),
		GUARD_TEST(a_full_table_gives_up_its_oldest_half_open, start_tiny),
		GUARD_TEST(a_source_has_its_share_only, start_small),
		GUARD_TEST(half_open_ones_take_no_share, start_small),
		GUARD_TEST(half_open_ones_beyond_the_share_are_reset, start_small),
		PEER_TEST(old_duplicates_are_seen_by_their_time_stamp),
		PEER_TEST(a_time_stamp_that_is_too_old_itself_is_replaced),
		PEER_TEST(challenges_are_few),
		PEER_TEST(a_newer_syn_takes_over_from_time_wait),
		PEER_TEST(hoarding_out_of_order_segments_has_an_end),
		PEER_TEST(what_lies_beyond_a_gap_has_its_share),
		PEER_TEST(what_nobody_reads_closes_the_window),
		PEER_TEST(congestion_marks_are_echoed_and_heeded),
		PEER_TEST(silence_is_asked_about_then_ended),
		GUARD_TEST(segments_find_the_worker_of_their_listener, start_two_workers),
		GUARD_TEST(connections_of_any_worker_stay_where_they_are_steered, start_any_of_two),
		GUARD_TEST(an_active_open_of_any_worker_gets_its_replies, start_any_of_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
