/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage icmp4_error: answers packets with ICMP errors (RFC 792, RFC 1812 4.3): only where that is
 * allowed, at a limited rate per source prefix, with as much of the packet as fits. The packet is
 * dropped for its own reason, whether there is an answer or not. Thread: worker.
 */
#include "dataplane/ip/icmp4_error.h"

#include "dataplane/ip/ip.h"

void icmp4_error(
	struct worker *w, struct rte_mbuf *m, enum drop_reason reason, struct icmp_error what)
{
	struct pkt *p = pkt_of(m);

	p->icmp_type = what.type;
	p->icmp_code = what.code;
	p->icmp_info = what.info;
	p->drop = (uint16_t)reason;
	lane_put(w, STAGE_icmp4_error, m);
}

/* Sends the error about @m, if there are an address and a buffer for it. */
static void send_error(struct worker *w, struct rte_mbuf *m)
{
	const struct pkt *p = pkt_of(m);
	const uint8_t *l3 = ip4_l3(m);
	const struct rte_ipv4_hdr *about = (const struct rte_ipv4_hdr *)l3;
	uint32_t quote_bytes = MIN_OF(ip4_l3_bytes(m), ICMP4_QUOTE_BYTES_MAX);
	uint32_t bytes = sizeof(struct icmp4_header) + quote_bytes;
	struct ip4_say say = {
		.src_be = about->dst_addr,
		.dst_be = about->src_addr,
		.bytes = (uint16_t)(IP4_HEADER_BYTES + bytes),
		.protocol = IP4_PROTOCOL_ICMP,
		.tos = IP4_TOS_CONTROL,
	};
	struct icmp4_header *icmp;
	struct rte_mbuf *e;

	/* A router answers with the address the packet came in on, which traceroute shows. */
	if (!icmp4_error_is_of_destination(p->icmp_type, p->icmp_code) &&
		ip4_source_select(w->world, p->iface, about->src_addr, &say.src_be) < 0)
		return;
	e = ip4_generate(w, p->iface, &say);
	if (!e)
		return;
	icmp = (struct icmp4_header *)(ip4_l3(e) + IP4_HEADER_BYTES);
	*icmp = (struct icmp4_header){
		.type = p->icmp_type,
		.code = p->icmp_code,
		.info_be = icmp4_error_info_be(p->icmp_type, p->icmp_code, p->icmp_info),
	};
	memcpy(icmp + 1, l3, quote_bytes);
	icmp->checksum_be = checksum_finish(checksum_sum(icmp, bytes, 0));
	lane_put(w, STAGE_ip4_output, e);
}

void icmp4_error_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const uint8_t *l3 = ip4_l3(m);

		if (icmp4_error_is_allowed(l3, ip4_l3_bytes(m), pkt_of(m)->flags) &&
			icmp_limiter_allow4(w, ((const struct rte_ipv4_hdr *)l3)->src_addr))
			send_error(w, m);
		drop(w, m, (enum drop_reason)pkt_of(m)->drop);
	}
}
