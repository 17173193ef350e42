/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The node of the neighbour tests: port 0 "lan" with 192.0.2.1/24 and 2001:db8::1/64, port 1 "wan"
 * with 198.51.100.1/24 and 2001:db8:1::1/64, hosts as in frame.c, and what the tests ask of it.
 */
#ifndef TESTS_UNIT_NEIGH_NODE_H
#define TESTS_UNIT_NEIGH_NODE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/neigh/neigh.h"
#include "tests/unit/frame.h"
#include "tests/unit/node.h"

#define NEIGH_NODE_PORTS                                                                           \
	"node:\n"                                                                                  \
	"  name: n1\n"                                                                             \
	"  workers: [1]\n"                                                                         \
	"  main: 0\n"                                                                              \
	"  ports:\n"                                                                               \
	"    - name: lan\n"                                                                        \
	"      device: test0\n"                                                                    \
	"      mac: 02:00:00:00:00:01\n"                                                           \
	"      addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"                                    \
	"    - name: wan\n"                                                                        \
	"      device: test1\n"                                                                    \
	"      mac: 02:00:00:00:00:02\n"                                                           \
	"      addresses: [198.51.100.1/24, \"2001:db8:1::1/64\"]\n"

/* To the host behind port 1, from the one behind port 0; and a neighbour's words on port 1. */
#define TO_PEER      "eth ip4{dst=peer} udp pad{20}"
#define PEER_REPLIES "eth{dst=node2,src=peer} arp{op=2,sha=peer,spa=peer,tha=node2,tpa=node2}"
#define PEER_ASKS    "eth{dst=all,src=peer} arp{sha=peer,spa=peer,tpa=node2}"
#define PEER_NEW_MAC "02:00:00:00:00:cc"
#define PEER_MOVES   "eth{dst=all,src=" PEER_NEW_MAC "} arp{sha=" PEER_NEW_MAC ",spa=peer,tpa=peer}"

/* Starts the node and waits until its IPv6 addresses are usable and announced. */
static inline int neigh_node_start(void **state)
{
	node_start(NEIGH_NODE_PORTS);
	node_advance(6 * NSEC_PER_SEC);
	node_clear();
	return 0;
}

/* Ends it. */
static inline int neigh_node_stop(void **state)
{
	node_stop();
	return 0;
}

/* Lets the frame @text arrive on @port. */
static inline void neigh_node_input(uint16_t port, const char *text)
{
	uint8_t buf[FRAME_MAX];

	node_input(port, buf, frame_build(text, buf));
	node_run();
}

/* Makes the host behind port 0 a stale neighbour by both its addresses, so that it can be told of
 * errors. */
static inline void neigh_node_know_host(void)
{
	neigh_node_input(0, "eth{dst=all} arp");
	neigh_node_input(0, "eth{dst=solicited} ip6{hop=255,src=host,dst=solicited} "
			    "icmp6{type=135,info=0,hex=20010db8000000000000000000000001"
			    "01010200000000aa}");
	node_clear();
}

/* What the table knows about @addr; fails the test if it has no entry. */
static inline struct api_neighbor_info neigh_node_info(const char *addr)
{
	struct api_neighbor_info info;
	struct ip_addr wanted;
	uint64_t cursor = 0;

	assert_int_equal(ip_addr_parse(addr, &wanted), 0);
	do {
		if (neigh_dump(&cursor, node_now_ns(), &info, 1) == 0)
			break;
		if (ip_addr_same_host(&info.address, &wanted))
			return info;
	} while (cursor != 0);
	fail_msg("no neighbour %s", addr);
	return info;
}

/* The state of neighbour @addr is @expected, after its MAC's last byte is @mac. */
static inline void neigh_node_expect(
	const char *addr, enum api_neighbor_state expected, uint8_t mac)
{
	struct api_neighbor_info info = neigh_node_info(addr);

	if (info.state != expected || info.mac[5] != mac)
		fail_msg("%s: state %u, mac %02x", addr, info.state, info.mac[5]);
}

/* How many frames of EtherType @type left port @port since node_clear. */
static inline unsigned neigh_node_sent(uint16_t port, uint16_t type)
{
	unsigned n = 0;

	for (unsigned i = 0; i < node_n_output(); i++) {
		const struct node_frame *f = node_output(i);

		if (f->port == port && (f->bytes[12] << 8 | f->bytes[13]) == type)
			n++;
	}
	return n;
}

/* The only frame that left since node_clear, which did so on @port. */
static inline const struct node_frame *neigh_node_only(uint16_t port)
{
	assert_int_equal(node_n_output(), 1);
	assert_int_equal(node_output(0)->port, port);
	return node_output(0);
}

/* Fails unless frame @f is the one that @text describes, up to its end. */
static inline void neigh_node_same(const struct node_frame *f, const char *text)
{
	uint8_t buf[FRAME_MAX];
	uint32_t len = frame_build(text, buf);

	assert_non_null(f);
	assert_int_equal(f->len, len);
	assert_memory_equal(f->bytes, buf, len);
}

#endif
