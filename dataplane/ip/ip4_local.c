/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage ip4_local: packets to the node's own addresses. Answers echo requests, passes on what
 * health probes of the balancer are answered and what is for the TCP endpoint, and refuses
 * everything else aloud. Thread: worker.
 */
#include "dataplane/ip/ip4_local.h"

#include "dataplane/ip/ip.h"

/* Turns @m into the echo reply (RFC 1122 3.2.2.6) and routes it. Options are not returned: recorded
 * routes reveal the network, and source routes are how to abuse it (RFC 7126 4.3 to 4.7). */
static void answer_echo(struct worker *w, struct rte_mbuf *m)
{
	struct pkt *p = pkt_of(m);
	uint8_t *l3 = ip4_l3(m);
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;
	uint32_t options_bytes = ip4_header_bytes(l3) - IP4_HEADER_BYTES;
	struct icmp4_header *icmp = (struct icmp4_header *)(l3 + ip4_header_bytes(l3));
	struct ip4_say say = {
		.src_be = h->dst_addr,
		.dst_be = h->src_addr,
		.bytes = (uint16_t)(ip4_l3_bytes(m) - options_bytes),
		.protocol = IP4_PROTOCOL_ICMP,
		.tos = h->type_of_service,
	};

	icmp->checksum_be = checksum_update16(icmp->checksum_be, htobe16(ICMP4_ECHO_REQUEST << 8),
		htobe16(ICMP4_ECHO_REPLY << 8));
	icmp->type = ICMP4_ECHO_REPLY;
	rte_pktmbuf_adj(m, (uint16_t)options_bytes);
	ip4_header_write(w, ip4_l3(m), &say);
	worker_reuse(w, m);
	p->nexthop = 0;
	lane_put(w, STAGE_ip4_output, m);
}

/* Refuses the segment in @m with a reset. */
static void answer_reset(struct worker *w, struct rte_mbuf *m)
{
	const uint8_t *l3 = ip4_l3(m);
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;
	uint32_t ihl_bytes = ip4_header_bytes(l3);
	struct ip4_say say = {
		.src_be = h->dst_addr,
		.dst_be = h->src_addr,
		.bytes = IP4_HEADER_BYTES + sizeof(struct rte_tcp_hdr),
		.protocol = IP4_PROTOCOL_TCP,
	};
	struct rte_tcp_hdr *tcp;
	struct rte_mbuf *r;

	if (!icmp_limiter_allow4(w, h->src_addr)) {
		drop(w, m, DROP_tcp_refused);
		return;
	}
	r = ip4_generate(w, pkt_of(m)->iface, &say);
	if (!r) {
		drop(w, m, DROP_no_mbuf);
		return;
	}
	tcp = (struct rte_tcp_hdr *)(ip4_l3(r) + IP4_HEADER_BYTES);
	ip4_local_reset_fill(
		tcp, (const struct rte_tcp_hdr *)(l3 + ihl_bytes), ip4_l3_bytes(m) - ihl_bytes);
	tcp->cksum = checksum_finish(checksum_sum(tcp, sizeof(*tcp),
		checksum_pseudo_ip4(say.src_be, say.dst_be, say.protocol, sizeof(*tcp))));
	lane_put(w, STAGE_ip4_output, r);
	drop(w, m, DROP_tcp_refused);
}

void ip4_refuse_tcp(struct worker *w, struct rte_mbuf *m)
{
	const uint8_t *l3 = ip4_l3(m);
	const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)(l3 + ip4_header_bytes(l3));

	if (tcp->tcp_flags & RTE_TCP_RST_FLAG)
		drop(w, m, DROP_tcp_reset_ignored);
	else
		answer_reset(w, m);
}

/* Passes @m, whole and with a right checksum, on if the TCP endpoint may want it: segments, and
 * ICMP errors. */
static bool take_tcp(struct worker *w, struct rte_mbuf *m)
{
	const uint8_t *l3 = ip4_l3(m);
	uint32_t ihl_bytes = ip4_header_bytes(l3);
	enum ip4_protocol protocol = ((const struct rte_ipv4_hdr *)l3)->next_proto_id;

	if (!w->tcp || w->world->nexthops[pkt_of(m)->nexthop].kind == NEXTHOP_SERVICE)
		return false;
	pkt_of(m)->l4 = ihl_bytes;
	if (LIKELY(protocol == IP4_PROTOCOL_TCP)) {
		lane_put(w, STAGE_tcp_input, m);
		return true;
	}
	if (protocol != IP4_PROTOCOL_ICMP || l3[ihl_bytes] != ICMP4_UNREACHABLE)
		return false;
	lane_put(w, STAGE_tcp_icmp, m);
	return true;
}

/* Passes @m on if it is about a health probe, which the node asks with its own addresses. */
static bool take_probe(struct worker *w, struct rte_mbuf *m)
{
	struct ip_probe_answer answer;

	if (!w->world->lb || w->world->nexthops[pkt_of(m)->nexthop].kind == NEXTHOP_SERVICE ||
		!ip4_probe_read(ip4_l3(m), ip4_l3_bytes(m), &answer))
		return false;
	lane_put(w, STAGE_lb_probe, m);
	return true;
}

void ip4_local_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct ip4_local_class c =
			ip4_local_classify(ip4_l3(m), ip4_l3_bytes(m), pkt_l4_sum(m));

		if (c.intact && (take_probe(w, m) || take_tcp(w, m)))
			continue;
		switch (c.action) {
		case IP4_LOCAL_DROP:
			drop(w, m, c.reason);
			break;
		case IP4_LOCAL_ECHO:
			answer_echo(w, m);
			break;
		case IP4_LOCAL_RESET:
			answer_reset(w, m);
			break;
		case IP4_LOCAL_UNREACHABLE:
			icmp4_error(w, m, c.reason,
				(struct icmp_error){.type = ICMP4_UNREACHABLE, .code = c.code});
			break;
		}
	}
}
