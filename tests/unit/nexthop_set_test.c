/* SPDX-License-Identifier: BSD-3-Clause */
/* Each different way has one number, holds what it leads to, and gives it back. */
#include "tests/unit/route_node.h"

#define LAN 0

/* A key of the @hops, up to the first NULL, on interface lan; weights 1, 2, 3... */
static struct nexthop_key *key_of(const char *const hops[])
{
	struct nexthop_key *key;
	unsigned n = 0;

	while (hops[n])
		n++;
	key = nexthop_key_create(n == 1 ? NEXTHOP_NEIGHBOR : NEXTHOP_GROUP, n);
	assert_non_null(key);
	for (unsigned k = 0; k < n; k++)
		key->hops[k] = (struct nexthop_hop){
			.addr = route_addr(hops[k]), .iface = LAN, .weight = (uint16_t)(k + 1)};
	nexthop_key_normalize(key);
	return key;
}

static uint16_t create(const struct nexthop_key *key, struct base_error *err)
{
	return nexthop_set_create(key, world_current->ifaces, err);
}

static void a_single_hop_has_the_number_of_its_neighbour(void **state)
{
	struct nexthop_key *key = key_of((const char *const[]){"192.0.2.7", NULL});
	uint16_t number = create(key, NULL);

	assert_int_not_equal(number, 0);
	assert_int_equal(nexthop_set_find(key), number);
	assert_int_equal(
		neigh_lookup4(neigh_table(), LAN, ip_addr_v4_be(&key->hops[0].addr)), number);
	assert_int_equal(nexthop_array()[number].kind, NEXTHOP_NEIGHBOR);
	nexthop_set_sweep();
	assert_int_equal(nexthop_set_find(key), 0);
	assert_int_equal(neigh_count(), 0);
	free(key);
}

static void the_order_of_hops_makes_no_other_set(void **state)
{
	static const char *const hops[] = {"192.0.2.7", "192.0.2.8", "192.0.2.9", NULL};
	struct nexthop_key *key = key_of(hops), *turned = nexthop_key_create(NEXTHOP_GROUP, 3);
	uint16_t number = create(key, NULL);

	for (unsigned k = 0; k < 3; k++)
		turned->hops[k] = key->hops[2 - k];
	nexthop_key_normalize(turned);
	assert_int_equal(nexthop_set_find(turned), number);
	turned->hops[0].weight++;
	assert_int_equal(nexthop_set_find(turned), 0);
	nexthop_set_sweep();
	free(key);
	free(turned);
}

static void the_buckets_of_a_group_lead_to_its_neighbours(void **state)
{
	struct nexthop_key *key = key_of(two_hops);
	const struct nexthop *nh = &nexthop_array()[create(key, NULL)];
	unsigned counts[2] = {0};

	assert_int_equal(nh->kind, NEXTHOP_GROUP);
	assert_int_equal(nh->family, 4);
	assert_int_equal(nh->group->n_hops, 2);
	for (unsigned b = 0; b < WORLD_ECMP_BUCKETS; b++) {
		unsigned k = nh->group->buckets[b] == nh->group->hops[1];

		assert_int_equal(nh->group->buckets[b], nh->group->hops[k]);
		assert_int_equal(nexthop_array()[nh->group->buckets[b]].kind, NEXTHOP_NEIGHBOR);
		counts[k]++;
	}
	/* Weights 1 and 2: a third and two thirds, give or take four standard deviations. */
	assert_in_range(counts[0], 281, 402);
	assert_int_equal(counts[0] + counts[1], WORLD_ECMP_BUCKETS);
	nexthop_set_sweep();
	assert_int_equal(neigh_count(), 0);
	free(key);
}

static void what_a_route_uses_survives_the_sweep(void **state)
{
	struct nexthop_key *key = key_of(two_hops);
	uint32_t before = nexthop_count();
	uint16_t number = create(key, NULL);

	nexthop_set_ref(number);
	nexthop_set_sweep();
	assert_int_equal(nexthop_set_find(key), number);
	assert_int_equal(nexthop_count(), before + 3);
	nexthop_set_unref(number);
	nexthop_set_sweep();
	assert_int_equal(nexthop_set_find(key), 0);
	world_synchronize();
	assert_int_equal(nexthop_count(), before);
	free(key);
}

static void fixed_verdicts_have_fixed_numbers(void **state)
{
	struct nexthop_key *blackhole = nexthop_key_create(NEXTHOP_BLACKHOLE, 0);
	struct nexthop_key *reject = nexthop_key_create(NEXTHOP_REJECT, 0);

	assert_int_equal(nexthop_set_find(blackhole), NEXTHOP_NUMBER_BLACKHOLE);
	assert_int_equal(nexthop_set_find(reject), NEXTHOP_NUMBER_REJECT);
	assert_null(nexthop_set_key(NEXTHOP_NUMBER_REJECT));
	free(blackhole);
	free(reject);
}

static void subnets_of_two_interfaces_are_two_ways(void **state)
{
	struct nexthop_key *key = nexthop_key_create(NEXTHOP_CONNECTED, 1);
	uint16_t number;

	key->hops[0] = (struct nexthop_hop){.addr = route_addr("10.0.0.0/8"), .iface = 0};
	number = create(key, NULL);
	assert_int_equal(nexthop_array()[number].kind, NEXTHOP_CONNECTED);
	assert_int_equal(nexthop_array()[number].addr.prefix_len, 8);
	key->hops[0].iface = 1;
	assert_int_equal(nexthop_set_find(key), 0);
	key->hops[0] = (struct nexthop_hop){.addr = route_addr("10.0.0.0/9"), .iface = 0};
	assert_int_equal(nexthop_set_find(key), 0);
	nexthop_set_sweep();
	free(key);
}

/* Sets of 32 neighbours each, until the neighbour table is full in the middle of one. */
static void a_full_neighbour_table_leaves_nothing_half_made(void **state)
{
	struct nexthop_key *key = nexthop_key_create(NEXTHOP_GROUP, API_HOPS_MAX);
	struct base_error err = {};
	uint32_t neighbours = 1;

	/* One neighbour more than the sets divide into. */
	assert_int_not_equal(neigh_pin(LAN, &(struct ip_addr){.family = 6, .prefix_len = 128}), 0);
	for (uint32_t set = 0;; set++) {
		for (unsigned k = 0; k < API_HOPS_MAX; k++) {
			key->hops[k] = (struct nexthop_hop){.iface = LAN, .weight = 1};
			key->hops[k].addr =
				ip_addr_v4(htobe32(0x0a000000u + set * API_HOPS_MAX + k));
		}
		nexthop_key_normalize(key);
		if (create(key, &err) == 0)
			break;
		neighbours += API_HOPS_MAX;
		assert_int_equal(neigh_count(), neighbours);
	}
	assert_non_null(strstr(err.text, "no room for another next-hop set"));
	assert_int_equal(nexthop_set_find(key), 0);
	assert_int_equal(neigh_count(), neighbours);
	nexthop_set_sweep();
	assert_int_equal(neigh_count(), 1);
	free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTE_TEST(a_single_hop_has_the_number_of_its_neighbour),
		ROUTE_TEST(the_order_of_hops_makes_no_other_set),
		ROUTE_TEST(the_buckets_of_a_group_lead_to_its_neighbours),
		ROUTE_TEST(what_a_route_uses_survives_the_sweep),
		ROUTE_TEST(fixed_verdicts_have_fixed_numbers),
		ROUTE_TEST(subnets_of_two_interfaces_are_two_ways),
		ROUTE_TEST(a_full_neighbour_table_leaves_nothing_half_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
