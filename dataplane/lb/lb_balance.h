/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stages lb4 and lb6 do alike, once for both: which backend a packet from a client belongs to,
 * by its flow or by a new choice. Functions with is_ip6 take it as a constant. Thread: worker.
 */
#ifndef DATAPLANE_LB_LB_BALANCE_H
#define DATAPLANE_LB_LB_BALANCE_H

#include "dataplane/ip/ip.h"
#include "dataplane/lb/lb_drop.h"
#include "dataplane/lb/lb_impl.h"
#include "dataplane/lb/lb_rewrite.h"

#define LB_IP4_SRC_OFFSET 12
#define LB_IP4_DST_OFFSET 16

#define LB_BATCH 64 /* packets whose tables are fetched at once */

/* A packet from a client. */
struct lb_packet {
	struct rte_mbuf *m;
	uint8_t *l3;   /* its IP header */
	uint64_t hash; /* of its flow */
	void *place;   /* the home of its flow, then where it is; NULL: perhaps elsewhere */
	struct lb_l4 l4;
};

/* Where it goes. */
struct lb_way {
	const struct lb_backend *backend; /* NULL: the packet has ended or is elsewhere */
	uint32_t nat;                     /* number of its port; 0: no NAT */
};

static inline uint8_t *lb_l3(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, uint8_t *, pkt_of(m)->l2_len);
}

static inline uint32_t lb_l3_bytes(struct rte_mbuf *m)
{
	return (uint32_t)rte_pktmbuf_data_len(m) - pkt_of(m)->l2_len;
}

/* Source and destination of the packet at @l3, one behind the other: what flows have in front. */
static inline const uint8_t *lb_addrs(const uint8_t *l3, const bool is_ip6)
{
	return l3 + (is_ip6 ? IP6_SRC_OFFSET : LB_IP4_SRC_OFFSET);
}

/* The front that the route of @m led to, or NULL when that route was of another world. */
static inline const struct lb_front *lb_front_of(const struct worker *w, struct rte_mbuf *m)
{
	const struct nexthop *nh = &w->world->nexthops[pkt_of(m)->nexthop];

	if (UNLIKELY(nh->kind != NEXTHOP_SERVICE || nh->iface >= LB_FRONTS_MAX || !w->world->lb))
		return NULL;
	return &w->world->lb->fronts[nh->iface];
}

/* Answers and drops @m of service number @service, which cannot get to a backend. */
static inline void lb_unreachable(
	struct worker *w, struct rte_mbuf *m, uint16_t service, enum lb_drop why, const bool is_ip6)
{
	enum drop_reason reason = (enum drop_reason)lb_drop_reasons[why];

	lb_drop_count(w, service, why);
	if (is_ip6)
		icmp6_error(w, m, reason,
			(struct icmp_error){.type = ICMP6_UNREACHABLE, .code = ICMP6_ADDRESS});
	else
		icmp4_error(w, m, reason,
			(struct icmp_error){
				.type = ICMP4_UNREACHABLE, .code = ICMP4_UNREACHABLE_HOST});
}

/* Moves @m of @class, which is no flow's packet, to who sees to it. */
static inline void lb_put_aside(
	struct worker *w, struct rte_mbuf *m, enum lb_class class, const bool is_ip6)
{
	switch (class) {
	case LB_CLASS_FRAGMENT:
		lane_put(w, STAGE_lb_fragment, m);
		break;
	case LB_CLASS_ICMP_ERROR:
		lane_put(w, STAGE_lb_icmp, m);
		break;
	case LB_CLASS_FLOW:
	case LB_CLASS_LOCAL:
		lane_put(w, is_ip6 ? STAGE_ip6_local : STAGE_ip4_local, m);
		break;
	case LB_CLASS_RUNT:
		drop(w, m, DROP_lb_runt);
		break;
	case LB_CLASS_BAD:
		drop(w, m, DROP_l4_bad_header);
		break;
	}
}

/* Whether @flow, the one of a packet with @tcp_flags, takes that packet too; if not, its time is
 * over. */
static inline bool lb_flow_goes_on(
	const struct worker *w, const struct lb_flow *flow, uint8_t tcp_flags)
{
	const struct lb_backend *b = &w->world->lb->backends[flow->backend];
	const struct lb_nat *nat = NULL;
	bool is_syn = lb_is_syn(tcp_flags);

	if (b->service_gone)
		return false;
	if (flow->nat) {
		nat = lb_nat_held(w, flow->nat);
		if (!nat)
			return false;
	}
	/* What was established may outlive a verdict about its backend. */
	if (b->use == API_BACKEND_DOWN && (is_syn || flow->protocol == IPPROTO_UDP))
		return false;
	if (!is_syn)
		return true;
	return flow->state != LB_FLOW_TCP_CLOSING && !(nat && nat->state == LB_FLOW_TCP_CLOSING) &&
	       !lb_flow_is_idle(w, flow);
}

/* The state of @flow after a client's packet with @tcp_flags. Behind NAT a client that no backend
 * has answered yet establishes nothing. */
static inline void lb_flow_advance(struct lb_nat *nat, struct lb_flow *flow, uint8_t tcp_flags)
{
	uint8_t next = lb_state_next(flow->state, lb_event_of(tcp_flags));

	if (UNLIKELY(tcp_flags & LB_TCP_RST) && nat)
		nat->reset = true;
	if (LIKELY(next == flow->state))
		return;
	if (nat && !nat->answered && next != LB_FLOW_TCP_CLOSING)
		return;
	flow->state = next;
}

static inline uint16_t lb_port_for(const struct lb_backend *b, uint32_t ports)
{
	return b->port_be ? b->port_be : (uint16_t)(ports >> 16);
}

/* Ends @m for @reason: the service it is for takes no more. */
static inline struct lb_way lb_refuse(
	struct worker *w, struct rte_mbuf *m, uint16_t service, enum lb_drop why)
{
	lb_drop(w, m, service, why);
	return (struct lb_way){NULL, 0};
}

/* The flow that @pk begins with backend number @backend. */
static inline struct lb_flow lb_flow_first(
	const struct worker *w, const struct lb_packet *pk, uint16_t backend, uint32_t nat)
{
	return (struct lb_flow){
		.ports = pk->l4.ports,
		.backend = backend,
		.protocol = pk->l4.protocol,
		.state = lb_state_first(pk->l4.protocol),
		.seen = lb_tick(w),
		.nat = nat,
	};
}

/* Stores the flow that @pk begins with backend number @backend. */
static inline bool lb_store(
	struct worker *w, struct lb_packet *pk, uint16_t backend, uint32_t nat, const bool is_ip6)
{
	const uint8_t *addrs = lb_addrs(pk->l3, is_ip6);
	struct lb_flow4 f4 = {.flow = lb_flow_first(w, pk, backend, nat), .pkts = 1};
	struct lb_flow6 f6;

	if (is_ip6) {
		f6.flow = f4.flow;
		memcpy(f6.src, addrs, sizeof(f6.src) + sizeof(f6.dst));
		return lb_flow6_add(w, pk->hash, &f6) != NULL;
	}
	memcpy(&f4.src_be, addrs, sizeof(f4.src_be) + sizeof(f4.dst_be));
	f4.born = f4.flow.seen;
	return lb_flow4_add(w, pk->hash, &f4) != NULL;
}

/* Lets the flow that @pk begins with backend number @backend, without NAT, take the place of
 * @over, the one before it with the same key, also without NAT. */
static inline void lb_store_over(struct worker *w, struct lb_packet *pk, uint16_t backend,
	struct lb_flow *over, const bool is_ip6)
{
	struct lb_flow4 *f4 = CONTAINER_OF(over, struct lb_flow4, flow);

	w->stats->backends[over->backend].ended_flows++;
	w->stats->backends[backend].new_flows++;
	*over = lb_flow_first(w, pk, backend, 0);
	if (is_ip6)
		return;
	f4->born = over->seen;
	f4->pkts = 1;
}

/*
 * Passes @m, a fragment whose flow is not here, to the next worker that was not asked yet: a device
 * with queues of its own gives fragments to the worker of their addresses, not to that of the flow.
 */
static inline bool lb_ask_next(struct worker *w, struct rte_mbuf *m, const bool is_ip6)
{
	struct pkt *p = pkt_of(m);

	if (!(p->flags & PKT_PORTS) || !w->lb || p->visited + 1 >= w->n_workers ||
		p->iface >= WORLD_INTERFACES_MAX ||
		(w->lb->ports->steered >> w->world->ifaces[p->iface].port & 1))
		return false;
	p->visited++;
	worker_handoff(w, m, (uint8_t)((w->id + 1u) % w->n_workers),
		is_ip6 ? STAGE_ip6_input : STAGE_ip4_input);
	return true;
}

/* Takes a NAT port for the new flow of @pk to backend number @backend and stores it. */
static inline struct lb_way lb_begin_nat(
	struct worker *w, struct lb_packet *pk, uint16_t backend, const bool is_ip6)
{
	const struct lb_backend *b = &w->world->lb->backends[backend];
	struct lb_nat_want want = {
		.backend = b,
		.backend_number = backend,
		.backend_port_be = lb_port_for(b, pk->l4.ports),
		.protocol = pk->l4.protocol,
	};
	const uint8_t *addrs = lb_addrs(pk->l3, is_ip6);
	struct lb_nat *record;
	uint32_t nat;

	/* What is no beginning has lost its flow: whoever sent it learns it from a reset. */
	if (pk->l4.protocol == IPPROTO_TCP && !lb_is_syn(pk->l4.tcp_flags)) {
		if (!lb_ask_next(w, pk->m, is_ip6))
			lb_put_aside(w, pk->m, LB_CLASS_LOCAL, is_ip6);
		return (struct lb_way){NULL, 0};
	}
	/* The main thread owns no ports. */
	if (!w->lb) {
		worker_handoff(w, pk->m, 0, is_ip6 ? STAGE_ip6_input : STAGE_ip4_input);
		return (struct lb_way){NULL, 0};
	}
	if (!lb_flow_admit(w))
		return lb_refuse(w, pk->m, b->service, LB_DROP_lb_new_flow_limit);
	nat = lb_nat_take(w, &want);
	if (nat == 0)
		return lb_refuse(w, pk->m, b->service, LB_DROP_lb_nat_exhausted);
	record = lb_nat_at(w->world->lb, nat);
	memcpy(record->client, addrs, is_ip6 ? 16 : 4);
	memcpy(record->vip, addrs + (is_ip6 ? 16 : 4), is_ip6 ? 16 : 4);
	record->client_port_be = (uint16_t)pk->l4.ports;
	record->vip_port_be = (uint16_t)(pk->l4.ports >> 16);
	if (!lb_store(w, pk, backend, nat, is_ip6)) {
		lb_nat_give(w, nat);
		return lb_refuse(w, pk->m, b->service, LB_DROP_lb_table_full);
	}
	w->stats->services[b->service].new_flows++;
	return (struct lb_way){b, nat};
}

/* The number of the service that takes @pk, or LB_NO_SERVICE. */
static inline uint16_t lb_service_of(const struct worker *w, const struct lb_packet *pk)
{
	const struct lb_world *lb = w->world->lb;

	return lb_service_find(lb, (uint16_t)(lb_front_of(w, pk->m) - lb->fronts), pk->l4.protocol,
		(uint16_t)(pk->l4.ports >> 16));
}

/* The hash by which the backend of a new flow between @addrs is chosen. */
static inline uint64_t lb_choice(
	const struct lb_world *lb, const uint8_t *addrs, const struct lb_l4 *l4, const bool is_ip6)
{
	uint32_t src_be, dst_be;

	if (is_ip6)
		return flow_hash_ip6(lb->choice_key, addrs, addrs + 16, l4->protocol, l4->ports);
	memcpy(&src_be, addrs, sizeof(src_be));
	memcpy(&dst_be, addrs + 4, sizeof(dst_be));
	return flow_hash_ip4(lb->choice_key, src_be, dst_be, l4->protocol, l4->ports);
}

/* Ends *@flow, if there is one. */
static inline void lb_end(struct worker *w, struct lb_flow **flow, const bool is_ip6)
{
	if (*flow)
		lb_flow_end(w, is_ip6 ? &w->lb->flows6 : &w->lb->flows4, *flow);
	*flow = NULL;
}

/* Chooses a backend for @pk, which belongs to no flow that goes on, and stores a flow if there may
 * be one: that in place of *@over, if it is not NULL, which it is then. */
static inline struct lb_way lb_begin(
	struct worker *w, struct lb_packet *pk, struct lb_flow **over, const bool is_ip6)
{
	const struct lb_world *lb = w->world->lb;
	uint16_t service = lb_service_of(w, pk);
	const uint8_t *addrs = lb_addrs(pk->l3, is_ip6);
	struct stats_service *stats;
	uint16_t backend;

	if (service == LB_NO_SERVICE) {
		lb_put_aside(w, pk->m, LB_CLASS_LOCAL, is_ip6);
		return (struct lb_way){NULL, 0};
	}
	stats = &w->stats->services[service];
	backend = lb_choose(&lb->services[service], lb_choice(lb, addrs, &pk->l4, is_ip6));
	if (UNLIKELY(backend == LB_NO_BACKEND)) {
		lb_unreachable(w, pk->m, service, LB_DROP_lb_no_backend, is_ip6);
		return (struct lb_way){NULL, 0};
	}
	if (lb->backends[backend].mode == API_LB_NAT) {
		lb_end(w, over, is_ip6);
		return lb_begin_nat(w, pk, backend, is_ip6);
	}
	/* What ends a connection is not worth a flow. */
	if (!w->lb || lb_event_of(pk->l4.tcp_flags) == LB_EVENT_CLOSES)
		return (struct lb_way){&lb->backends[backend], 0};
	if (!lb_flow_admit(w)) {
		stats->unstored_rate++;
	} else if (*over) {
		lb_store_over(w, pk, backend, *over, is_ip6);
		*over = NULL;
		stats->new_flows++;
	} else if (!lb_store(w, pk, backend, 0, is_ip6)) {
		stats->unstored_full++;
	} else {
		stats->new_flows++;
	}
	return (struct lb_way){&lb->backends[backend], 0};
}

/* Decides about @pk with all rules; @found is its flow, or NULL. */
static inline struct lb_way lb_decide(
	struct worker *w, struct lb_packet *pk, struct lb_flow *found, const bool is_ip6)
{
	const struct ip6_header *ip = (const struct ip6_header *)pk->l3;
	struct lb_way way;

	if (found && lb_flow_goes_on(w, found, pk->l4.tcp_flags)) {
		found->seen = lb_tick(w);
		lb_flow_advance(
			found->nat ? lb_nat_held(w, found->nat) : NULL, found, pk->l4.tcp_flags);
		return (struct lb_way){&w->world->lb->backends[found->backend], found->nat};
	}
	/* Its port is given back before another one is taken. */
	if (found && found->nat)
		lb_end(w, &found, is_ip6);
	/* RFC 4291 2.5.6: what has a link-local source stays on its link. */
	if (is_ip6 && UNLIKELY(ip6_is_link_local(ip->src))) {
		uint16_t service = lb_service_of(w, pk);

		if (service != LB_NO_SERVICE)
			lb_drop_count(w, service, LB_DROP_ip6_scope);
		icmp6_error(w, pk->m, DROP_ip6_scope,
			(struct icmp_error){.type = ICMP6_UNREACHABLE, .code = ICMP6_BEYOND_SCOPE});
		way = (struct lb_way){NULL, 0};
	} else {
		way = lb_begin(w, pk, &found, is_ip6);
	}
	lb_end(w, &found, is_ip6);
	return way;
}

/*
 * The way of a packet whose flow @found needs no second look: nothing begins, and its backend is as
 * it was. Otherwise backend NULL, and lb_decide() must be asked.
 */
static inline struct lb_way lb_follow(
	struct worker *w, struct lb_flow *found, uint8_t tcp_flags, uint32_t tick)
{
	const struct lb_backend *b = &w->world->lb->backends[found->backend];
	enum lb_event event = lb_event_of(tcp_flags);
	struct lb_nat *nat = NULL;

	if (UNLIKELY(event == LB_EVENT_OPENS || b->use == API_BACKEND_DOWN || b->service_gone))
		return (struct lb_way){NULL, 0};
	if (found->nat) {
		nat = lb_nat_held(w, found->nat);
		if (UNLIKELY(!nat))
			return (struct lb_way){NULL, 0};
	}
	found->seen = tick;
	if (UNLIKELY(event != LB_EVENT_DATA || !lb_state_is_settled(found->state)))
		lb_flow_advance(nat, found, tcp_flags);
	return (struct lb_way){b, found->nat};
}

/* The interface by which packets leave to @b, for its MTU; NULL: there is no way. */
static inline const struct iface *lb_iface_to(const struct worker *w, const struct lb_backend *b)
{
	const struct nexthop *nh = &w->world->nexthops[b->nexthop];

	if (nh->kind == NEXTHOP_GROUP)
		nh = &w->world->nexthops[nh->group->hops[0]];
	if (UNLIKELY(nh->kind != NEXTHOP_NEIGHBOR && nh->kind != NEXTHOP_CONNECTED))
		return NULL;
	return &w->world->ifaces[nh->iface];
}

/* Answers and drops @m, which does not fit the @mtu of its way to @b. */
static inline void lb_too_big(struct worker *w, struct rte_mbuf *m, const struct lb_backend *b,
	uint32_t mtu, const bool is_ip6)
{
	lb_drop_count(w, b->service, LB_DROP_lb_too_big);
	if (is_ip6)
		icmp6_error(w, m, DROP_lb_too_big,
			(struct icmp_error){
				.type = ICMP6_TOO_BIG, .info = MAX_OF(mtu, IP6_MTU_MIN_BYTES)});
	else
		icmp4_error(w, m, DROP_lb_too_big,
			(struct icmp_error){.type = ICMP4_UNREACHABLE,
				.code = ICMP4_UNREACHABLE_TOO_BIG,
				.info = mtu});
}

/* Answers and drops @m to @b, whose last hop this is. */
static inline void lb_expired(
	struct worker *w, struct rte_mbuf *m, const struct lb_backend *b, const bool is_ip6)
{
	lb_drop_count(w, b->service, is_ip6 ? LB_DROP_ip6_hop_limit : LB_DROP_ip4_ttl_exceeded);
	if (is_ip6)
		icmp6_error(
			w, m, DROP_ip6_hop_limit, (struct icmp_error){.type = ICMP6_TIME_EXCEEDED});
	else
		icmp4_error(w, m, DROP_ip4_ttl_exceeded,
			(struct icmp_error){.type = ICMP4_TIME_EXCEEDED});
}

/* Counts a packet of @bytes, IP header included, to backend @b. */
static inline void lb_count(struct worker *w, const struct lb_backend *b, uint32_t bytes)
{
	struct stats_backend *stats = &w->stats->backends[b - w->world->lb->backends];

	stats->pkts++;
	stats->bytes += bytes;
}

/* Lets IPv4 packet @m leave for @b at once, if nothing about it is special and @out is not NULL.
 * Whether it did. @is_own, a constant: the header is the node's, its TTL stays. */
static __rte_always_inline bool lb_leave_now(struct worker *w, struct rte_mbuf *m,
	const struct lb_backend *b, struct ip4_way_out *out, const bool is_own)
{
	struct lane *tx = &w->lanes[STAGE_port_tx];

	pkt_of(m)->nexthop = b->nexthop;
	if (UNLIKELY(!out || tx->n == LANE_MAX ||
		     !ip4_forward_now(w, out, m, &w->world->nexthops[b->nexthop], is_own)))
		return false;
	tx->pkts[tx->n++] = m;
	return true;
}

/* Counts @m and lets it leave for @b, to which there is a way, as it is now: at once by @out, if
 * that can be. */
static __rte_always_inline void lb_leave(struct worker *w, struct rte_mbuf *m,
	const struct lb_backend *b, struct ip4_way_out *out, const bool is_ip6)
{
	lb_count(w, b, lb_l3_bytes(m));
	pkt_of(m)->nexthop = b->nexthop;
	if (is_ip6)
		lane_put(w, STAGE_ip6_forward, m);
	else if (!lb_leave_now(w, m, b, out, false))
		lane_put(w, STAGE_ip4_forward, m);
}

/* Why @m with @l4, sent to the port of @record, is not from its backend; DROP_NONE: it is. */
static inline enum drop_reason lb_reply_check(const struct worker *w, struct rte_mbuf *m,
	const struct lb_nat *record, const struct lb_l4 *l4, const bool is_ip6)
{
	const uint8_t *src = lb_l3(m) + (is_ip6 ? IP6_SRC_OFFSET : LB_IP4_SRC_OFFSET);
	const struct lb_backend *b;

	if (UNLIKELY(record->state == LB_FLOW_FREE || record->family != (is_ip6 ? 6 : 4) ||
		     record->protocol != l4->protocol))
		return DROP_lb_nat_no_flow;
	b = &w->world->lb->backends[record->backend];
	if (UNLIKELY(memcmp(b->addr.bytes, src, is_ip6 ? 16 : 4) != 0 ||
		     (uint16_t)l4->ports != record->backend_port_be))
		return DROP_lb_nat_stranger;
	return DROP_NONE;
}

/* Notes in @record what a packet of @bytes from its backend says. */
static inline void lb_reply_note(
	struct worker *w, struct lb_nat *record, uint8_t tcp_flags, uint32_t bytes)
{
	struct stats_backend *stats = &w->stats->backends[record->backend];

	/* Only the owner writes: explain looks on. */
	if (!w->lb)
		return;
	stats->reply_pkts++;
	stats->reply_bytes += bytes;
	if (UNLIKELY(tcp_flags & LB_TCP_RST)) {
		stats->refused += !record->answered;
		record->reset = true;
	}
	record->answered = true;
	record->seen = lb_tick(w);
	record->state = lb_state_next(record->state, lb_event_of(tcp_flags));
}

#endif
