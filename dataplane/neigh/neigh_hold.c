/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage neigh_hold: packets wait here until their neighbour has a MAC, in one pool for all, first
 * in first out per neighbour. When a lane has no room for what is released, the rest follows by
 * timer. Thread: main.
 */
#include <rte_ether.h>

#include "dataplane/link/link.h"
#include "dataplane/neigh/neigh_impl.h"
#include "dataplane/neigh/neigh_packet.h"

#define NEIGH_FLUSH_ROOM (LANE_MAX / 2) /* released packets leave room for others in a lane */

struct neigh_held {
	struct rte_mbuf *pkt;
	uint16_t next; /* number in the pool, 0: the last */
};

static struct neigh_held pool[NEIGH_HOLD_TOTAL_MAX + 1]; /* number 0 is never used */
static uint16_t pool_free;
static uint32_t n_held;

void neigh_hold_init(void)
{
	for (unsigned i = 1; i <= NEIGH_HOLD_TOTAL_MAX; i++)
		pool[i].next = (uint16_t)(i < NEIGH_HOLD_TOTAL_MAX ? i + 1 : 0);
	pool_free = 1;
	n_held = 0;
}

uint32_t neigh_held(void)
{
	return n_held;
}

/* The oldest packet of @e, which must hold one. */
static struct rte_mbuf *neigh_hold_pop(struct neigh *e)
{
	uint16_t i = e->hold_first;
	struct rte_mbuf *m = pool[i].pkt;

	e->hold_first = pool[i].next;
	if (e->hold_first == 0)
		e->hold_last = 0;
	pool[i].next = pool_free;
	pool_free = i;
	e->held--;
	n_held--;
	return m;
}

static void neigh_hold_push(struct worker *w, struct neigh *e, struct rte_mbuf *m)
{
	uint16_t i;

	if (e->held == NEIGH_HOLD_MAX)
		drop(w, neigh_hold_pop(e), DROP_neigh_hold_overflow);
	i = pool_free;
	if (i == 0) {
		drop(w, m, DROP_neigh_hold_limit);
		return;
	}
	pool_free = pool[i].next;
	pool[i] = (struct neigh_held){.pkt = m};
	if (e->hold_last == 0)
		e->hold_first = i;
	else
		pool[e->hold_last].next = i;
	e->hold_last = i;
	e->held++;
	n_held++;
}

/* The neighbour of @m does not answer: what routers say then (RFC 792, RFC 4443 3.1). */
static void neigh_hold_refuse(struct worker *w, struct rte_mbuf *m, unsigned family)
{
	struct pkt *p = pkt_of(m);

	if (p->flags & PKT_LOCAL) {
		drop(w, m, DROP_neigh_unreachable);
		return;
	}
	p->drop = DROP_neigh_unreachable;
	p->icmp_type = family == 4 ? 3 : 1; /* destination unreachable */
	p->icmp_code = family == 4 ? 1 : 3; /* host; address */
	p->icmp_info = 0;
	lane_put(w, family == 4 ? STAGE_icmp4_error : STAGE_icmp6_error, m);
}

static void neigh_hold_send(struct worker *w, struct rte_mbuf *m, const struct neigh *e)
{
	const struct iface *i = neigh_iface(e->iface);

	if (i == NULL)
		drop(w, m, DROP_neigh_gone);
	else
		eth_send(w, m, i, e->mac,
			e->addr.family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
}

void neigh_hold_flush(struct worker *w, struct neigh *e)
{
	bool valid = neigh_state_valid(e);
	enum stage error = e->addr.family == 4 ? STAGE_icmp4_error : STAGE_icmp6_error;
	const struct lane *lane = &w->lanes[valid ? STAGE_port_tx : error];

	while (e->held > 0) {
		if (lane->n >= NEIGH_FLUSH_ROOM) {
			wheel_add(w->wheel, &e->flush_timer, 0); /* the next turn */
			return;
		}
		if (valid)
			neigh_hold_send(w, neigh_hold_pop(e), e);
		else
			neigh_hold_refuse(w, neigh_hold_pop(e), e->addr.family);
	}
}

void neigh_hold_on_timer(void *worker, struct wheel_timer *t)
{
	struct neigh *e = CONTAINER_OF(t, struct neigh, flush_timer);

	/* A neighbour that is being asked again keeps what it holds. */
	if (e->state != API_NEIGHBOR_INCOMPLETE)
		neigh_hold_flush(worker, e);
}

void neigh_hold_drop(struct worker *w, struct neigh *e, enum drop_reason reason)
{
	while (e->held > 0)
		drop(w, neigh_hold_pop(e), reason);
}

/* The neighbour that @m waits for; NULL: @m was dropped. */
static struct neigh *neigh_hold_entry(struct worker *w, struct rte_mbuf *m)
{
	const struct pkt *p = pkt_of(m);
	const struct iface *i = neigh_iface(p->iface_out);
	struct neigh *e = NULL;
	struct ip_addr dst;

	if (p->nexthop != 0) {
		/* While it was on its way here the number may have got another meaning. */
		e = neigh_of_nexthop(p->nexthop);
		if (e == NULL)
			drop(w, m, DROP_neigh_gone);
		return e;
	}
	if (i == NULL || !neigh_packet_destination(m, &dst) || !neigh_subnet_host(i, &dst)) {
		drop(w, m, DROP_neigh_gone);
		return NULL;
	}
	e = neigh_get(p->iface_out, &dst, NEIGH_BY_PACKET);
	if (e == NULL)
		drop(w, m, DROP_neigh_table_full);
	return e;
}

void neigh_hold_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct neigh *e = neigh_hold_entry(w, pkts[i]);

		if (e == NULL)
			continue;
		if (neigh_state_valid(e)) {
			neigh_state_used(w, e);
			neigh_hold_send(w, pkts[i], e);
			continue;
		}
		if (e->state == API_NEIGHBOR_FAILED) {
			neigh_hold_refuse(w, pkts[i], e->addr.family);
			continue;
		}
		neigh_hold_push(w, e, pkts[i]);
		if (!wheel_pending(&e->timer))
			neigh_state_resolve(w, e);
	}
}
