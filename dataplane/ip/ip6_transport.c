/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the transport header of an IPv6 packet behind its extension headers, for the modules above.
 * Thread: any. */
#include <errno.h>

#include "dataplane/ip/ip.h"
#include "dataplane/ip/ip6_ext.h"

#define FRAGMENT_START_MASK 0xfff8u

/* Reads the fragment header that the walk is at. */
static int read_fragment(const struct ip6_extension *x, struct ip6_transport *out)
{
	const uint8_t *h = x->packet + x->offset;
	uint16_t field = (uint16_t)(h[2] << 8 | h[3]);

	if (out->fragment_header)
		return -EINVAL;
	out->fragment_header = (uint16_t)x->offset;
	out->fragment_start = field & FRAGMENT_START_MASK;
	out->more = field & 1;
	return 0;
}

int ip6_transport_find(const uint8_t *l3, uint32_t bytes, struct ip6_transport *out)
{
	struct ip6_extension x;

	*out = (struct ip6_transport){0};
	ip6_ext_begin(&x, l3, bytes);
	for (;;) {
		switch (ip6_ext_step(&x)) {
		case IP6_EXT_UPPER:
			out->offset = (uint16_t)x.offset;
			out->protocol = x.type;
			return 0;
		case IP6_EXT_TRUNCATED:
		case IP6_EXT_LIMIT:
			return -EINVAL;
		case IP6_EXT_HEADER:
			break;
		}
		if (x.type != IP6_NEXT_FRAGMENT)
			continue;
		if (read_fragment(&x, out) < 0)
			return -EINVAL;
		if (out->fragment_start != 0) {
			out->offset = (uint16_t)(x.offset + x.bytes);
			out->protocol = x.packet[x.offset];
			return 0;
		}
	}
}
