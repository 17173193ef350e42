/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes through generations: marked, changed, swept, rolled back; a million of them. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "tests/unit/route_node.h"

#define MANY 1000000u

static void static_routes_come_and_go(void **state)
{
	const struct api_commit_counts *c = &generation_counts()->routes;
	struct api_nexthop reject = {.id = 2, .action = API_ACTION_REJECT};
	struct api_nexthop blackhole = {.id = 3, .action = API_ACTION_BLACKHOLE};

	route_begin();
	route_want_hop(0, "192.0.2.7", NULL);
	route_want_set(1, two_hops, NULL);
	assert_int_equal(route_stage_nexthop(&reject, NULL), 0);
	assert_int_equal(route_stage_nexthop(&blackhole, NULL), 0);
	route_want("10.0.0.0/8", 0, NULL);
	route_want("10.1.0.0/16", 1, NULL);
	route_want("10.2.0.0/16", 2, NULL);
	route_want("10.3.0.0/16", 3, NULL);
	assert_int_equal(route_lookup("10.0.0.1")->kind, NEXTHOP_NONE);
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(c->added, 4);
	assert_int_equal(c->removed, 0);
	assert_int_equal(route_lookup("10.0.0.1")->kind, NEXTHOP_NEIGHBOR);
	assert_int_equal(route_lookup("10.1.0.1")->kind, NEXTHOP_GROUP);
	assert_int_equal(route_lookup("10.2.0.1")->kind, NEXTHOP_REJECT);
	assert_int_equal(route_lookup("10.3.0.1")->kind, NEXTHOP_BLACKHOLE);
	route_begin();
	route_want_hop(5, "198.51.100.9", NULL);
	route_want_set(6, two_hops, NULL);
	route_want("10.0.0.0/8", 5, NULL);
	route_want("10.1.0.0/16", 6, NULL);
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(c->added, 0);
	assert_int_equal(c->changed, 1);
	assert_int_equal(c->kept, 1);
	assert_int_equal(c->removed, 2);
	assert_string_equal(world_current->ifaces[route_lookup("10.2.0.1")->iface].name, "wan");
	assert_int_equal(route_lookup("10.1.0.1")->kind, NEXTHOP_GROUP);
	route_begin();
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(c->removed, 2);
	assert_int_equal(route_lookup("10.1.0.1")->kind, NEXTHOP_NONE);
	assert_int_equal(route_lookup("192.0.2.9")->kind, NEXTHOP_CONNECTED);
}

static void default_routes_work_for_both_families(void **state)
{
	route_begin();
	route_want_hop(0, "192.0.2.7", NULL);
	route_want_hop(1, "2001:db8::7", NULL);
	route_want("0.0.0.0/0", 0, NULL);
	route_want("::/0", 1, NULL);
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(route_lookup("8.8.8.8")->kind, NEXTHOP_NEIGHBOR);
	assert_int_equal(route_lookup("2001:db9::1")->family, 6);
	route_begin();
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(route_lookup("8.8.8.8")->kind, NEXTHOP_NONE);
	assert_int_equal(route_lookup("2001:db9::1")->kind, NEXTHOP_NONE);
}

static void a_dry_run_counts_and_changes_nothing(void **state)
{
	const struct api_commit_counts *c = &generation_counts()->routes;
	uint32_t nexthops = nexthop_count();
	uint64_t sum = route_table_sum();

	route_begin();
	route_want_set(0, two_hops, NULL);
	route_want("10.0.0.0/8", 0, NULL);
	assert_int_equal(route_commit_flags(API_COMMIT_DRY_RUN, 1000, NULL), 0);
	assert_int_equal(c->added, 1);
	assert_int_equal(route_table_sum(), sum);
	assert_int_equal(nexthop_count(), nexthops);
	assert_int_equal(neigh_count(), 0);
	assert_int_equal(route_lookup("10.0.0.1")->kind, NEXTHOP_NONE);
}

/* Everything that a failed commit could have left behind. */
struct trace {
	uint64_t sum;
	uint32_t nexthops, neighbours, n_static[2];
	uint64_t refs;
};

static struct trace take_trace(void)
{
	struct trace t = {.sum = route_table_sum(),
		.nexthops = nexthop_count(),
		.neighbours = neigh_count(),
		.n_static = {route_rib.n_static[0], route_rib.n_static[1]}};

	for (unsigned n = 0; n < WORLD_NEXTHOPS_MAX; n++)
		t.refs += (uint64_t)nexthop_set_refs((uint16_t)n) * (n + 1);
	return t;
}

static void a_full_table_rolls_back_exactly(void **state)
{
	static const struct route_limits small = {
		.routes4 = 100, .groups4 = 4, .routes6 = 10, .groups6 = 200};
	struct trace before, after;
	struct base_error err;
	char text[32];

	route_fini();
	assert_int_equal(route_init(&small, NULL), 0);
	route_begin();
	route_want_set(0, two_hops, NULL);
	for (unsigned i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "10.%u.0.0/16", i);
		route_want(text, 0, NULL);
	}
	assert_int_equal(route_commit(NULL), 0);
	world_synchronize();
	before = take_trace();
	/* 25 stay, 25 are deleted, 10 change, and the new ones do not fit. */
	for (unsigned quantum = 1; quantum < 1000; quantum += 333) {
		route_begin();
		route_want_set(0, two_hops, NULL);
		route_want_hop(1, "198.51.100.9", NULL);
		for (unsigned i = 0; i < 25; i++) {
			snprintf(text, sizeof(text), "10.%u.0.0/16", i);
			route_want(text, i < 10, NULL);
		}
		for (unsigned i = 0; i < 100; i++) {
			snprintf(text, sizeof(text), "11.%u.0.0/16", i);
			route_want(text, 1, NULL);
		}
		assert_int_equal(route_commit_flags(0, quantum, &err), -ENOSPC);
		assert_non_null(strstr(err.text, "no room for route 11."));
		world_synchronize();
		after = take_trace();
		assert_memory_equal(&before, &after, sizeof(before));
		assert_int_equal(route_lookup("10.49.0.1")->kind, NEXTHOP_GROUP);
		assert_int_equal(route_lookup("11.0.0.1")->kind, NEXTHOP_NONE);
		generation_abort(NULL);
	}
	/* The table still takes what fits. */
	route_begin();
	route_want_hop(1, "198.51.100.9", NULL);
	for (unsigned i = 0; i < 80; i++) {
		snprintf(text, sizeof(text), "11.%u.0.0/16", i);
		route_want(text, 1, NULL);
	}
	assert_int_equal(route_commit(NULL), 0);
	assert_int_equal(generation_counts()->routes.removed, 50);
	assert_int_equal(route_lookup("11.79.0.1")->kind, NEXTHOP_NEIGHBOR);
	assert_int_equal(route_lookup("10.49.0.1")->kind, NEXTHOP_NONE);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Stages @n routes /24 from 16.0.0.0 on to set 0, commits, and tells the time. */
static void apply_many(unsigned n, const char *hop, const char *what)
{
	double start = seconds(), staged, longest = 0;

	route_begin();
	route_want_hop(0, hop, NULL);
	for (unsigned i = 0; i < n; i++) {
		struct api_route want = {.prefix = ip_addr_v4(htobe32(0x10000000u + (i << 8)))};

		want.prefix.prefix_len = 24;
		assert_int_equal(route_stage(&want, NULL), 0);
	}
	staged = seconds();
	assert_int_equal(generation_commit_start(world_current->generation + 1, 0, NULL, NULL), 0);
	while (generation_busy()) {
		double step = seconds();

		generation_step(4096);
		step = seconds() - step;
		longest = MAX_OF(longest, step);
	}
	assert_int_equal(generation_result(NULL), 0);
	printf("%s: staged in %.3f s, committed in %.3f s, longest step %.2f ms\n", what,
		staged - start, seconds() - staged, longest * 1e3);
}

static void a_million_routes_are_added_replayed_changed_and_withdrawn(void **state)
{
	const struct api_commit_counts *c = &generation_counts()->routes;

	apply_many(MANY, "192.0.2.7", "added");
	assert_int_equal(c->added, MANY);
	assert_int_equal(route_lookup("16.0.0.1")->kind, NEXTHOP_NEIGHBOR);
	assert_int_equal(route_lookup("31.66.63.1")->kind, NEXTHOP_NEIGHBOR);
	apply_many(MANY, "192.0.2.7", "replayed");
	assert_int_equal(c->kept, MANY);
	assert_int_equal(c->added + c->changed + c->removed, 0);
	apply_many(MANY, "198.51.100.9", "changed");
	assert_int_equal(c->changed, MANY);
	assert_string_equal(world_current->ifaces[route_lookup("31.66.63.1")->iface].name, "wan");
	apply_many(0, "192.0.2.7", "withdrawn");
	assert_int_equal(c->removed, MANY);
	assert_int_equal(route_lookup("16.0.0.1")->kind, NEXTHOP_NONE);
	assert_int_equal(neigh_count(), 0);
}

static void match_and_gauges_follow_the_table(void **state)
{
	struct stats_gauges gauges = {};
	struct ip_addr addr = route_addr("10.1.2.3"), matched;

	route_begin();
	route_want_hop(0, "192.0.2.7", NULL);
	route_want("10.0.0.0/8", 0, NULL);
	assert_int_equal(route_commit(NULL), 0);
	assert_ptr_equal(&nexthop_array()[route_match(&addr, &matched)], route_lookup("10.1.2.3"));
	assert_int_equal(matched.prefix_len, 8);
	addr = route_addr("2001:db8:1::1");
	assert_int_equal(route_match(&addr, &matched), 0);
	route_gauges(&gauges);
	assert_int_equal(gauges.routes4, 9); /* two interfaces with four own routes, one static */
	assert_int_equal(gauges.routes6, 2);
	assert_true(gauges.route_bytes > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTE_TEST(static_routes_come_and_go),
		ROUTE_TEST(default_routes_work_for_both_families),
		ROUTE_TEST(a_dry_run_counts_and_changes_nothing),
		ROUTE_TEST(a_full_table_rolls_back_exactly),
		ROUTE_TEST(a_million_routes_are_added_replayed_changed_and_withdrawn),
		ROUTE_TEST(match_and_gauges_follow_the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
