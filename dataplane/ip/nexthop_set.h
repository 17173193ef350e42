/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where routes lead, each different way once: a set of next hops, a connected subnet, an own
 * address, a fixed verdict. Each has a number in world.nexthops, which it keeps while a route uses
 * it; a single next hop has the number of its neighbour. Thread: main.
 */
#ifndef DATAPLANE_IP_NEXTHOP_SET_H
#define DATAPLANE_IP_NEXTHOP_SET_H

#include "dataplane/core/world.h"

/* addr: for NEIGHBOR and GROUP that of the hop (prefix_len of a host), else the subnet or address.
 */
struct nexthop_hop {
	struct ip_addr addr;
	uint16_t iface;
	uint16_t weight; /* 0 where there is no choice */
};

/* What tells one way from another. BLACKHOLE and REJECT have no hops, GROUP two or more, others
 * one. */
struct nexthop_key {
	uint16_t kind; /* enum nexthop_kind */
	uint16_t n_hops;
	struct nexthop_hop hops[];
};

/* A key of @kind with room for @n_hops hops, zeroed, or NULL when out of memory. Freed by free().
 */
struct nexthop_key *nexthop_key_create(enum nexthop_kind kind, unsigned n_hops);

/* Puts the hops in order, so that equal sets have equal keys; single hops lose their weight. */
void nexthop_key_normalize(struct nexthop_key *key);

/* The number of the installed way that equals @key (normalized), or 0. */
uint16_t nexthop_set_find(const struct nexthop_key *key);

/*
 * Gives @key (normalized, not installed yet) a number; neighbours are pinned, groups get their
 * buckets by @ifaces[number].name. 0 with a sentence when there is no number or no memory left.
 */
uint16_t nexthop_set_create(
	const struct nexthop_key *key, const struct iface *ifaces, struct base_error *err);

/* Counts one more route that leads to @number. */
void nexthop_set_ref(uint16_t number);

/* Counts one less. */
void nexthop_set_unref(uint16_t number);

/* Routes that lead to @number. */
uint32_t nexthop_set_refs(uint16_t number);

/* The key of @number, or NULL when no way has it; fixed numbers have none. */
const struct nexthop_key *nexthop_set_key(uint16_t number);

/* Gives back every number without routes. Only when no published world leads to one. */
void nexthop_set_sweep(void);

/* Forgets all; neighbours and numbers are ended by their owners. */
void nexthop_set_fini(void);

#endif
