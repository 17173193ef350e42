/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 packets through a whole node: what goes in, and byte for byte what comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tests/unit/frame.h"
#include "tests/unit/node.h"

#define SECOND_NS NSEC_PER_SEC

/* Beginnings of frames from the node to the host that asked, and to the peer. */
#define TO_HOST       "eth{dst=host,src=node} ip6{src=node,dst=host"
#define TO_HOST_LINK  "eth{dst=host,src=node} ip6{src=linklocal,dst=fe80::2"
#define TO_PEER       "eth{dst=peer,src=node2} ip6{hop=63"
#define QUOTED_HEADER "ip6{dst=node} "

static const char config[] =
	"node:\n"
	"  name: n\n"
	"  workers: [0]\n"
	"  ports:\n"
	"    - name: lan\n"
	"      device: net_null0\n"
	"      mac: 02:00:00:00:00:01\n"
	"      addresses: [\"2001:db8::1/64\"]\n"
	"      interfaces:\n"
	"        - {name: lan.10, vlan: 10, addresses: [\"2001:db8:10::1/64\"]}\n"
	"    - name: wan\n"
	"      device: net_null1\n"
	"      mac: 02:00:00:00:00:02\n"
	"      addresses: [\"2001:db8:1::1/64\"]\n"
	"neighbors:\n"
	"  - {interface: lan, address: \"2001:db8::2\", mac: 02:00:00:00:00:aa}\n"
	"  - {interface: lan, address: \"fe80::2\", mac: 02:00:00:00:00:aa}\n"
	"  - {interface: lan.10, address: \"2001:db8:10::2\", mac: 02:00:00:00:00:ac}\n"
	"  - {interface: wan, address: \"2001:db8:1::2\", mac: 02:00:00:00:00:bb}\n"
	"  - {interface: wan, address: \"2001:db8:1::3\", mac: 02:00:00:00:00:bc}\n"
	"routes:\n"
	"  - {prefix: \"2001:db8:e::/48\", via: [\"2001:db8:1::2\", \"2001:db8:1::3\"]}\n"
	"  - {prefix: \"2001:db8:f::/48\", via: \"2001:db8:1::2\"}\n";

struct exchange {
	const char *in, *out;
};

static void check(const struct exchange *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t in[FRAME_MAX], out[FRAME_MAX];
		uint32_t in_len = frame_build(cases[i].in, in);
		uint32_t out_len = frame_build(cases[i].out, out);
		const struct node_frame *f;

		node_advance(SECOND_NS);
		node_clear();
		node_input(0, in, in_len);
		node_run();
		node_check_accounts();
		f = node_output(0);
		if (node_n_output() != 1)
			fail_msg("%s: %u frames left", cases[i].in, node_n_output());
		for (uint32_t b = 0; b < MIN_OF(out_len, (uint32_t)f->len); b++)
			if (f->bytes[b] != out[b])
				fail_msg("%s: byte %u is %02x, not %02x", cases[i].in, b,
					f->bytes[b], out[b]);
		if (f->len != out_len)
			fail_msg("%s: %u bytes, not %u", cases[i].in, f->len, out_len);
	}
}

static void packets_are_forwarded_with_one_hop_less_and_nothing_else_changed(void **state)
{
	static const struct exchange cases[] = {
		{"eth ip6 udp pad{7}", TO_PEER "} udp pad{7}"},
		{"eth ip6 udp trail{30}", TO_PEER "} udp"},
		{"eth ip6", TO_PEER "}"},
		{"eth ip6{hop=2,class=184,label=74565} tcp",
			"eth{dst=peer,src=node2} ip6{hop=1,class=184,label=74565} tcp"},
		{"eth ip6 hbh{hex=3e0400000000} rt{left=3,hex=00000000} udp",
			TO_PEER "} hbh{hex=3e0400000000} rt{left=3,hex=00000000} udp"},
		{"eth ip6 frag{off=7,more=1,next=17} pad{8}",
			TO_PEER "} frag{off=7,more=1,next=17} pad{8}"},
		{"eth ip6 udp pad{1452}", TO_PEER "} udp pad{1452}"},
		{"eth ip6{dst=2001:db8:f::9} udp", TO_PEER ",dst=2001:db8:f::9} udp"},
		{"eth ip6{dst=2001:db8:10::2} udp",
			"eth{dst=02:00:00:00:00:ac,src=node} vlan{id=10} "
			"ip6{dst=2001:db8:10::2,hop=63} udp"},
		{"eth vlan{id=10} ip6{src=2001:db8:10::2} udp", TO_PEER ",src=2001:db8:10::2} udp"},
	};

	check(cases, ARRAY_SIZE(cases));
}

static void echo_requests_are_answered_from_the_address_they_went_to(void **state)
{
	static const struct exchange cases[] = {
		{"eth ip6{dst=node} icmp6{hex=01020304}", TO_HOST "} icmp6{type=129,hex=01020304}"},
		{"eth ip6{dst=node2} icmp6", "eth{dst=host,src=node} ip6{src=node2,dst=host} "
					     "icmp6{type=129}"},
		{"eth ip6{dst=node} hbh opts frag icmp6 pad{3}",
			TO_HOST "} icmp6{type=129} pad{3}"},
		{"eth{dst=all6} ip6{dst=all} icmp6", TO_HOST "} icmp6{type=129}"},
		{"eth{dst=all6} ip6{src=fe80::2,dst=all} icmp6", TO_HOST_LINK "} icmp6{type=129}"},
		{"eth ip6{src=fe80::2,dst=linklocal} icmp6", TO_HOST_LINK "} icmp6{type=129}"},
		{"eth ip6{src=fe80::2,dst=node} icmp6",
			"eth{dst=host,src=node} ip6{src=node,dst=fe80::2} icmp6{type=129}"},
	};

	check(cases, ARRAY_SIZE(cases));
}

static void errors_quote_the_packet_as_it_came(void **state)
{
	static const struct exchange cases[] = {
		{"eth ip6{hop=1} udp", TO_HOST "} icmp6{type=3,info=0} ip6{hop=1} udp"},
		{"eth ip6{dst=2a00::1} udp", TO_HOST "} icmp6{type=1,info=0} ip6{dst=2a00::1} udp"},
		{"eth ip6{src=fe80::2} udp",
			TO_HOST_LINK "} icmp6{type=1,code=2,info=0} ip6{src=fe80::2} udp"},
		{"eth ip6{dst=node} udp pad{5}",
			TO_HOST "} icmp6{type=1,code=4,info=0} " QUOTED_HEADER "udp pad{5}"},
		{"eth ip6{dst=node2} udp", "eth{dst=host,src=node} ip6{src=node2,dst=host} "
					   "icmp6{type=1,code=4,info=0} ip6{dst=node2} udp"},
		{"eth ip6 udp{csum=0} pad{1453}", TO_HOST "} icmp6{type=2,info=1500} ip6{len=1461} "
							  "udp{len=1461,csum=0} pad{1184}"},
		{"eth ip6{dst=node} rt{left=1} udp",
			TO_HOST "} icmp6{type=4,info=42} " QUOTED_HEADER "rt{left=1} udp"},
		{"eth ip6{dst=node} hbh{next=99}",
			TO_HOST "} icmp6{type=4,code=1,info=40} " QUOTED_HEADER "hbh{next=99}"},
		{"eth ip6{dst=node} opts{hex=010080020000}", TO_HOST
			"} icmp6{type=4,code=2,info=44} " QUOTED_HEADER "opts{hex=010080020000}"},
		{"eth{dst=all6} ip6{dst=all} opts{hex=800400000000}",
			TO_HOST "} icmp6{type=4,code=2,info=42} ip6{dst=all} "
				"opts{hex=800400000000}"},
	};

	check(cases, ARRAY_SIZE(cases));
}

static void tcp_segments_are_refused_with_the_reset_of_rfc_9293(void **state)
{
	static const struct exchange cases[] = {
		{"eth ip6{dst=node} tcp{seq=7}", TO_HOST "} tcp{sport=0x2000,dport=0x1000,seq=0,"
							 "ack=8,flags=0x14,win=0}"},
		{"eth ip6{dst=node} tcp{seq=0xffffffff,flags=3} pad{5}",
			TO_HOST "} tcp{sport=0x2000,dport=0x1000,seq=0,ack=6,flags=0x14,win=0}"},
		{"eth ip6{dst=node} tcp{seq=7,ack=99,flags=0x12}",
			TO_HOST "} tcp{sport=0x2000,dport=0x1000,seq=99,flags=4,win=0}"},
	};

	check(cases, ARRAY_SIZE(cases));
}

static void flows_spread_over_equal_paths_and_stay_on_theirs(void **state)
{
	unsigned to_second = 0;

	for (unsigned flow = 0; flow < 64; flow++) {
		uint8_t in[FRAME_MAX], last = 0;
		char text[128];
		uint32_t len;

		snprintf(text, sizeof(text), "eth ip6{dst=2001:db8:e::1} udp{sport=%u}", flow);
		len = frame_build(text, in);
		for (unsigned packet = 0; packet < 3; packet++) {
			node_clear();
			node_input(0, in, len);
			node_run();
			assert_int_equal(node_n_output(), 1);
			if (packet > 0)
				assert_int_equal(node_output(0)->bytes[5], last);
			last = node_output(0)->bytes[5];
		}
		to_second += last == 0xbc;
	}
	assert_in_range(to_second, 16, 48);
}

static void errors_to_one_prefix_are_limited_and_counted(void **state)
{
	uint8_t in[FRAME_MAX];
	uint32_t len = frame_build("eth ip6{hop=1} udp", in);

	node_advance(SECOND_NS);
	node_clear();
	for (unsigned i = 0; i < 100; i++) {
		node_input(0, in, len);
		node_run();
	}
	assert_int_equal(node_drops(DROP_ip6_hop_limit), 100);
	assert_int_equal(node_n_output() + node_drops(DROP_icmp_error_limited), 100);
	assert_in_range(node_n_output(), 10, 30);
	node_check_accounts();
}

/* A new address hears neighbour discovery only, until nobody else claims it. */
static void a_tentative_address_answers_nothing(void **state)
{
	uint8_t in[FRAME_MAX];
	uint32_t len = frame_build("eth ip6{dst=node} icmp6", in);

	node_start(config);
	node_clear();
	node_input(0, in, len);
	node_run();
	assert_int_equal(node_drops(DROP_ip6_tentative), 1);
	node_advance(5 * SECOND_NS);
	node_clear();
	node_input(0, in, len);
	node_run();
	assert_int_equal(node_n_output(), 1);
	node_stop();
}

static int start(void **state)
{
	node_start(config);
	node_advance(5 * SECOND_NS);
	return 0;
}

static int stop(void **state)
{
	node_stop();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_forwarded_with_one_hop_less_and_nothing_else_changed),
		cmocka_unit_test(echo_requests_are_answered_from_the_address_they_went_to),
		cmocka_unit_test(errors_quote_the_packet_as_it_came),
		cmocka_unit_test(tcp_segments_are_refused_with_the_reset_of_rfc_9293),
		cmocka_unit_test(flows_spread_over_equal_paths_and_stay_on_theirs),
		cmocka_unit_test(errors_to_one_prefix_are_limited_and_counted),
	};
	const struct CMUnitTest lone[] = {
		cmocka_unit_test(a_tentative_address_answers_nothing),
	};
	int failed = cmocka_run_group_tests(tests, start, stop);

	return failed + cmocka_run_group_tests(lone, NULL, NULL);
}
