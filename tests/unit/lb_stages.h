/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Single stages of the balancer over a hand-made struct lb_world, in a node: a test puts a frame
 * into a stage's lane, runs the stage and looks at the lanes behind it. VIPs 203.0.113.10 and
 * 2001:db8:a::10 have the services of STAGES_*, the pool is 203.0.113.200/29 and 2001:db8:b::/125;
 * clients are in 10.0.0.0/8 and 2001:db8:c::/48. One thread.
 */
#ifndef TESTS_UNIT_LB_STAGES_H
#define TESTS_UNIT_LB_STAGES_H

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/core/nexthop.h"
#include "dataplane/lb/lb_impl.h"
#include "dataplane/lb/lb_service.h"
#include "tests/unit/frame.h"
#include "tests/unit/node.h"

/* Services and the one backend of each have the same number. */
enum stages_service {
	STAGES_NAT4,     /* TCP 80 to 198.51.100.21:8080 */
	STAGES_DSR4,     /* UDP 53 to 198.51.100.22 */
	STAGES_NAT4_UDP, /* UDP 5353 to 198.51.100.21:53 */
	STAGES_NAT6,     /* TCP 80 to 2001:db8:1::21:8080 */
	STAGES_DSR6,     /* UDP 53 to 2001:db8:1::22 */
	STAGES_NAT6_UDP, /* UDP 5353 to 2001:db8:1::21:53 */
	STAGES_SERVICES,
};

enum stages_front { STAGES_VIP4, STAGES_POOL4, STAGES_VIP6, STAGES_POOL6, STAGES_FRONTS };

#define STAGES_SLOTS   16
#define STAGES_POOL    8 /* addresses of each version */
#define STAGES_IDLE    (1000 * NSEC_PER_SEC >> LB_TICK_SHIFT)
#define STAGES_BE16(x) ((uint16_t)((x) >> 8 | ((x)&0xff) << 8))

#define STAGES_CONFIG(workers)                                                                     \
	"node:\n"                                                                                  \
	"  name: n\n"                                                                              \
	"  workers: " workers "\n"                                                                 \
	"  ports:\n"                                                                               \
	"    - name: lan\n"                                                                        \
	"      device: net_null0\n"                                                                \
	"      mac: 02:00:00:00:00:01\n"                                                           \
	"      addresses: [192.0.2.1/24, \"2001:db8::1/64\"]\n"                                    \
	"    - name: wan\n"                                                                        \
	"      device: net_null1\n"                                                                \
	"      mac: 02:00:00:00:00:02\n"                                                           \
	"      addresses: [198.51.100.1/24, \"2001:db8:1::1/64\"]\n"                               \
	"neighbors:\n"                                                                             \
	"  - {interface: lan, address: 192.0.2.2, mac: 02:00:00:00:00:aa}\n"                       \
	"  - {interface: lan, address: \"2001:db8::2\", mac: 02:00:00:00:00:aa}\n"                 \
	"  - {interface: wan, address: 198.51.100.21, mac: 02:00:00:00:00:21}\n"                   \
	"  - {interface: wan, address: 198.51.100.22, mac: 02:00:00:00:00:22}\n"                   \
	"  - {interface: wan, address: \"2001:db8:1::21\", mac: 02:00:00:00:00:21}\n"              \
	"  - {interface: wan, address: \"2001:db8:1::22\", mac: 02:00:00:00:00:22}\n"              \
	"routes:\n"                                                                                \
	"  - {prefix: 10.0.0.0/8, via: 192.0.2.2}\n"                                               \
	"  - {prefix: \"2001:db8:c::/48\", via: \"2001:db8::2\"}\n"                                \
	"  - {prefix: 172.16.0.21/32, via: 198.51.100.21}\n"                                       \
	"  - {prefix: 172.16.0.22/32, via: 198.51.100.22}\n"                                       \
	"  - {prefix: \"2001:db8:d::21/128\", via: \"2001:db8:1::21\"}\n"                          \
	"  - {prefix: \"2001:db8:d::22/128\", via: \"2001:db8:1::22\"}\n"                          \
	"  - {prefix: 203.0.113.10/32, via: 192.0.2.31}\n"                                         \
	"  - {prefix: 203.0.113.200/29, via: 192.0.2.32}\n"                                        \
	"  - {prefix: \"2001:db8:a::10/128\", via: \"2001:db8::33\"}\n"                            \
	"  - {prefix: \"2001:db8:b::/125\", via: \"2001:db8::34\"}\n"

static struct {
	struct lb_world lb;
	const struct lb_world *lb_before;
	struct nexthop fronts_before[STAGES_FRONTS];
	uint16_t front_numbers[STAGES_FRONTS];
	struct lb_front fronts[LB_FRONTS_MAX];
	struct lb_service services[LB_SERVICES_MAX];
	struct lb_backend backends[LB_BACKENDS_MAX];
	struct lb_service_slot index[STAGES_SLOTS];
	struct lb_pool_address pool[LB_POOL_MAX];
	uint16_t list4[STAGES_POOL], list6[STAGES_POOL];
	uint16_t tables[STAGES_SERVICES][MAGLEV_SIZE];
} stages;

static inline struct ip_addr stages_addr(const char *text)
{
	struct ip_addr a;

	if (ip_addr_parse(text, &a) < 0 && ip_addr_parse_prefix(text, &a) < 0)
		abort();
	return a;
}

/* The next hop's number that the workers' table gives for the address at @dst. */
static inline uint16_t stages_lookup(const uint8_t *dst, unsigned family)
{
	uint32_t number, addr;

	if (family == 4) {
		memcpy(&addr, dst, 4);
		addr = be32toh(addr);
		fib_lookup4_bulk(&world_current->fib4, &addr, &number, 1);
	} else {
		fib_lookup6_bulk(&world_current->fib6, &dst, &number, 1);
	}
	return (uint16_t)number;
}

static inline void stages_front(enum stages_front f, const char *prefix, bool is_pool, uint16_t at)
{
	struct ip_addr p = stages_addr(prefix);
	uint16_t number = stages_lookup(p.bytes, p.family);
	struct nexthop *nh = &world_current->nexthops[number];

	stages.fronts[f] = (struct lb_front){.prefix = p, .is_pool = is_pool, .pool_first = at};
	memcpy(&stages.fronts_before[f], nh, sizeof(*nh));
	stages.front_numbers[f] = number;
	nh->kind = NEXTHOP_SERVICE;
	nh->iface = (uint16_t)f;
}

static inline void stages_index_add(uint16_t number)
{
	const struct lb_service *s = &stages.services[number];
	uint32_t at = lb_service_slot_hash(s->front, s->protocol, s->port_be);

	while (stages.index[at & (STAGES_SLOTS - 1)].service != LB_NO_SERVICE)
		at++;
	stages.index[at & (STAGES_SLOTS - 1)] = (struct lb_service_slot){
		.front_protocol = lb_service_key(s->front, s->protocol),
		.port_be = s->port_be,
		.service = number,
	};
}

/* What stages_service_add() makes. */
struct stages_row {
	enum stages_front front;
	uint8_t protocol;
	uint16_t port;
	enum api_lb_mode mode;
	const char *backend;
	uint16_t backend_port; /* 0: the client's */
	const char *behind;    /* an address routed to the backend */
};

static const struct stages_row stages_rows[STAGES_SERVICES] = {
	[STAGES_NAT4] = {STAGES_VIP4, 6, 80, API_LB_NAT, "198.51.100.21", 8080, "172.16.0.21"},
	[STAGES_DSR4] = {STAGES_VIP4, 17, 53, API_LB_DSR, "198.51.100.22", 0, "172.16.0.22"},
	[STAGES_NAT4_UDP] = {STAGES_VIP4, 17, 5353, API_LB_NAT, "198.51.100.21", 53, "172.16.0.21"},
	[STAGES_NAT6] = {STAGES_VIP6, 6, 80, API_LB_NAT, "2001:db8:1::21", 8080, "2001:db8:d::21"},
	[STAGES_DSR6] = {STAGES_VIP6, 17, 53, API_LB_DSR, "2001:db8:1::22", 0, "2001:db8:d::22"},
	[STAGES_NAT6_UDP] = {STAGES_VIP6, 17, 5353, API_LB_NAT, "2001:db8:1::21", 53,
		"2001:db8:d::21"},
};

static inline void stages_service_add(uint16_t number)
{
	const struct stages_row *r = &stages_rows[number];
	struct ip_addr behind = stages_addr(r->behind);

	stages.services[number] = (struct lb_service){
		.vip = stages.fronts[r->front].prefix,
		.front = (uint16_t)r->front,
		.port_be = STAGES_BE16(r->port),
		.protocol = r->protocol,
		.mode = (uint8_t)r->mode,
		.table = stages.tables[number],
	};
	stages.backends[number] = (struct lb_backend){
		.addr = stages_addr(r->backend),
		.port_be = STAGES_BE16(r->backend_port),
		.service = number,
		.nexthop = stages_lookup(behind.bytes, behind.family),
		.weight = 1,
		.mode = (uint8_t)r->mode,
	};
	for (unsigned i = 0; i < MAGLEV_SIZE; i++)
		stages.tables[number][i] = number;
	stages_index_add(number);
}

static inline void stages_pool_add(unsigned i, struct ip_addr first)
{
	struct lb_pool_address *a = &stages.pool[i];

	first.prefix_len = (uint8_t)ip_addr_bits(first.family);
	first.bytes[first.family == 4 ? 3 : 15] += (uint8_t)(i % STAGES_POOL);
	a->addr = first;
	a->life = 1;
	a->records = aligned_alloc(CACHE_LINE_BYTES, 65536 * sizeof(*a->records));
	BRAID_ASSERT(a->records);
	memset(a->records, 0, 65536 * sizeof(*a->records));
}

/* The world of this file. */
static inline void stages_lb_build(void)
{
	struct lb_world *lb = &stages.lb;

	stages_front(STAGES_VIP4, "203.0.113.10/32", false, 0);
	stages_front(STAGES_POOL4, "203.0.113.200/29", true, 0);
	stages_front(STAGES_VIP6, "2001:db8:a::10/128", false, 0);
	stages_front(STAGES_POOL6, "2001:db8:b::/125", true, STAGES_POOL);
	for (unsigned i = 0; i < STAGES_SLOTS; i++)
		stages.index[i].service = LB_NO_SERVICE;
	for (uint16_t i = 0; i < STAGES_SERVICES; i++)
		stages_service_add(i);
	for (unsigned i = 0; i < 2 * STAGES_POOL; i++)
		stages_pool_add(
			i, stages.fronts[i < STAGES_POOL ? STAGES_POOL4 : STAGES_POOL6].prefix);
	for (uint16_t i = 0; i < STAGES_POOL; i++) {
		stages.list4[i] = i;
		stages.list6[i] = (uint16_t)(STAGES_POOL + i);
	}
	*lb = (struct lb_world){
		.choice_key = {1, 2},
		.new_flows_per_sec = 1000000,
		.service_mask = STAGES_SLOTS - 1,
		.index = stages.index,
		.services = stages.services,
		.backends = stages.backends,
		.fronts = stages.fronts,
		.pool = stages.pool,
		.n_pool4 = STAGES_POOL,
		.n_pool6 = STAGES_POOL,
		.pool_list4 = stages.list4,
		.pool_list6 = stages.list6,
	};
	for (unsigned i = 0; i < LB_FLOW_STATES; i++)
		lb->idle_ticks[i] = STAGES_IDLE;
}

static inline void stages_publish(const struct lb_world *lb)
{
	struct world *next = world_draft();

	BRAID_ASSERT(next);
	next->lb = lb;
	world_publish(next);
	node_run();
}

static inline void stages_start(const char *config)
{
	node_start(config);
	node_advance(5 * NSEC_PER_SEC); /* until the own IPv6 addresses are usable */
	memset(&stages, 0, sizeof(stages));
	stages_lb_build();
	stages.lb_before = world_current->lb;
	stages_publish(&stages.lb);
	node_clear();
}

static inline void stages_stop(void)
{
	for (unsigned i = 0; i < STAGES_FRONTS; i++)
		memcpy(&world_current->nexthops[stages.front_numbers[i]], &stages.fronts_before[i],
			sizeof(struct nexthop));
	stages_publish(stages.lb_before);
	node_stop();
	for (unsigned i = 0; i < 2 * STAGES_POOL; i++)
		free(stages.pool[i].records);
}

static inline uint8_t *stages_l3(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, uint8_t *, pkt_of(m)->l2_len);
}

/* Runs stage @s of worker @w on the @len bytes of @frame as if it had come in on port lan. */
static inline void stages_run(struct worker *w, enum stage s, const void *frame, uint32_t len)
{
	struct rte_mbuf *m = node_mbuf(frame, len);
	const uint8_t *l3 = (const uint8_t *)frame + 14;
	bool is_ip6 = len >= 54 && l3[0] >> 4 == 6;

	*pkt_of(m) = (struct pkt){.l2_len = 14};
	if (len >= 34)
		pkt_of(m)->nexthop = is_ip6 ? stages_lookup(l3 + 24, 6) : stages_lookup(l3 + 16, 4);
	w->stats->rx_pkts++;
	lane_put(w, s, m);
	pipeline_run_stage(w, s);
	pipeline_run_stage(w, STAGE_drop);
}

/* The same with the frame that @text describes (tests/unit/frame.h). */
static inline void stages_run_text(struct worker *w, enum stage s, const char *text)
{
	uint8_t frame[FRAME_MAX];

	stages_run(w, s, frame, frame_build(text, frame));
}

/* How many packets lane @s holds. */
static inline unsigned stages_n(const struct worker *w, enum stage s)
{
	return w->lanes[s].n;
}

/* The oldest packet of lane @s, taken out; NULL: there is none. To be given to stages_end(). */
static inline struct rte_mbuf *stages_take(struct worker *w, enum stage s)
{
	struct lane *l = &w->lanes[s];
	struct rte_mbuf *m;

	if (l->n == 0)
		return NULL;
	m = l->pkts[0];
	memmove(l->pkts, l->pkts + 1, --l->n * sizeof(m));
	if (l->n == 0)
		w->pending &= ~(1ULL << s);
	return m;
}

static inline void stages_end(struct worker *w, struct rte_mbuf *m)
{
	worker_consume(w, m);
}

/* Ends all of lane @s. */
static inline void stages_flush(struct worker *w, enum stage s)
{
	while (stages_n(w, s) > 0)
		stages_end(w, stages_take(w, s));
}

/* A flow of the client 10.1.2.3 or 2001:db8:c::3 port 40000 to service @s on @w; its NAT number. */
static inline uint32_t stages_flow_add(struct worker *w, enum stages_service s)
{
	const struct stages_row *r = &stages_rows[s];
	const struct ip_addr *vip = &stages.fronts[r->front].prefix;
	struct ip_addr client = stages_addr(vip->family == 4 ? "10.1.2.3" : "2001:db8:c::3");
	struct lb_flow flow = {
		.ports = STAGES_BE16(40000) | (uint32_t)STAGES_BE16(r->port) << 16,
		.backend = (uint16_t)s,
		.protocol = r->protocol,
		.state = r->protocol == 6 ? LB_FLOW_TCP_ESTABLISHED : LB_FLOW_UDP_ESTABLISHED,
		.seen = lb_tick(w),
	};

	if (r->mode == API_LB_NAT) {
		struct lb_nat *nat;

		flow.nat = lb_nat_take(w, &(struct lb_nat_want){
						  .backend = &stages.backends[s],
						  .backend_number = (uint16_t)s,
						  .backend_port_be = STAGES_BE16(r->backend_port),
						  .protocol = r->protocol,
					  });
		BRAID_ASSERT(flow.nat != 0);
		nat = lb_nat_at(&stages.lb, flow.nat);
		memcpy(nat->client, client.bytes, 16);
		memcpy(nat->vip, vip->bytes, 16);
		nat->client_port_be = STAGES_BE16(40000);
		nat->vip_port_be = STAGES_BE16(r->port);
	}
	if (vip->family == 4) {
		struct lb_flow4 f = {.src_be = ip_addr_v4_be(&client),
			.dst_be = ip_addr_v4_be(vip),
			.flow = flow};

		BRAID_ASSERT(lb_flow4_add(
			w, lb_flow4_hash(w, f.src_be, f.dst_be, flow.protocol, flow.ports), &f));
	} else {
		struct lb_flow6 f = {.flow = flow};

		memcpy(f.src, client.bytes, 16);
		memcpy(f.dst, vip->bytes, 16);
		BRAID_ASSERT(lb_flow6_add(
			w, lb_flow6_hash(w, f.src, f.dst, flow.protocol, flow.ports), &f));
	}
	return flow.nat;
}

#endif
