/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Drops of packets whose service is known, counted for that service besides. What is dropped before
 * (a fragment whose first one did not come) or after (by forwarding) has no service to be counted
 * for. Thread: worker.
 */
#ifndef DATAPLANE_LB_LB_DROP_H
#define DATAPLANE_LB_LB_DROP_H

#include "dataplane/core/worker.h"

/* Indices of stats_service.drops. */
enum lb_drop {
#define LB_DROP(name) LB_DROP_##name,
#include "dataplane/lb/lb_drop.def"
#undef LB_DROP
	LB_DROPS
};

_Static_assert(LB_DROPS <= STATS_LB_DROPS_MAX, "the counters have room for all of them");

/* As which reason it counts for the node. */
static const uint8_t lb_drop_reasons[LB_DROPS] = {
#define LB_DROP(name) [LB_DROP_##name] = DROP_##name,
#include "dataplane/lb/lb_drop.def"
#undef LB_DROP
};

/* Counts a packet of service number @service that is about to be dropped. */
static inline void lb_drop_count(struct worker *w, uint16_t service, enum lb_drop why)
{
	w->stats->services[service].drops[why]++;
}

/* Counts and drops @m. */
static inline void lb_drop(struct worker *w, struct rte_mbuf *m, uint16_t service, enum lb_drop why)
{
	lb_drop_count(w, service, why);
	drop(w, m, (enum drop_reason)lb_drop_reasons[why]);
}

#endif
