/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routes: both FIBs with what fills them, the static routes of the configuration and those that
 * follow from the interfaces (connected subnets, own addresses, broadcast addresses). A generation
 * marks what it names, changes the rest of what it names on the standby side, and sweeps what has
 * an old mark. Thread: main.
 */
#ifndef DATAPLANE_IP_ROUTE_H
#define DATAPLANE_IP_ROUTE_H

#include "dataplane/core/world.h"
#include "lib/api/api.h"
#include "lib/api/stats.h"

struct route_limits {
	uint32_t routes4, groups4;
	uint32_t routes6, groups6;
};

/* Creates both FIBs, empty. 0 or -ENOMEM with a sentence. */
int route_init(const struct route_limits *limits, struct base_error *err);

/* Frees them. No worker may be left. */
void route_fini(void);

/* What the routes say about @addr, by longest match: the next hop or 0, *@matched the prefix. */
uint32_t route_match(const struct ip_addr *addr, struct ip_addr *matched);

/* Fills in the gauges about routes. */
void route_gauges(struct stats_gauges *gauges);

/* Stages a next-hop set of this generation: 0, or a negative errno with a sentence. */
int route_stage_nexthop(const struct api_nexthop *want, struct base_error *err);

/* Stages a desired route; its next-hop set comes before it. As above. */
int route_stage(const struct api_route *want, struct base_error *err);

/*
 * Stages that packets to @prefix go to front @front of the balancer; @is_pool tells only how it is
 * shown. An own address comes before it, it comes before subnets. 0, or -ENOSPC with a sentence.
 */
int route_stage_service(
	const struct ip_addr *prefix, uint16_t front, bool is_pool, struct base_error *err);

/*
 * Another station has own address @addr of published interface @iface: its route leads to the link
 * from now on, in a world of its own. Only while no commit goes on, and not from a stage. A failure
 * is told, and the next generation makes up for it.
 */
void route_on_duplicate(uint16_t iface, const struct ip_addr *addr);

/* The hooks of struct module. */
void route_forget(void);
/* Works out the routes of the staged interfaces, refuses static ones in their place, counts. */
int route_check(struct api_commit_reply *counts, struct base_error *err);
/* Deletes and changes routes on the standby sides. */
int route_prepare(unsigned quantum, struct base_error *err);
/* Undoes route_prepare() exactly. */
int route_rollback(unsigned quantum);
/* Makes the standby sides those of @next. */
void route_apply(struct world *next);
/* Gives unused next hops back, copies what differs to the sides that are standby now. */
int route_published(unsigned quantum);

#endif
