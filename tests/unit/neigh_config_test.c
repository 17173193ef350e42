/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of neighbours and own addresses when the interfaces change under them. */
#include <errno.h>

#include "tests/unit/neigh_node.h"

#define ARP 0x0806

/* A world with a copy of the interfaces for a test to change. */
struct changed {
	struct world world;
	struct iface ifaces[WORLD_INTERFACES_MAX];
};

static struct changed changed;

static struct iface *change(uint16_t number)
{
	changed.world = *world_current;
	memcpy(changed.ifaces, world_current->ifaces, sizeof(changed.ifaces));
	changed.world.ifaces = changed.ifaces;
	return &changed.ifaces[number];
}

static void apply(void)
{
	neigh_interfaces_changed(workers[workers[0]->main_id], &changed.world);
	node_run();
}

static struct ip_addr peer(void)
{
	struct ip_addr a;

	assert_int_equal(ip_addr_parse("198.51.100.2", &a), 0);
	return a;
}

static void neighbours_of_an_interface_that_went_end_with_what_they_hold(void **state)
{
	struct ip_addr a = peer();
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0xee};

	neigh_node_input(0, "eth{dst=all} arp");
	neigh_node_input(0, TO_PEER);
	change(1)->up = false;
	apply();
	assert_int_equal(node_drops(DROP_neigh_gone), 1);
	assert_int_equal(neigh_held(), 0);
	assert_int_equal(neigh_count(), 1);
	neigh_node_expect("192.0.2.2", API_NEIGHBOR_STALE, 0xaa);
	assert_int_equal(neigh_static_set(1, &a, mac), 0);
	apply();
	assert_int_equal(neigh_static_del(1, &a), -ENOENT);
	/* Nothing is left that would still ask for them. */
	node_clear();
	node_advance(5 * NSEC_PER_SEC);
	assert_int_equal(node_n_output(), 0);
}

static void a_neighbour_outside_its_subnet_ends_or_is_forgotten(void **state)
{
	struct ip_addr a = peer();
	uint16_t number = neigh_pin(1, &a);

	neigh_node_input(1, PEER_ASKS);
	neigh_node_input(1, "eth{dst=all,src=peer} arp{sha=peer,spa=198.51.100.3,tpa=node2}");
	assert_int_equal(neigh_count(), 2);
	change(1)->addresses[0].addr.bytes[2] = 101;
	apply();
	assert_int_equal(neigh_count(), 1);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_INCOMPLETE, 0);
	assert_int_equal(neigh_lookup4(neigh_table(), 1, ip_addr_v4_be(&a)), number);
}

static void what_did_not_change_is_left_alone(void **state)
{
	neigh_node_input(1, PEER_ASKS);
	neigh_node_input(0, TO_PEER);
	node_clear();
	change(1);
	apply();
	node_advance(NSEC_PER_SEC);
	assert_int_equal(node_n_output(), 0);
	neigh_node_expect("198.51.100.2", API_NEIGHBOR_DELAY, 0xbb);
}

static void a_new_address_or_mac_is_announced(void **state)
{
	struct iface *i = change(0);

	i->addresses[i->n_addresses] = i->addresses[0];
	i->addresses[i->n_addresses++].addr.bytes[3] = 9;
	apply();
	neigh_node_same(neigh_node_only(0),
		"eth{dst=all,src=node} arp{sha=node,spa=192.0.2.9,tpa=192.0.2.9}");
	node_advance(3 * NSEC_PER_SEC);
	node_clear();
	i->mac[5] = 0x11;
	apply();
	assert_int_equal(neigh_node_sent(0, ARP), 2);
	assert_int_equal(neigh_node_sent(0, 0x86dd), 2);
}

#define NEIGH_TEST(f) cmocka_unit_test_setup_teardown(f, neigh_node_start, neigh_node_stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NEIGH_TEST(neighbours_of_an_interface_that_went_end_with_what_they_hold),
		NEIGH_TEST(a_neighbour_outside_its_subnet_ends_or_is_forgotten),
		NEIGH_TEST(what_did_not_change_is_left_alone),
		NEIGH_TEST(a_new_address_or_mac_is_announced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
