/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage eth: Ethernet II and 802.1Q input. And the general Ethernet output. Thread: worker. */
#include "dataplane/link/eth.h"
#include "dataplane/core/capture.h"
#include "dataplane/link/link.h"

/* The interface of a frame with VLAN id @vlan (0: untagged or priority-tagged). */
static inline uint16_t find_interface(const struct port_map *port, uint16_t vlan)
{
	if (vlan == 0)
		return port->untagged;
	return port->vlans ? port->vlans[vlan] : WORLD_NO_INTERFACE;
}

/* One segment: frames of several buffers are copied into one. NULL: dropped. */
static struct rte_mbuf *linearize(struct worker *w, struct rte_mbuf *m)
{
	struct rte_mbuf *copy;

	if (m->pkt_len + RTE_PKTMBUF_HEADROOM > rte_pktmbuf_data_room_size(w->mempool)) {
		drop(w, m, DROP_eth_too_long);
		return NULL;
	}
	copy = rte_pktmbuf_alloc(w->mempool);
	if (!copy) {
		drop(w, m, DROP_no_mbuf);
		return NULL;
	}
	for (struct rte_mbuf *seg = m; seg; seg = seg->next)
		memcpy(rte_pktmbuf_append(copy, seg->data_len), rte_pktmbuf_mtod(seg, void *),
			seg->data_len);
	copy->port = m->port;
	copy->vlan_tci = m->vlan_tci;
	copy->ol_flags = m->ol_flags & (RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED);
	*pkt_of(copy) = *pkt_of(m);
	rte_pktmbuf_free(m);
	return copy;
}

/* Anything but a plain untagged unicast frame for this port. */
static void input_slow(struct worker *w, struct rte_mbuf *m)
{
	const struct port_map *port = &w->world->ports[m->port];
	struct pkt *p = pkt_of(m);
	struct eth_class c;

	*p = (struct pkt){.iface = capture_frame_iface(port, m)};
	if (m->nb_segs > 1) {
		m = linearize(w, m);
		if (!m)
			return;
		p = pkt_of(m);
	}
	c = eth_classify(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, port->mac);
	if (c.reason == DROP_NONE && (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)) {
		if (c.tagged)
			c.reason = DROP_eth_nested_vlan;
		c.vlan = m->vlan_tci & 0xfff;
	}
	if (c.reason != DROP_NONE) {
		drop(w, m, c.reason);
		return;
	}
	p->iface = find_interface(port, c.vlan);
	if (p->iface == WORLD_NO_INTERFACE) {
		drop(w, m, c.vlan ? DROP_eth_unknown_vlan : DROP_eth_interface_down);
		return;
	}
	p->l2_len = c.l2_len;
	p->flags = c.flags;
	w->stats->interfaces[p->iface].rx_pkts++;
	w->stats->interfaces[p->iface].rx_bytes += m->pkt_len;
	lane_put(w, c.next, m);
}

/*
 * Whether the frame needs no closer look: one segment, to the port's MAC @mac_word, from a unicast
 * station, untagged IPv4 or IPv6. @head is the first 8 bytes of its header, @tail the last 8.
 */
static inline bool is_plain(
	const struct rte_mbuf *m, uint64_t mac_word, uint64_t head, uint64_t tail)
{
	uint16_t type = (uint16_t)(tail >> 48);

	return m->nb_segs == 1 && !(m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) &&
	       (head << 16) == mac_word && !(head & 1ULL << 48) && tail << 16 != 0 &&
	       (type == RTE_BE16(RTE_ETHER_TYPE_IPV4) || type == RTE_BE16(RTE_ETHER_TYPE_IPV6));
}

/* No frame's start, shifted by 16 bits, equals it: no frame is plain. */
#define NO_MAC_WORD 1

/* What consecutive frames of one port have in common, and their sums. */
struct eth_run {
	uint64_t mac_word;
	uint16_t port;
	uint16_t iface; /* of untagged frames; WORLD_NO_INTERFACE: none */
	uint64_t pkts;
	uint64_t bytes;
};

static void run_count(struct worker *w, const struct eth_run *r)
{
	if (r->pkts == 0)
		return;
	w->stats->interfaces[r->iface].rx_pkts += r->pkts;
	w->stats->interfaces[r->iface].rx_bytes += r->bytes;
}

static struct eth_run run_begin(const struct worker *w, uint16_t port)
{
	const struct port_map *map = &w->world->ports[port];

	return (struct eth_run){
		.mac_word =
			map->untagged == WORLD_NO_INTERFACE ? NO_MAC_WORD : eth_mac_word(map->mac),
		.port = port,
		.iface = map->untagged,
	};
}

/*
 * Sorts @pkts into the lanes above. @is_burst, a constant: all came from port w->rx_port just now,
 * and their bytes are still to be counted for it. Their first cache line of data is not prefetched:
 * the frames do not depend on each other, so that the core loads those of the next dozen meanwhile.
 */
static __rte_always_inline void input_all(
	struct worker *w, struct rte_mbuf **pkts, unsigned n, const bool is_burst)
{
	struct lane *ip4 = &w->lanes[STAGE_ip4_input], *ip6 = &w->lanes[STAGE_ip6_input];
	struct eth_run run = run_begin(w, is_burst ? w->rx_port : pkts[0]->port);
	unsigned n_ip4 = ip4->n, n_ip6 = ip6->n;
	uint64_t slow_bytes = 0;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const uint8_t *f = rte_pktmbuf_mtod(m, const uint8_t *);
		uint64_t head = 0, tail = 0;

		if (!is_burst && UNLIKELY(m->port != run.port)) {
			run_count(w, &run);
			run = run_begin(w, m->port);
		}
		if (LIKELY(m->data_len >= 14)) {
			memcpy(&head, f, 8);
			memcpy(&tail, f + 6, 8);
		}
		if (UNLIKELY(!is_plain(m, run.mac_word, head, tail) ||
			     (n_ip4 | n_ip6) >= LANE_MAX)) {
			m->port = run.port;
			slow_bytes += m->pkt_len;
			ip4->n = n_ip4;
			ip6->n = n_ip6;
			input_slow(w, m);
			n_ip4 = ip4->n;
			n_ip6 = ip6->n;
			continue;
		}
		*pkt_of(m) = (struct pkt){.iface = run.iface, .l2_len = 14};
		run.pkts++;
		run.bytes += m->pkt_len;
		if ((uint16_t)(tail >> 48) == RTE_BE16(RTE_ETHER_TYPE_IPV4))
			ip4->pkts[n_ip4++] = m;
		else
			ip6->pkts[n_ip6++] = m;
	}
	run_count(w, &run);
	if (is_burst)
		w->stats->ports[run.port].rx_bytes += run.bytes + slow_bytes;
	ip4->n = n_ip4;
	ip6->n = n_ip6;
	w->pending |= (uint64_t)(n_ip4 != 0) << STAGE_ip4_input;
	w->pending |= (uint64_t)(n_ip6 != 0) << STAGE_ip6_input;
}

void eth_input_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	if (LIKELY(w->rx_port != WORLD_PORTS_MAX))
		input_all(w, pkts, n, true);
	else
		input_all(w, pkts, n, false);
}

/* Room for @need bytes of header before the layer 3 header: in place, or in a copy. NULL: dropped.
 */
static struct rte_mbuf *make_room(struct worker *w, struct rte_mbuf *m, unsigned need)
{
	struct pkt *p = pkt_of(m);
	int missing = (int)need - (int)p->l2_len;
	struct rte_mbuf *copy;
	uint32_t l3_bytes = m->pkt_len - p->l2_len;

	if (missing <= 0) {
		rte_pktmbuf_adj(m, (uint16_t)-missing);
		p->l2_len = (uint8_t)need;
		return m;
	}
	if (missing <= rte_pktmbuf_headroom(m)) {
		rte_pktmbuf_prepend(m, (uint16_t)missing);
		p->l2_len = (uint8_t)need;
		return m;
	}
	copy = rte_pktmbuf_alloc(w->mempool);
	if (!copy) {
		drop(w, m, DROP_no_mbuf);
		return NULL;
	}
	if (need + l3_bytes > rte_pktmbuf_tailroom(copy)) {
		rte_pktmbuf_free(copy);
		drop(w, m, DROP_no_headroom);
		return NULL;
	}
	rte_pktmbuf_append(copy, (uint16_t)(need + l3_bytes));
	memcpy(rte_pktmbuf_mtod_offset(copy, uint8_t *, need),
		rte_pktmbuf_mtod_offset(m, uint8_t *, p->l2_len), l3_bytes);
	*pkt_of(copy) = *p;
	pkt_of(copy)->l2_len = (uint8_t)need;
	rte_pktmbuf_free(m);
	return copy;
}

void eth_send(struct worker *w, struct rte_mbuf *m, const struct iface *out, const uint8_t dst[6],
	uint16_t ethertype)
{
	struct stats_interface *s = &w->stats->interfaces[out->number];
	uint16_t type_be = rte_cpu_to_be_16(ethertype);
	uint8_t *p;

	if (UNLIKELY(!out->up)) {
		drop(w, m, DROP_eth_interface_down);
		return;
	}
	m = make_room(w, m, out->l2_len);
	if (!m)
		return;
	p = rte_pktmbuf_mtod(m, uint8_t *);
	memcpy(p, dst, 6);
	memcpy(p + 6, out->mac, 6);
	if (out->vlan) {
		uint16_t tag[2] = {RTE_BE16(RTE_ETHER_TYPE_VLAN), rte_cpu_to_be_16(out->vlan)};

		memcpy(p + 12, tag, 4);
	}
	memcpy(p + out->l2_len - 2, &type_be, 2);
	if (UNLIKELY(pkt_of(m)->flags & PKT_OFFLOAD) && !port_finish(w, m, out))
		return;
	m->ol_flags &= ~(RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_VLAN);
	m->port = out->port;
	pkt_of(m)->iface_out = out->number;
	s->tx_pkts++;
	s->tx_bytes += m->pkt_len;
	lane_put(w, STAGE_port_tx, m);
}
