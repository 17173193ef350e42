/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lb_world of a generation: ways to backends by route, link and mode, sources of tunnels, what
 * settings become, quanta, and that a prepare that fails leaves nothing behind.
 */
#include "tests/unit/frame.h"
#include "tests/unit/lb_node.h"

static void commit_ok(void)
{
	struct base_error err = {};

	if (lb_commit(&err) < 0)
		fail_msg("%s", err.text);
}

static const struct lb_backend *backend(const char *service, const char *address)
{
	return &world_current->lb->backends[lb_backend_number(service, address, 0)];
}

static const struct nexthop *way(const struct lb_backend *b)
{
	return &world_current->nexthops[b->nexthop];
}

static void the_way_to_a_backend_is_its_route_or_its_link(void **state)
{
	struct ip_addr gateway = lb_addr("192.0.2.254");
	const struct lb_backend *b;

	lb_begin();
	assert_int_equal(lb_want_route("10.0.0.0/8", "192.0.2.254", NULL), 0);
	assert_int_equal(lb_want_service("t", "203.0.113.10", 80, API_LB_IPIP, NULL), 0);
	assert_int_equal(lb_want_backend("t", "192.0.2.21", 0, 1, NULL), 0);
	assert_int_equal(lb_want_backend("t", "10.1.2.3", 0, 1, NULL), 0);
	assert_int_equal(lb_want_backend("t", "172.16.0.1", 0, 1, NULL), 0);
	commit_ok();
	b = backend("t", "192.0.2.21");
	assert_int_equal(way(b)->kind, NEXTHOP_NEIGHBOR);
	assert_true(ip_addr_same_host(&way(b)->addr, &b->addr));
	b = backend("t", "10.1.2.3");
	assert_int_equal(way(b)->kind, NEXTHOP_NEIGHBOR);
	assert_true(ip_addr_same_host(&way(b)->addr, &gateway));
	assert_int_equal(backend("t", "172.16.0.1")->nexthop, 0);
	assert_int_equal(backend("t", "172.16.0.1")->outer_src.family, 0);

	/* The route goes: so does the way. */
	lb_begin();
	assert_int_equal(lb_want_service("t", "203.0.113.10", 80, API_LB_IPIP, NULL), 0);
	assert_int_equal(lb_want_backend("t", "10.1.2.3", 0, 1, NULL), 0);
	commit_ok();
	assert_int_equal(backend("t", "10.1.2.3")->nexthop, 0);
}

static void dsr_goes_to_the_backend_itself_whatever_the_route(void **state)
{
	const struct lb_backend *b;

	lb_begin();
	assert_int_equal(lb_want_route("192.0.2.21/32", "192.0.2.254", NULL), 0);
	assert_int_equal(lb_want_service("d", "203.0.113.10", 80, API_LB_DSR, NULL), 0);
	assert_int_equal(lb_want_backend("d", "192.0.2.21", 0, 1, NULL), 0);
	assert_int_equal(lb_want_service("t", "203.0.113.11", 80, API_LB_GUE, NULL), 0);
	assert_int_equal(lb_want_backend("t", "192.0.2.21", 0, 1, NULL), 0);
	commit_ok();
	b = backend("d", "192.0.2.21");
	assert_true(ip_addr_same_host(&way(b)->addr, &b->addr));
	b = backend("t", "192.0.2.21");
	assert_false(ip_addr_same_host(&way(b)->addr, &b->addr));
}

static void tunnels_come_from_the_interface_they_leave_by(void **state)
{
	struct ip_addr lan = lb_addr("192.0.2.1"), wan6 = lb_addr("2001:db8:1::1");

	lb_begin();
	assert_int_equal(lb_want_service("t", "203.0.113.10", 80, API_LB_IPIP, NULL), 0);
	assert_int_equal(lb_want_backend("t", "192.0.2.21", 0, 1, NULL), 0);
	assert_int_equal(lb_want_service("u", "2001:db8:a::1", 80, API_LB_GUE, NULL), 0);
	assert_int_equal(lb_want_backend("u", "2001:db8:1::21", 0, 1, NULL), 0);
	commit_ok();
	assert_true(ip_addr_same_host(&backend("t", "192.0.2.21")->outer_src, &lan));
	assert_int_equal(backend("t", "192.0.2.21")->outer_src_bits, 0);
	/* Though duplicate address detection has not ended yet. */
	assert_true(ip_addr_same_host(&backend("u", "2001:db8:1::21")->outer_src, &wan6));
}

static void a_tunnel_does_not_come_from_an_address_that_another_has(void **state)
{
	struct ip_addr lan6 = lb_addr("2001:db8::1"), wan6 = lb_addr("2001:db8:1::1");
	uint8_t frame[FRAME_MAX];

	lb_begin();
	assert_int_equal(lb_want_service("u", "2001:db8:a::1", 80, API_LB_GUE, NULL), 0);
	assert_int_equal(lb_want_backend("u", "2001:db8:1::21", 0, 1, NULL), 0);
	commit_ok();
	assert_true(ip_addr_same_host(&backend("u", "2001:db8:1::21")->outer_src, &wan6));
	node_input(1, frame,
		frame_build("eth{dst=33:33:00:00:00:01,src=02:00:00:00:00:99} "
			    "ip6{src=2001:db8:1::1,dst=ff02::1,hop=255} "
			    "icmp6{type=136,info=0x20000000,"
			    "hex=20010db8000100000000000000000001"
			    "0201020000000099}",
			frame));
	node_advance(NSEC_PER_SEC / 2);
	assert_true(
		world_current->ifaces[lb_lookup("2001:db8:1::9")->iface].addresses[1].duplicate);
	assert_true(ip_addr_same_host(&backend("u", "2001:db8:1::21")->outer_src, &lan6));
}

static void a_tunnel_source_is_a_prefix_of_entropy(void **state)
{
	struct api_lb settings = {
		.key = {1, 2},
		.new_flows_per_sec = 1000,
		.idle_ms = {1, 1000, 1000, 1000, 1000},
		.tunnel_source4 = lb_addr("10.9.0.0/28"),
		.tunnel_source6 = lb_addr("2001:db8:9::/64"),
	};
	struct ip_addr first = lb_addr("10.9.0.0");

	lb_begin();
	assert_int_equal(lb_stage_settings(&settings, NULL), 0);
	assert_int_equal(lb_want_service("t", "203.0.113.10", 80, API_LB_IPIP, NULL), 0);
	assert_int_equal(lb_want_backend("t", "192.0.2.21", 0, 1, NULL), 0);
	assert_int_equal(lb_want_service("u", "2001:db8:a::1", 80, API_LB_GUE, NULL), 0);
	assert_int_equal(lb_want_backend("u", "2001:db8:1::21", 0, 1, NULL), 0);
	commit_ok();
	assert_true(ip_addr_same_host(&backend("t", "192.0.2.21")->outer_src, &first));
	assert_int_equal(backend("t", "192.0.2.21")->outer_src_bits, 4);
	assert_int_equal(backend("u", "2001:db8:1::21")->outer_src_bits, LB_SOURCE_BITS);
	assert_int_equal(world_current->lb->choice_key[1], 2);
	assert_int_equal(world_current->lb->new_flows_per_sec, 1000);
	/* No flow is idle at once. */
	assert_int_equal(world_current->lb->idle_ticks[LB_FLOW_TCP_NEW], 1);
	assert_int_equal(world_current->lb->idle_ticks[LB_FLOW_TCP_ESTABLISHED],
		(1000 * NSEC_PER_MSEC) >> LB_TICK_SHIFT);
}

static void the_limit_of_new_flows_is_shared_by_workers(void **state)
{
	node_stop();
	node_start(LB_NODE_WORKERS("[1, 1]"));
	lb_begin();
	assert_int_equal(lb_want_service("d", "203.0.113.10", 80, API_LB_DSR, NULL), 0);
	assert_int_equal(lb_want_backend("d", "192.0.2.21", 0, 1, NULL), 0);
	commit_ok();
	assert_int_equal(world_current->lb->new_flows_per_sec, 50000);
}

static void members_with_one_key_choose_alike(void **state)
{
	static uint16_t first[MAGLEV_SIZE], again[MAGLEV_SIZE];
	static const char *const order[2][3] = {
		{"192.0.2.21", "192.0.2.22", "192.0.2.23"},
		{"192.0.2.23", "192.0.2.21", "192.0.2.22"},
	};

	for (unsigned k = 0; k < 2; k++) {
		uint16_t *to = k == 0 ? first : again;
		const uint16_t *table;

		lb_begin();
		assert_int_equal(lb_want_service("d", "203.0.113.10", 80, API_LB_DSR, NULL), 0);
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(lb_want_backend("d", order[k][i], 0, 1, NULL), 0);
		commit_ok();
		table = lb_main.now->services[lb_block_service(lb_main.now, "d")].table;
		for (unsigned i = 0; i < MAGLEV_SIZE; i++)
			to[i] = lb_main.now->backends[table[i]].addr.bytes[3];
		node_stop();
		node_start(LB_NODE_WORKERS("[1]"));
	}
	assert_memory_equal(first, again, sizeof(first));
}

static void another_key_is_another_table(void **state)
{
	const uint16_t *before;

	for (unsigned k = 0; k < 2; k++) {
		lb_begin();
		assert_int_equal(lb_want_settings(1 + k), 0);
		assert_int_equal(lb_want_service("d", "203.0.113.10", 80, API_LB_DSR, NULL), 0);
		assert_int_equal(lb_want_backend("d", "192.0.2.21", 0, 1, NULL), 0);
		assert_int_equal(lb_want_backend("d", "192.0.2.22", 0, 1, NULL), 0);
		commit_ok();
		if (k == 0)
			before = world_current->lb->services[0].table;
	}
	assert_ptr_not_equal(world_current->lb->services[0].table, before);
}

static void a_quantum_builds_at_most_one_table(void **state)
{
	unsigned steps = 0;

	lb_begin();
	for (unsigned i = 0; i < 20; i++) {
		char name[API_NAME_MAX], vip[IPADDR_TEXT_MAX];

		snprintf(name, sizeof(name), "s%u", i);
		snprintf(vip, sizeof(vip), "203.0.113.%u", i);
		assert_int_equal(lb_want_service(name, vip, 80, API_LB_DSR, NULL), 0);
		assert_int_equal(lb_want_backend(name, "192.0.2.21", 0, 1, NULL), 0);
	}
	assert_int_equal(generation_commit_start(world_current->generation + 1, 0, NULL, NULL), 0);
	while (generation_busy()) {
		generation_step(1000000);
		steps++;
	}
	assert_int_equal(generation_result(NULL), 0);
	assert_true(steps > 20);
}

static void a_failed_prepare_leaves_nothing_behind(void **state)
{
	struct base_error err = {};
	uint32_t neighbors;

	lb_begin();
	assert_int_equal(lb_want_service("d", "203.0.113.10", 80, API_LB_DSR, NULL), 0);
	assert_int_equal(lb_want_backend("d", "192.0.2.21", 0, 1, NULL), 0);
	commit_ok();
	neighbors = neigh_count();
	lb_begin();
	assert_int_equal(lb_want_pool("203.0.113.200/29", NULL), 0);
	assert_int_equal(lb_want_service("d", "203.0.113.10", 80, API_LB_DSR, NULL), 0);
	assert_int_equal(lb_want_backend("d", "192.0.2.22", 0, 1, NULL), 0);
	assert_int_equal(lb_check(&(struct api_commit_reply){}, &err), 0);
	while (lb_prepare(1, &err) > 0)
		;
	assert_non_null(lb_main.next->services[0].table);
	assert_non_null(lb_main.next->pool[0].records);
	assert_int_equal(neigh_count(), neighbors + 1);
	assert_int_equal(lb_rollback(1), 0);
	assert_null(lb_main.next->pool[0].records);
	assert_int_equal(neigh_count(), neighbors);
	/* And it can be tried again. */
	commit_ok();
	assert_int_equal(lb_entries("d", lb_backend_number("d", "192.0.2.22", 0)), MAGLEV_SIZE);
	assert_int_equal(world_current->lb->n_pool4, 8);
}

static void a_thousand_services_find_their_place(void **state)
{
	lb_begin();
	for (unsigned i = 0; i < LB_SERVICES_MAX; i++) {
		char name[API_NAME_MAX], vip[IPADDR_TEXT_MAX];

		snprintf(name, sizeof(name), "s%u", i);
		snprintf(vip, sizeof(vip), "203.0.%u.%u", 112 + i / 16 / 16, i / 16);
		assert_int_equal(
			lb_want_service(name, vip, (uint16_t)(i % 16), API_LB_DSR, NULL), 0);
	}
	assert_int_equal(lb_want_service("more", "203.0.111.1", 80, API_LB_DSR, NULL), -ENOSPC);
	lb_tables_index(lb_main.next);
	for (unsigned i = 0; i < LB_SERVICES_MAX; i++) {
		const struct lb_service *s = &lb_main.next->services[i];

		assert_int_equal(
			lb_service_find(&lb_main.next->world, s->front, IPPROTO_TCP, s->port_be),
			i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LB_TEST(the_way_to_a_backend_is_its_route_or_its_link),
		LB_TEST(dsr_goes_to_the_backend_itself_whatever_the_route),
		LB_TEST(tunnels_come_from_the_interface_they_leave_by),
		LB_TEST(a_tunnel_does_not_come_from_an_address_that_another_has),
		LB_TEST(a_tunnel_source_is_a_prefix_of_entropy),
		LB_TEST(the_limit_of_new_flows_is_shared_by_workers),
		LB_TEST(members_with_one_key_choose_alike),
		LB_TEST(another_key_is_another_table),
		LB_TEST(a_quantum_builds_at_most_one_table),
		LB_TEST(a_failed_prepare_leaves_nothing_behind),
		LB_TEST(a_thousand_services_find_their_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
