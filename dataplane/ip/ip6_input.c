/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Validates IPv6 headers (RFC 8200), cuts link-layer padding off, looks destinations up in bulk and
 * sends each packet on by the kind of its next hop. Thread: worker.
 */
#include "dataplane/ip/ip.h"
#include "dataplane/ip/ip6_impl.h"
#include "dataplane/ip/ip6_input.h"

#define FORWARD_KINDS (1u << NEXTHOP_NEIGHBOR | 1u << NEXTHOP_CONNECTED | 1u << NEXTHOP_GROUP)

/* Leaves the @packet_bytes that the IPv6 header announces; the frame has at least these. */
static inline void trim(struct rte_mbuf *m, uint32_t packet_bytes)
{
	uint32_t bytes = pkt_of(m)->l2_len + packet_bytes;

	m->data_len = (uint16_t)bytes;
	m->pkt_len = bytes;
}

/* Whether group @dst is one of interface @ifc: all nodes, all routers, solicited-node of an own
 * address, tentative ones included (RFC 4291 2.8). */
static bool is_joined(const struct iface *ifc, const uint8_t dst[16])
{
	static const uint8_t well_known[15] = {0xff, 0x02};
	static const uint8_t solicited[13] = {0xff, 0x02, [11] = 0x01, [12] = 0xff};

	if (memcmp(dst, well_known, sizeof(well_known)) == 0)
		return dst[15] == 1 || dst[15] == 2;
	if (memcmp(dst, solicited, sizeof(solicited)) != 0)
		return false;
	for (unsigned i = 0; i < ifc->n_addresses; i++) {
		const struct iface_address *a = &ifc->addresses[i];

		if (a->addr.family == 6 && !a->duplicate &&
			memcmp(a->addr.bytes + 13, dst + 13, 3) == 0)
			return true;
	}
	return false;
}

/*
 * Whether @l3 asks for an address of the balancer in that address's own group: those groups are
 * joined too, for neighbour solicitations only (RFC 4861 7.2.3).
 */
static bool asks_for_service(const struct worker *w, const uint8_t *l3, uint32_t bytes)
{
	const uint8_t *target = l3 + IP6_HEADER_BYTES + 8;
	uint32_t number;

	if (!w->world->lb || bytes < IP6_HEADER_BYTES + 24 ||
		l3[IP6_NEXT_OFFSET] != IP6_NEXT_ICMP6 ||
		l3[IP6_HEADER_BYTES] != ICMP6_SOLICITATION ||
		memcmp(l3 + IP6_DST_OFFSET + 13, target + 13, 3) != 0)
		return false;
	fib_lookup6_bulk(&w->world->fib6, &target, &number, 1);
	return w->world->nexthops[number].kind == NEXTHOP_SERVICE;
}

/* Ends or answers what does not go on to ip6_forward; @m has its next hop of @kind. */
static __attribute__((noinline)) void dispatch_rest(
	struct worker *w, struct rte_mbuf *m, enum nexthop_kind kind)
{
	switch (kind) {
	case NEXTHOP_NONE:
		icmp6_error(w, m, DROP_ip6_no_route,
			(struct icmp_error){.type = ICMP6_UNREACHABLE, .code = ICMP6_NO_ROUTE});
		break;
	case NEXTHOP_REJECT:
		icmp6_error(w, m, DROP_ip6_reject,
			(struct icmp_error){.type = ICMP6_UNREACHABLE, .code = ICMP6_REJECT});
		break;
	case NEXTHOP_BLACKHOLE:
		drop(w, m, DROP_ip6_blackhole);
		break;
	case NEXTHOP_LOCAL:
		lane_put(w, STAGE_ip6_local, m);
		break;
	case NEXTHOP_SERVICE:
		lane_put(w, STAGE_lb6, m);
		break;
	case NEXTHOP_BROADCAST: /* of IPv4 only */
		drop(w, m, DROP_ip6_bad_destination);
		break;
	case NEXTHOP_NEIGHBOR:
	case NEXTHOP_CONNECTED:
	case NEXTHOP_GROUP:
		lane_put(w, STAGE_ip6_forward, m);
		break;
	}
}

/* Routes one valid packet whose addresses are not plain. */
static void route_one(struct worker *w, struct rte_mbuf *m)
{
	const struct ip6_header *ip = (const struct ip6_header *)ip6_l3(m);
	const uint8_t *dst = ip->dst;
	enum nexthop_kind kind;
	uint32_t number;

	fib_lookup6_bulk(&w->world->fib6, &dst, &number, 1);
	pkt_of(m)->nexthop = (uint16_t)number;
	kind = (enum nexthop_kind)w->world->nexthops[number].kind;
	/* RFC 4291 2.5.6: what has a link-local source stays on its link; RFC 4443 3.1 says so. */
	if ((1u << kind & FORWARD_KINDS) && ip6_is_link_local(ip->src)) {
		icmp6_error(w, m, DROP_ip6_scope,
			(struct icmp_error){.type = ICMP6_UNREACHABLE, .code = ICMP6_BEYOND_SCOPE});
		return;
	}
	dispatch_rest(w, m, kind);
}

/* Takes whatever ip6_input_is_plain() did not: bad, multicast, link-local and unusual packets. */
static __attribute__((noinline)) void input_odd(struct worker *w, struct rte_mbuf *m)
{
	struct pkt *p = pkt_of(m);
	const uint8_t *l3 = ip6_l3(m);
	const struct iface *ifc = &w->world->ifaces[p->iface];
	struct ip6_input_class c = ip6_input_classify(l3, ip6_l3_bytes(m), p->flags);

	if (c.next == IP6_INPUT_DROP) {
		drop(w, m, c.reason);
		return;
	}
	trim(m, ip6_input_packet_bytes(l3));
	switch (c.next) {
	case IP6_INPUT_ROUTE:
		route_one(w, m);
		break;
	case IP6_INPUT_MULTICAST:
		if (is_joined(ifc, l3 + IP6_DST_OFFSET) || asks_for_service(w, l3, ip6_l3_bytes(m)))
			lane_put(w, STAGE_ip6_local, m);
		else
			drop(w, m, DROP_ip6_link_multicast);
		break;
	case IP6_INPUT_LINK_LOCAL:
		if (ip6_iface_address(ifc, l3 + IP6_DST_OFFSET))
			lane_put(w, STAGE_ip6_local, m);
		else
			drop(w, m, DROP_ip6_scope);
		break;
	case IP6_INPUT_DROP:
		break;
	}
}

/* Puts the looked-up packets into their lanes: nearly always that of ip6_forward. */
static inline void dispatch(
	struct worker *w, struct rte_mbuf **pkts, const uint32_t *numbers, unsigned n)
{
	const struct nexthop *nexthops = w->world->nexthops;
	struct lane *forward = &w->lanes[STAGE_ip6_forward];
	uint32_t filled = forward->n;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		enum nexthop_kind kind = (enum nexthop_kind)nexthops[numbers[i]].kind;

		pkt_of(m)->nexthop = (uint16_t)numbers[i];
		if (LIKELY(1u << kind & FORWARD_KINDS)) {
			if (UNLIKELY(filled == LANE_MAX))
				drop(w, m, DROP_lane_full);
			else
				forward->pkts[filled++] = m;
			continue;
		}
		if (kind == NEXTHOP_SERVICE)
			lane_put(w, STAGE_lb6, m);
		else
			dispatch_rest(w, m, kind);
	}
	forward->n = filled;
	if (filled)
		w->pending |= 1ULL << STAGE_ip6_forward;
}

/* Looks up @addrs, the destinations of the @n packets of a batch, and sorts them. */
static inline void route(
	struct worker *w, struct rte_mbuf **pkts, const uint8_t *const *addrs, unsigned n)
{
	uint32_t numbers[IP6_BATCH];

	if (n == 0)
		return;
	fib_lookup6_bulk(&w->world->fib6, addrs, numbers, n);
	dispatch(w, pkts, numbers, n);
}

void ip6_route(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned from = 0; from < n; from += IP6_BATCH) {
		unsigned count = MIN_OF(IP6_BATCH, n - from);
		const uint8_t *addrs[IP6_BATCH];

		for (unsigned i = 0; i < count; i++)
			addrs[i] = ip6_l3(pkts[from + i]) + IP6_DST_OFFSET;
		route(w, pkts + from, addrs, count);
	}
}

void ip6_input_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned from = 0; from < n; from += IP6_BATCH) {
		unsigned to = MIN_OF(from + IP6_BATCH, n), plain = 0;
		const uint8_t *addrs[IP6_BATCH];
		struct rte_mbuf *routed[IP6_BATCH];

		for (unsigned i = from; i < to; i++) {
			struct rte_mbuf *m = pkts[i];
			const uint8_t *l3 = ip6_l3(m);

			if (UNLIKELY(!ip6_input_is_plain(l3, ip6_l3_bytes(m), pkt_of(m)->flags))) {
				input_odd(w, m);
				continue;
			}
			trim(m, ip6_input_packet_bytes(l3));
			addrs[plain] = l3 + IP6_DST_OFFSET;
			routed[plain++] = m;
		}
		route(w, routed, addrs, plain);
	}
}
