/* SPDX-License-Identifier: BSD-3-Clause */
/* The arithmetic of fragmentation (RFC 791 3.2), as pure functions. Thread: any. */
#ifndef DATAPLANE_IP_IP4_FRAGMENT_H
#define DATAPLANE_IP_IP4_FRAGMENT_H

#include "dataplane/ip/ip4.h"

#define IP4_FRAGMENTS_MAX 64 /* of one packet: a jumbo frame down to links of 256 bytes */

enum ip4_option {
	IP4_OPTION_END = 0,
	IP4_OPTION_NOP = 1,
	IP4_OPTION_COPIED = 0x80, /* flag: goes into every fragment */
};

/*
 * Writes to @out, of the same size, those of the @bytes of options at @options that go into every
 * fragment, padded to whole words; returns how many bytes. Options with a bad length end the list.
 */
static inline uint32_t ip4_fragment_options(const uint8_t *options, uint32_t bytes, uint8_t *out)
{
	uint32_t at = 0, n = 0;

	while (at < bytes && options[at] != IP4_OPTION_END) {
		uint32_t len = 1;

		if (options[at] != IP4_OPTION_NOP) {
			if (at + 1 >= bytes || options[at + 1] < 2 || options[at + 1] > bytes - at)
				break;
			len = options[at + 1];
			if (options[at] & IP4_OPTION_COPIED) {
				memcpy(out + n, options + at, len);
				n += len;
			}
		}
		at += len;
	}
	while (n % 4 != 0)
		out[n++] = IP4_OPTION_END;
	return n;
}

/* How a packet is cut. */
struct ip4_cut {
	uint32_t first_header_bytes; /* with all options */
	uint32_t header_bytes;       /* of the others, with the copied ones */
	uint32_t first_payload_bytes;
	uint32_t payload_bytes_max; /* of the others; both a multiple of 8 */
	uint32_t n;                 /* fragments */
	uint8_t options[IP4_HEADER_BYTES_MAX - IP4_HEADER_BYTES]; /* copied ones */
};

/* Plans fragments of at most @mtu bytes for the valid packet at @l3, which is larger. False when it
 * cannot be: a fragment would have no payload, or there would be more than IP4_FRAGMENTS_MAX. */
static inline bool ip4_fragment_plan(const uint8_t *l3, uint32_t mtu, struct ip4_cut *cut)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;
	uint32_t ihl_bytes = ip4_header_bytes(l3);
	uint32_t payload_bytes = be16toh(h->total_length) - ihl_bytes;

	if (mtu < ihl_bytes + 8)
		return false;
	cut->first_header_bytes = ihl_bytes;
	cut->header_bytes = IP4_HEADER_BYTES + ip4_fragment_options(l3 + IP4_HEADER_BYTES,
						       ihl_bytes - IP4_HEADER_BYTES, cut->options);
	cut->first_payload_bytes = (mtu - ihl_bytes) & ~7u;
	cut->payload_bytes_max = (mtu - cut->header_bytes) & ~7u;
	if (payload_bytes <= cut->first_payload_bytes)
		return false;
	payload_bytes -= cut->first_payload_bytes;
	cut->n = 1 + (payload_bytes + cut->payload_bytes_max - 1) / cut->payload_bytes_max;
	return cut->n <= IP4_FRAGMENTS_MAX;
}

#endif
