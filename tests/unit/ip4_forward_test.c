/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 forwarding: TTL and checksum, flows and equal paths, MTU, and what the node itself sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/ip/ip4_forward.h"
#include "tests/unit/frame.h"
#include "tests/unit/node.h"

static const char config[] =
	"node:\n"
	"  name: t\n"
	"  workers: [0]\n"
	"  main: 0\n"
	"  ports:\n"
	"    - name: lan\n"
	"      device: net_null0\n"
	"      mac: 02:00:00:00:00:01\n"
	"      addresses: [192.0.2.1/24]\n"
	"      interfaces:\n"
	"        - {name: lan.10, vlan: 10, addresses: [192.168.10.1/24]}\n"
	"    - name: wan\n"
	"      device: net_null1\n"
	"      mac: 02:00:00:00:00:02\n"
	"      mtu: 1000\n"
	"      addresses: [198.51.100.1/24]\n"
	"neighbors:\n"
	"  - {interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa}\n"
	"  - {interface: lan.10, address: 192.168.10.2, mac: 02:00:00:00:00:cc}\n"
	"  - {interface: wan, address: 198.51.100.2, mac: 02:00:00:00:00:bb}\n"
	"  - {interface: wan, address: 198.51.100.3, mac: 02:00:00:00:00:b3}\n"
	"routes:\n"
	"  - {prefix: 203.0.113.0/24, via: 198.51.100.2}\n"
	"  - {prefix: 10.10.0.0/16, via: 192.168.10.2}\n"
	"  - {prefix: 10.20.0.0/16, via: 192.0.2.2}\n"
	"  - {prefix: 10.99.0.0/16, via: [{address: 198.51.100.2, weight: 1}, "
	"{address: 198.51.100.3, weight: 3}]}\n";

static uint64_t rng = 88172645463325252ULL;

static uint64_t next_random(void)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return rng * 0x2545f4914f6cdd1dULL;
}

static void set_checksum(uint8_t *l3)
{
	struct rte_ipv4_hdr *h = (struct rte_ipv4_hdr *)l3;

	h->hdr_checksum = 0;
	h->hdr_checksum = checksum_ip4_header(l3, IP4_HEADER_BYTES / 4);
}

/* Lowers the TTL of @l3 and compares with a header computed anew. */
static void check_decrement(uint8_t *l3)
{
	uint8_t expected[IP4_HEADER_BYTES];

	memcpy(expected, l3, sizeof(expected));
	expected[IP4_TTL_OFFSET]--;
	set_checksum(expected);
	ip4_ttl_decrement(l3);
	assert_memory_equal(l3, expected, sizeof(expected));
}

static void the_checksum_after_a_hop_equals_a_new_one_for_all_ttls(void **state)
{
	for (unsigned ttl = 1; ttl <= 255; ttl++) {
		for (unsigned round = 0; round < 500; round++) {
			uint8_t l3[IP4_HEADER_BYTES];

			for (unsigned i = 0; i < sizeof(l3); i++)
				l3[i] = (uint8_t)(next_random() >> 32);
			l3[0] = 0x45;
			l3[IP4_TTL_OFFSET] = (uint8_t)ttl;
			set_checksum(l3);
			check_decrement(l3);
		}
	}
}

static void the_checksum_after_a_hop_equals_a_new_one_for_all_checksums(void **state)
{
	static const uint8_t ttls[] = {1, 2, 64, 255};

	for (unsigned id = 0; id < 65536 * ARRAY_SIZE(ttls); id++) {
		uint8_t l3[FRAME_MAX];

		frame_build("ip4", l3);
		l3[4] = (uint8_t)id;
		l3[5] = (uint8_t)(id >> 8);
		l3[IP4_TTL_OFFSET] = ttls[id >> 16];
		set_checksum(l3);
		check_decrement(l3);
	}
}

static void a_checksum_of_the_other_zero_stays_right(void **state)
{
	uint8_t l3[FRAME_MAX];

	frame_build("ip4", l3);
	for (unsigned id = 0; id < 65536; id++) {
		l3[4] = (uint8_t)id;
		l3[5] = (uint8_t)(id >> 8);
		set_checksum(l3);
		if (l3[10] == 0 && l3[11] == 0)
			break;
	}
	assert_int_equal(l3[10] | l3[11], 0);
	l3[10] = l3[11] = 0xff;
	check_decrement(l3);
}

static uint64_t hash_of(const char *packet)
{
	static const uint64_t key[2] = {0x0123456789abcdefULL, 0xfedcba9876543210ULL};
	uint8_t frame[FRAME_MAX];
	uint32_t len = frame_build(packet, frame);
	uint8_t *exact = malloc(len);
	uint64_t hash;

	assert_non_null(exact);
	memcpy(exact, frame, len);
	hash = ip4_forward_hash(key, exact, len);
	free(exact);
	return hash;
}

static void packets_of_one_flow_and_only_they_share_a_hash(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{"ip4 udp", "ip4{id=7,ttl=3,tos=4} udp pad{100}", true},
		{"ip4 udp", "ip4{hex=01010101} udp", true},
		{"ip4 udp", "ip4 udp{sport=1}", false},
		{"ip4 udp", "ip4 udp{dport=1}", false},
		{"ip4 udp", "ip4{src=192.0.2.3} udp", false},
		{"ip4 udp", "ip4{dst=198.51.100.3} udp", false},
		{"ip4 udp", "ip4 tcp", false},
		{"ip4 tcp{seq=1}", "ip4 tcp{seq=2,flags=16}", true},
		{"ip4 icmp4", "ip4 icmp4{type=0,info=9}", true},
		{"ip4{next=47} raw{hex=01020304}", "ip4{next=47} raw{hex=05060708}", true},
		{"ip4{mf=1} udp", "ip4{off=1,next=17} pad{8}", true},
		{"ip4{mf=1} udp", "ip4{mf=1} udp{sport=1}", true},
		{"ip4{off=1,next=17} pad{3}", "ip4{off=2,next=17} raw{hex=010203}", true},
		{"ip4{next=17}", "ip4{next=17} pad{3}", true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s / %s\n", cases[i].a, cases[i].b);
		assert_int_equal(hash_of(cases[i].a) == hash_of(cases[i].b), cases[i].same);
	}
}

static void send_text(uint16_t port, const char *text)
{
	uint8_t frame[FRAME_MAX];
	uint32_t len = frame_build(text, frame);

	node_input(port, frame, len);
	node_run();
}

static void a_packet_leaves_for_its_neighbour_with_a_lower_ttl(void **state)
{
	static const struct {
		const char *in, *out;
		uint16_t in_port, out_port;
	} cases[] = {
		{"eth ip4{dst=203.0.113.1,ttl=64} udp pad{20}",
			"eth{dst=02:00:00:00:00:bb,src=02:00:00:00:00:02} "
			"ip4{dst=203.0.113.1,ttl=63} udp pad{20}",
			0, 1},
		{"eth ip4{dst=203.0.113.1,ttl=2,hex=0783040000000000} udp",
			"eth{dst=02:00:00:00:00:bb,src=02:00:00:00:00:02} "
			"ip4{dst=203.0.113.1,ttl=1,hex=0783040000000000} udp",
			0, 1},
		{"eth ip4{dst=203.0.113.1,ttl=255,off=100,mf=1,next=17} pad{16}",
			"eth{dst=02:00:00:00:00:bb,src=02:00:00:00:00:02} "
			"ip4{dst=203.0.113.1,ttl=254,off=100,mf=1,next=17} pad{16}",
			0, 1},
		{"eth ip4{dst=peer,ttl=9} tcp",
			"eth{dst=02:00:00:00:00:bb,src=02:00:00:00:00:02} "
			"ip4{dst=peer,ttl=8} tcp",
			0, 1},
		{"eth ip4{dst=10.20.0.1} udp",
			"eth{dst=02:00:00:00:00:aa,src=02:00:00:00:00:01} "
			"ip4{dst=10.20.0.1,ttl=63} udp",
			0, 0},
		{"eth ip4{dst=10.10.0.1} udp",
			"eth{dst=02:00:00:00:00:cc,src=02:00:00:00:00:01} vlan{id=10} "
			"ip4{dst=10.10.0.1,ttl=63} udp",
			0, 0},
		{"eth vlan{id=10} ip4{dst=203.0.113.1} udp pad{60}",
			"eth{dst=02:00:00:00:00:bb,src=02:00:00:00:00:02} "
			"ip4{dst=203.0.113.1,ttl=63} udp pad{60}",
			0, 1},
	};
	uint8_t expected[FRAME_MAX];

	node_start(config);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint32_t len = frame_build(cases[i].out, expected);
		const struct node_frame *f = node_output(0);

		print_message("%s\n", cases[i].in);
		node_clear();
		send_text(cases[i].in_port, cases[i].in);
		assert_int_equal(node_n_output(), 1);
		f = node_output(0);
		assert_int_equal(f->port, cases[i].out_port);
		assert_int_equal(f->len, len);
		assert_memory_equal(f->bytes, expected, len);
		node_check_accounts();
	}
	node_stop();
}

static void what_cannot_be_forwarded_ends_for_its_reason_with_an_error(void **state)
{
	static const struct {
		const char *frame;
		enum drop_reason reason;
		uint8_t type, code;
		uint16_t mtu;
	} cases[] = {
		{"eth ip4{dst=203.0.113.1,ttl=1} udp", DROP_ip4_ttl_exceeded, 11, 0, 0},
		{"eth ip4{dst=203.0.113.1,ttl=0} udp", DROP_ip4_ttl_exceeded, 11, 0, 0},
		{"eth ip4{dst=peer,ttl=1} udp", DROP_ip4_ttl_exceeded, 11, 0, 0},
		{"eth ip4{dst=10.99.0.1,ttl=1} udp", DROP_ip4_ttl_exceeded, 11, 0, 0},
		{"eth ip4{dst=203.0.113.1,ttl=1,df=1} udp pad{1000}", DROP_ip4_ttl_exceeded, 11, 0,
			0},
		{"eth ip4{dst=203.0.113.1,df=1} udp pad{973}", DROP_ip4_too_big, 3, 4, 1000},
		{"eth ip4{dst=peer,df=1} udp pad{973}", DROP_ip4_too_big, 3, 4, 1000},
	};

	node_start(config);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct node_frame *f;

		print_message("%s\n", cases[i].frame);
		node_clear();
		send_text(0, cases[i].frame);
		assert_string_equal(
			drop_table[node_drop_reason()].name, drop_table[cases[i].reason].name);
		assert_int_equal(node_n_output(), 1);
		f = node_output_on(0);
		assert_non_null(f);
		assert_int_equal(f->bytes[14 + 20], cases[i].type);
		assert_int_equal(f->bytes[14 + 21], cases[i].code);
		assert_int_equal(f->bytes[14 + 26] << 8 | f->bytes[14 + 27], cases[i].mtu);
	}
	node_stop();
}

static void each_interface_counts_what_leaves_by_it(void **state)
{
	const struct stats_interface *wan = NULL, *lan = NULL, *vlan = NULL;
	struct stats_interface before[3];
	static const char *const frames[] = {
		"eth ip4{dst=203.0.113.1} udp",
		"eth ip4{dst=10.20.0.1} udp pad{10}",
		"eth ip4{dst=10.10.0.1} udp",
		"eth ip4{dst=203.0.113.1,ttl=1} udp",
		"eth ip4{dst=203.0.113.1} udp pad{100}",
	};

	node_start(config);
	for (unsigned i = 0; i < WORLD_INTERFACES_MAX; i++) {
		const struct iface *f = &node_worker(0)->world->ifaces[i];

		if (strcmp(f->name, "lan") == 0)
			lan = &node_worker(0)->stats->interfaces[i];
		else if (strcmp(f->name, "wan") == 0)
			wan = &node_worker(0)->stats->interfaces[i];
		else if (strcmp(f->name, "lan.10") == 0)
			vlan = &node_worker(0)->stats->interfaces[i];
	}
	assert_true(lan && wan && vlan);
	before[0] = *lan;
	before[1] = *wan;
	before[2] = *vlan;
	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		uint8_t frame[FRAME_MAX];

		node_input(0, frame, frame_build(frames[i], frame));
	}
	node_run();
	assert_int_equal(wan->tx_pkts - before[1].tx_pkts, 2);
	assert_int_equal(wan->tx_bytes - before[1].tx_bytes, 42 + 142);
	assert_int_equal(vlan->tx_pkts - before[2].tx_pkts, 1);
	assert_int_equal(vlan->tx_bytes - before[2].tx_bytes, 46);
	assert_int_equal(lan->tx_pkts - before[0].tx_pkts, 2);
	assert_int_equal(lan->tx_bytes - before[0].tx_bytes, 52 + 42 + 28);
	node_stop();
}

static void a_packet_of_exactly_the_mtu_passes(void **state)
{
	node_start(config);
	send_text(0, "eth ip4{dst=203.0.113.1,df=1} udp pad{972}");
	assert_int_equal(node_n_output(), 1);
	assert_int_equal(node_output(0)->len, 14 + 1000);
	node_stop();
}

static void equal_paths_share_flows_by_weight_and_keep_each_on_one(void **state)
{
	unsigned count[2] = {0, 0};

	node_start(config);
	for (unsigned flow = 0; flow < 400; flow++) {
		char text[128];
		uint8_t mac[6];

		snprintf(text, sizeof(text), "eth ip4{dst=10.99.0.1} udp{sport=%u}", 1024 + flow);
		node_clear();
		send_text(0, text);
		send_text(0, text);
		assert_int_equal(node_n_output(), 2);
		memcpy(mac, node_output(0)->bytes, 6);
		assert_memory_equal(node_output(1)->bytes, mac, 6);
		count[mac[5] == 0xb3]++;
	}
	/* 100 and 300 expected; five standard deviations are 43. */
	assert_in_range(count[0], 57, 143);
	node_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_checksum_after_a_hop_equals_a_new_one_for_all_ttls),
		cmocka_unit_test(the_checksum_after_a_hop_equals_a_new_one_for_all_checksums),
		cmocka_unit_test(a_checksum_of_the_other_zero_stays_right),
		cmocka_unit_test(packets_of_one_flow_and_only_they_share_a_hash),
		cmocka_unit_test(a_packet_leaves_for_its_neighbour_with_a_lower_ttl),
		cmocka_unit_test(what_cannot_be_forwarded_ends_for_its_reason_with_an_error),
		cmocka_unit_test(each_interface_counts_what_leaves_by_it),
		cmocka_unit_test(a_packet_of_exactly_the_mtu_passes),
		cmocka_unit_test(equal_paths_share_flows_by_weight_and_keep_each_on_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
