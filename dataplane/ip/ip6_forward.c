/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends IPv6 packets to their next hop: hop limit, choice among equal paths, MTU, Ethernet header
 * (RFC 8200, 4443). Extension headers pass untouched, hop-by-hop options too (RFC 8200 4.3). What
 * the node itself says takes the same path without the hop limit, after its own lookup.
 * Thread: worker.
 */
#include "dataplane/ip/ip.h"
#include "dataplane/ip/ip6_forward.h"
#include "dataplane/ip/ip6_impl.h"
#include "dataplane/link/link.h"

/* Ends @m, which does not fit the @mtu of its way out. Of what the node says only echo replies can
 * be that large: to requests over a link with a larger MTU. They are not fragmented. */
static inline void too_big(struct worker *w, struct rte_mbuf *m, uint16_t mtu, const bool is_own)
{
	if (is_own)
		drop(w, m, DROP_ip6_too_big);
	else
		icmp6_error(w, m, DROP_ip6_too_big,
			(struct icmp_error){.type = ICMP6_TOO_BIG, .info = mtu});
}

/* The way of every packet that is not plain. @is_own, a constant: the node made it. */
static inline void forward_one(struct worker *w, struct rte_mbuf *m, const bool is_own)
{
	struct pkt *p = pkt_of(m);
	uint8_t *l3 = ip6_l3(m);
	struct nexthop *nh = &w->world->nexthops[p->nexthop];
	const struct iface *out;

	if (!is_own && l3[IP6_HOP_LIMIT_OFFSET] <= 1) {
		icmp6_error(
			w, m, DROP_ip6_hop_limit, (struct icmp_error){.type = ICMP6_TIME_EXCEEDED});
		return;
	}
	if (nh->kind == NEXTHOP_GROUP) {
		p->nexthop = ip6_forward_pick(nh->group, w->flow_key, l3, ip6_l3_bytes(m));
		nh = &w->world->nexthops[p->nexthop];
	}
	if (nh->kind != NEXTHOP_NEIGHBOR && nh->kind != NEXTHOP_CONNECTED) {
		drop(w, m, DROP_ip6_redirect_loop);
		return;
	}
	out = &w->world->ifaces[nh->iface];
	if (!out->up) {
		drop(w, m, DROP_eth_interface_down);
		return;
	}
	if (ip6_l3_bytes(m) > out->mtu) {
		too_big(w, m, out->mtu, is_own);
		return;
	}
	if (!is_own)
		l3[IP6_HOP_LIMIT_OFFSET]--;
	if (nh->kind == NEXTHOP_CONNECTED) {
		p->iface_out = nh->iface;
		lane_put(w, STAGE_neigh_resolve, m);
		return;
	}
	eth_send_to_nexthop(w, m, nh, p->nexthop, true);
}

static __attribute__((noinline)) void forward_slow(struct worker *w, struct rte_mbuf *m)
{
	forward_one(w, m, false);
}

/* Whether @m needs no closer look on its way to @nh through @out: a resolved neighbour (only these
 * have a valid @lladdr), no tags, hops and MTU left. */
static inline bool is_plain(
	const struct rte_mbuf *m, const struct pkt *p, const struct iface *out, uint64_t lladdr)
{
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, 14);

	return lladdr >> 62 == NEXTHOP_LLADDR_VALID >> 62 && p->l2_len == 14 && out->l2_len == 14 &&
	       l3[IP6_HOP_LIMIT_OFFSET] > 1 && m->data_len <= out->mtu + 14u;
}

void ip6_forward_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	const struct world *world = w->world;
	struct lane *tx = &w->lanes[STAGE_port_tx];
	unsigned n_tx = tx->n;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct pkt *p = pkt_of(m);
		uint16_t number = p->nexthop;
		struct nexthop *nh = &world->nexthops[number];
		uint8_t *l3 = rte_pktmbuf_mtod_offset(m, uint8_t *, 14);
		const struct iface *out;
		struct stats_interface *stats;
		uint64_t lladdr;

		if (nh->kind == NEXTHOP_GROUP && LIKELY(p->l2_len == 14)) {
			number = ip6_forward_pick(nh->group, w->flow_key, l3, ip6_l3_bytes(m));
			nh = &world->nexthops[number];
		}
		out = &world->ifaces[nh->iface];
		lladdr = atomic_load_explicit(&nh->lladdr, memory_order_relaxed);
		if (UNLIKELY(!is_plain(m, p, out, lladdr) || n_tx == LANE_MAX)) {
			tx->n = n_tx;
			forward_slow(w, m);
			n_tx = tx->n;
			continue;
		}
		l3[IP6_HOP_LIMIT_OFFSET]--;
		eth_rewrite_untagged(l3, lladdr, out->l2_tail_ip6);
		stats = &w->stats->interfaces[nh->iface];
		stats->tx_pkts++;
		stats->tx_bytes += m->pkt_len;
		p->nexthop = number;
		p->iface_out = nh->iface;
		m->port = out->port;
		tx->pkts[n_tx++] = m;
	}
	tx->n = n_tx;
	if (n_tx)
		w->pending |= 1ULL << STAGE_port_tx;
}

/* Sends @m on the interface it was made for, without a route. */
static void output_on_link(struct worker *w, struct rte_mbuf *m)
{
	const struct iface *out = &w->world->ifaces[pkt_of(m)->iface_out];

	if (!out->up)
		drop(w, m, DROP_eth_interface_down);
	else if (ip6_l3_bytes(m) > out->mtu)
		too_big(w, m, out->mtu, true);
	else
		lane_put(w, STAGE_neigh_resolve, m);
}

/* Sends @m by its next hop. What cannot leave ends here: no errors about own packets. */
static void output_routed(struct worker *w, struct rte_mbuf *m)
{
	switch ((enum nexthop_kind)w->world->nexthops[pkt_of(m)->nexthop].kind) {
	case NEXTHOP_NONE:
		drop(w, m, DROP_ip6_no_route);
		break;
	case NEXTHOP_REJECT:
		drop(w, m, DROP_ip6_reject);
		break;
	case NEXTHOP_BLACKHOLE:
		drop(w, m, DROP_ip6_blackhole);
		break;
	case NEXTHOP_LOCAL:
		drop(w, m, DROP_ip6_redirect_loop);
		break;
	case NEXTHOP_SERVICE:
		/* The balancer reads and changes what only a device may finish. */
		if (UNLIKELY(pkt_of(m)->flags & PKT_OFFLOAD))
			drop(w, m, DROP_port_no_offload);
		else
			lane_put(w, STAGE_lb6, m);
		break;
	case NEXTHOP_BROADCAST: /* of IPv4 only */
		drop(w, m, DROP_ip6_bad_destination);
		break;
	case NEXTHOP_NEIGHBOR:
	case NEXTHOP_CONNECTED:
	case NEXTHOP_GROUP:
		forward_one(w, m, true);
		break;
	}
}

void ip6_output_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned from = 0; from < n; from += IP6_BATCH) {
		unsigned to = MIN_OF(from + IP6_BATCH, n), n_routed = 0;
		const uint8_t *addrs[IP6_BATCH];
		struct rte_mbuf *routed[IP6_BATCH];
		uint32_t numbers[IP6_BATCH];

		for (unsigned i = from; i < to; i++) {
			if (pkt_of(pkts[i])->flags & PKT_KEEP_SCOPE) {
				output_on_link(w, pkts[i]);
				continue;
			}
			addrs[n_routed] = ip6_l3(pkts[i]) + IP6_DST_OFFSET;
			routed[n_routed++] = pkts[i];
		}
		if (n_routed == 0)
			continue;
		fib_lookup6_bulk(&w->world->fib6, addrs, numbers, n_routed);
		for (unsigned i = 0; i < n_routed; i++) {
			pkt_of(routed[i])->nexthop = (uint16_t)numbers[i];
			output_routed(w, routed[i]);
		}
	}
}
