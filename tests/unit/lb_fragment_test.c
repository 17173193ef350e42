/* SPDX-License-Identifier: BSD-3-Clause */
/* Fragments to services: who follows whom, who waits, limits, identifications. One thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "dataplane/lb/lb_drop.h"
#include "dataplane/lb/lb_fragment.h"
#include "dataplane/link/link.h"
#include "lib/wire/checksum.h"
#include "tests/unit/lb_stages.h"

#define CLIENT4  "src=10.1.2.3,dst=203.0.113.10"
#define CLIENT6  "src=2001:db8:c::3,dst=2001:db8:a::10"
#define BACKEND4 "src=198.51.100.21,dst=203.0.113.201"
#define PORTS    STAGES_BE16(4096) | (uint32_t)STAGES_BE16(53) << 16

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
	stages_run_text(w0, STAGE_lb_fragment, text);
}

/* Whether the oldest packet of lane @s knows @ports and has @bytes from layer 3 on; it ends. */
static bool leaves(enum stage s, uint32_t ports, uint32_t bytes)
{
	struct rte_mbuf *m = stages_take(w0, s);
	bool good;

	if (!m)
		return false;
	good = pkt_of(m)->ports == ports && (pkt_of(m)->flags & PKT_PORTS) &&
	       pkt_of(m)->protocol == IPPROTO_UDP && m->data_len - 14u == bytes;
	stages_end(w0, m);
	return good;
}

/* The identification of the oldest packet of lane @s, whose header checksum is right; it ends. */
static uint32_t id_of_next(enum stage s)
{
	struct rte_mbuf *m = stages_take(w0, s);
	struct lb_fragment f = {0};
	const uint8_t *l3;

	assert_non_null(m);
	l3 = stages_l3(m);
	assert_true(lb_fragment_read(&f, m) <= LB_FRAGMENT_LATER);
	if (f.family == 4)
		assert_int_equal(checksum_ip4_header(l3, l3[0] & 15), 0);
	stages_end(w0, m);
	return f.id;
}

static void later_fragments_get_the_ports_of_the_first(void **state)
{
	run("eth ip4{" CLIENT4 ",id=7,mf=1} udp{dport=53} pad{16}");
	run("eth ip4{" CLIENT4 ",id=7,off=3,mf=1,next=17} pad{24}");
	run("eth ip4{" CLIENT4 ",id=7,off=6,next=17} pad{5}");
	assert_true(leaves(STAGE_lb4, PORTS, 44));
	assert_true(leaves(STAGE_lb4, PORTS, 44));
	assert_true(leaves(STAGE_lb4, PORTS, 25));
	run("eth ip6{" CLIENT6 "} frag{id=7,more=1} udp{dport=53} pad{16}");
	run("eth ip6{" CLIENT6 "} frag{id=7,off=3,next=17} pad{5}");
	assert_true(leaves(STAGE_lb6, PORTS, 72));
	assert_true(leaves(STAGE_lb6, PORTS, 53));
	/* Later fragments may announce the option header that only the first one has. */
	run("eth ip6{" CLIENT6 "} frag{id=8,more=1} opts{hex=010400000000} udp{dport=53}");
	run("eth ip6{" CLIENT6 "} frag{id=8,off=2,next=60} pad{5}");
	assert_true(leaves(STAGE_lb6, PORTS, 64));
	assert_true(leaves(STAGE_lb6, PORTS, 53));
	node_check_accounts();
}

static void other_datagrams_do_not_get_them(void **state)
{
	static const char *const others[] = {
		"eth ip4{" CLIENT4 ",id=8,off=3,next=17} pad{24}",
		"eth ip4{" CLIENT4 ",id=7,off=3,next=6} pad{24}",
		"eth ip4{src=10.1.2.4,dst=203.0.113.10,id=7,off=3,next=17} pad{24}",
		"eth ip4{src=10.1.2.3,dst=203.0.113.11,id=7,off=3,next=17} pad{24}",
		"eth ip6{" CLIENT6 "} frag{id=7,off=3,next=17} pad{5}",
	};

	run("eth ip4{" CLIENT4 ",id=7,mf=1} udp{dport=53} pad{16}");
	stages_flush(w0, STAGE_lb4);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		run(others[i]);
		assert_int_equal(w0->stats->held_pkts, i + 1);
	}
	assert_int_equal(stages_n(w0, STAGE_lb4) + stages_n(w0, STAGE_lb6), 0);
	node_check_accounts();
}

static void early_fragments_wait_and_leave_in_order_behind_the_first(void **state)
{
	run("eth ip4{" CLIENT4 ",id=7,off=6,next=17} pad{5}");
	run("eth ip4{" CLIENT4 ",id=7,off=3,mf=1,next=17} pad{24}");
	assert_int_equal(w0->stats->held_pkts, 2);
	node_check_accounts();
	run("eth ip4{" CLIENT4 ",id=7,mf=1} udp{dport=53} pad{16}");
	assert_int_equal(w0->stats->held_pkts, 0);
	assert_true(leaves(STAGE_lb4, PORTS, 44));
	/* They are looked up again: the world may have changed. */
	assert_true(leaves(STAGE_ip4_input, PORTS, 25));
	assert_true(leaves(STAGE_ip4_input, PORTS, 44));
	run("eth ip6{" CLIENT6 "} frag{id=7,off=3,next=17} pad{5}");
	run("eth ip6{" CLIENT6 "} frag{id=7,more=1} udp{dport=53} pad{16}");
	assert_true(leaves(STAGE_lb6, PORTS, 72));
	assert_true(leaves(STAGE_ip6_input, PORTS, 53));
	node_check_accounts();
}

static void fragments_wait_half_a_second_at_most(void **state)
{
	run("eth ip4{" CLIENT4 ",id=7,off=6,next=17} pad{5}");
	node_advance(LB_FRAGMENT_WAIT_NS - 20 * NSEC_PER_MSEC);
	run("eth ip4{" CLIENT4 ",id=8,off=6,next=17} pad{5}");
	run("eth ip4{" CLIENT4 ",id=7,off=3,mf=1,next=17} pad{24}");
	assert_int_equal(w0->stats->held_pkts, 3);
	node_advance(40 * NSEC_PER_MSEC);
	assert_int_equal(node_drops(DROP_lb_fragment_early), 2);
	assert_int_equal(w0->stats->held_pkts, 1);
	node_advance(LB_FRAGMENT_WAIT_NS);
	assert_int_equal(node_drops(DROP_lb_fragment_early), 3);
	assert_int_equal(w0->stats->held_pkts, 0);
	node_check_accounts();
	/* The timer serves those that come later. */
	run("eth ip4{" CLIENT4 ",id=9,off=6,next=17} pad{5}");
	node_advance(LB_FRAGMENT_WAIT_NS + 20 * NSEC_PER_MSEC);
	assert_int_equal(node_drops(DROP_lb_fragment_early), 4);
}

static void a_datagram_is_forgotten_after_two_seconds(void **state)
{
	run("eth ip4{" CLIENT4 ",id=7,mf=1} udp{dport=53} pad{16}");
	stages_flush(w0, STAGE_lb4);
	node_advance(LB_DATAGRAM_LIFE_NS - 10 * NSEC_PER_MSEC);
	run("eth ip4{" CLIENT4 ",id=7,off=3,next=17} pad{24}");
	assert_true(leaves(STAGE_lb4, PORTS, 44));
	node_advance(10 * NSEC_PER_MSEC);
	run("eth ip4{" CLIENT4 ",id=7,off=3,next=17} pad{24}");
	assert_int_equal(stages_n(w0, STAGE_lb4), 0);
	assert_int_equal(w0->stats->held_pkts, 1);
}

static void sixteen_fragments_of_a_datagram_wait(void **state)
{
	for (unsigned i = 0; i < LB_FRAGMENT_DATAGRAM_MAX + 2; i++) {
		char text[100];

		snprintf(text, sizeof(text), "eth ip4{" CLIENT4 ",id=7,off=%u,mf=1,next=17} pad{8}",
			i + 1);
		run(text);
	}
	assert_int_equal(w0->stats->held_pkts, LB_FRAGMENT_DATAGRAM_MAX);
	assert_int_equal(node_drops(DROP_lb_fragment_limit), 2);
	run("eth ip4{" CLIENT4 ",id=7,mf=1} udp{dport=53}");
	assert_int_equal(stages_n(w0, STAGE_ip4_input), LB_FRAGMENT_DATAGRAM_MAX);
	stages_flush(w0, STAGE_ip4_input);
	stages_flush(w0, STAGE_lb4);
	node_check_accounts();
}

static void a_flood_of_later_fragments_fills_the_waiting_room_only(void **state)
{
	run("eth ip4{" CLIENT4 ",id=7,mf=1} udp{dport=53} pad{16}");
	stages_flush(w0, STAGE_lb4);
	for (unsigned i = 0; i < 1000; i++) {
		char text[100];

		snprintf(text, sizeof(text),
			"eth ip4{src=10.9.9.9,dst=203.0.113.10,id=%u,off=3,next=17} pad{8}", i);
		run(text);
	}
	assert_int_equal(w0->stats->held_pkts, LB_FRAGMENT_WAITING_MAX);
	assert_int_equal(node_drops(DROP_lb_fragment_limit), 1000 - LB_FRAGMENT_WAITING_MAX);
	run("eth ip4{" CLIENT4 ",id=7,off=3,next=17} pad{24}");
	assert_true(leaves(STAGE_lb4, PORTS, 44));
	node_check_accounts();
	node_advance(LB_FRAGMENT_WAIT_NS + 20 * NSEC_PER_MSEC);
	assert_int_equal(node_drops(DROP_lb_fragment_early), LB_FRAGMENT_WAITING_MAX);
}

static void the_oldest_datagram_of_a_bucket_gives_way(void **state)
{
	const unsigned n = 2 * LB_DATAGRAMS_MAX;
	unsigned known = 0;

	for (unsigned i = 0; i < n; i++) {
		char text[100];

		w0->now_ns++;
		snprintf(text, sizeof(text), "eth ip4{" CLIENT4 ",id=%u,mf=1} udp{dport=53}", i);
		run(text);
		stages_flush(w0, STAGE_lb4);
	}
	assert_true(w0->stats->evicted_datagrams >= n - LB_DATAGRAMS_MAX);
	for (unsigned i = n - 100; i < n; i++) {
		char text[100];

		snprintf(text, sizeof(text), "eth ip4{" CLIENT4 ",id=%u,off=1,next=17} pad{8}", i);
		run(text);
		known += stages_n(w0, STAGE_lb4);
		stages_flush(w0, STAGE_lb4);
	}
	/* The newest 100 are in 256 buckets of four: hardly any gave way to four that came later.
	 */
	assert_true(known >= 98);
	node_check_accounts();
}

static void waiting_fragments_of_what_gives_way_are_dropped(void **state)
{
	run("eth ip4{" CLIENT4 ",id=7,off=3,next=17} pad{24}");
	for (unsigned i = 0; i < 8 * LB_DATAGRAMS_MAX; i++) {
		char text[100];

		w0->now_ns++;
		snprintf(text, sizeof(text),
			"eth ip4{src=10.9.9.9,dst=203.0.113.10,id=%u,mf=1} udp{dport=53}", i);
		run(text);
		stages_flush(w0, STAGE_lb4);
	}
	assert_int_equal(node_drops(DROP_lb_fragment_limit), 1);
	assert_int_equal(w0->stats->held_pkts, 0);
	node_check_accounts();
}

static const struct {
	const char *text;
	enum drop_reason reason; /* DROP_NONE: it goes to `lane` */
	enum stage lane;
} alone[] = {
	{"eth ip4{" CLIENT4 ",mf=1,next=6} pad{8}", DROP_lb_fragment_bad, 0},
	{"eth ip4{" CLIENT4 ",mf=1,next=6} pad{16}", DROP_lb_fragment_bad, 0},
	{"eth ip4{" CLIENT4 ",mf=1} tcp{dport=80} pad{4}", DROP_NONE, STAGE_lb4},
	{"eth ip4{" CLIENT4 ",mf=1,words=6,hex=01010101} tcp{dport=80} pad{4}", DROP_NONE,
		STAGE_lb4},
	{"eth ip4{" CLIENT4 ",off=1,next=6} pad{16}", DROP_lb_fragment_bad, 0},
	{"eth ip4{" CLIENT4 ",off=2,next=6} pad{16}", DROP_lb_fragment_bad, 0},
	{"eth ip4{" CLIENT4 ",mf=1,next=17} pad{7}", DROP_lb_fragment_bad, 0},
	{"eth ip4{" CLIENT4 ",mf=1,next=1} pad{16}", DROP_NONE, STAGE_ip4_local},
	{"eth ip4{" CLIENT4 ",off=9,next=1} pad{16}", DROP_NONE, STAGE_ip4_local},
	{"eth ip4{" CLIENT4 ",off=9,next=47} pad{16}", DROP_NONE, STAGE_ip4_local},
	{"eth ip4{" CLIENT4 "} udp{dport=53}", DROP_NONE, STAGE_lb4},
	{"eth ip6{" CLIENT6 "} frag{more=1,next=6} pad{16}", DROP_lb_fragment_bad, 0},
	{"eth ip6{" CLIENT6 "} frag{more=1,next=17}", DROP_lb_fragment_bad, 0},
	{"eth ip6{" CLIENT6 "} frag{more=1,next=17} pad{7}", DROP_lb_fragment_bad, 0},
	{"eth ip6{" CLIENT6 "} frag{more=1} opts{next=17,hex=010400000000}", DROP_lb_fragment_bad,
		0},
	{"eth ip6{" CLIENT6 "} frag{off=1,next=6} pad{16}", DROP_lb_fragment_bad, 0},
	{"eth ip6{" CLIENT6 "} frag{off=2,next=6} pad{16}", DROP_lb_fragment_bad, 0},
	{"eth ip6{" CLIENT6 "} frag{more=1} frag{more=1} udp{dport=53}", DROP_lb_fragment_bad, 0},
	{"eth ip6{" CLIENT6 "} frag udp{dport=53}", DROP_NONE, STAGE_lb6},
	{"eth ip6{" CLIENT6 "} opts{hex=010400000000} frag{more=1} udp{dport=53}", DROP_NONE,
		STAGE_lb6},
	{"eth ip6{" CLIENT6 "} frag{more=1,next=58} pad{16}", DROP_NONE, STAGE_ip6_local},
	{"eth ip6{" CLIENT6 "} frag{off=9,next=58} pad{16}", DROP_NONE, STAGE_ip6_local},
	{"eth ip6{" CLIENT6 "} frag{off=9,next=59} pad{16}", DROP_NONE, STAGE_ip6_local},
};

static void tiny_and_overlapping_fragments_are_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(alone); i++) {
		node_clear();
		run(alone[i].text);
		if (node_drop_reason() != alone[i].reason)
			fail_msg("%s: %s", alone[i].text, drop_table[node_drop_reason()].name);
		if (alone[i].reason != DROP_NONE)
			continue;
		if (stages_n(w0, alone[i].lane) != 1)
			fail_msg("%s: not in its lane", alone[i].text);
		stages_flush(w0, alone[i].lane);
		/* What opened a datagram must not be known to the next row. */
		node_advance(LB_DATAGRAM_LIFE_NS);
	}
	node_check_accounts();
}

static void what_overlaps_the_first_ones_header_is_refused_early_and_late(void **state)
{
	/* 32 bytes of TCP header, offset 3 is inside. */
	run("eth ip4{" CLIENT4 ",id=7,off=3,next=6} pad{24}");
	run("eth ip4{" CLIENT4 ",id=7,off=4,next=6} pad{24}");
	run("eth ip4{" CLIENT4 ",id=7,mf=1} tcp{dport=80,words=8,hex=010101010101010101010101}");
	assert_int_equal(node_drops(DROP_lb_fragment_bad), 1);
	assert_int_equal(stages_n(w0, STAGE_ip4_input), 1);
	run("eth ip4{" CLIENT4 ",id=7,off=3,next=6} pad{24}");
	assert_int_equal(node_drops(DROP_lb_fragment_bad), 2);
	/* The ports of the first one say whose they were. */
	assert_int_equal(w0->stats->services[STAGES_NAT4].drops[LB_DROP_lb_fragment_bad], 2);
	/* A header that goes on in the second fragment is split, not overlapped. */
	run("eth ip4{" CLIENT4 ",id=8,mf=1} tcp{dport=80,words=8,hex=01010101}");
	run("eth ip4{" CLIENT4 ",id=8,off=3,next=6} pad{24}");
	assert_int_equal(node_drops(DROP_lb_fragment_bad), 2);
	assert_int_equal(stages_n(w0, STAGE_lb4), 3);
	stages_flush(w0, STAGE_ip4_input);
	stages_flush(w0, STAGE_lb4);
	node_check_accounts();
}

static void a_doubled_first_fragment_changes_nothing_and_another_replaces_it(void **state)
{
	uint32_t id;

	run("eth ip4{" CLIENT4 ",id=7,mf=1} udp{dport=5353} pad{16}");
	id = id_of_next(STAGE_lb4);
	run("eth ip4{" CLIENT4 ",id=7,mf=1} udp{dport=5353} pad{16}");
	assert_int_equal(id_of_next(STAGE_lb4), id);
	run("eth ip4{" CLIENT4 ",id=7,mf=1} udp{sport=4096,dport=53} pad{16}");
	stages_flush(w0, STAGE_lb4);
	run("eth ip4{" CLIENT4 ",id=7,off=3,next=17} pad{24}");
	assert_true(leaves(STAGE_lb4, PORTS, 44));
}

static void clients_behind_nat_never_share_an_identification(void **state)
{
	uint32_t ids[4];

	run("eth ip4{" CLIENT4 ",id=7,off=6,next=17} pad{9}");
	run("eth ip4{" CLIENT4 ",id=7,mf=1} udp{dport=5353} pad{16}");
	run("eth ip4{" CLIENT4 ",id=7,off=3,mf=1,next=17} pad{24}");
	ids[0] = id_of_next(STAGE_lb4);
	assert_int_equal(id_of_next(STAGE_lb4), ids[0]);
	assert_int_equal(id_of_next(STAGE_ip4_input), ids[0]);
	run("eth ip4{src=10.1.2.4,dst=203.0.113.10,id=7,mf=1} udp{dport=5353} pad{16}");
	ids[1] = id_of_next(STAGE_lb4);
	run("eth ip4{" BACKEND4 ",id=7,mf=1} udp{sport=53,dport=2000} pad{16}");
	ids[2] = id_of_next(STAGE_lb4);
	assert_true(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
	run("eth ip6{" CLIENT6 "} frag{id=7,off=3,next=17} pad{5}");
	run("eth ip6{" CLIENT6 "} frag{id=7,more=1} udp{dport=5353} pad{16}");
	ids[0] = id_of_next(STAGE_lb6);
	assert_int_equal(id_of_next(STAGE_ip6_input), ids[0]);
	run("eth ip6{src=2001:db8:c::4,dst=2001:db8:a::10} frag{id=7,more=1} udp{dport=5353}");
	assert_true(id_of_next(STAGE_lb6) != ids[0]);
	/* Where the source address stays, so does the identification. */
	run("eth ip4{" CLIENT4 ",id=8,mf=1} udp{dport=53} pad{16}");
	assert_int_equal(id_of_next(STAGE_lb4), htobe16(8));
	run("eth ip6{" CLIENT6 "} frag{id=8,more=1} udp{dport=53} pad{16}");
	assert_int_equal(id_of_next(STAGE_lb6), htobe32(8));
	node_check_accounts();
}

/* One fragment of @frame under identification @id and another client; the one it gets. */
static uint16_t id_given(struct worker *w, uint8_t *frame, uint32_t len, uint32_t id)
{
	struct rte_mbuf *m;
	uint16_t given;

	memcpy(frame + 14 + 4, &id, 2);
	memcpy(frame + 14 + 14, (const uint8_t *)&id + 2, 1);
	stages_run(w, STAGE_lb_fragment, frame, len);
	m = stages_take(w, STAGE_lb4);
	assert_non_null(m);
	memcpy(&given, stages_l3(m) + 4, 2);
	stages_end(w, m);
	return given;
}

static void all_identifications_are_used_before_one_is_used_again(void **state)
{
	static bool seen[65536];
	uint8_t frame[FRAME_MAX];
	uint32_t len = frame_build("eth ip4{" BACKEND4 ",mf=1} udp{dport=2000}", frame);
	unsigned in_sequence = 0;
	uint16_t last = 0;

	/* Two workers have half of them each, one is far ahead of the other. */
	for (uint32_t i = 0; i < 65536; i++) {
		uint16_t given = id_given(node_worker(i >= 32768), frame, len, i);

		assert_false(seen[given]);
		seen[given] = true;
		in_sequence += (uint16_t)(be16toh(given) - be16toh(last)) <= 2;
		last = given;
	}
	assert_true(in_sequence < 100);
}

static struct steer_rss device; /* how devices spread frames, where stage steer does not */

/* The port of a client whose flow worker @owner has, by the device's hash or else by stage steer's.
 */
static unsigned port_owned_by(uint8_t owner, bool is_ip6)
{
	const struct steer_rss *rss = w0->lb->ports->rss[0];
	struct ip_addr a = stages_addr(is_ip6 ? "2001:db8:c::3" : "10.1.2.3");
	struct ip_addr vip = stages_addr(is_ip6 ? "2001:db8:a::10" : "203.0.113.10");

	for (unsigned port = 1024;; port++) {
		uint32_t ports = STAGES_BE16(port) | (uint32_t)STAGES_BE16(53) << 16;
		struct steer_rss_tuple tuple = {
			.src = a.bytes, .dst = vip.bytes, .ports = ports, .family = a.family};
		uint8_t got = rss      ? steer_rss_owner(rss, &tuple)
			      : is_ip6 ? steer_owner6(w0, a.bytes, vip.bytes, IPPROTO_UDP, ports)
				       : steer_owner4(w0, ip_addr_v4_be(&a), ip_addr_v4_be(&vip),
						 IPPROTO_UDP, ports);

		if (got == owner)
			return port;
	}
}

/* Sends fragments of flows of either worker to worker 0. */
static void check_owners(void)
{
	for (unsigned is_ip6 = 0; is_ip6 < 2; is_ip6++) {
		for (uint8_t owner = 0; owner < 2; owner++) {
			const char *ip = is_ip6 ? "ip6{" CLIENT6 "} frag{id=7,off=3,next=17}"
						: "ip4{" CLIENT4 ",id=7,off=3,next=17}";
			const char *first = is_ip6 ? "ip6{" CLIENT6 "} frag{id=7,more=1}"
						   : "ip4{" CLIENT4 ",id=7,mf=1}";
			enum stage again = is_ip6 ? STAGE_ip6_input : STAGE_ip4_input;
			enum stage here = is_ip6 ? STAGE_lb6 : STAGE_lb4;
			char text[120];

			snprintf(text, sizeof(text), "eth %s pad{24}", ip);
			run(text);
			snprintf(text, sizeof(text), "eth %s udp{sport=%u,dport=53} pad{16}", first,
				port_owned_by(owner, is_ip6));
			run(text);
			assert_int_equal(stages_n(w0, here), owner == 0);
			assert_int_equal(stages_n(w0, again), owner == 0);
			assert_int_equal(stages_n(w0, STAGE_handoff), owner == 1 ? 2 : 0);
			for (unsigned i = 0; owner == 1 && i < 2; i++) {
				struct rte_mbuf *m = stages_take(w0, STAGE_handoff);
				const struct pkt *p = pkt_of(m);

				assert_int_equal(p->worker, 1);
				assert_int_equal(p->resume, again);
				assert_true(p->flags & PKT_PORTS);
				stages_end(w0, m);
			}
			stages_flush(w0, here);
			stages_flush(w0, again);
			node_advance(LB_DATAGRAM_LIFE_NS);
		}
	}
	node_check_accounts();
}

static void the_owner_of_the_flow_gets_its_fragments(void **state)
{
	check_owners();
}

static void the_owner_by_the_devices_hash_gets_the_fragments_too(void **state)
{
	uint8_t key[STEER_RSS_KEY_MIN];

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 41 + 7);
	steer_rss_set_key(&device, key);
	device.mask = 63;
	device.with_ports = STEER_RSS_UDP4 | STEER_RSS_UDP6;
	for (unsigned i = 0; i < 64; i++)
		device.owners[i] = i % 2;
	w0->lb->ports->steered = 0;
	for (unsigned i = 0; i < WORLD_PORTS_MAX; i++)
		w0->lb->ports->rss[i] = &device;
	check_owners();
}

static void fragments_to_the_pool_and_of_devices_that_do_not_tell_stay(void **state)
{
	for (unsigned i = 0; i < 20; i++) {
		char text[120];

		snprintf(text, sizeof(text),
			"eth ip4{" BACKEND4 ",id=%u,mf=1} udp{sport=53,dport=%u}", i, 2000 + i);
		run(text);
	}
	assert_int_equal(stages_n(w0, STAGE_lb4), 20);
	w0->lb->ports->steered = 0;
	for (unsigned i = 0; i < 20; i++) {
		char text[120];

		snprintf(text, sizeof(text),
			"eth ip4{" CLIENT4 ",id=%u,mf=1} udp{sport=%u,dport=53}", i, 2000 + i);
		run(text);
	}
	assert_int_equal(stages_n(w0, STAGE_lb4), 40);
	stages_flush(w0, STAGE_lb4);
}

static void a_worker_without_a_table_passes_first_fragments_only(void **state)
{
	struct worker *main_worker = node_worker(w0->main_id);

	stages_run_text(main_worker, STAGE_lb_fragment,
		"eth ip4{" CLIENT4 ",id=7,mf=1} udp{dport=53} pad{16}");
	assert_int_equal(stages_n(main_worker, STAGE_lb4), 1);
	stages_flush(main_worker, STAGE_lb4);
	stages_run_text(
		main_worker, STAGE_lb_fragment, "eth ip4{" CLIENT4 ",id=7,off=3,next=17} pad{24}");
	assert_int_equal(node_drops(DROP_lb_fragment_early), 1);
}

static void what_waits_at_the_end_is_dropped(void **state)
{
	for (unsigned i = 0; i < 50; i++) {
		char text[120];

		snprintf(text, sizeof(text),
			"eth ip4{" CLIENT4 ",id=%u,off=%u,mf=1,next=17} pad{8}", i % 7, i + 1);
		run(text);
	}
	assert_int_equal(w0->stats->held_pkts, 50);
	/* The node's end checks that no buffer is left. */
}

#define ONE(name) cmocka_unit_test_setup_teardown(name, start, stop)
#define TWO(name) cmocka_unit_test_setup_teardown(name, start_two, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ONE(later_fragments_get_the_ports_of_the_first),
		ONE(other_datagrams_do_not_get_them),
		ONE(early_fragments_wait_and_leave_in_order_behind_the_first),
		ONE(fragments_wait_half_a_second_at_most),
		ONE(a_datagram_is_forgotten_after_two_seconds),
		ONE(sixteen_fragments_of_a_datagram_wait),
		ONE(a_flood_of_later_fragments_fills_the_waiting_room_only),
		ONE(the_oldest_datagram_of_a_bucket_gives_way),
		ONE(waiting_fragments_of_what_gives_way_are_dropped),
		ONE(tiny_and_overlapping_fragments_are_refused),
		ONE(what_overlaps_the_first_ones_header_is_refused_early_and_late),
		ONE(a_doubled_first_fragment_changes_nothing_and_another_replaces_it),
		ONE(clients_behind_nat_never_share_an_identification),
		TWO(all_identifications_are_used_before_one_is_used_again),
		TWO(the_owner_of_the_flow_gets_its_fragments),
		TWO(the_owner_by_the_devices_hash_gets_the_fragments_too),
		TWO(fragments_to_the_pool_and_of_devices_that_do_not_tell_stay),
		ONE(a_worker_without_a_table_passes_first_fragments_only),
		ONE(what_waits_at_the_end_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
