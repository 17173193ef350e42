/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A node with a balancer whose world is made by hand, so that tests say who is chosen: clients
 * behind port 0 (host), two backends of each IP version behind port 1 (peer, second), fronts for a
 * VIP, a VIP prefix and the pool. One thread.
 *
 * Routes to the fronts are made from routes via neighbours that exist for this purpose only: their
 * next hops are turned into those of services.
 */
#ifndef TESTS_UNIT_LB_WORLD_H
#define TESTS_UNIT_LB_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/lb/lb_balance.h"
#include "dataplane/lb/lb_service.h"
#include "tests/unit/frame.h"
#include "tests/unit/node.h"

#define LB_CONFIG(workers)                                                                         \
	"node:\n"                                                                                  \
	"  name: t\n"                                                                              \
	"  workers: " workers "\n"                                                                 \
	"  ports:\n"                                                                               \
	"    - name: lan\n"                                                                        \
	"      device: net_null0\n"                                                                \
	"      mac: 02:00:00:00:00:01\n"                                                           \
	"      mtu: 9000\n"                                                                        \
	"      addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"                                    \
	"    - name: wan\n"                                                                        \
	"      device: net_null1\n"                                                                \
	"      mac: 02:00:00:00:00:02\n"                                                           \
	"      addresses: [198.51.100.1/24, \"2001:db8:1::1/64\"]\n"                               \
	"neighbors:\n"                                                                             \
	"  - {interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa}\n"                       \
	"  - {interface: lan, address: \"2001:db8::2\", mac: 02:00:00:00:00:aa}\n"                 \
	"  - {interface: wan, address: 198.51.100.2, mac: 02:00:00:00:00:bb}\n"                    \
	"  - {interface: wan, address: 198.51.100.3, mac: 02:00:00:00:00:b3}\n"                    \
	"  - {interface: wan, address: \"2001:db8:1::2\", mac: 02:00:00:00:00:bb}\n"               \
	"  - {interface: wan, address: \"2001:db8:1::3\", mac: 02:00:00:00:00:b3}\n"               \
	"  - {interface: wan, address: 198.51.100.201, mac: 02:00:00:00:00:f1}\n"                  \
	"  - {interface: wan, address: 198.51.100.202, mac: 02:00:00:00:00:f2}\n"                  \
	"  - {interface: wan, address: 198.51.100.203, mac: 02:00:00:00:00:f3}\n"                  \
	"  - {interface: wan, address: \"2001:db8:1::201\", mac: 02:00:00:00:00:f1}\n"             \
	"  - {interface: wan, address: \"2001:db8:1::202\", mac: 02:00:00:00:00:f2}\n"             \
	"routes:\n"                                                                                \
	"  - {prefix: 10.0.0.2/32, via: 198.51.100.2}\n"                                           \
	"  - {prefix: 10.0.0.3/32, via: 198.51.100.3}\n"                                           \
	"  - {prefix: \"2001:db8:a::2/128\", via: \"2001:db8:1::2\"}\n"                            \
	"  - {prefix: \"2001:db8:a::3/128\", via: \"2001:db8:1::3\"}\n"                            \
	"  - {prefix: 203.0.113.10/32, via: 198.51.100.201}\n"                                     \
	"  - {prefix: 203.0.113.200/29, via: 198.51.100.202}\n"                                    \
	"  - {prefix: 203.0.113.64/28, via: 198.51.100.203}\n"                                     \
	"  - {prefix: \"2001:db8:f::10/128\", via: \"2001:db8:1::201\"}\n"                         \
	"  - {prefix: \"2001:db8:f::200/125\", via: \"2001:db8:1::202\"}\n"

#define LB_ONE_WORKER  "[0]"
#define LB_TWO_WORKERS "[0, 1]"

/* Fronts. */
enum lb_test_front {
	LB_TEST_VIP,    /* 203.0.113.10 */
	LB_TEST_POOL,   /* 203.0.113.200/29 */
	LB_TEST_PREFIX, /* 203.0.113.64/28 */
	LB_TEST_VIP6,   /* 2001:db8:f::10 */
	LB_TEST_POOL6,  /* 2001:db8:f::200/125 */
	LB_TEST_FRONTS,
};

/* Backends: of each version the one at the peer, and a second one. */
enum lb_test_backend {
	LB_TEST_PEER,
	LB_TEST_SECOND,
	LB_TEST_PEER6,
	LB_TEST_SECOND6,
	LB_TEST_BACKENDS,
};

/* What VIPs are: one service on each front that is no pool. */
#define LB_TEST_SERVICES    3
#define LB_TEST_INDEX_SLOTS 16
#define LB_TEST_POOL_SIZE   8

/* Ethernet from the node to who is behind port 1, and to the clients. */
#define TO_PEER   "eth{dst=peer,src=node2} "
#define TO_SECOND "eth{dst=02:00:00:00:00:b3,src=node2} "
#define TO_HOST   "eth{dst=host,src=node} "
#define FROM_PEER "eth{dst=node2,src=peer} "

#define VIP   "203.0.113.10"
#define VIP6  "2001:db8:f::10"
#define POOL  "203.0.113.200"
#define POOL6 "2001:db8:f::200"

static struct {
	struct lb_world world;
	struct lb_service services[LB_SERVICES_MAX];
	struct lb_backend backends[LB_BACKENDS_MAX];
	struct lb_front fronts[LB_FRONTS_MAX];
	struct lb_pool_address pool[LB_POOL_MAX];
	struct lb_service_slot index[LB_TEST_INDEX_SLOTS];
	uint16_t pool_list4[LB_TEST_POOL_SIZE], pool_list6[LB_TEST_POOL_SIZE];
	uint16_t tables[LB_TEST_SERVICES][MAGLEV_SIZE];
} lbt;

static inline struct ip_addr lb_test_addr(const char *text)
{
	struct ip_addr a;

	if (strchr(text, '/'))
		assert_int_equal(ip_addr_parse_prefix(text, &a), 0);
	else
		assert_int_equal(ip_addr_parse(text, &a), 0);
	return a;
}

/* The number of the next hop that @text is routed to. */
static inline uint16_t lb_test_nexthop(const char *text)
{
	struct ip_addr a = lb_test_addr(text);
	const uint8_t *bytes = a.bytes;
	uint32_t addr = be32toh(ip_addr_v4_be(&a)), number;

	if (a.family == 4)
		fib_lookup4_bulk(&world_current->fib4, &addr, &number, 1);
	else
		fib_lookup6_bulk(&world_current->fib6, &bytes, &number, 1);
	return (uint16_t)number;
}

static inline void lb_test_front(enum lb_test_front front, const char *prefix, int pool_first)
{
	struct ip_addr p = lb_test_addr(prefix);
	char text[IPADDR_TEXT_MAX];
	struct nexthop *nh;

	lbt.fronts[front] = (struct lb_front){
		.prefix = p,
		.is_pool = pool_first >= 0,
		.pool_first = (uint16_t)MAX_OF(pool_first, 0),
	};
	nh = &world_current->nexthops[lb_test_nexthop(ip_addr_format_host(&p, text))];
	nh->kind = NEXTHOP_SERVICE;
	nh->iface = front;
	atomic_store(&nh->lladdr, 0);
	for (unsigned i = 0; i < LB_TEST_POOL_SIZE && pool_first >= 0; i++) {
		struct lb_pool_address *a = &lbt.pool[(unsigned)pool_first + i];
		uint16_t *list = p.family == 4 ? lbt.pool_list4 : lbt.pool_list6;

		a->addr = p;
		a->addr.prefix_len = (uint8_t)ip_addr_bits(p.family);
		a->addr.bytes[p.family == 4 ? 3 : 15] += (uint8_t)i;
		a->life++;
		a->records = aligned_alloc(CACHE_LINE_BYTES, 65536 * sizeof(struct lb_nat));
		assert_non_null(a->records);
		memset(a->records, 0, 65536 * sizeof(struct lb_nat));
		list[i] = (uint16_t)(pool_first + (int)i);
	}
}

static inline void lb_test_index(uint16_t service)
{
	const struct lb_service *s = &lbt.services[service];
	uint32_t at = lb_service_slot_hash(s->front, s->protocol, s->port_be);

	while (lbt.index[at % LB_TEST_INDEX_SLOTS].service != LB_NO_SERVICE)
		at++;
	lbt.index[at % LB_TEST_INDEX_SLOTS] = (struct lb_service_slot){
		.front_protocol = lb_service_key(s->front, s->protocol),
		.port_be = s->port_be,
		.service = service,
	};
}

/* Lets new flows of service @service go to @backend only. */
static inline void lb_test_choose(unsigned service, uint16_t backend)
{
	for (unsigned i = 0; i < MAGLEV_SIZE; i++)
		lbt.tables[service][i] = backend;
	lbt.services[service].table = lbt.tables[service];
}

static inline void lb_test_backend(enum lb_test_backend number, const char *addr, const char *way)
{
	struct lb_backend *b = &lbt.backends[number];

	b->addr = lb_test_addr(addr);
	b->weight = 1;
	b->nexthop = lb_test_nexthop(way);
	b->outer_src = lb_test_addr(b->addr.family == 4 ? "198.51.100.1" : "2001:db8:1::1");
	b->service = b->addr.family == 4 ? 0 : 2;
}

/* Service @number of @protocol and @port (0: any) on @front, in @mode. */
static inline void lb_test_service(
	uint16_t number, enum lb_test_front front, uint8_t protocol, uint16_t port)
{
	lbt.services[number] = (struct lb_service){
		.vip = lbt.fronts[front].prefix,
		.front = (uint16_t)front,
		.port_be = htobe16(port),
		.protocol = protocol,
	};
	lb_test_index(number);
}

static inline void lb_test_publish(void)
{
	struct world *next = world_draft();

	assert_non_null(next);
	next->lb = &lbt.world;
	world_publish(next);
	node_run();
}

/*
 * Starts the node: service 0 is VIP, 1 the VIP prefix on all ports, 2 VIP6; all for @protocol in
 * @mode (enum api_lb_mode), 0 and 2 on port 80. New flows go to the peers.
 */
static inline void lb_test_start(const char *yaml, uint8_t protocol, uint8_t mode)
{
	memset(&lbt, 0, sizeof(lbt));
	node_start(yaml);
	node_advance(6 * NSEC_PER_SEC);
	for (unsigned i = 0; i < LB_TEST_INDEX_SLOTS; i++)
		lbt.index[i].service = LB_NO_SERVICE;
	lb_test_front(LB_TEST_VIP, VIP "/32", -1);
	lb_test_front(LB_TEST_POOL, POOL "/29", 0);
	lb_test_front(LB_TEST_PREFIX, "203.0.113.64/28", -1);
	lb_test_front(LB_TEST_VIP6, VIP6 "/128", -1);
	lb_test_front(LB_TEST_POOL6, POOL6 "/125", LB_TEST_POOL_SIZE);
	lb_test_backend(LB_TEST_PEER, "198.51.100.2", "10.0.0.2");
	lb_test_backend(LB_TEST_SECOND, "198.51.100.3", "10.0.0.3");
	lb_test_backend(LB_TEST_PEER6, "2001:db8:1::2", "2001:db8:a::2");
	lb_test_backend(LB_TEST_SECOND6, "2001:db8:1::3", "2001:db8:a::3");
	for (unsigned i = 0; i < LB_TEST_BACKENDS; i++) {
		lbt.backends[i].mode = mode;
		lbt.backends[i].port_be = mode == API_LB_NAT ? htobe16(8080) : 0;
	}
	lb_test_service(0, LB_TEST_VIP, protocol, 80);
	lb_test_service(1, LB_TEST_PREFIX, protocol, 0);
	lb_test_service(2, LB_TEST_VIP6, protocol, 80);
	for (unsigned i = 0; i < LB_TEST_SERVICES; i++)
		lbt.services[i].mode = mode;
	lb_test_choose(0, LB_TEST_PEER);
	lb_test_choose(1, LB_TEST_PEER);
	lb_test_choose(2, LB_TEST_PEER6);
	lbt.world = (struct lb_world){
		.choice_key = {1, 2},
		.new_flows_per_sec = 1000000,
		.service_mask = LB_TEST_INDEX_SLOTS - 1,
		.index = lbt.index,
		.services = lbt.services,
		.backends = lbt.backends,
		.fronts = lbt.fronts,
		.pool = lbt.pool,
		.n_pool4 = LB_TEST_POOL_SIZE,
		.n_pool6 = LB_TEST_POOL_SIZE,
		.pool_list4 = lbt.pool_list4,
		.pool_list6 = lbt.pool_list6,
	};
	for (unsigned i = 0; i < LB_FLOW_STATES; i++)
		lbt.world.idle_ticks[i] = (uint32_t)(60 * NSEC_PER_SEC >> LB_TICK_SHIFT);
	lb_test_publish();
	node_clear();
}

static inline void lb_test_stop(void)
{
	node_stop();
	for (unsigned i = 0; i < LB_POOL_MAX; i++)
		free(lbt.pool[i].records);
}

/* Lets the frame @text arrive on @port. */
static inline void lb_test_send(uint16_t port, const char *text)
{
	uint8_t frame[FRAME_MAX];
	uint32_t len = frame_build(text, frame);

	node_input(port, frame, len);
	node_run();
}

/* Lets @in arrive on @port and expects the node to send just @out. */
static inline void lb_test_expect(uint16_t port, const char *in, const char *out)
{
	uint8_t expected[FRAME_MAX];
	uint32_t len = frame_build(out, expected);
	const struct node_frame *f;

	print_message("%s\n", in);
	node_clear();
	lb_test_send(port, in);
	if (node_n_output() == 0)
		print_message("dropped: %s\n", drop_table[node_drop_reason()].name);
	assert_int_equal(node_n_output(), 1);
	f = node_output(0);
	assert_int_equal(f->len, len);
	assert_memory_equal(f->bytes, expected, len);
	node_check_accounts();
}

/* Lets @in arrive on @port and expects that it is dropped for @reason, with @n_output frames sent.
 */
static inline void lb_test_expect_drop(
	uint16_t port, const char *in, enum drop_reason reason, unsigned n_output)
{
	print_message("%s\n", in);
	node_clear();
	lb_test_send(port, in);
	assert_string_equal(drop_table[node_drop_reason()].name, drop_table[reason].name);
	assert_int_equal(node_n_output(), n_output);
	node_check_accounts();
}

/* Flows in the tables of all workers. */
static inline uint64_t lb_test_flows(void)
{
	return node_counter(offsetof(struct stats_worker, flows));
}

#define lb_test_service_counter(number, field)                                                     \
	node_counter(offsetof(struct stats_worker, services) +                                     \
		     (number) * sizeof(struct stats_service) +                                     \
		     offsetof(struct stats_service, field))
#define lb_test_service_drop(number, why) lb_test_service_counter(number, drops[LB_DROP_##why])
#define lb_test_backend_counter(number, field)                                                     \
	node_counter(offsetof(struct stats_worker, backends) +                                     \
		     (number) * sizeof(struct stats_backend) +                                     \
		     offsetof(struct stats_backend, field))

#endif
