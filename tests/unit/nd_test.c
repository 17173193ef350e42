/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbour discovery through a whole node: what it answers, learns and refuses. */
#include "tests/unit/neigh_node.h"

#define TO_PEER6 "eth ip6{dst=peer} udp pad{20}"
#define NODE2    "20010db8000100000000000000000001"
#define PEER     "20010db8000100000000000000000002"
#define ASK                                                                                        \
	"eth{dst=solicited,src=peer} ip6{hop=255,src=peer,dst=solicited} "                         \
	"icmp6{type=135,info=0,hex="
/* An advertisement of the peer with flags @f and MAC @mac. */
#define SAY(f, mac)                                                                                \
	"eth{dst=node2,src=peer} ip6{hop=255,src=peer,dst=node2} icmp6{type=136,info=0x" f         \
	"000000,hex=" PEER mac "}"
#define BB    "02010200000000bb"
#define CC    "02010200000000cc"
#define PEER6 "2001:db8:1::2"

static void a_solicitation_is_answered_and_its_sender_learned(void **state)
{
	neigh_node_input(1, ASK NODE2 "01010200000000bb}");
	neigh_node_same(neigh_node_only(1),
		"eth{dst=peer,src=node2} ip6{hop=255,src=node2,dst=peer} "
		"icmp6{type=136,info=0xe0000000,hex=" NODE2 "0201020000000002}");
	neigh_node_expect(PEER6, API_NEIGHBOR_STALE, 0xbb);
}

static void without_its_mac_the_asker_is_answered_but_not_learned(void **state)
{
	neigh_node_input(1, ASK NODE2 "}");
	neigh_node_same(neigh_node_only(1),
		"eth{dst=peer,src=node2} ip6{hop=255,src=node2,dst=peer} "
		"icmp6{type=136,info=0xe0000000,hex=" NODE2 "0201020000000002}");
	assert_int_equal(neigh_count(), 0);
}

static void an_asker_of_another_subnet_is_answered_but_not_learned(void **state)
{
	neigh_node_input(1, "eth{dst=node2,src=peer} ip6{hop=255,src=2001:db8:9::2,dst=node2} "
			    "icmp6{type=135,info=0,hex=" NODE2 "01010200000000bb}");
	neigh_node_same(neigh_node_only(1),
		"eth{dst=peer,src=node2} ip6{hop=255,src=node2,dst=2001:db8:9::2} "
		"icmp6{type=136,info=0xe0000000,hex=" NODE2 "0201020000000002}");
	assert_int_equal(neigh_count(), 0);
}

static void a_probe_for_our_address_is_answered_to_all(void **state)
{
	neigh_node_input(1, "eth{dst=solicited,src=peer} ip6{hop=255,src=zero,dst=solicited} "
			    "icmp6{type=135,info=0,hex=" NODE2 "}");
	neigh_node_same(neigh_node_only(1),
		"eth{dst=all6,src=node2} ip6{hop=255,src=node2,dst=all} "
		"icmp6{type=136,info=0xa0000000,hex=" NODE2 "0201020000000002}");
	assert_int_equal(neigh_count(), 0);
}

static void a_packet_waits_for_the_advertisement(void **state)
{
	neigh_node_input(0, TO_PEER6);
	neigh_node_same(neigh_node_only(1),
		"eth{dst=33:33:ff:00:00:02,src=node2} ip6{hop=255,src=node2,dst=ff02::1:ff00:2} "
		"icmp6{type=135,info=0,hex=" PEER "0101020000000002}");
	assert_int_equal(neigh_held(), 1);
	node_clear();
	neigh_node_input(1, SAY("60", BB));
	assert_int_equal(neigh_held(), 0);
	assert_int_equal(neigh_node_only(1)->bytes[5], 0xbb);
	neigh_node_expect(PEER6, API_NEIGHBOR_REACHABLE, 0xbb);
}

static void a_neighbour_that_is_gone_is_reported(void **state)
{
	neigh_node_input(0,
		"eth{dst=solicited} ip6{hop=255,src=host,dst=solicited} "
		"icmp6{type=135,info=0,hex=20010db800000000000000000000000101010200000000aa}");
	neigh_node_input(0, TO_PEER6);
	node_clear();
	node_advance(3500 * NSEC_PER_MSEC);
	assert_int_equal(node_drops(DROP_neigh_unreachable), 1);
	assert_int_equal(neigh_node_sent(0, 0x86dd), 1);
	neigh_node_expect(PEER6, API_NEIGHBOR_FAILED, 0);
}

/* RFC 4861 appendix C, from REACHABLE with MAC bb. */
static void advertisements_change_a_reachable_neighbour_as_they_should(void **state)
{
	static const struct {
		const char *frame;
		enum api_neighbor_state state;
		uint8_t mac;
	} cases[] = {
		{SAY("00", CC), API_NEIGHBOR_STALE, 0xbb}, /* doubt */
		{SAY("40", CC), API_NEIGHBOR_STALE, 0xbb},
		{SAY("20", CC), API_NEIGHBOR_STALE, 0xcc}, /* moved, reachability unknown */
		{SAY("60", CC), API_NEIGHBOR_REACHABLE, 0xcc},
		{SAY("00", BB), API_NEIGHBOR_REACHABLE, 0xbb},
		{SAY("20", BB), API_NEIGHBOR_REACHABLE, 0xbb},
		{SAY("60", ""), API_NEIGHBOR_REACHABLE, 0xbb},
		{SAY("20", ""), API_NEIGHBOR_REACHABLE, 0xbb},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		neigh_node_input(0, TO_PEER6);
		neigh_node_input(1, SAY("60", BB));
		neigh_node_expect(PEER6, API_NEIGHBOR_REACHABLE, 0xbb);
		neigh_node_input(1, cases[i].frame);
		neigh_node_expect(PEER6, cases[i].state, cases[i].mac);
	}
}

static void a_stale_neighbour_is_confirmed_only_by_an_answer(void **state)
{
	neigh_node_input(1, ASK NODE2 "01010200000000bb}");
	neigh_node_input(1, SAY("00", BB));
	neigh_node_expect(PEER6, API_NEIGHBOR_STALE, 0xbb);
	neigh_node_input(1, SAY("00", CC));
	neigh_node_expect(PEER6, API_NEIGHBOR_STALE, 0xbb);
	neigh_node_input(1, SAY("40", BB));
	neigh_node_expect(PEER6, API_NEIGHBOR_REACHABLE, 0xbb);
}

static void an_unresolved_neighbour_wants_a_mac(void **state)
{
	neigh_node_input(0, TO_PEER6);
	node_clear();
	neigh_node_input(1, SAY("60", ""));
	assert_int_equal(node_drop_reason(), DROP_nd_bad_message);
	neigh_node_expect(PEER6, API_NEIGHBOR_INCOMPLETE, 0);
	neigh_node_input(1, SAY("00", BB));
	assert_int_equal(neigh_held(), 0);
	neigh_node_expect(PEER6, API_NEIGHBOR_DELAY, 0xbb);
}

static void nothing_is_learned_unasked(void **state)
{
	static const struct {
		const char *frame;
		enum drop_reason reason;
	} cases[] = {
		{SAY("60", BB), DROP_nd_unsolicited},
		{SAY("20", BB), DROP_nd_unsolicited},
		{ASK PEER "01010200000000bb}", DROP_nd_not_for_us},
		{"eth{dst=node2,src=peer} ip6{hop=255,src=fe80::5,dst=node2} "
		 "icmp6{type=136,info=0x20000000,hex=20010db8000900000000000000000002" BB "}",
			DROP_nd_off_subnet},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		node_clear();
		neigh_node_input(1, cases[i].frame);
		if (node_drop_reason() != cases[i].reason || node_n_output() != 0)
			fail_msg("%s: %s", cases[i].frame, drop_table[node_drop_reason()].name);
	}
	assert_int_equal(neigh_count(), 0);
}

static void a_stale_neighbour_is_probed_at_its_mac(void **state)
{
	neigh_node_input(1, ASK NODE2 "01010200000000bb}");
	neigh_node_input(0, TO_PEER6);
	neigh_node_expect(PEER6, API_NEIGHBOR_DELAY, 0xbb);
	node_clear();
	node_advance(5100 * NSEC_PER_MSEC);
	neigh_node_same(neigh_node_only(1),
		"eth{dst=peer,src=node2} ip6{hop=255,src=node2,dst=peer} "
		"icmp6{type=135,info=0,hex=" PEER "0101020000000002}");
}

#define NEIGH_TEST(f) cmocka_unit_test_setup_teardown(f, neigh_node_start, neigh_node_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEIGH_TEST(a_solicitation_is_answered_and_its_sender_learned),
		NEIGH_TEST(without_its_mac_the_asker_is_answered_but_not_learned),
		NEIGH_TEST(an_asker_of_another_subnet_is_answered_but_not_learned),
		NEIGH_TEST(a_probe_for_our_address_is_answered_to_all),
		NEIGH_TEST(a_packet_waits_for_the_advertisement),
		NEIGH_TEST(a_neighbour_that_is_gone_is_reported),
		NEIGH_TEST(advertisements_change_a_reachable_neighbour_as_they_should),
		NEIGH_TEST(a_stale_neighbour_is_confirmed_only_by_an_answer),
		NEIGH_TEST(an_unresolved_neighbour_wants_a_mac),
		NEIGH_TEST(nothing_is_learned_unasked),
		NEIGH_TEST(a_stale_neighbour_is_probed_at_its_mac),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
