/* SPDX-License-Identifier: BSD-3-Clause */
/* Static neighbours through generations. */
#include <errno.h>

#include "dataplane/neigh/neigh_impl.h"
#include "tests/unit/route_node.h"

static int want(const char *interface, const char *addr, const char *mac, struct base_error *err)
{
	struct api_neighbor n = {.address = route_addr(addr)};

	base_strlcpy(n.interface, interface, sizeof(n.interface));
	assert_int_equal(mac_parse(mac, n.mac), 0);
	return neigh_stage(&n, err);
}

/* The state of neighbour @addr on lan: "none", "other", or the MAC of a permanent one. */
static const char *lan_neighbour(const char *addr)
{
	static char mac[18];
	struct ip_addr a = route_addr(addr);
	const struct neigh *e = neigh_find(0, &a);

	if (!e)
		return "none";
	return e->state == API_NEIGHBOR_PERMANENT ? mac_format(e->mac, mac) : "other";
}

static void static_neighbours_come_change_and_go(void **state)
{
	const struct api_commit_counts *c = &generation_counts()->neighbors;

	route_begin();
	assert_int_equal(want("lan", "192.0.2.9", "02:00:00:00:00:09", NULL), 0);
	assert_int_equal(want("lan", "192.0.2.8", "02:00:00:00:00:08", NULL), 0);
	assert_int_equal(want("lan", "fe80::8", "02:00:00:00:00:08", NULL), 0);
	assert_string_equal(lan_neighbour("192.0.2.9"), "none");
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(c->added, 3);
	assert_string_equal(lan_neighbour("192.0.2.9"), "02:00:00:00:00:09");
	assert_string_equal(lan_neighbour("fe80::8"), "02:00:00:00:00:08");
	route_begin();
	want("lan", "fe80::8", "02:00:00:00:00:08", NULL);
	want("lan", "192.0.2.9", "02:00:00:00:00:99", NULL);
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(c->added, 0);
	assert_int_equal(c->kept, 1);
	assert_int_equal(c->changed, 1);
	assert_int_equal(c->removed, 1);
	assert_string_equal(lan_neighbour("192.0.2.9"), "02:00:00:00:00:99");
	assert_string_equal(lan_neighbour("192.0.2.8"), "none");
}

static void a_neighbour_that_a_route_holds_is_only_forgotten(void **state)
{
	route_begin();
	want("lan", "192.0.2.9", "02:00:00:00:00:09", NULL);
	route_want_hop(0, "192.0.2.9", NULL);
	route_want("10.0.0.0/8", 0, NULL);
	assert_int_equal(route_commit(NULL), 0);
	assert_true(route_lookup("10.0.0.1")->lladdr & NEXTHOP_LLADDR_VALID);
	route_begin();
	route_want_hop(0, "192.0.2.9", NULL);
	route_want("10.0.0.0/8", 0, NULL);
	assert_int_equal(route_commit(NULL), 0);
	assert_string_equal(lan_neighbour("192.0.2.9"), "other");
	assert_false(route_lookup("10.0.0.1")->lladdr & NEXTHOP_LLADDR_VALID);
}

static void neighbours_end_with_their_interface(void **state)
{
	route_begin();
	want("lan", "192.0.2.9", "02:00:00:00:00:09", NULL);
	assert_int_equal(route_commit(NULL), 0);
	route_begin_bare();
	route_want_interface("wan", "198.51.100.1/24", NULL, NULL);
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(generation_counts()->neighbors.removed, 1);
	assert_int_equal(neigh_count(), 0);
}

static void a_failed_commit_leaves_no_neighbours(void **state)
{
	static const struct route_limits small = {
		.routes4 = 10, .groups4 = 4, .routes6 = 10, .groups6 = 200};

	route_fini();
	assert_int_equal(route_init(&small, NULL), 0);
	route_begin();
	want("lan", "192.0.2.9", "02:00:00:00:00:09", NULL);
	route_want_hop(0, "192.0.2.7", NULL);
	for (unsigned i = 0; i < 9; i++) {
		struct api_route r = {.prefix = ip_addr_v4(htobe32(0x0a000000u + i))};

		assert_int_equal(route_stage(&r, NULL), 0);
	}
	assert_int_equal(route_commit(NULL), -ENOSPC);
	assert_int_equal(neigh_count(), 0);
	generation_abort(NULL);
	route_begin();
	assert_int_equal(route_commit(NULL), 0);
}

static void mistakes_are_refused_with_a_remedy(void **state)
{
	static const struct {
		const char *interface, *addr, *mac, *sentence;
	} cases[] = {
		{"lan", "198.51.100.9", "02:00:00:00:00:09",
			"neighbour 198.51.100.9 is in no subnet of interface \"lan\": give it an "
			"address whose subnet contains 198.51.100.9"},
		{"lam", "192.0.2.9", "02:00:00:00:00:09",
			"neighbour 192.0.2.9: there is no interface \"lam\" in this configuration"},
		{"", "192.0.2.9", "02:00:00:00:00:09",
			"a neighbour without the proper name of an interface"},
		{"lan", "192.0.2.1", "02:00:00:00:00:09",
			"neighbour 192.0.2.1 is an address of this node (interface \"lan\"): give "
			"that "
			"of another host"},
		{"lan", "192.0.2.9", "01:00:5e:00:00:09",
			"neighbour 192.0.2.9 on interface \"lan\": 01:00:5e:00:00:09 is no address "
			"of "
			"one station: give its own MAC"},
		{"lan", "192.0.2.9", "00:00:00:00:00:00",
			"neighbour 192.0.2.9 on interface \"lan\": 00:00:00:00:00:00 is no address "
			"of "
			"one station: give its own MAC"},
	};
	struct base_error err;

	route_begin();
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(want(cases[i].interface, cases[i].addr, cases[i].mac, &err) < 0);
		assert_string_equal(err.text, cases[i].sentence);
	}
	want("lan", "192.0.2.9", "02:00:00:00:00:09", NULL);
	want("lan", "192.0.2.9", "02:00:00:00:00:08", NULL);
	assert_int_equal(route_commit(&err), -EEXIST);
	assert_string_equal(
		err.text, "neighbour 192.0.2.9 on interface \"lan\" is there twice: remove one");
	generation_abort(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTE_TEST(static_neighbours_come_change_and_go),
		ROUTE_TEST(a_neighbour_that_a_route_holds_is_only_forgotten),
		ROUTE_TEST(neighbours_end_with_their_interface),
		ROUTE_TEST(a_failed_commit_leaves_no_neighbours),
		ROUTE_TEST(mistakes_are_refused_with_a_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
