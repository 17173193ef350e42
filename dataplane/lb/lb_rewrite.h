/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the balancer changes in packets, and what their TCP flags say about their flows, as pure
 * functions of bytes. Checksums are updated, never made anew (RFC 1624), so that a packet damaged
 * on its way here stays recognizable. Thread: any.
 */
#ifndef DATAPLANE_LB_LB_REWRITE_H
#define DATAPLANE_LB_LB_REWRITE_H

#include "dataplane/ip/ip.h"
#include "dataplane/lb/lb.h"
#include "dataplane/lb/lb_classify.h"
#include "lib/wire/checksum.h"

#define LB_TCP_CHECK_OFFSET 16
#define LB_UDP_CHECK_OFFSET 6

enum lb_event { LB_EVENT_DATA, LB_EVENT_OPENS, LB_EVENT_CLOSES, LB_EVENTS };

/* What a packet with @tcp_flags does to its flow; UDP has none. */
static inline enum lb_event lb_event_of(uint8_t tcp_flags)
{
	if (UNLIKELY(tcp_flags & (LB_TCP_FIN | LB_TCP_RST)))
		return LB_EVENT_CLOSES;
	return tcp_flags & LB_TCP_SYN ? LB_EVENT_OPENS : LB_EVENT_DATA;
}

/* The state after @event of one side that was in @state. What was closed stays closed until a new
 * flow takes its place. */
static inline uint8_t lb_state_next(uint8_t state, enum lb_event event)
{
	static const uint8_t next[LB_FLOW_STATES][LB_EVENTS] = {
		[LB_FLOW_TCP_NEW] = {LB_FLOW_TCP_ESTABLISHED, LB_FLOW_TCP_NEW, LB_FLOW_TCP_CLOSING},
		[LB_FLOW_TCP_ESTABLISHED] = {LB_FLOW_TCP_ESTABLISHED, LB_FLOW_TCP_ESTABLISHED,
			LB_FLOW_TCP_CLOSING},
		[LB_FLOW_TCP_CLOSING] = {LB_FLOW_TCP_CLOSING, LB_FLOW_TCP_CLOSING,
			LB_FLOW_TCP_CLOSING},
		[LB_FLOW_UDP_NEW] = {LB_FLOW_UDP_ESTABLISHED, LB_FLOW_UDP_ESTABLISHED,
			LB_FLOW_UDP_ESTABLISHED},
		[LB_FLOW_UDP_ESTABLISHED] = {LB_FLOW_UDP_ESTABLISHED, LB_FLOW_UDP_ESTABLISHED,
			LB_FLOW_UDP_ESTABLISHED},
	};

	return next[state][event];
}

/* Whether data does not change @state. */
static inline bool lb_state_is_settled(uint8_t state)
{
	const unsigned settled = 1u << LB_FLOW_TCP_ESTABLISHED | 1u << LB_FLOW_TCP_CLOSING |
				 1u << LB_FLOW_UDP_ESTABLISHED;

	return settled >> state & 1;
}

/* The state of a flow that a packet of @protocol begins. A single one proves nobody's address. */
static inline uint8_t lb_state_first(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? LB_FLOW_TCP_NEW : LB_FLOW_UDP_NEW;
}

/* Replaces the ports at @l4 by @ports and updates the checksum there by @diff, the sum of what else
 * it covers changed by: new words and the complements of old ones. */
static inline void lb_rewrite_l4(uint8_t *l4, uint8_t protocol, uint32_t ports, uint64_t diff)
{
	uint8_t *check_at =
		l4 + (protocol == IPPROTO_TCP ? LB_TCP_CHECK_OFFSET : LB_UDP_CHECK_OFFSET);
	uint32_t old;
	uint16_t check;

	memcpy(&old, l4, sizeof(old));
	memcpy(l4, &ports, sizeof(ports));
	memcpy(&check, check_at, sizeof(check));
	/* A datagram without a checksum gets none. */
	if (protocol == IPPROTO_UDP && check == 0)
		return;
	diff = checksum_add(diff, (uint64_t)(uint16_t)~check + (uint32_t)~old + ports);
	check = protocol == IPPROTO_UDP ? checksum_finish_udp(diff) : checksum_finish(diff);
	memcpy(check_at, &check, sizeof(check));
}

/* Source, destination and ports to be written into an IPv4 packet. */
struct lb_tuple4 {
	uint32_t src_be;
	uint32_t dst_be;
	uint32_t ports;
};

/* Writes @to into the packet at @l3, whose transport header @l4 describes. */
static inline void lb_rewrite4(uint8_t *l3, const struct lb_l4 *l4, const struct lb_tuple4 *to)
{
	struct rte_ipv4_hdr *h = (struct rte_ipv4_hdr *)l3;
	uint64_t diff =
		(uint64_t)(uint32_t)~h->src_addr + (uint32_t)~h->dst_addr + to->src_be + to->dst_be;

	h->src_addr = to->src_be;
	h->dst_addr = to->dst_be;
	h->hdr_checksum = checksum_finish((uint16_t)~h->hdr_checksum + diff);
	if (LIKELY(l4->offset != 0))
		lb_rewrite_l4(l3 + l4->offset, l4->protocol, to->ports, diff);
}

/* The same for IPv6. */
struct lb_tuple6 {
	const uint8_t *src; /* 16 bytes */
	const uint8_t *dst;
	uint32_t ports;
};

static inline void lb_rewrite6(uint8_t *l3, const struct lb_l4 *l4, const struct lb_tuple6 *to)
{
	struct ip6_header *h = (struct ip6_header *)l3;
	uint64_t old = checksum_sum(h->src, sizeof(h->src) + sizeof(h->dst), 0);
	uint64_t diff;

	memcpy(h->src, to->src, sizeof(h->src));
	memcpy(h->dst, to->dst, sizeof(h->dst));
	diff = checksum_sum(h->src, sizeof(h->src) + sizeof(h->dst), ~old);
	if (LIKELY(l4->offset != 0))
		lb_rewrite_l4(l3 + l4->offset, l4->protocol, to->ports, diff);
}

#define LB_TCP_OPTION_END 0
#define LB_TCP_OPTION_NOP 1
#define LB_TCP_OPTION_MSS 2
#define LB_TCP_MSS_BYTES  4

/*
 * Lowers the MSS option of the TCP header of @header_bytes at @tcp, at least LB_TCP_BYTES_MIN, to
 * @mss_max (RFC 9293 3.7.1). Does nothing where there is none, or where the options are broken.
 */
static inline void lb_mss_clamp(uint8_t *tcp, uint32_t header_bytes, uint16_t mss_max)
{
	uint16_t mss_be, max_be = htobe16(mss_max), check;
	uint32_t at = LB_TCP_BYTES_MIN;

	for (;;) {
		if (at >= header_bytes || tcp[at] == LB_TCP_OPTION_END)
			return;
		if (tcp[at] == LB_TCP_OPTION_NOP) {
			at++;
			continue;
		}
		if (header_bytes - at < 2 || tcp[at + 1] < 2 || tcp[at + 1] > header_bytes - at)
			return;
		if (tcp[at] == LB_TCP_OPTION_MSS)
			break;
		at += tcp[at + 1];
	}
	if (tcp[at + 1] != LB_TCP_MSS_BYTES)
		return;
	memcpy(&mss_be, tcp + at + 2, sizeof(mss_be));
	if (be16toh(mss_be) <= mss_max)
		return;
	memcpy(tcp + at + 2, &max_be, sizeof(max_be));
	memcpy(&check, tcp + LB_TCP_CHECK_OFFSET, sizeof(check));
	/* At an odd offset the option's bytes belong to two words: they count the other way round.
	 */
	if (at % 2 != 0)
		check = checksum_update16(
			check, __builtin_bswap16(mss_be), __builtin_bswap16(max_be));
	else
		check = checksum_update16(check, mss_be, max_be);
	memcpy(tcp + LB_TCP_CHECK_OFFSET, &check, sizeof(check));
}

#endif
