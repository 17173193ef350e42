/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that wait for a neighbour: order, limits, and where they end. */
#include <stdio.h>

#include "dataplane/core/mailbox.h"
#include "tests/unit/neigh_node.h"

/* A packet to @peer whose UDP source port is @number. */
static void send_numbered(const char *peer, unsigned number)
{
	char text[256];

	snprintf(text, sizeof(text), "eth ip4{dst=%s} udp{sport=%u} pad{20}", peer, number);
	neigh_node_input(0, text);
}

static void the_oldest_gives_way_and_the_rest_leaves_in_order(void **state)
{
	for (unsigned i = 0; i < NEIGH_HOLD_MAX + 5; i++)
		send_numbered("peer", 1000 + i);
	assert_int_equal(neigh_held(), NEIGH_HOLD_MAX);
	assert_int_equal(node_drops(DROP_neigh_hold_overflow), 5);
	assert_int_equal(neigh_node_info("198.51.100.2").held, NEIGH_HOLD_MAX);
	node_clear();
	neigh_node_input(1, PEER_REPLIES);
	assert_int_equal(node_n_output(), NEIGH_HOLD_MAX);
	for (unsigned i = 0; i < NEIGH_HOLD_MAX; i++) {
		const uint8_t *udp = node_output(i)->bytes + 14 + 20;

		assert_int_equal(udp[0] << 8 | udp[1], 1005 + i);
	}
}

static void neighbours_share_a_total(void **state)
{
	unsigned n_hosts = NEIGH_HOLD_TOTAL_MAX / NEIGH_HOLD_MAX + 2;
	char peer[32];

	neigh_node_know_host();
	for (unsigned h = 0; h < n_hosts; h++) {
		snprintf(peer, sizeof(peer), "198.51.100.%u", h + 10);
		for (unsigned i = 0; i < NEIGH_HOLD_MAX; i++)
			send_numbered(peer, i);
	}
	assert_int_equal(neigh_held(), NEIGH_HOLD_TOTAL_MAX);
	assert_int_equal(node_drops(DROP_neigh_hold_limit), 2 * NEIGH_HOLD_MAX);
	node_check_accounts();
	node_advance(4 * NSEC_PER_SEC);
	assert_int_equal(neigh_held(), 0);
	assert_int_equal(node_drops(DROP_neigh_unreachable), NEIGH_HOLD_TOTAL_MAX);
	assert_int_equal(node_drops(DROP_lane_full), 0);
	send_numbered("peer", 1);
	assert_int_equal(neigh_held(), 1);
}

static void answers_that_come_together_release_without_loss(void **state)
{
	uint8_t buf[FRAME_MAX];
	char text[160];

	for (unsigned h = 0; h < 60; h++) {
		snprintf(text, sizeof(text), "198.51.100.%u", h + 10);
		for (unsigned i = 0; i < NEIGH_HOLD_MAX; i++)
			send_numbered(text, i);
	}
	node_clear();
	for (unsigned h = 0; h < 60; h++) {
		snprintf(text, sizeof(text),
			"eth{dst=node2,src=peer} arp{op=2,sha=peer,spa=198.51.100.%u,tpa=node2}",
			h + 10);
		node_input(1, buf, frame_build(text, buf));
	}
	node_run();
	node_advance(20 * NSEC_PER_MSEC);
	assert_int_equal(neigh_held(), 0);
	assert_int_equal(node_n_output(), 60 * NEIGH_HOLD_MAX);
	assert_int_equal(node_drop_reason(), DROP_NONE);
}

static void an_own_answer_that_cannot_be_delivered_ends_quietly(void **state)
{
	neigh_node_input(0, "eth ip4{dst=node} icmp4 pad{20}");
	assert_int_equal(neigh_held(), 1);
	node_advance(4 * NSEC_PER_SEC);
	assert_int_equal(neigh_held(), 0);
	assert_int_equal(node_drop_reason(), DROP_neigh_unreachable);
	assert_int_equal(neigh_node_sent(0, 0x0800), 0);
}

static void a_flood_to_a_silent_neighbour_leaves_the_ring_to_arp(void **state)
{
	uint8_t flood[FRAME_MAX], ask[FRAME_MAX];
	uint32_t flood_len = frame_build(TO_PEER, flood), ask_len = frame_build(PEER_ASKS, ask);
	struct worker *w = node_worker(0);

	/* The main thread is busy elsewhere: only the worker turns. */
	for (unsigned i = 0; i < MAILBOX_ENTRIES + BURST_MAX; i++) {
		node_input(0, flood, flood_len);
		if (i % BURST_MAX == BURST_MAX - 1)
			worker_turn(w);
	}
	assert_in_range(node_drops(DROP_neigh_hold_limit), 1, MAILBOX_ENTRIES);
	node_input(1, ask, ask_len);
	worker_turn(w);
	node_run();
	assert_int_equal(node_drops(DROP_mailbox_full), 0);
	assert_int_equal(neigh_held(), 0);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_DELAY, 0xbb);
	assert_int_equal(neigh_node_sent(1, 0x0806), 2);
}

static void a_node_that_ends_drops_what_it_holds(void **state)
{
	send_numbered("peer", 1);
	assert_int_equal(neigh_held(), 1);
}

#define NEIGH_TEST(f) cmocka_unit_test_setup_teardown(f, neigh_node_start, neigh_node_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEIGH_TEST(the_oldest_gives_way_and_the_rest_leaves_in_order),
		NEIGH_TEST(neighbours_share_a_total),
		NEIGH_TEST(answers_that_come_together_release_without_loss),
		NEIGH_TEST(an_own_answer_that_cannot_be_delivered_ends_quietly),
		NEIGH_TEST(a_flood_to_a_silent_neighbour_leaves_the_ring_to_arp),
		NEIGH_TEST(a_node_that_ends_drops_what_it_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
