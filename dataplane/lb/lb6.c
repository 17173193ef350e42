/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage lb6: IPv6 packets to services and back from backends. Thread: worker.
 */
#include "dataplane/lb/lb_batch.h"

void lb6_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	lb_run(w, pkts, n, true);
}
