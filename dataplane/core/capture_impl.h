/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two sides of a capture share. Thread: any. */
#ifndef DATAPLANE_CORE_CAPTURE_IMPL_H
#define DATAPLANE_CORE_CAPTURE_IMPL_H

#include <string.h>

#include <rte_byteorder.h>
#include <rte_ether.h>

#include "dataplane/core/capture.h"
#include "dataplane/core/server.h"

#define CAPTURE_TRAFFIC  0      /* not drops, but what is received and sent */
#define CAPTURE_ANY_DROP 0xffff /* every reason; between: that reason */

/* Per worker, so that counting is not shared. */
struct capture_lost {
	uint64_t pkts;
} CACHE_ALIGNED;

/* Hangs off the world; immutable but for `lost`. */
struct capture {
	struct rte_mempool *pool;
	struct rte_ring *ring;     /* many workers to main */
	struct capture_lost *lost; /* [WORKER_SLOTS] */
	uint32_t snap_bytes;
	uint16_t iface;  /* WORLD_NO_INTERFACE: all */
	uint16_t reason; /* CAPTURE_TRAFFIC, CAPTURE_ANY_DROP or an enum drop_reason */
	struct server_ticket ticket;
};

/* Travels with a copy, in the place of struct pkt. */
struct capture_note {
	uint64_t cycles;
	uint32_t length_bytes;
	uint16_t iface;
	uint16_t reason;
	uint8_t direction;
	uint8_t worker;
	uint8_t pad[6];
};

_Static_assert(sizeof(struct capture_note) == sizeof(struct pkt), "notes share one place");

static inline struct capture_note *capture_note_of(struct rte_mbuf *m)
{
	return (struct capture_note *)((char *)m + PKT_OFFSET);
}

/* The interface a received frame belongs to, before stage eth has looked at it. */
static inline uint16_t capture_frame_iface(const struct port_map *port, struct rte_mbuf *m)
{
	const uint8_t *f = rte_pktmbuf_mtod(m, const uint8_t *);
	uint16_t vlan = 0;

	if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
		vlan = m->vlan_tci & 0xfff;
	else if (m->data_len >= 18 && f[12] == 0x81 && f[13] == 0x00)
		vlan = (uint16_t)((f[14] & 0x0f) << 8 | f[15]);
	if (vlan == 0)
		return port->untagged;
	return port->vlans ? port->vlans[vlan] : WORLD_NO_INTERFACE;
}

#endif
