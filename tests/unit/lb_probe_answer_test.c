/* SPDX-License-Identifier: BSD-3-Clause */
/* What answers to health probes mean, true and forged ones, one at a time and in floods. */
#include "dataplane/explain/explain.h"
#include "tests/unit/lb_probe_node.h"

/* One answer of each sort to a question of @kind in @mode. */
struct answer_case {
	const char *addr;
	enum api_lb_mode mode;
	enum api_probe_kind kind;
	enum api_probe_failure result;
	const char *answer;
	const char *response; /* what the node sends then; NULL: nothing */
};

static void check_answer(const struct answer_case *c)
{
	struct api_probe want = probe_node_settings(c->kind);
	const struct stats_probe *r = &probe_results[PROBE_BACKEND];

	print_message("%s\n", c->answer);
	want.expect_bytes = 4;
	memcpy(want.expect, "pong", 4);
	probe_node_start_one(c->addr, c->mode, &want);
	probe_node_wait(2 * PROBE_INTERVAL_NS);
	node_advance(20 * NSEC_PER_MSEC);
	node_clear();
	probe_node_input(0, c->answer);
	assert_int_equal(node_drop_reason(), DROP_NONE);
	assert_int_equal(node_consumed(), 1);
	assert_int_equal(node_n_output(), c->response != NULL);
	if (c->response)
		probe_node_same(node_output(0), c->response);
	assert_int_equal(r->succeeded, c->result == API_PROBE_OK);
	assert_int_equal(r->failed, c->result != API_PROBE_OK);
	assert_int_equal(r->last_failure, c->result);
	assert_int_equal(r->streak, c->result == API_PROBE_OK ? 1 : -1);
	assert_int_equal(r->rtt_us, c->result == API_PROBE_OK ? 20000 : 0);
	/* Once more, it answers nothing. */
	node_clear();
	probe_node_input(0, c->answer);
	assert_int_equal(node_drop_reason(), DROP_lb_probe_stray);
	assert_int_equal(r->succeeded + r->failed, 1);
	node_check_accounts();
	probe_node_stop();
}

static void each_answer_has_its_meaning(void **state)
{
	static const struct answer_case cases[] = {
		{"192.0.2.2", API_LB_NAT, API_PROBE_TCP, API_PROBE_OK,
			FROM4 "tcp{sport=8080,dport=$p,seq=77,ack=$a,flags=18,hex=020405b4}",
			"eth{dst=host,src=node} ip4{id=$i,src=node,dst=host} "
			"tcp{sport=$p,dport=8080,seq=$a,flags=4,win=0}"},
		{"192.0.2.2", API_LB_DSR, API_PROBE_TCP, API_PROBE_OK,
			FROM_VIP4 "tcp{sport=80,dport=$p,seq=77,ack=$a,flags=82}",
			"eth{dst=host,src=node} ip4{id=$i,src=node,dst=203.0.113.16} "
			"tcp{sport=$p,dport=80,seq=$a,flags=4,win=0}"},
		{"192.0.2.2", API_LB_NAT, API_PROBE_TCP, API_PROBE_REFUSED,
			FROM4 "tcp{sport=8080,dport=$p,ack=$a,flags=20}", NULL},
		{"192.0.2.2", API_LB_NAT, API_PROBE_TCP, API_PROBE_REFUSED,
			FROM4 "icmp4{type=3,code=3,info=0}" ASKED4
			      "tcp{sport=$p,dport=8080,seq=$c}",
			NULL},
		{"192.0.2.2", API_LB_NAT, API_PROBE_TCP, API_PROBE_UNREACHABLE,
			"eth ip4{src=192.0.2.99,dst=node} icmp4{type=3,code=1,info=0}" ASKED4
			"tcp{sport=$p,dport=8080,seq=$c}",
			NULL},
		{"192.0.2.2", API_LB_NAT, API_PROBE_UDP, API_PROBE_OK,
			FROM4 "udp{sport=8080,dport=$p,hex=706f6e67}", NULL},
		{"192.0.2.2", API_LB_NAT, API_PROBE_UDP, API_PROBE_OK,
			FROM4 "udp{sport=8080,dport=$p,csum=0,hex=706f6e6721}", NULL},
		{"192.0.2.2", API_LB_NAT, API_PROBE_UDP, API_PROBE_UNEXPECTED,
			FROM4 "udp{sport=8080,dport=$p,hex=706f6e}", NULL},
		{"192.0.2.2", API_LB_NAT, API_PROBE_UDP, API_PROBE_UNEXPECTED,
			FROM4 "udp{sport=8080,dport=$p,hex=706f6e68}", NULL},
		{"192.0.2.2", API_LB_DSR, API_PROBE_UDP, API_PROBE_OK,
			FROM_VIP4 "udp{sport=80,dport=$p,hex=706f6e67}", NULL},
		{"192.0.2.2", API_LB_DSR, API_PROBE_UDP, API_PROBE_REFUSED,
			FROM_VIP4 "icmp4{type=3,code=3,info=0} ip4{src=node,dst=203.0.113.16} "
				  "udp{sport=$p,dport=80}",
			NULL},
		{"192.0.2.2", API_LB_NAT, API_PROBE_UDP, API_PROBE_UNREACHABLE,
			FROM4 "icmp4{type=11,info=0}" ASKED4 "udp{sport=$p,dport=8080}", NULL},
		{"192.0.2.2", API_LB_NAT, API_PROBE_ICMP, API_PROBE_OK,
			FROM4 "icmp4{type=0,info=$e}", NULL},
		{"192.0.2.2", API_LB_DSR, API_PROBE_ICMP, API_PROBE_OK,
			FROM_VIP4 "icmp4{type=0,info=$e}", NULL},
		{"192.0.2.2", API_LB_NAT, API_PROBE_ICMP, API_PROBE_UNREACHABLE,
			FROM4 "icmp4{type=3,code=10,info=0}" ASKED4 "icmp4{info=$e}", NULL},
		{"2001:db8::2", API_LB_NAT, API_PROBE_TCP, API_PROBE_OK,
			FROM6 "tcp{sport=8080,dport=$p,seq=77,ack=$a,flags=18}",
			"eth{dst=host,src=node} ip6{src=node,dst=host} "
			"tcp{sport=$p,dport=8080,seq=$a,flags=4,win=0}"},
		{"2001:db8::2", API_LB_DSR, API_PROBE_TCP, API_PROBE_REFUSED,
			FROM_VIP6 "tcp{sport=80,dport=$p,ack=$a,flags=20}", NULL},
		{"2001:db8::2", API_LB_NAT, API_PROBE_UDP, API_PROBE_OK,
			FROM6 "udp{sport=8080,dport=$p,hex=706f6e67}", NULL},
		{"2001:db8::2", API_LB_NAT, API_PROBE_UDP, API_PROBE_REFUSED,
			FROM6 "icmp6{type=1,code=4,info=0}" ASKED6 "udp{sport=$p,dport=8080}",
			NULL},
		{"2001:db8::2", API_LB_NAT, API_PROBE_TCP, API_PROBE_UNREACHABLE,
			FROM6 "icmp6{type=1,code=3,info=0}" ASKED6
			      "tcp{sport=$p,dport=8080,seq=$c}",
			NULL},
		{"2001:db8::2", API_LB_NAT, API_PROBE_ICMP, API_PROBE_OK,
			FROM6 "icmp6{type=129,info=$e}", NULL},
		{"2001:db8::2", API_LB_DSR, API_PROBE_ICMP, API_PROBE_UNREACHABLE,
			FROM6 "icmp6{type=3,info=0} ip6{src=node,dst=2001:db8:9::10} "
			      "icmp6{info=$e}",
			NULL},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_answer(&cases[i]);
}

/* Forged, mistaken and broken answers: none ends the waiting, and the true one is still heard. */
static void check_forged(const struct answer_case *good, const char *const *forged, size_t n)
{
	struct api_probe want = probe_node_settings(good->kind);

	probe_node_start_one(good->addr, good->mode, &want);
	probe_node_wait(2 * PROBE_INTERVAL_NS);
	for (size_t i = 0; i < n; i++) {
		uint64_t consumed;

		print_message("%s\n", forged[i]);
		node_clear();
		probe_node_input(0, forged[i]);
		assert_int_not_equal(node_drop_reason(), DROP_NONE);
		consumed = node_consumed();
		assert_int_equal(consumed, 0);
		assert_int_equal(node_n_output(), 0);
	}
	assert_int_equal(probe_results[PROBE_BACKEND].failed, 0);
	probe_node_input(0, good->answer);
	assert_int_equal(probe_results[PROBE_BACKEND].succeeded, 1);
	probe_node_stop();
}

static void a_forged_answer_does_not_end_the_waiting(void **state)
{
	static const char *const tcp[] = {
		FROM4 "tcp{sport=8080,dport=$p,ack=$c,flags=18}",
		FROM4 "tcp{sport=8080,dport=$p,ack=$c,flags=20}",
		FROM4 "tcp{sport=8081,dport=$p,ack=$a,flags=18}",
		FROM4 "tcp{sport=8080,dport=64512,ack=$a,flags=18}",
		FROM4 "tcp{sport=8080,dport=$p,ack=$a,flags=16}",
		FROM4 "tcp{sport=8080,dport=$p,ack=$a,flags=4}",
		FROM4 "tcp{sport=8080,dport=$p,ack=$a,flags=2}",
		FROM4 "tcp{sport=8080,dport=$p,ack=$a,flags=18,csum=1}",
		FROM4 "tcp{sport=8080,dport=$p,ack=$a,flags=18,words=6}",
		FROM4 "udp{sport=8080,dport=$p}",
		"eth ip4{src=192.0.2.3,dst=node} tcp{sport=8080,dport=$p,ack=$a,flags=18}",
		"eth ip4{src=host,dst=node2} tcp{sport=8080,dport=$p,ack=$a,flags=18}",
		"eth ip4{src=host,dst=node,mf=1} tcp{sport=8080,dport=$p,ack=$a,flags=18}",
		FROM4 "icmp4{type=3,code=3,info=0}" ASKED4 "tcp{sport=$p,dport=8080,seq=$a}",
		FROM4 "icmp4{type=3,code=3,info=0}" ASKED4 "tcp{sport=$p,dport=8081,seq=$c}",
		FROM4 "icmp4{type=3,code=3,info=0} ip4{src=node,dst=peer} "
		      "tcp{sport=$p,dport=8080,seq=$c}",
		FROM4 "icmp4{type=3,code=3,info=0,csum=1}" ASKED4 "tcp{sport=$p,dport=8080,seq=$c}",
		FROM4 "icmp4{type=3,code=3,info=0}" ASKED4
		      "tcp{sport=$p,dport=8080,seq=$c} short{13}",
		FROM4 "icmp4{type=5,info=0}" ASKED4 "tcp{sport=$p,dport=8080,seq=$c}",
	};
	static const char *const echo[] = {
		FROM4 "icmp4{type=0,info=0xfc00ffff}",
		FROM4 "icmp4{type=0,code=1,info=$e}",
		FROM4 "icmp4{type=0,info=$e,csum=1}",
		"eth ip4{src=192.0.2.3,dst=node} icmp4{type=0,info=$e}",
		FROM4 "udp{sport=0,dport=$p}",
	};

	static const char *const tcp6[] = {
		FROM6 "tcp{sport=8080,dport=$p,ack=$c,flags=18}",
		FROM6 "hbh tcp{sport=8080,dport=$p,ack=$a,flags=20}",
		FROM6 "tcp{sport=8080,dport=$p,ack=$a,flags=18,csum=1}",
		"eth ip6{src=2001:db8::3,dst=node} tcp{sport=8080,dport=$p,ack=$a,flags=18}",
		"eth ip6{src=host,dst=node2} tcp{sport=8080,dport=$p,ack=$a,flags=18}",
		FROM6 "icmp6{type=1,code=4,info=0}" ASKED6 "tcp{sport=$p,dport=8080,seq=$a}",
		FROM6 "icmp6{type=1,code=4,info=0}" ASKED6 "frag tcp{sport=$p,dport=8080,seq=$c}",
		FROM6 "icmp6{type=1,code=4,info=0,csum=1}" ASKED6 "tcp{sport=$p,dport=8080,seq=$c}",
		FROM6 "icmp6{type=1,code=4,info=0}" ASKED6
		      "tcp{sport=$p,dport=8080,seq=$c} short{13}",
	};
	static const struct answer_case good_tcp = {
		.addr = "192.0.2.2",
		.mode = API_LB_NAT,
		.kind = API_PROBE_TCP,
		.answer = FROM4 "tcp{sport=8080,dport=$p,ack=$a,flags=18}",
	};
	static const struct answer_case good_echo = {
		.addr = "192.0.2.2",
		.mode = API_LB_NAT,
		.kind = API_PROBE_ICMP,
		.answer = FROM4 "icmp4{type=0,info=$e}",
	};
	static const struct answer_case good_tcp6 = {
		.addr = "2001:db8::2",
		.mode = API_LB_NAT,
		.kind = API_PROBE_TCP,
		.answer = FROM6 "tcp{sport=8080,dport=$p,ack=$a,flags=18}",
	};

	check_forged(&good_tcp, tcp, ARRAY_SIZE(tcp));
	check_forged(&good_echo, echo, ARRAY_SIZE(echo));
	check_forged(&good_tcp6, tcp6, ARRAY_SIZE(tcp6));
}

/* The main thread sees an answer late; what counts is when a worker got it. */
static void a_busy_main_thread_does_not_make_answers_late(void **state)
{
	struct api_probe want = probe_node_settings(API_PROBE_TCP);
	const struct stats_probe *r = &probe_results[PROBE_BACKEND];
	uint8_t frame[FRAME_MAX];

	for (unsigned late = 0; late < 2; late++) {
		uint32_t len;

		probe_node_start_one("192.0.2.2", API_LB_NAT, &want);
		probe_node_wait(2 * PROBE_INTERVAL_NS);
		node_advance(PROBE_TIMEOUT_NS - 5 * NSEC_PER_MSEC);
		len = probe_node_build(FROM4 "tcp{sport=8080,dport=$p,ack=$a,flags=18}", frame);
		node_input(0, frame, len);
		node_clear();
		/* Now the worker's turn, or only when the time is up; main's turn follows. */
		if (!late)
			worker_turn(node_worker(0));
		node_advance(10 * NSEC_PER_MSEC);
		assert_int_equal(r->succeeded, !late);
		assert_int_equal(r->failed, late);
		assert_int_equal(r->last_failure, late ? API_PROBE_TIMEOUT : API_PROBE_OK);
		assert_int_equal(node_consumed(), 1);
		assert_int_equal(node_n_output(), 1);
		probe_node_stop();
	}
}

/* Answers may reach either of two workers; a flood of what looks like answers reaches only them. */
static void a_flood_does_not_reach_the_main_thread(void **state)
{
	struct api_probe want = probe_node_settings(API_PROBE_TCP);
	const struct stats_stage *on_main;
	uint64_t before;

	probe_node_start(PROBE_NODE2, "203.0.113.16/28", API_LB_NAT);
	probe_node_backend(PROBE_BACKEND, "192.0.2.2");
	lb_probe_configure(PROBE_BACKEND, &want);
	probe_node_publish(&probe_world);
	probe_node_wait(2 * PROBE_INTERVAL_NS);
	on_main = &node_worker(2)->stats->stages[STAGE_lb_probe];
	before = on_main->pkts;
	node_clear();
	for (unsigned i = 0; i < 5000; i++) {
		char text[160];
		uint8_t frame[FRAME_MAX];

		snprintf(text, sizeof(text),
			"eth ip4{src=host,dst=node} tcp{sport=8080,dport=%u,ack=%u,flags=18}",
			64512 + i % 1024, i * 2654435761u);
		node_input((uint16_t)(i % 2), frame, frame_build(text, frame));
	}
	node_run();
	assert_int_equal(node_drops(DROP_lb_probe_stray), 2500);
	assert_int_equal(on_main->pkts, before);
	for (unsigned i = 0; i < 100; i++) {
		uint8_t frame[FRAME_MAX];

		node_input(0, frame,
			probe_node_build(FROM4 "tcp{sport=8080,dport=$p,ack=$a,flags=18}", frame));
	}
	node_run();
	assert_int_equal(on_main->pkts, before + 1);
	assert_int_equal(probe_results[PROBE_BACKEND].succeeded, 1);
	node_check_accounts();
	probe_node_stop();
}

static void an_explained_answer_leaves_the_question_open(void **state)
{
	static struct explain_story story;
	struct api_probe want = probe_node_settings(API_PROBE_UDP);
	struct api_explain req = {
		.interface = "lan",
		.src = probe_node_addr("192.0.2.2"),
		.dst = probe_node_addr("192.0.2.1"),
		.sport = 8080,
		.protocol = 17,
	};

	probe_node_start_one("192.0.2.2", API_LB_NAT, &want);
	probe_node_wait(2 * PROBE_INTERVAL_NS);
	req.dport = be16toh(asked.own_port_be);
	assert_int_equal(explain_run(&req, &story, NULL), 0);
	probe_node_input(0, FROM4 "udp{sport=8080,dport=$p}");
	assert_int_equal(probe_results[PROBE_BACKEND].succeeded, 1);
	probe_node_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_answer_has_its_meaning),
		cmocka_unit_test(an_explained_answer_leaves_the_question_open),
		cmocka_unit_test(a_forged_answer_does_not_end_the_waiting),
		cmocka_unit_test(a_busy_main_thread_does_not_make_answers_late),
		cmocka_unit_test(a_flood_does_not_reach_the_main_thread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
