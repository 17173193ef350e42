/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 and IPv6 as the other modules see them. Thread: worker.
 */
#ifndef DATAPLANE_IP_IP_H
#define DATAPLANE_IP_IP_H

#include "dataplane/core/worker.h"
#include "dataplane/ip/ip4_header.h"
#include "dataplane/ip/ip4_way_out.h"
#include "dataplane/ip/ip6_header.h"
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

/* Refuses the connection that the checked TCP segment in @m is about with a reset, within limits
 * (RFC 9293 3.10.7.1), and drops @m; a segment that is a reset itself is just dropped. */
void ip4_refuse_tcp(struct worker *w, struct rte_mbuf *m);

/* The same for IPv6; the TCP header is at @offset from the IPv6 header. */
void ip6_refuse_tcp(struct worker *w, struct rte_mbuf *m, uint32_t offset);

/* Looks up the destinations in the valid headers of @pkts, at most LANE_MAX, and moves each packet
 * to the lane that its next hop says, as stage ip4_input does. */
void ip4_route(struct worker *w, struct rte_mbuf **pkts, unsigned n);

/* The same for IPv6; no destination is link-local or multicast. */
void ip6_route(struct worker *w, struct rte_mbuf **pkts, unsigned n);

/* The source address for what the node itself says on interface @iface to @dst: an own usable
 * address of the interface (same subnet preferred), or of another interface. 0 or
 * -EADDRNOTAVAIL. */
int ip4_source_select(const struct world *world, uint16_t iface, uint32_t dst_be, uint32_t *src_be);

/* The same for IPv6: usable addresses of the same scope only. */
int ip6_source_select(
	const struct world *world, uint16_t iface, const uint8_t dst[16], uint8_t src[16]);

/* Where the transport header of an IPv6 packet is. Offsets count from the IPv6 header. */
struct ip6_transport {
	uint16_t offset;          /* behind the extension headers */
	uint16_t fragment_header; /* offset of the fragment header; 0: none */
	uint16_t fragment_start;  /* bytes of the whole packet's data before this fragment's */
	bool more;                /* fragments follow */
	uint8_t protocol;         /* of the header at offset */
};

/*
 * Walks the extension headers of the @bytes at @l3, which has a whole IPv6 header. A fragment but
 * the first has no further headers: the walk ends behind its fragment header. 0 or -EINVAL: the
 * chain is broken, too long, or has two fragment headers. What is at the offset may be cut off.
 * Any thread.
 */
int ip6_transport_find(const uint8_t *l3, uint32_t bytes, struct ip6_transport *out);

/* Own ports, and identifiers of echo requests, from here on ask after the health of backends. */
#define IP_PROBE_PORT_MIN 64512

/* What tells one question of a health probe from all others. */
struct ip_probe_question {
	uint8_t remote[16]; /* whom was asked; IPv4: the first four bytes, the rest zero */
	uint8_t own[16];
	uint32_t cookie;         /* TCP: sequence number; echo: sequence number; UDP: 0 */
	uint16_t remote_port_be; /* echo: 0 */
	uint16_t own_port_be;    /* echo: identifier */
	uint8_t family;
	uint8_t protocol; /* TCP, UDP, ICMP or ICMPv6 */
	uint8_t pad[2];
};

enum ip_probe_said {
	IP_PROBE_STRAY, /* to a port of probes, but no answer */
	IP_PROBE_ANSWER,
	IP_PROBE_REFUSED,     /* TCP reset, ICMP port unreachable */
	IP_PROBE_UNREACHABLE, /* another ICMP error about the question */
};

/* What a packet to the node says to a health probe. */
struct ip_probe_answer {
	struct ip_probe_question about;
	enum ip_probe_said said;
	const uint8_t *payload; /* UDP: in the packet */
	uint32_t payload_bytes;
};

/*
 * Whether the packet of @bytes at @l3 is about a health probe: to one of its ports, the reply to
 * its echo request, or an ICMP error that quotes it; *@a is what it says. The IPv4 header is valid
 * and the packet no fragment; what layer 4 says is checked. Any thread.
 */
bool ip4_probe_read(const uint8_t *l3, uint32_t bytes, struct ip_probe_answer *a);

/* The same for IPv6. Packets with extension headers answer none. */
bool ip6_probe_read(const uint8_t *l3, uint32_t bytes, struct ip_probe_answer *a);

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
