/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The node of the balancer's tests: port 0 "lan" with 192.0.2.1/24 and 2001:db8::1/64, port 1 "wan"
 * with 198.51.100.1/24 and 2001:db8:1::1/64, and generations put together by hand: lb_begin(), what
 * is wanted, lb_commit().
 */
#ifndef TESTS_UNIT_LB_NODE_H
#define TESTS_UNIT_LB_NODE_H

#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/core/generation.h"
#include "dataplane/core/nexthop.h"
#include "dataplane/core/server.h"
#include "dataplane/ip/ip.h"
#include "dataplane/lb/lb_main.h"
#include "dataplane/link/link.h"
#include "dataplane/neigh/neigh.h"
#include "tests/unit/node.h"

#define LB_NODE_WORKERS(workers)                                                                   \
	"node:\n"                                                                                  \
	"  name: n1\n"                                                                             \
	"  workers: " workers "\n"                                                                 \
	"  main: 0\n"                                                                              \
	"  ports:\n"                                                                               \
	"    - name: lan\n"                                                                        \
	"      device: test0\n"                                                                    \
	"      mac: 02:00:00:00:00:01\n"                                                           \
	"      addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"                                    \
	"    - name: wan\n"                                                                        \
	"      device: test1\n"                                                                    \
	"      mac: 02:00:00:00:00:02\n"                                                           \
	"      addresses: [198.51.100.1/24, \"2001:db8:1::1/64\"]\n"

#define LB_TEST(name) cmocka_unit_test_setup_teardown(name, lb_node_start, lb_node_stop)

static inline int lb_node_start(void **state)
{
	node_start(LB_NODE_WORKERS("[1]"));
	return 0;
}

static inline int lb_node_stop(void **state)
{
	generation_abort(NULL);
	node_stop();
	return 0;
}

/* An address, with a length or plain. */
static inline struct ip_addr lb_addr(const char *text)
{
	struct ip_addr a;

	if (ip_addr_parse(text, &a) < 0)
		assert_int_equal(ip_addr_parse_prefix(text, &a), 0);
	return a;
}

static inline int lb_want_interface(const char *name, const char *addr1, const char *addr2)
{
	struct api_interface want = {.mtu = 1500, .n_addresses = 2};

	base_strlcpy(want.name, name, sizeof(want.name));
	base_strlcpy(want.port, name, sizeof(want.port));
	want.addresses[0] = lb_addr(addr1);
	want.addresses[1] = lb_addr(addr2);
	return iface_stage(&want, NULL);
}

static inline int lb_want_settings(uint64_t key)
{
	struct api_lb want = {
		.key = {key, ~key},
		.new_flows_per_sec = 100000,
		.idle_ms = {10000, 300000, 10000, 10000, 60000},
	};

	return lb_stage_settings(&want, NULL);
}

/* Begins the next generation with the node's interfaces and settings. */
static inline void lb_begin(void)
{
	assert_int_equal(generation_begin(world_current->generation + 1, NULL), 0);
	assert_int_equal(lb_want_interface("lan", "192.0.2.1/24", "2001:db8::1/64"), 0);
	assert_int_equal(lb_want_interface("wan", "198.51.100.1/24", "2001:db8:1::1/64"), 0);
	assert_int_equal(lb_want_settings(1), 0);
}

static inline int lb_want_pool(const char *prefix, struct base_error *err)
{
	struct api_pool want = {.prefix = lb_addr(prefix)};

	return lb_stage_pool(&want, err);
}

/* A service on TCP. */
static inline struct api_service lb_service(
	const char *name, const char *vip, uint16_t port, enum api_lb_mode mode)
{
	struct api_service s = {
		.vip = lb_addr(vip),
		.port = port,
		.protocol = IPPROTO_TCP,
		.mode = (uint8_t)mode,
	};

	base_strlcpy(s.name, name, sizeof(s.name));
	return s;
}

static inline int lb_want_service(const char *name, const char *vip, uint16_t port,
	enum api_lb_mode mode, struct base_error *err)
{
	struct api_service want = lb_service(name, vip, port, mode);

	return lb_stage_service(&want, err);
}

static inline int lb_want_backend(const char *service, const char *address, uint16_t port,
	uint16_t weight, struct base_error *err)
{
	struct api_backend_want want = {
		.backend = {.address = lb_addr(address), .port = port, .weight = weight}};

	base_strlcpy(want.backend.service, service, sizeof(want.backend.service));
	return lb_stage_backend(&want, err);
}

/* A backend of weight 1 on the service's port that was draining or @down when it was last heard of.
 */
static inline int lb_want_backend_as(
	const char *service, const char *address, bool draining, bool down)
{
	struct api_backend_want want = {
		.backend = {.address = lb_addr(address), .weight = 1},
		.draining = draining,
		.down = down,
		.reason = "as before",
	};

	base_strlcpy(want.backend.service, service, sizeof(want.backend.service));
	return lb_stage_backend(&want, NULL);
}

/* A route of @prefix over next hop @via. */
static inline int lb_want_route(const char *prefix, const char *via, struct base_error *err)
{
	struct api_nexthop set = {.id = 1, .action = API_ACTION_VIA, .n_hops = 1};
	struct api_route want = {.prefix = lb_addr(prefix), .nexthop = 1};
	int ret;

	set.hops[0].address = lb_addr(via);
	set.hops[0].weight = 1;
	ret = route_stage_nexthop(&set, err);
	return ret == 0 ? route_stage(&want, err) : ret;
}

/* Commits in steps of @quantum with @flags: how it ended. */
static inline int lb_commit_flags(uint32_t flags, unsigned quantum, struct base_error *err)
{
	int ret = generation_commit_start(world_current->generation + 1, flags, NULL, err);

	while (ret == 0 && generation_busy())
		generation_step(quantum);
	return ret == 0 ? generation_result(err) : ret;
}

static inline int lb_commit(struct base_error *err)
{
	return lb_commit_flags(0, 1000, err);
}

/* What the workers' table says about @text. */
static inline const struct nexthop *lb_lookup(const char *text)
{
	struct ip_addr a = lb_addr(text);
	const uint8_t *bytes = a.bytes;
	uint32_t number, host = be32toh(ip_addr_v4_be(&a));

	if (a.family == 4)
		fib_lookup4_bulk(&world_current->fib4, &host, &number, 1);
	else
		fib_lookup6_bulk(&world_current->fib6, &bytes, &number, 1);
	return &world_current->nexthops[number];
}

/* The number of an installed backend, or LB_NO_BACKEND. */
static inline uint16_t lb_backend_number(const char *service, const char *address, uint16_t port)
{
	struct ip_addr a = lb_addr(address);
	uint16_t s = lb_block_service(lb_main.now, service);

	return s == LB_NO_SERVICE ? LB_NO_BACKEND : lb_block_backend(lb_main.now, s, &a, port);
}

/* Entries of @service's table that lead to backend @n. */
static inline unsigned lb_entries(const char *service, uint16_t n)
{
	const struct lb_service *s = &lb_main.now->services[lb_block_service(lb_main.now, service)];
	unsigned count = 0;

	for (unsigned i = 0; s->table && i < MAGLEV_SIZE; i++)
		count += s->table[i] == n;
	return count;
}

static inline int lb_tell(const char *service, const char *address, uint16_t port, bool draining,
	struct base_error *err)
{
	struct api_backend_state item = {
		.address = lb_addr(address),
		.port = port,
		.draining = draining,
	};

	base_strlcpy(item.service, service, sizeof(item.service));
	return lb_state_set(&item, 1, err);
}

#endif
