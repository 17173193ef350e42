/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP through a whole node: what it answers, learns and refuses. */
#include "tests/unit/neigh_node.h"

static void a_request_for_us_is_answered_and_its_sender_learned(void **state)
{
	neigh_node_input(0, "eth{dst=all} arp");
	neigh_node_same(neigh_node_only(0),
		"eth{dst=host,src=node} arp{op=2,sha=node,spa=node,tha=host,tpa=host}");
	neigh_node_expect("192.0.2.2", API_NEIGHBOR_STALE, 0xaa);
	assert_int_equal(node_drop_reason(), DROP_NONE);
}

static void an_answer_does_not_echo_padding(void **state)
{
	neigh_node_input(0, "eth{dst=all} arp trail{1000}");
	assert_int_equal(neigh_node_only(0)->len, 42);
}

static void a_probe_for_our_address_is_answered_but_nothing_learned(void **state)
{
	neigh_node_input(0, "eth{dst=all} arp{spa=zero}");
	neigh_node_same(neigh_node_only(0),
		"eth{dst=host,src=node} arp{op=2,sha=node,spa=node,tha=host,tpa=zero}");
	assert_int_equal(neigh_count(), 0);
}

static void nothing_is_learned_unasked(void **state)
{
	static const struct {
		const char *frame;
		enum drop_reason reason;
	} cases[] = {
		{"eth arp{op=2}", DROP_arp_unsolicited},
		{"eth{dst=all} arp{op=2,tpa=host}", DROP_arp_unsolicited},
		{"eth{dst=all} arp{tpa=host}", DROP_arp_not_for_us},
		{"eth{dst=all} arp{tpa=192.0.2.9}", DROP_arp_not_for_us},
		{"eth{dst=all} arp{spa=198.51.100.2}", DROP_arp_off_subnet},
		{"eth{dst=all} arp{tpa=node2}", DROP_arp_not_for_us},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		node_clear();
		neigh_node_input(0, cases[i].frame);
		if (node_drop_reason() != cases[i].reason || node_n_output() != 0)
			fail_msg("%s", cases[i].frame);
	}
	assert_int_equal(neigh_count(), 0);
}

static void a_new_mac_counts_at_once(void **state)
{
	static const char *const frames[] = {
		PEER_MOVES,
		"eth{dst=all,src=02:00:00:00:00:cc} "
		"arp{sha=02:00:00:00:00:cc,spa=peer,tpa=198.51.100.77}",
		"eth{dst=all,src=02:00:00:00:00:cc} "
		"arp{op=2,sha=02:00:00:00:00:cc,spa=peer,tpa=peer}",
		"eth{dst=node2,src=02:00:00:00:00:cc} "
		"arp{op=2,sha=02:00:00:00:00:cc,spa=peer,tpa=node2}",
		"eth{dst=node2,src=02:00:00:00:00:cc} "
		"arp{sha=02:00:00:00:00:cc,spa=peer,tpa=node2}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(frames); i++) {
		neigh_node_input(1, PEER_ASKS);
		neigh_node_input(0, TO_PEER);
		neigh_node_input(1, frames[i]);
		assert_int_equal(neigh_node_info("198.51.100.2").mac[5], 0xcc);
		node_clear();
		neigh_node_input(0, TO_PEER);
		assert_int_equal(neigh_node_only(1)->bytes[5], 0xcc);
	}
}

static void another_host_with_our_address_is_answered_once_in_ten_seconds(void **state)
{
	for (unsigned i = 0; i < 5; i++)
		neigh_node_input(0, "eth{dst=all} arp{spa=node,tpa=node}");
	assert_int_equal(node_drops(DROP_arp_duplicate), 5);
	neigh_node_same(
		neigh_node_only(0), "eth{dst=all,src=node} arp{sha=node,spa=node,tpa=node}");
	assert_int_equal(neigh_count(), 0);
	node_advance(11 * NSEC_PER_SEC);
	neigh_node_input(0, "eth{dst=all} arp{spa=node,tpa=node}");
	assert_int_equal(node_n_output(), 2);
}

#define NEIGH_TEST(f) cmocka_unit_test_setup_teardown(f, neigh_node_start, neigh_node_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEIGH_TEST(a_request_for_us_is_answered_and_its_sender_learned),
		NEIGH_TEST(an_answer_does_not_echo_padding),
		NEIGH_TEST(a_probe_for_our_address_is_answered_but_nothing_learned),
		NEIGH_TEST(nothing_is_learned_unasked),
		NEIGH_TEST(a_new_mac_counts_at_once),
		NEIGH_TEST(another_host_with_our_address_is_answered_once_in_ten_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
