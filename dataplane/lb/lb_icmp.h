/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP errors (RFC 792, RFC 4443) and the packets that they quote, as a pure function of their
 * bytes. Eight bytes of the quoted transport header must be there and suffice (RFC 1122 3.2.2,
 * RFC 5508). Thread: any.
 */
#ifndef DATAPLANE_LB_LB_ICMP_H
#define DATAPLANE_LB_LB_ICMP_H

#include <endian.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>

#include "dataplane/core/drop.h"
#include "dataplane/ip/ip.h"
#include "lib/wire/checksum.h"

#define LB_ICMP_HEADER_BYTES 8
#define LB_QUOTE_L4_BYTES    8 /* of the quoted transport header at least */

/* Types of ICMP errors about a packet; source quench (4) is obsolete, redirects end at a router. */
enum lb_icmp4_type {
	LB_ICMP4_UNREACHABLE = 3,
	LB_ICMP4_TIME_EXCEEDED = 11,
	LB_ICMP4_PARAMETER = 12,
};

/* An error and what it quotes. Offsets count from the outer IP header; addresses of IPv4 are the
 * first four bytes, the rest is zero. */
struct lb_quote {
	uint8_t reporter[16]; /* outer source */
	uint8_t target[16];   /* outer destination: who sent the quoted packet */
	uint8_t src[16];      /* of the quoted packet: the target's address */
	uint8_t dst[16];
	uint32_t ports;  /* of the quoted packet, as on the wire */
	uint16_t icmp;   /* offset of the ICMP header */
	uint16_t packet; /* offset of the quoted IP header */
	uint16_t l4;     /* offset of the quoted transport header */
	uint16_t end;
	uint8_t family;
	uint8_t protocol; /* of the quoted packet: TCP or UDP */
};

/* Reads the quoted ports when its protocol is balanced, and whether the packet came from whom the
 * error goes to. */
static inline enum drop_reason lb_quote_finish(struct lb_quote *q, const uint8_t *l3)
{
	if (q->protocol != IPPROTO_TCP && q->protocol != IPPROTO_UDP)
		return DROP_lb_icmp_bad;
	if (q->l4 + LB_QUOTE_L4_BYTES > q->end || memcmp(q->src, q->target, 16) != 0)
		return DROP_lb_icmp_bad;
	memcpy(&q->ports, l3 + q->l4, sizeof(q->ports));
	return DROP_NONE;
}

/* The quoted IPv4 packet at q->packet. */
static inline enum drop_reason lb_quote_read_packet4(struct lb_quote *q, const uint8_t *l3)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)(l3 + q->packet);
	uint32_t header_bytes;

	if (q->packet + sizeof(*h) > q->end || h->version_ihl >> 4 != 4)
		return DROP_lb_icmp_bad;
	header_bytes = (h->version_ihl & 0xf) * 4u;
	if (header_bytes < sizeof(*h) || q->packet + header_bytes > q->end ||
		(h->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)))
		return DROP_lb_icmp_bad;
	memcpy(q->src, &h->src_addr, 4);
	memcpy(q->dst, &h->dst_addr, 4);
	q->protocol = h->next_proto_id;
	q->l4 = (uint16_t)(q->packet + header_bytes);
	return lb_quote_finish(q, l3);
}

/* Reads the @bytes of the IPv4 packet at @l3: what is wrong with it, or DROP_NONE. */
static inline enum drop_reason lb_quote_read4(struct lb_quote *q, const uint8_t *l3, uint32_t bytes)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;
	uint32_t header_bytes;

	if (bytes < sizeof(*h) || bytes > UINT16_MAX)
		return DROP_lb_icmp_bad;
	header_bytes = (l3[0] & 0xf) * 4u;
	if (header_bytes < sizeof(*h) || header_bytes + LB_ICMP_HEADER_BYTES > bytes ||
		h->next_proto_id != IPPROTO_ICMP ||
		(h->fragment_offset & RTE_BE16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK)))
		return DROP_lb_icmp_bad;
	*q = (struct lb_quote){
		.icmp = (uint16_t)header_bytes,
		.packet = (uint16_t)(header_bytes + LB_ICMP_HEADER_BYTES),
		.end = (uint16_t)bytes,
		.family = 4,
	};
	memcpy(q->reporter, &h->src_addr, 4);
	memcpy(q->target, &h->dst_addr, 4);
	switch (l3[header_bytes]) {
	case LB_ICMP4_UNREACHABLE:
	case LB_ICMP4_TIME_EXCEEDED:
	case LB_ICMP4_PARAMETER:
		break;
	default:
		return DROP_icmp4_unhandled;
	}
	if (checksum_finish(checksum_sum(l3 + q->icmp, bytes - q->icmp, 0)) != 0)
		return DROP_lb_icmp_bad;
	return lb_quote_read_packet4(q, l3);
}

/* The quoted IPv6 packet at q->packet. */
static inline enum drop_reason lb_quote_read_packet6(struct lb_quote *q, const uint8_t *l3)
{
	const uint8_t *packet = l3 + q->packet;
	struct ip6_transport t;

	if (q->packet + IP6_HEADER_BYTES > q->end || packet[0] >> 4 != 6 ||
		ip6_transport_find(packet, (uint32_t)(q->end - q->packet), &t) < 0 ||
		t.fragment_start != 0)
		return DROP_lb_icmp_bad;
	memcpy(q->src, packet + IP6_SRC_OFFSET, 16);
	memcpy(q->dst, packet + IP6_DST_OFFSET, 16);
	q->protocol = t.protocol;
	q->l4 = (uint16_t)(q->packet + t.offset);
	return lb_quote_finish(q, l3);
}

/* The checksum over the ICMPv6 message at @icmp of the @end bytes at @l3, pseudo header included:
 * 0 when the one in it is right. */
static inline uint16_t lb_icmp6_checksum(const uint8_t *l3, uint32_t icmp, uint32_t end)
{
	uint64_t sum = checksum_pseudo_ip6(
		l3 + IP6_SRC_OFFSET, l3 + IP6_DST_OFFSET, IPPROTO_ICMPV6, end - icmp);

	return checksum_finish(checksum_sum(l3 + icmp, end - icmp, sum));
}

/* The same for IPv6. */
static inline enum drop_reason lb_quote_read6(struct lb_quote *q, const uint8_t *l3, uint32_t bytes)
{
	struct ip6_transport t;

	if (bytes < IP6_HEADER_BYTES || bytes > UINT16_MAX ||
		ip6_transport_find(l3, bytes, &t) < 0 || t.protocol != IPPROTO_ICMPV6 ||
		t.fragment_start != 0 || t.more ||
		(uint32_t)t.offset + LB_ICMP_HEADER_BYTES > bytes)
		return DROP_lb_icmp_bad;
	*q = (struct lb_quote){
		.icmp = t.offset,
		.packet = (uint16_t)(t.offset + LB_ICMP_HEADER_BYTES),
		.end = (uint16_t)bytes,
		.family = 6,
	};
	memcpy(q->reporter, l3 + IP6_SRC_OFFSET, 16);
	memcpy(q->target, l3 + IP6_DST_OFFSET, 16);
	if (l3[q->icmp] < ICMP6_UNREACHABLE || l3[q->icmp] > ICMP6_PARAMETER)
		return DROP_icmp6_unhandled;
	if (lb_icmp6_checksum(l3, q->icmp, bytes) != 0)
		return DROP_lb_icmp_bad;
	return lb_quote_read_packet6(q, l3);
}

/* The two ends as the receiver of a translated error knows them. */
struct lb_icmp_ends {
	const uint8_t *reporter; /* NULL: as it is */
	const uint8_t *target;   /* the receiver, source of the quoted packet */
	const uint8_t *dst;      /* of the quoted packet */
	uint16_t target_port_be;
	uint16_t dst_port_be;
};

/*
 * Translates the error at @l3, whose checksum is right, from what @q says to @ends: outer
 * addresses, quoted addresses and ports, and every checksum that covers them. A quoted checksum
 * stays as right or wrong as it was.
 */
void lb_icmp_translate(uint8_t *l3, const struct lb_quote *q, const struct lb_icmp_ends *ends);

#endif
