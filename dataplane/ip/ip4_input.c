/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage ip4_input: validates IPv4 headers (RFC 1812 5.2.2), trims link-layer padding, looks the
 * destinations up and sorts the packets by the kind of their next hop. Options pass untouched.
 * Thread: worker.
 */
#include "dataplane/ip/ip4_input.h"

#include "dataplane/ip/ip.h"

/* Kinds of next hops that lead to other nodes. */
#define KINDS_FORWARD (1u << NEXTHOP_NEIGHBOR | 1u << NEXTHOP_CONNECTED | 1u << NEXTHOP_GROUP)

const uint8_t ip4_special_octets[256] = {
	[0] = true,
	[127] = true,
	[224 ... 255] = true,
};

void ip4_undeliverable(struct worker *w, struct rte_mbuf *m, enum nexthop_kind kind)
{
	switch (kind) {
	case NEXTHOP_NONE:
		icmp4_error(w, m, DROP_ip4_no_route,
			(struct icmp_error){
				.type = ICMP4_UNREACHABLE, .code = ICMP4_UNREACHABLE_NETWORK});
		return;
	case NEXTHOP_REJECT:
		/* Not 13, "administratively prohibited": that is a filter's answer (RFC 1812
		 * 5.2.7.1), while a reject route says that nobody is there. */
		icmp4_error(w, m, DROP_ip4_reject,
			(struct icmp_error){
				.type = ICMP4_UNREACHABLE, .code = ICMP4_UNREACHABLE_HOST});
		return;
	case NEXTHOP_BLACKHOLE:
		drop(w, m, DROP_ip4_blackhole);
		return;
	case NEXTHOP_BROADCAST:
		drop(w, m, DROP_ip4_directed_broadcast);
		return;
	case NEXTHOP_SERVICE:
		lane_put(w, STAGE_lb4, m);
		return;
	case NEXTHOP_LOCAL:
	case NEXTHOP_NEIGHBOR:
	case NEXTHOP_CONNECTED:
	case NEXTHOP_GROUP:
		drop(w, m, DROP_ip4_redirect_loop);
		return;
	}
}

/* Gives @m the length that its header says: Ethernet pads short frames. */
static inline void trim(struct rte_mbuf *m, uint32_t bytes)
{
	m->data_len = (uint16_t)bytes;
	m->pkt_len = bytes;
}

/* Whether @dst, in host order, is the network or broadcast address of a connected subnet. */
static bool is_subnet_broadcast(const struct world *world, uint32_t dst)
{
	uint32_t number;

	fib_lookup4_bulk(&world->fib4, &dst, &number, 1);
	return world->nexthops[number].kind == NEXTHOP_BROADCAST;
}

/* Judges and trims a packet that is not plain. Its destination in host order, which is never 0; 0:
 * it was dropped. */
static __attribute__((noinline)) uint32_t validate_slow(struct worker *w, struct rte_mbuf *m)
{
	const struct pkt *p = pkt_of(m);
	const uint8_t *l3 = ip4_l3(m);
	enum drop_reason reason = ip4_input_classify(l3, ip4_l3_bytes(m), p->flags);
	struct ip4_words h;

	if (reason == DROP_ip4_l2_broadcast &&
		is_subnet_broadcast(w->world, be32toh(ip4_words_load(l3).dst_be)))
		reason = DROP_ip4_link_multicast;
	if (UNLIKELY(reason != DROP_NONE)) {
		drop(w, m, reason);
		return 0;
	}
	h = ip4_words_load(l3);
	trim(m, p->l2_len + ip4_words_total_bytes(h));
	return be32toh(h.dst_be);
}

/*
 * Validates @pkts, moves the good ones to its front and their destinations, in host order, to
 * @addrs; returns how many. Untagged frames to this node alone are done here, if they are plain.
 */
static inline unsigned validate(
	struct worker *w, struct rte_mbuf **pkts, unsigned n, uint32_t *addrs)
{
	struct rte_mbuf **good = pkts;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		const struct pkt *p = pkt_of(m);
		const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, IP4_L2_BYTES);
		int more_bytes = m->data_len - IP4_L2_BYTES - IP4_HEADER_BYTES;
		struct ip4_words h;

		if (LIKELY(p->l2_len == IP4_L2_BYTES && p->flags == 0 && more_bytes >= 0)) {
			h = ip4_words_load(l3);
			if (LIKELY(ip4_input_is_plain(h, (uint32_t)more_bytes))) {
				trim(m, IP4_L2_BYTES + ip4_words_total_bytes(h));
				*addrs++ = be32toh(h.dst_be);
				*good++ = m;
				continue;
			}
		}
		*addrs = validate_slow(w, m);
		*good = m;
		good += *addrs != 0;
		addrs += *addrs != 0;
	}
	return (unsigned)(good - pkts);
}

/* Moves @m, which does not simply go to lane ip4_forward, to where its next hop says. */
static __attribute__((noinline)) void dispatch_slow(
	struct worker *w, struct rte_mbuf *m, enum nexthop_kind kind)
{
	if (kind == NEXTHOP_LOCAL)
		lane_put(w, STAGE_ip4_local, m);
	else if (1u << kind & KINDS_FORWARD)
		lane_put(w, STAGE_ip4_forward, m);
	else
		ip4_undeliverable(w, m, kind);
}

/* Sorts the @pkts, whose next hops are @numbers, while lanes ip4_forward and lb4 have room for all
 * of them. */
static inline void dispatch(
	struct worker *w, struct rte_mbuf **pkts, unsigned n, const uint32_t *numbers)
{
	struct lane *forward = &w->lanes[STAGE_ip4_forward], *balance = &w->lanes[STAGE_lb4];
	const struct nexthop *nexthops = w->world->nexthops;
	struct rte_mbuf **to = forward->pkts + forward->n;
	struct rte_mbuf **to_service = balance->pkts + balance->n;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		unsigned kind = nexthops[numbers[i]].kind;

		pkt_of(m)->nexthop = (uint16_t)numbers[i];
		if (LIKELY(1u << kind & KINDS_FORWARD))
			*to++ = m;
		else if (kind == NEXTHOP_SERVICE)
			*to_service++ = m;
		else
			dispatch_slow(w, m, (enum nexthop_kind)kind);
	}
	forward->n = (uint32_t)(to - forward->pkts);
	balance->n = (uint32_t)(to_service - balance->pkts);
	w->pending |= (uint64_t)(forward->n != 0) << STAGE_ip4_forward;
	w->pending |= (uint64_t)(balance->n != 0) << STAGE_lb4;
}

/* Looks up @addrs, the destinations of @pkts in host order, and puts each packet where its next hop
 * says. */
static inline void route(
	struct worker *w, struct rte_mbuf **pkts, unsigned n, const uint32_t *addrs)
{
	uint32_t numbers[LANE_MAX];

	if (n == 0)
		return;
	fib_lookup4_bulk(&w->world->fib4, addrs, numbers, n);
	if (LIKELY(n + MAX_OF(w->lanes[STAGE_ip4_forward].n, w->lanes[STAGE_lb4].n) <= LANE_MAX)) {
		dispatch(w, pkts, n, numbers);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		pkt_of(pkts[i])->nexthop = (uint16_t)numbers[i];
		dispatch_slow(w, pkts[i], (enum nexthop_kind)w->world->nexthops[numbers[i]].kind);
	}
}

void ip4_route(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	uint32_t addrs[LANE_MAX];

	for (unsigned i = 0; i < n; i++)
		addrs[i] = be32toh(((const struct rte_ipv4_hdr *)ip4_l3(pkts[i]))->dst_addr);
	route(w, pkts, n, addrs);
}

void ip4_input_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	uint32_t addrs[LANE_MAX];

	n = validate(w, pkts, n, addrs);
	route(w, pkts, n, addrs);
}
