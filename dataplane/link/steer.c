/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage steer: where a device has fewer queues than there are workers, the receiving worker hashes
 * each flow to its owner. Both directions of a conversation and all packets of a flow meet the same
 * worker, in order. Thread: worker.
 */
#include "dataplane/link/steer.h"
#include "dataplane/core/capture.h"
#include "dataplane/core/worker.h"

void steer_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint64_t hash =
			steer_hash(w->flow_key, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
		uint8_t owner = hash == STEER_NO_FLOW ? w->id : steer_owner(w, hash);

		if (owner == w->id) {
			lane_put(w, STAGE_eth, m);
			continue;
		}
		/* For a capture, if the ring is full. */
		*pkt_of(m) =
			(struct pkt){.iface = capture_frame_iface(&w->world->ports[m->port], m)};
		worker_handoff(w, m, owner, STAGE_eth);
	}
}
