/* SPDX-License-Identifier: BSD-3-Clause */
/* The neighbour table: its limits under attack, eviction, dumps, and readers beside the writer. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "lib/rcu/rcu.h"
#include "tests/unit/neigh_node.h"

#define SHARE 2048 /* entries that packets to addresses without an answer may take */

static struct ip_addr peer6(unsigned number)
{
	char text[64];
	struct ip_addr a;

	snprintf(text, sizeof(text), "2001:db8:1::1:%x", number);
	assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

static void send_to6(unsigned number)
{
	uint8_t buf[FRAME_MAX];
	uint32_t len = frame_build("eth ip6{dst=2001:db8:1::1:0} udp pad{20}", buf);

	buf[14 + 24 + 14] = (uint8_t)(number >> 8);
	buf[14 + 24 + 15] = (uint8_t)number;
	node_input(0, buf, len);
}

/* A solicitation for us from peer @number. */
static void ask_us6(unsigned number)
{
	uint8_t buf[FRAME_MAX];
	char text[256];

	snprintf(text, sizeof(text),
		"eth{dst=solicited,src=peer} ip6{hop=255,src=2001:db8:1::1:%x,dst=solicited} "
		"icmp6{type=135,info=0,hex=20010db800010000000000000000000101010200000000bb}",
		number);
	node_input(1, buf, frame_build(text, buf));
}

static void a_scan_takes_only_its_share_and_leaves_nothing(void **state)
{
	struct ip_addr a = peer6(0xf000);

	neigh_node_know_host();
	for (unsigned i = 0; i < 7000; i++) {
		send_to6(i);
		if (i % 64 == 63)
			node_run();
	}
	node_run();
	assert_int_equal(neigh_count(), SHARE + 2);
	assert_int_equal(neigh_held(), SHARE);
	assert_int_equal(node_drops(DROP_neigh_table_full), 7000 - SHARE);
	/* Hosts that speak to us, and routes, still find room. */
	ask_us6(0x7000);
	node_run();
	assert_int_equal(neigh_count(), SHARE + 3);
	assert_int_not_equal(neigh_pin(1, &a), 0);
	node_advance(8 * NSEC_PER_SEC);
	assert_int_equal(neigh_count(), 4);
	assert_int_equal(neigh_held(), 0);
	assert_int_equal(node_drops(DROP_lane_full), 0);
	node_check_accounts();
	node_clear();
	send_to6(1);
	node_run();
	assert_int_equal(neigh_held(), 1);
}

static void the_oldest_idle_neighbours_give_way(void **state)
{
	struct ip_addr first = peer6(0), last = peer6(9999), pinned = peer6(5);
	uint16_t number = 0;

	for (unsigned i = 0; i < 10000; i++) {
		ask_us6(i);
		if (i == 10) {
			node_run();
			number = neigh_pin(1, &pinned);
		}
		if (i % 200 == 199)
			node_advance(10 * NSEC_PER_MSEC);
	}
	node_advance(20 * NSEC_PER_MSEC);
	assert_in_range(neigh_count(), NEIGH_MAX - 1024, NEIGH_MAX - 512 + 200);
	assert_int_equal(node_drops(DROP_neigh_table_full), 0);
	assert_int_equal(neigh_lookup6(neigh_table(), 1, first.bytes), 0);
	assert_int_not_equal(neigh_lookup6(neigh_table(), 1, last.bytes), 0);
	assert_int_equal(neigh_lookup6(neigh_table(), 1, pinned.bytes), number);
	send_to6(0xf000);
	node_run();
	assert_int_equal(neigh_held(), 1);
}

static void failed_neighbours_make_room_for_new_questions(void **state)
{
	neigh_node_know_host();
	for (unsigned i = 0; i < SHARE; i++) {
		send_to6(i);
		if (i % 64 == 63)
			node_run();
	}
	node_advance(3500 * NSEC_PER_MSEC);
	assert_int_equal(neigh_held(), 0);
	assert_int_equal(neigh_count(), SHARE + 2);
	for (unsigned i = 0; i < 100; i++)
		send_to6(0x2000 + i);
	node_run();
	assert_int_equal(neigh_held(), 100);
	assert_int_equal(neigh_count(), SHARE + 2);
	assert_int_equal(node_drops(DROP_neigh_table_full), 0);
}

static void a_table_full_of_pins_says_so(void **state)
{
	struct ip_addr a = peer6(NEIGH_MAX);
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 3};

	for (unsigned i = 0; i < NEIGH_MAX; i++) {
		struct ip_addr p = peer6(i);

		assert_int_not_equal(neigh_pin(1, &p), 0);
	}
	assert_int_equal(neigh_pin(1, &a), 0);
	assert_int_equal(neigh_static_set(1, &a, mac), -ENOSPC);
	for (unsigned i = 0; i < NEIGH_MAX; i++) {
		struct ip_addr p = peer6(i);

		neigh_unpin((uint16_t)neigh_lookup6(neigh_table(), 1, p.bytes));
	}
	assert_int_equal(neigh_count(), 0);
	assert_int_not_equal(neigh_pin(1, &a), 0);
}

static void a_dump_in_parts_names_each_neighbour_once(void **state)
{
	struct api_neighbor_info info[7];
	uint8_t seen[100] = {0};
	uint64_t cursor = 0;
	size_t n;

	for (unsigned i = 0; i < 100; i++) {
		struct ip_addr p = peer6(i);

		assert_int_not_equal(neigh_pin(1, &p), 0);
	}
	do {
		n = neigh_dump(&cursor, node_now_ns(), info, ARRAY_SIZE(info));
		for (size_t k = 0; k < n; k++) {
			assert_string_equal(info[k].interface, "wan");
			seen[info[k].address.bytes[15]]++;
		}
	} while (cursor != 0);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(seen[i], 1);
}

static struct {
	_Atomic bool stop;
	uint16_t number;
	struct ip_addr kept;
	uint64_t lookups, misses, wrong;
} reader;

/* Looks up a neighbour that is always there, and others that come and go. */
static void *read_table(void *arg)
{
	rcu_register_thread();
	while (!atomic_load(&reader.stop)) {
		for (unsigned i = 0; i < 256; i++) {
			struct ip_addr other = reader.kept;
			uint32_t number;

			if (neigh_lookup6(neigh_table(), 1, reader.kept.bytes) != reader.number)
				reader.misses++;
			other.bytes[15] = (uint8_t)(i + 1);
			number = neigh_lookup6(neigh_table(), 1, other.bytes);
			if (number != 0 &&
				!ip_addr_same_host(&world_current->nexthops[number].addr, &other))
				reader.wrong++;
			reader.lookups += 2;
		}
		rcu_quiescent_state();
	}
	rcu_unregister_thread();
	return NULL;
}

static void readers_see_whole_chains_while_entries_come_and_go(void **state)
{
	pthread_t thread;

	reader.kept = peer6(0);
	reader.number = neigh_pin(1, &reader.kept);
	assert_int_equal(pthread_create(&thread, NULL, read_table, NULL), 0);
	for (unsigned round = 0; round < 200; round++) {
		uint16_t numbers[200];

		for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
			struct ip_addr p = peer6(i + 1);

			numbers[i] = neigh_pin(1, &p);
			assert_int_not_equal(numbers[i], 0);
		}
		for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++)
			neigh_unpin(numbers[i]);
		node_advance(20 * NSEC_PER_MSEC);
	}
	atomic_store(&reader.stop, true);
	rcu_thread_offline();
	pthread_join(thread, NULL);
	rcu_thread_online();
	assert_int_not_equal(reader.lookups, 0);
	assert_int_equal(reader.misses, 0);
	assert_int_equal(reader.wrong, 0);
}

#define NEIGH_TEST(f) cmocka_unit_test_setup_teardown(f, neigh_node_start, neigh_node_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEIGH_TEST(a_scan_takes_only_its_share_and_leaves_nothing),
		NEIGH_TEST(the_oldest_idle_neighbours_give_way),
		NEIGH_TEST(failed_neighbours_make_room_for_new_questions),
		NEIGH_TEST(a_table_full_of_pins_says_so),
		NEIGH_TEST(a_dump_in_parts_names_each_neighbour_once),
		NEIGH_TEST(readers_see_whole_chains_while_entries_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
