/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of connections behind NAT when one side closes, when their fragments come to another
 * worker, and when their client cannot be. */
#include <netinet/in.h>

#include "tests/unit/lb_world.h"

#define SYN         "eth ip4{dst=" VIP "} tcp{sport=1000,dport=80,flags=2}"
#define ACK         "eth ip4{dst=" VIP "} tcp{sport=1000,dport=80,flags=16}"
#define NAT_SYN_OUT TO_PEER "ip4{src=" POOL ",dst=peer,ttl=63} tcp{sport=1024,dport=8080,flags=2}"
#define NAT_ACK_OUT TO_PEER "ip4{src=" POOL ",dst=peer,ttl=63} tcp{sport=1024,dport=8080,flags=16}"
#define SYNACK_IN   FROM_PEER "ip4{src=peer,dst=" POOL "} tcp{sport=8080,dport=1024,flags=18}"
#define SYNACK_OUT  TO_HOST "ip4{src=" VIP ",dst=host,ttl=63} tcp{sport=80,dport=1000,flags=18}"

static void an_answer_never_comes_in_as_a_question(void **state)
{
	static const char *const clients[] = {VIP, "203.0.113.64"};
	char in[160];

	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_UDP, API_LB_NAT);
		snprintf(in, sizeof(in),
			"eth ip4{src=%s,dst=" VIP "} udp{sport=80,dport=80} raw{hex=0102}",
			clients[i]);
		lb_test_expect(0, in,
			TO_PEER "ip4{src=" POOL ",dst=peer,ttl=63} udp{sport=1024,dport=8080} "
				"raw{hex=0102}");
		lb_test_expect_drop(1,
			FROM_PEER "ip4{src=peer,dst=" POOL
				  "} udp{sport=8080,dport=1024} raw{hex=0304}",
			DROP_ip4_redirect_loop, 0);
		lb_test_stop();
	}
}

/* RFC 5382 REQ-5: what one side has closed is still a connection. */
static void a_connection_that_one_side_has_closed_goes_on(void **state)
{
	static const struct {
		bool by_backend;
		uint8_t flags;
		bool goes_on;
	} cases[] = {
		{false, 17, true}, /* FIN */
		{true, 17, true},
		{false, 4, false}, /* RST */
		{true, 4, false},
	};
	char frame[160];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_TCP, API_LB_NAT);
		lbt.world.idle_ticks[LB_FLOW_TCP_ESTABLISHED] =
			(uint32_t)(600 * NSEC_PER_SEC >> LB_TICK_SHIFT);
		lb_test_expect(0, SYN, NAT_SYN_OUT);
		lb_test_expect(1, SYNACK_IN, SYNACK_OUT);
		lb_test_expect(0, ACK, NAT_ACK_OUT);
		lb_test_send(1,
			FROM_PEER "ip4{src=peer,dst=" POOL "} tcp{sport=8080,dport=1024,flags=16}");
		snprintf(frame, sizeof(frame),
			cases[i].by_backend ? FROM_PEER "ip4{src=peer,dst=" POOL
							"} tcp{sport=8080,dport=1024,flags=%u}"
					    : "eth ip4{dst=" VIP
					      "} tcp{sport=1000,dport=80,flags=%u}",
			cases[i].flags);
		lb_test_send(cases[i].by_backend, frame);
		node_advance(62 * NSEC_PER_SEC);
		assert_int_equal(lb_test_flows(), cases[i].goes_on);
		if (cases[i].goes_on) {
			lb_test_expect(1, SYNACK_IN, SYNACK_OUT);
			lb_test_expect(0, ACK, NAT_ACK_OUT);
		}
		lb_test_stop();
	}
}

static void a_fragment_finds_the_flow_of_another_worker(void **state)
{
	static const char *const fragments[] = {
		"eth{dst=node2,src=peer} ip4{dst=" VIP ",mf=1,id=7} "
		"tcp{sport=%u,dport=80,flags=16} pad{20}",
		"eth{dst=node2,src=peer} ip4{dst=" VIP ",off=5,id=7,next=6} pad{8}",
	};
	char frame[160];

	lb_test_start(LB_CONFIG(LB_TWO_WORKERS), IPPROTO_TCP, API_LB_NAT);
	/* As a device with two queues: port 0 is worker 0's, port 1 worker 1's. */
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned q = 0; q < node_worker(i)->n_queues; q++)
			node_worker(i)->queues[q].steer = false;
		node_worker(i)->lb->ports->steered = 0;
	}
	lb_test_expect(0, SYN, NAT_SYN_OUT);
	for (size_t i = 0; i < ARRAY_SIZE(fragments); i++) {
		node_clear();
		snprintf(frame, sizeof(frame), fragments[i], 1000);
		lb_test_send(1, frame);
		assert_int_equal(node_n_output(), 1);
		assert_memory_equal(node_output(0)->bytes + 26, "\xcb\x00\x71\xc8", 4);
		node_check_accounts();
	}
	/* Nobody has that one. */
	snprintf(frame, sizeof(frame), fragments[0], 1001);
	lb_test_expect_drop(1, frame, DROP_ip4_local_fragment, 0);
	lb_test_stop();
}

static void errors_to_one_client_leave_those_to_others(void **state)
{
	char frame[160];

	lb_test_start(LB_CONFIG(LB_ONE_WORKER), IPPROTO_UDP, API_LB_NAT);
	for (unsigned i = 0; i < 2 * ICMP_LIMIT_BURST; i++) {
		snprintf(frame, sizeof(frame), "eth ip4{dst=" VIP ",ttl=1} udp{sport=%u,dport=80}",
			1000 + i);
		lb_test_send(0, frame);
	}
	assert_true(node_n_output() >= ICMP_LIMIT_BURST);
	assert_true(node_n_output() < 2 * ICMP_LIMIT_BURST);
	lb_test_expect_drop(0, "eth ip4{src=10.0.0.2,dst=" VIP ",ttl=1} udp{sport=999,dport=80}",
		DROP_ip4_ttl_exceeded, 1);
	lb_test_expect_drop(0,
		"eth ip4{src=10.0.0.3,dst=" VIP ",df=1} udp{sport=999,dport=80} pad{1473}",
		DROP_lb_too_big, 1);
	assert_int_equal(lb_test_service_drop(0, ip4_ttl_exceeded), 2 * ICMP_LIMIT_BURST + 1);
	assert_int_equal(lb_test_service_drop(0, lb_too_big), 1);
	lb_test_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_never_comes_in_as_a_question),
		cmocka_unit_test(a_connection_that_one_side_has_closed_goes_on),
		cmocka_unit_test(a_fragment_finds_the_flow_of_another_worker),
		cmocka_unit_test(errors_to_one_client_leave_those_to_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
