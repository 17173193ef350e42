/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stages ip4_forward and ip4_output: TTL (RFC 1812 5.3.1), choice among equal paths, MTU (RFC
 * 1191), Ethernet header. What the node itself says is looked up first and keeps its TTL. Packets
 * that leave where they came in are forwarded; no redirects are sent. Thread: worker.
 */
#include "dataplane/ip/ip4_forward.h"

#include "dataplane/ip/ip.h"
#include "dataplane/link/link.h"
#include "dataplane/neigh/neigh.h"

/* Ends or cuts @m, which does not fit the MTU of @out. The TTL is still untouched, so that an error
 * quotes the packet as it came. */
static void forward_too_big(
	struct worker *w, struct rte_mbuf *m, const struct iface *out, const bool is_own)
{
	uint8_t *l3 = ip4_l3(m);
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;

	if (h->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)) {
		icmp4_error(w, m, DROP_ip4_too_big,
			(struct icmp_error){.type = ICMP4_UNREACHABLE,
				.code = ICMP4_UNREACHABLE_TOO_BIG,
				.info = out->mtu});
		return;
	}
	if (!is_own)
		ip4_ttl_decrement(l3);
	lane_put(w, STAGE_ip4_fragment, m);
}

/* The general way. @is_own: the node made the packet. */
static __attribute__((noinline)) void forward_slow(
	struct worker *w, struct rte_mbuf *m, bool is_own)
{
	struct pkt *p = pkt_of(m);
	uint8_t *l3 = ip4_l3(m);
	struct nexthop *nh = &w->world->nexthops[p->nexthop];
	const struct iface *out;

	if (nh->kind == NEXTHOP_GROUP) {
		p->nexthop = ip4_forward_pick(nh->group, w->flow_key, l3, ip4_l3_bytes(m));
		nh = &w->world->nexthops[p->nexthop];
	}
	/* The way to a backend must not lead to the balancer again; what the node says may. */
	if (!is_own && nh->kind == NEXTHOP_SERVICE) {
		drop(w, m, DROP_ip4_redirect_loop);
		return;
	}
	if (nh->kind != NEXTHOP_NEIGHBOR && nh->kind != NEXTHOP_CONNECTED) {
		/* The balancer reads and changes what only a device may finish. */
		if (UNLIKELY(is_own && p->flags & PKT_OFFLOAD))
			drop(w, m, DROP_port_no_offload);
		else
			ip4_undeliverable(w, m, (enum nexthop_kind)nh->kind);
		return;
	}
	if (!is_own && l3[IP4_TTL_OFFSET] <= 1) {
		icmp4_error(w, m, DROP_ip4_ttl_exceeded,
			(struct icmp_error){.type = ICMP4_TIME_EXCEEDED});
		return;
	}
	out = &w->world->ifaces[nh->iface];
	p->iface_out = nh->iface;
	if (!out->up) {
		drop(w, m, DROP_eth_interface_down);
		return;
	}
	if (ip4_l3_bytes(m) > out->mtu) {
		forward_too_big(w, m, out, is_own);
		return;
	}
	if (!is_own)
		ip4_ttl_decrement(l3);
	if (nh->kind == NEXTHOP_CONNECTED)
		lane_put(w, STAGE_neigh_resolve, m);
	else
		eth_send_to_nexthop(w, m, nh, p->nexthop, false);
}

/* Sends @pkts, for which lane port_tx has room, by the next hops in their notes. Those to a
 * resolved neighbour on an untagged interface are done here. @is_own, a constant: the node made
 * them. */
static __rte_always_inline void forward_all(
	struct worker *w, struct rte_mbuf **pkts, unsigned n, const bool is_own)
{
	struct nexthop *nexthops = w->world->nexthops;
	struct lane *tx = &w->lanes[STAGE_port_tx];
	struct ip4_way_out out = {.number = WORLD_NO_INTERFACE};
	unsigned n_tx = tx->n;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct pkt *p = pkt_of(m);
		struct nexthop *nh = &nexthops[p->nexthop];

		if (nh->kind == NEXTHOP_GROUP && p->l2_len == 14) {
			p->nexthop = ip4_forward_pick(
				nh->group, w->flow_key, ip4_l3(m), ip4_l3_bytes(m));
			nh = &nexthops[p->nexthop];
		}
		/* What a device is to finish is looked at closely. */
		if (LIKELY(!(is_own && p->flags & PKT_OFFLOAD) &&
			    ip4_forward_now(w, &out, m, nh, is_own))) {
			tx->pkts[n_tx++] = m;
			continue;
		}
		tx->n = n_tx;
		forward_slow(w, m, is_own);
		n_tx = tx->n;
	}
	ip4_way_out_count(w, &out);
	tx->n = n_tx;
	if (n_tx)
		w->pending |= 1ULL << STAGE_port_tx;
}

/* The same for any room there is. */
static __rte_always_inline void forward_with_room(
	struct worker *w, struct rte_mbuf **pkts, unsigned n, const bool is_own)
{
	if (LIKELY(n + w->lanes[STAGE_port_tx].n <= LANE_MAX)) {
		forward_all(w, pkts, n, is_own);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		forward_slow(w, pkts[i], is_own);
}

void ip4_forward_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	forward_with_room(w, pkts, n, false);
}

/* The next hop @number for @dst_be, or its neighbour's if that can be sent to at once. */
static inline uint16_t neighbor_of(const struct worker *w, uint16_t number, uint32_t dst_be)
{
	const struct world *world = w->world;
	const struct nexthop *nh = &world->nexthops[number];
	uint32_t neighbor;
	uint64_t lladdr;

	if (nh->kind != NEXTHOP_CONNECTED)
		return number;
	neighbor = neigh_lookup4(world->neighbors, nh->iface, dst_be);
	lladdr = atomic_load_explicit(&world->nexthops[neighbor].lladdr, memory_order_relaxed);
	return lladdr >> 62 == NEXTHOP_LLADDR_VALID >> 62 ? (uint16_t)neighbor : number;
}

void ip4_output_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	uint32_t addrs[LANE_MAX], numbers[LANE_MAX];

	if (n == 0)
		return;
	for (unsigned i = 0; i < n; i++)
		addrs[i] = be32toh(((const struct rte_ipv4_hdr *)ip4_l3(pkts[i]))->dst_addr);
	fib_lookup4_bulk(&w->world->fib4, addrs, numbers, n);
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = pkt_of(pkts[i]);

		/* Replies of a burst often go the same way. */
		if (i > 0 && addrs[i] == addrs[i - 1])
			p->nexthop = pkt_of(pkts[i - 1])->nexthop;
		else
			p->nexthop = neighbor_of(w, (uint16_t)numbers[i], htobe32(addrs[i]));
	}
	forward_with_room(w, pkts, n, true);
}
