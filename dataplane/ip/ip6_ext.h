/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Walks the extension headers of an IPv6 packet (RFC 8200 section 4) with a checked cursor: no byte
 * beyond the packet is read, and the walk ends after IP6_EXT_HEADERS_MAX headers or
 * IP6_EXT_BYTES_MAX bytes (RFC 8504 section 5.3 allows such limits). Pure. Thread: any.
 */
#ifndef DATAPLANE_IP_IP6_EXT_H
#define DATAPLANE_IP_IP6_EXT_H

#include "dataplane/ip/ip6_header.h"

#define IP6_EXT_HEADERS_MAX 8u
#define IP6_EXT_BYTES_MAX   1024u /* of all extension headers together */
#define IP6_EXT_OPTIONS_MAX 64u   /* in one header */

/* Where in the packet the walk stands. Offsets count from the start of the IPv6 header. */
struct ip6_extension {
	const uint8_t *packet;
	uint32_t packet_bytes;
	uint32_t offset;      /* of the header that the walk is at */
	uint32_t bytes;       /* of it, when it is an extension header */
	uint32_t next_offset; /* of the Next Header field that names it */
	unsigned count;       /* extension headers passed, this one included */
	uint8_t type;         /* of it: enum ip6_next */
};

enum ip6_ext_result {
	IP6_EXT_HEADER,    /* at a whole extension header */
	IP6_EXT_UPPER,     /* at the first header that is none; it may be cut off */
	IP6_EXT_TRUNCATED, /* the extension header does not end inside the packet */
	IP6_EXT_LIMIT,     /* more headers or bytes than the walk follows */
};

/* Starts a walk before the first header. The fixed header of the @packet_bytes at @packet is whole.
 */
void ip6_ext_begin(struct ip6_extension *x, const uint8_t *packet, uint32_t packet_bytes);

/* Goes to the next header. After anything but IP6_EXT_HEADER the walk is over. */
enum ip6_ext_result ip6_ext_step(struct ip6_extension *x);

/* Whether the fragment header that the walk is at has the packet's first byte. */
bool ip6_ext_fragment_is_first(const struct ip6_extension *x);

/* Whether it is a whole packet all the same (RFC 6946). */
bool ip6_ext_fragment_is_atomic(const struct ip6_extension *x);

enum ip6_ext_verdict {
	IP6_EXT_OK,
	IP6_EXT_MALFORMED,      /* an option ends outside its header, or there are too many */
	IP6_EXT_DISCARD,        /* an unknown option demands a silent discard */
	IP6_EXT_REPORT,         /* ... a parameter problem, whatever the destination */
	IP6_EXT_REPORT_UNICAST, /* ... unless the destination is multicast */
};

/* Judges the options of the hop-by-hop or destination options header that the walk is at by what
 * their types demand of a node that knows only padding (RFC 8200 4.2); *@pointer is the offset of
 * the option that decided. */
enum ip6_ext_verdict ip6_ext_options(const struct ip6_extension *x, uint32_t *pointer);

#endif
