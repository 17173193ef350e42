/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a neighbour, from the first packet for it to its end, in virtual time. */
#include <errno.h>

#include "tests/unit/neigh_node.h"

#define ARP 0x0806
#define IP4 0x0800

/* Makes the peer REACHABLE: a packet, a question, an answer. */
static void resolve(void)
{
	neigh_node_input(0, TO_PEER);
	neigh_node_input(1, PEER_REPLIES);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_REACHABLE, 0xbb);
	node_clear();
}

/* Makes it STALE: its time of reachability is at most 45 s. */
static void age(void)
{
	resolve();
	node_advance(46 * NSEC_PER_SEC);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_STALE, 0xbb);
	assert_int_equal(node_n_output(), 0);
}

static void a_packet_waits_for_the_answer(void **state)
{
	neigh_node_input(0, TO_PEER);
	neigh_node_same(neigh_node_only(1),
		"eth{dst=all,src=node2} arp{sha=node2,spa=node2,tha=zero,tpa=peer}");
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_INCOMPLETE, 0);
	assert_int_equal(neigh_held(), 1);
	node_clear();
	neigh_node_input(1, PEER_REPLIES);
	assert_int_equal(neigh_held(), 0);
	assert_int_equal(neigh_node_only(1)->bytes[5], 0xbb);
	assert_int_equal(neigh_node_sent(1, IP4), 1);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_REACHABLE, 0xbb);
}

static void a_request_from_the_neighbour_answers_too(void **state)
{
	neigh_node_input(0, TO_PEER);
	node_clear();
	neigh_node_input(1, PEER_ASKS);
	assert_int_equal(neigh_node_sent(1, ARP), 1);
	assert_int_equal(neigh_node_sent(1, IP4), 1);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_DELAY, 0xbb);
}

static void three_questions_then_the_sender_hears_of_it(void **state)
{
	neigh_node_know_host();
	neigh_node_input(0, TO_PEER);
	node_clear();
	node_advance(2500 * NSEC_PER_MSEC);
	assert_int_equal(neigh_node_sent(1, ARP), 2);
	assert_int_equal(neigh_held(), 1);
	node_advance(NSEC_PER_SEC);
	assert_int_equal(neigh_node_sent(1, ARP), 2);
	assert_int_equal(neigh_held(), 0);
	assert_int_equal(node_drops(DROP_neigh_unreachable), 1);
	assert_int_equal(neigh_node_sent(0, IP4), 1);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_FAILED, 0);
}

static void a_failed_neighbour_is_asked_again_after_three_seconds(void **state)
{
	neigh_node_know_host();
	neigh_node_input(0, TO_PEER);
	node_advance(3100 * NSEC_PER_MSEC);
	node_clear();
	neigh_node_input(0, TO_PEER);
	assert_int_equal(neigh_node_sent(1, ARP), 0);
	assert_int_equal(neigh_held(), 0);
	node_advance(3100 * NSEC_PER_MSEC);
	assert_int_equal(neigh_count(), 2);
	neigh_node_input(0, TO_PEER);
	assert_int_equal(neigh_node_sent(1, ARP), 1);
	assert_int_equal(neigh_held(), 1);
}

static void a_stale_neighbour_is_used_and_then_checked(void **state)
{
	age();
	neigh_node_input(0, TO_PEER);
	neigh_node_input(0, TO_PEER);
	assert_int_equal(neigh_node_sent(1, IP4), 2);
	assert_int_equal(neigh_node_sent(1, ARP), 0);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_DELAY, 0xbb);
	node_clear();
	node_advance(5100 * NSEC_PER_MSEC);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_PROBE, 0xbb);
	neigh_node_same(neigh_node_only(1),
		"eth{dst=peer,src=node2} arp{sha=node2,spa=node2,tha=zero,tpa=peer}");
	neigh_node_input(1, PEER_REPLIES);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_REACHABLE, 0xbb);
}

static void a_neighbour_that_went_fails_after_a_last_question_to_all(void **state)
{
	age();
	neigh_node_input(0, TO_PEER);
	node_clear();
	node_advance(8500 * NSEC_PER_MSEC);
	assert_int_equal(neigh_node_sent(1, ARP), 4);
	assert_int_equal(node_output(2)->bytes[0], 2);
	assert_int_equal(node_output(3)->bytes[0], 0xff);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_PROBE, 0xbb);
	node_advance(NSEC_PER_SEC);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_FAILED, 0);
}

static void a_link_that_came_up_makes_its_neighbours_doubtful(void **state)
{
	resolve();
	neigh_links_up(node_worker(1), 1u << 0);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_REACHABLE, 0xbb);
	neigh_links_up(node_worker(1), 1u << 1);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_STALE, 0xbb);
	neigh_node_input(0, TO_PEER);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_DELAY, 0xbb);
}

static void an_unused_neighbour_is_forgotten(void **state)
{
	age();
	node_advance(NEIGH_GC_NS - 20 * NSEC_PER_SEC);
	assert_int_equal(neigh_count(), 1);
	node_advance(30 * NSEC_PER_SEC);
	assert_int_equal(neigh_count(), 0);
	assert_int_equal(node_n_output(), 0);
}

static void a_pinned_neighbour_stays_and_is_resolved_on_use(void **state)
{
	struct ip_addr peer;
	uint16_t number;

	assert_int_equal(ip_addr_parse("198.51.100.2", &peer), 0);
	number = neigh_pin(1, &peer);
	assert_int_not_equal(number, 0);
	assert_int_equal(neigh_pin(1, &peer), number);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_INCOMPLETE, 0);
	assert_int_equal(node_n_output(), 0);
	age();
	node_advance(NEIGH_GC_NS + NSEC_PER_SEC);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_STALE, 0xbb);
	assert_int_equal(neigh_lookup4(neigh_table(), 1, ip_addr_v4_be(&peer)), number);
	neigh_unpin(number);
	neigh_unpin(number);
	assert_int_equal(neigh_count(), 1);
	node_advance(NEIGH_GC_NS + NSEC_PER_SEC);
	assert_int_equal(neigh_count(), 0);
}

static void a_pin_that_was_never_used_leaves_nothing(void **state)
{
	struct ip_addr peer;

	assert_int_equal(ip_addr_parse("198.51.100.2", &peer), 0);
	neigh_unpin(neigh_pin(1, &peer));
	assert_int_equal(neigh_count(), 0);
}

static void a_static_neighbour_believes_nobody(void **state)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0xee};
	struct ip_addr peer;

	assert_int_equal(ip_addr_parse("198.51.100.2", &peer), 0);
	neigh_node_input(0, TO_PEER);
	node_clear();
	assert_int_equal(neigh_static_set(1, &peer, mac), 0);
	node_run();
	assert_int_equal(neigh_node_only(1)->bytes[5], 0xee);
	neigh_node_input(1, PEER_MOVES);
	neigh_node_input(1, PEER_REPLIES);
	node_advance(1000 * NSEC_PER_SEC);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_PERMANENT, 0xee);
	node_clear();
	neigh_node_input(0, TO_PEER);
	assert_int_equal(neigh_node_only(1)->bytes[5], 0xee);
	assert_int_equal(neigh_static_del(1, &peer), 0);
	assert_int_equal(neigh_static_del(1, &peer), -ENOENT);
	assert_int_equal(neigh_count(), 0);
}

#define NEIGH_TEST(f) cmocka_unit_test_setup_teardown(f, neigh_node_start, neigh_node_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEIGH_TEST(a_packet_waits_for_the_answer),
		NEIGH_TEST(a_request_from_the_neighbour_answers_too),
		NEIGH_TEST(three_questions_then_the_sender_hears_of_it),
		NEIGH_TEST(a_failed_neighbour_is_asked_again_after_three_seconds),
		NEIGH_TEST(a_stale_neighbour_is_used_and_then_checked),
		NEIGH_TEST(a_neighbour_that_went_fails_after_a_last_question_to_all),
		NEIGH_TEST(a_link_that_came_up_makes_its_neighbours_doubtful),
		NEIGH_TEST(an_unused_neighbour_is_forgotten),
		NEIGH_TEST(a_pinned_neighbour_stays_and_is_resolved_on_use),
		NEIGH_TEST(a_pin_that_was_never_used_leaves_nothing),
		NEIGH_TEST(a_static_neighbour_believes_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
