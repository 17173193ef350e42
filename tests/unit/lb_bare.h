/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers with flow tables over a hand-made world, without packets: for the tests of flows and
 * ports. Backends 0 to 3 are IPv4, 4 to 7 IPv6; they lie behind next hop 1 on port 0. The pool has
 * two addresses of each version.
 */
#ifndef TESTS_UNIT_LB_BARE_H
#define TESTS_UNIT_LB_BARE_H

#include <netinet/in.h>
#include <stdlib.h>

#include "dataplane/lb/lb_impl.h"

#define BARE_BACKENDS 8u
#define BARE_POOL     4u
#define BARE_SECOND   ((uint32_t)(NSEC_PER_SEC >> LB_TICK_SHIFT))
#define BARE_PORTS    (65536u - LB_NAT_PORT_MIN) /* of each address, all workers together */

static struct {
	struct world world;
	struct lb_world lb;
	struct lb_backend backends[BARE_BACKENDS];
	struct lb_pool_address pool[LB_POOL_MAX];
	uint16_t list4[2], list6[2];
	struct nexthop nexthops[2];
	struct iface iface;
	struct stats_worker stats[WORKER_SLOTS];
} bare;

static const struct worker_ops bare_ops;

/* Gives pool address number @i another life, with fresh records. */
static inline void bare_pool_renew(unsigned i)
{
	struct lb_pool_address *a = &bare.pool[i];

	free(a->records);
	a->life++;
	a->records = aligned_alloc(CACHE_LINE_BYTES, 65536 * sizeof(*a->records));
	BRAID_ASSERT(a->records);
	memset(a->records, 0, 65536 * sizeof(*a->records));
	if (i < 2)
		a->addr = ip_addr_v4(__builtin_bswap32(0xc6336401u + i));
	else
		a->addr = ip_addr_v6((const uint8_t[16]){0x20, 1, 0xd, 0xb8, [15] = (uint8_t)i});
}

static inline void bare_world(void)
{
	static const uint32_t idle_seconds[LB_FLOW_STATES] = {
		[LB_FLOW_TCP_NEW] = 10,
		[LB_FLOW_TCP_ESTABLISHED] = 900,
		[LB_FLOW_TCP_CLOSING] = 5,
		[LB_FLOW_UDP_NEW] = 20,
		[LB_FLOW_UDP_ESTABLISHED] = 120,
	};

	memset(&bare, 0, sizeof(bare));
	bare.list4[1] = 1;
	bare.list6[0] = 2;
	bare.list6[1] = 3;
	for (unsigned i = 0; i < LB_FLOW_STATES; i++)
		bare.lb.idle_ticks[i] = idle_seconds[i] * BARE_SECOND;
	for (unsigned i = 0; i < BARE_BACKENDS; i++) {
		uint8_t last = (uint8_t)i;

		bare.backends[i].addr =
			i < 4 ? ip_addr_v4(__builtin_bswap32(0xc0000215u + i))
			      : ip_addr_v6((const uint8_t[16]){0x20, 1, [14] = 2, [15] = last});
		bare.backends[i].nexthop = 1;
	}
	for (unsigned i = 0; i < BARE_POOL; i++)
		bare_pool_renew(i);
	bare.lb.new_flows_per_sec = 1000;
	bare.lb.backends = bare.backends;
	bare.lb.pool = bare.pool;
	bare.lb.n_pool4 = bare.lb.n_pool6 = 2;
	bare.lb.pool_list4 = bare.list4;
	bare.lb.pool_list6 = bare.list6;
	bare.nexthops[1].kind = NEXTHOP_NEIGHBOR;
	bare.world.nexthops = bare.nexthops;
	bare.world.ifaces = &bare.iface;
	bare.world.lb = &bare.lb;
	world_current = &bare.world;
}

/* Makes @n_workers workers with room for @flows flows of each IP version, all together; a device
 * with one queue on port 0 if @steer. */
static inline void bare_start(unsigned n_workers, uint32_t flows, bool steer)
{
	static struct conf_node node;
	struct base_error err;

	bare_world();
	node.flows = flows;
	BRAID_ASSERT(lb_init(&node, &err) == 0);
	for (unsigned i = 0; i <= n_workers; i++) {
		struct worker *w = worker_create(
			(uint8_t)i, (uint8_t)n_workers, &bare_ops, &bare.stats[i], NULL);

		BRAID_ASSERT(w);
		w->now_ns = 1000 * NSEC_PER_SEC;
		wheel_advance(w->wheel, w->now_ns, 1);
		w->rng = i + 1;
		w->flow_key[0] = 0x0123456789abcdefULL;
		w->flow_key[1] = 0xfedcba9876543210ULL;
		workers[i] = w;
	}
	if (steer)
		workers[0]->queues[workers[0]->n_queues++] = (struct worker_queue){.steer = true};
	for (unsigned i = 0; i <= n_workers; i++)
		BRAID_ASSERT(lb_worker_init(workers[i], &err) == 0);
}

static inline void bare_stop(void)
{
	for (unsigned i = 0; i < WORKER_SLOTS && workers[i]; i++) {
		lb_worker_fini(workers[i]);
		worker_destroy(workers[i]);
		workers[i] = NULL;
	}
	lb_fini();
	for (unsigned i = 0; i < BARE_POOL; i++)
		free(bare.pool[i].records);
	world_current = NULL;
}

/* Lets @ns pass for @w in steps of @step_ns, its timers firing. */
static inline void bare_advance(struct worker *w, uint64_t ns, uint64_t step_ns)
{
	for (uint64_t end = w->now_ns + ns; w->now_ns < end;) {
		w->now_ns = MIN_OF(w->now_ns + step_ns, end);
		while (wheel_advance(w->wheel, w->now_ns, 64) > 0)
			;
	}
}

/* A port for a TCP flow to backend @backend, 0 if there is none. */
static inline uint32_t bare_take(struct worker *w, uint16_t backend)
{
	struct lb_nat_want want = {
		.backend = &bare.backends[backend],
		.backend_number = backend,
		.backend_port_be = __builtin_bswap16(8080),
		.protocol = IPPROTO_TCP,
	};

	return lb_nat_take(w, &want);
}

#endif
