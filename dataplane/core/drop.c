/* SPDX-License-Identifier: BSD-3-Clause */
/* Stage drop: counts by reason, shows the packets to a capture, frees. Thread: worker. */
#include "dataplane/core/capture.h"
#include "dataplane/core/worker.h"

const struct drop_info drop_table[DROP_COUNT] = {
	[DROP_NONE] = {.name = "none", .text = "no reason given: a bug", .severity = DROP_resource},
#define DROP(n, s, t) [DROP_##n] = {.name = #n, .text = t, .severity = DROP_##s},
#include "dataplane/core/drop.def"
#undef DROP
};

void drop_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	if (UNLIKELY(w->world->capture != NULL))
		capture_drops(w, pkts, n);
	for (unsigned i = 0; i < n; i++) {
		uint16_t reason = pkt_of(pkts[i])->drop;

		BRAID_ASSERT(reason > DROP_NONE && reason < DROP_COUNT);
		w->stats->drops[reason]++;
	}
	rte_pktmbuf_free_bulk(pkts, n);
}
