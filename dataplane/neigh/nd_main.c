/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage nd_main: learns from solicitations and advertisements (RFC 4861 7.2.3, 7.2.5), answers
 * (7.2.4), and says ours: solicitations, announcements, probes of duplicate address detection (RFC
 * 4862 5.4). Thread: main.
 */
#include <rte_ether.h>

#include "dataplane/link/link.h"
#include "dataplane/neigh/nd_classify.h"

static const uint8_t all_nodes[16] = {0xff, 2, [15] = 1};

/* Where @addr's owner listens. */
static void nd_solicited_node(const uint8_t addr[16], uint8_t group[16])
{
	static const uint8_t prefix[13] = {0xff, 2, [11] = 1, [12] = 0xff};

	memcpy(group, prefix, sizeof(prefix));
	memcpy(group + 13, addr + 13, 3);
}

/*
 * Completes and sends @h, in which type, flags, addresses, target and the option's type (0: no
 * option) are set, to @mac, or (NULL) to the MAC of its multicast destination.
 */
static void nd_send(
	struct worker *w, const struct iface *i, struct nd_packet *h, const uint8_t *mac)
{
	struct rte_mbuf *m = worker_generate(w);
	uint16_t payload_len = ND_MESSAGE_BYTES + (h->option_type != 0 ? ND_OPTION_BYTES : 0);
	uint8_t group[6] = {0x33, 0x33};
	uint8_t *l3;

	if (m == NULL)
		return;
	h->version_be = htobe32(6u << 28);
	h->payload_len_be = htobe16(payload_len);
	h->next_header = ND_PROTOCOL_ICMP6;
	h->hop_limit = ND_HOP_LIMIT;
	h->option_units = 1;
	memcpy(h->option_mac, i->mac, 6);
	h->checksum = checksum_finish(checksum_sum(&h->type, payload_len,
		checksum_pseudo_ip6(h->src, h->dst, ND_PROTOCOL_ICMP6, payload_len)));
	l3 = (uint8_t *)rte_pktmbuf_append(m, RTE_ETHER_HDR_LEN + ND_IP6_BYTES + payload_len) +
	     RTE_ETHER_HDR_LEN;
	memcpy(l3, h, ND_IP6_BYTES + payload_len);
	pkt_of(m)->l2_len = RTE_ETHER_HDR_LEN;
	memcpy(group + 2, h->dst + 12, 4);
	eth_send(w, m, i, mac != NULL ? mac : group, RTE_ETHER_TYPE_IPV6);
}

void neigh_nd_solicit(
	struct worker *w, const struct iface *i, const struct ip_addr *target, const uint8_t *mac)
{
	const struct ip_addr *source = neigh_subnet_source(i, target);
	struct nd_packet h = {.type = ND_SOLICITATION, .option_type = ND_OPTION_SOURCE};

	if (source == NULL)
		return;
	memcpy(h.src, source->bytes, 16);
	memcpy(h.target, target->bytes, 16);
	if (mac != NULL)
		memcpy(h.dst, target->bytes, 16);
	else
		nd_solicited_node(target->bytes, h.dst);
	nd_send(w, i, &h, mac);
}

void neigh_nd_probe(struct worker *w, const struct iface *i, const struct ip_addr *addr)
{
	struct nd_packet h = {.type = ND_SOLICITATION};

	memcpy(h.target, addr->bytes, 16);
	nd_solicited_node(addr->bytes, h.dst);
	nd_send(w, i, &h, NULL);
}

void neigh_nd_announce(struct worker *w, const struct iface *i, const struct ip_addr *addr)
{
	struct nd_packet h = {
		.type = ND_ADVERTISEMENT,
		.flags = ND_FLAG_ROUTER | ND_FLAG_OVERRIDE,
		.option_type = ND_OPTION_TARGET,
	};

	memcpy(h.src, addr->bytes, 16);
	memcpy(h.target, addr->bytes, 16);
	memcpy(h.dst, all_nodes, 16);
	nd_send(w, i, &h, NULL);
}

/* Advertises the target of @c to who asked for it, at @frame_mac. */
static void nd_answer(struct worker *w, const struct iface *i, const struct nd_class *c,
	const uint8_t frame_mac[6])
{
	struct nd_packet h = {
		.type = ND_ADVERTISEMENT,
		.flags = ND_FLAG_ROUTER | ND_FLAG_SOLICITED | ND_FLAG_OVERRIDE,
		.option_type = ND_OPTION_TARGET,
	};

	if (c->probe) {
		neigh_nd_announce(w, i, &c->target);
		return;
	}
	memcpy(h.src, c->target.bytes, 16);
	memcpy(h.target, c->target.bytes, 16);
	memcpy(h.dst, c->source.bytes, 16);
	nd_send(w, i, &h, c->has_mac ? c->mac : frame_mac);
}

/* DROP_NONE: the solicitation served its purpose. */
static enum drop_reason nd_on_solicitation(struct worker *w, const struct iface *i,
	const struct nd_class *c, const uint8_t frame_mac[6])
{
	struct neigh_claim claim = {.mac = c->mac, .override = true};

	if (c->tentative) {
		/* Another host probes the same address; mere resolution is ignored (RFC
		 * 4862 5.4.3). */
		if (!c->probe)
			return DROP_nd_not_for_us;
		neigh_own_conflict(w, i->number, &c->target);
		return DROP_nd_duplicate;
	}
	/* A host behind a link-local next hop may ask with an address of a subnet that is not ours:
	 * it is answered (RFC 4861 7.2.4), but an off-link address is no neighbour (RFC 5942 5). */
	if (c->has_mac && !c->stranger) {
		struct neigh *e = neigh_get(i->number, &c->source, NEIGH_BY_LINK);

		if (e != NULL)
			neigh_state_learn(w, e, &claim);
	}
	nd_answer(w, i, c, frame_mac);
	return DROP_NONE;
}

static enum drop_reason nd_on_advertisement(
	struct worker *w, const struct iface *i, const struct nd_class *c)
{
	struct neigh *e = neigh_find(i->number, &c->target);
	struct neigh_claim claim = {
		.mac = c->has_mac ? c->mac : NULL,
		.solicited = c->flags & ND_FLAG_SOLICITED,
		.override = c->flags & ND_FLAG_OVERRIDE,
	};

	if (e == NULL)
		return DROP_nd_unsolicited;
	return neigh_state_learn(w, e, &claim) ? DROP_NONE : DROP_nd_bad_message;
}

static enum drop_reason nd_main_one(struct worker *w, struct rte_mbuf *m)
{
	const struct pkt *p = pkt_of(m);
	const struct iface *i = neigh_iface(p->iface);
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	struct nd_class c;

	if (i == NULL)
		return DROP_neigh_gone;
	/* Once more, because the interface may have changed since a worker looked. */
	c = nd_classify(i, frame + 6, frame + p->l2_len, rte_pktmbuf_data_len(m) - p->l2_len);
	if (nd_class_is_other(i, frame + 6, &c) && neigh_serves(w->world, i, &c.target))
		nd_class_serve(i, &c);
	if (c.reason != DROP_NONE)
		return c.reason;
	if (c.conflict) {
		neigh_own_conflict(w, p->iface, c.type == ND_SOLICITATION ? &c.source : &c.target);
		return DROP_nd_duplicate;
	}
	if (c.type == ND_SOLICITATION)
		return nd_on_solicitation(w, i, &c, frame + 6);
	return nd_on_advertisement(w, i, &c);
}

void nd_main_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		enum drop_reason reason = nd_main_one(w, pkts[i]);

		if (reason != DROP_NONE)
			drop(w, pkts[i], reason);
		else
			worker_consume(w, pkts[i]);
	}
}
