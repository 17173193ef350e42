/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of routes share. Thread: main. */
#ifndef DATAPLANE_IP_ROUTE_IMPL_H
#define DATAPLANE_IP_ROUTE_IMPL_H

#include "dataplane/ip/nexthop_set.h"
#include "dataplane/ip/route.h"
#include "dataplane/ip/route_list.h"

#define ROUTE_TARGETS_MAX  16384      /* next-hop sets of one generation */
#define ROUTE_TARGET_OWN   (1u << 24) /* route_change.target: plus an index into own[] */
#define ROUTE_SERVICES_MAX 2048       /* prefixes of the balancer */

/* Where a staged route leads. */
struct route_target {
	struct nexthop_key *key; /* owned; NULL: not defined */
	uint16_t number;         /* installed under; 0: not yet */
};

/* What a route is that nobody configured as one: of two for one prefix the first kind counts. */
enum route_rank { RANK_LOCAL, RANK_SERVICE, RANK_BROADCAST, RANK_CONNECTED };

/* A prefix of the balancer. */
struct route_service {
	struct ip_addr prefix;
	uint16_t front;
	bool is_pool;
};

/* A route that follows from the interfaces, or from the balancer. */
struct route_own {
	struct ip_addr prefix;
	enum route_rank rank;
	struct route_target target;
};

enum route_phase {
	ROUTE_OWN,
	ROUTE_SWEEP4,
	ROUTE_SWEEP6,
	ROUTE_CHANGE_OWN,
	ROUTE_CHANGE,
	ROUTE_READY
};

struct route_rib {
	struct fib *fibs[2];  /* IPv4, IPv6 */
	uint32_t n_static[2]; /* routes from the configuration among them */
	uint32_t epoch;       /* mark of this generation; 0: never */
	bool released;        /* published: unused next hops were given back */

	/* Staged, until route_forget(). */
	struct route_target *targets; /* [ROUTE_TARGETS_MAX] by the client's numbers, or NULL */
	struct route_list changes;    /* static routes that are new (indexed) or differ */
	struct route_service services[ROUTE_SERVICES_MAX];
	uint32_t n_services;
	struct api_commit_counts counts;
	uint32_t marked_static[2]; /* installed routes that stay, if perhaps changed */

	/* From check on. */
	struct route_own *own;
	uint32_t n_own;
	uint32_t marked_own[2];
	struct route_list own_changes;
	struct route_list deletes;

	/* How far prepare has come. */
	enum route_phase phase;
	uint64_t cursor;   /* of a sweep */
	uint32_t done_own; /* changes in force on the standby side */
	uint32_t done;
};

extern struct route_rib route_rib;

/* 0 for IPv4, 1 for IPv6: the place in arrays. */
static inline unsigned route_family(const struct ip_addr *prefix)
{
	return prefix->family == 6;
}

/* The FIB for @prefix. */
static inline struct fib *route_fib(const struct ip_addr *prefix)
{
	return route_rib.fibs[route_family(prefix)];
}

/* Whether next hop @number is of a route from the configuration. */
bool route_is_static(uint32_t number);

/* What `show routes` calls next hop @number of kind SERVICE: "vip" or "pool". */
const char *route_service_text(uint32_t number);

/* Works out route_rib.own from the staged interfaces and services. 0 or -ENOMEM with a sentence. */
int route_own_create(struct base_error *err);

/* Own address @addr of published interface @iface, duplicate or not, or NULL. */
const struct iface_address *route_own_published(uint16_t iface, const struct ip_addr *addr);

/* Works out the route of own address @addr (with its subnet's length) of interface @iface: to us,
 * or to the link when another station has it. *@own's key is the caller's. False when out of
 * memory. */
bool route_own_host(struct route_own *own, uint16_t iface, const struct ip_addr *addr);

/* Frees route_rib.own. */
void route_own_destroy(void);

/* The staged next-hop set @id, or NULL. */
struct route_target *route_target_find(uint32_t id);

#endif
