/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 input: the one definition of a bad header, the fast test against it, and the stage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/ip/ip4_input.h"
#include "tests/unit/frame.h"
#include "tests/unit/node.h"

static const char config[] = "node:\n"
			     "  name: t\n"
			     "  workers: [0]\n"
			     "  main: 0\n"
			     "  ports:\n"
			     "    - name: lan\n"
			     "      device: net_null0\n"
			     "      mac: 02:00:00:00:00:01\n"
			     "      addresses: [192.0.2.1/24]\n"
			     "    - name: wan\n"
			     "      device: net_null1\n"
			     "      mac: 02:00:00:00:00:02\n"
			     "      addresses: [198.51.100.1/24]\n"
			     "neighbors:\n"
			     "  - {interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa}\n"
			     "  - {interface: wan, address: 198.51.100.2, mac: 02:00:00:00:00:bb}\n"
			     "routes:\n"
			     "  - {prefix: 203.0.113.0/24, via: 198.51.100.2}\n"
			     "  - {prefix: 203.0.113.64/26, action: blackhole}\n"
			     "  - {prefix: 203.0.113.128/26, action: reject}\n";

static uint64_t rng = 88172645463325252ULL;

static uint64_t next_random(void)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return rng * 0x2545f4914f6cdd1dULL;
}

#define MULTICAST PKT_L2_MULTICAST
#define BROADCAST (PKT_L2_MULTICAST | PKT_L2_BROADCAST)

/* Packets in the words of frame.h, and the first thing that is wrong with each. */
static const struct {
	const char *packet;
	uint8_t flags;
	enum drop_reason reason;
} mistakes[] = {
	{"ip4", 0, DROP_NONE},
	{"ip4 udp pad{1}", 0, DROP_NONE},
	{"ip4 udp trail{20}", 0, DROP_NONE},
	{"ip4{tos=255,id=65535,ttl=0,evil=1,df=1} udp", 0, DROP_NONE},
	{"ip4{hex=01010101} udp", 0, DROP_NONE},
	{"ip4{words=15} pad{40}", 0, DROP_NONE},
	{"", 0, DROP_ip4_runt},
	{"ip4 keep{1}", 0, DROP_ip4_runt},
	{"ip4 keep{19}", 0, DROP_ip4_runt},
	{"ip4{ver=5} keep{19}", 0, DROP_ip4_runt},
	{"ip4{ver=0}", 0, DROP_ip4_bad_version},
	{"ip4{ver=6,words=0}", 0, DROP_ip4_bad_version},
	{"ip4{words=0}", 0, DROP_ip4_bad_ihl},
	{"ip4{words=4}", 0, DROP_ip4_bad_ihl},
	{"ip4{words=6}", 0, DROP_ip4_bad_ihl},
	{"ip4{words=15} pad{39}", 0, DROP_ip4_bad_ihl},
	{"ip4{len=0}", 0, DROP_ip4_bad_length},
	{"ip4{len=19}", 0, DROP_ip4_bad_length},
	{"ip4{len=21}", 0, DROP_ip4_bad_length},
	{"ip4{len=65535} udp", 0, DROP_ip4_bad_length},
	{"ip4{words=6,len=20} pad{4}", 0, DROP_ip4_bad_length},
	{"ip4 udp short{1}", 0, DROP_ip4_bad_length},
	{"ip4{csum=0}", 0, DROP_ip4_bad_checksum},
	{"ip4{csum=0,src=zero}", 0, DROP_ip4_bad_checksum},
	{"ip4{src=zero}", 0, DROP_ip4_bad_source},
	{"ip4{src=0.255.255.255}", 0, DROP_ip4_bad_source},
	{"ip4{src=zero,dst=all} udp", BROADCAST, DROP_ip4_link_multicast},
	{"ip4{src=zero,dst=224.0.0.22,next=2} pad{8}", MULTICAST, DROP_ip4_link_multicast},
	{"ip4{src=zero,dst=zero}", BROADCAST, DROP_ip4_bad_source},
	{"ip4{src=0.0.0.1,dst=all}", BROADCAST, DROP_ip4_bad_source},
	{"ip4{src=1.0.0.0}", 0, DROP_NONE},
	{"ip4{src=126.255.255.255}", 0, DROP_NONE},
	{"ip4{src=127.0.0.1}", 0, DROP_ip4_bad_source},
	{"ip4{src=128.0.0.0}", 0, DROP_NONE},
	{"ip4{src=223.255.255.255}", 0, DROP_NONE},
	{"ip4{src=224.0.0.1}", 0, DROP_ip4_bad_source},
	{"ip4{src=240.0.0.1}", 0, DROP_ip4_bad_source},
	{"ip4{src=all}", 0, DROP_ip4_bad_source},
	{"ip4{dst=zero}", 0, DROP_ip4_bad_destination},
	{"ip4{dst=127.0.0.1}", 0, DROP_ip4_bad_destination},
	{"ip4{dst=240.0.0.1}", 0, DROP_ip4_bad_destination},
	{"ip4{dst=255.255.255.254}", 0, DROP_ip4_bad_destination},
	{"ip4{dst=all} udp", 0, DROP_ip4_link_multicast},
	{"ip4{dst=224.0.0.1}", MULTICAST, DROP_ip4_link_multicast},
	{"ip4{dst=239.255.255.255,next=2} pad{8}", MULTICAST, DROP_ip4_link_multicast},
	{"ip4{dst=all} icmp4", BROADCAST, DROP_icmp4_echo_broadcast},
	{"ip4{dst=224.0.0.1} icmp4", MULTICAST, DROP_icmp4_echo_broadcast},
	{"ip4{dst=224.0.0.1,hex=01010101} icmp4", 0, DROP_icmp4_echo_broadcast},
	{"ip4{dst=224.0.0.1} icmp4{type=0}", 0, DROP_ip4_link_multicast},
	{"ip4{dst=224.0.0.1,off=1} icmp4", 0, DROP_ip4_link_multicast},
	{"ip4{dst=224.0.0.1,next=1}", 0, DROP_ip4_link_multicast},
	{"ip4 udp", BROADCAST, DROP_ip4_l2_broadcast},
	{"ip4 udp", MULTICAST, DROP_ip4_l2_broadcast},
	{"ip4{mf=1} pad{8}", 0, DROP_NONE},
	{"ip4{mf=1} pad{7}", 0, DROP_ip4_bad_fragment},
	{"ip4{mf=1}", 0, DROP_ip4_bad_fragment},
	{"ip4{off=1} pad{7}", 0, DROP_NONE},
	{"ip4{off=1}", 0, DROP_ip4_bad_fragment},
	{"ip4{off=8188} pad{11}", 0, DROP_NONE},
	{"ip4{off=8188} pad{12}", 0, DROP_ip4_bad_fragment},
	{"ip4{off=8191} pad{1}", 0, DROP_ip4_bad_fragment},
	{"ip4{mf=1,off=8191} pad{8}", 0, DROP_ip4_bad_fragment},
};

static void every_packet_is_judged_by_its_first_mistake(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		uint8_t frame[FRAME_MAX];
		uint32_t len = frame_build(mistakes[i].packet, frame);
		uint8_t *packet = malloc(len);

		print_message("%s\n", mistakes[i].packet);
		memcpy(packet, frame, len);
		assert_string_equal(
			drop_table[ip4_input_classify(packet, len, mistakes[i].flags)].name,
			drop_table[mistakes[i].reason].name);
		free(packet);
	}
}

/* Plain is what nothing is wrong with, without options, and no fragment; nothing else. */
static void check_plain(const uint8_t l3[IP4_HEADER_BYTES], uint32_t bytes)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;
	uint8_t packet[256] = {0};
	bool expected;

	memcpy(packet, l3, IP4_HEADER_BYTES);
	expected = ip4_input_classify(packet, bytes, 0) == DROP_NONE &&
		   ip4_header_bytes(l3) == IP4_HEADER_BYTES &&
		   !(h->fragment_offset & RTE_BE16(IP4_FRAGMENT_MASK));
	if (ip4_input_is_plain(ip4_words_load(packet), bytes - IP4_HEADER_BYTES) != expected) {
		for (unsigned i = 0; i < IP4_HEADER_BYTES; i++)
			print_message("%02x", l3[i]);
		fail_msg("is %splain in a frame of %u bytes", expected ? "" : "not ", bytes);
	}
}

static void set_checksum(uint8_t *l3)
{
	struct rte_ipv4_hdr *h = (struct rte_ipv4_hdr *)l3;

	h->hdr_checksum = 0;
	h->hdr_checksum = checksum_ip4_header(l3, IP4_HEADER_BYTES / 4);
}

static void the_fast_test_equals_the_classification_for_all_octets(void **state)
{
	uint8_t l3[FRAME_MAX];

	frame_build("ip4", l3);
	for (unsigned octets = 0; octets < 65536; octets++) {
		l3[12] = (uint8_t)octets;
		l3[16] = (uint8_t)(octets >> 8);
		set_checksum(l3);
		check_plain(l3, 46);
	}
}

static void the_fast_test_equals_the_classification_for_all_checksums(void **state)
{
	uint8_t l3[FRAME_MAX];

	frame_build("ip4", l3);
	for (unsigned id = 0; id < 65536; id++) {
		l3[4] = (uint8_t)id;
		l3[5] = (uint8_t)(id >> 8);
		check_plain(l3, 46);
		set_checksum(l3);
		check_plain(l3, 46);
		/* The other zero of one's complement is right too. */
		if (l3[10] == 0 && l3[11] == 0) {
			l3[10] = l3[11] = 0xff;
			check_plain(l3, 46);
		}
	}
}

static void the_fast_test_equals_the_classification_for_mutated_headers(void **state)
{
	uint8_t good[FRAME_MAX], l3[IP4_HEADER_BYTES];

	frame_build("ip4 udp pad{60}", good);
	for (unsigned round = 0; round < 300000; round++) {
		unsigned mutations = (unsigned)(next_random() >> 61);
		uint32_t bytes = IP4_HEADER_BYTES + (uint32_t)(next_random() >> 57);

		memcpy(l3, good, sizeof(l3));
		for (unsigned i = 0; i < mutations; i++)
			l3[next_random() % sizeof(l3)] = (uint8_t)(next_random() >> 40);
		if (next_random() >> 62)
			set_checksum(l3);
		check_plain(l3, bytes);
	}
}

static void noise_is_judged_without_reading_outside_of_it(void **state)
{
	for (uint32_t len = 0; len < 80; len++) {
		for (unsigned round = 0; round < 200; round++) {
			uint8_t *packet = malloc(len);

			for (uint32_t i = 0; i < len; i++)
				packet[i] = (uint8_t)(next_random() >> 32);
			if (len > 0)
				packet[0] = (uint8_t)(0x40 | (packet[0] & 0xf));
			ip4_input_classify(packet, len, 0);
			free(packet);
		}
	}
}

static void send_text(const char *text)
{
	uint8_t frame[FRAME_MAX];
	uint32_t len = frame_build(text, frame);

	node_clear();
	node_input(0, frame, len);
	node_run();
}

static void a_packet_goes_where_the_kind_of_its_next_hop_says(void **state)
{
	static const struct {
		const char *frame;
		enum drop_reason reason;
		unsigned n_output;
	} cases[] = {
		{"eth ip4{dst=203.0.113.1} udp pad{20}", DROP_NONE, 1},
		{"eth ip4{dst=peer} udp pad{20}", DROP_NONE, 1},
		{"eth ip4{dst=host} udp pad{20}", DROP_NONE, 1},
		{"eth ip4{dst=203.0.113.65} udp", DROP_ip4_blackhole, 0},
		{"eth ip4{dst=203.0.113.129} udp", DROP_ip4_reject, 1},
		{"eth ip4{dst=10.0.0.1} udp", DROP_ip4_no_route, 1},
		{"eth ip4{dst=198.51.100.255} udp", DROP_ip4_directed_broadcast, 0},
		{"eth ip4{dst=198.51.100.0} udp", DROP_ip4_directed_broadcast, 0},
		{"eth ip4{dst=192.0.2.255} icmp4", DROP_ip4_directed_broadcast, 0},
		{"eth ip4{dst=node} icmp4", DROP_NONE, 1},
		{"eth ip4{dst=node2} icmp4", DROP_NONE, 1},
		{"eth{dst=all} ip4{dst=node} icmp4", DROP_ip4_l2_broadcast, 0},
		{"eth{dst=all} ip4{dst=192.0.2.255} udp", DROP_ip4_link_multicast, 0},
		{"eth{dst=all} ip4{dst=192.0.2.0} udp", DROP_ip4_link_multicast, 0},
	};

	node_start(config);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("%s\n", cases[i].frame);
		send_text(cases[i].frame);
		assert_string_equal(
			drop_table[node_drop_reason()].name, drop_table[cases[i].reason].name);
		assert_int_equal(node_n_output(), cases[i].n_output);
		node_check_accounts();
	}
	node_stop();
}

static void the_padding_of_a_short_frame_is_not_forwarded(void **state)
{
	node_start(config);
	send_text("eth ip4{dst=203.0.113.1} udp pad{1} trail{17}");
	assert_int_equal(node_n_output(), 1);
	assert_int_equal(node_output(0)->len, 14 + 20 + 8 + 1);
	send_text("eth ip4{dst=203.0.113.1,hex=01010101} udp pad{1} trail{17}");
	assert_int_equal(node_n_output(), 1);
	assert_int_equal(node_output(0)->len, 14 + 24 + 8 + 1);
	node_stop();
}

/* Good and bad packets of one burst part ways and stay in order. */
static void a_mixed_burst_is_sorted_packet_by_packet(void **state)
{
	static const char *const frames[] = {
		"eth ip4{dst=203.0.113.1,id=%u} udp",
		"eth ip4{dst=203.0.113.1,csum=0,id=%u} udp",
		"eth ip4{dst=203.0.113.2,id=%u,hex=01010101} udp",
		"eth ip4{dst=203.0.113.65,id=%u} udp",
		"eth ip4{dst=203.0.113.1,id=%u,mf=1} pad{8}",
		"eth ip4{dst=node,id=%u,next=2}",
	};

	node_start(config);
	for (unsigned i = 0; i < 60; i++) {
		uint8_t frame[FRAME_MAX];
		char text[128];

		snprintf(text, sizeof(text), frames[i % ARRAY_SIZE(frames)], i);
		node_input(0, frame, frame_build(text, frame));
	}
	node_run();
	assert_int_equal(node_drops(DROP_ip4_bad_checksum), 10);
	assert_int_equal(node_drops(DROP_ip4_blackhole), 10);
	assert_int_equal(node_drops(DROP_ip4_link_multicast), 10);
	assert_int_equal(node_n_output(), 30);
	for (unsigned i = 0; i < 30; i++)
		assert_int_equal(node_output(i)->bytes[19], i / 3 * 6 + i % 3 * 2);
	node_check_accounts();
	node_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_packet_is_judged_by_its_first_mistake),
		cmocka_unit_test(the_fast_test_equals_the_classification_for_all_octets),
		cmocka_unit_test(the_fast_test_equals_the_classification_for_all_checksums),
		cmocka_unit_test(the_fast_test_equals_the_classification_for_mutated_headers),
		cmocka_unit_test(noise_is_judged_without_reading_outside_of_it),
		cmocka_unit_test(a_packet_goes_where_the_kind_of_its_next_hop_says),
		cmocka_unit_test(the_padding_of_a_short_frame_is_not_forwarded),
		cmocka_unit_test(a_mixed_burst_is_sorted_packet_by_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
