/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage arp_main: learns from ARP (RFC 826), answers requests, and says ours: requests for
 * neighbours, announcements of own addresses (RFC 5227). Thread: main.
 */
#include <rte_ether.h>

#include "dataplane/link/link.h"
#include "dataplane/neigh/arp_classify.h"

static const uint8_t broadcast_mac[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

/* Sends @a, completed with our MAC, to @dst. */
static void arp_send(
	struct worker *w, const struct iface *i, struct arp_packet *a, const uint8_t dst[6])
{
	struct rte_mbuf *m = worker_generate(w);

	if (m == NULL)
		return;
	memcpy(a->fixed, arp_fixed, sizeof(arp_fixed));
	memcpy(a->sender_mac, i->mac, 6);
	memcpy(rte_pktmbuf_append(m, RTE_ETHER_HDR_LEN + ARP_BYTES) + RTE_ETHER_HDR_LEN, a,
		ARP_BYTES);
	pkt_of(m)->l2_len = RTE_ETHER_HDR_LEN;
	eth_send(w, m, i, dst, RTE_ETHER_TYPE_ARP);
}

void neigh_arp_solicit(
	struct worker *w, const struct iface *i, const struct ip_addr *target, const uint8_t *mac)
{
	const struct ip_addr *source = neigh_subnet_source(i, target);
	struct arp_packet a = {.op_be = htobe16(ARP_OP_REQUEST)};

	if (source == NULL)
		return;
	memcpy(a.sender_ip, source->bytes, 4);
	memcpy(a.target_ip, target->bytes, 4);
	arp_send(w, i, &a, mac != NULL ? mac : broadcast_mac);
}

void neigh_arp_announce(struct worker *w, const struct iface *i, const struct ip_addr *addr)
{
	struct arp_packet a = {.op_be = htobe16(ARP_OP_REQUEST)};

	memcpy(a.sender_ip, addr->bytes, 4);
	memcpy(a.target_ip, addr->bytes, 4);
	arp_send(w, i, &a, broadcast_mac);
}

/* Turns request @m into its reply: same size, same buffer. */
static void arp_answer(
	struct worker *w, struct rte_mbuf *m, const struct iface *i, const struct arp_class *c)
{
	unsigned l2_len = pkt_of(m)->l2_len;
	struct arp_packet a = {.op_be = htobe16(ARP_OP_REPLY)};

	worker_reuse(w, m);
	memcpy(a.fixed, arp_fixed, sizeof(arp_fixed));
	memcpy(a.sender_mac, i->mac, 6);
	memcpy(a.sender_ip, c->target.bytes, 4);
	memcpy(a.target_mac, c->mac, 6);
	memcpy(a.target_ip, c->sender.bytes, 4);
	rte_pktmbuf_trim(m, (uint16_t)(rte_pktmbuf_data_len(m) - l2_len - ARP_BYTES));
	memcpy(rte_pktmbuf_mtod_offset(m, uint8_t *, l2_len), &a, sizeof(a));
	eth_send(w, m, i, c->mac, RTE_ETHER_TYPE_ARP);
}

/* Takes in what @c says about its sender. DROP_NONE, or why it is of no use. */
static enum drop_reason arp_learn(
	struct worker *w, uint16_t iface, const struct arp_class *c, bool unicast)
{
	struct neigh *e;
	struct neigh_claim claim = {
		.mac = c->mac,
		.solicited = !c->request && c->for_us && unicast,
		.override = true,
	};

	if (c->request && c->for_us)
		e = neigh_get(iface, &c->sender, NEIGH_BY_LINK);
	else
		e = neigh_find(iface, &c->sender);
	if (e != NULL) {
		neigh_state_learn(w, e, &claim);
		return DROP_NONE;
	}
	if (!c->request)
		return DROP_arp_unsolicited;
	return c->for_us ? DROP_neigh_table_full : DROP_arp_not_for_us;
}

static void arp_main_one(struct worker *w, struct rte_mbuf *m)
{
	const struct pkt *p = pkt_of(m);
	const struct iface *i = neigh_iface(p->iface);
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct arp_class c;
	enum drop_reason reason = DROP_NONE;

	if (i == NULL) {
		drop(w, m, DROP_neigh_gone);
		return;
	}
	/* Once more, because the interface may have changed since a worker looked. */
	c = arp_classify(i, frame + 6, frame + p->l2_len, rte_pktmbuf_data_len(m) - p->l2_len);
	if (c.request && neigh_serves(w->world, i, &c.target))
		arp_class_serve(&c);
	if (c.reason != DROP_NONE) {
		drop(w, m, c.reason);
		return;
	}
	if (c.conflict) {
		neigh_own_conflict(w, p->iface, &c.sender);
		drop(w, m, DROP_arp_duplicate);
		return;
	}
	if (!c.probe)
		reason = arp_learn(w, p->iface, &c, !(p->flags & PKT_L2_MULTICAST));
	if (c.request && c.for_us)
		arp_answer(w, m, i, &c);
	else if (reason != DROP_NONE)
		drop(w, m, reason);
	else
		worker_consume(w, m);
}

void arp_main_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		arp_main_one(w, pkts[i]);
}
