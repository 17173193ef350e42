/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What ip6_local decides about a packet to the node itself (RFC 8200 section 4, RFC 5095, RFC 6946,
 * RFC 4443): pure. Thread: any.
 */
#ifndef DATAPLANE_IP_IP6_LOCAL_H
#define DATAPLANE_IP_IP6_LOCAL_H

#include "dataplane/core/drop.h"
#include "dataplane/core/pkt.h"
#include "dataplane/ip/ip6_header.h"

enum ip6_local_next {
	IP6_LOCAL_DROP,        /* for the reason */
	IP6_LOCAL_PARAMETER,   /* ... and a parameter problem (code, pointer) */
	IP6_LOCAL_UNREACHABLE, /* ... and port unreachable */
	IP6_LOCAL_ND,
	IP6_LOCAL_ECHO,
	IP6_LOCAL_RESET, /* a TCP segment to be refused */
};

struct ip6_local_class {
	enum ip6_local_next next;
	enum drop_reason reason;
	uint8_t code;     /* of the parameter problem */
	uint32_t pointer; /* of it */
	uint32_t offset;  /* of the upper-layer header from the IPv6 header */
	bool intact;      /* whole, checksum right; nobody has asked for it so far */
};

/* Judges the packet of @bytes at @l3, whose fixed header is valid; @sum: what the device says of
 * the upper layer, believed for TCP. */
struct ip6_local_class ip6_local_classify(const uint8_t *l3, uint32_t bytes, enum pkt_l4_sum sum);

#endif
