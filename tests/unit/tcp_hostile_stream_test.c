/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hostile streams: windows that shrink or never open, floods of small, doubled, late or forged
 * segments, acknowledgements of everything and nothing, ends and resets at will.
 */
#include "tests/unit/tcp_hostile.h"

#define FIRST_WINDOW 65535u

static struct tcp_info info_of(const struct hostile_attack *a)
{
	struct tcp_info infos[HOSTILE_CONNS];
	uint32_t cursor = 0;
	unsigned n = tcp_dump(node_worker(0), &cursor, infos, HOSTILE_CONNS);

	for (unsigned i = 0; i < n; i++)
		if (infos[i].ends.remote_port_be == htobe16(a->peer.port))
			return infos[i];
	fail_msg("the victim is gone");
	return infos[0];
}

/* SegmentSmack (CVE-2018-5390): c->n tiny segments beyond a gap, each c->ack bytes after the one
 * before, c->seq bytes long. */
static void smack(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		hostile_say(a, (struct line){.flags = A,
				       .seq = 10 + i * c->ack % 60000,
				       .ack = 1,
				       .bytes = c->seq});
	assert_true(peer_stats()->held_mbufs <= TCP_GAP_SEGMENTS_MAX + 1);
	assert_int_equal(peer_app.n_ended, 0);
}

/* The same from behind. */
static void smack_backwards(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = c->n; i-- > 0;)
		hostile_say(a, (struct line){.flags = A,
				       .seq = 10 + i * c->ack % 60000,
				       .ack = 1,
				       .bytes = c->seq});
	assert_true(peer_stats()->held_mbufs <= TCP_GAP_SEGMENTS_MAX + 1);
}

/* ... and at random places and sizes. */
static void smack_at_random(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		hostile_say(a, (struct line){.flags = A,
				       .seq = 2 + (uint32_t)sim_below(&a->random, 66000),
				       .ack = 1,
				       .bytes = (uint32_t)sim_below(&a->random, c->ack)});
	assert_true(peer_stats()->held_mbufs <= TCP_GAP_SEGMENTS_MAX + 1);
}

/* In order, a few bytes at a time, and nobody reads. */
static void trickle(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		hostile_say(
			a, (struct line){
				   .flags = A, .seq = 1 + i * c->seq, .ack = 1, .bytes = c->seq});
	assert_true(peer_stats()->held_mbufs <= TCP_RECV_SEGMENTS_MAX + 1);
	assert_true(tcp_readable_bytes(peer_app.conn) <= FIRST_WINDOW);
}

/* The same segment over and over. */
static void repeat(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		hostile_say(
			a, (struct line){
				   .flags = c->flags, .seq = c->seq, .ack = c->ack, .bytes = 10});
}

/* Bare segments over and over: of what is not answered by rule, little is answered. */
static void repeat_bare(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		hostile_say(a, (struct line){.flags = c->flags, .seq = c->seq, .ack = c->ack});
	hostile_take(a);
	assert_true(a->n_out <= 2 * TCP_CHALLENGES + 10);
}

/* Two versions of the same bytes: what is delivered is one of them, once. */
static void forge(struct hostile_attack *a, const struct hostile_case *c)
{
	struct peer_got g;

	hostile_say_other(a, (struct line){.flags = A, .seq = 11, .ack = 1, .bytes = 20}, 0xff);
	hostile_say_other(a, (struct line){.flags = A, .seq = 5, .ack = 1, .bytes = 20}, 0x55);
	hostile_say_other(a, (struct line){.flags = A, .seq = 25, .ack = 1, .bytes = 20}, 0xaa);
	hostile_take(a);
	peer_app.mode = PEER_KEEP;
	hostile_say(a, (struct line){.flags = A, .seq = 1, .ack = 1, .bytes = c->n});
	assert_int_equal(tcp_readable_bytes(peer_app.conn), 44);
	g = peer_next(&a->peer);
	assert_int_equal(g.line.ack, 45);
}

/* A segment at each of these places relative to what is next, of each of these lengths. */
static void edges(struct hostile_attack *a, const struct hostile_case *c)
{
	static const uint32_t lengths[] = {0, 1, 2, 1448};

	for (int32_t i = -3; i <= 3; i++)
		for (unsigned k = 0; k < ARRAY_SIZE(lengths); k++)
			hostile_say(a, (struct line){.flags = c->flags,
					       .seq = c->seq + (uint32_t)i,
					       .ack = 1,
					       .bytes = lengths[k]});
	assert_true(tcp_readable_bytes(peer_app.conn) <= FIRST_WINDOW + 2896);
}

/* The window goes to these values in turn while the node sends. */
static void window_game(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		int32_t wnd = c->seq == 0 ? (int32_t)sim_below(&a->random, 65536)
					  : (int32_t)(i % 2 ? c->seq : c->ack);

		hostile_say(a, (struct line){.flags = A,
				       .seq = 1,
				       .ack = 1,
				       .wnd = wnd == 0 ? PEER_WND_ZERO : wnd});
		/* Ten segments of the first window, and what the timers say. */
		a->n_spare += 2;
		node_advance(10 * NSEC_PER_MSEC);
	}
	assert_int_equal(peer_app.n_ended, 0);
}

/* The window shrinks by a segment with every acknowledgement. */
static void window_shrinks(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < 100; i++) {
		hostile_say(a, (struct line){.flags = A,
				       .seq = 1,
				       .ack = 1 + i * 100,
				       .wnd = i < 99 ? (int32_t)(100 - i) : PEER_WND_ZERO});
		a->n_spare += 3;
	}
	hostile_wait(a, 5000, 200);
	assert_int_equal(peer_app.n_ended, 0);
}

/* Sockstress: a closed window for ten minutes, every probe answered. */
static void window_closed(struct hostile_attack *a, const struct hostile_case *c)
{
	for (unsigned i = 0; i < 600; i++) {
		hostile_say(a, (struct line){.flags = A, .seq = 1, .ack = 1, .wnd = PEER_WND_ZERO});
		node_advance(NSEC_PER_SEC);
		a->n_spare += 3;
	}
	assert_true(info_of(a).unacked_bytes <= peer_limits.conn_send_bytes);
	assert_true(node_worker(0)->tcp->blocks.n_free >= peer_limits.send_blocks / 2);
}

/* A window of next to nothing, and what comes is never acknowledged: given up in time. */
static void window_silly(struct hostile_attack *a, const struct hostile_case *c)
{
	for (unsigned i = 0; i < 200; i++) {
		hostile_say(a, (struct line){.flags = A, .seq = 1, .ack = 1, .wnd = 1});
		node_advance(NSEC_PER_SEC);
		a->n_spare += 3;
	}
	assert_int_equal(peer_app.n_ended, 1);
	assert_int_equal(peer_app.why, TCP_END_TIMEOUT);
	assert_int_equal(node_worker(0)->tcp->blocks.n_free, peer_limits.send_blocks);
}

/* Acknowledges every byte by itself (Savage and others, 1999): the window grows by bytes. */
static void ack_division(struct hostile_attack *a, const struct hostile_case *c)
{
	uint32_t before = info_of(a).cwnd_bytes;

	for (uint32_t i = 1; i <= 1448; i++) {
		hostile_say(a, (struct line){.flags = A, .seq = 1, .ack = 1 + i});
		a->n_spare++;
	}
	assert_true(info_of(a).cwnd_bytes <= before + 2 * 1448);
}

/* Duplicate acknowledgements without end: recovery once, no inflation (ibid.). */
static void dup_acks(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		hostile_say(a, (struct line){.flags = A, .seq = 1, .ack = 1});
	a->n_spare += 100;
	assert_true(info_of(a).cwnd_bytes <= 20 * 1448);
	assert_true(peer_stats()->fast_recoveries <= 1);
}

/* Blocks at random places: whatever they say, work and memory are bounded. */
static void sack_chaos(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		uint32_t b[6];

		for (unsigned k = 0; k < 6; k++)
			b[k] = (uint32_t)sim_below(&a->random, c->seq) - c->ack;
		hostile_say(
			a, (struct line){.flags = A, .seq = 1, .ack = 1, .n_sacks = 3, .sacks = b});
		a->n_spare += 3;
	}
	hostile_wait(a, 1000, 300);
	assert_int_equal(peer_app.n_ended, 0);
}

/* Acknowledges what is out, and ever more that is not. */
static void optimistic(struct hostile_attack *a, const struct hostile_case *c)
{
	uint32_t before = info_of(a).cwnd_bytes;

	for (uint32_t i = 0; i < 1000; i++)
		hostile_say(a, (struct line){.flags = A, .seq = 1, .ack = 20000 + i * 1448});
	assert_true(info_of(a).cwnd_bytes <= before);
	assert_true(peer_stats()->challenge_acks <= TCP_CHALLENGES);
}

/* Echoes time stamps that never were: the round trip stays sane. */
static void echo_lies(struct hostile_attack *a, const struct hostile_case *c)
{
	uint32_t acked = 1;

	for (uint32_t i = 0; i < 50; i++) {
		a->peer.node_ts = c->n ? c->n : (uint32_t)sim_random(&a->random);
		acked += 100;
		hostile_say(a, (struct line){.flags = A, .seq = 1, .ack = acked});
		a->n_spare += 3;
	}
	assert_true(info_of(a).rto_us <= TCP_RTO_MAX_US);
	hostile_wait(a, 1000, 300);
	assert_int_equal(peer_app.n_ended, 0);
}

/* Time stamps that jump about: old ones are dropped, none is answered with a flood. */
static void stamp_chaos(struct hostile_attack *a, const struct hostile_case *c)
{
	for (uint32_t i = 0; i < 500; i++)
		hostile_say(a, (struct line){.flags = PA,
				       .seq = 1,
				       .ack = 1,
				       .bytes = 10,
				       .ts_val = (uint32_t)sim_random(&a->random) | 1});
	assert_int_equal(peer_app.n_ended, 0);
	assert_int_equal(peer_stats()->rx_bytes, 20);
}

/* Noise: random flags, numbers, lengths, options, near what is true. */
static void noise(struct hostile_attack *a, const struct hostile_case *c)
{
	struct sim_random *r = &a->random;

	for (uint32_t i = 0; i < 2000; i++) {
		uint8_t options[40];
		struct line l = {
			.flags = (uint8_t)(sim_random(r) & (c->flags ? 0xff : 0xff & ~R)),
			.seq = (uint32_t)(1 + sim_log(r, UINT32_MAX) - sim_log(r, 3)),
			.ack = (uint32_t)(1 + sim_log(r, UINT32_MAX) - sim_log(r, 3)),
			.bytes = (uint32_t)sim_log(r, 1448),
			.wnd = (int32_t)sim_log(r, 65535),
			.ecn = (uint8_t)sim_below(r, 4),
		};

		if (sim_percent(r, 20)) {
			for (unsigned k = 0; k < sizeof(options); k++)
				options[k] = (uint8_t)sim_log(r, 255);
			l.raw_options = options;
			l.n_raw_options = 4 * (uint32_t)sim_below(r, 11);
		}
		hostile_say(a, l);
		a->n_spare += 20;
		if (sim_percent(r, 2))
			node_advance(sim_log(r, NSEC_PER_SEC));
	}
}

#define SMACK(what, how, bytes, step, times)                                                       \
	{                                                                                          \
		.name = what, .start = ESTABLISHED, .run = how, .seq = bytes, .ack = step,         \
		.n = times                                                                         \
	}
#define EDGES(what, from, at, f)                                                                   \
	{                                                                                          \
		.name = what, .start = from, .run = edges, .seq = at, .flags = f                   \
	}
#define WINDOW(what, high, low)                                                                    \
	{                                                                                          \
		.name = what, .start = SENDING, .run = window_game, .seq = high, .ack = low,       \
		.n = 200                                                                           \
	}
#define NOISE(what, from, seed, f)                                                                 \
	{                                                                                          \
		.name = what, .start = from, .run = noise, .n = seed, .flags = f                   \
	}
#define REPEAT(what, from, how, f, at, acked)                                                      \
	{                                                                                          \
		.name = what, .start = from, .run = how, .flags = f, .seq = at, .ack = acked,      \
		.n = 500                                                                           \
	}

static const struct hostile_case cases[] = {
	SMACK("tiny_segments_with_gaps", smack, 1, 2, 5000),
	SMACK("tiny_segments_far_apart", smack, 1, 400, 5000),
	SMACK("small_segments_with_gaps", smack, 100, 101, 2000),
	SMACK("large_segments_with_gaps", smack, 1400, 1401, 500),
	SMACK("tiny_segments_backwards", smack_backwards, 1, 2, 5000),
	SMACK("overlapping_segments", smack, 1000, 1, 2000),
	SMACK("overlapping_segments_backwards", smack_backwards, 1000, 1, 2000),
	SMACK("segments_at_random", smack_at_random, 0, 1448, 3000),
	SMACK("tiny_segments_at_random", smack_at_random, 0, 4, 3000),
	{.name = "single_bytes_unread", .start = KEEPING, .run = trickle, .seq = 1, .n = 5000},
	{.name = "ten_bytes_unread", .start = KEEPING, .run = trickle, .seq = 10, .n = 7000},
	{.name = "full_segments_unread", .start = KEEPING, .run = trickle, .seq = 1448, .n = 200},
	REPEAT("the_same_data_again", ESTABLISHED, repeat, PA, 1, 1),
	REPEAT("the_same_data_beyond_a_gap", ESTABLISHED, repeat, PA, 100, 1),
	REPEAT("the_same_end_again", ESTABLISHED, repeat, FPA, 1, 1),
	REPEAT("the_same_end_beyond_a_gap", ESTABLISHED, repeat, FPA, 100, 1),
	REPEAT("ends_in_fin_wait", FIN_WAIT, repeat, FPA, 1, 1),
	REPEAT("ends_in_close_wait", CLOSE_WAIT, repeat, FPA, 2, 1),
	REPEAT("ends_in_time_wait", TIME_WAIT, repeat, FPA, 1, 2),
	REPEAT("data_in_close_wait", CLOSE_WAIT, repeat, PA, 2, 1),
	REPEAT("a_storm_of_resets_in_the_window", ESTABLISHED, repeat_bare, R, 1000, 0),
	REPEAT("a_storm_of_resets_outside", ESTABLISHED, repeat_bare, R, 100000, 0),
	REPEAT("a_storm_of_syns", ESTABLISHED, repeat_bare, S, 1000, 0),
	REPEAT("a_storm_of_syn_acks", ESTABLISHED, repeat_bare, SA, 1000, 1),
	REPEAT("a_storm_of_acks", ESTABLISHED, repeat_bare, A, 1, 1),
	REPEAT("a_storm_of_old_acks", ESTABLISHED, repeat_bare, A, 0, 1),
	REPEAT("a_storm_of_acks_of_nothing", ESTABLISHED, repeat_bare, A, 1, 5000),
	REPEAT("a_storm_of_acks_outside", ESTABLISHED, repeat_bare, A, 0x50000000, 1),
	REPEAT("a_storm_of_acks_in_time_wait", TIME_WAIT, repeat_bare, A, 2, 2),
	REPEAT("a_storm_of_resets_in_time_wait", TIME_WAIT, repeat_bare, R, 2, 0),
	{.name = "other_bytes_the_second_time", .start = ESTABLISHED, .run = forge, .n = 4},
	{.name = "other_bytes_over_all_of_it", .start = ESTABLISHED, .run = forge, .n = 44},
	EDGES("edges_of_what_is_next", KEEPING, 1, PA),
	EDGES("edges_of_the_window", KEEPING, 1 + FIRST_WINDOW, PA),
	EDGES("edges_of_half_the_space", KEEPING, 0x80000001u, PA),
	EDGES("ends_at_the_edges_of_the_window", KEEPING, 1 + FIRST_WINDOW, FPA),
	EDGES("resets_at_the_edges_of_the_window", KEEPING, 1 + FIRST_WINDOW, R),
	EDGES("syns_at_the_edges_of_the_window", KEEPING, 1 + FIRST_WINDOW, S),
	WINDOW("a_window_that_opens_and_closes", 0x10000, 0),
	WINDOW("a_window_of_one_or_none", 1, 0),
	WINDOW("a_window_of_one_or_all", 1, 65535),
	WINDOW("a_window_at_random", 0, 0),
	{.name = "a_window_that_shrinks", .start = SENDING, .run = window_shrinks},
	{.name = "a_window_that_stays_closed", .start = SENDING, .run = window_closed},
	{.name = "a_window_that_stays_silly", .start = SENDING, .run = window_silly},
	{.name = "acks_of_single_bytes", .start = SENDING, .run = ack_division},
	{.name = "duplicate_acks_without_end", .start = SENDING, .run = dup_acks, .n = 5000},
	{.name = "blocks_near_what_is_out",
		.start = SENDING,
		.run = sack_chaos,
		.seq = 16000,
		.ack = 500,
		.n = 2000},
	{.name = "blocks_anywhere",
		.start = SENDING,
		.run = sack_chaos,
		.seq = UINT32_MAX,
		.n = 2000},
	{.name = "tiny_blocks", .start = SENDING, .run = sack_chaos, .seq = 20, .n = 2000},
	{.name = "acks_of_what_was_not_sent", .start = SENDING, .run = optimistic},
	{.name = "echoes_from_the_future", .start = SENDING, .run = echo_lies, .n = UINT32_MAX},
	{.name = "echoes_from_long_ago", .start = SENDING, .run = echo_lies, .n = 1},
	{.name = "echoes_at_random", .start = SENDING, .run = echo_lies},
	{.name = "time_stamps_at_random", .start = KEEPING, .run = stamp_chaos},
	NOISE("noise_to_a_listener", LISTENING, 1, 1),
	NOISE("noise_on_a_connection", ESTABLISHED, 2, 0),
	NOISE("noise_and_resets", ESTABLISHED, 3, 1),
	NOISE("noise_while_nobody_reads", KEEPING, 4, 0),
	NOISE("noise_while_sending", SENDING, 5, 0),
	NOISE("noise_in_fin_wait", FIN_WAIT, 6, 0),
	NOISE("noise_in_close_wait", CLOSE_WAIT, 7, 0),
	NOISE("noise_in_time_wait", TIME_WAIT, 8, 0),
	NOISE("noise_in_syn_sent", SYN_SENT, 9, 0),
};

int main(void)
{
	return hostile_run_all("hostile streams", cases, ARRAY_SIZE(cases));
}
