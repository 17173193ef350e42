/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Outer headers of tunnels, as pure functions: IP in IP (RFC 2003, 2473, 4213) and Generic UDP
 * Encapsulation, variant 1, in which the inner IP header follows UDP at once. They carry the flow's
 * hash where routers look for it: UDP source port, flow label (RFC 6438), low bits of the source.
 * Thread: any.
 */
#ifndef DATAPLANE_LB_LB_TUNNEL_H
#define DATAPLANE_LB_LB_TUNNEL_H

#include <netinet/in.h>

#include <rte_ip.h>
#include <rte_udp.h>

#include "dataplane/ip/ip.h"
#include "dataplane/lb/lb_impl.h"
#include "lib/wire/checksum.h"

#define LB_GUE_SOURCE_MIN   49152 /* and 2^14 - 1 more: the dynamic ports */
#define LB_GUE_SOURCE_MASK  0x3fff
#define LB_FLOW_LABEL_MASK  0xfffff
#define LB_OUTER4_DF        0x0040000000000000ULL   /* in the first eight bytes of an IPv4 header */
#define LB_OUTER4_KEPT      (LB_OUTER4_DF | 0xffff) /* ... and version and TOS */
#define LB_TUNNEL_BYTES_MAX (IP6_HEADER_BYTES + sizeof(struct rte_udp_hdr))

/* What the outer header says besides addresses. */
struct lb_outer {
	uint64_t hash;  /* of the flow */
	uint32_t bytes; /* of the tunnel's headers: lb_tunnel_bytes() */
	uint32_t inner_bytes;
	uint16_t id; /* IPv4: 0 where it must not be fragmented */
	uint8_t protocol;
	uint8_t tos;     /* or traffic class, ECN included (RFC 6040, normal mode) */
	bool keep_whole; /* IPv4: may not be fragmented */
};

/* Bytes that the tunnel to @b puts in front of a packet. */
static inline uint32_t lb_tunnel_bytes(const struct lb_backend *b)
{
	return (b->addr.family == 6 ? IP6_HEADER_BYTES : IP4_HEADER_BYTES) +
	       (b->mode == API_LB_GUE ? (uint32_t)sizeof(struct rte_udp_hdr) : 0);
}

/* The low @bits of an address, in host order. */
static inline uint32_t lb_tunnel_mask(unsigned bits)
{
	return bits >= 32 ? UINT32_MAX : (1u << bits) - 1;
}

/* The last 32 bits of the outer source, in host order: @fixed with @bits of the hash. */
static inline uint32_t lb_tunnel_source(uint32_t fixed, unsigned bits, uint64_t hash)
{
	uint32_t mask = lb_tunnel_mask(bits);

	return (fixed & ~mask) | ((uint32_t)(hash >> 16) & mask);
}

/* Writes the UDP header of GUE to @to. No checksum: the outer IPv4 header has its own, and RFC 6935
 * allows it for tunnels over IPv6. */
static inline void lb_gue_write(uint8_t *to, uint32_t inner_bytes, uint64_t hash)
{
	uint64_t src = LB_GUE_SOURCE_MIN | (hash & LB_GUE_SOURCE_MASK);
	uint64_t bytes = (uint16_t)(inner_bytes + sizeof(struct rte_udp_hdr));
	uint64_t udp = htobe64(src << 48 | (uint64_t)LB_GUE_PORT << 32 | bytes << 16);

	memcpy(to, &udp, sizeof(udp));
}

/* Writes an outer IPv4 header to @b at @to, whose TTL is to be lowered once. It is made of whole
 * words: the core waits for fields that are written one by one and then read together. */
static __rte_always_inline void lb_outer4_write(
	uint8_t *to, const struct lb_backend *b, const struct lb_outer *o)
{
	uint32_t fragment = o->keep_whole ? RTE_IPV4_HDR_DF_FLAG : 0;
	uint32_t length_word = htobe32((uint32_t)RTE_IPV4_VHL_DEF << 24 | (uint32_t)o->tos << 16 |
				       (o->bytes + o->inner_bytes));
	uint32_t id_word = htobe32((uint32_t)o->id << 16 | fragment);
	uint32_t ttl_word = htobe32((LB_TUNNEL_TTL + 1u) << 24 | (uint32_t)o->protocol << 16);
	uint32_t src_be, dst_be;
	uint64_t sum;

	memcpy(&src_be, b->outer_src.bytes, sizeof(src_be));
	memcpy(&dst_be, b->addr.bytes, sizeof(dst_be));
	src_be = htobe32(lb_tunnel_source(be32toh(src_be), b->outer_src_bits, o->hash));
	sum = (uint64_t)length_word + id_word + ttl_word + src_be + dst_be;
	ttl_word |= htobe32(be16toh(checksum_finish(sum)));
	memcpy(to, &length_word, sizeof(length_word));
	memcpy(to + 4, &id_word, sizeof(id_word));
	memcpy(to + 8, &ttl_word, sizeof(ttl_word));
	memcpy(to + 12, &src_be, sizeof(src_be));
	memcpy(to + 16, &dst_be, sizeof(dst_be));
}

/*
 * Writes the header of lb_outer4_write() for IP in IP to the 20 bytes before the inner header at
 * @inner, which is no fragment's, for a backend with inner_bytes_max. As few and as wide words as
 * can be.
 */
static __rte_always_inline void lb_outer4_write_plain(uint8_t *inner, const struct lb_backend *b,
	uint64_t hash, uint32_t inner_bytes, uint8_t ttl)
{
	uint16_t total_be = htobe16((uint16_t)(inner_bytes + IP4_HEADER_BYTES));
	uint64_t first, second, sum;
	uint32_t src_be, dst_be;
	uint16_t id;

	memcpy(&first, inner, sizeof(first));
	memcpy(&src_be, b->outer_src.bytes, sizeof(src_be));
	memcpy(&dst_be, b->addr.bytes, sizeof(dst_be));
	src_be = (src_be & ~b->entropy_mask_be) |
		 (htobe32((uint32_t)(hash >> 16)) & b->entropy_mask_be);
	/* Version, TOS and DF are those of the inner header. One that may be cut has an
	 * identification that its flow does not use again soon: the inner one from another start.
	 */
	id = first & LB_OUTER4_DF ? 0 : (uint16_t)((first >> 32) + hash);
	first = (first & LB_OUTER4_KEPT) | (uint64_t)total_be << 16 | (uint64_t)id << 32;
	second = (uint64_t)src_be << 32 | IPPROTO_IPIP << 8 | ttl;
	sum = checksum_add(checksum_add(first, second), dst_be);
	second |= (uint64_t)checksum_finish(sum) << 16;
	memcpy(inner - 20, &first, sizeof(first));
	memcpy(inner - 12, &second, sizeof(second));
	memcpy(inner - 4, &dst_be, sizeof(dst_be));
}

/* lb_outer4_write() for IPv6. */
static __rte_always_inline void lb_outer6_write(
	uint8_t *to, const struct lb_backend *b, const struct lb_outer *o)
{
	uint32_t label = (uint32_t)(o->hash >> 32) & LB_FLOW_LABEL_MASK;
	uint32_t payload_bytes = o->bytes - IP6_HEADER_BYTES + o->inner_bytes;
	uint32_t last_be;
	uint32_t first[] = {
		htobe32(6u << 28 | (uint32_t)o->tos << 20 | label),
		htobe32(payload_bytes << 16 | (uint32_t)o->protocol << 8 | (LB_TUNNEL_TTL + 1u)),
	};

	memcpy(&last_be, b->outer_src.bytes + 12, sizeof(last_be));
	last_be = htobe32(lb_tunnel_source(be32toh(last_be), b->outer_src_bits, o->hash));
	memcpy(to, first, sizeof(first));
	memcpy(to + IP6_SRC_OFFSET, b->outer_src.bytes, 12);
	memcpy(to + IP6_SRC_OFFSET + 12, &last_be, sizeof(last_be));
	memcpy(to + IP6_DST_OFFSET, b->addr.bytes, 16);
}

/* Whether the outer header of a packet of @inner_bytes says that it must stay whole. IPv4: what the
 * inner one says. IPv6: unless the sender may believe that this much passes everywhere (RFC 4213).
 */
static inline bool lb_tunnel_keeps_whole(const uint8_t *l3, uint32_t inner_bytes, bool is_ip6)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;

	if (is_ip6)
		return inner_bytes > IP6_MTU_MIN_BYTES;
	return h->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG);
}

#endif
