/* SPDX-License-Identifier: BSD-3-Clause */
/* What the two sides of a capture share. Thread: any. */
#ifndef DATAPLANE_CORE_CAPTURE_IMPL_H
#define DATAPLANE_CORE_CAPTURE_IMPL_H

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

#endif
