/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A list of routes to change: it grows by chunks, never moves, and finds an entry by prefix.
 * Thread: main.
 */
#ifndef DATAPLANE_IP_ROUTE_LIST_H
#define DATAPLANE_IP_ROUTE_LIST_H

#include "lib/base/ipaddr.h"

#define ROUTE_LIST_CHUNK  65536
#define ROUTE_LIST_CHUNKS 128

struct route_change {
	struct ip_addr prefix;
	uint32_t target; /* of its owner's choice */
	uint32_t old;    /* the replaced or deleted next hop, for rollback */
};

struct route_list {
	struct route_change *chunks[ROUTE_LIST_CHUNKS];
	uint32_t n;
	uint32_t *index;     /* entry number plus one, open addressing; NULL: nothing indexed */
	uint32_t index_mask; /* slots - 1 */
	uint32_t n_indexed;
};

/* Appends a change of @prefix; NULL when out of memory or full. */
struct route_change *route_list_add(struct route_list *l, const struct ip_addr *prefix);

/* Appends it and makes it findable: NULL as above. */
struct route_change *route_list_add_indexed(struct route_list *l, const struct ip_addr *prefix);

/* The entry for @prefix that was added indexed, or NULL. */
struct route_change *route_list_find(const struct route_list *l, const struct ip_addr *prefix);

/* Entry number @i < n. */
static inline struct route_change *route_list_at(const struct route_list *l, uint32_t i)
{
	return &l->chunks[i / ROUTE_LIST_CHUNK][i % ROUTE_LIST_CHUNK];
}

/* Empties the list and gives its memory back. */
void route_list_clear(struct route_list *l);

#endif
