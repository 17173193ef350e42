/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports and Ethernet as the layers above see them: writing an Ethernet header for a next hop and
 * putting the frame on its way. Thread: worker.
 */
#ifndef DATAPLANE_LINK_LINK_H
#define DATAPLANE_LINK_LINK_H

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>

#include "dataplane/core/worker.h"
#include "dataplane/link/iface.h"
#include "dataplane/link/port.h"
#include "dataplane/link/steer.h"
#include "dataplane/link/steer_rss.h"

/* Writes a complete Ethernet header for @dst before the layer 3 header at m's l2_len and moves the
 * packet to lane port_tx; counts the interface. Any interface; the general path. Copies the packet
 * if its buffer has no room before it; drops (no_headroom, no_mbuf) if that fails. @ethertype in
 * host order. */
void eth_send(struct worker *w, struct rte_mbuf *m, const struct iface *out, const uint8_t dst[6],
	uint16_t ethertype);

/*
 * Lets an own segment with PKT_OFFLOAD, whose Ethernet header has its final length, leave by @out:
 * gives its sum and its cutting to the device, or sums it where that cannot. False: it was dropped,
 * because the device is not the one that TCP made it for; TCP sends it again.
 *
 * TCP sets in the mbuf: RTE_MBUF_F_TX_TCP_CKSUM, or _TCP_SEG with tso_segsz and one segment per
 * buffer, the first one's behind the headers; _IPV4 or _IPV6; l3_len, l4_len; the sum of the pseudo
 * header in place of the checksum.
 */
bool port_finish(struct worker *w, struct rte_mbuf *m, const struct iface *out);

/*
 * The fast path of eth_send for a resolved next hop on an untagged interface when the packet came
 * with 14 bytes of Ethernet header too: two overlapping stores. @tail is iface.l2_tail_ip4 or _ip6.
 */
static inline void eth_rewrite_untagged(uint8_t *l3, uint64_t lladdr, uint64_t tail)
{
	memcpy(l3 - 14, &lladdr, 8);
	memcpy(l3 - 8, &tail, 8);
}

/*
 * Sends @m to the neighbour of @nh if it is resolved: rewrites, marks, lane port_tx. Otherwise the
 * packet goes to lane neigh_resolve with pkt.nexthop set to @number. @is_ip6 is a constant.
 */
static inline void eth_send_to_nexthop(
	struct worker *w, struct rte_mbuf *m, struct nexthop *nh, uint16_t number, bool is_ip6)
{
	uint64_t lladdr = atomic_load_explicit(&nh->lladdr, memory_order_relaxed);
	const struct iface *out = &w->world->ifaces[nh->iface];
	struct pkt *p = pkt_of(m);

	p->iface_out = nh->iface;
	p->nexthop = number;
	if (UNLIKELY((lladdr & (NEXTHOP_LLADDR_VALID | NEXTHOP_LLADDR_STALE)) !=
		     NEXTHOP_LLADDR_VALID)) {
		lane_put(w, STAGE_neigh_resolve, m);
		return;
	}
	if (LIKELY(p->l2_len == 14 && out->l2_len == 14 && !(p->flags & PKT_OFFLOAD))) {
		struct stats_interface *s = &w->stats->interfaces[nh->iface];

		eth_rewrite_untagged(rte_pktmbuf_mtod_offset(m, uint8_t *, 14), lladdr,
			is_ip6 ? out->l2_tail_ip6 : out->l2_tail_ip4);
		s->tx_pkts++;
		s->tx_bytes += m->pkt_len;
		m->port = out->port;
		lane_put(w, STAGE_port_tx, m);
		return;
	}
	eth_send(w, m, out, (const uint8_t *)&lladdr,
		is_ip6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
}

#endif
