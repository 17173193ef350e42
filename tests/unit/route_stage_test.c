/* SPDX-License-Identifier: BSD-3-Clause */
/* Desired routes and next-hop sets: what is refused and why, what replay and abort leave. */
#include <errno.h>

#include "tests/unit/route_node.h"

static void a_replay_changes_nothing(void **state)
{
	const struct api_commit_counts *c = &generation_counts()->routes;
	uint32_t nexthops = 0, neighbours = 0;
	uint64_t sum = 0;

	for (unsigned round = 0; round < 3; round++) {
		route_begin();
		route_want_set(7 - round, two_hops, NULL);
		route_want_hop(0, "2001:db8::7", NULL);
		route_want("10.0.0.0/8", 7 - round, NULL);
		route_want("2001:db8:9::/48", 0, NULL);
		assert_int_equal(route_commit(NULL), 0);
		assert_int_equal(c->added, round ? 0 : 2);
		assert_int_equal(c->kept, round ? 2 : 0);
		assert_int_equal(c->changed + c->removed, 0);
		if (round > 0) {
			assert_int_equal(route_table_sum(), sum);
			assert_int_equal(nexthop_count(), nexthops);
			assert_int_equal(neigh_count(), neighbours);
		}
		sum = route_table_sum();
		nexthops = nexthop_count();
		neighbours = neigh_count();
	}
	assert_int_equal(neighbours, 3);
}

static void an_abort_leaves_no_trace(void **state)
{
	const struct api_commit_counts *c = &generation_counts()->routes;

	route_begin();
	route_want_hop(0, "192.0.2.7", NULL);
	route_want("10.0.0.0/8", 0, NULL);
	route_want("11.0.0.0/8", 0, NULL);
	assert_int_equal(route_commit(NULL), 0);
	route_begin();
	route_want_hop(0, "192.0.2.7", NULL);
	route_want("10.0.0.0/8", 0, NULL);
	route_want("11.0.0.0/8", 0, NULL);
	assert_int_equal(generation_abort(NULL), 0);
	route_begin();
	route_want_hop(0, "192.0.2.7", NULL);
	route_want("11.0.0.0/8", 0, NULL);
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(c->removed, 1);
	assert_int_equal(c->kept, 1);
	assert_int_equal(route_lookup("10.0.0.1")->kind, NEXTHOP_NONE);
}

static void mistakes_are_refused_with_a_remedy(void **state)
{
	static const struct {
		const char *prefix;
		uint32_t set;
		const char *sentence;
	} cases[] = {
		{"10.0.0.1/8", 0, "route 10.0.0.1/8 has host bits set: write 10.0.0.0/8"},
		{"10.0.0.0/8", 9, "route 10.0.0.0/8: next-hop set 9 was not sent before it"},
		{"10.0.0.0/8", 1000000,
			"route 10.0.0.0/8: next-hop set 1000000 was not sent before it"},
		{"2001:db8:9::/48", 0,
			"route 2001:db8:9::/48: its next hop is of the other IP version: give one "
			"of "
			"IPv6"},
		{"12.0.0.0/8", 0, "route 12.0.0.0/8 is there twice: remove one"},
		{"13.0.0.0/8", 0, "route 13.0.0.0/8 is there twice: remove one"},
	};

	route_begin();
	route_want_hop(0, "192.0.2.7", NULL);
	route_want("13.0.0.0/8", 0, NULL);
	assert_int_equal(route_commit(NULL), 0);
	route_begin();
	route_want_hop(0, "192.0.2.7", NULL);
	route_want("12.0.0.0/8", 0, NULL); /* new */
	route_want("13.0.0.0/8", 0, NULL); /* installed */
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct base_error err = {};

		assert_true(route_want(cases[i].prefix, cases[i].set, &err) < 0);
		assert_string_equal(err.text, cases[i].sentence);
	}
}

static void wrong_next_hop_sets_are_refused(void **state)
{
	static const char *const mixed[] = {"192.0.2.7", "2001:db8::7", NULL};
	static const char *const twice[] = {"192.0.2.7", "192.0.2.7", NULL};
	struct api_nexthop none = {.id = 1, .action = API_ACTION_VIA};
	struct api_nexthop odd = {.id = 1, .action = 9};
	struct api_nexthop hop = {.id = 1, .n_hops = 1, .hops = {{.weight = 256}}};
	struct base_error err;

	route_begin();
	assert_int_equal(route_want_set(1, mixed, &err), -EINVAL);
	assert_string_equal(
		err.text, "a next-hop set has IPv4 and IPv6 addresses: make one for each");
	assert_int_equal(route_want_set(1, twice, &err), -EEXIST);
	assert_string_equal(err.text,
		"next hop 192.0.2.7 is twice in one route: use weight for a larger share");
	assert_int_equal(route_want_hop(1, "192.0.2.1", &err), -EINVAL);
	assert_int_equal(route_want_hop(1, "203.0.113.1", &err), -ENETUNREACH);
	assert_int_equal(route_stage_nexthop(&none, &err), -EINVAL);
	assert_string_equal(err.text, "next-hop set 1: 0 next hops: give 1 to 32");
	assert_int_equal(route_stage_nexthop(&odd, &err), -EINVAL);
	assert_string_equal(err.text, "next-hop set 1: unknown action 9");
	assert_int_equal(route_stage_nexthop(&hop, &err), -EINVAL);
	assert_string_equal(err.text, "next-hop set 1: weight 256: choose 1 to 255");
	assert_int_equal(route_want_hop(ROUTE_TARGETS_MAX, "192.0.2.7", &err), -E2BIG);
	assert_int_equal(route_want_hop(1, "192.0.2.7", NULL), 0);
	assert_int_equal(route_want_hop(1, "192.0.2.7", &err), -EEXIST);
	assert_string_equal(err.text, "next-hop set 1 is there twice");
}

static void a_route_through_an_interface_that_goes_is_refused(void **state)
{
	struct base_error err;

	route_begin_bare();
	route_want_interface("lan", "192.0.2.1/24", NULL, NULL);
	assert_int_equal(route_want_hop(0, "198.51.100.9", &err), -ENETUNREACH);
	assert_string_equal(err.text,
		"next hop 198.51.100.9 cannot be reached: give an interface an "
		"address whose subnet contains it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTE_TEST(a_replay_changes_nothing),
		ROUTE_TEST(an_abort_leaves_no_trace),
		ROUTE_TEST(mistakes_are_refused_with_a_remedy),
		ROUTE_TEST(wrong_next_hop_sets_are_refused),
		ROUTE_TEST(a_route_through_an_interface_that_goes_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
