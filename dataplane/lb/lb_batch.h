/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loops of stages lb4 and lb6: sorts a batch, fetches what all its packets need from the
 * tables, then sends those of clients to backends, and those that come back from backends to the
 * NAT pool to the clients. Thread: worker.
 */
#ifndef DATAPLANE_LB_LB_BATCH_H
#define DATAPLANE_LB_LB_BATCH_H

#include "dataplane/lb/lb_balance.h"
#include "dataplane/lb/lb_tunnel_send.h"

/* A packet from a backend. */
struct lb_reply {
	struct rte_mbuf *m;
	struct lb_nat *record;
	struct lb_l4 l4;
};

struct lb_batch {
	unsigned n_packets;
	unsigned n_replies;
	struct lb_packet packets[LB_BATCH];
	struct lb_reply replies[LB_BATCH];
};

/* Reads the transport header of @m, which is not the next thing behind an IP header without
 * options, or not in order. Whether it goes on here. */
static __attribute__((noinline)) bool lb_read_slow(
	struct worker *w, struct rte_mbuf *m, struct lb_l4 *l4, const bool is_ip6)
{
	enum lb_class class = is_ip6 ? lb_classify6(lb_l3(m), lb_l3_bytes(m), pkt_of(m), l4)
				     : lb_classify4(lb_l3(m), lb_l3_bytes(m), pkt_of(m), l4);

	if (class == LB_CLASS_FLOW)
		return true;
	lb_put_aside(w, m, class, is_ip6);
	return false;
}

/* Reads the transport header of @m into @l4. Whether it goes on here. */
static __rte_always_inline bool lb_read(
	struct worker *w, struct rte_mbuf *m, struct lb_l4 *l4, const bool is_ip6)
{
	const uint8_t *l3 = lb_l3(m);
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;
	uint32_t offset = is_ip6 ? IP6_HEADER_BYTES : IP4_HEADER_BYTES;
	bool plain =
		is_ip6 || (l3[0] == 0x45 && !(h->fragment_offset & RTE_BE16(IP4_FRAGMENT_MASK)));

	l4->protocol = is_ip6 ? l3[IP6_NEXT_OFFSET] : h->next_proto_id;
	l4->offset = (uint16_t)offset;
	if (LIKELY(plain && lb_is_balanced(l4->protocol) &&
		    lb_classify_l4(l3 + offset, lb_l3_bytes(m) - offset, true, l4) ==
			    LB_CLASS_FLOW))
		return true;
	return lb_read_slow(w, m, l4, is_ip6);
}

/* The number in the pool of the address that @m to pool @front is for; LB_POOL_MAX or more: none.
 * The prefix of a front has at most LB_POOL_MAX addresses: the last 32 bits tell them apart. */
static inline uint32_t lb_pool_index(
	struct rte_mbuf *m, const struct lb_front *front, const bool is_ip6)
{
	uint32_t dst_be, first_be;

	memcpy(&dst_be, lb_l3(m) + (is_ip6 ? IP6_DST_OFFSET + 12 : LB_IP4_DST_OFFSET), 4);
	memcpy(&first_be, front->prefix.bytes + (is_ip6 ? 12 : 0), 4);
	return front->pool_first + be32toh(dst_be) - be32toh(first_be);
}

/* Finds the record of reply @r to pool @front, and has it fetched. False: the packet went
 * elsewhere. */
static inline bool lb_find_record(
	struct worker *w, struct lb_reply *r, const struct lb_front *front, const bool is_ip6)
{
	const struct lb_world *lb = w->world->lb;
	uint16_t port_be = (uint16_t)(r->l4.ports >> 16);
	uint8_t owner = w->n_workers == 1 ? 0 : lb_nat_owner(w, port_be);
	uint32_t index = lb_pool_index(r->m, front, is_ip6);

	/* Whatever the world is there: in by the front door. */
	if (UNLIKELY(owner != w->id)) {
		worker_handoff(w, r->m, owner, is_ip6 ? STAGE_ip6_input : STAGE_ip4_input);
		return false;
	}
	if (UNLIKELY(index >= LB_POOL_MAX || !lb->pool[index].records)) {
		drop(w, r->m, DROP_lb_nat_no_flow);
		return false;
	}
	r->record = &lb->pool[index].records[be16toh(port_be)];
	rte_prefetch0(r->record);
	return true;
}

/* Fills in the key of @pk from its headers, and the hash. */
static __rte_always_inline void lb_key(
	const struct worker *w, struct lb_packet *pk, const bool is_ip6)
{
	const uint8_t *l3 = lb_l3(pk->m);
	uint8_t protocol = pk->l4.protocol;
	uint32_t ports = pk->l4.ports;

	if (is_ip6) {
		struct lb_flow6 *f = &pk->flow6;

		memcpy(f->src, l3 + IP6_SRC_OFFSET, sizeof(f->src));
		memcpy(f->dst, l3 + IP6_DST_OFFSET, sizeof(f->dst));
		f->flow.ports = ports;
		f->flow.protocol = protocol;
		pk->hash = lb_flow6_hash(w, f->src, f->dst, protocol, ports);
	} else {
		struct lb_flow4 *f = &pk->flow4;

		memcpy(&f->src_be, l3 + LB_IP4_SRC_OFFSET, sizeof(f->src_be));
		memcpy(&f->dst_be, l3 + LB_IP4_DST_OFFSET, sizeof(f->dst_be));
		f->flow.ports = ports;
		f->flow.protocol = protocol;
		pk->hash = lb_flow4_hash(w, f->src_be, f->dst_be, protocol, ports);
	}
}

/* Sorts @pkts into @b and starts to fetch what they need. */
static __rte_always_inline void lb_sort(
	struct worker *w, struct rte_mbuf **pkts, unsigned n, struct lb_batch *b, const bool is_ip6)
{
	const struct lb_front *front = NULL;
	uint32_t number = UINT32_MAX; /* the next hop that led to it: mostly one in a batch */

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct lb_packet *pk = &b->packets[b->n_packets];
		struct lb_reply *r = &b->replies[b->n_replies];

		if (UNLIKELY(pkt_of(m)->nexthop != number)) {
			number = pkt_of(m)->nexthop;
			front = lb_front_of(w, m);
		}
		/* A route of another world: it is looked up in this one. */
		if (UNLIKELY(!front)) {
			lane_put(w, is_ip6 ? STAGE_ip6_input : STAGE_ip4_input, m);
			continue;
		}
		if (front->is_pool) {
			r->m = m;
			if (lb_read(w, m, &r->l4, is_ip6))
				b->n_replies += lb_find_record(w, r, front, is_ip6);
			continue;
		}
		if (!lb_read(w, m, &pk->l4, is_ip6))
			continue;
		pk->m = m;
		lb_key(w, pk, is_ip6);
		if (LIKELY(w->lb != NULL)) {
			if (is_ip6)
				lb_flow6_prefetch(&w->lb->flows6, pk->hash);
			else
				lb_flow4_prefetch(&w->lb->flows4, pk->hash);
		}
		b->n_packets++;
	}
}

/* Gives @pk address and port of pool entry @nat as source, those of @b as destination. */
static __rte_always_inline void lb_translate(
	struct worker *w, const struct lb_packet *pk, struct lb_way way, const bool is_ip6)
{
	const struct ip_addr *pool = &w->world->lb->pool[way.nat >> 16].addr;
	const struct ip_addr *backend = &way.backend->addr;
	uint32_t ports = (uint32_t)lb_port_for(way.backend, pk->l4.ports) << 16 |
			 __builtin_bswap16((uint16_t)way.nat);

	if (is_ip6) {
		struct lb_tuple6 to = {pool->bytes, backend->bytes, ports};

		lb_rewrite6(lb_l3(pk->m), &pk->l4, &to);
	} else {
		struct lb_tuple4 to = {.ports = ports};

		memcpy(&to.src_be, pool->bytes, sizeof(to.src_be));
		memcpy(&to.dst_be, backend->bytes, sizeof(to.dst_be));
		lb_rewrite4(lb_l3(pk->m), &pk->l4, &to);
	}
}

/* Answers and drops @m if it must not pass NAT to @b: the error is about the packet as its client
 * knows it, and counts against that client's share of errors, not against that of the pool. */
static __attribute__((noinline)) bool lb_nat_ends(
	struct worker *w, struct rte_mbuf *m, const struct lb_backend *b, const bool is_ip6)
{
	const struct iface *out = lb_iface_to(w, b);
	const uint8_t *l3 = lb_l3(m);
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)l3;

	if (l3[is_ip6 ? IP6_HOP_LIMIT_OFFSET : IP4_TTL_OFFSET] <= 1) {
		lb_expired(w, m, is_ip6);
		return true;
	}
	if (!out || lb_l3_bytes(m) <= out->mtu ||
		(!is_ip6 && !(h->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG))))
		return false;
	lb_too_big(w, m, out->mtu, is_ip6);
	return true;
}

/* Sends @pk its way. */
static __rte_always_inline void lb_send(
	struct worker *w, const struct lb_packet *pk, struct lb_way way, const bool is_ip6)
{
	const struct lb_backend *b = way.backend;
	uint8_t hops;

	if (UNLIKELY(b->nexthop == 0)) {
		lb_unreachable(w, pk->m, DROP_lb_backend_unreachable, is_ip6);
		return;
	}
	if (!way.nat && b->mode != API_LB_DSR) {
		lb_tunnel_send(w, pk->m, b, pk->hash, is_ip6);
		return;
	}
	if (way.nat) {
		hops = lb_l3(pk->m)[is_ip6 ? IP6_HOP_LIMIT_OFFSET : IP4_TTL_OFFSET];
		if (UNLIKELY(hops <= 1 || lb_l3_bytes(pk->m) > IP6_MTU_MIN_BYTES) &&
			lb_nat_ends(w, pk->m, b, is_ip6))
			return;
		lb_translate(w, pk, way, is_ip6);
	}
	lb_forward(w, pk->m, b, is_ip6);
}

/* Sends @pk whose flow @found (NULL: none) needs a closer look. */
static __attribute__((noinline)) void lb_balance_slow(
	struct worker *w, struct lb_packet *pk, struct lb_flow *found, const bool is_ip6)
{
	struct lb_way way = lb_decide(w, pk, found, is_ip6);

	if (way.backend)
		lb_send(w, pk, way, is_ip6);
}

/* Notes where the flow of @pk should be, or would be put, and has it fetched. */
static __rte_always_inline void lb_expect(
	const struct worker *w, struct lb_packet *pk, const bool is_ip6)
{
	if (is_ip6) {
		const struct lb_table *t = &w->lb->flows6;
		struct lb_flow6 *f = (struct lb_flow6 *)t->slots + lb_flow_likely_slot(t, pk->hash);

		rte_prefetch0(f);
		rte_prefetch0(&f->flow);
		pk->expected = f;
	} else {
		const struct lb_table *t = &w->lb->flows4;

		pk->expected = (struct lb_flow4 *)t->slots + lb_flow_likely_slot(t, pk->hash);
		rte_prefetch0(pk->expected);
	}
}

/* The flow of @pk, or NULL. Counts the packet. What is at the expected place may be another flow,
 * or none any more. */
static __rte_always_inline struct lb_flow *lb_find(
	struct worker *w, struct lb_packet *pk, const bool is_ip6)
{
	struct lb_flow4 *f4 = pk->expected;
	struct lb_flow6 *f6 = pk->expected;

	if (is_ip6) {
		if (UNLIKELY(!lb_flow_same(f6, &pk->flow6, true) || f6->flow.state == LB_FLOW_FREE))
			f6 = lb_flow6_find(w, pk->hash, &pk->flow6);
		return f6 ? &f6->flow : NULL;
	}
	if (UNLIKELY(!lb_flow_same(f4, &pk->flow4, false) || f4->flow.state == LB_FLOW_FREE))
		f4 = lb_flow4_find(w, pk->hash, &pk->flow4);
	if (UNLIKELY(!f4))
		return NULL;
	f4->pkts++;
	return &f4->flow;
}

/* Sends the packets of clients in @b to their backends. */
static __rte_always_inline void lb_balance(struct worker *w, struct lb_batch *b, const bool is_ip6)
{
	uint32_t tick = lb_tick(w);

	/* The main thread has no flows. */
	for (unsigned i = 0; i < b->n_packets && UNLIKELY(!w->lb); i++)
		lb_balance_slow(w, &b->packets[i], NULL, is_ip6);
	if (UNLIKELY(!w->lb))
		return;
	for (unsigned i = 0; i < b->n_packets; i++)
		lb_expect(w, &b->packets[i], is_ip6);
	/* What is found for one packet is used at once: the next one may end that flow. */
	for (unsigned i = 0; i < b->n_packets; i++) {
		struct lb_packet *pk = &b->packets[i];
		struct lb_flow *found = lb_find(w, pk, is_ip6);
		struct lb_way way = {NULL, 0};

		if (LIKELY(found != NULL))
			way = lb_follow(w, found, pk->l4.tcp_flags, tick);
		if (LIKELY(way.backend != NULL))
			lb_send(w, pk, way, is_ip6);
		else
			lb_balance_slow(w, pk, found, is_ip6);
	}
}

/* Gives @r the VIP as source and the client as destination. */
static __rte_always_inline void lb_translate_reply(
	struct lb_reply *r, const struct lb_nat *nat, const bool is_ip6)
{
	uint32_t ports = (uint32_t)nat->client_port_be << 16 | nat->vip_port_be;

	if (is_ip6) {
		struct lb_tuple6 to = {nat->vip, nat->client, ports};

		lb_rewrite6(lb_l3(r->m), &r->l4, &to);
	} else {
		struct lb_tuple4 to = {.ports = ports};

		memcpy(&to.src_be, nat->vip, sizeof(to.src_be));
		memcpy(&to.dst_be, nat->client, sizeof(to.dst_be));
		lb_rewrite4(lb_l3(r->m), &r->l4, &to);
	}
}

/*
 * Routes the @n answers @pkts to their clients. A client with an address of the balancer itself was
 * made up: its answers would come in as questions, and two talkative backends (or one) would answer
 * each other for ever.
 */
static __rte_always_inline void lb_route(
	struct worker *w, struct rte_mbuf **pkts, unsigned n, const bool is_ip6)
{
	struct lane *here = &w->lanes[is_ip6 ? STAGE_lb6 : STAGE_lb4];
	unsigned before = here->n;

	if (is_ip6)
		ip6_route(w, pkts, n);
	else
		ip4_route(w, pkts, n);
	while (UNLIKELY(here->n > before))
		drop(w, here->pkts[--here->n],
			is_ip6 ? DROP_ip6_redirect_loop : DROP_ip4_redirect_loop);
}

/* Sends the packets of backends in @b to the clients. */
static __rte_always_inline void lb_answer(struct worker *w, struct lb_batch *b, const bool is_ip6)
{
	struct rte_mbuf *routed[LB_BATCH];
	unsigned n = 0;

	for (unsigned i = 0; i < b->n_replies; i++) {
		struct lb_reply *r = &b->replies[i];
		enum drop_reason reason = lb_reply_check(w, r->m, r->record, &r->l4, is_ip6);

		if (UNLIKELY(reason != DROP_NONE)) {
			drop(w, r->m, reason);
			continue;
		}
		lb_reply_note(w, r->record, r->l4.tcp_flags, lb_l3_bytes(r->m));
		lb_translate_reply(r, r->record, is_ip6);
		routed[n++] = r->m;
	}
	lb_route(w, routed, n, is_ip6);
}

/* The body of both stages. */
static __rte_always_inline void lb_run(
	struct worker *w, struct rte_mbuf **pkts, unsigned n, const bool is_ip6)
{
	struct lb_batch b;

	for (unsigned from = 0; from < n; from += LB_BATCH) {
		b.n_packets = 0;
		b.n_replies = 0;
		lb_sort(w, pkts + from, MIN_OF(n - from, (unsigned)LB_BATCH), &b, is_ip6);
		lb_balance(w, &b, is_ip6);
		lb_answer(w, &b, is_ip6);
	}
}

#endif
