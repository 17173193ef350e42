/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet capture: workers copy matching packets into a ring of their own pool, the main thread
 * sends them to the client that asked. What cannot be copied is counted as lost, never waited for.
 * Thread: any; each function says which.
 */
#ifndef DATAPLANE_CORE_CAPTURE_H
#define DATAPLANE_CORE_CAPTURE_H

#include "dataplane/core/worker.h"
#include "lib/api/api.h"

#define CAPTURE_CLIENTS_MAX 1
#define CAPTURE_RING        4096 /* copies that wait for the main thread */

/* Worker: packets about to be dropped, their reasons in their notes. */
void capture_drops(struct worker *w, struct rte_mbuf **pkts, unsigned n);

/* Worker: frames received from or about to be sent to port m->port. */
void capture_frames(
	struct worker *w, struct rte_mbuf **pkts, unsigned n, enum api_capture_direction direction);

/* Main: sends what the workers copied; returns how many. */
unsigned capture_poll(void);

/* Main: ends the capture, if any, and frees its pool. */
void capture_fini(void);

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
