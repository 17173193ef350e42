/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments that are left to devices: how many packets they are, and that the wire shows what it
 * would without such devices. The devices are tests/unit/fake_device.h, whose frames peer_read
 * checks. Receive checksums too.
 */
#include "dataplane/link/port.h"
#include "tests/unit/tcp_peer.h"

#define MSS      1448u /* with time stamps */
#define OPENING  10u   /* segments of the first window */
#define LOG_MAX  400
#define SEGMENTS 45

/* Two ports, both ways to 198.51.100.0/24, a sub-interface, a service. */
#define PATHS_YAML                                                                                 \
	"node:\n"                                                                                  \
	"  name: t\n"                                                                              \
	"  workers: [0]\n"                                                                         \
	"  main: 0\n"                                                                              \
	"  ports:\n"                                                                               \
	"    - name: lan\n"                                                                        \
	"      device: net_null0\n"                                                                \
	"      mac: 02:00:00:00:00:01\n"                                                           \
	"      addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"                                    \
	"      interfaces: [{name: lan.7, vlan: 7, addresses: [203.0.113.1/24]}]\n"                \
	"    - {name: wan, device: net_null1, addresses: [10.0.0.1/24]}\n"                         \
	"neighbors:\n"                                                                             \
	"  - {interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa}\n"                       \
	"  - {interface: lan, address: \"2001:db8::2\", mac: 02:00:00:00:00:aa}\n"                 \
	"  - {interface: lan.7, address: 203.0.113.2, mac: 02:00:00:00:00:aa}\n"                   \
	"  - {interface: wan, address: 10.0.0.2, mac: 02:00:00:00:00:bb}\n"                        \
	"routes:\n"                                                                                \
	"  - {prefix: 198.51.100.0/24, via: [{address: 192.0.2.2}, {address: 10.0.0.2}]}\n"        \
	"  - {prefix: 198.51.101.0/24, via: 192.0.2.2}\n"

/* Starts a node whose devices do @offloads and take @segments_max segments in a packet. */
static int start_with(uint8_t offloads, uint8_t segments_max)
{
	char text[4];

	snprintf(text, sizeof(text), "%u", offloads);
	setenv("NODE_OFFLOADS", text, 1);
	snprintf(text, sizeof(text), "%u", segments_max);
	setenv("NODE_TSO_SEGMENTS", text, 1);
	peer_limits_default();
	peer_start_on(PATHS_YAML, TCP_ANY_WORKER, 16);
	return 0;
}

static int start(void **state)
{
	return start_with(7, SEGMENTS);
}

static int start_nothing(void **state)
{
	return 0;
}

/* A connection with a round trip of 20 ms whose application only speaks when told. */
static struct peer open_slowly(uint8_t family)
{
	static uint16_t port = PEER_PORT;
	struct peer p = peer_new();
	struct peer_got g;

	p.family = family;
	p.port = port++;
	peer_app.mode = PEER_SWALLOW;
	peer_in(&p, peer_syn(&p));
	g = peer_out(&p, (struct line){.flags = SA, .ack = 1});
	p.ts = g.line.options.has_ts;
	node_advance(20 * NSEC_PER_MSEC);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	peer_quiet(&p);
	return p;
}

/* Packets that left since peer_forget, cut ones counted once. */
static uint64_t packets(void)
{
	static uint64_t before;
	uint64_t now = node_counter(offsetof(struct stats_worker, tx_pkts)), n = now - before;

	before = now;
	return n;
}

/* The node says @n segments of @bytes from @from on. */
static void segments_from(struct peer *p, uint32_t from, unsigned n, uint32_t bytes)
{
	for (unsigned i = 0; i < n; i++) {
		struct peer_got g = peer_next(p);

		assert_int_equal(g.line.seq, from + i * bytes);
		assert_int_equal(g.line.bytes, bytes);
	}
}

static void a_window_leaves_as_one_packet(void **state)
{
	static const uint8_t families[] = {4, 6};

	for (unsigned i = 0; i < ARRAY_SIZE(families); i++) {
		struct peer p = open_slowly(families[i]);
		uint32_t mss = families[i] == 4 ? MSS : MSS - 20;
		uint64_t counted = peer_stats()->tx_segments;

		packets();
		peer_app_send(100000);
		segments_from(&p, 1, OPENING, mss);
		peer_quiet(&p);
		assert_int_equal(packets(), 1);
		assert_int_equal(node_n_cut(), i + 1);
		assert_int_equal(peer_stats()->tx_segments - counted, OPENING);
		peer_in(&p, (struct line){.flags = R, .seq = 1});
		peer_app.n_sent = 0;
	}
}

static void a_device_that_only_sums_gets_single_segments(void **state)
{
	struct peer p;

	start_with(IFACE_CKSUM, 0);
	p = open_slowly(4);
	packets();
	peer_app_send(100000);
	segments_from(&p, 1, OPENING, MSS);
	assert_int_equal(packets(), OPENING);
	assert_int_equal(node_n_cut(), 0);
}

static void packets_have_no_more_segments_than_the_device_takes(void **state)
{
	struct peer p;

	start_with(7, 4);
	p = open_slowly(4);
	packets();
	peer_app_send(100000);
	segments_from(&p, 1, OPENING, MSS);
	assert_int_equal(packets(), 3);
	assert_int_equal(node_n_cut(), 3);
}

static void a_packet_ends_with_the_short_segment_and_the_fin(void **state)
{
	struct peer p = open_slowly(4);
	struct peer_got g;

	packets();
	peer_app_send(3 * MSS + 10);
	segments_from(&p, 1, 3, MSS);
	g = peer_out(&p, (struct line){.flags = PA, .seq = 1 + 3 * MSS, .ack = 1, .bytes = 10});
	assert_int_equal(packets(), 1);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1 + 3 * MSS + 10});
	for (uint32_t i = 0; i < 2 * MSS; i++) {
		uint8_t byte = peer_byte(1 + peer_app.n_sent++);

		tcp_send(node_worker(0), peer_app.conn, &byte, 1);
	}
	tcp_close(node_worker(0), peer_app.conn);
	node_run();
	g = peer_next(&p);
	assert_int_equal(g.line.flags, A);
	g = peer_next(&p);
	assert_int_equal(g.line.flags, FPA);
	peer_quiet(&p);
	assert_int_equal(packets(), 1);
}

static void holes_in_a_packet_are_filled_by_segments(void **state)
{
	struct peer p = open_slowly(4);
	uint32_t blocks[4] = {1 + 5 * MSS, 1 + OPENING * MSS, 1 + MSS, 1 + 2 * MSS};

	peer_app_send(OPENING * MSS);
	segments_from(&p, 1, OPENING, MSS);
	node_advance(20 * NSEC_PER_MSEC);
	/* Segment 0 and 2 to 4 are lost. */
	peer_in(&p, peer_sack(1, 1, 2, blocks));
	node_advance(20 * NSEC_PER_MSEC);
	segments_from(&p, 1, 1, MSS);
	segments_from(&p, 1 + 2 * MSS, 3, MSS);
	peer_quiet(&p);
	assert_int_equal(peer_stats()->retransmitted, 4);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1 + OPENING * MSS});
	assert_int_equal(tcp_unacked_bytes(peer_app.conn), 0);
	assert_int_equal(peer_stats()->timeouts, 0);
}

static void a_duplicate_is_reported_once(void **state)
{
	struct peer p = open_slowly(4);
	unsigned reports = 0;

	peer_app.mode = PEER_SWALLOW;
	peer_in(&p, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = 10});
	peer_forget(&p);
	/* The duplicate comes while the application answers. */
	peer_queue(&p, (struct line){.flags = PA, .seq = 1, .ack = 1, .bytes = 10});
	for (uint32_t i = 0; i < 6 * MSS; i++) {
		uint8_t byte = peer_byte(1 + peer_app.n_sent++);

		tcp_send(node_worker(0), peer_app.conn, &byte, 1);
	}
	node_run();
	while (peer_more(&p))
		reports += peer_next(&p).line.options.n_sacks;
	assert_int_equal(reports, 1);
	assert_true(node_n_cut() > 0);
}

static void congestion_is_answered_in_one_segment_of_its_own(void **state)
{
	struct peer p = peer_new();
	struct line syn = peer_syn(&p);
	struct peer_got g;

	peer_app.mode = PEER_SWALLOW;
	syn.flags = S | E | W;
	peer_in(&p, syn);
	g = peer_out(&p, (struct line){.flags = SA | E, .ack = 1});
	p.ts = g.line.options.has_ts;
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = 1});
	peer_app_send(40 * MSS);
	segments_from(&p, 1, OPENING, MSS);
	peer_in(&p, (struct line){.flags = A | E, .seq = 1, .ack = 1 + OPENING * MSS});
	g = peer_next(&p);
	assert_int_equal(g.line.flags & W, W);
	for (unsigned i = 0; i < 4; i++) {
		while (peer_more(&p)) {
			g = peer_next(&p);
			assert_int_equal(g.line.ecn, 2);
			assert_int_equal(g.line.flags & W, 0);
		}
		peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = g.line.seq + g.line.bytes});
	}
	assert_true(node_n_cut() > 1);
}

/* An ICMP error: the path of what was sent from @seq on carries @mtu bytes. */
static void too_big(const struct peer *p, uint16_t mtu, uint32_t seq)
{
	uint8_t f[14 + 20 + 8 + 28] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0xaa, 8, 0, 0x45, 0, 0, 56,
		0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 2, 192, 0, 2, 1, 3, 4, 0, 0, 0, 0,
		(uint8_t)(mtu >> 8), (uint8_t)mtu, 0x45, 0, 5, 220, 0, 0, 0x40, 0, 64, 6, 0, 0, 192,
		0, 2, 1, 192, 0, 2, 2, PEER_NODE_PORT >> 8, PEER_NODE_PORT & 255,
		(uint8_t)(p->port >> 8), (uint8_t)p->port};
	uint32_t seq_be = htobe32(p->node_iss + seq);
	uint16_t check;

	memcpy(f + 66, &seq_be, 4);
	check = checksum_ip4_header(f + 14, 5);
	memcpy(f + 24, &check, 2);
	check = checksum_finish(checksum_sum(f + 34, 36, 0));
	memcpy(f + 36, &check, 2);
	node_input(0, f, sizeof(f));
	node_run();
}

static void a_smaller_path_cuts_what_a_packet_carried(void **state)
{
	struct peer p = open_slowly(4);
	uint32_t at = 1;

	peer_app_send(6 * MSS);
	segments_from(&p, 1, 6, MSS);
	packets();
	too_big(&p, 1000, 1 + 2 * MSS);
	while (peer_more(&p)) {
		struct peer_got g = peer_next(&p);

		assert_true(g.ip_bytes <= 1000);
		assert_int_equal(g.line.seq, at);
		at += g.line.bytes;
	}
	assert_int_equal(at, 1 + 6 * MSS);
	/* Each is cut into 948 and 500, which end a packet. */
	assert_int_equal(packets(), 6);
	peer_in(&p, (struct line){.flags = A, .seq = 1, .ack = at});
	peer_app_send(5 * 948);
	segments_from(&p, at, 5, 948);
	assert_int_equal(packets(), 1);
}

/* What @peer says to the node comes from @host. */
static struct tcp_way way_to(const char *host)
{
	struct ip_addr a = peer_addr(host);
	struct tcp_key k = {.family = a.family};

	memcpy(k.remote, a.bytes, 16);
	return tcp_path_way(node_worker(0), &k, 0);
}

static void a_way_has_what_all_its_devices_have(void **state)
{
	struct base_error err;

	assert_int_equal(way_to("192.0.2.2").offloads, 7);
	assert_int_equal(way_to("198.51.100.1").offloads, 7);
	port_offload_set(1, IFACE_CKSUM, 0);
	assert_int_equal(node_apply(PATHS_YAML, &err), 0);
	assert_int_equal(way_to("10.0.0.9").offloads, IFACE_CKSUM);
	assert_int_equal(way_to("198.51.100.1").offloads, IFACE_CKSUM);
	assert_int_equal(way_to("198.51.101.1").offloads, 7);
	assert_int_equal(way_to("2001:db8::77").offloads, 7);
	assert_int_equal(way_to("192.0.2.1").offloads, 0);
	assert_int_equal(way_to("9.9.9.9").offloads, 0);
	assert_int_equal(way_to("9.9.9.9").mtu, 0);
}

/* What a whole conversation looks like, as far as it must not depend on devices. */
struct entry {
	uint64_t time_ns;
	uint32_t seq, ack, bytes, wnd, ip_bytes;
	unsigned n_sacks;
	uint8_t flags, ecn;
};

/* Sends 300 kB to a peer that acknowledges late, says what is missing, and loses every 23rd segment
 * once; logs what the node says. How much. */
static unsigned converse(struct entry *log, uint8_t family)
{
	struct peer p = open_slowly(family);
	uint32_t mss = family == 4 ? MSS : MSS - 20, end = 1 + 200 * mss, una = 1, high = 1;
	bool got[200] = {0};
	unsigned n = 0, sent = 0;

	while (una < end) {
		struct line l = {.flags = A, .seq = 1};
		uint32_t block[2];

		peer_app_send(end - 1 - peer_app.n_sent);
		for (; peer_more(&p); sent++) {
			struct peer_got g = peer_next(&p);

			assert_true(n < LOG_MAX);
			log[n++] = (struct entry){g.time_ns, g.line.seq, g.line.ack, g.line.bytes,
				g.wnd, g.ip_bytes, g.line.options.n_sacks,
				g.line.flags & (uint8_t)~P, g.line.ecn};
			if (g.line.bytes != mss || sent % 23 == 7)
				continue;
			got[(g.line.seq - 1) / mss] = true;
			high = MAX_OF(high, g.line.seq + mss);
		}
		while (una < end && got[(una - 1) / mss])
			una += mss;
		l.ack = block[0] = una;
		while (block[0] < high && !got[(block[0] - 1) / mss])
			block[0] += mss;
		for (block[1] = block[0]; block[1] < high && got[(block[1] - 1) / mss];)
			block[1] += mss;
		l.n_sacks = block[0] > una && block[1] > block[0];
		l.sacks = block;
		peer_forget(&p);
		node_advance(10 * NSEC_PER_MSEC);
		peer_in(&p, l);
	}
	return n;
}

static void the_wire_shows_the_same_whatever_the_device_does(void **state)
{
	static const uint8_t sets[] = {0, IFACE_CKSUM, 7};
	static struct entry logs[ARRAY_SIZE(sets)][LOG_MAX];
	static const uint8_t families[] = {4, 6};
	unsigned n[ARRAY_SIZE(sets)];
	uint64_t left[ARRAY_SIZE(sets)];

	for (unsigned f = 0; f < ARRAY_SIZE(families); f++) {
		for (unsigned i = 0; i < ARRAY_SIZE(sets); i++) {
			memset(logs[i], 0, sizeof(logs[i]));
			start_with(sets[i], SEGMENTS);
			n[i] = converse(logs[i], families[f]);
			left[i] = node_counter(offsetof(struct stats_worker, tx_pkts));
			peer_stop(NULL);
			assert_true(n[i] > 200);
			assert_int_equal(n[i], n[0]);
			assert_memory_equal(logs[i], logs[0], sizeof(logs[i]));
		}
		assert_int_equal(left[1], left[0]);
		assert_true(left[2] < left[0] / 2);
	}
}

/* Lets a segment of 10 bytes arrive of which the device says @flags; whether the node took it. */
static bool takes(uint8_t family, bool bad_checksum, uint64_t flags)
{
	static uint16_t port = PEER_PORT + 100;
	struct peer p = peer_new();
	uint64_t before = peer_stats()->rx_bytes;
	uint8_t f[200];
	uint32_t len;

	p.family = family;
	p.port = port++;
	peer_app.mode = PEER_SWALLOW;
	peer_open(&p);
	len = peer_frame(&p,
		(struct line){
			.flags = PA, .seq = 1, .ack = 1, .bytes = 10, .bad_checksum = bad_checksum},
		f);
	node_clear();
	node_input_marked(0, f, len, flags);
	node_run();
	if (node_drops(DROP_l4_bad_checksum) > 0)
		return false;
	assert_int_equal(peer_stats()->rx_bytes - before, 10);
	return true;
}

static void what_the_device_says_of_a_checksum_is_believed(void **state)
{
	static const struct {
		bool bad;
		uint64_t flags;
		bool taken;
	} cases[] = {
		{false, 0, true},
		{true, 0, false},
		{true, RTE_MBUF_F_RX_L4_CKSUM_GOOD, true},
		{true, RTE_MBUF_F_RX_L4_CKSUM_NONE, true}, /* whole, but no sum was stored */
		{false, RTE_MBUF_F_RX_L4_CKSUM_BAD, false},
		{true, RTE_MBUF_F_RX_IP_CKSUM_GOOD, false},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(takes(4, cases[i].bad, cases[i].flags), cases[i].taken);
		assert_int_equal(takes(6, cases[i].bad, cases[i].flags), cases[i].taken);
	}
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, start, peer_stop)
#define OWN_START(name) cmocka_unit_test_setup_teardown(name, start_nothing, peer_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_window_leaves_as_one_packet),
		OWN_START(a_device_that_only_sums_gets_single_segments),
		OWN_START(packets_have_no_more_segments_than_the_device_takes),
		TEST(a_packet_ends_with_the_short_segment_and_the_fin),
		TEST(holes_in_a_packet_are_filled_by_segments),
		TEST(a_duplicate_is_reported_once),
		TEST(congestion_is_answered_in_one_segment_of_its_own),
		TEST(a_smaller_path_cuts_what_a_packet_carried),
		TEST(a_way_has_what_all_its_devices_have),
		TEST(what_the_device_says_of_a_checksum_is_believed),
		cmocka_unit_test(the_wire_shows_the_same_whatever_the_device_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
