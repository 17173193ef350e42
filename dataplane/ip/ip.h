/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 and IPv6 as the other modules see them. Thread: worker.
 */
#ifndef DATAPLANE_IP_IP_H
#define DATAPLANE_IP_IP_H

#include "dataplane/core/worker.h"
#include "dataplane/ip/route.h"

/* What an ICMP or ICMPv6 error says; @info is the MTU, the pointer (both in host order) or 0. */
struct icmp_error {
	uint8_t type;
	uint8_t code;
	uint32_t info;
};

/* Moves @m to lane icmp4_error, to be answered with @what and dropped there for @reason, whether an
 * answer is sent or not. The layer 3 header is at pkt.l2_len. */
void icmp4_error(
	struct worker *w, struct rte_mbuf *m, enum drop_reason reason, struct icmp_error what);

/* The same for IPv6, lane icmp6_error. */
void icmp6_error(
	struct worker *w, struct rte_mbuf *m, enum drop_reason reason, struct icmp_error what);

/* The source address for what the node itself says on interface @iface to @dst: an own usable
 * address of the interface (same subnet preferred), or of another interface. 0 or
 * -EADDRNOTAVAIL. */
int ip4_source_select(const struct world *world, uint16_t iface, uint32_t dst_be, uint32_t *src_be);

/* The same for IPv6: usable addresses of the same scope only. */
int ip6_source_select(
	const struct world *world, uint16_t iface, const uint8_t dst[16], uint8_t src[16]);

/* ICMP errors are limited per worker and source prefix by token buckets behind a keyed hash. */
#define ICMP_LIMIT_PER_SEC 100
#define ICMP_LIMIT_BURST   20
#define ICMP_LIMIT_BUCKETS 1024

/* Whether an ICMP error may be sent now to @src_be's /24. */
bool icmp_limiter_allow4(struct worker *w, uint32_t src_be);

/* Whether an ICMPv6 error may be sent now to @src's /64. */
bool icmp_limiter_allow6(struct worker *w, const uint8_t src[16]);

/* Allocates the limiter of @w. 0 or -ENOMEM. Main thread. */
int icmp_limiter_init(struct worker *w);

/* Frees it. Main thread. */
void icmp_limiter_fini(struct worker *w);

#endif
