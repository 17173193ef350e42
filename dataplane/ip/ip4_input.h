/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is wrong with an IPv4 header (RFC 1812 5.2.2, 5.3.7, 5.3.4), as pure functions of its bytes:
 * the full answer, and a cheap test that most good headers pass. Thread: worker.
 */
#ifndef DATAPLANE_IP_IP4_INPUT_H
#define DATAPLANE_IP_IP4_INPUT_H

#include "dataplane/ip/ip4.h"

#define IP4_QUOTIENT_MAX (UINT64_MAX / 65535) /* times 65535: -1 modulo 2^64 */

/* An IPv4 header without options as it lies in memory. */
struct ip4_words {
	uint64_t first;  /* version, TOS, total length, identification, fragment */
	uint64_t second; /* TTL, protocol, checksum, source */
	uint32_t dst_be;
};

/* ip4_octet_is_special() as a table: two loads cost less than eight comparisons. */
extern const uint8_t ip4_special_octets[256];

/* The first 20 bytes at @l3. */
static inline struct ip4_words ip4_words_load(const uint8_t *l3)
{
	struct ip4_words h;

	memcpy(&h.first, l3, 8);
	memcpy(&h.second, l3 + 8, 8);
	memcpy(&h.dst_be, l3 + 16, 4);
	return h;
}

/* The total length in @h. */
static inline uint32_t ip4_words_total_bytes(struct ip4_words h)
{
	return be32toh((uint32_t)h.first) & 0xffff;
}

/*
 * Whether the header checksum is right: the words add up to a multiple of 65535, end-around carry
 * or not. A product with the negative of 65535's inverse modulo 2^64 is minus the quotient, and no
 * quotient is larger than that negative itself, which is the largest one possible (Granlund and
 * Montgomery, PLDI 1994). A sum of zero cannot be: the version is not zero.
 */
static inline bool ip4_words_checksum_is_right(struct ip4_words h)
{
	uint64_t sum = checksum_add(checksum_add(h.first, h.second), h.dst_be);

	return sum * IP4_QUOTIENT_MAX + IP4_QUOTIENT_MAX < IP4_QUOTIENT_MAX;
}

/*
 * Whether a header needs no closer look: no options, good lengths and checksum, ordinary unicast
 * addresses, not a fragment. The frame has @more_bytes beyond the header and came to this node
 * alone. True only if ip4_input_classify() finds nothing wrong.
 */
static inline bool ip4_input_is_plain(struct ip4_words h, uint32_t more_bytes)
{
	uint8_t src_octet = (uint8_t)(le64toh(h.second) >> 32);
	uint8_t dst_octet = (uint8_t)le32toh(h.dst_be);

	/* Version and header length are 0x45; more fragments and the offset are 0. */
	return (le64toh(h.first) & 0xff3f0000000000ffULL) == 0x45 &&
	       ip4_words_total_bytes(h) - IP4_HEADER_BYTES <= more_bytes &&
	       ip4_words_checksum_is_right(h) &&
	       !(ip4_special_octets[src_octet] | ip4_special_octets[dst_octet]);
}

/* Why a packet to a special destination ends: nothing in this node wants it. */
static inline enum drop_reason ip4_input_special_destination(const uint8_t *l3, uint32_t ihl_bytes)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;
	uint32_t dst = be32toh(h->dst_addr);

	if (dst < 0xe0000000u || (dst >= 0xf0000000u && dst != 0xffffffffu))
		return DROP_ip4_bad_destination;
	if (h->next_proto_id == IP4_PROTOCOL_ICMP &&
		!(h->fragment_offset & RTE_BE16(RTE_IPV4_HDR_OFFSET_MASK)) &&
		be16toh(h->total_length) > ihl_bytes && l3[ihl_bytes] == ICMP4_ECHO_REQUEST)
		return DROP_icmp4_echo_broadcast;
	return DROP_ip4_link_multicast;
}

/* Whether a fragment of @payload_bytes cannot be part of any datagram (RFC 791 3.2): it ends beyond
 * 65535 bytes, is empty, or is not the last and has no multiple of eight bytes. */
static inline bool ip4_fragment_is_bad(
	uint16_t fragment, uint32_t total_bytes, uint32_t payload_bytes)
{
	uint32_t offset_bytes = (fragment & RTE_IPV4_HDR_OFFSET_MASK) * 8u;

	if (!(fragment & IP4_FRAGMENT_MASK))
		return false;
	return offset_bytes + total_bytes > UINT16_MAX || payload_bytes == 0 ||
	       ((fragment & RTE_IPV4_HDR_MF_FLAG) && payload_bytes % 8 != 0);
}

/* The single definition of a bad IPv4 packet: the reason to drop the @bytes at @l3, which came in a
 * frame with @flags (enum pkt_flags), or DROP_NONE. */
static inline enum drop_reason ip4_input_classify(const uint8_t *l3, uint32_t bytes, uint8_t flags)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;
	uint32_t ihl_bytes, total_bytes;

	if (bytes < IP4_HEADER_BYTES)
		return DROP_ip4_runt;
	if (l3[0] >> 4 != 4)
		return DROP_ip4_bad_version;
	ihl_bytes = ip4_header_bytes(l3);
	if (ihl_bytes < IP4_HEADER_BYTES || ihl_bytes > bytes)
		return DROP_ip4_bad_ihl;
	total_bytes = be16toh(h->total_length);
	if (total_bytes < ihl_bytes || total_bytes > bytes)
		return DROP_ip4_bad_length;
	if (checksum_ip4_header(l3, ihl_bytes / 4) != 0)
		return DROP_ip4_bad_checksum;
	/* Who has no address yet may call for one, to all (RFC 1812 5.3.7). */
	if (ip4_octet_is_special(l3[12]) && (h->src_addr != 0 || l3[16] < 224))
		return DROP_ip4_bad_source;
	if (ip4_octet_is_special(l3[16]))
		return ip4_input_special_destination(l3, ihl_bytes);
	if (flags & PKT_L2_MULTICAST)
		return DROP_ip4_l2_broadcast;
	if (ip4_fragment_is_bad(be16toh(h->fragment_offset), total_bytes, total_bytes - ihl_bytes))
		return DROP_ip4_bad_fragment;
	return DROP_NONE;
}

#endif
