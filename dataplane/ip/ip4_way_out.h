/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Forwarding an IPv4 packet at once, where its next hop is known and nothing about it is special:
 * the loop of stage ip4_forward, and of stages that save the detour by it. Thread: worker.
 */
#ifndef DATAPLANE_IP_IP4_WAY_OUT_H
#define DATAPLANE_IP_IP4_WAY_OUT_H

#include "dataplane/ip/ip4_header.h"
#include "dataplane/link/link.h"

/* The interface that the last packet left by: few packets of a burst leave by another one. Begins
 * with number WORLD_NO_INTERFACE, ends with ip4_way_out_count(). */
struct ip4_way_out {
	const struct iface *iface;
	uint16_t number;
	uint32_t frame_bytes_max; /* 0: nothing passes, the interface is tagged or gone */
	uint64_t pkts;            /* not yet counted */
	uint64_t bytes;
};

/* Counts what left by @out. */
static inline void ip4_way_out_count(struct worker *w, const struct ip4_way_out *out)
{
	struct stats_interface *s;

	if (out->pkts == 0)
		return;
	s = &w->stats->interfaces[out->number];
	s->tx_pkts += out->pkts;
	s->tx_bytes += out->bytes;
}

/* Turns @out to interface @number, or to none: next hops of services name another thing by it. */
static inline void ip4_way_out_change(struct worker *w, struct ip4_way_out *out, uint16_t number)
{
	const struct iface *i;

	ip4_way_out_count(w, out);
	if (UNLIKELY(number >= WORLD_INTERFACES_MAX)) {
		*out = (struct ip4_way_out){.number = number};
		return;
	}
	i = &w->world->ifaces[number];
	*out = (struct ip4_way_out){
		.iface = i,
		.number = number,
		.frame_bytes_max = i->up && i->l2_len == 14 ? i->mtu + 14u : 0,
	};
}

/*
 * Makes a frame to neighbour @nh of @m, if that is resolved and neither is tagged. False: nothing
 * was done, the general way is to be taken. The caller puts it on lane port_tx. @is_own, a
 * constant: the node made it, and its TTL stays.
 */
static __rte_always_inline bool ip4_forward_now(struct worker *w, struct ip4_way_out *out,
	struct rte_mbuf *m, struct nexthop *nh, const bool is_own)
{
	struct pkt *p = pkt_of(m);
	uint8_t *l3 = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);
	uint32_t ttl_word = ip4_ttl_word(l3);
	uint64_t lladdr = atomic_load_explicit(&nh->lladdr, memory_order_relaxed);

	if (UNLIKELY(nh->iface != out->number))
		ip4_way_out_change(w, out, nh->iface);
	/* A lladdr that is valid and not stale belongs to a neighbour. */
	if (UNLIKELY(lladdr >> 62 != NEXTHOP_LLADDR_VALID >> 62 || p->l2_len != 14 ||
		     m->data_len > out->frame_bytes_max || (!is_own && ip4_ttl_of(ttl_word) <= 1)))
		return false;
	if (!is_own) {
		ttl_word = ip4_ttl_decremented(ttl_word);
		memcpy(l3 + IP4_TTL_OFFSET, &ttl_word, sizeof(ttl_word));
	}
	eth_rewrite_untagged(l3, lladdr, out->iface->l2_tail_ip4);
	out->pkts++;
	out->bytes += m->pkt_len;
	p->iface_out = out->number;
	m->port = out->iface->port;
	return true;
}

#endif
