/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage nd: validates neighbour discovery (RFC 4861 section 7.1) and hands solicitations for us and
 * advertisements of neighbours we keep to the main thread. The node is a router: it has no use for
 * router discovery and redirects. Thread: worker.
 */
#include "dataplane/core/worker.h"
#include "dataplane/neigh/nd_classify.h"

/* DROP_NONE if the main thread should see the packet. */
static enum drop_reason nd_reason(const struct worker *w, struct rte_mbuf *m)
{
	const struct pkt *p = pkt_of(m);
	const struct iface *i = &w->world->ifaces[p->iface];
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct nd_class c;

	if (!i->up)
		return DROP_eth_interface_down;
	c = nd_classify(i, frame + 6, frame + p->l2_len, rte_pktmbuf_data_len(m) - p->l2_len);
	if (nd_class_is_other(i, frame + 6, &c) && neigh_serves(w->world, i, &c.target))
		nd_class_serve(i, &c);
	if (c.reason != DROP_NONE || c.conflict || c.type == ND_SOLICITATION)
		return c.reason;
	if (neigh_lookup6(w->world->neighbors, p->iface, c.target.bytes) == 0)
		return DROP_nd_unsolicited;
	return DROP_NONE;
}

void nd_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		enum drop_reason reason = nd_reason(w, pkts[i]);

		if (reason != DROP_NONE)
			drop(w, pkts[i], reason);
		else if (w->id == w->main_id)
			lane_put(w, STAGE_nd_main, pkts[i]);
		else
			worker_handoff(w, pkts[i], w->main_id, STAGE_nd_main);
	}
}
