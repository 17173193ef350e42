/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The destination of an IP packet as the neighbour stages need it. Thread: any.
 */
#ifndef DATAPLANE_NEIGH_NEIGH_PACKET_H
#define DATAPLANE_NEIGH_NEIGH_PACKET_H

#include <string.h>

#include "dataplane/core/pkt.h"
#include "lib/base/ipaddr.h"

/* Sets *@dst to the IPv4 or IPv6 destination of @m; false when there is no whole IP header. */
static inline bool neigh_packet_destination(const struct rte_mbuf *m, struct ip_addr *dst)
{
	unsigned l2_len = pkt_of((struct rte_mbuf *)m)->l2_len;
	unsigned len = rte_pktmbuf_data_len(m);
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, l2_len);

	*dst = (struct ip_addr){0};
	if (len >= l2_len + 20 && l3[0] >> 4 == 4) {
		dst->family = 4;
		dst->prefix_len = 32;
		memcpy(dst->bytes, l3 + 16, 4);
		return true;
	}
	if (len >= l2_len + 40 && l3[0] >> 4 == 6) {
		dst->family = 6;
		dst->prefix_len = 128;
		memcpy(dst->bytes, l3 + 24, 16);
		return true;
	}
	return false;
}

#endif
