/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hostile crowds: floods of SYNs, connections that are opened and left, that say little or read
 * nothing, more of them than there is room for; and ICMP errors that nobody asked for.
 */
#include "tests/unit/tcp_hostile.h"
#include "tests/unit/tcp_script.h"

/* One more stranger on port number @i. */
static void stranger(struct hostile_attack *a, uint32_t i)
{
	a->peer = peer_new();
	a->peer.port = (uint16_t)(1024 + i % 30000);
	a->peer.iss = (uint32_t)sim_random(&a->random);
	a->peer.at = node_n_output();
	a->n_spare += 2;
}

/* SYNs from everywhere, never followed by anything. */
static void syn_flood(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		stranger(a, i);
		hostile_say(a, peer_syn(&a->peer));
	}
	hostile_take(a);
	assert_true(peer_stats()->cookies_sent >= c->n - 2 * HOSTILE_BACKLOG);
	/* Who means it gets in by cookie. */
	stranger(a, 29999);
	peer_open(&a->peer);
	assert_int_equal(peer_stats()->cookies_accepted, 1);
	hostile_wait(a, 20000, 200);
	assert_int_equal(peer_stats()->half_open, 0);
}

/* ... and SYN-ACKs, ACKs, FINs, resets, nothing. */
static void stray_flood(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		stranger(a, i);
		hostile_say(a,
			(struct line){.flags = c->flags, .seq = i, .ack = i * 7, .bytes = c->seq});
	}
	hostile_take(a);
	assert_int_equal(node_worker(0)->tcp->n_conns, 1);
	assert_int_equal(peer_app.n_opened, 1);
}

/* Guesses at cookies while they are in use. */
static void cookie_guesses(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < 100; i++) {
		stranger(a, i);
		hostile_say(a, peer_syn(&a->peer));
	}
	for (uint32_t i = 0; i < 20000; i++) {
		stranger(a, i);
		a->peer.ts = true;
		a->peer.node_ts = (uint32_t)sim_random(&a->random);
		hostile_say(
			a, (struct line){
				   .flags = A, .seq = 1, .ack = (uint32_t)sim_random(&a->random)});
	}
	assert_int_equal(peer_stats()->cookies_accepted, 0);
	assert_true(peer_stats()->cookies_failed > 10000);
	hostile_wait(a, 20000, 200);
}

/* Opens connections until there is no room, then some more. */
static void exhaust(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < 3 * HOSTILE_CONNS; i++) {
		stranger(a, i);
		hostile_say(a, peer_syn(&a->peer));
		for (; a->peer.at < node_n_output(); a->peer.at++)
			if (node_output(a->peer.at)->bytes[34 + 13] == SA)
				a->peer.ts = peer_read(&a->peer, a->peer.at).line.options.has_ts;
		hostile_say(a, (struct line){.flags = A, .seq = 1, .ack = 1});
	}
	assert_int_equal(node_worker(0)->tcp->n_conns, HOSTILE_CONNS);
	assert_true(peer_stats()->limit_conns > 0);
}

/* Sockstress: fills the table, asks for much and reads nothing. */
static void sockstress(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < HOSTILE_CONNS - 1; i++) {
		stranger(a, i);
		peer_open(&a->peer);
		peer_app_send(20000);
		hostile_say(a, (struct line){.flags = A,
				       .seq = 1,
				       .ack = 1,
				       .wnd = c->n ? (int32_t)c->n : PEER_WND_ZERO});
		a->n_spare += 12;
		hostile_take(a);
	}
	hostile_wait(a, 30000, 64 * 30);
	/* The blocks are used up; the one that talks needs none of them for long. */
	assert_true(node_worker(0)->tcp->blocks.n_free <= peer_limits.send_blocks);
	hostile_wait(a, 300000, 64 * 60);
	if (c->n != 0)
		assert_int_equal(node_worker(0)->tcp->blocks.n_free, peer_limits.send_blocks);
}

/* As many as can ask for much and read nothing, and say so whenever they are asked. */
static void buffer_hogs(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < HOSTILE_CONNS - 1; i++) {
		stranger(a, i);
		peer_open(&a->peer);
		hostile_say(a, (struct line){.flags = A, .seq = 1, .ack = 1, .wnd = PEER_WND_ZERO});
		peer_app_send(c->n);
		a->n_spare += 2;
		hostile_take(a);
	}
}

/* They are sent little at a time, and acknowledge nothing. */
static void record_hogs(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		stranger(a, i);
		peer_open(&a->peer);
		for (uint32_t k = 0; k < 1000; k++) {
			peer_app_send(1);
			if (node_n_output() > NODE_OUTPUT_MAX / 2)
				hostile_take(a);
		}
		a->n_spare += 1000;
		hostile_take(a);
	}
}

/* Slowloris: a byte a second from everybody, for minutes. */
static void slowloris(struct hostile_attack *a, const struct hostile_case *c)
{
	struct peer peers[HOSTILE_CONNS - 1];

	for (uint32_t i = 0; i < HOSTILE_CONNS - 1; i++) {
		stranger(a, i);
		peer_open(&a->peer);
		peers[i] = a->peer;
		hostile_take(a);
	}
	peer_app.mode = PEER_KEEP;
	for (uint32_t k = 0; k < 100; k++) {
		for (uint32_t i = 0; i < HOSTILE_CONNS - 1; i++) {
			a->peer = peers[i];
			hostile_say(
				a, (struct line){.flags = PA, .seq = 1 + k, .ack = 1, .bytes = 1});
		}
		hostile_take(a);
		node_advance(NSEC_PER_SEC);
	}
	/* Buffers of exactly their size cannot be merged: the worst case. */
	assert_true(peer_stats()->held_mbufs <= 2 * node_worker(0)->tcp->n_held_max);
	assert_true(peer_stats()->limit_held > 0);
}

/* Everybody hoards what lies beyond a gap. */
static void hoard(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < HOSTILE_CONNS - 1; i++) {
		stranger(a, i);
		peer_open(&a->peer);
		hostile_take(a);
		for (uint32_t k = 0; k < 200; k++)
			hostile_say(a,
				(struct line){
					.flags = A, .seq = 100 + k * 300, .ack = 1, .bytes = c->n});
		hostile_take(a);
	}
	assert_true(peer_stats()->held_mbufs <= node_worker(0)->tcp->n_held_max);
	assert_true(peer_stats()->limit_held > 0);
}

/* Opened and closed at once, again and again. */
static void churn(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < 500; i++) {
		stranger(a, i);
		peer_open(&a->peer);
		hostile_say(a, (struct line){.flags = c->flags, .seq = 1, .ack = 1});
		if (c->flags & F)
			hostile_say(a, (struct line){.flags = A, .seq = 2, .ack = 2});
		hostile_take(a);
	}
	assert_int_equal(node_worker(0)->tcp->n_conns, 1);
	assert_int_equal(peer_app.n_ended, 500);
}

/* Half-closed and left. */
static void left_half_closed(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < HOSTILE_CONNS - 1; i++) {
		stranger(a, i);
		peer_open(&a->peer);
		tcp_close(node_worker(0), peer_app.conn);
		node_run();
		hostile_say(a, (struct line){.flags = A, .seq = 1, .ack = c->n});
		hostile_take(a);
	}
	hostile_wait(a, 250000, 64 * 20);
	assert_int_equal(node_worker(0)->tcp->n_conns, 1);
}

/* ICMP errors about everything, true or not. */
static void icmp_flood(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < 2000; i++) {
		uint32_t seq = c->seq + (uint32_t)sim_below(&a->random, 20000);

		script_icmp(&a->peer, (uint32_t)sim_below(&a->random, 1600), seq, c->flags == 0);
		a->n_in++;
		if (node_n_output() > NODE_OUTPUT_MAX / 2)
			hostile_take(a);
	}
	a->n_spare += 2000;
	hostile_wait(a, 3000, 500);
	assert_int_equal(peer_app.n_ended, 0);
}

#define STRAY(what, f, bytes)                                                                      \
	{                                                                                          \
		.name = what, .start = LISTENING, .run = stray_flood, .flags = f, .seq = bytes,    \
		.n = 5000                                                                          \
	}

static const struct hostile_case cases[] = {
	{.name = "a_flood_of_syns", .start = LISTENING, .run = syn_flood, .n = 20000},
	{.name = "a_small_flood_of_syns", .start = LISTENING, .run = syn_flood, .n = 100},
	{.name = "hogs_of_send_buffers", .start = LISTENING, .run = buffer_hogs, .n = 100000},
	{.name = "hogs_of_small_send_buffers", .start = LISTENING, .run = buffer_hogs, .n = 20000},
	{.name = "hogs_of_records", .start = LISTENING, .run = record_hogs, .n = HOSTILE_CONNS - 1},
	{.name = "few_hogs_of_records", .start = LISTENING, .run = record_hogs, .n = 3},
	STRAY("strange_acks", A, 0),
	STRAY("strange_data", PA, 100),
	STRAY("strange_ends", FA, 0),
	STRAY("strange_syn_acks", SA, 0),
	STRAY("strange_resets", R, 0),
	STRAY("strange_nothing", 0, 10),
	STRAY("strange_syns_with_end", S | F, 0),
	{.name = "guesses_at_cookies", .start = LISTENING, .run = cookie_guesses},
	{.name = "more_connections_than_room", .start = LISTENING, .run = exhaust},
	{.name = "closed_windows_everywhere", .start = LISTENING, .run = sockstress},
	{.name = "silly_windows_everywhere", .start = LISTENING, .run = sockstress, .n = 1},
	{.name = "a_byte_a_second_from_everybody", .start = LISTENING, .run = slowloris},
	{.name = "everybody_hoards_small_segments", .start = LISTENING, .run = hoard, .n = 10},
	{.name = "everybody_hoards_large_segments", .start = LISTENING, .run = hoard, .n = 290},
	{.name = "opened_and_closed", .start = LISTENING, .run = churn, .flags = FA},
	{.name = "opened_and_reset", .start = LISTENING, .run = churn, .flags = R},
	{.name = "left_in_fin_wait_1", .start = LISTENING, .run = left_half_closed, .n = 1},
	{.name = "left_in_fin_wait_2", .start = LISTENING, .run = left_half_closed, .n = 2},
	{.name = "icmp_too_big_about_what_is_out", .start = SENDING, .run = icmp_flood, .seq = 1},
	{.name = "icmp_too_big_about_anything", .start = SENDING, .run = icmp_flood, .seq = 50000},
	{.name = "icmp_unreachable", .start = SENDING, .run = icmp_flood, .seq = 1, .flags = 1},
};

int main(void)
{
	return hostile_run_all("hostile crowds", cases, ARRAY_SIZE(cases));
}
