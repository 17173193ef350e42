/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv4 through the balancer: services, flows, NAT, and what is none of it. */
#include <netinet/in.h>

#include "tests/unit/lb_world.h"

#define SYN "eth ip4{dst=" VIP "} tcp{sport=1000,dport=80,flags=2}"
#define ACK "eth ip4{dst=" VIP "} tcp{sport=1000,dport=80,flags=16}"
#define FIN "eth ip4{dst=" VIP "} tcp{sport=1000,dport=80,flags=17}"
#define UDP "eth ip4{dst=" VIP "} udp{sport=1000,dport=80} raw{hex=0102}"

/* What they are when they leave untouched. */
#define SYN_OUT "ip4{dst=" VIP ",ttl=63} tcp{sport=1000,dport=80,flags=2}"
#define ACK_OUT "ip4{dst=" VIP ",ttl=63} tcp{sport=1000,dport=80,flags=16}"
#define FIN_OUT "ip4{dst=" VIP ",ttl=63} tcp{sport=1000,dport=80,flags=17}"
#define UDP_OUT "ip4{dst=" VIP ",ttl=63} udp{sport=1000,dport=80} raw{hex=0102}"

/* The first port that NAT gives on one worker is the lowest. */
#define NAT_SYN_OUT TO_PEER "ip4{src=" POOL ",dst=peer,ttl=63} tcp{sport=1024,dport=8080,flags=2}"
#define NAT_ACK_OUT TO_PEER "ip4{src=" POOL ",dst=peer,ttl=63} tcp{sport=1024,dport=8080,flags=16}"
#define SYNACK_IN   FROM_PEER "ip4{src=peer,dst=" POOL "} tcp{sport=8080,dport=1024,flags=18}"
#define SYNACK_OUT  TO_HOST "ip4{src=" VIP ",dst=host,ttl=63} tcp{sport=80,dport=1000,flags=18}"
#define RST_IN      FROM_PEER "ip4{src=peer,dst=" POOL "} tcp{sport=8080,dport=1024,flags=20}"
#define RST_OUT     TO_HOST "ip4{src=" VIP ",dst=host,ttl=63} tcp{sport=80,dport=1000,flags=20}"

static void a_dsr_packet_leaves_as_it_is_for_its_backend(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_DSR);
	lb_test_expect(0, SYN, TO_PEER SYN_OUT);
	assert_int_equal(lb_test_flows(), 1);
	lb_test_expect(0, ACK, TO_PEER ACK_OUT);
	lb_test_expect(0, "eth ip4{dst=" VIP ",hex=01010101} tcp{sport=1000,dport=80,flags=16}",
		TO_PEER "ip4{dst=" VIP ",ttl=63,hex=01010101} tcp{sport=1000,dport=80,flags=16}");
	lb_test_expect(0, FIN, TO_PEER FIN_OUT);
	assert_int_equal(lb_test_flows(), 1);
	assert_int_equal(lb_test_service_counter(0, new_flows), 1);
	assert_int_equal(lb_test_backend_counter(0, new_flows), 1);
	assert_int_equal(lb_test_backend_counter(0, pkts), 4);
	assert_int_equal(lb_test_backend_counter(0, bytes), 4 * 40 + 4);
	lb_test_stop();
}

static void a_flow_keeps_its_backend_when_the_table_changes(void **state)
{
	static const enum api_backend_use uses[] = {
		API_BACKEND_UP, API_BACKEND_DRAINING, API_BACKEND_REMOVED, API_BACKEND_DOWN};

	for (size_t i = 0; i < ARRAY_SIZE(uses); i++) {
		lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_DSR);
		lb_test_expect(0, SYN, TO_PEER SYN_OUT);
		lb_test_expect(0, ACK, TO_PEER ACK_OUT);
		lbt.backends[LB_TEST_PEER].use = (uint8_t)uses[i];
		lbt.backends[LB_TEST_PEER].weight = 0;
		lb_test_choose(0, LB_TEST_SECOND);
		lb_test_expect(0, ACK, TO_PEER ACK_OUT);
		lb_test_expect(0, FIN, TO_PEER FIN_OUT);
		lb_test_expect(0, "eth ip4{dst=" VIP "} tcp{sport=1001,dport=80,flags=2}",
			TO_SECOND "ip4{dst=" VIP ",ttl=63} tcp{sport=1001,dport=80,flags=2}");
		lb_test_stop();
	}
}

static void a_segment_without_a_flow_gets_one_by_the_hash(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_DSR);
	lb_test_expect(0, ACK, TO_PEER ACK_OUT);
	assert_int_equal(lb_test_flows(), 1);
	/* What ends a connection begins no flow. */
	lb_test_expect(0, "eth ip4{dst=" VIP "} tcp{sport=7,dport=80,flags=4}",
		TO_PEER "ip4{dst=" VIP ",ttl=63} tcp{sport=7,dport=80,flags=4}");
	assert_int_equal(lb_test_flows(), 1);
	lb_test_stop();
}

static void a_syn_begins_a_new_flow_after_the_end_of_the_old(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_DSR);
	lb_test_expect(0, SYN, TO_PEER SYN_OUT);
	lb_test_choose(0, LB_TEST_SECOND);
	/* Sent again: it is still the first flow. */
	lb_test_expect(0, SYN, TO_PEER SYN_OUT);
	lb_test_expect(0, ACK, TO_PEER ACK_OUT);
	lb_test_expect(0, SYN, TO_PEER SYN_OUT);
	lb_test_expect(0, FIN, TO_PEER FIN_OUT);
	lb_test_expect(0, ACK, TO_PEER ACK_OUT);
	lb_test_expect(0, SYN, TO_SECOND SYN_OUT);
	assert_int_equal(lb_test_backend_counter(LB_TEST_PEER, ended_flows), 1);
	assert_int_equal(lb_test_flows(), 1);
	lb_test_stop();
}

static void a_syn_begins_a_new_flow_when_the_old_was_idle(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_DSR);
	lb_test_expect(0, SYN, TO_PEER SYN_OUT);
	lb_test_expect(0, ACK, TO_PEER ACK_OUT);
	lb_test_choose(0, LB_TEST_SECOND);
	lbt.world.idle_ticks[LB_FLOW_TCP_ESTABLISHED] = 0;
	node_advance(2 * NSEC_PER_MSEC);
	lb_test_expect(0, SYN, TO_SECOND SYN_OUT);
	lb_test_stop();
}

static void a_flow_leaves_a_backend_that_is_down_with_its_next_syn(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_DSR);
	lb_test_expect(0, SYN, TO_PEER SYN_OUT);
	lbt.backends[LB_TEST_PEER].use = API_BACKEND_DOWN;
	lb_test_choose(0, LB_TEST_SECOND);
	lb_test_expect(0, ACK, TO_PEER ACK_OUT);
	lb_test_expect(0, SYN, TO_SECOND SYN_OUT);
	lb_test_stop();
}

static void a_udp_flow_leaves_a_backend_that_is_down_at_once(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_UDP, API_LB_DSR);
	lb_test_expect(0, UDP, TO_PEER UDP_OUT);
	lb_test_choose(0, LB_TEST_SECOND);
	lb_test_expect(0, UDP, TO_PEER UDP_OUT);
	lbt.backends[LB_TEST_PEER].use = API_BACKEND_DRAINING;
	lb_test_expect(0, UDP, TO_PEER UDP_OUT);
	lbt.backends[LB_TEST_PEER].use = API_BACKEND_DOWN;
	lb_test_expect(0, UDP, TO_SECOND UDP_OUT);
	assert_int_equal(lb_test_flows(), 1);
	lb_test_stop();
}

static void a_flow_ends_with_its_service(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_DSR);
	lb_test_expect(0, SYN, TO_PEER SYN_OUT);
	lb_test_expect(0, ACK, TO_PEER ACK_OUT);
	lbt.backends[LB_TEST_PEER].service_gone = true;
	lb_test_choose(0, LB_TEST_SECOND);
	lb_test_expect(0, ACK, TO_SECOND ACK_OUT);
	assert_int_equal(lb_test_backend_counter(LB_TEST_PEER, ended_flows), 1);
	lb_test_stop();
}

static void a_flow_that_ends_within_a_burst_is_not_found_again(void **state)
{
	uint8_t frame[FRAME_MAX];
	uint32_t len = frame_build(ACK, frame);

	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_DSR);
	lb_test_expect(0, SYN, TO_PEER SYN_OUT);
	lbt.backends[LB_TEST_PEER].service_gone = true;
	lbt.world.new_flows_per_sec = 0;
	lb_test_choose(0, LB_TEST_SECOND);
	node_clear();
	for (unsigned i = 0; i < 5; i++)
		node_input(0, frame, len);
	node_run();
	assert_int_equal(node_n_output(), 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(node_output(i)->bytes[5], 0xb3);
	assert_int_equal(lb_test_flows(), 0);
	assert_int_equal(lb_test_backend_counter(LB_TEST_PEER, ended_flows), 1);
	lb_test_stop();
}

static void above_the_limits_the_hash_alone_decides(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_DSR);
	lbt.world.new_flows_per_sec = 0;
	lb_test_expect(0, SYN, TO_PEER SYN_OUT);
	lb_test_expect(0, ACK, TO_PEER ACK_OUT);
	assert_int_equal(lb_test_flows(), 0);
	assert_int_equal(lb_test_service_counter(0, unstored_rate), 2);
	lb_test_stop();
}

/* Opens connections from ports that @first counts up to until @enough are open. */
static void flood(unsigned n)
{
	char text[128];

	for (unsigned i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "eth ip4{dst=" VIP "} tcp{sport=%u,dport=80,flags=2}",
			2000 + i);
		lb_test_send(0, text);
	}
}

static void a_full_table_balances_by_the_hash_alone(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER "\n  flows: 1000"), IPPROTO_TCP, API_LB_DSR);
	lb_test_expect(0, SYN, TO_PEER SYN_OUT);
	lb_test_choose(0, LB_TEST_SECOND);
	flood(1500);
	assert_true(lb_test_service_counter(0, unstored_full) > 0);
	assert_int_equal(lb_test_service_counter(0, unstored_full) + lb_test_flows(), 1501);
	/* The flood has pushed nobody out. */
	lb_test_expect(0, ACK, TO_PEER ACK_OUT);
	lb_test_stop();
}

static void nat_translates_both_ways(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_NAT);
	lb_test_expect(0, SYN, NAT_SYN_OUT);
	lb_test_expect(1, SYNACK_IN, SYNACK_OUT);
	lb_test_expect(0, ACK, NAT_ACK_OUT);
	lb_test_expect(1,
		FROM_PEER "ip4{src=peer,dst=" POOL ",hex=01010101} "
			  "tcp{sport=8080,dport=1024,flags=16} raw{hex=68656c6c6f}",
		TO_HOST "ip4{src=" VIP ",dst=host,ttl=63,hex=01010101} "
			"tcp{sport=80,dport=1000,flags=16} raw{hex=68656c6c6f}");
	assert_int_equal(lb_test_backend_counter(0, pkts), 2);
	assert_int_equal(lb_test_backend_counter(0, reply_pkts), 2);
	assert_int_equal(lb_test_backend_counter(0, reply_bytes), 40 + 49);
	assert_int_equal(lb_test_backend_counter(0, refused), 0);
	lb_test_stop();
}

static void nat_leaves_datagrams_without_a_checksum_without_one(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_UDP, API_LB_NAT);
	lb_test_expect(0, "eth ip4{dst=" VIP "} udp{sport=1000,dport=80,csum=0} raw{hex=01}",
		TO_PEER "ip4{src=" POOL ",dst=peer,ttl=63} udp{sport=1024,dport=8080,csum=0} "
			"raw{hex=01}");
	lb_test_expect(0, UDP,
		TO_PEER "ip4{src=" POOL ",dst=peer,ttl=63} udp{sport=1024,dport=8080} "
			"raw{hex=0102}");
	lb_test_expect(1, FROM_PEER "ip4{src=peer,dst=" POOL "} udp{sport=8080,dport=1024,csum=0}",
		TO_HOST "ip4{src=" VIP ",dst=host,ttl=63} udp{sport=80,dport=1000,csum=0}");
	lb_test_stop();
}

static void fragments_of_a_translated_datagram_share_a_new_identification(void **state)
{
	uint16_t ids[2];
	unsigned n;

	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_UDP, API_LB_NAT);
	node_clear();
	/* The later one first: it waits. */
	lb_test_send(0, "eth ip4{id=9,off=3,next=17,dst=" VIP "} raw{hex=0102030405}");
	assert_int_equal(node_n_output(), 0);
	lb_test_send(0, "eth ip4{id=9,mf=1,dst=" VIP "} udp{sport=1000,dport=80,len=29} pad{16}");
	n = node_n_output();
	assert_int_equal(n, 2);
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *l3 = node_output(i)->bytes + 14;
		struct ip_addr pool = lb_test_addr(POOL), peer = lb_test_addr("198.51.100.2");

		memcpy(&ids[i], l3 + 4, 2);
		assert_memory_equal(l3 + 12, pool.bytes, 4);
		assert_memory_equal(l3 + 16, peer.bytes, 4);
		assert_int_equal(checksum_ip4_header(l3, 5), 0);
	}
	assert_int_equal(ids[0], ids[1]);
	node_check_accounts();
	lb_test_stop();
}

static void only_the_backend_may_answer(void **state)
{
	static const struct {
		const char *frame;
		enum drop_reason reason;
	} cases[] = {
		{FROM_PEER "ip4{src=198.51.100.3,dst=" POOL "} tcp{sport=8080,dport=1024}",
			DROP_lb_nat_stranger},
		{FROM_PEER "ip4{src=peer,dst=" POOL "} tcp{sport=8081,dport=1024}",
			DROP_lb_nat_stranger},
		{FROM_PEER "ip4{src=peer,dst=" POOL "} tcp{sport=8080,dport=1025}",
			DROP_lb_nat_no_flow},
		{FROM_PEER "ip4{src=peer,dst=" POOL "} udp{sport=8080,dport=1024}",
			DROP_lb_nat_no_flow},
		{FROM_PEER "ip4{src=peer,dst=203.0.113.201} tcp{sport=8080,dport=1024}",
			DROP_lb_nat_no_flow},
		{FROM_PEER "ip4{src=peer,dst=" POOL "} tcp{sport=8080,dport=0}",
			DROP_lb_nat_no_flow},
		{FROM_PEER "ip4{src=peer,dst=" POOL "} tcp{sport=8080,dport=1024} short{1}",
			DROP_ip4_bad_length},
		{FROM_PEER "ip4{src=peer,dst=" POOL "} tcp{sport=8080,dport=1024,words=15}",
			DROP_l4_bad_header},
		{FROM_PEER "ip4{src=peer,dst=" POOL ",next=6} raw{hex=1f900400}", DROP_lb_runt},
	};

	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_NAT);
	lb_test_expect(0, SYN, NAT_SYN_OUT);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		lb_test_expect_drop(1, cases[i].frame, cases[i].reason, 0);
	assert_int_equal(lb_test_service_drop(0, lb_nat_stranger), 2);
	lb_test_expect(1, SYNACK_IN, SYNACK_OUT);
	lb_test_stop();
}

static void nat_refuses_what_it_cannot_store(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER "\n  flows: 1000"), IPPROTO_TCP, API_LB_NAT);
	lbt.world.new_flows_per_sec = 0;
	lb_test_expect_drop(0, SYN, DROP_lb_new_flow_limit, 0);
	lbt.world.new_flows_per_sec = 1000000;
	node_advance(NSEC_PER_SEC);
	lbt.world.n_pool4 = 0;
	lb_test_expect_drop(0, SYN, DROP_lb_nat_exhausted, 0);
	lbt.world.n_pool4 = LB_TEST_POOL_SIZE;
	lb_test_publish();
	assert_int_equal(lb_test_service_drop(0, lb_new_flow_limit), 1);
	assert_int_equal(lb_test_service_drop(0, lb_nat_exhausted), 1);
	assert_int_equal(lb_test_flows(), 0);
	node_clear();
	flood(1500);
	assert_true(node_drops(DROP_lb_table_full) > 0);
	assert_int_equal(node_drops(DROP_lb_table_full) + lb_test_flows(), 1500);
	assert_int_equal(lb_test_service_drop(0, lb_table_full), node_drops(DROP_lb_table_full));
	lb_test_stop();
}

static void nat_answers_a_segment_without_a_flow_with_a_reset(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_NAT);
	lb_test_expect_drop(0, ACK, DROP_tcp_refused, 1);
	assert_int_equal(node_output(0)->bytes[14 + 20 + 13] & LB_TCP_RST, LB_TCP_RST);
	assert_int_equal(lb_test_flows(), 0);
	lb_test_stop();
}

static void a_refused_connection_is_evidence_and_ends_its_flow(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_NAT);
	lb_test_expect(0, SYN, NAT_SYN_OUT);
	lb_test_expect(1, RST_IN, RST_OUT);
	assert_int_equal(lb_test_backend_counter(LB_TEST_PEER, refused), 1);
	lb_test_choose(0, LB_TEST_SECOND);
	/* The next attempt from the same port is another flow, with another port of the pool. */
	lb_test_expect(0, SYN,
		TO_SECOND "ip4{src=203.0.113.201,dst=198.51.100.3,ttl=63} "
			  "tcp{sport=1024,dport=8080,flags=2}");
	lb_test_stop();
}

static void a_client_may_give_up_before_any_answer(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_NAT);
	lb_test_expect(0, SYN, NAT_SYN_OUT);
	lb_test_expect(0, "eth ip4{dst=" VIP "} tcp{sport=1000,dport=80,flags=4}",
		TO_PEER "ip4{src=" POOL ",dst=peer,ttl=63} tcp{sport=1024,dport=8080,flags=4}");
	lb_test_expect(0, SYN,
		TO_PEER "ip4{src=203.0.113.201,dst=peer,ttl=63} "
			"tcp{sport=1024,dport=8080,flags=2}");
	assert_int_equal(lb_test_backend_counter(LB_TEST_PEER, silent), 1);
	lb_test_stop();
}

static void nobody_establishes_a_flow_that_no_backend_has_answered(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_NAT);
	lb_test_expect(0, SYN, NAT_SYN_OUT);
	lb_test_expect(0, ACK, NAT_ACK_OUT);
	/* Were it established, it would live on with its port. */
	lbt.world.idle_ticks[LB_FLOW_TCP_NEW] = 0;
	node_advance(20 * NSEC_PER_MSEC);
	lb_test_expect(0, SYN,
		TO_PEER "ip4{src=203.0.113.201,dst=peer,ttl=63} "
			"tcp{sport=1024,dport=8080,flags=2}");
	lb_test_stop();
}

static void a_reset_after_an_answer_is_no_refusal(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_NAT);
	lb_test_expect(0, SYN, NAT_SYN_OUT);
	lb_test_expect(1, SYNACK_IN, SYNACK_OUT);
	lb_test_expect(1, RST_IN, RST_OUT);
	assert_int_equal(lb_test_backend_counter(LB_TEST_PEER, refused), 0);
	lb_test_stop();
}

static void a_reply_that_another_worker_gets_is_passed_to_its_owner(void **state)
{
	lb_test_start(LB_CONFIG(LB_TWO_WORKERS), IPPROTO_TCP, API_LB_NAT);
	/* As a device with two queues: port 0 is worker 0's, port 1 worker 1's. */
	for (unsigned i = 0; i < 2; i++)
		for (unsigned q = 0; q < node_worker(i)->n_queues; q++)
			node_worker(i)->queues[q].steer = false;
	node_worker(0)->lb->ports->steered = 0;
	lb_test_expect(0, SYN, NAT_SYN_OUT);
	assert_int_equal(node_worker(0)->lb->flows4.n_flows, 1);
	lb_test_expect(1, SYNACK_IN, SYNACK_OUT);
	assert_int_equal(node_counter(offsetof(struct stats_worker, handoff_in_pkts)) > 0, true);
	lb_test_expect_drop(1,
		FROM_PEER "ip4{src=peer,dst=" POOL "} tcp{sport=8080,dport=1025,flags=18}",
		DROP_lb_nat_no_flow, 0);
	lb_test_stop();
}

static void a_prefix_is_served_on_all_its_addresses_and_ports(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_NAT);
	for (unsigned i = 0; i < LB_TEST_BACKENDS; i++)
		lbt.backends[i].port_be = 0;
	lb_test_expect(0, "eth ip4{dst=203.0.113.64} tcp{sport=1000,dport=22,flags=2}",
		TO_PEER "ip4{src=203.0.113.200,dst=peer,ttl=63} tcp{sport=1024,dport=22,flags=2}");
	lb_test_expect(0, "eth ip4{dst=203.0.113.79} tcp{sport=1000,dport=65535,flags=2}",
		TO_PEER "ip4{src=203.0.113.201,dst=peer,ttl=63} "
			"tcp{sport=1024,dport=65535,flags=2}");
	lb_test_expect(1,
		FROM_PEER "ip4{src=peer,dst=203.0.113.201} tcp{sport=65535,dport=1024,flags=18}",
		TO_HOST "ip4{src=203.0.113.79,dst=host,ttl=63} "
			"tcp{sport=65535,dport=1000,flags=18}");
	lb_test_stop();
}

static void what_is_no_service_is_answered_by_the_node(void **state)
{
	static const struct {
		const char *frame;
		enum drop_reason reason;
		unsigned n_output;
	} cases[] = {
		{"eth ip4{dst=" VIP "} tcp{dport=81,flags=2}", DROP_tcp_refused, 1},
		{"eth ip4{dst=" VIP "} udp{dport=80}", DROP_port_unreachable, 1},
		{"eth ip4{dst=" VIP ",next=47} pad{8}", DROP_protocol_unreachable, 1},
		{"eth ip4{dst=" POOL "} icmp4{type=13}", DROP_icmp4_unhandled, 0},
		{"eth ip4{dst=" VIP ",off=3,next=1} pad{8}", DROP_ip4_local_fragment, 0},
	};

	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_DSR);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		lb_test_expect_drop(0, cases[i].frame, cases[i].reason, cases[i].n_output);
		node_advance(100 * NSEC_PER_MSEC);
	}
	node_clear();
	lb_test_send(0, "eth ip4{dst=" VIP "} icmp4{type=8} pad{10}");
	assert_int_equal(node_n_output(), 1);
	assert_int_equal(node_output(0)->bytes[34], ICMP4_ECHO_REPLY);
	node_clear();
	lb_test_send(0, "eth ip4{dst=" POOL "} icmp4{type=8}");
	assert_int_equal(node_n_output(), 1);
	lb_test_stop();
}

static void a_client_hears_when_there_is_no_way(void **state)
{
	static const uint8_t modes[] = {API_LB_NAT, API_LB_DSR, API_LB_IPIP, API_LB_GUE};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, modes[i]);
		lbt.services[0].table = NULL;
		lb_test_expect_drop(0, SYN, DROP_lb_no_backend, 1);
		assert_int_equal(node_output(0)->bytes[34], ICMP4_UNREACHABLE);
		assert_int_equal(node_output(0)->bytes[35], ICMP4_UNREACHABLE_HOST);
		assert_int_equal(lb_test_service_drop(0, lb_no_backend), 1);
		lb_test_choose(0, LB_TEST_PEER);
		lbt.backends[LB_TEST_PEER].nexthop = 0;
		lb_test_expect_drop(0, SYN, DROP_lb_backend_unreachable, 1);
		assert_int_equal(lb_test_service_drop(0, lb_backend_unreachable), 1);
		assert_int_equal(node_output(0)->bytes[35], ICMP4_UNREACHABLE_HOST);
		assert_int_equal(lb_test_backend_counter(LB_TEST_PEER, pkts), 0);
		lb_test_stop();
	}
}

static void a_way_that_leads_back_to_a_service_ends(void **state)
{
	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_DSR);
	lbt.backends[LB_TEST_PEER].nexthop = lb_test_nexthop(VIP);
	lb_test_expect_drop(0, SYN, DROP_ip4_redirect_loop, 0);
	lb_test_stop();
}

static void the_last_hop_ends_here_with_an_error(void **state)
{
	static const uint8_t modes[] = {API_LB_NAT, API_LB_DSR, API_LB_IPIP, API_LB_GUE};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++) {
		lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, modes[i]);
		lb_test_expect_drop(0,
			"eth ip4{dst=" VIP ",ttl=1} tcp{sport=1000,dport=80,flags=2}",
			DROP_ip4_ttl_exceeded, 1);
		/* Behind dsr it ends in forwarding, where services are not known. */
		assert_int_equal(lb_test_service_drop(0, ip4_ttl_exceeded), modes[i] != API_LB_DSR);
		/* To the client, about what it sent: also where NAT had changed it. */
		assert_int_equal(node_output(0)->port, 0);
		assert_int_equal(node_output(0)->bytes[34], ICMP4_TIME_EXCEEDED);
		assert_int_equal(node_output(0)->bytes[42 + 9], IPPROTO_TCP);
		lb_test_stop();
	}
}

static void broken_packets_are_dropped_before_anything_is_stored(void **state)
{
	static const struct {
		const char *frame;
		enum drop_reason reason;
	} cases[] = {
		{"eth ip4{dst=" VIP "} tcp{dport=80,words=4}", DROP_l4_bad_header},
		{"eth ip4{dst=" VIP "} tcp{dport=80,words=6}", DROP_l4_bad_header},
		{"eth ip4{dst=" VIP ",next=6}", DROP_lb_runt},
		{"eth ip4{dst=" VIP ",next=6} pad{19}", DROP_lb_runt},
		{"eth ip4{dst=" VIP ",next=17} pad{7}", DROP_lb_runt},
		{"eth ip4{dst=" VIP ",hex=01010101,next=17} pad{7}", DROP_lb_runt},
		{"eth ip4{dst=" VIP "} udp{dport=80,len=9}", DROP_l4_bad_header},
		{"eth ip4{dst=" POOL ",next=6} pad{3}", DROP_lb_runt},
		{"eth ip4{dst=" VIP ",mf=1,next=6} pad{16}", DROP_lb_fragment_bad},
		{"eth ip4{dst=" VIP ",next=6} raw{hex=03e80050} trail{16}", DROP_lb_runt},
	};

	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_NAT);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		lb_test_expect_drop(0, cases[i].frame, cases[i].reason, 0);
	assert_int_equal(lb_test_flows(), 0);
	lb_test_stop();
}

/* Many clients at once: batches of old and new flows, replies and broken packets in one lane. */
static void a_mixed_burst_is_sorted(void **state)
{
	uint8_t frame[FRAME_MAX];
	char text[160];

	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_NAT);
	lb_test_expect(0, SYN, NAT_SYN_OUT);
	node_clear();
	for (unsigned i = 0; i < 300; i++) {
		if (i % 5 == 0)
			snprintf(text, sizeof(text), SYNACK_IN);
		else if (i % 5 == 1)
			snprintf(text, sizeof(text), "eth ip4{dst=" VIP ",next=6} pad{8}");
		else if (i % 5 == 2)
			snprintf(text, sizeof(text), ACK);
		else
			snprintf(text, sizeof(text),
				"eth ip4{dst=" VIP "} tcp{sport=%u,dport=80,flags=2}",
				2000 + i / 10);
		node_input(i % 5 == 0 ? 1 : 0, frame, frame_build(text, frame));
	}
	node_run();
	assert_int_equal(node_drops(DROP_lb_runt), 60);
	assert_int_equal(node_n_output(), 240);
	assert_int_equal(lb_test_flows(), 31);
	node_check_accounts();
	lb_test_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dsr_packet_leaves_as_it_is_for_its_backend),
		cmocka_unit_test(a_flow_keeps_its_backend_when_the_table_changes),
		cmocka_unit_test(a_segment_without_a_flow_gets_one_by_the_hash),
		cmocka_unit_test(a_syn_begins_a_new_flow_after_the_end_of_the_old),
		cmocka_unit_test(a_syn_begins_a_new_flow_when_the_old_was_idle),
		cmocka_unit_test(a_flow_leaves_a_backend_that_is_down_with_its_next_syn),
		cmocka_unit_test(a_udp_flow_leaves_a_backend_that_is_down_at_once),
		cmocka_unit_test(a_flow_ends_with_its_service),
		cmocka_unit_test(a_flow_that_ends_within_a_burst_is_not_found_again),
		cmocka_unit_test(above_the_limits_the_hash_alone_decides),
		cmocka_unit_test(a_full_table_balances_by_the_hash_alone),
		cmocka_unit_test(nat_translates_both_ways),
		cmocka_unit_test(nat_leaves_datagrams_without_a_checksum_without_one),
		cmocka_unit_test(fragments_of_a_translated_datagram_share_a_new_identification),
		cmocka_unit_test(only_the_backend_may_answer),
		cmocka_unit_test(nat_refuses_what_it_cannot_store),
		cmocka_unit_test(nat_answers_a_segment_without_a_flow_with_a_reset),
		cmocka_unit_test(a_refused_connection_is_evidence_and_ends_its_flow),
		cmocka_unit_test(a_client_may_give_up_before_any_answer),
		cmocka_unit_test(nobody_establishes_a_flow_that_no_backend_has_answered),
		cmocka_unit_test(a_reset_after_an_answer_is_no_refusal),
		cmocka_unit_test(a_reply_that_another_worker_gets_is_passed_to_its_owner),
		cmocka_unit_test(a_prefix_is_served_on_all_its_addresses_and_ports),
		cmocka_unit_test(what_is_no_service_is_answered_by_the_node),
		cmocka_unit_test(a_client_hears_when_there_is_no_way),
		cmocka_unit_test(a_way_that_leads_back_to_a_service_ends),
		cmocka_unit_test(the_last_hop_ends_here_with_an_error),
		cmocka_unit_test(broken_packets_are_dropped_before_anything_is_stored),
		cmocka_unit_test(a_mixed_burst_is_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
