/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets to the node itself: the verdict about each, resets, and the answers that leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/ip/ip4_local.h"
#include "dataplane/lb/lb.h"
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
			     "  - {interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa}\n";

static void every_packet_gets_its_verdict(void **state)
{
	static const struct {
		const char *packet;
		enum ip4_local_action action;
		enum drop_reason reason;
		uint8_t code;
	} cases[] = {
		{"ip4 icmp4", IP4_LOCAL_ECHO, DROP_NONE, 0},
		{"ip4 icmp4{hex=010203}", IP4_LOCAL_ECHO, DROP_NONE, 0},
		{"ip4{hex=0783040000000000} icmp4", IP4_LOCAL_ECHO, DROP_NONE, 0},
		{"ip4{next=1}", IP4_LOCAL_DROP, DROP_icmp4_runt, 0},
		{"ip4{next=1} pad{7}", IP4_LOCAL_DROP, DROP_icmp4_runt, 0},
		{"ip4 icmp4{csum=1}", IP4_LOCAL_DROP, DROP_icmp4_bad_checksum, 0},
		{"ip4 icmp4{code=1}", IP4_LOCAL_DROP, DROP_icmp4_unhandled, 0},
		{"ip4 icmp4{type=0}", IP4_LOCAL_DROP, DROP_icmp4_unhandled, 0},
		{"ip4 icmp4{type=3,code=4} ip4 udp", IP4_LOCAL_DROP, DROP_icmp4_unhandled, 0},
		{"ip4 icmp4{type=13} pad{12}", IP4_LOCAL_DROP, DROP_icmp4_unhandled, 0},
		{"ip4{mf=1} icmp4", IP4_LOCAL_DROP, DROP_ip4_local_fragment, 0},
		{"ip4{off=1,next=17} pad{1}", IP4_LOCAL_DROP, DROP_ip4_local_fragment, 0},
		{"ip4 udp", IP4_LOCAL_UNREACHABLE, DROP_port_unreachable, 3},
		{"ip4 udp{csum=0} pad{3}", IP4_LOCAL_UNREACHABLE, DROP_port_unreachable, 3},
		{"ip4{next=17} pad{7}", IP4_LOCAL_DROP, DROP_l4_runt, 0},
		{"ip4 udp{len=7}", IP4_LOCAL_DROP, DROP_l4_bad_header, 0},
		{"ip4 udp{len=9}", IP4_LOCAL_DROP, DROP_l4_bad_header, 0},
		{"ip4 udp{len=8,csum=0} pad{9}", IP4_LOCAL_UNREACHABLE, DROP_port_unreachable, 3},
		{"ip4 udp{csum=1} pad{9}", IP4_LOCAL_DROP, DROP_l4_bad_checksum, 0},
		{"ip4 tcp", IP4_LOCAL_RESET, DROP_tcp_refused, 0},
		{"ip4 tcp{hex=020405b4} pad{5}", IP4_LOCAL_RESET, DROP_tcp_refused, 0},
		{"ip4 tcp{flags=0}", IP4_LOCAL_RESET, DROP_tcp_refused, 0},
		{"ip4 tcp{flags=4}", IP4_LOCAL_DROP, DROP_tcp_reset_ignored, 0},
		{"ip4 tcp{flags=20}", IP4_LOCAL_DROP, DROP_tcp_reset_ignored, 0},
		{"ip4{next=6} pad{19}", IP4_LOCAL_DROP, DROP_l4_runt, 0},
		{"ip4 tcp{words=4}", IP4_LOCAL_DROP, DROP_l4_bad_header, 0},
		{"ip4 tcp{words=6}", IP4_LOCAL_DROP, DROP_l4_bad_header, 0},
		{"ip4 tcp{csum=0}", IP4_LOCAL_DROP, DROP_l4_bad_checksum, 0},
		{"ip4{next=2} pad{8}", IP4_LOCAL_DROP, DROP_ip4_link_multicast, 0},
		{"ip4{next=132} pad{8}", IP4_LOCAL_UNREACHABLE, DROP_protocol_unreachable, 2},
		{"ip4{next=253}", IP4_LOCAL_UNREACHABLE, DROP_protocol_unreachable, 2},
		{"ip4{next=0}", IP4_LOCAL_UNREACHABLE, DROP_protocol_unreachable, 2},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t frame[FRAME_MAX];
		uint32_t len = frame_build(cases[i].packet, frame);
		uint8_t *packet = malloc(len);
		struct ip4_local_class c;

		print_message("%s\n", cases[i].packet);
		assert_non_null(packet);
		memcpy(packet, frame, len);
		c = ip4_local_classify(packet, len, PKT_L4_SUM_UNKNOWN);
		free(packet);
		assert_int_equal(c.action, cases[i].action);
		assert_string_equal(drop_table[c.reason].name, drop_table[cases[i].reason].name);
		assert_int_equal(c.code, cases[i].code);
		/* What may be for somebody in the node is what has passed all checks. */
		assert_int_equal(c.intact,
			c.reason == DROP_icmp4_unhandled || c.reason == DROP_port_unreachable ||
				c.reason == DROP_tcp_refused || c.reason == DROP_tcp_reset_ignored);
	}
}

/* RFC 9293 3.10.7.1: what acknowledges is answered at the number it acknowledges; anything else is
 * acknowledged, SYN and FIN counted. */
static void a_reset_fits_the_segment_that_it_refuses(void **state)
{
	static const struct {
		const char *segment, *reset;
	} cases[] = {
		{"tcp{seq=100,flags=2}", "tcp{sport=8192,dport=4096,seq=0,ack=101,flags=20,win=0}"},
		{"tcp{seq=100,flags=2,hex=020405b4} pad{3}",
			"tcp{sport=8192,dport=4096,seq=0,ack=104,flags=20,win=0}"},
		{"tcp{seq=100,flags=3}", "tcp{sport=8192,dport=4096,seq=0,ack=102,flags=20,win=0}"},
		{"tcp{seq=4294967295,flags=2}",
			"tcp{sport=8192,dport=4096,seq=0,ack=0,flags=20,win=0}"},
		{"tcp{seq=100,flags=0} pad{9}",
			"tcp{sport=8192,dport=4096,seq=0,ack=109,flags=20,win=0}"},
		{"tcp{seq=100,ack=7,flags=16} pad{9}",
			"tcp{sport=8192,dport=4096,seq=7,ack=0,flags=4,win=0}"},
		{"tcp{seq=100,ack=7,flags=18}",
			"tcp{sport=8192,dport=4096,seq=7,ack=0,flags=4,win=0}"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t segment[FRAME_MAX], expected[FRAME_MAX];
		uint32_t len = frame_build(cases[i].segment, segment);
		struct rte_tcp_hdr reset;

		print_message("%s\n", cases[i].segment);
		frame_build(cases[i].reset, expected);
		memset(expected + 16, 0, 2);
		ip4_local_reset_fill(&reset, (const struct rte_tcp_hdr *)segment, len);
		assert_memory_equal(&reset, expected, sizeof(reset));
	}
}

/* Expects @f to be @text but for the identification, which is random, and the header checksum. */
static void assert_frame(const struct node_frame *f, const char *text)
{
	uint8_t expected[FRAME_MAX], got[FRAME_MAX];
	uint32_t len = frame_build(text, expected);

	assert_non_null(f);
	assert_int_equal(f->len, len);
	memcpy(got, f->bytes, len);
	assert_int_equal(checksum_ip4_header(got + 14, 5), 0);
	memcpy(got + 18, expected + 18, 2);
	memcpy(got + 24, expected + 24, 2);
	assert_memory_equal(got, expected, len);
}

static void the_node_answers_for_all_its_addresses(void **state)
{
	static const struct {
		const char *in, *out;
		enum drop_reason reason;
	} cases[] = {
		{"eth ip4{dst=node,tos=8} icmp4{info=0x12345678,hex=aabbcc}",
			"eth{dst=host,src=node} ip4{src=node,dst=host,tos=8} "
			"icmp4{type=0,info=0x12345678,hex=aabbcc}",
			DROP_NONE},
		{"eth ip4{dst=node2,ttl=1} icmp4",
			"eth{dst=host,src=node} ip4{src=node2,dst=host} icmp4{type=0}", DROP_NONE},
		{"eth ip4{dst=node,df=1,hex=0783040000000000} icmp4 pad{4}",
			"eth{dst=host,src=node} ip4{src=node,dst=host} icmp4{type=0} pad{4}",
			DROP_NONE},
		{"eth ip4{dst=node} tcp{seq=5,flags=2}",
			"eth{dst=host,src=node} ip4{src=node,dst=host} "
			"tcp{sport=8192,dport=4096,seq=0,ack=6,flags=20,win=0}",
			DROP_tcp_refused},
		{"eth ip4{dst=node2,ttl=1} udp pad{5}",
			"eth{dst=host,src=node} ip4{src=node2,dst=host,tos=192} "
			"icmp4{type=3,code=3,info=0} ip4{dst=node2,ttl=1} udp pad{5}",
			DROP_port_unreachable},
		{"eth ip4{dst=node,next=132} pad{3}",
			"eth{dst=host,src=node} ip4{src=node,dst=host,tos=192} "
			"icmp4{type=3,code=2,info=0} ip4{dst=node,next=132} pad{3}",
			DROP_protocol_unreachable},
	};

	node_start(config);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint8_t frame[FRAME_MAX];
		uint32_t len = frame_build(cases[i].in, frame);

		print_message("%s\n", cases[i].in);
		node_clear();
		node_input(0, frame, len);
		node_run();
		assert_string_equal(
			drop_table[node_drop_reason()].name, drop_table[cases[i].reason].name);
		assert_int_equal(node_n_output(), 1);
		assert_frame(node_output(0), cases[i].out);
		node_check_accounts();
	}
	node_stop();
}

/* Where the node balances, what health probes may be answered is none of this stage's business. */
static void answers_to_health_probes_pass_on(void **state)
{
	static const struct {
		const char *in;
		enum drop_reason without, with;
	} cases[] = {
		{"eth ip4{dst=node} tcp{dport=64512,ack=1,flags=18}", DROP_tcp_refused,
			DROP_lb_probe_stray},
		{"eth ip4{dst=node2} tcp{dport=65535,flags=4}", DROP_tcp_reset_ignored,
			DROP_lb_probe_stray},
		{"eth ip4{dst=node} tcp{dport=64511,ack=1,flags=18}", DROP_tcp_refused,
			DROP_tcp_refused},
		{"eth ip4{dst=node} tcp{dport=64512,flags=18,csum=1}", DROP_l4_bad_checksum,
			DROP_l4_bad_checksum},
		{"eth ip4{dst=node} udp{dport=64512}", DROP_port_unreachable, DROP_lb_probe_stray},
		{"eth ip4{dst=node} udp{dport=64512,len=9}", DROP_l4_bad_header,
			DROP_l4_bad_header},
		{"eth ip4{dst=node} icmp4{type=0,info=0xfc000000}", DROP_icmp4_unhandled,
			DROP_lb_probe_stray},
		{"eth ip4{dst=node} icmp4{type=0,info=0xfbff0000}", DROP_icmp4_unhandled,
			DROP_icmp4_unhandled},
		{"eth ip4{dst=node} icmp4{type=3} ip4{src=node,dst=peer} tcp{sport=64512}",
			DROP_icmp4_unhandled, DROP_lb_probe_stray},
		{"eth ip4{dst=node} icmp4{type=3} ip4{src=node,dst=peer} tcp{sport=64511}",
			DROP_icmp4_unhandled, DROP_icmp4_unhandled},
	};
	static const struct lb_world lb;

	node_start(config);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(cases); i++) {
		size_t k = i % ARRAY_SIZE(cases);
		bool balances = i >= ARRAY_SIZE(cases);
		struct world *next = world_draft();
		uint8_t frame[FRAME_MAX];

		print_message("%s\n", cases[k].in);
		assert_non_null(next);
		next->lb = balances ? &lb : NULL;
		world_publish(next);
		node_clear();
		node_input(0, frame, frame_build(cases[k].in, frame));
		node_run();
		assert_string_equal(drop_table[node_drop_reason()].name,
			drop_table[balances ? cases[k].with : cases[k].without].name);
		node_advance(NSEC_PER_SEC);
	}
	node_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_packet_gets_its_verdict),
		cmocka_unit_test(a_reset_fits_the_segment_that_it_refuses),
		cmocka_unit_test(the_node_answers_for_all_its_addresses),
		cmocka_unit_test(answers_to_health_probes_pass_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
