/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet to a service or to the NAT pool is, from its headers alone: its ports and where its
 * transport header lies, or who else must see it. Every byte is checked before it is read. Pure.
 * Thread: any.
 */
#ifndef DATAPLANE_LB_LB_CLASSIFY_H
#define DATAPLANE_LB_LB_CLASSIFY_H

#include <netinet/in.h>

#include <rte_ip.h>

#include "dataplane/core/pkt.h"
#include "dataplane/ip/ip.h"

#define LB_TCP_FIN 0x01
#define LB_TCP_SYN 0x02
#define LB_TCP_RST 0x04
#define LB_TCP_ACK 0x10

#define LB_TCP_BYTES_MIN 20
#define LB_UDP_BYTES     8

enum lb_class {
	LB_CLASS_FLOW,       /* TCP or UDP: struct lb_l4 is filled in */
	LB_CLASS_FRAGMENT,   /* of TCP or UDP, whose ports are not known yet */
	LB_CLASS_ICMP_ERROR, /* about a packet that it quotes */
	LB_CLASS_LOCAL, /* for the node itself: it answers, or drops with a reason of its own */
	LB_CLASS_RUNT,  /* ends inside its transport header */
	LB_CLASS_BAD,   /* a length field of its transport header cannot be */
};

/* The transport layer of a packet. */
struct lb_l4 {
	uint32_t ports;    /* as on the wire */
	uint16_t offset;   /* of the header from the IP header; 0: a fragment that has none */
	uint8_t protocol;  /* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t tcp_flags; /* 0 for UDP, and where there is no header */
};

/* Whether the packet of @flags opens a connection. */
static inline bool lb_is_syn(uint8_t tcp_flags)
{
	return (tcp_flags & (LB_TCP_SYN | LB_TCP_ACK | LB_TCP_FIN | LB_TCP_RST)) == LB_TCP_SYN;
}

/* Fills @out from the @bytes of a header of out->protocol at @l4; @whole: no fragment. */
static inline enum lb_class lb_classify_l4(
	const uint8_t *l4, uint32_t bytes, const bool whole, struct lb_l4 *out)
{
	if (out->protocol == IPPROTO_TCP) {
		uint32_t header_bytes;

		if (UNLIKELY(bytes < LB_TCP_BYTES_MIN))
			return LB_CLASS_RUNT;
		header_bytes = (l4[12] >> 4) * 4u;
		if (UNLIKELY(header_bytes < LB_TCP_BYTES_MIN || header_bytes > bytes))
			return LB_CLASS_BAD;
		out->tcp_flags = l4[13];
	} else {
		uint32_t udp_bytes;

		if (UNLIKELY(bytes < LB_UDP_BYTES))
			return LB_CLASS_RUNT;
		udp_bytes = (uint32_t)l4[4] << 8 | l4[5];
		if (UNLIKELY(udp_bytes < LB_UDP_BYTES || (whole && udp_bytes > bytes)))
			return LB_CLASS_BAD;
		out->tcp_flags = 0;
	}
	memcpy(&out->ports, l4, sizeof(out->ports));
	return LB_CLASS_FLOW;
}

/* Fills @out from the notes @p that stage lb_fragment left on a fragment without a header. */
static inline enum lb_class lb_classify_rest(const struct pkt *p, struct lb_l4 *out)
{
	*out = (struct lb_l4){.ports = p->ports, .protocol = p->protocol};
	return LB_CLASS_FLOW;
}

/* Whether @protocol is one that is balanced. */
static inline bool lb_is_balanced(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP;
}

/* Classifies the valid IPv4 packet of @bytes at @l3 with the notes @p. */
static inline enum lb_class lb_classify4(
	const uint8_t *l3, uint32_t bytes, const struct pkt *p, struct lb_l4 *out)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;
	uint32_t ihl_bytes = ip4_header_bytes(l3);
	bool whole = !(h->fragment_offset & RTE_BE16(IP4_FRAGMENT_MASK));
	uint8_t type;

	if (lb_is_balanced(h->next_proto_id)) {
		if (!whole && !(p->flags & PKT_PORTS))
			return LB_CLASS_FRAGMENT;
		if (h->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK))
			return lb_classify_rest(p, out);
		out->protocol = h->next_proto_id;
		out->offset = (uint16_t)ihl_bytes;
		return lb_classify_l4(l3 + ihl_bytes, bytes - ihl_bytes, whole, out);
	}
	if (h->next_proto_id != IP4_PROTOCOL_ICMP || !whole || bytes == ihl_bytes)
		return LB_CLASS_LOCAL;
	type = l3[ihl_bytes];
	if (type == ICMP4_UNREACHABLE || type == ICMP4_TIME_EXCEEDED || type == ICMP4_PARAMETER)
		return LB_CLASS_ICMP_ERROR;
	return LB_CLASS_LOCAL;
}

/* Classifies the valid IPv6 packet of @bytes at @l3 with the notes @p. */
static inline enum lb_class lb_classify6(
	const uint8_t *l3, uint32_t bytes, const struct pkt *p, struct lb_l4 *out)
{
	struct ip6_transport t;
	bool whole;

	if (ip6_transport_find(l3, bytes, &t) < 0)
		return LB_CLASS_LOCAL;
	whole = t.fragment_start == 0 && !t.more;
	if (!whole && !(p->flags & PKT_PORTS))
		return t.protocol == IPPROTO_ICMPV6 ? LB_CLASS_LOCAL : LB_CLASS_FRAGMENT;
	if (t.fragment_start != 0)
		return lb_classify_rest(p, out);
	if (lb_is_balanced(t.protocol)) {
		out->protocol = t.protocol;
		out->offset = t.offset;
		return lb_classify_l4(l3 + t.offset, bytes - t.offset, whole, out);
	}
	if (t.protocol == IPPROTO_ICMPV6 && whole && t.offset < bytes &&
		l3[t.offset] < ICMP6_INFORMATIONAL)
		return LB_CLASS_ICMP_ERROR;
	return LB_CLASS_LOCAL;
}

#endif
