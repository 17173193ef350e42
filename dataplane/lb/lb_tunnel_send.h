/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sending one packet by a tunnel: inline, because a call with its saved registers would be a tenth
 * of what a packet costs. What is rare is behind calls (lb_tunnel.c). Thread: worker.
 */
#ifndef DATAPLANE_LB_LB_TUNNEL_SEND_H
#define DATAPLANE_LB_LB_TUNNEL_SEND_H

#include "dataplane/lb/lb_balance.h"
#include "dataplane/lb/lb_tunnel.h"

#define LB_IP4_TOTAL_BYTES_MAX 65535u
#define LB_IP4_FRAGMENT_OFFSET 6

/* A copy of @m with @bytes more in front of its layer 3 header; @m is gone. NULL: dropped. */
struct rte_mbuf *lb_tunnel_copy(
	struct worker *w, struct rte_mbuf *m, const struct lb_backend *b, uint32_t bytes);

/* Lowers the MSS of the segment of @bytes at @l3, if it opens a connection, to what fits @mtu. */
void lb_tunnel_clamp(uint8_t *l3, uint32_t bytes, uint32_t mtu, bool is_ip6);

/* Whether an outer IPv4 packet around @m may be cut to pieces. */
static inline bool lb_tunnel_may_be_cut(
	struct rte_mbuf *m, const struct lb_backend *b, const bool is_ip6)
{
	uint32_t bytes = lb_l3_bytes(m);

	return b->addr.family == 4 && !lb_tunnel_keeps_whole(lb_l3(m), bytes, is_ip6) &&
	       bytes + lb_tunnel_bytes(b) <= LB_IP4_TOTAL_BYTES_MAX;
}

/* Whether the packet at @l3 may be a TCP segment with SYN: a cheap test that few others pass. */
static inline bool lb_tunnel_may_be_syn(const uint8_t *l3, uint32_t bytes, const bool is_ip6)
{
	uint32_t at = (is_ip6 ? IP6_HEADER_BYTES : ip4_header_bytes(l3)) + 13;

	if (is_ip6 ? l3[IP6_NEXT_OFFSET] != IPPROTO_TCP : l3[9] != IPPROTO_TCP)
		return is_ip6 && l3[IP6_NEXT_OFFSET] != IPPROTO_UDP;
	return at < bytes && (l3[at] & LB_TCP_SYN);
}

/* Puts the outer header of @o to @b in front of the @inner one, where there is room for it, and
 * lets that one pass a hop. */
static __rte_always_inline void lb_tunnel_wrap(struct worker *w, uint8_t *inner,
	const struct lb_backend *b, struct lb_outer *o, const bool is_ip6)
{
	uint8_t *outer = inner - o->bytes;

	o->protocol = is_ip6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	o->tos = is_ip6 ? (uint8_t)(inner[0] << 4 | inner[1] >> 4) : inner[1];
	if (is_ip6)
		inner[IP6_HOP_LIMIT_OFFSET]--;
	else
		ip4_ttl_decrement(inner);
	if (b->mode == API_LB_GUE) {
		o->protocol = IPPROTO_UDP;
		lb_gue_write(inner - sizeof(struct rte_udp_hdr), o->inner_bytes, o->hash);
	}
	if (b->addr.family == 6) {
		lb_outer6_write(outer, b, o);
		return;
	}
	o->keep_whole = lb_tunnel_keeps_whole(inner, o->inner_bytes, is_ip6);
	o->id = o->keep_whole ? 0 : (uint16_t)(worker_random(w) >> 48);
	lb_outer4_write(outer, b, o);
}

/*
 * Sends @pk, which opens no connection, to @b as IP in IPv4, if nothing about it is special.
 * Whether it did.
 */
static __rte_always_inline bool lb_tunnel_send_plain(struct worker *w, const struct lb_packet *pk,
	const struct lb_backend *b, struct ip4_way_out *out)
{
	struct rte_mbuf *m = pk->m;
	struct pkt *p = pkt_of(m);
	uint8_t *l3 = pk->l3;
	uint32_t bytes = lb_l3_bytes(m);
	uint16_t fragment;

	memcpy(&fragment, l3 + LB_IP4_FRAGMENT_OFFSET, sizeof(fragment));
	if (UNLIKELY(bytes > b->inner_bytes_max || m->data_off < IP4_HEADER_BYTES ||
		     (fragment & RTE_BE16(IP4_FRAGMENT_MASK)) || l3[IP4_TTL_OFFSET] <= 1 ||
		     p->flags != 0))
		return false;
	m->data_off = (uint16_t)(m->data_off - IP4_HEADER_BYTES);
	m->data_len = (uint16_t)(m->data_len + IP4_HEADER_BYTES);
	m->pkt_len += IP4_HEADER_BYTES;
	ip4_ttl_decrement(l3);
	lb_count(w, b, bytes);
	p->flags = PKT_LOCAL;
	lb_outer4_write_plain(l3, b, pk->hash, bytes, LB_TUNNEL_TTL);
	if (LIKELY(lb_leave_now(w, m, b, out, true)))
		return true;
	lb_outer4_write_plain(l3, b, pk->hash, bytes, LB_TUNNEL_TTL + 1);
	lane_put(w, STAGE_ip4_forward, m);
	return true;
}

/* Sends @m to @b by a tunnel. */
static __rte_always_inline void lb_tunnel_send(struct worker *w, struct rte_mbuf *m,
	const struct lb_backend *b, uint64_t hash, const bool is_ip6)
{
	uint32_t bytes = lb_l3_bytes(m);
	struct lb_outer o = {.hash = hash, .bytes = lb_tunnel_bytes(b), .inner_bytes = bytes};
	const struct iface *out = lb_iface_to(w, b);
	uint8_t *l3 = lb_l3(m);
	struct pkt *p;
	uint32_t mtu;

	if (UNLIKELY(!out || b->mode == API_LB_NAT)) {
		lb_unreachable(w, m, b->service, LB_DROP_lb_backend_unreachable, is_ip6);
		return;
	}
	mtu = out->mtu - o.bytes;
	if (UNLIKELY(l3[is_ip6 ? IP6_HOP_LIMIT_OFFSET : IP4_TTL_OFFSET] <= 1)) {
		lb_expired(w, m, b, is_ip6);
		return;
	}
	if (UNLIKELY(bytes > mtu) && !lb_tunnel_may_be_cut(m, b, is_ip6)) {
		lb_too_big(w, m, b, mtu, is_ip6);
		return;
	}
	if (UNLIKELY(lb_tunnel_may_be_syn(l3, bytes, is_ip6)))
		lb_tunnel_clamp(l3, bytes, mtu, is_ip6);
	if (LIKELY(o.bytes <= rte_pktmbuf_headroom(m))) {
		m->data_off = (uint16_t)(m->data_off - o.bytes);
		m->data_len = (uint16_t)(m->data_len + o.bytes);
		m->pkt_len += o.bytes;
	} else {
		m = lb_tunnel_copy(w, m, b, o.bytes);
		if (!m)
			return;
		l3 = lb_l3(m) + o.bytes;
	}
	lb_tunnel_wrap(w, l3, b, &o, is_ip6);
	p = pkt_of(m);
	if (LIKELY(!(p->flags & PKT_LOCAL)))
		lb_count(w, b, bytes);
	/* From here on it is the node's own: errors about it would go to the node. */
	p->flags = (uint8_t)((p->flags & ~PKT_PORTS) | PKT_LOCAL);
	p->nexthop = b->nexthop;
	lane_put(w, b->addr.family == 6 ? STAGE_ip6_forward : STAGE_ip4_forward, m);
}

#endif
