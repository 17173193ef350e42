/* SPDX-License-Identifier: BSD-3-Clause */
/* What the node does with a packet to one of its own addresses, as a pure function of its bytes
 * (RFC 1122 3.2.2, 3.2.1.3; RFC 9293 3.10.7.1). Thread: any. */
#ifndef DATAPLANE_IP_IP4_LOCAL_H
#define DATAPLANE_IP_IP4_LOCAL_H

#include <rte_tcp.h>
#include <rte_udp.h>

#include "dataplane/ip/ip4.h"

enum ip4_local_action {
	IP4_LOCAL_DROP,        /* silently, for the reason given */
	IP4_LOCAL_ECHO,        /* turned into the reply */
	IP4_LOCAL_RESET,       /* refused with a TCP reset */
	IP4_LOCAL_UNREACHABLE, /* refused with an ICMP error of the code given */
};

/* The verdict about a packet. */
struct ip4_local_class {
	enum ip4_local_action action;
	enum drop_reason reason; /* of the packet, unless it becomes the reply */
	uint8_t code;            /* enum icmp4_unreachable_code */
	bool intact;             /* whole, checksum right; nobody has asked for it so far */
};

/* Whether the @bytes of transport at @l4 and their pseudo header add up. */
static inline bool ip4_local_l4_is_right(
	const struct rte_ipv4_hdr *h, const uint8_t *l4, uint16_t bytes)
{
	uint64_t pseudo = checksum_pseudo_ip4(h->src_addr, h->dst_addr, h->next_proto_id, bytes);

	return checksum_finish(checksum_sum(l4, bytes, pseudo)) == 0;
}

/* The verdict about an ICMP message of @bytes at @l4. */
static inline struct ip4_local_class ip4_local_icmp(const uint8_t *l4, uint32_t bytes)
{
	const struct icmp4_header *icmp = (const struct icmp4_header *)l4;

	if (bytes < sizeof(*icmp))
		return (struct ip4_local_class){.reason = DROP_icmp4_runt};
	if (checksum_finish(checksum_sum(l4, bytes, 0)) != 0)
		return (struct ip4_local_class){.reason = DROP_icmp4_bad_checksum};
	if (icmp->type != ICMP4_ECHO_REQUEST || icmp->code != 0)
		return (struct ip4_local_class){.reason = DROP_icmp4_unhandled, .intact = true};
	return (struct ip4_local_class){.action = IP4_LOCAL_ECHO};
}

/* The verdict about @bytes of UDP at @l4 after header @h. */
static inline struct ip4_local_class ip4_local_udp(
	const struct rte_ipv4_hdr *h, const uint8_t *l4, uint32_t bytes)
{
	const struct rte_udp_hdr *udp = (const struct rte_udp_hdr *)l4;
	uint16_t udp_bytes;

	if (bytes < sizeof(*udp))
		return (struct ip4_local_class){.reason = DROP_l4_runt};
	udp_bytes = be16toh(udp->dgram_len);
	if (udp_bytes < sizeof(*udp) || udp_bytes > bytes)
		return (struct ip4_local_class){.reason = DROP_l4_bad_header};
	if (udp->dgram_cksum != 0 && !ip4_local_l4_is_right(h, l4, udp_bytes))
		return (struct ip4_local_class){.reason = DROP_l4_bad_checksum};
	return (struct ip4_local_class){
		.action = IP4_LOCAL_UNREACHABLE,
		.reason = DROP_port_unreachable,
		.code = ICMP4_UNREACHABLE_PORT,
		.intact = true,
	};
}

/* The verdict about @bytes of TCP at @l4 after header @h, of whose checksum the device says @sum.
 */
static inline struct ip4_local_class ip4_local_tcp(
	const struct rte_ipv4_hdr *h, const uint8_t *l4, uint32_t bytes, enum pkt_l4_sum sum)
{
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)l4;
	uint32_t header_bytes;

	if (bytes < sizeof(*tcp))
		return (struct ip4_local_class){.reason = DROP_l4_runt};
	header_bytes = (tcp->data_off >> 4) * 4u;
	if (header_bytes < sizeof(*tcp) || header_bytes > bytes)
		return (struct ip4_local_class){.reason = DROP_l4_bad_header};
	if (sum == PKT_L4_SUM_WRONG ||
		(sum == PKT_L4_SUM_UNKNOWN && !ip4_local_l4_is_right(h, l4, (uint16_t)bytes)))
		return (struct ip4_local_class){.reason = DROP_l4_bad_checksum};
	if (tcp->tcp_flags & RTE_TCP_RST_FLAG)
		return (struct ip4_local_class){.reason = DROP_tcp_reset_ignored, .intact = true};
	return (struct ip4_local_class){
		.action = IP4_LOCAL_RESET, .reason = DROP_tcp_refused, .intact = true};
}

/* The verdict about the packet of @bytes at @l3, whose IPv4 header is valid and says @bytes too;
 * @sum: what the device says of layer 4, believed for TCP. */
static inline struct ip4_local_class ip4_local_classify(
	const uint8_t *l3, uint32_t bytes, enum pkt_l4_sum sum)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;
	uint32_t ihl_bytes = ip4_header_bytes(l3);
	const uint8_t *l4 = l3 + ihl_bytes;

	if (h->fragment_offset & RTE_BE16(IP4_FRAGMENT_MASK))
		return (struct ip4_local_class){.reason = DROP_ip4_local_fragment};
	switch (h->next_proto_id) {
	case IP4_PROTOCOL_ICMP:
		return ip4_local_icmp(l4, bytes - ihl_bytes);
	case IP4_PROTOCOL_UDP:
		return ip4_local_udp(h, l4, bytes - ihl_bytes);
	case IP4_PROTOCOL_TCP:
		return ip4_local_tcp(h, l4, bytes - ihl_bytes, sum);
	case IP4_PROTOCOL_IGMP:
		return (struct ip4_local_class){.reason = DROP_ip4_link_multicast};
	default:
		return (struct ip4_local_class){
			.action = IP4_LOCAL_UNREACHABLE,
			.reason = DROP_protocol_unreachable,
			.code = ICMP4_UNREACHABLE_PROTOCOL,
		};
	}
}

/* Fills @reset, without its checksum, to refuse the segment @seg of @bytes (RFC 9293 3.10.7.1). */
static inline void ip4_local_reset_fill(
	struct rte_tcp_hdr *reset, const struct rte_tcp_hdr *seg, uint32_t bytes)
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

#endif
