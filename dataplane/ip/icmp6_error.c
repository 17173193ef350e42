/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers packets with ICMPv6 errors (RFC 4443): only where section 2.4 allows it, at a limited
 * rate per source prefix, with as much of the packet as fits into the minimum MTU. Thread: worker.
 */
#include "dataplane/ip/icmp6_error.h"

#include "dataplane/ip/ip.h"
#include "dataplane/ip/ip6_ext.h"
#include "dataplane/ip/ip6_impl.h"
#include "lib/wire/checksum.h"

#define ERROR_OVERHEAD_BYTES (IP6_HEADER_BYTES + sizeof(struct icmp6_header))
#define QUOTE_BYTES_MAX      (IP6_MTU_MIN_BYTES - ERROR_OVERHEAD_BYTES)

void icmp6_error(
	struct worker *w, struct rte_mbuf *m, enum drop_reason reason, struct icmp_error what)
{
	struct pkt *p = pkt_of(m);

	p->icmp_type = what.type;
	p->icmp_code = what.code;
	p->icmp_info = what.info;
	p->drop = (uint16_t)reason;
	lane_put(w, STAGE_icmp6_error, m);
}

/* Whether the packet is an ICMPv6 error or redirect, or so well hidden that it might be. */
static bool may_be_error(const uint8_t *l3, uint32_t bytes)
{
	struct ip6_extension x;
	enum ip6_ext_result r;

	ip6_ext_begin(&x, l3, bytes);
	while ((r = ip6_ext_step(&x)) == IP6_EXT_HEADER) {
		/* Later fragments do not show their message's type. */
		if (x.type == IP6_NEXT_FRAGMENT && !ip6_ext_fragment_is_first(&x))
			return l3[x.offset] == IP6_NEXT_ICMP6;
	}
	if (r == IP6_EXT_TRUNCATED)
		return false;
	if (r == IP6_EXT_LIMIT)
		return true;
	if (x.type != IP6_NEXT_ICMP6)
		return false;
	return x.offset >= bytes || l3[x.offset] < ICMP6_INFORMATIONAL ||
	       l3[x.offset] == ICMP6_REDIRECT;
}

bool icmp6_error_is_allowed(
	const uint8_t *l3, uint32_t bytes, uint8_t flags, struct icmp6_what what)
{
	const struct ip6_header *ip = (const struct ip6_header *)l3;
	/* Path MTU discovery must work for multicast, and options may ask for a report of
	 * themselves. */
	bool to_many_too = what.type == ICMP6_TOO_BIG ||
			   (what.type == ICMP6_PARAMETER && what.code == ICMP6_BAD_OPTION);

	if (bytes < IP6_HEADER_BYTES || (flags & PKT_LOCAL))
		return false;
	if (!to_many_too &&
		(ip6_is_multicast(ip->dst) || (flags & (PKT_L2_MULTICAST | PKT_L2_BROADCAST))))
		return false;
	if (ip6_is_unspecified(ip->src) || ip6_is_multicast(ip->src))
		return false;
	return !may_be_error(l3, bytes);
}

/* Whether only the station that a packet was sent to can say that: a VIP says it, too. */
static bool is_of_destination(const struct pkt *p)
{
	return (p->icmp_type == ICMP6_UNREACHABLE && p->icmp_code == ICMP6_PORT) ||
	       (p->icmp_type == ICMP6_PARAMETER && p->icmp_code == ICMP6_BAD_NEXT);
}

/* The source of the error @p about a packet: the address it was sent to if that is ours (RFC 4443
 * 2.2 a), else one of the input interface. 0 or -EADDRNOTAVAIL. */
static int error_source(const struct world *world, const struct pkt *p,
	const struct ip6_header *about, uint8_t src[16])
{
	bool is_ours = false;

	if (!ip6_is_multicast(about->dst)) {
		const struct iface_address *own = ip6_own_address(world, p->iface, about->dst);

		is_ours = own ? own->usable : is_of_destination(p);
	}
	if (!is_ours)
		return ip6_source_select(world, p->iface, about->src, src);
	memcpy(src, about->dst, 16);
	return 0;
}

/* Makes and sends the error about @m, if there are an address and a buffer for it. */
static void send_error(struct worker *w, struct rte_mbuf *m)
{
	const struct pkt *p = pkt_of(m);
	const struct ip6_header *about = (const struct ip6_header *)ip6_l3(m);
	uint16_t quote_bytes = (uint16_t)MIN_OF(ip6_l3_bytes(m), QUOTE_BYTES_MAX);
	uint16_t bytes = (uint16_t)(sizeof(struct icmp6_header) + quote_bytes);
	struct icmp6_header *icmp;
	struct rte_mbuf *e;
	uint8_t src[16];

	if (error_source(w->world, p, about, src) < 0)
		return;
	e = ip6_generate(w, src, about->src, IP6_NEXT_ICMP6, bytes);
	if (e == NULL)
		return;
	icmp = (struct icmp6_header *)(ip6_l3(e) + IP6_HEADER_BYTES);
	*icmp = (struct icmp6_header){
		.type = p->icmp_type,
		.code = p->icmp_code,
		.info_be = htobe32(p->icmp_info),
	};
	memcpy(icmp + 1, about, quote_bytes);
	icmp->checksum_be = checksum_finish(checksum_sum(
		icmp, bytes, checksum_pseudo_ip6(src, about->src, IP6_NEXT_ICMP6, bytes)));
	ip6_answer(w, e, p->iface);
}

void icmp6_error_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct pkt *p = pkt_of(m);
		struct icmp6_what what = {.type = p->icmp_type, .code = p->icmp_code};
		const uint8_t *l3 = ip6_l3(m);

		if (icmp6_error_is_allowed(l3, ip6_l3_bytes(m), p->flags, what) &&
			icmp_limiter_allow6(w, l3 + IP6_SRC_OFFSET))
			send_error(w, m);
		drop(w, m, (enum drop_reason)p->drop);
	}
}
