/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 through the balancer: the same rules as in lb4_test.c, and extension headers. */
#include <netinet/in.h>

#include "tests/unit/lb_world.h"

#define IN     "eth ip6{dst=" VIP6 "} "
#define OUT    "ip6{dst=" VIP6 ",hop=63} "
#define SYN    "tcp{sport=1000,dport=80,flags=2}"
#define ACK    "tcp{sport=1000,dport=80,flags=16}"
#define FIN    "tcp{sport=1000,dport=80,flags=17}"
#define UDP    "udp{sport=1000,dport=80} raw{hex=0102}"
#define SECOND "2001:db8:1::3"

/* What NAT makes of the client's address, and the backend's words on their way back. */
#define NAT_OUT   TO_PEER "ip6{src=" POOL6 ",dst=peer,hop=63} "
#define REPLY_IN  FROM_PEER "ip6{src=peer,dst=" POOL6 "} "
#define REPLY_OUT TO_HOST "ip6{src=" VIP6 ",dst=host,hop=63} "

static void a_dsr_packet_leaves_as_it_is_for_its_backend(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_DSR);
	lb_test_expect(0, IN SYN, TO_PEER OUT SYN);
	lb_test_expect(0, IN "hbh opts " ACK, TO_PEER OUT "hbh opts " ACK);
	lb_test_expect(0, IN "frag " ACK, TO_PEER OUT "frag " ACK);
	assert_int_equal(lb_test_flows(), 1);
	lb_test_expect(0, IN FIN, TO_PEER OUT FIN);
	assert_int_equal(lb_test_backend_counter(LB_TEST_PEER6, pkts), 4);
	assert_int_equal(lb_test_backend_counter(LB_TEST_PEER6, bytes), 4 * 60 + 16 + 8);
	assert_int_equal(lb_test_service_counter(2, new_flows), 1);
	lb_test_stop();
}

static void a_flow_keeps_its_backend_when_the_table_changes(void **state)
{
	static const enum api_backend_use uses[] = {
		API_BACKEND_UP, API_BACKEND_DRAINING, API_BACKEND_REMOVED, API_BACKEND_DOWN};

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
		lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_DSR);
		lb_test_expect(0, IN SYN, TO_PEER OUT SYN);
		lbt.backends[LB_TEST_PEER6].use = (uint8_t)uses[i];
		lb_test_choose(2, LB_TEST_SECOND6);
		lb_test_expect(0, IN ACK, TO_PEER OUT ACK);
		lb_test_expect(0, IN FIN, TO_PEER OUT FIN);
		lb_test_expect(0, IN SYN, TO_SECOND OUT SYN);
		lb_test_stop();
	}
}

static void nat_translates_both_ways(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_NAT);
	lb_test_expect(0, IN SYN, NAT_OUT "tcp{sport=1024,dport=8080,flags=2}");
	lb_test_expect(1, REPLY_IN "tcp{sport=8080,dport=1024,flags=18}",
		REPLY_OUT "tcp{sport=80,dport=1000,flags=18}");
	lb_test_expect(0, IN "opts " ACK, NAT_OUT "opts tcp{sport=1024,dport=8080,flags=16}");
	lb_test_expect(1, REPLY_IN "frag tcp{sport=8080,dport=1024,flags=16} raw{hex=0102}",
		REPLY_OUT "frag tcp{sport=80,dport=1000,flags=16} raw{hex=0102}");
	lb_test_expect_drop(1,
		FROM_PEER "ip6{src=" SECOND ",dst=" POOL6 "} tcp{sport=8080,dport=1024,flags=18}",
		DROP_lb_nat_stranger, 0);
	lb_test_expect_drop(
		1, REPLY_IN "tcp{sport=8080,dport=1026,flags=18}", DROP_lb_nat_no_flow, 0);
	lb_test_expect_drop(
		0, "eth ip6{dst=" VIP6 "} tcp{sport=1001,dport=80,flags=16}", DROP_tcp_refused, 1);
	assert_int_equal(lb_test_backend_counter(LB_TEST_PEER6, reply_pkts), 2);
	lb_test_stop();
}

static void nat_translates_datagrams(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_UDP, API_LB_NAT);
	lb_test_expect(0, IN UDP, NAT_OUT "udp{sport=1024,dport=8080} raw{hex=0102}");
	lb_test_expect(1, REPLY_IN "udp{sport=8080,dport=1024} raw{hex=ff}",
		REPLY_OUT "udp{sport=80,dport=1000} raw{hex=ff}");
	lb_test_stop();
}

static void fragments_of_a_datagram_go_one_way(void **state)
{
	static const char first[] = "frag{more=1,id=7} udp{sport=1000,dport=80,len=29} pad{16}";
	static const char later[] = "frag{off=3,id=7,next=17} raw{hex=0102030405}";
	char in[256], out[256];

	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_UDP, API_LB_DSR);
	snprintf(in, sizeof(in), IN "%s", first);
	snprintf(out, sizeof(out), TO_PEER OUT "%s", first);
	lb_test_expect(0, in, out);
	lb_test_choose(2, LB_TEST_SECOND6);
	snprintf(in, sizeof(in), IN "%s", later);
	snprintf(out, sizeof(out), TO_PEER OUT "%s", later);
	lb_test_expect(0, in, out);
	assert_int_equal(lb_test_flows(), 1);
	lb_test_stop();
}

static void what_is_no_service_is_answered_by_the_node(void **state)
{
	static const struct {
		const char *frame;
		enum drop_reason reason;
		unsigned n_output;
	} cases[] = {
		{IN "tcp{dport=81,flags=2}", DROP_tcp_refused, 1},
		{IN "udp{dport=80}", DROP_port_unreachable, 1},
		{IN "hbh{hex=c20400000000} " SYN, DROP_NONE, 1},
		{IN "frag{off=3,next=58} pad{8}", DROP_ip6_local_fragment, 0},
	};

	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_DSR);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		lb_test_expect_drop(0, cases[i].frame, cases[i].reason, cases[i].n_output);
		node_advance(100 * NSEC_PER_MSEC);
	}
	node_clear();
	lb_test_send(0, IN "icmp6{type=128} raw{hex=01020304}");
	assert_int_equal(node_n_output(), 1);
	assert_int_equal(node_output(0)->bytes[54], ICMP6_ECHO_REPLY);
	lb_test_stop();
}

static void a_client_hears_when_there_is_no_way(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_DSR);
	lbt.services[2].table = NULL;
	lb_test_expect_drop(0, IN SYN, DROP_lb_no_backend, 1);
	assert_int_equal(node_output(0)->bytes[54], ICMP6_UNREACHABLE);
	assert_int_equal(node_output(0)->bytes[55], ICMP6_ADDRESS);
	lb_test_choose(2, LB_TEST_PEER6);
	lbt.backends[LB_TEST_PEER6].nexthop = 0;
	lb_test_expect_drop(0, IN SYN, DROP_lb_backend_unreachable, 1);
	assert_int_equal(node_output(0)->bytes[55], ICMP6_ADDRESS);
	lb_test_stop();
}

static void the_last_hop_ends_here_with_an_error(void **state)
{
	static const uint8_t modes[] = {API_LB_NAT, API_LB_DSR, API_LB_IPIP, API_LB_GUE};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, modes[i]);
		lb_test_expect_drop(0, "eth ip6{dst=" VIP6 ",hop=1} " SYN, DROP_ip6_hop_limit, 1);
		assert_int_equal(node_output(0)->port, 0);
		assert_int_equal(node_output(0)->bytes[54], ICMP6_TIME_EXCEEDED);
		lb_test_stop();
	}
}

static void broken_and_misplaced_packets_are_dropped(void **state)
{
	static const struct {
		const char *frame;
		enum drop_reason reason;
		unsigned n_output;
	} cases[] = {
		{IN "tcp{dport=80,words=4}", DROP_l4_bad_header, 0},
		{IN "tcp{dport=80,words=15}", DROP_l4_bad_header, 0},
		{"eth ip6{dst=" VIP6 ",next=6} pad{19}", DROP_lb_runt, 0},
		{"eth ip6{dst=" VIP6 ",next=17} pad{7}", DROP_lb_runt, 0},
		{IN "opts{next=17} pad{7}", DROP_lb_runt, 0},
		{IN "opts{next=6,len=9}", DROP_ip6_bad_extension, 0},
		{IN "frag{more=1,next=6} pad{16}", DROP_lb_fragment_bad, 0},
		{IN "udp{dport=80,len=200}", DROP_l4_bad_header, 0},
		{"eth ip6{src=fe80::2,dst=" VIP6 "} " SYN, DROP_ip6_scope, 1},
	};

	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_NAT);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		node_advance(100 * NSEC_PER_MSEC);
		print_message("%s\n", cases[i].frame);
		node_clear();
		lb_test_send(0, cases[i].frame);
		assert_string_equal(
			drop_table[node_drop_reason()].name, drop_table[cases[i].reason].name);
		assert_int_equal(lb_test_flows(), 0);
	}
	lb_test_stop();
}

static void an_answer_never_comes_in_as_a_question(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_UDP, API_LB_NAT);
	lb_test_send(0, "eth ip6{src=" VIP6 ",dst=" VIP6 "} udp{sport=80,dport=80} raw{hex=0102}");
	assert_int_equal(node_n_output(), 1);
	lb_test_expect_drop(1,
		FROM_PEER "ip6{src=2001:db8:1::2,dst=" POOL6 "} udp{sport=8080,dport=1024} "
			  "raw{hex=0304}",
		DROP_ip6_redirect_loop, 0);
	lb_test_stop();
}

static void above_the_limits_the_hash_alone_decides(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_DSR);
	lbt.world.new_flows_per_sec = 0;
	lb_test_expect(0, IN SYN, TO_PEER OUT SYN);
	assert_int_equal(lb_test_flows(), 0);
	assert_int_equal(lb_test_service_counter(2, unstored_rate), 1);
	lb_test_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dsr_packet_leaves_as_it_is_for_its_backend),
		cmocka_unit_test(a_flow_keeps_its_backend_when_the_table_changes),
		cmocka_unit_test(nat_translates_both_ways),
		cmocka_unit_test(nat_translates_datagrams),
		cmocka_unit_test(fragments_of_a_datagram_go_one_way),
		cmocka_unit_test(what_is_no_service_is_answered_by_the_node),
		cmocka_unit_test(a_client_hears_when_there_is_no_way),
		cmocka_unit_test(the_last_hop_ends_here_with_an_error),
		cmocka_unit_test(broken_and_misplaced_packets_are_dropped),
		cmocka_unit_test(an_answer_never_comes_in_as_a_question),
		cmocka_unit_test(above_the_limits_the_hash_alone_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
