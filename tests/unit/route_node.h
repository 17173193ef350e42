/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The node of the route tests: port 0 "lan" with 192.0.2.1/24 and 2001:db8::1/64, port 1 "wan" with
 * 198.51.100.1/24, and generations put together by hand: route_begin(), what is wanted,
 * route_commit().
 */
#ifndef TESTS_UNIT_ROUTE_NODE_H
#define TESTS_UNIT_ROUTE_NODE_H

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/generation.h"
#include "dataplane/core/nexthop.h"
#include "dataplane/ip/route_impl.h"
#include "dataplane/link/link.h"
#include "dataplane/neigh/neigh.h"
#include "tests/unit/node.h"

#define ROUTE_NODE                                                                                 \
	"node:\n"                                                                                  \
	"  name: n1\n"                                                                             \
	"  workers: [1]\n"                                                                         \
	"  main: 0\n"                                                                              \
	"  ports:\n"                                                                               \
	"    - name: lan\n"                                                                        \
	"      device: test0\n"                                                                    \
	"      mac: 02:00:00:00:00:01\n"                                                           \
	"      addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"                                    \
	"    - name: wan\n"                                                                        \
	"      device: test1\n"                                                                    \
	"      mac: 02:00:00:00:00:02\n"                                                           \
	"      addresses: [198.51.100.1/24]\n"

#define ROUTE_TEST(name) cmocka_unit_test_setup_teardown(name, route_node_start, route_node_stop)

static const char *const two_hops[] = {"192.0.2.7", "192.0.2.8", NULL};

static inline int route_node_start(void **state)
{
	node_start(ROUTE_NODE);
	return 0;
}

static inline int route_node_stop(void **state)
{
	generation_abort(NULL);
	node_stop();
	return 0;
}

/* An address, with a length or plain. */
static inline struct ip_addr route_addr(const char *text)
{
	struct ip_addr a;

	if (ip_addr_parse(text, &a) < 0)
		assert_int_equal(ip_addr_parse_prefix(text, &a), 0);
	return a;
}

/* Begins the next generation, without any interface. */
static inline void route_begin_bare(void)
{
	assert_int_equal(generation_begin(world_current->generation + 1, NULL), 0);
}

static inline int route_want_interface(
	const char *name, const char *addr1, const char *addr2, struct base_error *err)
{
	struct api_interface want = {.mtu = 1500};

	base_strlcpy(want.name, name, sizeof(want.name));
	base_strlcpy(want.port, name, sizeof(want.port));
	if (addr1)
		want.addresses[want.n_addresses++] = route_addr(addr1);
	if (addr2)
		want.addresses[want.n_addresses++] = route_addr(addr2);
	return iface_stage(&want, err);
}

/* Begins the next generation with the node's interfaces. */
static inline void route_begin(void)
{
	route_begin_bare();
	assert_int_equal(route_want_interface("lan", "192.0.2.1/24", "2001:db8::1/64", NULL), 0);
	assert_int_equal(route_want_interface("wan", "198.51.100.1/24", NULL, NULL), 0);
}

/* Stages set @id of the addresses in @hops, up to the first NULL, with the weights 1, 2, 3... */
static inline int route_want_set(uint32_t id, const char *const hops[], struct base_error *err)
{
	struct api_nexthop want = {.id = id, .action = API_ACTION_VIA};

	for (; hops[want.n_hops]; want.n_hops++) {
		want.hops[want.n_hops].address = route_addr(hops[want.n_hops]);
		want.hops[want.n_hops].weight = (uint16_t)(want.n_hops + 1);
	}
	return route_stage_nexthop(&want, err);
}

/* Stages set @id of one hop. */
static inline int route_want_hop(uint32_t id, const char *hop, struct base_error *err)
{
	return route_want_set(id, (const char *const[]){hop, NULL}, err);
}

static inline int route_want(const char *prefix, uint32_t set, struct base_error *err)
{
	struct api_route want = {.prefix = route_addr(prefix), .nexthop = set};

	return route_stage(&want, err);
}

/* Commits in steps of @quantum with @flags: how it ended. */
static inline int route_commit_flags(uint32_t flags, unsigned quantum, struct base_error *err)
{
	int ret = generation_commit_start(world_current->generation + 1, flags, NULL, err);

	while (ret == 0 && generation_busy())
		generation_step(quantum);
	return ret == 0 ? generation_result(err) : ret;
}

static inline int route_commit(struct base_error *err)
{
	return route_commit_flags(0, 1000, err);
}

/* What the workers' table says about @text. */
static inline const struct nexthop *route_lookup(const char *text)
{
	struct ip_addr a = route_addr(text);
	const uint8_t *bytes = a.bytes;
	uint32_t number, host = be32toh(ip_addr_v4_be(&a));

	if (a.family == 4)
		fib_lookup4_bulk(&world_current->fib4, &host, &number, 1);
	else
		fib_lookup6_bulk(&world_current->fib6, &bytes, &number, 1);
	return &world_current->nexthops[number];
}

/* A sum over all routes and where they lead: equal tables have equal sums. */
static inline uint64_t route_table_sum(void)
{
	struct fib_route r;
	uint64_t sum = 0;

	for (unsigned f = 0; f < 2; f++) {
		uint64_t cursor = 0;

		while (fib_dump(route_rib.fibs[f], &cursor, &r, 1) == 1) {
			uint64_t h = r.nexthop + 1;

			for (unsigned i = 0; i < 16; i++)
				h = (h ^ r.prefix.bytes[i]) * 0x100000001b3ULL;
			sum += (h ^ r.prefix.prefix_len) * 0x9e3779b97f4a7c15ULL;
		}
	}
	return sum;
}

#endif
