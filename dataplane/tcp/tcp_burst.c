/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segments for devices that sum and cut. Those that tcp_output says one after the other are put
 * into one packet, as far as one header can stand for all of them: the device makes of it what
 * would have been sent without it, but for PSH, which it repeats only in the last. Thread: worker.
 */
#include <rte_ip.h>

#include "dataplane/ip/ip.h"
#include "dataplane/tcp/tcp_impl.h"

#define LAST_FLAGS (RTE_TCP_PSH_FLAG | RTE_TCP_FIN_FLAG) /* of the last segment */

/* The header of what @m carries. */
static inline struct rte_tcp_hdr *tcp_of(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, struct rte_tcp_hdr *, pkt_of(m)->l2_len + m->l3_len);
}

/* Whether @say may follow in the open packet: next in sequence, no larger, said with the same
 * header. */
static bool fits(const struct tcp_burst *b, const struct tcp_conn *c, const struct tcp_say *say)
{
	const struct rte_mbuf *m = b->head;

	return b->conn == c && say->seq == b->next_seq && say->bytes != 0 &&
	       say->bytes <= b->segment_bytes && say->ecn == b->ecn &&
	       ((say->flags ^ b->flags) & ~LAST_FLAGS) == 0 && !(b->flags & RTE_TCP_FIN_FLAG) &&
	       m->nb_segs < b->segments_max && m->pkt_len + say->bytes <= UINT16_MAX &&
	       (b->tail == m || b->tail->data_len == b->segment_bytes);
}

bool tcp_burst_add(struct worker *w, struct tcp_conn *c, const struct tcp_say *say)
{
	struct tcp_burst *b = &w->tcp->burst;
	struct rte_mbuf *m;

	if (!b->head)
		return false;
	m = fits(b, c, say) ? rte_pktmbuf_alloc(w->mempool) : NULL;
	if (!m) {
		tcp_burst_end(w);
		return false;
	}
	m->data_len = (uint16_t)say->bytes;
	tcp_send_queue_copy(&c->busy->send, say->offset, rte_pktmbuf_mtod(m, void *), say->bytes);
	b->tail->next = m;
	b->tail = m;
	b->head->nb_segs++;
	b->head->pkt_len += say->bytes;
	b->next_seq += say->bytes;
	b->flags = (uint8_t)((b->flags & ~LAST_FLAGS) | say->flags);
	tcp_stats(w)->tx_segments++;
	tcp_stats(w)->tx_bytes += say->bytes;
	return true;
}

bool tcp_burst_wanted(struct worker *w, const struct tcp_conn *c, uint32_t bytes)
{
	struct tcp_burst *b = &w->tcp->burst;

	if (b->conn != c || bytes < TCP_OFFLOAD_BYTES_MIN)
		return false;
	if (!b->way_known) {
		b->way = tcp_path_way(w, &c->key, c->iface);
		b->way_known = true;
	}
	return b->way.offloads & IFACE_CKSUM;
}

void tcp_burst_begin(struct worker *w, struct rte_mbuf *m, const struct tcp_say *say)
{
	struct tcp_burst *b = &w->tcp->burst;
	uint8_t cuts = b->conn->key.family == 4 ? IFACE_TSO4 : IFACE_TSO6;
	/* A duplicate is reported once, every segment would do it. */
	bool alone = !(b->way.offloads & cuts) || (b->conn->flags & TCP_CONN_DSACK);

	b->head = b->tail = m;
	b->segments_max = alone ? 1 : b->way.tso_segments_max;
	b->next_seq = say->seq + say->bytes;
	b->segment_bytes = (uint16_t)say->bytes;
	b->flags = say->flags;
	b->ecn = say->ecn;
}

/* The part of the device in IPv4 packet @m. */
static void finish_ip4(struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *h =
		rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, pkt_of(m)->l2_len);

	m->ol_flags |= RTE_MBUF_F_TX_IPV4;
	if (m->nb_segs > 1) {
		m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
		h->total_length = htobe16((uint16_t)(m->pkt_len - pkt_of(m)->l2_len));
		h->hdr_checksum = 0;
	}
	tcp_of(m)->cksum = rte_ipv4_phdr_cksum(h, m->ol_flags);
}

static void finish_ip6(struct rte_mbuf *m)
{
	struct rte_ipv6_hdr *h =
		rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, pkt_of(m)->l2_len);

	m->ol_flags |= RTE_MBUF_F_TX_IPV6;
	h->payload_len = htobe16((uint16_t)(m->pkt_len - pkt_of(m)->l2_len - sizeof(*h)));
	tcp_of(m)->cksum = rte_ipv6_phdr_cksum(h, m->ol_flags);
}

void tcp_burst_end(struct worker *w)
{
	struct tcp_burst *b = &w->tcp->burst;
	struct rte_mbuf *m = b->head;

	b->head = b->tail = NULL;
	tcp_of(m)->tcp_flags = b->flags;
	if (m->nb_segs > 1) {
		m->ol_flags |= RTE_MBUF_F_TX_TCP_SEG;
		m->tso_segsz = b->segment_bytes;
	} else {
		m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM;
	}
	if (b->conn->key.family == 4)
		finish_ip4(m);
	else
		finish_ip6(m);
	pkt_of(m)->flags |= PKT_OFFLOAD;
	b->n_more = tcp_lanes_more(w) + m->nb_segs - 1u;
	b->lanes_emptied = tcp_lanes_emptied(w);
	tcp_emit_packet(w, m, &b->conn->key, b->conn->iface);
}
