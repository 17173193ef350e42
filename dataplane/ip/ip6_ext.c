/* SPDX-License-Identifier: BSD-3-Clause */
/* The walk over IPv6 extension headers and over their options. Thread: any. */
#include "dataplane/ip/ip6_ext.h"

#define EXT_BYTES_MIN   8u /* every extension header has at least these, RFC 8200 section 4 */
#define FRAGMENT_OFFSET 0xfff8u
#define FRAGMENT_MORE   0x0001u
#define OPTION_PAD1     0
#define OPTION_PADN     1

void ip6_ext_begin(struct ip6_extension *x, const uint8_t *packet, uint32_t packet_bytes)
{
	*x = (struct ip6_extension){
		.packet = packet,
		.packet_bytes = packet_bytes,
		.offset = 0,
		.bytes = IP6_HEADER_BYTES,
		.next_offset = IP6_NEXT_OFFSET,
		.type = packet[IP6_NEXT_OFFSET],
	};
}

static bool is_extension(uint8_t type)
{
	return type == IP6_NEXT_HOP_BY_HOP || type == IP6_NEXT_ROUTING ||
	       type == IP6_NEXT_FRAGMENT || type == IP6_NEXT_DESTINATION || type == IP6_NEXT_AUTH;
}

/* Bytes of the extension header of @type at @header, of which EXT_BYTES_MIN are there. */
static uint32_t extension_bytes(uint8_t type, const uint8_t *header)
{
	if (type == IP6_NEXT_FRAGMENT)
		return EXT_BYTES_MIN;
	if (type == IP6_NEXT_AUTH)
		return MAX_OF((header[1] + 2u) * 4u, EXT_BYTES_MIN);
	return (header[1] + 1u) * 8u;
}

enum ip6_ext_result ip6_ext_step(struct ip6_extension *x)
{
	if (x->count > 0) {
		x->type = x->packet[x->offset];
		x->next_offset = x->offset;
	}
	x->offset += x->bytes;
	x->bytes = 0;
	if (!is_extension(x->type))
		return IP6_EXT_UPPER;
	if (x->count == IP6_EXT_HEADERS_MAX)
		return IP6_EXT_LIMIT;
	if (x->packet_bytes - x->offset < EXT_BYTES_MIN)
		return IP6_EXT_TRUNCATED;
	x->bytes = extension_bytes(x->type, x->packet + x->offset);
	if (x->packet_bytes - x->offset < x->bytes)
		return IP6_EXT_TRUNCATED;
	if (x->offset + x->bytes > IP6_HEADER_BYTES + IP6_EXT_BYTES_MAX)
		return IP6_EXT_LIMIT;
	x->count++;
	return IP6_EXT_HEADER;
}

/* Offset, reserved bits and M of the fragment header that the walk is at. */
static uint32_t fragment_field(const struct ip6_extension *x)
{
	const uint8_t *h = x->packet + x->offset;

	return (uint32_t)h[2] << 8 | h[3];
}

bool ip6_ext_fragment_is_first(const struct ip6_extension *x)
{
	return (fragment_field(x) & FRAGMENT_OFFSET) == 0;
}

bool ip6_ext_fragment_is_atomic(const struct ip6_extension *x)
{
	return (fragment_field(x) & (FRAGMENT_OFFSET | FRAGMENT_MORE)) == 0;
}

/* What the two high bits of an unknown option's @type demand. */
static enum ip6_ext_verdict option_demand(uint8_t type)
{
	static const enum ip6_ext_verdict demands[4] = {
		[0] = IP6_EXT_OK,
		[1] = IP6_EXT_DISCARD,
		[2] = IP6_EXT_REPORT,
		[3] = IP6_EXT_REPORT_UNICAST,
	};

	return demands[type >> 6];
}

enum ip6_ext_verdict ip6_ext_options(const struct ip6_extension *x, uint32_t *pointer)
{
	uint32_t at = x->offset + 2, end = x->offset + x->bytes;

	for (unsigned n = 0; at < end; n++) {
		const uint8_t *option = x->packet + at;
		enum ip6_ext_verdict v;

		*pointer = at;
		if (n == IP6_EXT_OPTIONS_MAX)
			return IP6_EXT_MALFORMED;
		if (option[0] == OPTION_PAD1) {
			at++;
			continue;
		}
		if (end - at < 2 || end - at < 2u + option[1])
			return IP6_EXT_MALFORMED;
		v = option[0] == OPTION_PADN ? IP6_EXT_OK : option_demand(option[0]);
		if (v != IP6_EXT_OK)
			return v;
		at += 2u + option[1];
	}
	return IP6_EXT_OK;
}
