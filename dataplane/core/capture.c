/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker's side of a capture: filter, copy, count what is lost. Thread: worker. */
#include <rte_ring.h>

#include "dataplane/core/capture_impl.h"

/* Copies @m into the capture's pool with its notes; a full ring or pool counts as lost. */
static void copy_packet(struct worker *w, const struct capture *c, struct rte_mbuf *m,
	const struct capture_note *note)
{
	struct capture_lost *lost = &c->lost[w->id];
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, c->pool, 0, c->snap_bytes);

	if (!copy) {
		lost->pkts++;
		return;
	}
	*capture_note_of(copy) = *note;
	if (rte_ring_enqueue(c->ring, copy) != 0) {
		rte_pktmbuf_free(copy);
		lost->pkts++;
	}
}

/* The interface a dropped packet belongs to: what the node made itself came in by none. */
static uint16_t drop_iface(const struct pkt *p)
{
	if (p->iface == WORLD_NO_INTERFACE && (p->flags & PKT_LOCAL))
		return p->iface_out;
	return p->iface;
}

void capture_drops(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	const struct capture *c = w->world->capture;

	if (c->reason == CAPTURE_TRAFFIC)
		return;
	for (unsigned i = 0; i < n; i++) {
		const struct pkt *p = pkt_of(pkts[i]);
		struct capture_note note = {
			.cycles = w->ops->cycles(w),
			.length_bytes = pkts[i]->pkt_len,
			.iface = drop_iface(p),
			.reason = p->drop,
			.direction = API_CAPTURE_DROP,
			.worker = w->id,
		};

		if (c->reason != CAPTURE_ANY_DROP && c->reason != p->drop)
			continue;
		if (c->iface != WORLD_NO_INTERFACE && c->iface != note.iface)
			continue;
		copy_packet(w, c, pkts[i], &note);
	}
}

void capture_frames(
	struct worker *w, struct rte_mbuf **pkts, unsigned n, enum api_capture_direction direction)
{
	const struct capture *c = w->world->capture;

	if (c->reason != CAPTURE_TRAFFIC)
		return;
	for (unsigned i = 0; i < n; i++) {
		const struct port_map *port = &w->world->ports[pkts[i]->port];
		struct capture_note note = {
			.cycles = w->ops->cycles(w),
			.length_bytes = pkts[i]->pkt_len,
			.iface = direction == API_CAPTURE_OUT ? pkt_of(pkts[i])->iface_out
							      : capture_frame_iface(port, pkts[i]),
			.direction = (uint8_t)direction,
			.worker = w->id,
		};

		if (c->iface != WORLD_NO_INTERFACE && c->iface != note.iface)
			continue;
		copy_packet(w, c, pkts[i], &note);
	}
}
