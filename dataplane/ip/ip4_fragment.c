/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage ip4_fragment: cuts packets to the MTU of their way out (RFC 791 3.2, RFC 1812 4.2.2.7),
 * those that are fragments already too. The packet is consumed, each fragment is generated; when
 * there are no buffers for all of them the packet is dropped and none is sent, and while the lanes
 * have no room for all of them the packet waits. Thread: worker.
 */
#include "dataplane/ip/ip4_fragment.h"

#include "dataplane/ip/ip.h"
#include "dataplane/link/link.h"

/* The part of a packet that one fragment carries. */
struct part {
	uint32_t at; /* offset in the packet's payload */
	uint32_t bytes;
	bool is_last;
};

/* Fills @f with part @part of the packet @m, cut by @cut; its Ethernet header takes @l2_len. */
static void write_fragment(struct rte_mbuf *f, struct rte_mbuf *m, const struct ip4_cut *cut,
	struct part part, uint8_t l2_len)
{
	const uint8_t *from = ip4_l3(m);
	const struct rte_ipv4_hdr *old = (const struct rte_ipv4_hdr *)from;
	uint32_t header_bytes = part.at == 0 ? cut->first_header_bytes : cut->header_bytes;
	uint16_t fragment = be16toh(old->fragment_offset);
	uint8_t *to =
		(uint8_t *)rte_pktmbuf_append(f, (uint16_t)(l2_len + header_bytes + part.bytes));
	struct rte_ipv4_hdr *h = (struct rte_ipv4_hdr *)(to + l2_len);

	*pkt_of(f) = *pkt_of(m);
	pkt_of(f)->l2_len = l2_len;
	to += l2_len;
	memcpy(to, from, IP4_HEADER_BYTES);
	if (part.at == 0)
		memcpy(to + IP4_HEADER_BYTES, from + IP4_HEADER_BYTES,
			header_bytes - IP4_HEADER_BYTES);
	else
		memcpy(to + IP4_HEADER_BYTES, cut->options, header_bytes - IP4_HEADER_BYTES);
	memcpy(to + header_bytes, from + cut->first_header_bytes + part.at, part.bytes);
	/* The last part is followed by others if the packet itself was. */
	fragment = (uint16_t)(fragment + part.at / 8);
	if (!part.is_last)
		fragment |= RTE_IPV4_HDR_MF_FLAG;
	h->version_ihl = (uint8_t)(0x40 | header_bytes / 4);
	h->total_length = htobe16((uint16_t)(header_bytes + part.bytes));
	h->fragment_offset = htobe16(fragment);
	h->hdr_checksum = 0;
	h->hdr_checksum = checksum_ip4_header(h, header_bytes / 4);
}

/* Sends fragment @f of packet notes to its next hop. */
static void send_fragment(struct worker *w, struct rte_mbuf *f)
{
	uint16_t number = pkt_of(f)->nexthop;
	struct nexthop *nh = &w->world->nexthops[number];

	if (nh->kind == NEXTHOP_NEIGHBOR)
		eth_send_to_nexthop(w, f, nh, number, false);
	else
		lane_put(w, STAGE_neigh_resolve, f);
}

/* Whether the lanes that fragments go to take @n more. */
static bool has_room(const struct worker *w, uint32_t n)
{
	return MAX_OF(w->lanes[STAGE_port_tx].n, w->lanes[STAGE_neigh_resolve].n) + n <= LANE_MAX;
}

static void fragment_one(struct worker *w, struct rte_mbuf *m)
{
	const struct iface *out = &w->world->ifaces[pkt_of(m)->iface_out];
	uint32_t left = ip4_l3_bytes(m) - ip4_header_bytes(ip4_l3(m)), at = 0;
	struct rte_mbuf *fragments[IP4_FRAGMENTS_MAX];
	struct ip4_cut cut;

	if (!ip4_fragment_plan(ip4_l3(m), out->mtu, &cut)) {
		drop(w, m, DROP_ip4_fragment_failed);
		return;
	}
	/* Comes back in the next walk: stage ip4_output leaves the TTL alone. */
	if (!has_room(w, cut.n)) {
		lane_put(w, STAGE_ip4_output, m);
		return;
	}
	if (rte_pktmbuf_alloc_bulk(w->mempool, fragments, cut.n) != 0) {
		drop(w, m, DROP_ip4_fragment_failed);
		return;
	}
	if (rte_pktmbuf_tailroom(fragments[0]) < (uint32_t)out->l2_len + out->mtu) {
		rte_pktmbuf_free_bulk(fragments, cut.n);
		drop(w, m, DROP_ip4_fragment_failed);
		return;
	}
	w->stats->generated_pkts += cut.n;
	for (unsigned i = 0; i < cut.n; i++) {
		uint32_t bytes_max = i == 0 ? cut.first_payload_bytes : cut.payload_bytes_max;
		struct part part = {
			.at = at,
			.bytes = MIN_OF(left, bytes_max),
			.is_last = i == cut.n - 1,
		};

		write_fragment(fragments[i], m, &cut, part, out->l2_len);
		send_fragment(w, fragments[i]);
		at += part.bytes;
		left -= part.bytes;
	}
	worker_consume(w, m);
}

void ip4_fragment_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		fragment_one(w, pkts[i]);
}
