/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the IPv4 stages share among themselves: the header of a packet, and what the node writes
 * into headers of its own. Thread: worker.
 */
#ifndef DATAPLANE_IP_IP4_H
#define DATAPLANE_IP_IP4_H

#include <endian.h>
#include <string.h>

#include <rte_ip.h>

#include "dataplane/core/worker.h"
#include "dataplane/ip/ip4_header.h"
#include "lib/wire/checksum.h"

#define IP4_TTL_OWN     64
#define IP4_TOS_CONTROL 0xc0 /* precedence 6, internetwork control (RFC 1812 4.3.2.5) */
#define IP4_L2_BYTES    14   /* kept free in front of own packets: the usual Ethernet header */

/* The layer 3 header of @m. */
static inline uint8_t *ip4_l3(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, uint8_t *, pkt_of(m)->l2_len);
}

/* Bytes of @m from its layer 3 header on. */
static inline uint32_t ip4_l3_bytes(struct rte_mbuf *m)
{
	return (uint32_t)rte_pktmbuf_data_len(m) - pkt_of(m)->l2_len;
}

/* What an own IPv4 header says; the rest of it is always the same. */
struct ip4_say {
	uint32_t src_be;
	uint32_t dst_be;
	uint16_t bytes; /* total length */
	uint8_t protocol;
	uint8_t tos;
};

/* Writes the header of an own packet to @l3: 20 bytes, no options, fragments allowed. */
static inline void ip4_header_write(struct worker *w, uint8_t *l3, const struct ip4_say *say)
{
	struct rte_ipv4_hdr *h = (struct rte_ipv4_hdr *)l3;

	*h = (struct rte_ipv4_hdr){
		.version_ihl = RTE_IPV4_VHL_DEF,
		.type_of_service = say->tos,
		.total_length = htobe16(say->bytes),
		.packet_id = (uint16_t)(worker_random(w) >> 48),
		.time_to_live = IP4_TTL_OWN,
		.next_proto_id = say->protocol,
		.src_addr = say->src_be,
		.dst_addr = say->dst_be,
	};
	h->hdr_checksum = checksum_ip4_header(l3, IP4_HEADER_BYTES / 4);
}

/* A new packet with the header of @say and room for the rest of it; the caller fills that in and
 * moves it to lane ip4_output. @iface is where the packet that is answered came in. NULL when out
 * of buffers. */
static inline struct rte_mbuf *ip4_generate(
	struct worker *w, uint16_t iface, const struct ip4_say *say)
{
	struct rte_mbuf *m = worker_generate(w);

	if (UNLIKELY(!m))
		return NULL;
	if (UNLIKELY(!rte_pktmbuf_append(m, (uint16_t)(IP4_L2_BYTES + say->bytes)))) {
		drop(w, m, DROP_no_mbuf);
		return NULL;
	}
	pkt_of(m)->l2_len = IP4_L2_BYTES;
	pkt_of(m)->iface = iface;
	ip4_header_write(w, ip4_l3(m), say);
	return m;
}

/* Ends @m, whose next hop of kind @kind leads to no other node; errors are sent where they are due.
 */
void ip4_undeliverable(struct worker *w, struct rte_mbuf *m, enum nexthop_kind kind);

#endif
