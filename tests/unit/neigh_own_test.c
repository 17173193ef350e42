/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of the node's own addresses on the link. */
#include "dataplane/link/link.h"
#include "dataplane/neigh/neigh_impl.h"
#include "tests/unit/neigh_node.h"

#define NODE "20010db8000000000000000000000001"
#define ASK_US                                                                                     \
	"eth{dst=solicited} ip6{hop=255,src=host,dst=solicited} icmp6{type=135,info=0,hex=" NODE   \
	"01010200000000aa}"
#define LINK_LOCAL "fe80000000000000000000fffe000001"
#define CLAIM                                                                                      \
	"eth{dst=all6} ip6{hop=255,src=node,dst=all} "                                             \
	"icmp6{type=136,info=0x20000000,hex=" NODE "02010200000000aa}"

/* Frames on port 0 since node_clear that are @text. */
static unsigned count_same(const char *text)
{
	uint8_t buf[FRAME_MAX];
	uint32_t len = frame_build(text, buf);
	unsigned n = 0;

	for (unsigned i = 0; i < node_n_output(); i++) {
		const struct node_frame *f = node_output(i);

		n += f->port == 0 && f->len == len && memcmp(f->bytes, buf, len) == 0;
	}
	return n;
}

static int start(void **state)
{
	node_start(NEIGH_NODE_PORTS);
	return 0;
}

static void an_ip4_address_is_announced_twice(void **state)
{
	static const char text[] = "eth{dst=all,src=node} arp{sha=node,spa=node,tpa=node}";
	unsigned first;

	node_stop();
	node_start(NEIGH_NODE_PORTS);
	node_advance(10 * NSEC_PER_MSEC);
	first = count_same(text);
	node_advance(1900 * NSEC_PER_MSEC);
	assert_int_equal(count_same(text), first);
	node_advance(10 * NSEC_PER_SEC);
	assert_int_equal(count_same(text), first + 1);
}

static void an_ip6_address_is_probed_then_announced(void **state)
{
	static const char probe[] = "eth{dst=solicited,src=node} "
				    "ip6{hop=255,src=zero,dst=solicited} "
				    "icmp6{type=135,info=0,hex=" NODE "}";
	static const char announcement[] =
		"eth{dst=all6,src=node} ip6{hop=255,src=node,dst=all} "
		"icmp6{type=136,info=0xa0000000,hex=" NODE "0201020000000001}";

	node_advance(500 * NSEC_PER_MSEC);
	assert_int_equal(count_same(probe), 1);
	assert_int_equal(count_same(announcement), 0);
	neigh_node_input(0, ASK_US);
	assert_int_equal(node_drops(DROP_nd_not_for_us), 1);
	node_advance(700 * NSEC_PER_MSEC);
	assert_int_equal(count_same(announcement), 1);
	node_advance(10 * NSEC_PER_SEC);
	assert_int_equal(count_same(probe), 1);
	assert_int_equal(count_same(announcement), 2);
	node_clear();
	neigh_node_input(0, ASK_US);
	assert_int_equal(node_n_output(), 1);
}

/* The address is never used after @frame, which arrives while it is probed. */
static void expect_duplicate(const char *frame)
{
	node_advance(500 * NSEC_PER_MSEC);
	neigh_node_input(0, frame);
	assert_int_equal(node_drops(DROP_nd_duplicate), 1);
	node_advance(10 * NSEC_PER_SEC);
	node_clear();
	neigh_node_input(0, ASK_US);
	assert_int_equal(node_n_output(), 0);
	assert_int_equal(node_drops(DROP_nd_not_for_us), 1);
}

static void another_hosts_advertisement_makes_it_a_duplicate(void **state)
{
	expect_duplicate(CLAIM);
}

static void another_hosts_probe_makes_it_a_duplicate(void **state)
{
	expect_duplicate("eth{dst=solicited} ip6{hop=255,src=zero,dst=solicited} "
			 "icmp6{type=135,info=0,hex=" NODE "}");
}

/* Lets the host behind port 0 claim the address while it is probed. */
static void become_duplicate(void)
{
	node_advance(500 * NSEC_PER_MSEC);
	neigh_node_input(0, CLAIM);
	node_advance(10 * NSEC_PER_SEC);
	node_clear();
}

static void the_station_that_has_a_duplicate_is_a_neighbour(void **state)
{
	become_duplicate();
	neigh_node_input(1, "eth{dst=node2,src=peer} ip6{src=peer,dst=node} udp");
	neigh_node_same(neigh_node_only(0),
		"eth{dst=solicited,src=node} ip6{hop=255,src=linklocal,dst=solicited} "
		"icmp6{type=135,info=0,hex=" NODE "0101020000000001}");
	node_clear();
	neigh_node_input(0, "eth ip6{hop=255,src=node,dst=linklocal} "
			    "icmp6{type=136,info=0x60000000,hex=" NODE "02010200000000aa}");
	neigh_node_same(
		neigh_node_only(0), "eth{dst=host,src=node} ip6{hop=63,src=peer,dst=node} udp");
	neigh_node_expect("2001:db8::1", API_NEIGHBOR_REACHABLE, 0xaa);
}

static void the_station_that_has_a_duplicate_can_ask_and_is_answered(void **state)
{
	become_duplicate();
	neigh_node_input(0, "eth{dst=solicited} ip6{hop=255,src=node,dst=solicited} "
			    "icmp6{type=135,info=0,hex=" LINK_LOCAL "01010200000000aa}");
	neigh_node_same(neigh_node_only(0),
		"eth{dst=host,src=node} ip6{hop=255,src=linklocal,dst=node} "
		"icmp6{type=136,info=0xe0000000,hex=" LINK_LOCAL "0201020000000001}");
	node_clear();
	neigh_node_input(0, "eth ip6{src=node,dst=node2} icmp6");
	neigh_node_same(
		node_output(0), "eth{dst=host,src=node} ip6{src=node2,dst=node} icmp6{type=129}");
	assert_int_equal(node_drop_reason(), DROP_NONE);
}

static void a_duplicate_is_looked_for_anew_only_when_it_comes_back(void **state)
{
	static const char without[] =
		"node:\n"
		"  name: n1\n"
		"  workers: [1]\n"
		"  main: 0\n"
		"  ports:\n"
		"    - {name: lan, device: test0, mac: 02:00:00:00:00:01, addresses: []}\n"
		"    - {name: wan, device: test1, mac: 02:00:00:00:00:02, addresses: []}\n";
	static const char probe[] = "eth{dst=solicited,src=node} "
				    "ip6{hop=255,src=zero,dst=solicited} "
				    "icmp6{type=135,info=0,hex=" NODE "}";

	become_duplicate();
	assert_int_equal(node_apply(NEIGH_NODE_PORTS, NULL), 0);
	node_advance(5 * NSEC_PER_SEC);
	assert_int_equal(count_same(probe), 0);
	assert_int_equal(node_apply(without, NULL), 0);
	assert_int_equal(node_apply(NEIGH_NODE_PORTS, NULL), 0);
	node_advance(5 * NSEC_PER_SEC);
	assert_int_equal(count_same(probe), 1);
	node_clear();
	neigh_node_input(0, ASK_US);
	assert_int_equal(node_n_output(), 1);
}

static void a_duplicate_link_local_address_is_left_to_its_owner(void **state)
{
	static const char packet[] = "eth ip6{src=fe80::2,dst=linklocal} icmp6";

	node_advance(500 * NSEC_PER_MSEC);
	neigh_node_input(0, packet);
	assert_int_equal(node_drop_reason(), DROP_ip6_tentative);
	neigh_node_input(0, "eth{dst=all6} ip6{hop=255,src=linklocal,dst=all} "
			    "icmp6{type=136,info=0x20000000,hex=" LINK_LOCAL "02010200000000aa}");
	node_advance(10 * NSEC_PER_SEC);
	node_clear();
	neigh_node_input(0, packet);
	assert_int_equal(node_drop_reason(), DROP_ip6_scope);
	node_clear();
	neigh_node_input(0, "eth{dst=solicited} ip6{hop=255,src=linklocal,dst=solicited} "
			    "icmp6{type=135,info=0,hex=" NODE "01010200000000aa}");
	neigh_node_same(neigh_node_only(0),
		"eth{dst=host,src=node} ip6{hop=255,src=node,dst=linklocal} "
		"icmp6{type=136,info=0xe0000000,hex=" NODE "0201020000000001}");
}

static void our_own_probe_come_back_does_not(void **state)
{
	node_advance(500 * NSEC_PER_MSEC);
	neigh_node_input(0, "eth{dst=solicited,src=node} ip6{hop=255,src=zero,dst=solicited} "
			    "icmp6{type=135,info=0,hex=" NODE "}");
	node_advance(2 * NSEC_PER_SEC);
	node_clear();
	neigh_node_input(0, ASK_US);
	assert_int_equal(node_n_output(), 1);
}

static void a_used_address_is_defended_once_in_ten_seconds(void **state)
{
	node_advance(10 * NSEC_PER_SEC);
	node_clear();
	for (unsigned i = 0; i < 3; i++)
		neigh_node_input(0, CLAIM);
	assert_int_equal(node_drops(DROP_nd_duplicate), 3);
	assert_int_equal(node_n_output(), 1);
	node_clear();
	neigh_node_input(0, ASK_US);
	assert_int_equal(node_n_output(), 1);
}

static void a_link_that_comes_up_is_told_our_addresses(void **state)
{
	static const char arp[] = "eth{dst=all,src=node} arp{sha=node,spa=node,tpa=node}";
	static const char nd[] = "eth{dst=all6,src=node} ip6{hop=255,src=node,dst=all} "
				 "icmp6{type=136,info=0xa0000000,hex=" NODE "0201020000000001}";

	node_advance(10 * NSEC_PER_SEC);
	node_clear();
	neigh_links_up(neigh_main(), 1u << 1);
	node_advance(10 * NSEC_PER_SEC);
	assert_int_equal(count_same(arp) + count_same(nd), 0);
	neigh_links_up(neigh_main(), 1u << 0);
	node_run();
	assert_int_equal(count_same(arp), 1);
	assert_int_equal(count_same(nd), 1);
	node_advance(10 * NSEC_PER_SEC);
	assert_int_equal(count_same(arp), 2);
	assert_int_equal(count_same(nd), 2);
}

static void detection_waits_for_a_link(void **state)
{
	static const char probe[] = "eth{dst=solicited,src=node} "
				    "ip6{hop=255,src=zero,dst=solicited} "
				    "icmp6{type=135,info=0,hex=" NODE "}";

	node_stop();
	port_link_set(0, false);
	node_start(NEIGH_NODE_PORTS);
	node_advance(5 * NSEC_PER_SEC);
	assert_int_equal(count_same(probe), 0);
	neigh_node_input(0, ASK_US);
	assert_int_equal(node_drops(DROP_nd_not_for_us), 1);
	port_link_set(0, true);
	for (unsigned i = 0; i < 110 && count_same(probe) == 0; i++)
		node_advance(10 * NSEC_PER_MSEC);
	assert_int_equal(count_same(probe), 1);
	/* The link goes away before an answer could have come. */
	port_link_set(0, false);
	node_advance(5 * NSEC_PER_SEC);
	port_link_set(0, true);
	node_advance(5 * NSEC_PER_SEC);
	assert_int_equal(count_same(probe), 2);
	node_clear();
	neigh_node_input(0, ASK_US);
	assert_int_equal(node_n_output(), 1);
}

#define NEIGH_TEST(f) cmocka_unit_test_setup_teardown(f, start, neigh_node_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEIGH_TEST(an_ip4_address_is_announced_twice),
		NEIGH_TEST(an_ip6_address_is_probed_then_announced),
		NEIGH_TEST(another_hosts_advertisement_makes_it_a_duplicate),
		NEIGH_TEST(another_hosts_probe_makes_it_a_duplicate),
		NEIGH_TEST(the_station_that_has_a_duplicate_is_a_neighbour),
		NEIGH_TEST(the_station_that_has_a_duplicate_can_ask_and_is_answered),
		NEIGH_TEST(a_duplicate_is_looked_for_anew_only_when_it_comes_back),
		NEIGH_TEST(a_duplicate_link_local_address_is_left_to_its_owner),
		NEIGH_TEST(our_own_probe_come_back_does_not),
		NEIGH_TEST(a_used_address_is_defended_once_in_ten_seconds),
		NEIGH_TEST(a_link_that_comes_up_is_told_our_addresses),
		NEIGH_TEST(detection_waits_for_a_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
