/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the stages remember about a packet: 24 bytes at a fixed place in the mbuf's dynamic fields,
 * in the cache line that holds `next` anyway. Thread: worker.
 */
#ifndef DATAPLANE_CORE_PKT_H
#define DATAPLANE_CORE_PKT_H

#include <rte_mbuf.h>

#include "lib/base/base.h"

#define PKT_OFFSET offsetof(struct rte_mbuf, dynfield1[3])

enum pkt_flags {
	PKT_LOCAL = 1, /* made by this node: TTL is not decremented, never answered with an error */
	PKT_L2_MULTICAST = 2, /* came in a link-layer multicast or broadcast frame */
	PKT_L2_BROADCAST = 4, /* ... broadcast */
	PKT_KEEP_SCOPE = 8,   /* explicit interface: do not route, `iface_out` is given */
	PKT_PORTS = 16,       /* a fragment: `ports` and `protocol` are its first one's */
	PKT_OFFLOAD = 32,     /* an own segment that the device is to sum, or to cut: see link.h */
};

/* What the device says of the checksum of layer 4. */
enum pkt_l4_sum {
	PKT_L4_SUM_UNKNOWN, /* it does not look, or knows nothing of the protocol */
	PKT_L4_SUM_RIGHT,
	PKT_L4_SUM_WRONG,
};

struct pkt {
	uint16_t iface;     /* input interface number, valid from stage eth on */
	uint16_t iface_out; /* output interface number, valid for neigh_resolve and port_tx */
	uint16_t nexthop;   /* number in world.nexthops, after the lookup */
	uint16_t drop;      /* enum drop_reason, in lane drop */
	uint8_t l2_len;     /* offset of the layer 3 header in the first segment */
	uint8_t flags;      /* enum pkt_flags */
	uint8_t worker;     /* hand-off: destination worker */
	uint8_t resume;     /* hand-off: stage to go on with there */
	uint8_t icmp_type;  /* lanes icmp4_error and icmp6_error: what to say */
	uint8_t icmp_code;
	uint8_t visited;  /* workers that were asked whether the flow is theirs */
	uint8_t protocol; /* PKT_PORTS: IPPROTO_TCP or IPPROTO_UDP */
	union {
		uint32_t icmp_info; /* MTU, pointer or zero */
		uint32_t l4; /* lanes tcp_input and tcp_icmp: offset of layer 4 from layer 3 */
	};
	uint32_t ports; /* PKT_PORTS: source and destination port as on the wire */
};

_Static_assert(sizeof(struct pkt) == 24, "a packet's notes take 24 bytes of its mbuf");

/* The notes of @m. */
static inline struct pkt *pkt_of(struct rte_mbuf *m)
{
	return (struct pkt *)((char *)m + PKT_OFFSET);
}

/* What the device that received @m said. */
static inline enum pkt_l4_sum pkt_l4_sum(const struct rte_mbuf *m)
{
	uint64_t said = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	if (said == RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN)
		return PKT_L4_SUM_UNKNOWN;
	/* "None": no sum is stored, the data is known to be whole. */
	return said == RTE_MBUF_F_RX_L4_CKSUM_BAD ? PKT_L4_SUM_WRONG : PKT_L4_SUM_RIGHT;
}

/* Reserves the place of struct pkt in mbufs. Before any device is probed. 0 or -errno. Main thread.
 */
int pkt_init(struct base_error *err);

#endif
