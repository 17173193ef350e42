/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors about flows: what is read of them, who gets them, and the very bytes that leave. One
 * thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/lb/lb_drop.h"
#include "dataplane/lb/lb_icmp.h"
#include "dataplane/link/link.h"
#include "tests/unit/lb_stages.h"

/* What a router says about a packet from a VIP to a client. */
#define OUTER4 "eth ip4{src=10.0.0.9,dst=203.0.113.10} "
#define OUTER6 "eth ip6{src=2001:db8:c::9,dst=2001:db8:a::10} "
#define INNER4 "ip4{src=203.0.113.10,dst=10.1.2.3,ttl=7"
#define INNER6 "ip6{src=2001:db8:a::10,dst=2001:db8:c::3,hop=7"

static struct worker *w0;

static int start(void **state)
{
	stages_start(STAGES_CONFIG("[0]"));
	w0 = node_worker(0);
	return 0;
}

static int start_two(void **state)
{
	stages_start(STAGES_CONFIG("[0, 1]"));
	w0 = node_worker(0);
	return 0;
}

static int stop(void **state)
{
	stages_stop();
	return 0;
}

static void run(const char *text)
{
	stages_run_text(w0, STAGE_lb_icmp, text);
}

/* The address and port of NAT number @nat as text for frame_build. */
static const char *pool_text(uint32_t nat)
{
	static char text[IPADDR_TEXT_MAX];

	return ip_addr_format_host(&stages.pool[nat >> 16].addr, text);
}

/* Checks that the only packet of lane @s is, from layer 3 on, what @text describes; it ends. */
static void expect(enum stage s, uint16_t nexthop, const char *text)
{
	uint8_t frame[FRAME_MAX];
	uint32_t len = frame_build(text, frame);
	struct rte_mbuf *m;

	assert_int_equal(stages_n(w0, s), 1);
	m = stages_take(w0, s);
	assert_int_equal(m->data_len, len);
	assert_memory_equal(stages_l3(m), frame + 14, len - 14);
	assert_int_equal(pkt_of(m)->nexthop, nexthop);
	stages_end(w0, m);
}

static uint16_t way_to(const char *address)
{
	struct ip_addr a = stages_addr(address);

	return stages_lookup(a.bytes, a.family);
}

static const struct {
	enum stages_service service;
	const char *before, *after; /* %1$s: pool address, %2$u: pool port */
} to_clients[] = {
	{STAGES_NAT4,
		OUTER4 "icmp4{type=3,code=4,info=1400} " INNER4 "} "
		       "tcp{sport=80,dport=40000,seq=77} pad{30}",
		"eth ip4{src=10.0.0.9,dst=198.51.100.21} icmp4{type=3,code=4,info=1400} "
		"ip4{src=198.51.100.21,dst=%1$s,ttl=7} "
		"tcp{sport=8080,dport=%2$u,seq=77} pad{30}"},
	{STAGES_NAT4,
		OUTER4 "icmp4{type=11,info=0} " INNER4 ",next=6,len=1500} "
		       "raw{hex=00509c4000000001}",
		"eth ip4{src=10.0.0.9,dst=198.51.100.21} icmp4{type=11,info=0} "
		"ip4{src=198.51.100.21,dst=%1$s,ttl=7,next=6,len=1500} "
		"raw{hex=1f90%2$04x00000001}"},
	{STAGES_NAT4,
		"eth ip4{src=10.0.0.9,dst=203.0.113.10,words=6,hex=01010101} "
		"icmp4{type=12,info=0x14000000} " INNER4 ",words=6,hex=01010101} "
		"tcp{sport=80,dport=40000,words=6,hex=01010101}",
		"eth ip4{src=10.0.0.9,dst=198.51.100.21,words=6,hex=01010101} "
		"icmp4{type=12,info=0x14000000} "
		"ip4{src=198.51.100.21,dst=%1$s,ttl=7,words=6,hex=01010101} "
		"tcp{sport=8080,dport=%2$u,words=6,hex=01010101}"},
	/* The client itself has another address for the backend. */
	{STAGES_NAT4_UDP,
		"eth ip4{src=10.1.2.3,dst=203.0.113.10} icmp4{type=3,code=3,info=0} " INNER4
		"} udp{sport=5353,dport=40000} pad{9}",
		"eth ip4{src=%1$s,dst=198.51.100.21} icmp4{type=3,code=3,info=0} "
		"ip4{src=198.51.100.21,dst=%1$s,ttl=7} udp{sport=53,dport=%2$u} pad{9}"},
	/* No checksum stays none. */
	{STAGES_NAT4_UDP,
		OUTER4 "icmp4{type=3,code=1,info=0} " INNER4
		       "} udp{sport=5353,dport=40000,csum=0} pad{9}",
		"eth ip4{src=10.0.0.9,dst=198.51.100.21} icmp4{type=3,code=1,info=0} "
		"ip4{src=198.51.100.21,dst=%1$s,ttl=7} "
		"udp{sport=53,dport=%2$u,csum=0} pad{9}"},
	{STAGES_NAT6,
		OUTER6 "icmp6{type=2,info=1400} " INNER6 "} "
		       "tcp{sport=80,dport=40000,seq=77} pad{30}",
		"eth ip6{src=2001:db8:c::9,dst=2001:db8:1::21} icmp6{type=2,info=1400} "
		"ip6{src=2001:db8:1::21,dst=%1$s,hop=7} "
		"tcp{sport=8080,dport=%2$u,seq=77} pad{30}"},
	{STAGES_NAT6,
		"eth ip6{src=2001:db8:c::9,dst=2001:db8:a::10} opts{hex=010400000000} "
		"icmp6{type=3,info=0} " INNER6 ",len=1400} "
		"opts{next=6,hex=010400000000} raw{hex=00509c4000000001}",
		"eth ip6{src=2001:db8:c::9,dst=2001:db8:1::21} opts{hex=010400000000} "
		"icmp6{type=3,info=0} ip6{src=2001:db8:1::21,dst=%1$s,hop=7,len=1400} "
		"opts{next=6,hex=010400000000} raw{hex=1f90%2$04x00000001}"},
	{STAGES_NAT6_UDP,
		"eth ip6{src=2001:db8:c::3,dst=2001:db8:a::10} "
		"icmp6{type=1,code=4,info=0} " INNER6 "} udp{sport=5353,dport=40000} pad{8}",
		"eth ip6{src=%1$s,dst=2001:db8:1::21} icmp6{type=1,code=4,info=0} "
		"ip6{src=2001:db8:1::21,dst=%1$s,hop=7} udp{sport=53,dport=%2$u} pad{8}"},
};

static void errors_about_packets_to_clients_are_translated(void **state)
{
	uint32_t nats[STAGES_SERVICES] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(to_clients); i++) {
		enum stages_service s = to_clients[i].service;
		bool is_ip6 = s >= STAGES_NAT6;
		char text[400];

		if (nats[s] == 0)
			nats[s] = stages_flow_add(w0, s);
		run(to_clients[i].before);
		snprintf(text, sizeof(text), to_clients[i].after, pool_text(nats[s]),
			nats[s] & 0xffff);
		expect(is_ip6 ? STAGE_ip6_forward : STAGE_ip4_forward, stages.backends[s].nexthop,
			text);
	}
	node_check_accounts();
}

static const struct {
	enum stages_service service;
	const char *before, *after; /* before: %1$s: pool address, %2$u: pool port */
} to_backends[] = {
	{STAGES_NAT4,
		"eth ip4{src=198.51.100.77,dst=%1$s} icmp4{type=3,code=4,info=1400} "
		"ip4{src=%1$s,dst=198.51.100.21,ttl=7} "
		"tcp{sport=%2$u,dport=8080,seq=77} pad{31}",
		"eth ip4{src=198.51.100.77,dst=10.1.2.3} icmp4{type=3,code=4,info=1400} "
		"ip4{src=10.1.2.3,dst=203.0.113.10,ttl=7} "
		"tcp{sport=40000,dport=80,seq=77} pad{31}"},
	/* The backend's own address is not the client's business. */
	{STAGES_NAT4_UDP,
		"eth ip4{src=198.51.100.21,dst=%1$s} icmp4{type=3,code=3,info=0} "
		"ip4{src=%1$s,dst=198.51.100.21,ttl=7} udp{sport=%2$u,dport=53} pad{5}",
		"eth ip4{src=203.0.113.10,dst=10.1.2.3} icmp4{type=3,code=3,info=0} "
		"ip4{src=10.1.2.3,dst=203.0.113.10,ttl=7} "
		"udp{sport=40000,dport=5353} pad{5}"},
	{STAGES_NAT6,
		"eth ip6{src=2001:db8:1::77,dst=%1$s} icmp6{type=2,info=1400} "
		"ip6{src=%1$s,dst=2001:db8:1::21,hop=7} "
		"tcp{sport=%2$u,dport=8080,seq=77} pad{31}",
		"eth ip6{src=2001:db8:1::77,dst=2001:db8:c::3} icmp6{type=2,info=1400} "
		"ip6{src=2001:db8:c::3,dst=2001:db8:a::10,hop=7} "
		"tcp{sport=40000,dport=80,seq=77} pad{31}"},
	{STAGES_NAT6,
		"eth ip6{src=2001:db8:1::21,dst=%1$s} icmp6{type=1,code=1,info=0} "
		"ip6{src=%1$s,dst=2001:db8:1::21,hop=7,next=6} raw{hex=%2$04x1f9000000001}",
		"eth ip6{src=2001:db8:a::10,dst=2001:db8:c::3} icmp6{type=1,code=1,info=0} "
		"ip6{src=2001:db8:c::3,dst=2001:db8:a::10,hop=7,next=6} "
		"raw{hex=9c40005000000001}"},
	/* What speaks only for its link is heard beyond it under the VIP's name. */
	{STAGES_NAT6,
		"eth ip6{src=fe80::21,dst=%1$s} icmp6{type=3,info=0} "
		"ip6{src=%1$s,dst=2001:db8:1::21,hop=7,next=6} raw{hex=%2$04x1f9000000001}",
		"eth ip6{src=2001:db8:a::10,dst=2001:db8:c::3} icmp6{type=3,info=0} "
		"ip6{src=2001:db8:c::3,dst=2001:db8:a::10,hop=7,next=6} "
		"raw{hex=9c40005000000001}"},
};

static void errors_about_packets_to_backends_are_translated(void **state)
{
	uint32_t nats[STAGES_SERVICES] = {0};

	for (size_t i = 0; i < ARRAY_SIZE(to_backends); i++) {
		enum stages_service s = to_backends[i].service;
		bool is_ip6 = s >= STAGES_NAT6;
		char text[400];

		if (nats[s] == 0)
			nats[s] = stages_flow_add(w0, s);
		snprintf(text, sizeof(text), to_backends[i].before, pool_text(nats[s]),
			nats[s] & 0xffff);
		run(text);
		expect(is_ip6 ? STAGE_ip6_forward : STAGE_ip4_forward,
			way_to(is_ip6 ? "2001:db8:c::3" : "10.1.2.3"), to_backends[i].after);
	}
	node_check_accounts();
}

static void errors_go_to_the_backend_unchanged_where_packets_do(void **state)
{
	static const char *const before[] = {
		OUTER4 "icmp4{type=3,code=4,info=1400} " INNER4
		       "} udp{sport=53,dport=40000} pad{9}",
		OUTER6 "icmp6{type=2,info=1400} " INNER6 "} udp{sport=53,dport=40000} pad{9}",
	};

	/* Once by the flow's backend, which is not the one that the hash gives, and then by it. */
	for (unsigned known = 0; known < 2; known++) {
		if (known == 0) {
			stages.backends[30] = stages.backends[STAGES_DSR4];
			stages.backends[30].nexthop = stages.backends[STAGES_NAT4].nexthop;
			stages.backends[60] = stages.backends[STAGES_DSR6];
			stages.backends[60].nexthop = stages.backends[STAGES_NAT6].nexthop;
			for (unsigned i = 0; i < MAGLEV_SIZE; i++) {
				stages.tables[STAGES_DSR4][i] = 30;
				stages.tables[STAGES_DSR6][i] = 60;
			}
		} else {
			stages_flow_add(w0, STAGES_DSR4);
			stages_flow_add(w0, STAGES_DSR6);
		}
		run(before[0]);
		expect(STAGE_ip4_forward,
			stages.backends[known ? STAGES_DSR4 : STAGES_NAT4].nexthop, before[0]);
		run(before[1]);
		expect(STAGE_ip6_forward,
			stages.backends[known ? STAGES_DSR6 : STAGES_NAT6].nexthop, before[1]);
	}
	node_check_accounts();
}

static const struct {
	const char *text;
	enum drop_reason reason;
} refused[] = {
	{OUTER4 "icmp4{type=3} " INNER4 "} icmp4{type=8}", DROP_lb_icmp_bad},
	{OUTER4 "icmp4{type=3} " INNER4 "} icmp4{type=3} ip4 udp", DROP_lb_icmp_bad},
	{OUTER4 "icmp4{type=3,csum=1} " INNER4 "} tcp{sport=80,dport=40000}", DROP_lb_icmp_bad},
	{OUTER4 "icmp4{type=3}", DROP_lb_icmp_bad},
	{OUTER4 "icmp4{type=3} pad{19}", DROP_lb_icmp_bad},
	{OUTER4 "icmp4{type=3} " INNER4 ",next=6}", DROP_lb_icmp_bad},
	{OUTER4 "icmp4{type=3} " INNER4 ",next=6} raw{hex=00509c40000000}", DROP_lb_icmp_bad},
	{OUTER4 "icmp4{type=3} " INNER4 ",next=6,words=7} raw{hex=00509c4000000000}",
		DROP_lb_icmp_bad},
	{OUTER4 "icmp4{type=3} " INNER4 ",next=6,words=4} raw{hex=00509c4000000000}",
		DROP_lb_icmp_bad},
	{OUTER4 "icmp4{type=3} " INNER4 ",ver=6} tcp{sport=80,dport=40000}", DROP_lb_icmp_bad},
	{OUTER4 "icmp4{type=3} " INNER4 ",off=1,next=6} raw{hex=00509c4000000000}",
		DROP_lb_icmp_bad},
	{OUTER4 "icmp4{type=3} ip4{src=203.0.113.11,dst=10.1.2.3} tcp{sport=80,dport=40000}",
		DROP_lb_icmp_bad},
	{OUTER4 "icmp4{type=4} " INNER4 "} tcp{sport=80,dport=40000}", DROP_icmp4_unhandled},
	{OUTER4 "icmp4{type=5} " INNER4 "} tcp{sport=80,dport=40000}", DROP_icmp4_unhandled},
	{OUTER4 "icmp4{type=3} " INNER4 "} tcp{sport=81,dport=40000}", DROP_lb_icmp_no_flow},
	{OUTER4 "icmp4{type=3} " INNER4 "} tcp{sport=80,dport=40001}", DROP_lb_icmp_no_flow},
	{OUTER4 "icmp4{type=3} " INNER4 "} udp{sport=80,dport=40000}", DROP_lb_icmp_no_flow},
	{"eth ip4{src=10.0.0.9,dst=198.51.100.2} icmp4{type=3} "
	 "ip4{src=198.51.100.2,dst=10.1.2.3} tcp{sport=80,dport=40000}",
		DROP_lb_icmp_no_flow},
	{"eth ip4{src=198.51.100.21,dst=203.0.113.201} icmp4{type=3} "
	 "ip4{src=203.0.113.201,dst=198.51.100.21} tcp{sport=80,dport=8080}",
		DROP_lb_icmp_no_flow},
	{"eth ip4{src=198.51.100.21,dst=203.0.113.201} icmp4{type=3} "
	 "ip4{src=203.0.113.201,dst=198.51.100.21} tcp{sport=60000,dport=8080}",
		DROP_lb_icmp_no_flow},
	{OUTER6 "icmp6{type=1} " INNER6 "} icmp6{type=1} ip6", DROP_lb_icmp_bad},
	{OUTER6 "icmp6{type=1,csum=1} " INNER6 "} tcp{sport=80,dport=40000}", DROP_lb_icmp_bad},
	{OUTER6 "icmp6{type=1}", DROP_lb_icmp_bad},
	{OUTER6 "icmp6{type=1} pad{39}", DROP_lb_icmp_bad},
	{OUTER6 "icmp6{type=1} " INNER6 ",next=6} raw{hex=00509c40000000}", DROP_lb_icmp_bad},
	{OUTER6 "icmp6{type=1} " INNER6 "} opts{next=6,len=9} tcp{sport=80,dport=40000}",
		DROP_lb_icmp_bad},
	{OUTER6 "icmp6{type=1} " INNER6 "} frag{off=2,next=6} tcp{sport=80,dport=40000}",
		DROP_lb_icmp_bad},
	{OUTER6 "icmp6{type=1} ip6{src=2001:db8:a::11} tcp{sport=80,dport=40000}",
		DROP_lb_icmp_bad},
	{OUTER6 "icmp6{type=1} " INNER4 "} tcp{sport=80,dport=40000}", DROP_lb_icmp_bad},
	{OUTER6 "icmp6{type=137} " INNER6 "} tcp{sport=80,dport=40000}", DROP_icmp6_unhandled},
	{OUTER6 "icmp6{type=0} " INNER6 "} tcp{sport=80,dport=40000}", DROP_icmp6_unhandled},
	{OUTER6 "icmp6{type=5} " INNER6 "} tcp{sport=80,dport=40000}", DROP_icmp6_unhandled},
	{OUTER6 "icmp6{type=1} " INNER6 "} tcp{sport=80,dport=40001}", DROP_lb_icmp_no_flow},
	{"eth ip6{src=fe80::9,dst=2001:db8:a::10} icmp6{type=1} " INNER6 "} "
	 "udp{sport=53,dport=40000}",
		DROP_ip6_scope},
};

static void errors_that_are_wrong_or_about_nothing_end_for_their_reason(void **state)
{
	stages_flow_add(w0, STAGES_NAT4);
	stages_flow_add(w0, STAGES_NAT6);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		node_clear();
		run(refused[i].text);
		if (node_drop_reason() != refused[i].reason)
			fail_msg("%s: %s", refused[i].text, drop_table[node_drop_reason()].name);
	}
	node_check_accounts();
}

static void an_error_about_a_port_is_believed_only_about_its_backend(void **state)
{
	static const char *const wrong[] = {
		"ip4{src=%s,dst=198.51.100.22} tcp{sport=%u,dport=8080}",
		"ip4{src=%s,dst=198.51.100.21} tcp{sport=%u,dport=8081}",
		"ip4{src=%s,dst=198.51.100.21} udp{sport=%u,dport=8080}",
	};
	uint32_t nat = stages_flow_add(w0, STAGES_NAT4);

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		char text[300];
		int n = snprintf(text, sizeof(text),
			"eth ip4{src=198.51.100.77,dst=%s} icmp4{type=3} ", pool_text(nat));

		snprintf(
			text + n, sizeof(text) - (size_t)n, wrong[i], pool_text(nat), nat & 0xffff);
		run(text);
		assert_int_equal(node_drops(DROP_lb_icmp_no_flow), i + 1);
	}
}

static void a_flow_without_a_way_or_an_address_of_the_pool_gets_none(void **state)
{
	const char *text = OUTER4 "icmp4{type=3} " INNER4 "} tcp{sport=80,dport=40000}";
	uint32_t nat = stages_flow_add(w0, STAGES_NAT4);

	stages.backends[STAGES_NAT4].nexthop = 0;
	run(text);
	assert_int_equal(node_drops(DROP_lb_backend_unreachable), 1);
	assert_int_equal(w0->stats->services[stages.backends[STAGES_NAT4].service]
				 .drops[LB_DROP_lb_backend_unreachable],
		1);
	stages.pool[nat >> 16].life++;
	run(text);
	assert_int_equal(node_drops(DROP_lb_icmp_no_flow), 1);
	stages.pool[nat >> 16].life--;
}

static void an_error_translated_to_the_pool_again_ends(void **state)
{
	uint32_t nat = stages_flow_add(w0, STAGES_NAT4_UDP);
	struct ip_addr mine = stages.pool[nat >> 16].addr;
	char text[300];

	/* A client that claims an address of the pool. */
	memcpy(lb_nat_at(&stages.lb, nat)->client, mine.bytes, 4);
	snprintf(text, sizeof(text),
		"eth ip4{src=198.51.100.77,dst=%1$s} icmp4{type=3} "
		"ip4{src=%1$s,dst=198.51.100.21} udp{sport=%2$u,dport=53}",
		pool_text(nat), nat & 0xffff);
	run(text);
	while (w0->pending)
		pipeline_run(w0);
	assert_int_equal(node_n_output(), 0);
	assert_true(node_drop_reason() != DROP_NONE);
	node_check_accounts();
}

/* Runs worker 0's handed-off packet on worker 1, or the other way round. */
static void deliver(struct worker *from, struct worker *to)
{
	struct rte_mbuf *m = stages_take(from, STAGE_handoff);

	assert_non_null(m);
	assert_int_equal(pkt_of(m)->worker, to->id);
	assert_int_equal(pkt_of(m)->resume, STAGE_lb_icmp);
	lane_put(to, STAGE_lb_icmp, m);
	pipeline_run_stage(to, STAGE_lb_icmp);
	pipeline_run_stage(to, STAGE_drop);
}

static void the_owner_of_a_pool_port_gets_its_errors(void **state)
{
	struct worker *w1 = node_worker(1);
	uint32_t nat = stages_flow_add(w1, STAGES_NAT4);
	char text[300];

	snprintf(text, sizeof(text),
		"eth ip4{src=198.51.100.77,dst=%1$s} icmp4{type=3} "
		"ip4{src=%1$s,dst=198.51.100.21} tcp{sport=%2$u,dport=8080}",
		pool_text(nat), nat & 0xffff);
	run(text);
	deliver(w0, w1);
	assert_int_equal(stages_n(w1, STAGE_ip4_forward), 1);
	stages_flush(w1, STAGE_ip4_forward);
	stages_run_text(w1, STAGE_lb_icmp, text);
	assert_int_equal(stages_n(w1, STAGE_ip4_forward), 1);
	stages_flush(w1, STAGE_ip4_forward);
}

static void where_steer_chose_the_owner_it_is_asked_first_and_then_the_others(void **state)
{
	const char *text = OUTER4 "icmp4{type=3} " INNER4 "} udp{sport=53,dport=40000} pad{9}";
	struct ip_addr client = stages_addr("10.1.2.3"), vip = stages_addr("203.0.113.10");
	uint8_t owner = steer_owner4(w0, ip_addr_v4_be(&vip), ip_addr_v4_be(&client), IPPROTO_UDP,
		STAGES_BE16(53) | (uint32_t)STAGES_BE16(40000) << 16);
	struct worker *mine = node_worker(owner), *other = node_worker(1u - owner);

	/* Nobody has it: the owner, the other, then the hash there. */
	stages_run_text(other, STAGE_lb_icmp, text);
	deliver(other, mine);
	deliver(mine, other);
	assert_int_equal(stages_n(other, STAGE_ip4_forward), 1);
	stages_flush(other, STAGE_ip4_forward);
	/* The other one has it, from before the number of workers changed or by another port. */
	stages_flow_add(other, STAGES_DSR4);
	stages_run_text(mine, STAGE_lb_icmp, text);
	deliver(mine, other);
	assert_int_equal(stages_n(other, STAGE_ip4_forward), 1);
	stages_flush(other, STAGE_ip4_forward);
	/* The owner has it. */
	stages_flow_add(mine, STAGES_DSR4);
	stages_run_text(other, STAGE_lb_icmp, text);
	deliver(other, mine);
	assert_int_equal(stages_n(mine, STAGE_ip4_forward), 1);
	stages_flush(mine, STAGE_ip4_forward);
}

static void behind_devices_with_queues_the_workers_are_asked_in_turn(void **state)
{
	const char *text = OUTER6 "icmp6{type=1} " INNER6 "} tcp{sport=80,dport=40000}";
	struct worker *w1 = node_worker(1);

	w0->lb->ports->steered = w1->lb->ports->steered = 0;
	stages_run_text(w1, STAGE_lb_icmp, text);
	deliver(w1, w0);
	assert_int_equal(node_drops(DROP_lb_icmp_no_flow), 1);
	stages_flow_add(w0, STAGES_NAT6);
	stages_run_text(w1, STAGE_lb_icmp, text);
	deliver(w1, w0);
	assert_int_equal(stages_n(w0, STAGE_ip6_forward), 1);
	stages_flush(w0, STAGE_ip6_forward);
	node_check_accounts();
}

static void the_main_thread_leaves_errors_to_a_worker(void **state)
{
	struct worker *main_worker = node_worker(w0->main_id);
	struct rte_mbuf *m;

	stages_run_text(main_worker, STAGE_lb_icmp,
		OUTER4 "icmp4{type=3} " INNER4 "} tcp{sport=80,dport=40000}");
	m = stages_take(main_worker, STAGE_handoff);
	assert_non_null(m);
	assert_int_equal(pkt_of(m)->worker, 0);
	stages_end(main_worker, m);
}

#define ONE(name) cmocka_unit_test_setup_teardown(name, start, stop)
#define TWO(name) cmocka_unit_test_setup_teardown(name, start_two, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(errors_about_packets_to_clients_are_translated),
		ONE(errors_about_packets_to_backends_are_translated),
		ONE(errors_go_to_the_backend_unchanged_where_packets_do),
		ONE(errors_that_are_wrong_or_about_nothing_end_for_their_reason),
		ONE(an_error_about_a_port_is_believed_only_about_its_backend),
		ONE(a_flow_without_a_way_or_an_address_of_the_pool_gets_none),
		ONE(an_error_translated_to_the_pool_again_ends),
		TWO(the_owner_of_a_pool_port_gets_its_errors),
		TWO(where_steer_chose_the_owner_it_is_asked_first_and_then_the_others),
		TWO(behind_devices_with_queues_the_workers_are_asked_in_turn),
		TWO(the_main_thread_leaves_errors_to_a_worker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
