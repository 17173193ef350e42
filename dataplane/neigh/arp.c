/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage arp: drops the ARP packets (RFC 826) that say nothing of use, so that a noisy link does not
 * reach the main thread, and hands it the others. Thread: worker.
 */
#include "dataplane/core/worker.h"
#include "dataplane/neigh/arp_classify.h"

/* Whether the workers' table has another MAC for the sender than @c says; *@known: it is there. */
static bool arp_is_news(
	const struct worker *w, uint16_t iface, const struct arp_class *c, bool *known)
{
	uint32_t number = neigh_lookup4(w->world->neighbors, iface, ip_addr_v4_be(&c->sender));
	uint64_t lladdr =
		atomic_load_explicit(&w->world->nexthops[number].lladdr, memory_order_relaxed);

	*known = number != 0;
	return number != 0 && (!(lladdr & NEXTHOP_LLADDR_VALID) || memcmp(&lladdr, c->mac, 6) != 0);
}

/* DROP_NONE if the main thread should see the packet. */
static enum drop_reason arp_reason(const struct worker *w, struct rte_mbuf *m)
{
	const struct pkt *p = pkt_of(m);
	const struct iface *i = &w->world->ifaces[p->iface];
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct arp_class c =
		arp_classify(i, frame + 6, frame + p->l2_len, rte_pktmbuf_data_len(m) - p->l2_len);
	bool known, news;

	if (!i->up)
		return DROP_eth_interface_down;
	if (c.request && neigh_serves(w->world, i, &c.target))
		arp_class_serve(&c);
	if (c.reason != DROP_NONE || c.conflict || c.probe)
		return c.reason;
	news = arp_is_news(w, p->iface, &c, &known);
	if (c.request)
		return c.for_us || news ? DROP_NONE : DROP_arp_not_for_us;
	return known && (c.for_us || news) ? DROP_NONE : DROP_arp_unsolicited;
}

void arp_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		enum drop_reason reason = arp_reason(w, pkts[i]);

		if (reason != DROP_NONE)
			drop(w, pkts[i], reason);
		else if (w->id == w->main_id)
			lane_put(w, STAGE_arp_main, pkts[i]);
		else
			worker_handoff(w, pkts[i], w->main_id, STAGE_arp_main);
	}
}
