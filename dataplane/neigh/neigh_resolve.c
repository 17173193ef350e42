/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage neigh_resolve: packets whose next hop has no MAC at hand. Finds the neighbour of connected
 * destinations, reports the use of stale ones while it sends through them, and passes what must
 * wait to the main thread. Thread: worker.
 */
#include <rte_ether.h>

#include "dataplane/core/mailbox.h"
#include "dataplane/link/link.h"
#include "dataplane/neigh/neigh_impl.h"
#include "dataplane/neigh/neigh_packet.h"

#define NEIGH_RING_KEEP (MAILBOX_ENTRIES / 2) /* of the ring to main: for ARP, ND and messages */

uint32_t neigh_lookup4(const struct neigh_table *t, uint16_t iface, uint32_t addr_be)
{
	uint64_t addr[2] = {0, 0};
	uint16_t i;

	memcpy(addr, &addr_be, sizeof(addr_be));
	i = neigh_find_slot(t, neigh_scope(iface, 4), addr);
	return i != 0 ? t->slots[i].nexthop : 0;
}

uint32_t neigh_lookup6(const struct neigh_table *t, uint16_t iface, const uint8_t addr[16])
{
	uint64_t words[2];
	uint16_t i;

	memcpy(words, addr, sizeof(words));
	i = neigh_find_slot(t, neigh_scope(iface, 6), words);
	return i != 0 ? t->slots[i].nexthop : 0;
}

/* Tells the main thread once that stale next hop @number is in use. */
static void neigh_report_use(struct worker *w, struct nexthop *nh, uint16_t number)
{
	uint64_t before =
		atomic_fetch_and_explicit(&nh->lladdr, ~NEXTHOP_LLADDR_STALE, memory_order_relaxed);

	if (!(before & NEXTHOP_LLADDR_STALE))
		return;
	/* With the ring full the next packet tries again. */
	if (mailbox_send(w, w->main_id, MAIL_neigh_used, number) != 0)
		atomic_fetch_or_explicit(&nh->lladdr, NEXTHOP_LLADDR_STALE, memory_order_relaxed);
}

/* The next-hop number of the neighbour that @m goes to, 0 if the table has none. */
static uint16_t neigh_resolve_number(
	struct worker *w, struct rte_mbuf *m, const struct ip_addr *dst)
{
	const struct neigh_table *t = w->world->neighbors;
	uint16_t iface = pkt_of(m)->iface_out;

	if (dst->family == 4)
		return (uint16_t)neigh_lookup4(t, iface, ip_addr_v4_be(dst));
	return (uint16_t)neigh_lookup6(t, iface, dst->bytes);
}

/* Passes @m to the main thread, unless so many wait in the ring that the answers would find no
 * room. */
static void neigh_resolve_wait(struct worker *w, struct rte_mbuf *m)
{
	if (w->id == w->main_id)
		lane_put(w, STAGE_neigh_hold, m);
	else if (mailbox_room(w, w->main_id) <= NEIGH_RING_KEEP)
		drop(w, m, DROP_neigh_hold_limit);
	else
		worker_handoff(w, m, w->main_id, STAGE_neigh_hold);
}

static void neigh_resolve_one(struct worker *w, struct rte_mbuf *m)
{
	struct pkt *p = pkt_of(m);
	struct nexthop *nh = &w->world->nexthops[p->nexthop];
	uint16_t number = p->nexthop;
	struct ip_addr dst;
	uint64_t lladdr;

	if (!neigh_packet_destination(m, &dst)) {
		drop(w, m, DROP_neigh_unreachable);
		return;
	}
	if (nh->kind != NEXTHOP_NEIGHBOR) {
		/* A connected subnet, or an interface given by the packet's maker. */
		p->nexthop = 0;
		number = neigh_resolve_number(w, m, &dst);
		nh = &w->world->nexthops[number];
	}
	lladdr = atomic_load_explicit(&nh->lladdr, memory_order_relaxed);
	if (lladdr & NEXTHOP_LLADDR_VALID) {
		if (lladdr & NEXTHOP_LLADDR_STALE)
			neigh_report_use(w, nh, number);
		eth_send(w, m, &w->world->ifaces[nh->iface], (const uint8_t *)&lladdr,
			dst.family == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
		return;
	}
	neigh_resolve_wait(w, m);
}

void neigh_resolve_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		neigh_resolve_one(w, pkts[i]);
}
