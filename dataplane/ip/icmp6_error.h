/* SPDX-License-Identifier: BSD-3-Clause */
/* When no ICMPv6 error may be sent (RFC 4443 section 2.4 e): pure. Thread: any. */
#ifndef DATAPLANE_IP_ICMP6_ERROR_H
#define DATAPLANE_IP_ICMP6_ERROR_H

#include "dataplane/core/pkt.h"
#include "dataplane/ip/ip6_header.h"

/* An error in words: what icmp6_error() was asked to say. */
struct icmp6_what {
	uint8_t type; /* enum icmp6_type */
	uint8_t code;
};

/*
 * Whether the error @what may be sent about the packet of @bytes at @l3, which came with @flags
 * (enum pkt_flags): not about other errors and redirects, nor about what went to many or came from
 * nobody in particular, nor about what might be an error but does not show it.
 */
bool icmp6_error_is_allowed(
	const uint8_t *l3, uint32_t bytes, uint8_t flags, struct icmp6_what what);

#endif
