/* SPDX-License-Identifier: BSD-3-Clause */
/* What the API shows of interfaces, neighbours, next hops and routes. */
#include <errno.h>

#include "dataplane/core/server.h"
#include "tests/unit/route_node.h"

#define ITEMS_MAX 512

typedef int handler(struct server_client *client, const struct api_dump *body,
	const struct api_none *items, struct server_reply *reply, struct base_error *err);

static uint64_t items[ITEMS_MAX * sizeof(struct api_nexthop_info) / sizeof(uint64_t)];

/* Dumps all of it in replies of @room items, each of @item_bytes; returns how many. */
static uint32_t dump(handler *h, struct api_dump *req, uint32_t room, size_t item_bytes)
{
	uint32_t n = 0;

	memset(items, 0, sizeof(items));
	req->cursor = 0;
	do {
		struct api_dump_reply body = {};
		struct server_reply reply = {.body = &body,
			.items = (uint8_t *)items + n * item_bytes,
			.items_max = room};

		assert_true((n + room) * item_bytes <= sizeof(items));
		assert_int_equal(h(NULL, req, NULL, &reply, NULL), 0);
		assert_in_range(reply.n_items, 0, room);
		n += reply.n_items;
		req->cursor = body.cursor;
	} while (req->cursor != 0);
	return n;
}

/* The routes that @req asks for, sorted, as text. */
static const char *route_dump_text(struct api_dump *req, uint32_t room)
{
	static char text[2048];
	struct api_route_info *r = (struct api_route_info *)items;
	uint32_t n = dump(server_on_route_dump, req, room, sizeof(*r));

	text[0] = '\0';
	for (uint32_t done = 0; done < n; done++) {
		uint32_t first = 0;
		char one[IPADDR_TEXT_MAX];

		for (uint32_t i = 1; i < n; i++)
			if (r[first].prefix.family == 0 ||
				(r[i].prefix.family != 0 && memcmp(&r[i].prefix, &r[first].prefix,
								    sizeof(r->prefix)) < 0))
				first = i;
		strcat(text, ip_addr_format(&r[first].prefix, one));
		strcat(text, r[first].origin == API_ORIGIN_STATIC      ? " static"
			     : r[first].origin == API_ORIGIN_CONNECTED ? " connected "
								       : " local ");
		strcat(text, r[first].interface);
		strcat(text, "\n");
		r[first].prefix.family = 0;
	}
	return text;
}

static int start(void **state)
{
	node_start(ROUTE_NODE);
	route_begin();
	route_want_set(0, two_hops, NULL);
	route_want_hop(1, "2001:db8::7", NULL);
	route_want_hop(2, "198.51.100.9", NULL);
	route_want("10.0.0.0/8", 0, NULL);
	route_want("10.1.0.0/16", 2, NULL);
	route_want("0.0.0.0/0", 2, NULL);
	route_want("2001:db8:9::/48", 1, NULL);
	return route_commit(NULL);
}

static void all_routes_are_shown_however_small_the_replies(void **state)
{
	struct api_dump req = {};

	for (uint32_t room = 1; room < 20; room += 6)
		assert_string_equal(route_dump_text(&req, room), "0.0.0.0/0 static\n"
								 "10.0.0.0/8 static\n"
								 "10.1.0.0/16 static\n"
								 "192.0.2.0/24 connected lan\n"
								 "198.51.100.0/24 connected wan\n"
								 "192.0.2.0 local lan\n"
								 "192.0.2.1 local lan\n"
								 "192.0.2.255 local lan\n"
								 "198.51.100.0 local wan\n"
								 "198.51.100.1 local wan\n"
								 "198.51.100.255 local wan\n"
								 "2001:db8:9::/48 static\n"
								 "2001:db8::/64 connected lan\n"
								 "2001:db8::1 local lan\n");
}

static void routes_are_filtered_by_prefix_and_interface(void **state)
{
	struct api_dump req = {.prefix = route_addr("10.0.0.0/8")};

	assert_string_equal(route_dump_text(&req, 3), "10.0.0.0/8 static\n10.1.0.0/16 static\n");
	req.prefix = route_addr("2001:db8::/32");
	assert_string_equal(route_dump_text(&req, 3),
		"2001:db8:9::/48 static\n2001:db8::/64 connected lan\n2001:db8::1 local lan\n");
	req = (struct api_dump){.filter = "wan"};
	assert_string_equal(route_dump_text(&req, 3),
		"0.0.0.0/0 static\n10.1.0.0/16 static\n198.51.100.0/24 connected wan\n"
		"198.51.100.0 local wan\n198.51.100.1 local wan\n198.51.100.255 local wan\n");
	req.filter[0] = 'x';
	assert_string_equal(route_dump_text(&req, 3), "");
}

static void next_hops_are_shown_with_their_share(void **state)
{
	struct api_nexthop_info *n = (struct api_nexthop_info *)items;
	struct api_dump req = {.filter = "lan"};
	const struct api_nexthop_info *group = NULL;

	assert_int_equal(dump(server_on_nexthop_dump, &req, 1, sizeof(*n)), 2);
	group = n[0].n_hops == 2 ? &n[0] : &n[1];
	assert_int_equal(group->n_hops, 2);
	assert_int_equal(group->refs, 1);
	assert_int_equal(group->action, API_ACTION_VIA);
	assert_int_equal(group->hops[1].weight, 2);
	assert_string_equal(group->hops[1].interface, "lan");
	assert_int_equal(group->buckets[0] + group->buckets[1], WORLD_ECMP_BUCKETS);
	assert_in_range(group->buckets[0], 281, 402);
	req.filter[0] = '\0';
	assert_int_equal(dump(server_on_nexthop_dump, &req, 10, sizeof(*n)), 3);
}

static void interfaces_addresses_and_neighbours_are_shown(void **state)
{
	struct api_interface_info *i = (struct api_interface_info *)items;
	struct api_address_info *a = (struct api_address_info *)items;
	struct api_neighbor_info *n = (struct api_neighbor_info *)items;
	struct api_dump req = {};

	assert_int_equal(dump(server_on_interface_dump, &req, 1, sizeof(*i)), 2);
	assert_string_equal(i[1].name, "wan");
	assert_string_equal(i[1].port, "wan");
	assert_int_equal(i[1].mac[5], 2);
	assert_int_equal(i[0].n_addresses, 3);
	assert_int_equal(dump(server_on_address_dump, &req, 2, sizeof(*a)), 5);
	assert_int_equal(a[0].state, API_ADDRESS_PREFERRED);
	assert_int_equal(a[1].state, API_ADDRESS_TENTATIVE);
	assert_int_equal(a[2].automatic, 1);
	node_advance(3 * NSEC_PER_SEC);
	dump(server_on_address_dump, &req, 2, sizeof(*a));
	assert_int_equal(a[1].state, API_ADDRESS_PREFERRED);
	assert_int_equal(dump(server_on_neighbor_dump, &req, 1, sizeof(*n)), 4);
	base_strlcpy(req.filter, "wan", sizeof(req.filter));
	assert_int_equal(dump(server_on_interface_dump, &req, 2, sizeof(*i)), 1);
	assert_int_equal(dump(server_on_address_dump, &req, 2, sizeof(*a)), 2);
	assert_int_equal(dump(server_on_neighbor_dump, &req, 1, sizeof(*n)), 1);
	assert_string_equal(n[0].interface, "wan");
}

static void odd_requests_are_answered_or_refused(void **state)
{
	static handler *const handlers[] = {server_on_interface_dump, server_on_address_dump,
		server_on_neighbor_dump, server_on_nexthop_dump, server_on_route_dump};
	static const uint64_t cursors[] = {1, 1000000, UINT64_MAX, 1ULL << 63, (1ULL << 63) + 5};

	for (unsigned k = 0; k < ARRAY_SIZE(handlers); k++) {
		struct api_dump_reply body;
		struct server_reply reply = {.body = &body, .items = items, .items_max = 4};
		struct api_dump req = {};
		struct base_error err;

		for (unsigned c = 0; c < ARRAY_SIZE(cursors); c++) {
			req.cursor = cursors[c];
			reply.n_items = 0;
			assert_int_equal(handlers[k](NULL, &req, NULL, &reply, &err), 0);
			assert_in_range(reply.n_items, 0, 4);
		}
		memset(req.filter, 'x', sizeof(req.filter));
		assert_int_equal(handlers[k](NULL, &req, NULL, &reply, &err), -EINVAL);
		assert_string_equal(err.text, "the filter is not the name of an interface");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			all_routes_are_shown_however_small_the_replies, start, route_node_stop),
		cmocka_unit_test_setup_teardown(
			routes_are_filtered_by_prefix_and_interface, start, route_node_stop),
		cmocka_unit_test_setup_teardown(
			next_hops_are_shown_with_their_share, start, route_node_stop),
		cmocka_unit_test_setup_teardown(
			interfaces_addresses_and_neighbours_are_shown, start, route_node_stop),
		cmocka_unit_test_setup_teardown(
			odd_requests_are_answered_or_refused, start, route_node_stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
