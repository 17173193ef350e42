/* SPDX-License-Identifier: BSD-3-Clause */
/* Hostile options, in SYNs and on an open connection, and hostile headers. */
#include "tests/unit/tcp_hostile.h"

/* A SYN with the options: it is answered all the same, and the connection that follows works. */
static void on_syn(struct hostile_attack *a, const struct hostile_case *c)
{
	struct peer_got g;

	hostile_say(
		a, (struct line){.flags = S, .raw_options = c->bytes, .n_raw_options = c->n_bytes});
	g = peer_next(&a->peer);
	assert_int_equal(g.line.flags, SA);
	a->peer.ts = g.line.options.has_ts;
	hostile_say(a, (struct line){.flags = A, .seq = 1, .ack = 1});
	hostile_say(a, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = 10});
	g = peer_next(&a->peer);
	assert_int_equal(g.line.bytes, 10);
}

/* Many data segments with the options; whatever is made of them, right ones still work. */
static void on_data(struct hostile_attack *a, const struct hostile_case *c)
{
	uint32_t at = 1;

	for (unsigned i = 0; i < 50; i++)
		hostile_say(a, (struct line){.flags = PA,
				       .seq = 1,
				       .ack = 1,
				       .bytes = 10,
				       .raw_options = c->bytes,
				       .n_raw_options = c->n_bytes});
	if (peer_stats()->rx_bytes > 10)
		at = 11;
	hostile_say(a, (struct line){.flags = PA, .seq = at, .ack = 1, .bytes = 10});
	assert_int_equal(peer_stats()->rx_bytes, at + 19);
}

/* Acknowledgements with the options while much is out. */
static void on_ack(struct hostile_attack *a, const struct hostile_case *c)
{
	for (unsigned i = 0; i < 50; i++)
		hostile_say(a, (struct line){.flags = A,
				       .seq = 1,
				       .ack = 1,
				       .raw_options = c->bytes,
				       .n_raw_options = c->n_bytes});
	assert_true(tcp_unacked_bytes(peer_app.conn) > 0);
	hostile_wait(a, 2000, 200);
	assert_int_equal(peer_app.n_ended, 0);
}

/* Every length that the header can claim, with its options cut short or long. */
static void on_offsets(struct hostile_attack *a, const struct hostile_case *c)
{
	for (unsigned offset = 0; offset < 16; offset++) {
		uint8_t f[NODE_FRAME_MAX];
		uint32_t bytes = peer_frame(&a->peer,
			(struct line){.flags = c->flags, .seq = 1, .ack = 1, .bytes = c->n}, f);
		struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(f + 34);

		tcp->data_off = (uint8_t)(offset << 4 | 0x0f);
		tcp->cksum = 0;
		tcp->cksum = checksum_finish(
			checksum_sum(tcp, bytes - 34, peer_pseudo(4, f + 14, bytes - 34)));
		node_input(0, f, bytes);
		node_run();
		a->n_in++;
	}
}

/* Every combination of flags, the reserved ones too. */
static void on_flags(struct hostile_attack *a, const struct hostile_case *c)
{
	for (unsigned flags = 0; flags < 256; flags++) {
		/* What would end it at once comes last. */
		if ((flags & R) && c->n == 0)
			continue;
		hostile_say(a, (struct line){.flags = (uint8_t)flags,
				       .seq = c->seq,
				       .ack = c->ack,
				       .bytes = flags % 3});
	}
}

/* The packet ends where it should not. */
static void on_short(struct hostile_attack *a, const struct hostile_case *c)
{
	uint8_t f[NODE_FRAME_MAX];
	uint32_t bytes = peer_frame(
		&a->peer, (struct line){.flags = c->flags, .seq = 1, .ack = 1, .bytes = 30}, f);

	for (uint32_t n = 34; n < bytes; n++) {
		uint16_t total_be = htobe16((uint16_t)(n - 14)), check;

		memcpy(f + 16, &total_be, 2);
		memset(f + 24, 0, 2);
		check = checksum_ip4_header(f + 14, 5);
		memcpy(f + 24, &check, 2);
		node_input(0, f, n);
		a->n_in++;
	}
	node_run();
	assert_true(node_drops(DROP_l4_runt) + node_drops(DROP_l4_bad_header) +
			    node_drops(DROP_l4_bad_checksum) >=
		    bytes - 36);
}

#define BYTES(...)                                                                                 \
	.bytes = (const uint8_t[]){__VA_ARGS__}, .n_bytes = sizeof((const uint8_t[]){__VA_ARGS__})
#define SYN_AND_DATA(what, ...)                                                                    \
	{.name = "syn_with_" what, .start = LISTENING, .run = on_syn, BYTES(__VA_ARGS__)},         \
	{                                                                                          \
		.name = "data_with_" what, .start = ESTABLISHED, .run = on_data,                   \
		BYTES(__VA_ARGS__)                                                                 \
	}
#define ACK(what, ...)                                                                             \
	{                                                                                          \
		.name = "ack_with_" what, .start = SENDING, .run = on_ack, BYTES(__VA_ARGS__)      \
	}
#define FLAGS(what, from, at, acked, resets)                                                       \
	{                                                                                          \
		.name = "every_flag_" what, .start = from, .run = on_flags, .seq = at,             \
		.ack = acked, .n = resets                                                          \
	}
#define OLD_TS 8, 10, 0, 0, 0, 1, 0, 0, 0, 0
#define TS     8, 10, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0

static const struct hostile_case cases[] = {
	SYN_AND_DATA("length_0", 2, 0, 0, 0),
	SYN_AND_DATA("length_1", 2, 1, 5, 180),
	SYN_AND_DATA("unknown_kind_of_length_0", 254, 0, 0, 0),
	SYN_AND_DATA("unknown_kind_of_length_1", 254, 1, 0, 0),
	SYN_AND_DATA("unknown_kind_beyond_the_header", 254, 200, 0, 0),
	SYN_AND_DATA("a_kind_without_length", 1, 1, 1, 2),
	SYN_AND_DATA("only_ends", 0, 0, 0, 0),
	SYN_AND_DATA("only_fillers", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
	SYN_AND_DATA("all_ones", 255, 255, 255, 255, 255, 255, 255, 255),
	SYN_AND_DATA("mss_of_length_3", 2, 3, 5, 1),
	SYN_AND_DATA("mss_of_length_5", 2, 5, 5, 180, 1, 0, 0, 0),
	SYN_AND_DATA("mss_0", 2, 4, 0, 0),
	SYN_AND_DATA("mss_1", 2, 4, 0, 1),
	SYN_AND_DATA("mss_65535", 2, 4, 255, 255),
	SYN_AND_DATA("ten_mss", 2, 4, 0, 0, 2, 4, 0, 1, 2, 4, 0, 2, 2, 4, 0, 3, 2, 4, 0, 4, 2, 4, 0,
		5, 2, 4, 0, 6, 2, 4, 0, 7, 2, 4, 0, 8, 2, 4, 0, 9),
	SYN_AND_DATA("window_scale_255", 3, 3, 255, 1),
	SYN_AND_DATA("window_scale_of_length_2", 3, 2, 1, 1),
	SYN_AND_DATA("window_scale_of_length_4", 3, 4, 1, 1),
	SYN_AND_DATA("sack_permitted_of_length_3", 4, 3, 1, 1),
	SYN_AND_DATA("sack_permitted_ten_times", 4, 2, 4, 2, 4, 2, 4, 2, 4, 2, 4, 2, 4, 2, 4, 2, 4,
		2, 4, 2),
	SYN_AND_DATA("time_stamps_of_length_2", 8, 2, 1, 1),
	SYN_AND_DATA("time_stamps_of_length_9", 8, 9, 0, 0, 0, 1, 0, 0, 0, 1, 1, 1),
	SYN_AND_DATA("time_stamps_beyond_the_header", 1, 1, 8, 10),
	SYN_AND_DATA("time_stamps_thrice", OLD_TS, OLD_TS, OLD_TS, 1, 1),
	SYN_AND_DATA("sack_of_length_2", 5, 2, 1, 1),
	SYN_AND_DATA("sack_of_length_3", 5, 3, 1, 1),
	SYN_AND_DATA("sack_beyond_the_header", 5, 34, 0, 0, 0, 1, 0, 0),
	SYN_AND_DATA("user_timeout_0", 28, 4, 0, 0),
	SYN_AND_DATA("md5_signature", 19, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
		1, 1),
	SYN_AND_DATA("fast_open_cookie", 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1),
	SYN_AND_DATA("multipath", 30, 12, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8),
	ACK("a_block_of_all", TS, 5, 10, 0, 0, 0, 0, 255, 255, 255, 255),
	ACK("a_block_of_nothing", TS, 5, 10, 0, 0, 0, 0, 0, 0, 0, 0),
	ACK("a_block_the_wrong_way_round", TS, 5, 10, 255, 255, 255, 255, 0, 0, 0, 0),
	ACK("half_a_block", TS, 5, 6, 0, 0, 0, 1),
	ACK("four_blocks_of_chaos", TS, 5, 26, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
		16, 17, 18, 19, 20, 21, 22, 23, 24),
	{.name = "offsets_of_a_syn", .start = LISTENING, .run = on_offsets, .flags = S, .n = 60},
	{.name = "offsets_without_payload", .start = ESTABLISHED, .run = on_offsets, .flags = A},
	{.name = "offsets_of_data", .start = ESTABLISHED, .run = on_offsets, .flags = PA, .n = 60},
	{.name = "short_syns", .start = LISTENING, .run = on_short, .flags = S},
	{.name = "short_data", .start = ESTABLISHED, .run = on_short, .flags = PA},
	FLAGS("to_a_listener", LISTENING, 0, 0, 1),
	FLAGS("in_sequence", ESTABLISHED, 1, 1, 0),
	FLAGS("in_sequence_and_resets", ESTABLISHED, 1, 1, 1),
	FLAGS("in_the_window", ESTABLISHED, 5000, 1, 1),
	FLAGS("out_of_the_window", ESTABLISHED, 0x70000000, 0x70000000, 1),
	FLAGS("while_sending", SENDING, 1, 1449, 0),
	FLAGS("in_fin_wait", FIN_WAIT, 1, 2, 1),
	FLAGS("in_close_wait", CLOSE_WAIT, 2, 1, 1),
	FLAGS("in_time_wait", TIME_WAIT, 2, 2, 1),
	FLAGS("in_syn_sent", SYN_SENT, 0, 1, 1),
	FLAGS("in_syn_sent_without_sense", SYN_SENT, 77, 77, 1),
};

int main(void)
{
	return hostile_run_all("hostile options", cases, ARRAY_SIZE(cases));
}
