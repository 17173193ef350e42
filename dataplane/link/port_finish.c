/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Own segments whose sum or cutting was left to the device, once it is known which one that is. TCP
 * asks the way out before it does so; in between the configuration may have changed. Thread:
 * worker.
 */
#include <rte_ip.h>
#include <rte_tcp.h>

#include "dataplane/link/link.h"
#include "lib/wire/checksum.h"

/* What the device must be able to do for @m. */
static uint8_t wanted(const struct rte_mbuf *m)
{
	if (!(m->ol_flags & RTE_MBUF_F_TX_TCP_SEG))
		return IFACE_CKSUM;
	return m->ol_flags & RTE_MBUF_F_TX_IPV4 ? IFACE_TSO4 : IFACE_TSO6;
}

/* Whether the device of @out finishes @m. */
static bool can_finish(struct rte_mbuf *m, const struct iface *out)
{
	if (UNLIKELY(!(out->offloads & wanted(m))))
		return false;
	return m->nb_segs == 1 ||
	       (m->nb_segs <= out->tso_segments_max &&
		       (uint32_t)m->data_len - pkt_of(m)->l2_len <= out->tcp_mtu);
}

/* Sums @m, which is one buffer, for a device that does not. */
static void sum(struct rte_mbuf *m)
{
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt_of(m)->l2_len);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)(l3 + m->l3_len);
	uint32_t bytes = m->data_len - pkt_of(m)->l2_len - (uint32_t)m->l3_len;
	uint64_t pseudo;

	if (m->ol_flags & RTE_MBUF_F_TX_IPV4) {
		const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;

		pseudo =
			checksum_pseudo_ip4(h->src_addr, h->dst_addr, IPPROTO_TCP, (uint16_t)bytes);
	} else {
		const struct rte_ipv6_hdr *h = (const struct rte_ipv6_hdr *)l3;

		pseudo = checksum_pseudo_ip6(h->src_addr, h->dst_addr, IPPROTO_TCP, bytes);
	}
	tcp->cksum = 0;
	tcp->cksum = checksum_finish(checksum_sum(tcp, bytes, pseudo));
	m->ol_flags &= ~RTE_MBUF_F_TX_OFFLOAD_MASK;
}

bool port_finish(struct worker *w, struct rte_mbuf *m, const struct iface *out)
{
	struct pkt *p = pkt_of(m);

	p->flags &= (uint8_t)~PKT_OFFLOAD;
	if (UNLIKELY(!can_finish(m, out))) {
		/* A large one is lost, as on a way that has just broken. */
		if (m->nb_segs > 1) {
			drop(w, m, DROP_port_no_offload);
			return false;
		}
		sum(m);
		return true;
	}
	m->l2_len = p->l2_len;
	if (w->ops->prepare && UNLIKELY(!w->ops->prepare(w, out->port, m))) {
		drop(w, m, DROP_port_tx_refused);
		return false;
	}
	return true;
}
