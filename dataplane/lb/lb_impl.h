/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of this folder share: the state of one worker, the verdict about one packet, and
 * the one way in which packets are rewritten. Thread: worker.
 */
#ifndef DATAPLANE_LB_LB_IMPL_H
#define DATAPLANE_LB_LB_IMPL_H

#include "dataplane/lb/lb.h"
#include "dataplane/lb/lb_flow.h"
#include "dataplane/lb/lb_nat.h"

#define LB_SWEEP_NS     (10 * NSEC_PER_MSEC)
#define LB_SWEEP_ROUNDS 100    /* sweeps until every bucket was looked at once */
#define LB_SWEEP_FLOWS  131072 /* so many are swept in rounds of 10 ms, more in shorter ones */
#define LB_TUNNEL_TTL   64     /* of the outer header as it leaves */

struct lb_fragments;

/* One worker's balancer. */
struct lb_worker {
	struct lb_table flows4;
	struct lb_table flows6;
	uint64_t tokens; /* new flows that may be stored, in 2^-32 of one */
	uint64_t tokens_ns;
	struct lb_ports *ports;         /* free NAT ports (lb_nat.c) */
	struct lb_fragments *fragments; /* (lb_fragment.c) */
	struct wheel_timer sweep;
	uint64_t swept_ns; /* up to when the sweep has done its share */
} CACHE_ALIGNED;

/*
 * The flow with that key, idle or not, or NULL. @want has src, dst, ports and protocol; the rest of
 * it is not looked at.
 */
static inline struct lb_flow4 *lb_flow4_find(
	const struct worker *w, uint64_t hash, const struct lb_flow4 *want)
{
	return lb_flow_find(&w->lb->flows4, hash, want, lb_flow_word(&want->flow), false);
}

/* The same for IPv6. */
static inline struct lb_flow6 *lb_flow6_find(
	const struct worker *w, uint64_t hash, const struct lb_flow6 *want)
{
	return lb_flow_find(&w->lb->flows6, hash, want, lb_flow_word(&want->flow), true);
}

/*
 * The record of number @nat that a flow of this worker holds; NULL when its address has left the
 * pool since: such a flow is idle. To be asked before each use of flow.nat.
 */
static inline struct lb_nat *lb_nat_held(const struct worker *w, uint32_t nat)
{
	const struct lb_nat_ports *p = &w->lb->ports->pool[nat >> 16];
	const struct lb_world *lb = w->world->lb;
	const struct lb_pool_address *a;

	if (UNLIKELY(!lb))
		return NULL;
	a = &lb->pool[nat >> 16];
	if (UNLIKELY(a->records != p->records || a->life != p->life))
		return NULL;
	return &p->records[nat & 0xffff];
}

/* Backend number for a new flow by the hash alone, or LB_NO_BACKEND. @choice is the hash keyed with
 * lb_world.choice_key. */
static inline uint16_t lb_choose(const struct lb_service *s, uint64_t choice)
{
	if (UNLIKELY(!s->table))
		return LB_NO_BACKEND;
	return s->table[((choice & UINT32_MAX) * MAGLEV_SIZE) >> 32];
}

/*
 * Sends the IP packet @m to @b as the service's mode says: dsr leaves it alone; ipip and gue wrap
 * it (entropy from @hash). The way is b->nexthop; TTL or hop limit is decremented once. PTB when it
 * does not fit; counts the backend, but not what the node itself asks it (PKT_LOCAL). Not for NAT.
 */
void lb_send4(struct worker *w, struct rte_mbuf *m, const struct lb_backend *b, uint64_t hash);

/* The same for IPv6. */
void lb_send6(struct worker *w, struct rte_mbuf *m, const struct lb_backend *b, uint64_t hash);

/* Gives the whole IPv4 packet @m, which NAT gives a source that it shares with others, an
 * identification that no other of this node's has for a while (RFC 6864 5.3). */
void lb_fragment_renew_id4(struct worker *w, struct rte_mbuf *m);

/* Creates the fragment table of one worker, or NULL. Main thread. */
struct lb_fragments *lb_fragments_create(struct worker *w);

/* Drops what waits and frees it. Main thread. */
void lb_fragments_destroy(struct worker *w, struct lb_fragments *f);

/*
 * How backend number @backend is to be probed, from the next lb_probe_follow() on: to be called
 * after the publication that lb_probe_follow() is for. A kind that is NONE, or a TCP or UDP probe
 * without any port, means not at all. Main thread.
 */
void lb_probe_configure(uint16_t backend, const struct api_probe *want);

/* Starts, changes and ends probes to follow world_current. Those of a backend that is new, or new
 * under its number, begin with results of zero. Main thread. */
void lb_probe_follow(void);

/* Ends all probes. To be called by lb_fini(). Main thread. */
void lb_probe_fini(void);

#endif
