/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet path as a whole: a seeded flood of good, broken and random frames through one and
 * several workers while neighbours come and go. Whenever the node is at rest, what came in or was
 * made is what left, was consumed, dropped or is held, to the packet; the stages' counters agree
 * with that; and no buffer is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <rte_ring.h>

#include "dataplane/core/mailbox.h"
#include "dataplane/neigh/neigh.h"
#include "tests/unit/frame.h"
#include "tests/unit/node.h"

#define FLOOD_FRAMES 102400
#define FLOOD_BURST  128 /* frames between two looks at the accounts */
#define FLOOD_SEED   0x5eed
#define HOSTS        40 /* on the wan, from 198.51.100.30 on; every other one answers ARP */

#define CONFIG(workers)                                                                            \
	"node:\n"                                                                                  \
	"  name: n\n"                                                                              \
	"  workers: " workers "\n"                                                                 \
	"  ports:\n"                                                                               \
	"    - name: lan\n"                                                                        \
	"      device: net_null0\n"                                                                \
	"      mac: 02:00:00:00:00:01\n"                                                           \
	"      addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"                                    \
	"      interfaces:\n"                                                                      \
	"        - {name: lan.10, vlan: 10, addresses: [192.0.10.1/24, \"2001:db8:10::1/64\"]}\n"  \
	"    - name: wan\n"                                                                        \
	"      device: net_null1\n"                                                                \
	"      mtu: 1300\n"                                                                        \
	"      mac: 02:00:00:00:00:02\n"                                                           \
	"      addresses: [198.51.100.1/24, \"2001:db8:1::1/64\"]\n"                               \
	"neighbors:\n"                                                                             \
	"  - {interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa}\n"                       \
	"  - {interface: lan, address: \"2001:db8::2\", mac: 02:00:00:00:00:aa}\n"                 \
	"  - {interface: lan.10, address: 192.0.10.2, mac: 02:00:00:00:00:ac}\n"                   \
	"  - {interface: wan, address: 198.51.100.2, mac: 02:00:00:00:00:bb}\n"                    \
	"  - {interface: wan, address: \"2001:db8:1::2\", mac: 02:00:00:00:00:bb}\n"               \
	"routes:\n"                                                                                \
	"  - {prefix: 203.0.113.0/25, via: [{address: 198.51.100.2}, {address: 198.51.100.99}]}\n" \
	"  - {prefix: 203.0.113.128/25, action: reject}\n"                                         \
	"  - {prefix: \"2001:db8:b::/48\", action: blackhole}\n"

/* What the flood is made of, by port. */
static const struct {
	uint16_t port;
	const char *frame;
} kinds[] = {
	{0, "eth ip4{dst=peer} udp pad{20}"},
	{0, "eth ip4{dst=peer} udp{sport=9} pad{700}"},
	{0, "eth ip4{dst=peer} tcp pad{1400}"},
	{0, "eth ip4{dst=peer,df=1} tcp pad{1400}"},
	{0, "eth ip4{dst=203.0.113.9} udp{sport=7} pad{33}"},
	{0, "eth ip4{dst=203.0.113.10} udp{sport=8} pad{33}"},
	{0, "eth ip4{dst=203.0.113.200} udp"},
	{0, "eth ip4{dst=8.8.8.8} udp"},
	{0, "eth ip4{dst=peer,ttl=1} udp"},
	{0, "eth ip4{dst=node} icmp4 pad{56}"},
	{0, "eth ip4{dst=node} udp pad{4}"},
	{0, "eth ip4{dst=node} tcp"},
	{0, "eth ip4{dst=peer,hex=01010100} udp pad{20}"},
	{0, "eth ip4{dst=peer,mf=1} udp pad{32}"},
	{0, "eth ip4{dst=peer,csum=1} udp"},
	{0, "eth ip4{src=127.0.0.1,dst=peer} udp"},
	{0, "eth ip4{src=192.0.2.98,dst=8.8.8.8} udp"},
	{0, "eth ip4 keep{30}"},
	{0, "eth keep{9}"},
	{0, "eth{dst=02:00:00:00:00:77} ip4 udp"},
	{0, "eth{dst=all} ip4{dst=255.255.255.255} udp"},
	{0, "eth{dst=all} arp"},
	{0, "eth{dst=all} arp{tpa=192.0.2.50}"},
	{0, "eth arp keep{20}"},
	{0, "eth vlan{id=10} ip4{src=192.0.10.2,dst=peer} udp pad{10}"},
	{0, "eth vlan{id=10} ip4{src=192.0.10.2,dst=192.0.10.1} icmp4"},
	{0, "eth vlan{id=11} ip4 udp"},
	{0, "eth vlan{id=10} vlan{id=10} ip4 udp"},
	{0, "eth ip6{dst=peer} udp pad{20}"},
	{0, "eth ip6{dst=peer} udp pad{1340}"},
	{0, "eth ip6{dst=peer,hop=1} udp"},
	{0, "eth ip6{dst=peer} hbh{hex=010400000000} udp"},
	{0, "eth ip6{dst=peer} frag{more=1} udp pad{32}"},
	{0, "eth ip6{dst=node} icmp6 pad{56}"},
	{0, "eth ip6{dst=node} udp"},
	{0, "eth ip6{dst=2001:db8:b::1} udp"},
	{0, "eth ip6{dst=2001:db8:1::77} udp"},
	{0, "eth{dst=solicited} ip6{dst=solicited,hop=255} "
	    "icmp6{type=135,info=0,hex=20010db800000000000000000000000101010200000000aa}"},
	{0, "eth ip6 keep{50}"},
	{1, "eth{dst=node2,src=peer} ip4{src=peer,dst=host} udp pad{99}"},
	{1, "eth{dst=node2,src=peer} ip4{src=peer,dst=192.0.10.2} udp pad{1200}"},
	{1, "eth{dst=node2,src=peer} ip4{src=peer,dst=192.0.2.77} udp"},
	{1, "eth{dst=node2,src=peer} ip6{src=peer,dst=host} tcp pad{9}"},
	{1, "eth{dst=node2,src=peer} ip4{src=peer,dst=node2} icmp4"},
};

struct sample {
	uint16_t port;
	uint16_t len;
	uint8_t bytes[2048];
};

static struct sample samples[ARRAY_SIZE(kinds) + 2 * HOSTS];
static unsigned n_samples;
static uint64_t seed;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void add(uint16_t port, const char *text)
{
	struct sample *s = &samples[n_samples++];
	uint8_t frame[FRAME_MAX];

	s->port = port;
	s->len = (uint16_t)frame_build(text, frame);
	assert_true(s->len <= sizeof(s->bytes));
	memcpy(s->bytes, frame, s->len);
}

static void make_samples(void)
{
	char text[192];

	n_samples = 0;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		add(kinds[i].port, kinds[i].frame);
	for (unsigned h = 30; h < 30 + HOSTS; h++) {
		snprintf(text, sizeof(text), "eth ip4{dst=198.51.100.%u} udp pad{20}", h);
		add(0, text);
		if (h % 2)
			continue;
		snprintf(text, sizeof(text),
			"eth{dst=node2,src=02:00:00:00:01:%02u} arp{op=2,sha=02:00:00:00:01:%02u,"
			"spa=198.51.100.%u,tha=node2,tpa=node2}",
			h, h, h);
		add(1, text);
	}
}

/* One frame of the flood: a sample, every fourth time with wrong bytes, now and then in two. */
static void flood_one(void)
{
	const struct sample *s = &samples[draw() % n_samples];
	uint8_t frame[sizeof(s->bytes)];

	memcpy(frame, s->bytes, s->len);
	if (draw() % 4 == 0)
		for (uint64_t i = draw() % 3 + 1; i > 0; i--)
			frame[draw() % MIN_OF(s->len, 80u)] = (uint8_t)draw();
	if (draw() % 16 == 0 && s->len > 20)
		node_input_split(s->port, frame, s->len, (uint32_t)(draw() % (s->len - 1u)) + 1);
	else
		node_input(s->port, frame, s->len);
}

#define SUM(field) node_counter(offsetof(struct stats_worker, field))

static uint64_t sum_drops(unsigned from, unsigned to)
{
	uint64_t sum = 0;

	for (unsigned r = from; r <= to; r++)
		sum += node_counter(offsetof(struct stats_worker, drops) + r * sizeof(uint64_t));
	return sum;
}

static uint64_t stage(enum stage s)
{
	return node_counter(offsetof(struct stats_worker, stages) + s * sizeof(struct stats_stage) +
			    offsetof(struct stats_stage, pkts));
}

static uint64_t ports_sum(size_t offset)
{
	uint64_t sum = 0;

	for (unsigned p = 0; p < STATS_PORTS_MAX; p++)
		sum += node_counter(offsetof(struct stats_worker, ports) +
				    p * sizeof(struct stats_port) + offset);
	return sum;
}

static uint64_t interfaces_sum(size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < STATS_INTERFACES_MAX; i++)
		sum += node_counter(offsetof(struct stats_worker, interfaces) +
				    i * sizeof(struct stats_interface) + offset);
	return sum;
}

/* What one stage counts must be what others do, as no lane and no ring was ever full. An error that
 * the rate limit forbids is dropped before there is a packet. */
static void check_counters(void)
{
	uint64_t never_made = SUM(drops[DROP_icmp_error_limited]);
	uint64_t eth_drops = sum_drops(DROP_eth_runt, DROP_eth_too_long);

	assert_int_equal(SUM(drops[DROP_lane_full]) + SUM(drops[DROP_mailbox_full]), 0);
	assert_int_equal(SUM(drops[DROP_NONE]), 0);
	assert_int_equal(SUM(handoff_in_pkts), SUM(handoff_out_pkts));
	assert_int_equal(stage(STAGE_handoff), SUM(handoff_out_pkts));
	assert_int_equal(stage(STAGE_eth), SUM(rx_pkts));
	assert_int_equal(stage(STAGE_port_tx), SUM(tx_pkts));
	assert_int_equal(stage(STAGE_drop), sum_drops(0, DROP_COUNT - 1) - never_made);
	assert_int_equal(stage(STAGE_arp) + stage(STAGE_ip4_input) + stage(STAGE_ip6_input),
		stage(STAGE_eth) - eth_drops);
	assert_int_equal(ports_sum(offsetof(struct stats_port, rx_pkts)), SUM(rx_pkts));
	assert_int_equal(ports_sum(offsetof(struct stats_port, tx_pkts)), SUM(tx_pkts));
	assert_int_equal(interfaces_sum(offsetof(struct stats_interface, rx_pkts)),
		SUM(rx_pkts) - eth_drops);
	assert_int_equal(interfaces_sum(offsetof(struct stats_interface, tx_pkts)), SUM(tx_pkts));
	assert_int_equal(interfaces_sum(offsetof(struct stats_interface, tx_bytes)),
		ports_sum(offsetof(struct stats_port, tx_bytes)));
}

/* How many reasons have dropped something. */
static unsigned n_reasons(void)
{
	unsigned n = 0;

	for (unsigned r = 0; r < DROP_COUNT; r++)
		n += sum_drops(r, r) > 0;
	return n;
}

static int start(void **state)
{
	node_start(*state);
	node_advance(6 * NSEC_PER_SEC);
	node_clear();
	return 0;
}

static int end(void **state)
{
	node_stop();
	return 0;
}

static void good_and_bad_packets_are_accounted_for(void **state)
{
	bool held = false;

	make_samples();
	seed = FLOOD_SEED;
	for (unsigned i = 0; i < FLOOD_FRAMES; i += FLOOD_BURST) {
		for (unsigned k = 0; k < FLOOD_BURST; k++)
			flood_one();
		node_run();
		node_check_accounts();
		held |= neigh_held() > 0;
		node_clear();
		if (draw() % 8 == 0)
			node_advance(draw() % 8 * 100 * NSEC_PER_MSEC);
	}
	node_advance(20 * NSEC_PER_SEC);
	assert_true(held);
	assert_int_equal(neigh_held(), 0);
	assert_true(SUM(rx_pkts) == FLOOD_FRAMES);
	assert_true(SUM(tx_pkts) > FLOOD_FRAMES / 4);
	assert_true(SUM(consumed_pkts) > FLOOD_FRAMES / 50);
	assert_true(SUM(drops[DROP_neigh_unreachable]) > 0);
	assert_true(n_reasons() > 40);
	check_counters();
}

static void a_packet_for_a_lane_above_is_handled_in_the_same_turn(void **state)
{
	static const struct {
		const char *frame;
		enum drop_reason reason;
	} cases[] = {
		{"eth ip4{dst=peer,ttl=1} udp", DROP_ip4_ttl_exceeded},
		{"eth ip4{dst=peer,df=1} udp pad{1400}", DROP_ip4_too_big},
		{"eth ip6{dst=peer,hop=1} udp", DROP_ip6_hop_limit},
	};
	uint8_t frame[FRAME_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		node_clear();
		node_input(0, frame, frame_build(cases[i].frame, frame));
		worker_turn(node_worker(0));
		assert_int_equal(node_worker(0)->pending, 0);
		assert_int_equal(node_drop_reason(), cases[i].reason);
		assert_int_equal(node_n_output(), 1);
	}
}

/* Takes buffers until only @left are free; they are given back by give_back(). */
static unsigned take_all_but(unsigned left, struct rte_mbuf **taken)
{
	struct rte_mempool *mp = node_worker(0)->mempool;
	unsigned n = rte_mempool_avail_count(mp) - left;

	assert_int_equal(rte_pktmbuf_alloc_bulk(mp, taken, n), 0);
	return n;
}

static void accounts_balance_when_buffers_run_out(void **state)
{
	static const char *const needy[] = {
		"eth ip4{dst=peer,ttl=1} udp",
		"eth ip4{dst=peer} udp pad{1400}",
		"eth ip4{dst=node} tcp",
		"eth ip6{dst=node} tcp",
		"eth ip6{dst=peer,hop=1} udp",
		"eth vlan{id=10} ip4{src=192.0.10.2,dst=peer} udp",
		"eth ip4{dst=198.51.100.50} udp",
		"eth{dst=all} arp",
	};
	static struct rte_mbuf *taken[NODE_MBUFS];
	uint8_t frame[FRAME_MAX];

	for (unsigned left = 1; left < 12; left++) {
		unsigned n = take_all_but(left, taken);

		for (unsigned i = 0; i < left; i++) {
			const char *text = needy[(i + left) % ARRAY_SIZE(needy)];

			node_input(0, frame, frame_build(text, frame));
		}
		node_run();
		rte_pktmbuf_free_bulk(taken, n);
		node_check_accounts();
		node_advance(5 * NSEC_PER_SEC);
	}
	assert_true(SUM(drops[DROP_ip4_fragment_failed]) > 0);
}

static void accounts_balance_when_a_ring_overflows(void **state)
{
	const unsigned sent = MAILBOX_ENTRIES + 452;
	uint8_t frame[FRAME_MAX];
	unsigned flow = 0;
	char text[64];
	uint32_t len;

	do { /* a flow that worker 0 receives and worker 1 owns */
		snprintf(text, sizeof(text), "eth ip4{dst=peer} udp{sport=%u}", ++flow);
		len = frame_build(text, frame);
		node_input(0, frame, len);
		worker_turn(node_worker(0));
	} while (rte_ring_count(node_worker(1)->inbox[0]) == 0);
	node_run();
	node_clear();
	for (unsigned i = 0; i < sent; i++) {
		node_input(0, frame, len);
		if (i % BURST_MAX == BURST_MAX - 1)
			worker_turn(node_worker(0));
	}
	while (worker_turn(node_worker(0)) > 0)
		;
	assert_int_equal(rte_ring_count(node_worker(1)->inbox[0]), MAILBOX_ENTRIES - 1);
	node_run();
	assert_int_equal(node_drops(DROP_mailbox_full), sent - (MAILBOX_ENTRIES - 1));
	assert_int_equal(node_n_output(), MAILBOX_ENTRIES - 1);
}

#define TEST(name, function, workers)                                                              \
	{                                                                                          \
#name, function, start, end, (void *)(uintptr_t)CONFIG(workers)                    \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_flood_through_one_worker_is_accounted_for_to_the_packet,
			good_and_bad_packets_are_accounted_for, "[0]"),
		TEST(a_flood_through_three_workers_is_accounted_for_to_the_packet,
			good_and_bad_packets_are_accounted_for, "[0, 0, 0]"),
		TEST(a_packet_for_a_lane_above_is_handled_in_the_same_turn,
			a_packet_for_a_lane_above_is_handled_in_the_same_turn, "[0]"),
		TEST(accounts_balance_when_buffers_run_out, accounts_balance_when_buffers_run_out,
			"[0, 0]"),
		TEST(accounts_balance_when_a_ring_overflows, accounts_balance_when_a_ring_overflows,
			"[0, 0]"),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
