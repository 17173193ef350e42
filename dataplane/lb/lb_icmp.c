/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stage lb_icmp: ICMP errors about balanced flows. One to a VIP is about a packet to a client, and
 * goes to the backend that the client's flow belongs to; one to an address of the NAT pool is about
 * a packet to a backend, and goes to the client. In NAT mode both are translated (RFC 5508); the
 * address of a router that reports stays, that of the far end itself is translated too.
 *
 * A device knows nothing of what an error quotes, so that any worker may get it. The owner of a
 * pool's port is known by its number. The owner of a client's flow is computed where stage steer
 * chose it; otherwise, and when it is not there, the workers are asked in turn. A flow that nobody
 * has may be one of those that are balanced by the hash alone: the hash finds their backend again.
 * Thread: worker.
 */
#include "dataplane/lb/lb_icmp.h"
#include "dataplane/lb/lb_drop.h"
#include "dataplane/lb/lb_impl.h"
#include "dataplane/link/link.h"

#define TRANSLATED UINT8_MAX /* pkt.visited of what must not come back here */

_Static_assert(WORKERS_MAX < TRANSLATED, "no count of workers means a translated error");

/* A client's flow as errors about packets to the client name it. */
struct client_flow {
	uint32_t client_be; /* IPv4 */
	uint32_t vip_be;
	uint32_t ports; /* client to VIP */
	uint64_t hash;
};

static uint8_t *l3_of(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod_offset(m, uint8_t *, pkt_of(m)->l2_len);
}

static enum drop_reason read_quote(struct lb_quote *q, struct rte_mbuf *m)
{
	const uint8_t *l3 = l3_of(m);
	uint32_t bytes = (uint32_t)rte_pktmbuf_data_len(m) - pkt_of(m)->l2_len;

	if (bytes > 0 && l3[0] >> 4 == 6)
		return lb_quote_read6(q, l3, bytes);
	return lb_quote_read4(q, l3, bytes);
}

/* The front that the target of @q belongs to in the present world, or NULL: the error may have come
 * from another worker under an older one. */
static const struct lb_front *front_of(const struct worker *w, const struct lb_quote *q)
{
	const struct world *world = w->world;
	const uint8_t *dst = q->target;
	const struct nexthop *nh;
	uint32_t addr_be, addr, number;

	if (q->family == 6) {
		fib_lookup6_bulk(&world->fib6, &dst, &number, 1);
	} else {
		memcpy(&addr_be, dst, sizeof(addr_be));
		addr = be32toh(addr_be);
		fib_lookup4_bulk(&world->fib4, &addr, &number, 1);
	}
	nh = &world->nexthops[number];
	if (!world->lb || nh->kind != NEXTHOP_SERVICE || nh->iface >= LB_FRONTS_MAX)
		return NULL;
	return &world->lb->fronts[nh->iface];
}

static bool is_scoped(const struct lb_quote *q)
{
	return q->family == 6 && ip6_is_link_local(q->reporter);
}

static struct client_flow client_flow_of(const struct worker *w, const struct lb_quote *q)
{
	struct client_flow f = {.ports = q->ports << 16 | q->ports >> 16};

	memcpy(&f.client_be, q->dst, 4);
	memcpy(&f.vip_be, q->src, 4);
	f.hash = q->family == 4 ? lb_flow4_hash(w, f.client_be, f.vip_be, q->protocol, f.ports)
				: lb_flow6_hash(w, q->dst, q->src, q->protocol, f.ports);
	return f;
}

static const struct lb_flow *find_flow(
	const struct worker *w, const struct lb_quote *q, const struct client_flow *f)
{
	struct lb_flow flow = {.ports = f->ports, .protocol = q->protocol};

	if (q->family == 4) {
		struct lb_flow4 want = {.src_be = f->client_be, .dst_be = f->vip_be, .flow = flow};
		const struct lb_flow4 *found = lb_flow4_find(w, f->hash, &want);

		return found ? &found->flow : NULL;
	} else {
		struct lb_flow6 want = {.flow = flow};
		const struct lb_flow6 *found;

		memcpy(want.src, q->dst, 16);
		memcpy(want.dst, q->src, 16);
		found = lb_flow6_find(w, f->hash, &want);
		return found ? &found->flow : NULL;
	}
}

/* Sends @m, not translated, to @b. */
static void send_as_is(struct worker *w, struct rte_mbuf *m, const struct lb_quote *q,
	const struct lb_backend *b, uint64_t hash)
{
	if (b->addr.family == 0 || b->mode == API_LB_NAT)
		drop(w, m, DROP_lb_icmp_no_flow);
	else if (b->nexthop == 0)
		lb_drop(w, m, b->service, LB_DROP_lb_backend_unreachable);
	else if (is_scoped(q) && b->mode == API_LB_DSR)
		lb_drop(w, m, b->service, LB_DROP_ip6_scope);
	else if (q->family == 4)
		lb_send4(w, m, b, hash);
	else
		lb_send6(w, m, b, hash);
}

/* Translates @m for the backend of @flow, whose record is @nat, and sends it there. */
static void translate_to_backend(struct worker *w, struct rte_mbuf *m, const struct lb_quote *q,
	const struct lb_flow *flow, const struct lb_nat *nat)
{
	const struct lb_world *lb = w->world->lb;
	const struct lb_backend *b = &lb->backends[flow->backend];
	const uint8_t *pool = lb->pool[flow->nat >> 16].addr.bytes;
	bool is_client = memcmp(q->reporter, q->dst, 16) == 0;

	if (b->addr.family != q->family) {
		drop(w, m, DROP_lb_icmp_no_flow);
		return;
	}
	if (b->nexthop == 0) {
		lb_drop(w, m, b->service, LB_DROP_lb_backend_unreachable);
		return;
	}
	lb_icmp_translate(l3_of(m), q,
		&(struct lb_icmp_ends){
			.reporter = is_client || is_scoped(q) ? pool : NULL,
			.target = b->addr.bytes,
			.dst = pool,
			.target_port_be = nat->backend_port_be,
			.dst_port_be = htobe16((uint16_t)flow->nat),
		});
	pkt_of(m)->visited = TRANSLATED;
	pkt_of(m)->nexthop = b->nexthop;
	lane_put(w, q->family == 4 ? STAGE_ip4_forward : STAGE_ip6_forward, m);
}

/* Sends @m, about a packet that no worker knows a flow for, where the hash says. */
static void send_by_hash(struct worker *w, struct rte_mbuf *m, const struct lb_quote *q,
	const struct lb_front *front, const struct client_flow *f)
{
	const struct lb_world *lb = w->world->lb;
	uint16_t number = lb_service_find(
		lb, (uint16_t)(front - lb->fronts), q->protocol, (uint16_t)(f->ports >> 16));
	const struct lb_service *s;
	uint64_t choice;
	uint16_t backend;

	if (number == LB_NO_SERVICE || lb->services[number].mode == API_LB_NAT) {
		drop(w, m, DROP_lb_icmp_no_flow);
		return;
	}
	s = &lb->services[number];
	choice = q->family == 4
			 ? flow_hash_ip4(
				   lb->choice_key, f->client_be, f->vip_be, q->protocol, f->ports)
			 : flow_hash_ip6(lb->choice_key, q->dst, q->src, q->protocol, f->ports);
	backend = lb_choose(s, choice);
	if (backend == LB_NO_BACKEND)
		lb_drop(w, m, number, LB_DROP_lb_no_backend);
	else
		send_as_is(w, m, q, &lb->backends[backend], f->hash);
}

/* The worker that stage steer gave the client's packets to; this one where that is not known. */
static uint8_t owner_of(const struct worker *w, struct rte_mbuf *m, const struct lb_quote *q)
{
	uint16_t iface = pkt_of(m)->iface;
	uint32_t src_be, dst_be;

	if (iface >= WORLD_INTERFACES_MAX ||
		!(w->lb->ports->steered >> w->world->ifaces[iface].port & 1))
		return w->id;
	if (q->family == 6)
		return steer_owner6(w, q->src, q->dst, q->protocol, q->ports);
	memcpy(&src_be, q->src, 4);
	memcpy(&dst_be, q->dst, 4);
	return steer_owner4(w, src_be, dst_be, q->protocol, q->ports);
}

/* An error about a packet from a VIP to a client. pkt.visited workers were asked before. */
static void about_client(struct worker *w, struct rte_mbuf *m, const struct lb_quote *q,
	const struct lb_front *front)
{
	struct pkt *p = pkt_of(m);
	struct client_flow f = client_flow_of(w, q);
	uint8_t owner = p->visited == 0 ? owner_of(w, m, q) : w->id;
	const struct lb_flow *flow;
	const struct lb_nat *nat;

	if (owner != w->id) {
		worker_handoff(w, m, owner, STAGE_lb_icmp);
		return;
	}
	flow = find_flow(w, q, &f);
	if (flow && flow->nat == 0) {
		send_as_is(w, m, q, &w->world->lb->backends[flow->backend], f.hash);
		return;
	}
	nat = flow ? lb_nat_held(w, flow->nat) : NULL;
	if (nat)
		translate_to_backend(w, m, q, flow, nat);
	else if (flow)
		drop(w, m, DROP_lb_icmp_no_flow);
	else if (++p->visited < w->n_workers)
		worker_handoff(w, m, (uint8_t)((w->id + 1u) % w->n_workers), STAGE_lb_icmp);
	else
		send_by_hash(w, m, q, front, &f);
}

/* The number of the pool's address that the target of @q is, which @front covers; LB_POOL_MAX: of
 * none. */
static uint32_t pool_index(
	const struct lb_world *lb, const struct lb_front *front, const struct lb_quote *q)
{
	uint32_t size = q->family == 4 ? 4 : 16;
	uint32_t first_be, addr_be, index;
	const struct lb_pool_address *a;

	/* A pool has at most LB_POOL_MAX addresses: the last four bytes tell them apart. */
	memcpy(&first_be, front->prefix.bytes + size - 4, 4);
	memcpy(&addr_be, q->target + size - 4, 4);
	index = front->pool_first + (be32toh(addr_be) - be32toh(first_be));
	if (index >= LB_POOL_MAX)
		return LB_POOL_MAX;
	a = &lb->pool[index];
	if (a->addr.family != q->family || !a->records ||
		memcmp(a->addr.bytes, q->target, size) != 0)
		return LB_POOL_MAX;
	return index;
}

/* The record of the flow that the quoted packet, from the pool to a backend, belongs to; NULL: none
 * of this worker's. */
static const struct lb_nat *find_record(
	const struct worker *w, const struct lb_front *front, const struct lb_quote *q)
{
	const struct lb_world *lb = w->world->lb;
	uint32_t index = pool_index(lb, front, q);
	uint16_t port = be16toh((uint16_t)q->ports);
	const struct lb_nat *nat;
	const struct lb_backend *b;

	if (index == LB_POOL_MAX || port < LB_NAT_PORT_MIN)
		return NULL;
	nat = lb_nat_held(w, index << 16 | port);
	if (!nat || nat->state == LB_FLOW_FREE || nat->family != q->family ||
		nat->protocol != q->protocol || nat->backend_port_be != q->ports >> 16)
		return NULL;
	b = &lb->backends[nat->backend];
	if (b->addr.family != q->family || memcmp(b->addr.bytes, q->dst, 16) != 0)
		return NULL;
	return nat;
}

/* An error about a packet from the pool to a backend. */
static void about_backend(struct worker *w, struct rte_mbuf *m, const struct lb_quote *q,
	const struct lb_front *front)
{
	uint8_t owner = lb_nat_owner(w, (uint16_t)q->ports);
	const struct lb_nat *nat;

	if (owner != w->id) {
		worker_handoff(w, m, owner, STAGE_lb_icmp);
		return;
	}
	nat = find_record(w, front, q);
	if (!nat) {
		drop(w, m, DROP_lb_icmp_no_flow);
		return;
	}
	if (q->family == 6 && ip6_is_link_local(nat->client)) {
		lb_drop(w, m, w->world->lb->backends[nat->backend].service, LB_DROP_ip6_scope);
		return;
	}
	lb_icmp_translate(l3_of(m), q,
		&(struct lb_icmp_ends){
			.reporter = is_scoped(q) || memcmp(q->reporter, q->dst, 16) == 0 ? nat->vip
											 : NULL,
			.target = nat->client,
			.dst = nat->vip,
			.target_port_be = nat->client_port_be,
			.dst_port_be = nat->vip_port_be,
		});
	pkt_of(m)->visited = TRANSLATED;
	if (q->family == 4)
		ip4_route(w, &m, 1);
	else
		ip6_route(w, &m, 1);
}

static void handle(struct worker *w, struct rte_mbuf *m)
{
	const struct lb_front *front;
	struct lb_quote q;
	enum drop_reason reason;

	/* The main thread has no flows; what it says about some goes to one that may. */
	if (!w->lb) {
		worker_handoff(w, m, 0, STAGE_lb_icmp);
		return;
	}
	reason = read_quote(&q, m);
	if (reason != DROP_NONE) {
		drop(w, m, reason);
		return;
	}
	/* A flow whose client has an address of the pool must not turn an error in circles. */
	front = pkt_of(m)->visited == TRANSLATED ? NULL : front_of(w, &q);
	if (!front)
		drop(w, m, DROP_lb_icmp_no_flow);
	else if (front->is_pool)
		about_backend(w, m, &q, front);
	else
		about_client(w, m, &q, front);
}

void lb_icmp_stage(struct worker *w, struct rte_mbuf **pkts, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		handle(w, pkts[i]);
}
