/* SPDX-License-Identifier: BSD-3-Clause */
/* The routes that interfaces bring with them, and static routes in their place. */
#include <errno.h>

#include "tests/unit/frame.h"
#include "tests/unit/route_node.h"

static void interfaces_bring_their_own_routes(void **state)
{
	static const struct {
		const char *addr;
		enum nexthop_kind kind;
	} cases[] = {
		{"192.0.2.1", NEXTHOP_LOCAL},
		{"192.0.2.9", NEXTHOP_CONNECTED},
		{"192.0.2.0", NEXTHOP_BROADCAST},
		{"192.0.2.255", NEXTHOP_BROADCAST},
		{"198.51.100.1", NEXTHOP_LOCAL},
		{"198.51.100.254", NEXTHOP_CONNECTED},
		{"2001:db8::1", NEXTHOP_LOCAL}, /* still tentative */
		{"2001:db8::2", NEXTHOP_CONNECTED},
		{"2001:db8::", NEXTHOP_CONNECTED},
		{"203.0.113.1", NEXTHOP_NONE},
		{"fe80::9", NEXTHOP_NONE},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct nexthop *nh = route_lookup(cases[i].addr);

		assert_int_equal(nh->kind, cases[i].kind);
		if (nh->kind == NEXTHOP_CONNECTED)
			assert_string_equal(world_current->ifaces[nh->iface].name,
				cases[i].addr[1] == '9' && cases[i].addr[2] == '8' ? "wan" : "lan");
	}
}

static void small_subnets_have_no_broadcast_address(void **state)
{
	route_begin_bare();
	route_want_interface("lan", "10.1.0.0/31", "10.2.0.5/32", NULL);
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(route_lookup("10.1.0.0")->kind, NEXTHOP_LOCAL);
	assert_int_equal(route_lookup("10.1.0.1")->kind, NEXTHOP_CONNECTED);
	assert_int_equal(route_lookup("10.2.0.5")->kind, NEXTHOP_LOCAL);
	assert_int_equal(route_lookup("192.0.2.1")->kind, NEXTHOP_NONE);
}

static void an_own_address_beats_a_broadcast_address(void **state)
{
	route_begin_bare();
	route_want_interface("lan", "10.1.0.9/24", NULL, NULL);
	route_want_interface("wan", "10.1.0.255/16", NULL, NULL);
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(route_lookup("10.1.0.255")->kind, NEXTHOP_LOCAL);
	assert_int_equal(route_lookup("10.1.255.255")->kind, NEXTHOP_BROADCAST);
	assert_int_equal(route_lookup("10.1.0.0")->kind, NEXTHOP_BROADCAST);
}

static void a_static_route_in_the_place_of_an_own_one_is_refused(void **state)
{
	static const struct {
		const char *prefix;
		const char *sentence;
	} cases[] = {
		{"192.0.2.0/24",
			"route 192.0.2.0/24 is a subnet of interface \"lan\" already: remove "
			"the route, or change the address of the interface"},
		{"192.0.2.1/32", "route 192.0.2.1 is an own address of interface \"lan\" already: "
				 "remove the route, or change the address of the interface"},
		{"192.0.2.255/32",
			"route 192.0.2.255 is the network or broadcast address of interface "
			"\"lan\" already: remove the route, or change the address of the "
			"interface"},
	};

	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct base_error err = {};

		route_begin();
		route_want_hop(0, "192.0.2.7", NULL);
		assert_int_equal(route_want(cases[i].prefix, 0, NULL), 0);
		assert_int_equal(route_commit(&err), -EEXIST);
		assert_string_equal(err.text, cases[i].sentence);
		assert_int_equal(generation_abort(NULL), 0);
	}
	assert_int_equal(route_lookup("192.0.2.9")->kind, NEXTHOP_CONNECTED);
}

static void an_installed_route_bars_a_subnet_while_it_is_wanted(void **state)
{
	route_begin();
	route_want_hop(0, "192.0.2.7", NULL);
	route_want("10.1.0.0/16", 0, NULL);
	assert_int_equal(route_commit(NULL), 0);
	route_begin_bare();
	route_want_interface("lan", "192.0.2.1/24", NULL, NULL);
	route_want_interface("wan", "10.1.0.1/16", NULL, NULL);
	route_want_hop(0, "192.0.2.7", NULL);
	route_want("10.1.0.0/16", 0, NULL);
	assert_int_equal(route_commit(NULL), -EEXIST);
	assert_int_equal(route_lookup("10.1.0.1")->kind, NEXTHOP_NEIGHBOR);
	generation_abort(NULL);
}

static void a_route_and_a_subnet_can_change_places_in_one_step(void **state)
{
	const struct api_commit_counts *c = &generation_counts()->routes;

	route_begin();
	route_want_hop(0, "192.0.2.7", NULL);
	route_want("10.1.0.0/16", 0, NULL);
	assert_int_equal(route_commit(NULL), 0);
	route_begin_bare();
	route_want_interface("lan", "192.0.2.1/24", NULL, NULL);
	route_want_interface("wan", "10.1.0.1/16", NULL, NULL);
	route_want_hop(0, "192.0.2.7", NULL);
	route_want("198.51.100.0/24", 0, NULL);
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(c->added, 1);
	assert_int_equal(c->removed, 1);
	assert_int_equal(route_lookup("10.1.0.9")->kind, NEXTHOP_CONNECTED);
	assert_int_equal(route_lookup("198.51.100.1")->kind, NEXTHOP_NEIGHBOR);
	assert_int_equal(route_rib.n_static[0], 1);
	route_begin();
	route_want_hop(0, "192.0.2.7", NULL);
	route_want("10.1.0.0/16", 0, NULL);
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(route_lookup("10.1.0.1")->kind, NEXTHOP_NEIGHBOR);
	assert_int_equal(route_lookup("198.51.100.9")->kind, NEXTHOP_CONNECTED);
	assert_int_equal(route_rib.n_static[0], 1);
}

static const char claim[] = "eth{dst=all6} ip6{hop=255,src=node,dst=all} "
			    "icmp6{type=136,info=0x20000000,"
			    "hex=20010db800000000000000000000000102010200000000aa}";

/* Another station claims @claim's address while it is probed. */
static void claim_own_address(void)
{
	uint8_t buf[FRAME_MAX];

	node_advance(500 * NSEC_PER_MSEC);
	node_input(0, buf, frame_build(claim, buf));
}

/* The kind of the next hop for the claimed address, and of others beside it. */
static void expect_claimed(enum nexthop_kind kind)
{
	assert_int_equal(route_lookup("2001:db8::1")->kind, kind);
	assert_int_equal(route_lookup("2001:db8::2")->kind, NEXTHOP_CONNECTED);
	assert_int_equal(route_lookup("192.0.2.1")->kind, NEXTHOP_LOCAL);
}

static void an_address_that_is_a_duplicate_is_on_the_link(void **state)
{
	uint32_t in_use = nexthop_count();

	claim_own_address();
	expect_claimed(NEXTHOP_LOCAL);
	node_advance(NSEC_PER_SEC);
	expect_claimed(NEXTHOP_CONNECTED);
	assert_string_equal(world_current->ifaces[route_lookup("2001:db8::1")->iface].name, "lan");
	world_synchronize();
	assert_int_equal(nexthop_count(), in_use - 1);
	/* It stays so while the configuration names it, and ours if it comes back. */
	route_begin();
	assert_int_equal(route_commit(NULL), 0);
	expect_claimed(NEXTHOP_CONNECTED);
	route_begin_bare();
	route_want_interface("lan", "192.0.2.1/24", "2001:db8::5/64", NULL);
	assert_int_equal(route_commit(NULL), 0);
	expect_claimed(NEXTHOP_CONNECTED);
	route_begin();
	assert_int_equal(route_commit(NULL), 0);
	expect_claimed(NEXTHOP_LOCAL);
	world_synchronize();
	assert_int_equal(nexthop_count(), in_use);
}

static void a_duplicate_without_a_subnet_is_on_the_link_too(void **state)
{
	route_begin_bare();
	route_want_interface("lan", "192.0.2.1/24", "2001:db8::1/128", NULL);
	assert_int_equal(route_commit(NULL), 0);
	claim_own_address();
	node_advance(NSEC_PER_SEC);
	assert_int_equal(route_lookup("2001:db8::1")->kind, NEXTHOP_CONNECTED);
	assert_int_equal(route_lookup("2001:db8::2")->kind, NEXTHOP_NONE);
}

static void a_duplicate_still_bars_a_static_route(void **state)
{
	struct base_error err = {};

	claim_own_address();
	node_advance(NSEC_PER_SEC);
	route_begin();
	route_want_hop(0, "2001:db8::7", NULL);
	assert_int_equal(route_want("2001:db8::1/128", 0, NULL), 0);
	assert_int_equal(route_commit(&err), -EEXIST);
	assert_string_equal(err.text,
		"route 2001:db8::1 is an own address of interface \"lan\" already: remove the "
		"route, or change the address of the interface");
}

static void a_duplicate_leaves_what_is_staged_alone(void **state)
{
	claim_own_address();
	route_begin();
	route_want_hop(0, "192.0.2.7", NULL);
	route_want("10.1.0.0/16", 0, NULL);
	node_advance(NSEC_PER_SEC);
	expect_claimed(NEXTHOP_CONNECTED);
	assert_int_equal(route_lookup("10.1.0.1")->kind, NEXTHOP_NONE);
	assert_int_equal(route_commit(NULL), 0);
	expect_claimed(NEXTHOP_CONNECTED);
	assert_int_equal(route_lookup("10.1.0.1")->kind, NEXTHOP_NEIGHBOR);
}

/* Stops before every step of a commit in turn: half a generation is never seen. */
static void a_duplicate_found_during_a_commit_waits_for_its_end(void **state)
{
	unsigned steps = 0;

	for (unsigned before = 0; before == 0 || steps >= before; before++) {
		route_node_stop(state);
		route_node_start(state);
		route_begin();
		route_want_hop(0, "192.0.2.7", NULL);
		route_want("10.1.0.0/16", 0, NULL);
		route_want("2001:db8:9::/48", 0, NULL);
		assert_int_equal(
			generation_commit_start(world_current->generation + 1, 0, NULL, NULL), 0);
		for (steps = 0; generation_busy(); steps++) {
			bool published = world_current->generation > 1;

			if (steps == before) {
				claim_own_address();
				node_advance(NSEC_PER_SEC);
				expect_claimed(NEXTHOP_LOCAL);
			}
			assert_int_equal(route_lookup("10.1.0.1")->kind,
				published ? NEXTHOP_NEIGHBOR : NEXTHOP_NONE);
			generation_step(1);
		}
		node_advance(NSEC_PER_SEC);
		if (steps > before)
			expect_claimed(NEXTHOP_CONNECTED);
	}
	assert_true(steps > 5);
}

static int want_service(const char *prefix, uint16_t front, bool is_pool)
{
	struct ip_addr p = route_addr(prefix);

	return route_stage_service(&p, front, is_pool, NULL);
}

static void services_have_routes_of_their_own(void **state)
{
	const struct nexthop *nh;
	uint64_t before = route_table_sum();

	route_begin();
	assert_int_equal(want_service("203.0.113.10", 1500, false), 0);
	assert_int_equal(want_service("192.0.2.64/27", 7, false), 0);
	assert_int_equal(want_service("2001:db8:f::/124", 3, true), 0);
	assert_int_equal(route_commit_flags(0, 1, NULL), 0);
	nh = route_lookup("203.0.113.10");
	assert_int_equal(nh->kind, NEXTHOP_SERVICE);
	assert_int_equal(nh->iface, 1500);
	assert_int_equal(route_lookup("192.0.2.70")->iface, 7);
	assert_int_equal(route_lookup("192.0.2.96")->kind, NEXTHOP_CONNECTED);
	assert_int_equal(route_lookup("2001:db8:f::9")->iface, 3);
	assert_int_equal(generation_counts()->routes.added, 0);
	route_begin();
	assert_int_equal(route_commit(NULL), 0);
	assert_true(route_table_sum() == before);
}

static void a_service_beats_a_subnet_but_not_an_own_address(void **state)
{
	route_begin();
	assert_int_equal(want_service("192.0.2.0/24", 1, false), 0);
	assert_int_equal(want_service("192.0.2.1", 2, false), 0);
	assert_int_equal(want_service("192.0.2.255", 3, false), 0);
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(route_lookup("192.0.2.9")->kind, NEXTHOP_SERVICE);
	assert_int_equal(route_lookup("192.0.2.1")->kind, NEXTHOP_LOCAL);
	assert_int_equal(route_lookup("192.0.2.255")->kind, NEXTHOP_SERVICE);
	assert_int_equal(route_lookup("192.0.2.0")->kind, NEXTHOP_BROADCAST);
}

static void a_static_route_in_the_place_of_a_service_is_refused(void **state)
{
	struct base_error err;

	for (unsigned first = 0; first < 2; first++) {
		route_begin();
		if (first)
			assert_int_equal(want_service("203.0.113.0/28", 1, true), 0);
		assert_int_equal(route_want_hop(1, "192.0.2.254", NULL), 0);
		assert_int_equal(route_want("203.0.113.0/28", 1, NULL), 0);
		if (!first)
			assert_int_equal(want_service("203.0.113.0/28", 1, true), 0);
		assert_int_equal(route_commit(&err), -EEXIST);
		assert_non_null(strstr(err.text, "the VIP of a service or a prefix of the NAT"));
	}
	/* Beside it, a route may be longer or shorter. */
	route_begin();
	assert_int_equal(want_service("203.0.113.0/28", 1, true), 0);
	assert_int_equal(route_want_hop(1, "192.0.2.254", NULL), 0);
	assert_int_equal(route_want("203.0.113.0/24", 1, NULL), 0);
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(route_lookup("203.0.113.5")->kind, NEXTHOP_SERVICE);
	assert_int_equal(route_lookup("203.0.113.20")->kind, NEXTHOP_NEIGHBOR);
}

static void a_route_and_a_service_can_change_places_in_one_step(void **state)
{
	for (unsigned turn = 0; turn < 4; turn++) {
		route_begin();
		if (turn % 2)
			assert_int_equal(want_service("203.0.113.0/28", 1, false), 0);
		else
			assert_int_equal(route_want_hop(1, "192.0.2.254", NULL), 0);
		if (turn % 2 == 0)
			assert_int_equal(route_want("203.0.113.0/28", 1, NULL), 0);
		assert_int_equal(route_commit(NULL), 0);
		assert_int_equal(route_lookup("203.0.113.5")->kind,
			turn % 2 ? NEXTHOP_SERVICE : NEXTHOP_NEIGHBOR);
	}
}

static void there_is_a_limit_of_service_routes(void **state)
{
	route_begin();
	for (uint32_t i = 0; i <= ROUTE_SERVICES_MAX; i++) {
		struct ip_addr p = ip_addr_v4(htobe32(0x0a000000 + i));

		assert_int_equal(route_stage_service(&p, (uint16_t)i, false, NULL),
			i < ROUTE_SERVICES_MAX ? 0 : -ENOSPC);
	}
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(route_lookup("10.0.7.255")->iface, 2047);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTE_TEST(services_have_routes_of_their_own),
		ROUTE_TEST(a_service_beats_a_subnet_but_not_an_own_address),
		ROUTE_TEST(a_static_route_in_the_place_of_a_service_is_refused),
		ROUTE_TEST(a_route_and_a_service_can_change_places_in_one_step),
		ROUTE_TEST(there_is_a_limit_of_service_routes),
		ROUTE_TEST(interfaces_bring_their_own_routes),
		ROUTE_TEST(small_subnets_have_no_broadcast_address),
		ROUTE_TEST(an_own_address_beats_a_broadcast_address),
		ROUTE_TEST(a_static_route_in_the_place_of_an_own_one_is_refused),
		ROUTE_TEST(an_installed_route_bars_a_subnet_while_it_is_wanted),
		ROUTE_TEST(a_route_and_a_subnet_can_change_places_in_one_step),
		ROUTE_TEST(an_address_that_is_a_duplicate_is_on_the_link),
		ROUTE_TEST(a_duplicate_without_a_subnet_is_on_the_link_too),
		ROUTE_TEST(a_duplicate_still_bars_a_static_route),
		ROUTE_TEST(a_duplicate_leaves_what_is_staged_alone),
		ROUTE_TEST(a_duplicate_found_during_a_commit_waits_for_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
