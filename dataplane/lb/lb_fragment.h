/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fragments of datagrams to services and to the NAT pool (RFC 791, RFC 8200 4.5): what one is, as a
 * pure function of its bytes, and the table of one worker that remembers the ports of the first.
 * Tiny first fragments and overlaps of the transport header are refused (RFC 1858, 3128, 5722).
 * Thread: worker.
 */
#ifndef DATAPLANE_LB_LB_FRAGMENT_H
#define DATAPLANE_LB_LB_FRAGMENT_H

#include <endian.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>

#include "dataplane/ip/ip.h"
#include "dataplane/lb/lb_classify.h"
#include "dataplane/lb/lb_impl.h"

#define LB_DATAGRAMS_MAX         1024 /* remembered by one worker */
#define LB_DATAGRAM_SLOTS        4    /* of a bucket: the oldest gives way */
#define LB_DATAGRAM_LIFE_NS      (2 * NSEC_PER_SEC)
#define LB_FRAGMENT_WAIT_NS      (500 * NSEC_PER_MSEC) /* for the first one */
#define LB_FRAGMENT_WAITING_MAX  256                   /* on one worker */
#define LB_FRAGMENT_DATAGRAM_MAX 16                    /* ... of one datagram */
#define LB_TCP_HEADER_BYTES      20
#define LB_UDP_HEADER_BYTES      8

enum lb_fragment_kind {
	LB_FRAGMENT_FIRST,
	LB_FRAGMENT_LATER,
	LB_FRAGMENT_WHOLE, /* no fragment, or one that is the whole packet (RFC 6946) */
	LB_FRAGMENT_OTHER, /* neither TCP nor UDP: not for services */
	LB_FRAGMENT_BAD,
};

/* A fragment. The key of its datagram is family, key_protocol, id and both addresses. */
struct lb_fragment {
	uint8_t src[16]; /* IPv4: the first four bytes */
	uint8_t dst[16];
	uint32_t id; /* as on the wire */
	uint8_t family;
	uint8_t key_protocol;  /* IPv6: 0, later fragments do not know it */
	uint8_t protocol;      /* FIRST, WHOLE: of the transport header */
	uint16_t start;        /* bytes of the datagram's data before this fragment */
	uint16_t header_bytes; /* FIRST: of the data, up to the end of the transport header */
	uint16_t id_offset;    /* of the identification, from the IP header */
	uint32_t ports;        /* FIRST, WHOLE */
};

/* A fragment that waits. */
struct lb_waiting {
	struct rte_mbuf *pkt;
	uint16_t next; /* number of the one that came after it; also the list of free ones */
};

/* What is remembered about a datagram. */
struct lb_datagram {
	uint8_t src[16];
	uint8_t dst[16];
	uint64_t made_ns;
	uint32_t id;
	uint32_t new_id; /* as on the wire; with new_id_used */
	uint32_t ports;
	uint16_t header_bytes;
	uint16_t older, newer; /* numbers of datagrams that wait for their first fragment */
	uint16_t head, tail;   /* numbers of its waiting fragments */
	uint8_t family;        /* 0: free */
	uint8_t key_protocol;
	uint8_t protocol; /* of the transport header; 0: the first fragment has not come */
	uint8_t n_waiting;
	uint8_t owner; /* the worker of the flow */
	bool new_id_used;
};

/* One worker's table. Numbers are indices; 0 is none. */
struct lb_fragments {
	struct wheel_timer timer; /* of the datagram that waits longest */
	uint32_t n_ids;           /* identifications given so far */
	uint16_t free_waiting;
	uint16_t n_waiting;
	uint16_t oldest, newest; /* datagrams that wait */
	struct lb_waiting waiting[LB_FRAGMENT_WAITING_MAX + 1];
	struct lb_datagram datagrams[LB_DATAGRAMS_MAX + 1];
} CACHE_ALIGNED;

/* The bytes that the transport header of @protocol has at least. */
static inline uint32_t lb_fragment_header_min(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? LB_TCP_HEADER_BYTES : LB_UDP_HEADER_BYTES;
}

/* Reads the transport header at @l4 of a first fragment or whole packet, @before bytes behind the
 * start of its data. */
static inline enum lb_fragment_kind lb_fragment_read_header(
	struct lb_fragment *f, const uint8_t *l4, uint32_t bytes, uint32_t before)
{
	uint32_t header_bytes = lb_fragment_header_min(f->protocol);

	if (bytes < header_bytes)
		return LB_FRAGMENT_BAD;
	memcpy(&f->ports, l4, sizeof(f->ports));
	if (f->protocol == IPPROTO_TCP)
		header_bytes = MAX_OF(header_bytes, MIN_OF((l4[12] >> 4) * 4u, bytes));
	f->header_bytes = (uint16_t)(before + header_bytes);
	return LB_FRAGMENT_FIRST;
}

/* What the @bytes of the IPv4 packet at @l3 are. */
static inline enum lb_fragment_kind lb_fragment_read4(
	struct lb_fragment *f, const uint8_t *l3, uint32_t bytes)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;
	uint32_t header_bytes;
	uint16_t field;
	enum lb_fragment_kind kind;

	if (bytes < sizeof(*h))
		return LB_FRAGMENT_BAD;
	header_bytes = (l3[0] & 0xf) * 4u;
	if (header_bytes < sizeof(*h) || header_bytes > bytes)
		return LB_FRAGMENT_BAD;
	field = be16toh(h->fragment_offset);
	*f = (struct lb_fragment){
		.id = h->packet_id,
		.family = 4,
		.key_protocol = h->next_proto_id,
		.protocol = h->next_proto_id,
		.start = (uint16_t)((field & RTE_IPV4_HDR_OFFSET_MASK) * 8u),
		.id_offset = offsetof(struct rte_ipv4_hdr, packet_id),
	};
	memcpy(f->src, &h->src_addr, 4);
	memcpy(f->dst, &h->dst_addr, 4);
	if (!lb_is_balanced(f->protocol))
		return LB_FRAGMENT_OTHER;
	if (f->start != 0)
		return f->start < lb_fragment_header_min(f->protocol) ? LB_FRAGMENT_BAD
								      : LB_FRAGMENT_LATER;
	kind = lb_fragment_read_header(f, l3 + header_bytes, bytes - header_bytes, 0);
	if (kind == LB_FRAGMENT_FIRST && !(field & RTE_IPV4_HDR_MF_FLAG))
		return LB_FRAGMENT_WHOLE;
	return kind;
}

/* Whether @protocol, which a later fragment announces, can be or lead to a balanced one. */
static inline bool lb_fragment_may_be_balanced(uint8_t protocol)
{
	return lb_is_balanced(protocol) || protocol == IP6_NEXT_DESTINATION ||
	       protocol == IP6_NEXT_ROUTING || protocol == IP6_NEXT_AUTH ||
	       protocol == IP6_NEXT_HOP_BY_HOP;
}

/* The same for IPv6. */
static inline enum lb_fragment_kind lb_fragment_read6(
	struct lb_fragment *f, const uint8_t *l3, uint32_t bytes)
{
	struct ip6_transport t;
	enum lb_fragment_kind kind;

	if (bytes < IP6_HEADER_BYTES || ip6_transport_find(l3, bytes, &t) < 0)
		return LB_FRAGMENT_BAD;
	*f = (struct lb_fragment){
		.family = 6,
		.protocol = t.protocol,
		.start = t.fragment_start,
		.id_offset = (uint16_t)(t.fragment_header + 4),
	};
	memcpy(f->src, l3 + IP6_SRC_OFFSET, 16);
	memcpy(f->dst, l3 + IP6_DST_OFFSET, 16);
	if (t.fragment_header)
		memcpy(&f->id, l3 + f->id_offset, 4);
	if (f->start != 0) {
		if (!lb_fragment_may_be_balanced(t.protocol))
			return LB_FRAGMENT_OTHER;
		return f->start < lb_fragment_header_min(t.protocol) ? LB_FRAGMENT_BAD
								     : LB_FRAGMENT_LATER;
	}
	/* A chain that goes on behind the first fragment says nothing (RFC 7112). */
	if (t.more && t.offset >= bytes)
		return LB_FRAGMENT_BAD;
	if (!lb_is_balanced(t.protocol))
		return LB_FRAGMENT_OTHER;
	kind = lb_fragment_read_header(f, l3 + t.offset, bytes - t.offset,
		t.fragment_header ? t.offset - t.fragment_header - 8u : 0);
	if (kind == LB_FRAGMENT_FIRST && !t.more)
		return LB_FRAGMENT_WHOLE;
	return kind;
}

/* What the IP packet @m is. */
static inline enum lb_fragment_kind lb_fragment_read(struct lb_fragment *f, struct rte_mbuf *m)
{
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt_of(m)->l2_len);
	uint32_t bytes = (uint32_t)rte_pktmbuf_data_len(m) - pkt_of(m)->l2_len;

	if (bytes > 0 && l3[0] >> 4 == 6)
		return lb_fragment_read6(f, l3, bytes);
	return lb_fragment_read4(f, l3, bytes);
}

/* An empty table in @f. Main thread. */
void lb_fragments_init(struct worker *w, struct lb_fragments *f);

/* Drops what waits (shutdown) and stops the timer. Main thread. */
void lb_fragments_end(struct worker *w, struct lb_fragments *f);

#endif
