/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sends packets to backends that answer clients themselves: as they are (dsr), or in a tunnel,
 * whose MTU is told to senders by ICMP errors and to TCP by its MSS option. Thread: worker.
 */
#include "dataplane/lb/lb_tunnel_send.h"

struct rte_mbuf *lb_tunnel_copy(
	struct worker *w, struct rte_mbuf *m, const struct lb_backend *b, uint32_t bytes)
{
	uint32_t l3_at = pkt_of(m)->l2_len + bytes, l3_bytes = lb_l3_bytes(m);
	struct rte_mbuf *copy = rte_pktmbuf_alloc(w->mempool);

	if (!copy) {
		lb_drop(w, m, b->service, LB_DROP_no_mbuf);
		return NULL;
	}
	if (l3_at + l3_bytes > rte_pktmbuf_tailroom(copy)) {
		rte_pktmbuf_free(copy);
		lb_drop(w, m, b->service, LB_DROP_no_headroom);
		return NULL;
	}
	rte_pktmbuf_append(copy, (uint16_t)(l3_at + l3_bytes));
	memcpy(rte_pktmbuf_mtod_offset(copy, uint8_t *, l3_at), lb_l3(m), l3_bytes);
	copy->port = m->port;
	*pkt_of(copy) = *pkt_of(m);
	rte_pktmbuf_free(m);
	return copy;
}

void lb_tunnel_clamp(uint8_t *l3, uint32_t bytes, uint32_t mtu, bool is_ip6)
{
	uint32_t header_bytes = is_ip6 ? IP6_HEADER_BYTES : IP4_HEADER_BYTES;
	static const struct pkt no_notes;
	struct lb_l4 l4;
	enum lb_class class;

	if (is_ip6)
		class = lb_classify6(l3, bytes, &no_notes, &l4);
	else
		class = lb_classify4(l3, bytes, &no_notes, &l4);
	if (class != LB_CLASS_FLOW || l4.protocol != IPPROTO_TCP || !(l4.tcp_flags & LB_TCP_SYN))
		return;
	lb_mss_clamp(l3 + l4.offset, (l3[l4.offset + 12] >> 4) * 4u,
		(uint16_t)(mtu - header_bytes - LB_TCP_BYTES_MIN));
}

/* Sends @m to @b as it is. */
static __rte_always_inline void send_as_is(
	struct worker *w, struct rte_mbuf *m, const struct lb_backend *b, const bool is_ip6)
{
	if (UNLIKELY(b->nexthop == 0)) {
		lb_unreachable(w, m, b->service, LB_DROP_lb_backend_unreachable, is_ip6);
		return;
	}
	lb_leave(w, m, b, NULL, is_ip6);
}

void lb_send4(struct worker *w, struct rte_mbuf *m, const struct lb_backend *b, uint64_t hash)
{
	if (b->mode == API_LB_DSR)
		send_as_is(w, m, b, false);
	else
		lb_tunnel_send(w, m, b, hash, false);
}

void lb_send6(struct worker *w, struct rte_mbuf *m, const struct lb_backend *b, uint64_t hash)
{
	if (b->mode == API_LB_DSR)
		send_as_is(w, m, b, true);
	else
		lb_tunnel_send(w, m, b, hash, true);
}
