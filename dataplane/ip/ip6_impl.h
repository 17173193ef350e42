/* SPDX-License-Identifier: BSD-3-Clause */
/* What the IPv6 stages share among themselves. Thread: worker. */
#ifndef DATAPLANE_IP_IP6_IMPL_H
#define DATAPLANE_IP_IP6_IMPL_H

#include "dataplane/core/worker.h"
#include "dataplane/ip/ip6_header.h"

#define IP6_BATCH 64 /* addresses per bulk lookup */

/* The layer 3 header of @m. */
static inline uint8_t *ip6_l3(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, uint8_t *, pkt_of(m)->l2_len);
}

/* Bytes of @m from its layer 3 header on. */
static inline uint32_t ip6_l3_bytes(struct rte_mbuf *m)
{
	return (uint32_t)rte_pktmbuf_data_len(m) - pkt_of(m)->l2_len;
}

/* The entry of interface @ifc for the own address @addr, usable or tentative; NULL when it is not
 * its, as a duplicate is not. */
static inline const struct iface_address *ip6_iface_address(
	const struct iface *ifc, const uint8_t addr[16])
{
	for (unsigned i = 0; i < ifc->n_addresses; i++) {
		const struct iface_address *a = &ifc->addresses[i];

		if (a->addr.family == 6 && !a->duplicate && memcmp(a->addr.bytes, addr, 16) == 0)
			return a;
	}
	return NULL;
}

/* The own address @addr as seen on input interface @iface: link-local ones belong to an interface,
 * all others to the node. NULL when it is not ours. */
const struct iface_address *ip6_own_address(
	const struct world *world, uint16_t iface, const uint8_t addr[16]);

/* Routes @m, made here in answer to a packet from @iface: a link-local destination stays on that
 * link. The layer 3 header is at pkt.l2_len. */
static inline void ip6_answer(struct worker *w, struct rte_mbuf *m, uint16_t iface)
{
	const struct ip6_header *ip = (const struct ip6_header *)ip6_l3(m);
	struct pkt *p = pkt_of(m);

	p->iface = iface;
	p->nexthop = 0;
	p->flags = PKT_LOCAL;
	if (ip6_is_link_local(ip->dst)) {
		p->flags |= PKT_KEEP_SCOPE;
		p->iface_out = iface;
	}
	lane_put(w, STAGE_ip6_output, m);
}

/*
 * A new packet with an IPv6 header for @payload_bytes of protocol @next, from @src to @dst, and
 * room for an Ethernet header in front; its payload is not set. NULL when out of buffers (not
 * counted).
 */
struct rte_mbuf *ip6_generate(struct worker *w, const uint8_t src[16], const uint8_t dst[16],
	uint8_t next, uint16_t payload_bytes);

#endif
