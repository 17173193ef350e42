/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Staging services: numbers that stay, what is refused and with which words, and that a refused
 * generation leaves everything as it was.
 */
#include "tests/unit/lb_node.h"

/* One service of two backends. */
static void want_web(void)
{
	assert_int_equal(lb_want_service("web", "203.0.113.10", 80, API_LB_DSR, NULL), 0);
	assert_int_equal(lb_want_backend("web", "192.0.2.21", 0, 1, NULL), 0);
	assert_int_equal(lb_want_backend("web", "192.0.2.22", 0, 3, NULL), 0);
}

static void commit_ok(void)
{
	struct base_error err = {};

	if (lb_commit(&err) < 0)
		fail_msg("%s", err.text);
}

static void a_service_gets_a_route_a_table_and_backends(void **state)
{
	const struct lb_world *lb;
	uint16_t a, b, s;

	lb_begin();
	want_web();
	commit_ok();
	lb = world_current->lb;
	assert_non_null(lb);
	assert_int_equal(lb_lookup("203.0.113.10")->kind, NEXTHOP_SERVICE);
	assert_int_equal(lb_lookup("203.0.113.11")->kind, NEXTHOP_NONE);
	s = lb_service_find(lb, lb_lookup("203.0.113.10")->iface, IPPROTO_TCP, htobe16(80));
	assert_int_not_equal(s, LB_NO_SERVICE);
	assert_string_equal(lb->services[s].name, "web");
	a = lb_backend_number("web", "192.0.2.21", 0);
	b = lb_backend_number("web", "192.0.2.22", 0);
	assert_in_range(lb_entries("web", a), MAGLEV_SIZE / 4 - 200, MAGLEV_SIZE / 4 + 200);
	assert_int_equal(lb_entries("web", a) + lb_entries("web", b), MAGLEV_SIZE);
	/* On the link: the neighbour itself is the way. */
	assert_int_equal(world_current->nexthops[lb->backends[a].nexthop].kind, NEXTHOP_NEIGHBOR);
	assert_true(ip_addr_same_host(
		&world_current->nexthops[lb->backends[a].nexthop].addr, &lb->backends[a].addr));
}

static void without_services_there_is_no_balancer(void **state)
{
	assert_null(world_current->lb);
	lb_begin();
	commit_ok();
	assert_int_equal(generation_counts()->services.added, 0);
	assert_null(world_current->lb);
}

static void numbers_stay_when_others_come_and_go(void **state)
{
	uint16_t before, front;
	const uint16_t *table;

	lb_begin();
	assert_int_equal(lb_want_service("api", "203.0.113.9", 80, API_LB_DSR, NULL), 0);
	assert_int_equal(lb_want_backend("api", "192.0.2.9", 0, 1, NULL), 0);
	want_web();
	commit_ok();
	assert_int_equal(generation_counts()->services.added, 2);
	assert_int_equal(generation_counts()->backends.added, 3);
	before = lb_backend_number("web", "192.0.2.22", 0);
	front = lb_lookup("203.0.113.10")->iface;
	table = lb_main.now->services[lb_block_service(lb_main.now, "web")].table;

	lb_begin();
	want_web();
	commit_ok();
	assert_int_equal(generation_counts()->services.removed, 1);
	assert_int_equal(generation_counts()->services.kept, 1);
	assert_int_equal(generation_counts()->backends.kept, 2);
	assert_int_equal(lb_backend_number("web", "192.0.2.22", 0), before);
	assert_int_equal(lb_lookup("203.0.113.10")->iface, front);
	assert_int_equal(lb_lookup("203.0.113.9")->kind, NEXTHOP_NONE);
	/* Nothing changed for it, so it has the very same table. */
	assert_ptr_equal(lb_main.now->services[lb_block_service(lb_main.now, "web")].table, table);
}

static void a_removed_backend_keeps_its_number_until_its_flows_have_ended(void **state)
{
	uint16_t n;

	lb_begin();
	want_web();
	commit_ok();
	n = lb_backend_number("web", "192.0.2.22", 0);
	node_worker(0)->stats->backends[n].new_flows = 7;
	node_worker(0)->stats->backends[n].ended_flows = 6;

	lb_begin();
	assert_int_equal(lb_want_service("web", "203.0.113.10", 80, API_LB_DSR, NULL), 0);
	assert_int_equal(lb_want_backend("web", "192.0.2.21", 0, 1, NULL), 0);
	commit_ok();
	assert_int_equal(generation_counts()->backends.removed, 1);
	assert_int_equal(lb_main.now->backends[n].use, API_BACKEND_REMOVED);
	assert_false(lb_main.now->backends[n].service_gone);
	assert_int_equal(lb_entries("web", n), 0);
	node_advance(3 * NSEC_PER_SEC);
	assert_int_equal(lb_main.now->backends[n].use, API_BACKEND_REMOVED);
	assert_int_equal(lb_main.now->backends[n].addr.family, 4);

	node_worker(0)->stats->backends[n].ended_flows = 7;
	node_advance(3 * NSEC_PER_SEC);
	assert_int_equal(lb_main.now->backends[n].addr.family, 0);
	assert_int_equal(node_worker(0)->stats->backends[n].new_flows, 0);
	assert_ptr_equal(world_current->lb, &lb_main.now->world);
}

static void a_backend_that_comes_back_has_its_number_again(void **state)
{
	uint16_t n;

	lb_begin();
	want_web();
	commit_ok();
	n = lb_backend_number("web", "192.0.2.22", 0);
	node_worker(0)->stats->backends[n].new_flows = 1;
	assert_int_equal(lb_tell("web", "192.0.2.22", 0, true, NULL), 0);
	lb_begin();
	assert_int_equal(lb_want_service("web", "203.0.113.10", 80, API_LB_DSR, NULL), 0);
	assert_int_equal(lb_want_backend("web", "192.0.2.21", 0, 1, NULL), 0);
	commit_ok();
	lb_begin();
	want_web();
	commit_ok();
	assert_int_equal(lb_backend_number("web", "192.0.2.22", 0), n);
	assert_int_equal(lb_main.now->backends[n].use, API_BACKEND_UP);
	assert_true(lb_entries("web", n) > 0);
	node_worker(0)->stats->backends[n].ended_flows = 1;
}

static void a_backend_starts_in_the_state_it_was_last_known_in(void **state)
{
	uint16_t up, down, draining;

	lb_begin();
	assert_int_equal(lb_want_service("web", "203.0.113.10", 80, API_LB_DSR, NULL), 0);
	assert_int_equal(lb_want_backend_as("web", "192.0.2.21", false, false), 0);
	assert_int_equal(lb_want_backend_as("web", "192.0.2.22", false, true), 0);
	assert_int_equal(lb_want_backend_as("web", "192.0.2.23", true, false), 0);
	commit_ok();
	up = lb_backend_number("web", "192.0.2.21", 0);
	down = lb_backend_number("web", "192.0.2.22", 0);
	draining = lb_backend_number("web", "192.0.2.23", 0);
	assert_int_equal(lb_main.now->backends[down].use, API_BACKEND_DOWN);
	assert_int_equal(lb_main.now->backends[draining].use, API_BACKEND_DRAINING);
	assert_string_equal(lb_main.now->backend_notes[down].reason, "as before");
	/* From its very first world on it gets no flow. */
	assert_int_equal(lb_entries("web", up), MAGLEV_SIZE);

	/* What was told since counts more than what a generation repeats, and for one that comes
	 * back later what that one says. */
	assert_int_equal(lb_tell("web", "192.0.2.22", 0, false, NULL), 0);
	node_worker(0)->stats->backends[draining].new_flows = 1;
	lb_begin();
	assert_int_equal(lb_want_service("web", "203.0.113.10", 80, API_LB_DSR, NULL), 0);
	assert_int_equal(lb_want_backend_as("web", "192.0.2.22", false, true), 0);
	commit_ok();
	assert_int_equal(lb_main.now->backends[down].use, API_BACKEND_UP);
	lb_begin();
	assert_int_equal(lb_want_service("web", "203.0.113.10", 80, API_LB_DSR, NULL), 0);
	assert_int_equal(lb_want_backend_as("web", "192.0.2.22", false, true), 0);
	assert_int_equal(lb_want_backend_as("web", "192.0.2.23", false, true), 0);
	commit_ok();
	assert_int_equal(lb_backend_number("web", "192.0.2.23", 0), draining);
	assert_int_equal(lb_main.now->backends[draining].use, API_BACKEND_DOWN);
	node_worker(0)->stats->backends[draining].ended_flows = 1;
}

static void another_mode_is_another_backend(void **state)
{
	uint16_t n, other;

	lb_begin();
	want_web();
	commit_ok();
	n = lb_backend_number("web", "192.0.2.22", 0);
	node_worker(0)->stats->backends[n].new_flows = 1;
	lb_begin();
	assert_int_equal(lb_want_service("web", "203.0.113.10", 80, API_LB_GUE, NULL), 0);
	assert_int_equal(lb_want_backend("web", "192.0.2.22", 0, 1, NULL), 0);
	commit_ok();
	other = lb_backend_number("web", "192.0.2.22", 0);
	assert_int_not_equal(other, n);
	assert_int_equal(lb_main.now->backends[other].mode, API_LB_GUE);
	assert_int_equal(lb_main.now->backends[n].use, API_BACKEND_REMOVED);
	assert_true(lb_main.now->backends[n].service_gone);
	node_worker(0)->stats->backends[n].ended_flows = 1;
}

static void a_service_that_is_gone_keeps_its_number_while_flows_end(void **state)
{
	uint16_t n, s;

	lb_begin();
	want_web();
	commit_ok();
	n = lb_backend_number("web", "192.0.2.22", 0);
	s = lb_block_service(lb_main.now, "web");
	node_worker(0)->stats->backends[n].new_flows = 1;
	lb_begin();
	commit_ok();
	assert_true(lb_main.now->backends[n].service_gone);
	assert_int_equal(lb_main.now->services[s].vip.family, 0);
	assert_int_equal(lb_block_service(lb_main.now, "web"), s);
	node_worker(0)->stats->backends[n].ended_flows = 1;
	node_advance(2 * NSEC_PER_SEC);
	assert_int_equal(lb_block_service(lb_main.now, "web"), LB_NO_SERVICE);
}

static void pool_addresses_have_indices_in_a_row(void **state)
{
	const struct lb_front *f;
	uint16_t first;
	uint32_t life;

	lb_begin();
	assert_int_equal(lb_want_pool("203.0.113.200/30", NULL), 0);
	assert_int_equal(lb_want_pool("2001:db8:f::/127", NULL), 0);
	commit_ok();
	assert_int_equal(generation_counts()->pool.added, 2);
	assert_int_equal(generation_counts()->services.added, 0);
	f = &world_current->lb->fronts[lb_lookup("203.0.113.202")->iface];
	assert_true(f->is_pool);
	first = f->pool_first;
	assert_int_equal(world_current->lb->n_pool4, 4);
	assert_int_equal(world_current->lb->n_pool6, 2);
	for (unsigned k = 0; k < 4; k++) {
		const struct lb_pool_address *a = &world_current->lb->pool[first + k];

		assert_int_equal(a->addr.bytes[3], 200 + k);
		assert_non_null(a->records);
		assert_int_equal(a->records[65535].state, LB_FLOW_FREE);
		a->records[1024 + k].state = LB_FLOW_TCP_NEW;
	}
	life = world_current->lb->pool[first].life;

	lb_begin();
	assert_int_equal(lb_want_pool("203.0.113.200/30", NULL), 0);
	commit_ok();
	/* What stays keeps its records; what goes loses them. */
	assert_int_equal(world_current->lb->pool[first].records[1024].state, LB_FLOW_TCP_NEW);
	assert_int_equal(world_current->lb->pool[first].life, life);
	assert_int_equal(world_current->lb->n_pool6, 0);
	lb_begin();
	commit_ok();
	assert_null(world_current->lb->pool[first].records);
	lb_begin();
	assert_int_equal(lb_want_pool("203.0.113.200/30", NULL), 0);
	commit_ok();
	assert_int_not_equal(world_current->lb->pool[first].life, life);
	assert_int_equal(world_current->lb->pool[first].records[1024].state, LB_FLOW_FREE);
}

static void addresses_keep_their_ports_when_their_prefix_changes(void **state)
{
	/* From one prefix to the next, and an address of both. */
	static const struct {
		const char *from, *to, *stays;
	} cases[] = {
		{"203.0.113.200/30", "203.0.113.200/29", "203.0.113.203"},
		{"203.0.113.200/29", "203.0.113.204/30", "203.0.113.206"},
		{"203.0.113.200/29", "203.0.113.205/32", "203.0.113.205"},
		{"2001:db8:f::/125", "2001:db8:f::4/127", "2001:db8:f::5"},
		{"2001:db8:f::4/126", "2001:db8:f::/125", "2001:db8:f::6"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ip_addr stays = lb_addr(cases[i].stays);
		const struct lb_pool_address *a = NULL;
		struct lb_pool_address was;
		unsigned k = 0;

		lb_begin();
		assert_int_equal(lb_want_pool("198.18.0.0/30", NULL), 0);
		assert_int_equal(lb_want_pool("2001:db8:e::/126", NULL), 0);
		assert_int_equal(lb_want_pool(cases[i].from, NULL), 0);
		commit_ok();
		while (!ip_addr_equal(&lb_main.now->pool[k].addr, &stays))
			assert_true(++k < LB_POOL_MAX);
		was = lb_main.now->pool[k];
		was.records[2000].state = LB_FLOW_TCP_ESTABLISHED;
		lb_begin();
		assert_int_equal(lb_want_pool("198.18.0.0/30", NULL), 0);
		assert_int_equal(lb_want_pool("2001:db8:e::/126", NULL), 0);
		assert_int_equal(lb_want_pool(cases[i].to, NULL), 0);
		commit_ok();
		a = &world_current->lb->pool[k];
		assert_true(ip_addr_equal(&a->addr, &stays));
		assert_ptr_equal(a->records, was.records);
		assert_int_equal(a->life, was.life);
		assert_int_equal(a->records[2000].state, LB_FLOW_TCP_ESTABLISHED);
		lb_begin();
		commit_ok();
		for (k = 0; k < LB_POOL_MAX; k++)
			assert_null(world_current->lb->pool[k].records);
	}
}

/* One mistake: up to two services, their backends, a pool, and what is said. */
struct mistake {
	struct {
		const char *name, *vip, *backend;
		uint16_t port, backend_port, weight;
		enum api_lb_mode mode;
	} services[2];
	const char *pool;
	const char *route; /* over 192.0.2.254 */
	const char *sentence;
};

static const struct mistake mistakes[] = {
	{.services = {{"web", "203.0.113.10", NULL, 80, 0, 1, API_LB_DSR}},
		.sentence = "service \"web\" has no backends: give at least one"},
	{.services = {{"web", "203.0.113.10", "192.0.2.21", 80, 0, 0, API_LB_DSR}},
		.sentence = "service \"web\": all backends have weight 0"},
	{.services = {{"web", "192.0.2.1", "192.0.2.21", 80, 0, 1, API_LB_DSR}},
		.sentence = "VIP 192.0.2.1 is the same as address 192.0.2.1 of interface \"lan\""},
	{.services = {{"web", "192.0.2.0/28", "192.0.2.21", 80, 0, 1, API_LB_DSR}},
		.sentence = "VIP 192.0.2.0/28 contains address 192.0.2.1 of interface \"lan\""},
	{.services = {{"a", "203.0.113.0/28", "192.0.2.21", 80, 0, 1, API_LB_DSR},
		 {"b", "203.0.113.4", "192.0.2.21", 81, 0, 1, API_LB_DSR}},
		.sentence = "VIP 203.0.113.0/28 and VIP 203.0.113.4 overlap"},
	{.services = {{"a", "203.0.113.4", "192.0.2.21", 80, 0, 1, API_LB_DSR},
		 {"b", "203.0.113.4", "192.0.2.22", 80, 0, 1, API_LB_DSR}},
		.sentence = "services \"a\" and \"b\" have the same VIP 203.0.113.4, protocol and"},
	{.services = {{"a", "203.0.113.4", "192.0.2.21", 80, 0, 1, API_LB_DSR}},
		.pool = "203.0.113.0/29",
		.sentence = "prefix of the NAT pool 203.0.113.0/29 and VIP 203.0.113.4 overlap"},
	{.services = {{"a", "203.0.113.4", "192.0.2.21", 80, 0, 1, API_LB_DSR}},
		.pool = "203.0.113.4/32",
		.sentence = "overlap"},
	{.services = {{"a", "203.0.113.0/28", "192.0.2.21", 80, 0, 1, API_LB_DSR}},
		.route = "203.0.113.0/28",
		.sentence = "route 203.0.113.0/28 is the VIP of a service or a prefix of the NAT"},
	{.services = {{"a", "203.0.113.4", "203.0.113.5", 80, 0, 1, API_LB_IPIP},
		 {"b", "203.0.113.5", "192.0.2.21", 80, 0, 1, API_LB_DSR}},
		.sentence =
			"service \"a\": backend 203.0.113.5 is in VIP 203.0.113.5 of this node"},
	{.services = {{"a", "203.0.113.4", "192.0.2.1", 80, 0, 1, API_LB_DSR}},
		.sentence = "service \"a\": backend 192.0.2.1 is an address of this node"},
	{.services = {{"a", "203.0.113.4", "192.0.2.21", 80, 8080, 1, API_LB_NAT}},
		.sentence = "service \"a\": mode nat needs IPv4 addresses to send from"},
	{.services = {{"a", "203.0.113.4", "192.0.2.21", 80, 8080, 1, API_LB_NAT}},
		.pool = "2001:db8:f::/127",
		.sentence = "service \"a\": mode nat needs IPv4 addresses to send from"},
	{.services = {{"a", "203.0.113.4", "10.0.0.1", 80, 0, 1, API_LB_DSR}},
		.sentence = "service \"a\": backend 10.0.0.1 is in no subnet of an interface"},
	{.services = {{"a", "203.0.113.4", "2001:db8::5", 80, 0, 1, API_LB_DSR}},
		.sentence = "service \"a\": backend 2001:db8::5 is of another IP version"},
	{.services = {{"a", "203.0.113.4", "192.0.2.21", 80, 8080, 1, API_LB_DSR}},
		.sentence = "service \"a\": backend 192.0.2.21 has another port than the service"},
	{.services = {{"a", "203.0.113.4", "192.0.2.21", 0, 8080, 1, API_LB_IPIP}},
		.sentence = "service \"a\": backend 192.0.2.21 has a port, but only mode nat"},
	{.services = {{"a", "203.0.113.4", "192.0.2.21", 80, 0, 256, API_LB_DSR}},
		.sentence = "service \"a\": backend 192.0.2.21 has a weight above 255"},
	{.services = {{"a", "203.0.113.4", "224.0.0.5", 80, 0, 1, API_LB_DSR}},
		.sentence = "service \"a\": backend 224.0.0.5 is no address of a host"},
	{.services = {{"a", "224.0.0.5", "192.0.2.21", 80, 0, 1, API_LB_DSR}},
		.sentence = "service \"a\": VIP 224.0.0.5 is a multicast address"},
	{.services = {{"a", "203.0.113.4/24", "192.0.2.21", 80, 0, 1, API_LB_DSR}},
		.sentence = "service \"a\": VIP 203.0.113.4/24 has host bits set"},
	{.services = {{"a", "fe80::5", "2001:db8::5", 80, 0, 1, API_LB_DSR}},
		.sentence = "service \"a\": VIP fe80::5 is link-local"},
	{.services = {{"a", "203.0.113.4", "192.0.2.21", 80, 0, 1, (enum api_lb_mode)9}},
		.sentence = "service \"a\": unknown mode 9"},
	{.services = {{"a", "203.0.113.4", "192.0.2.21", 80, 0, 1, API_LB_DSR},
		 {"a", "203.0.113.5", "192.0.2.22", 80, 0, 1, API_LB_DSR}},
		.sentence = "service \"a\" is there twice"},
	{.pool = "10.0.0.0/8",
		.sentence = "10.0.0.0/8 in the NAT pool has more than 1024 addresses"},
	{.pool = "2001:db8:f::/64", .sentence = "more than 1024 addresses"},
	{.pool = "203.0.113.5/24", .sentence = "203.0.113.5/24 in the NAT pool has host bits set"},
	{.pool = "192.0.2.0/30",
		.sentence = "prefix of the NAT pool 192.0.2.0/30 contains address"},
};

/* Stages @m and commits: what came of it. */
static int try_mistake(const struct mistake *m, struct base_error *err)
{
	int ret = 0;

	if (m->route)
		ret = lb_want_route(m->route, "192.0.2.254", err);
	if (ret == 0 && m->pool)
		ret = lb_want_pool(m->pool, err);
	for (unsigned i = 0; ret == 0 && i < 2 && m->services[i].name; i++)
		ret = lb_want_service(m->services[i].name, m->services[i].vip, m->services[i].port,
			m->services[i].mode, err);
	for (unsigned i = 0; ret == 0 && i < 2 && m->services[i].name; i++)
		if (m->services[i].backend)
			ret = lb_want_backend(m->services[i].name, m->services[i].backend,
				m->services[i].backend_port, m->services[i].weight, err);
	return ret == 0 ? lb_commit(err) : ret;
}

static void a_mistake_is_named_and_nothing_is_applied(void **state)
{
	for (unsigned i = 0; i < ARRAY_SIZE(mistakes); i++) {
		struct base_error err = {};
		const struct lb_block *before;

		lb_begin();
		want_web();
		commit_ok();
		before = lb_main.now;
		lb_begin();
		assert_true(try_mistake(&mistakes[i], &err) < 0);
		if (!strstr(err.text, mistakes[i].sentence))
			fail_msg("\"%s\" instead of \"%s\"", err.text, mistakes[i].sentence);
		assert_ptr_equal(lb_main.now, before);
		assert_int_equal(lb_lookup("203.0.113.10")->kind, NEXTHOP_SERVICE);
		assert_int_equal(generation_abort(NULL), 0);
		assert_null(lb_main.next);
	}
}

/* The bounds are those of the configuration file. */
static void probes_outside_the_bounds_are_refused(void **state)
{
	static const struct {
		uint16_t kind;
		uint32_t interval_ms, timeout_ms;
		uint16_t rise, fall, request_bytes;
		bool ok;
	} cases[] = {
		{API_PROBE_NONE, 0, 0, 0, 0, 0, true},
		{API_PROBE_TCP, 100, 10, 1, 100, 0, true},
		{API_PROBE_ICMP, 3600000, 3600000, 100, 1, 0, true},
		{API_PROBE_TCP, 99, 10, 1, 1, 0, false},
		{API_PROBE_TCP, 0, 0, 1, 1, 0, false},
		{API_PROBE_TCP, 3600001, 10, 1, 1, 0, false},
		{API_PROBE_TCP, 100, 9, 1, 1, 0, false},
		{API_PROBE_TCP, 100, 101, 1, 1, 0, false},
		{API_PROBE_TCP, 100, 10, 0, 1, 0, false},
		{API_PROBE_TCP, 100, 10, 101, 1, 0, false},
		{API_PROBE_TCP, 100, 10, 1, 0, 0, false},
		{API_PROBE_TCP, 100, 10, 1, 101, 0, false},
		{API_PROBE_UDP, 100, 10, 1, 1, API_PAYLOAD_MAX + 1, false},
		{API_PROBE_UDP + 1, 100, 10, 1, 1, 0, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct api_service want = lb_service("web", "203.0.113.10", 80, API_LB_DSR);
		struct base_error err = {};

		lb_begin();
		want.probe = (struct api_probe){
			.kind = cases[i].kind,
			.interval_ms = cases[i].interval_ms,
			.timeout_ms = cases[i].timeout_ms,
			.rise = cases[i].rise,
			.fall = cases[i].fall,
			.request_bytes = cases[i].request_bytes,
		};
		assert_int_equal(lb_stage_service(&want, &err) == 0, cases[i].ok);
		assert_int_equal(strstr(err.text, "its health probe") == NULL, cases[i].ok);
		assert_int_equal(generation_abort(NULL), 0);
	}
}

static void services_without_settings_are_refused(void **state)
{
	struct base_error err;

	assert_int_equal(generation_begin(world_current->generation + 1, NULL), 0);
	assert_int_equal(lb_want_interface("lan", "192.0.2.1/24", "2001:db8::1/64"), 0);
	want_web();
	assert_int_equal(lb_commit(&err), -EPROTO);
}

static void a_dry_run_counts_and_changes_nothing(void **state)
{
	lb_begin();
	want_web();
	assert_int_equal(lb_commit_flags(API_COMMIT_DRY_RUN, 1000, NULL), 0);
	assert_int_equal(generation_counts()->services.added, 1);
	assert_int_equal(generation_counts()->backends.added, 2);
	assert_null(world_current->lb);
}

static void ports_and_protocols_share_a_vip(void **state)
{
	struct api_service udp = lb_service("dns", "203.0.113.10", 80, API_LB_DSR);

	lb_begin();
	want_web();
	udp.protocol = IPPROTO_UDP;
	assert_int_equal(lb_stage_service(&udp, NULL), 0);
	assert_int_equal(lb_want_backend("dns", "192.0.2.21", 0, 1, NULL), 0);
	assert_int_equal(lb_want_service("all", "203.0.113.10", 0, API_LB_DSR, NULL), 0);
	assert_int_equal(lb_want_backend("all", "192.0.2.21", 0, 1, NULL), 0);
	commit_ok();
	assert_int_equal(lb_service_find(world_current->lb, lb_lookup("203.0.113.10")->iface,
				 IPPROTO_TCP, htobe16(80)),
		lb_block_service(lb_main.now, "web"));
	assert_int_equal(lb_service_find(world_current->lb, lb_lookup("203.0.113.10")->iface,
				 IPPROTO_TCP, htobe16(81)),
		lb_block_service(lb_main.now, "all"));
	assert_int_equal(lb_service_find(world_current->lb, lb_lookup("203.0.113.10")->iface,
				 IPPROTO_UDP, htobe16(80)),
		lb_block_service(lb_main.now, "dns"));
	assert_int_equal(lb_service_find(world_current->lb, lb_lookup("203.0.113.10")->iface,
				 IPPROTO_UDP, htobe16(81)),
		LB_NO_SERVICE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		LB_TEST(a_service_gets_a_route_a_table_and_backends),
		LB_TEST(without_services_there_is_no_balancer),
		LB_TEST(numbers_stay_when_others_come_and_go),
		LB_TEST(a_removed_backend_keeps_its_number_until_its_flows_have_ended),
		LB_TEST(a_backend_that_comes_back_has_its_number_again),
		LB_TEST(a_backend_starts_in_the_state_it_was_last_known_in),
		LB_TEST(probes_outside_the_bounds_are_refused),
		LB_TEST(another_mode_is_another_backend),
		LB_TEST(a_service_that_is_gone_keeps_its_number_while_flows_end),
		LB_TEST(pool_addresses_have_indices_in_a_row),
		LB_TEST(addresses_keep_their_ports_when_their_prefix_changes),
		LB_TEST(a_mistake_is_named_and_nothing_is_applied),
		LB_TEST(services_without_settings_are_refused),
		LB_TEST(a_dry_run_counts_and_changes_nothing),
		LB_TEST(ports_and_protocols_share_a_vip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
