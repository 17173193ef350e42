/* SPDX-License-Identifier: BSD-3-Clause */
/* Echo replies in place, TCP resets and the headers of whatever else the node says. Thread: worker.
 */
#include "dataplane/ip/ip6_reply.h"

#include <rte_tcp.h>

#include "dataplane/ip/ip.h"
#include "dataplane/ip/ip6_impl.h"
#include "lib/wire/checksum.h"

#define L2_BYTES 14 /* kept free in front of a new packet: the usual Ethernet header */

/* Writes a fresh fixed header to @ip; the addresses may lie in @ip itself. */
static void write_header(struct ip6_header *ip, const uint8_t src[16], const uint8_t dst[16],
	uint8_t next, uint16_t payload_bytes)
{
	struct ip6_header h = {
		.version_be = IP6_VERSION_BE,
		.payload_bytes_be = htobe16(payload_bytes),
		.next = next,
		.hop_limit = IP6_HOP_LIMIT,
	};

	memcpy(h.src, src, sizeof(h.src));
	memcpy(h.dst, dst, sizeof(h.dst));
	*ip = h;
}

struct rte_mbuf *ip6_generate(struct worker *w, const uint8_t src[16], const uint8_t dst[16],
	uint8_t next, uint16_t payload_bytes)
{
	struct rte_mbuf *m = worker_generate(w);

	if (m == NULL)
		return NULL;
	if (rte_pktmbuf_append(m, (uint16_t)(L2_BYTES + IP6_HEADER_BYTES + payload_bytes)) ==
		NULL) {
		drop(w, m, DROP_no_mbuf);
		return NULL;
	}
	pkt_of(m)->l2_len = L2_BYTES;
	write_header((struct ip6_header *)ip6_l3(m), src, dst, next, payload_bytes);
	return m;
}

void ip6_reply_echo(struct worker *w, struct rte_mbuf *m, uint32_t offset)
{
	struct pkt *p = pkt_of(m);
	struct ip6_header *ip = (struct ip6_header *)ip6_l3(m);
	uint16_t bytes = (uint16_t)(ip6_l3_bytes(m) - offset);
	struct icmp6_header *icmp = (struct icmp6_header *)((uint8_t *)ip + offset);
	uint8_t src[16], dst[16];

	memcpy(dst, ip->src, sizeof(dst));
	memcpy(src, ip->dst, sizeof(src));
	/* To a group: the answer must come from a unicast address. */
	if (ip6_is_multicast(src) && ip6_source_select(w->world, p->iface, dst, src) < 0) {
		drop(w, m, DROP_icmp6_unhandled);
		return;
	}
	/* The fixed header moves down to the message; what was before it is given up. */
	rte_pktmbuf_adj(m, (uint16_t)(offset - IP6_HEADER_BYTES));
	write_header((struct ip6_header *)ip6_l3(m), src, dst, IP6_NEXT_ICMP6, bytes);
	icmp->type = ICMP6_ECHO_REPLY;
	icmp->checksum_be = 0;
	icmp->checksum_be = checksum_finish(
		checksum_sum(icmp, bytes, checksum_pseudo_ip6(src, dst, IP6_NEXT_ICMP6, bytes)));
	worker_reuse(w, m);
	ip6_answer(w, m, p->iface);
}

/* Fills @reset for the segment @seg of @bytes. */
static void write_reset(struct rte_tcp_hdr *reset, const struct rte_tcp_hdr *seg, uint32_t bytes)
{
	uint32_t length = bytes - (seg->data_off >> 4) * 4u;

	*reset = (struct rte_tcp_hdr){
		.src_port = seg->dst_port,
		.dst_port = seg->src_port,
		.data_off = sizeof(*reset) / 4 << 4,
		.tcp_flags = RTE_TCP_RST_FLAG,
	};
	if (seg->tcp_flags & RTE_TCP_ACK_FLAG) {
		reset->sent_seq = seg->recv_ack;
		return;
	}
	length += !!(seg->tcp_flags & RTE_TCP_SYN_FLAG) + !!(seg->tcp_flags & RTE_TCP_FIN_FLAG);
	reset->recv_ack = htobe32(be32toh(seg->sent_seq) + length);
	reset->tcp_flags |= RTE_TCP_ACK_FLAG;
}

void ip6_refuse_tcp(struct worker *w, struct rte_mbuf *m, uint32_t offset)
{
	const struct ip6_header *ip = (const struct ip6_header *)ip6_l3(m);
	const struct rte_tcp_hdr *seg = (const struct rte_tcp_hdr *)((const uint8_t *)ip + offset);
	struct rte_tcp_hdr *reset;
	struct rte_mbuf *r;

	if (seg->tcp_flags & RTE_TCP_RST_FLAG) {
		drop(w, m, DROP_tcp_reset_ignored);
		return;
	}
	if (!ip6_is_multicast(ip->dst) && icmp_limiter_allow6(w, ip->src) &&
		(r = ip6_generate(w, ip->dst, ip->src, IP6_NEXT_TCP, sizeof(*reset))) != NULL) {
		reset = (struct rte_tcp_hdr *)(ip6_l3(r) + IP6_HEADER_BYTES);
		write_reset(reset, seg, ip6_l3_bytes(m) - offset);
		reset->cksum = checksum_finish(checksum_sum(reset, sizeof(*reset),
			checksum_pseudo_ip6(ip->dst, ip->src, IP6_NEXT_TCP, sizeof(*reset))));
		ip6_answer(w, r, pkt_of(m)->iface);
	}
	drop(w, m, DROP_tcp_refused);
}
