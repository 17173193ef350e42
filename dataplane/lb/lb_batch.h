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
	uint8_t strays[LB_BATCH]; /* numbers of packets whose flows are not at home */
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

/* The hash of the flow of @pk. */
static __rte_always_inline uint64_t lb_hash(
	const struct worker *w, const struct lb_packet *pk, const bool is_ip6)
{
	const uint8_t *addrs = lb_addrs(pk->l3, is_ip6);
	uint32_t src_be, dst_be;

	if (is_ip6)
		return lb_flow6_hash(w, addrs, addrs + 16, pk->l4.protocol, pk->l4.ports);
	memcpy(&src_be, addrs, sizeof(src_be));
	memcpy(&dst_be, addrs + 4, sizeof(dst_be));
	return lb_flow4_hash(w, src_be, dst_be, pk->l4.protocol, pk->l4.ports);
}

static inline struct lb_table *lb_flows(const struct worker *w, const bool is_ip6)
{
	return is_ip6 ? &w->lb->flows6 : &w->lb->flows4;
}

/* Sorts @pkts into @b and starts to fetch what they need. */
static __rte_always_inline void lb_sort(
	struct worker *w, struct rte_mbuf **pkts, unsigned n, struct lb_batch *b, const bool is_ip6)
{
	const struct lb_front *front = NULL;
	uint32_t number = UINT32_MAX; /* the next hop that led to it: mostly one in a batch */
	struct lb_packet *pk = b->packets;
	struct lb_reply *r = b->replies;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];

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
				r += lb_find_record(w, r, front, is_ip6);
			continue;
		}
		if (!lb_read(w, m, &pk->l4, is_ip6))
			continue;
		pk->m = m;
		pk->l3 = lb_l3(m);
		pk->hash = lb_hash(w, pk, is_ip6);
		if (LIKELY(w->lb != NULL))
			pk->place = lb_flow_home_fetch(lb_flows(w, is_ip6), pk->hash, is_ip6);
		pk++;
	}
	b->n_packets = (unsigned)(pk - b->packets);
	b->n_replies = (unsigned)(r - b->replies);
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

		lb_rewrite6(pk->l3, &pk->l4, &to);
	} else {
		struct lb_tuple4 to = {.ports = ports};

		memcpy(&to.src_be, pool->bytes, sizeof(to.src_be));
		memcpy(&to.dst_be, backend->bytes, sizeof(to.dst_be));
		lb_rewrite4(pk->l3, &pk->l4, &to);
	}
}

/* Sees to it that @m, if it is a large IPv4 packet that may be cut on its way, is not mixed up with
 * another client's behind NAT. Small ones are not cut in practice, and identifications are few. */
static inline void lb_nat_renew_id(struct worker *w, struct rte_mbuf *m, const bool is_ip6)
{
	const struct rte_ipv4_hdr *h = (const struct rte_ipv4_hdr *)lb_l3(m);
	const uint16_t not_whole = RTE_BE16(IP4_FRAGMENT_MASK | RTE_IPV4_HDR_DF_FLAG);

	if (!is_ip6 && lb_l3_bytes(m) > IP6_MTU_MIN_BYTES && !(h->fragment_offset & not_whole))
		lb_fragment_renew_id4(w, m);
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
		lb_expired(w, m, b, is_ip6);
		return true;
	}
	if (!out || lb_l3_bytes(m) <= out->mtu ||
		(!is_ip6 && !(h->fragment_offset & RTE_BE16(RTE_IPV4_HDR_DF_FLAG)))) {
		lb_nat_renew_id(w, m, is_ip6);
		return false;
	}
	lb_too_big(w, m, b, out->mtu, is_ip6);
	return true;
}

/* Sends @pk its way: by @out, if that is not NULL and nothing about it is special. */
static __rte_always_inline void lb_send(struct worker *w, const struct lb_packet *pk,
	struct lb_way way, struct ip4_way_out *out, const bool is_ip6)
{
	const struct lb_backend *b = way.backend;
	uint8_t hops;

	if (!is_ip6 && b->inner_bytes_max && !(pk->l4.tcp_flags & LB_TCP_SYN) &&
		LIKELY(lb_tunnel_send_plain(w, pk, b, out)))
		return;
	if (UNLIKELY(b->nexthop == 0)) {
		lb_unreachable(w, pk->m, b->service, LB_DROP_lb_backend_unreachable, is_ip6);
		return;
	}
	if (!way.nat && b->mode != API_LB_DSR) {
		lb_tunnel_send(w, pk->m, b, pk->hash, is_ip6);
		return;
	}
	if (way.nat) {
		hops = pk->l3[is_ip6 ? IP6_HOP_LIMIT_OFFSET : IP4_TTL_OFFSET];
		if (UNLIKELY(hops <= 1 || lb_l3_bytes(pk->m) > IP6_MTU_MIN_BYTES) &&
			lb_nat_ends(w, pk->m, b, is_ip6))
			return;
		lb_translate(w, pk, way, is_ip6);
	}
	lb_leave(w, pk->m, b, out, is_ip6);
}

/* Sends @pk whose flow @found (NULL: none) needs a closer look. */
static __attribute__((noinline)) void lb_balance_slow(
	struct worker *w, struct lb_packet *pk, struct lb_flow *found, const bool is_ip6)
{
	struct lb_way way = lb_decide(w, pk, found, is_ip6);

	if (way.backend)
		lb_send(w, pk, way, NULL, is_ip6);
}

/* Notes where the flows of the packets in @b are. For what is not at home, the place of the flow
 * is fetched, or the one that a new flow would get. */
static __rte_always_inline void lb_locate(
	const struct worker *w, struct lb_batch *b, const bool is_ip6)
{
	const struct lb_table *t = lb_flows(w, is_ip6);
	unsigned n_strays = 0;

	for (unsigned i = 0; i < b->n_packets; i++) {
		struct lb_packet *pk = &b->packets[i];

		pk->place = lb_flow_home_find(
			pk->place, lb_addrs(pk->l3, is_ip6), lb_flow_word(&pk->l4), is_ip6);
		if (LIKELY(pk->place != NULL))
			continue;
		lb_flow_tags_fetch(t, pk->hash);
		b->strays[n_strays++] = (uint8_t)i;
	}
	for (unsigned i = 0; i < n_strays; i++) {
		size_t slot = lb_flow_likely_slot(t, b->packets[b->strays[i]].hash);
		const char *f = (const char *)t->slots + slot * lb_flow_bytes(is_ip6);

		rte_prefetch0(f);
		if (is_ip6)
			rte_prefetch0(f + sizeof(struct lb_flow6) - 1);
	}
}

/* The flow of @pk, or NULL. Counts the packet. The table is as it was before the batch if
 * @is_same. */
static __rte_always_inline struct lb_flow *lb_find(
	const struct worker *w, const struct lb_packet *pk, bool is_same, const bool is_ip6)
{
	const uint8_t *addrs = lb_addrs(pk->l3, is_ip6);
	uint64_t word = lb_flow_word(&pk->l4);
	void *found = pk->place;

	/* The tags of what was at home have not been fetched: it mostly is there still. */
	if (UNLIKELY(!found || (!is_same && !lb_flow_is(found, addrs, word, is_ip6))))
		found = lb_flow_find(lb_flows(w, is_ip6), pk->hash, addrs, word, is_ip6);
	if (UNLIKELY(!found))
		return NULL;
	if (is_ip6)
		return &((struct lb_flow6 *)found)->flow;
	((struct lb_flow4 *)found)->pkts++;
	return &((struct lb_flow4 *)found)->flow;
}

/* Sends the packets of clients in @b to their backends. */
static __rte_always_inline void lb_balance(struct worker *w, struct lb_batch *b, const bool is_ip6)
{
	struct ip4_way_out out = {.number = WORLD_NO_INTERFACE};
	const struct lb_table *t;
	uint32_t tick = lb_tick(w), n_changes;

	/* The main thread has no flows. */
	for (unsigned i = 0; i < b->n_packets && UNLIKELY(!w->lb); i++)
		lb_balance_slow(w, &b->packets[i], NULL, is_ip6);
	if (UNLIKELY(!w->lb))
		return;
	t = lb_flows(w, is_ip6);
	n_changes = t->n_changes;
	lb_locate(w, b, is_ip6);
	/* What is found for one packet is used at once: the next one may end that flow. */
	for (unsigned i = 0; i < b->n_packets; i++) {
		struct lb_packet *pk = &b->packets[i];
		struct lb_flow *found = lb_find(w, pk, t->n_changes == n_changes, is_ip6);
		struct lb_way way = {NULL, 0};

		if (LIKELY(found != NULL))
			way = lb_follow(w, found, pk->l4.tcp_flags, tick);
		if (LIKELY(way.backend != NULL))
			lb_send(w, pk, way, &out, is_ip6);
		else
			lb_balance_slow(w, pk, found, is_ip6);
	}
	ip4_way_out_count(w, &out);
	if (w->lanes[STAGE_port_tx].n)
		w->pending |= 1ULL << STAGE_port_tx;
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

/* Drops reply @r for @reason. */
static __attribute__((noinline)) void lb_reply_drop(
	struct worker *w, const struct lb_reply *r, enum drop_reason reason)
{
	if (reason == DROP_lb_nat_stranger)
		lb_drop_count(w, w->world->lb->backends[r->record->backend].service,
			LB_DROP_lb_nat_stranger);
	drop(w, r->m, reason);
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
			lb_reply_drop(w, r, reason);
			continue;
		}
		lb_reply_note(w, r->record, r->l4.tcp_flags, lb_l3_bytes(r->m));
		lb_nat_renew_id(w, r->m, is_ip6);
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
		lb_sort(w, pkts + from, MIN_OF(n - from, (unsigned)LB_BATCH), &b, is_ip6);
		lb_balance(w, &b, is_ip6);
		lb_answer(w, &b, is_ip6);
	}
}

#endif
