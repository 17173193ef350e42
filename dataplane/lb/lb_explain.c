/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What explain needs of the balancer: the flow of a packet, asked of the workers, is put into the
 * tables of the worker that explains, and its NAT record into memory that no other worker reads, so
 * that the real stage decides and nothing changes. Thread: main.
 */
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "dataplane/lb/lb_balance.h"
#include "dataplane/lb/lb_main.h"
#include "dataplane/lb/lb_query.h"

/* The world of the worker that explains: the published one, but with a pool of its own. */
static struct {
	struct world world;
	struct lb_world lb;
	struct lb_pool_address pool[LB_POOL_MAX];
	struct lb_nat *records; /* of the one address whose ports are looked at */
} own;

static uint32_t lb_explain_ports(const struct api_explain *req)
{
	return (uint32_t)htobe16(req->dport) << 16 | htobe16(req->sport);
}

/* The front that @req is sent to, or NULL. */
static const struct lb_front *lb_explain_front(const struct api_explain *req)
{
	struct ip_addr matched;
	const struct nexthop *nh;

	if (!lb_main.now || (req->protocol != IPPROTO_TCP && req->protocol != IPPROTO_UDP) ||
		(req->dst.family != 4 && req->dst.family != 6) ||
		req->src.family != req->dst.family)
		return NULL;
	nh = &world_current->nexthops[route_match(&req->dst, &matched)];
	return nh->kind == NEXTHOP_SERVICE ? &lb_main.now->fronts[nh->iface] : NULL;
}

/* The number of the NAT port that @req is sent to. */
static uint32_t lb_explain_nat(const struct lb_front *f, const struct api_explain *req)
{
	unsigned last = ip_addr_bits(req->dst.family) / 8 - 1;
	uint32_t to = (uint32_t)req->dst.bytes[last - 1] << 8 | req->dst.bytes[last];
	uint32_t from = (uint32_t)f->prefix.bytes[last - 1] << 8 | f->prefix.bytes[last];

	return (f->pool_first + to - from) << 16 | req->dport;
}

int lb_explain_ask(const struct api_explain *req,
	void (*done)(struct query *q, int status, const struct base_error *err), void *ctx,
	struct base_error *err)
{
	const struct lb_front *f = lb_explain_front(req);
	struct lb_query_want want = {
		.kind = LB_QUERY_FLOW,
		.client = req->src,
		.vip = req->dst,
		.protocol = req->protocol,
		.ports = lb_explain_ports(req),
	};
	uint64_t cursor = 0;
	struct lb_query *q;

	if (!f)
		return 0;
	if (f->is_pool) {
		want.kind = LB_QUERY_PORT;
		want.nat = lb_explain_nat(f, req);
		cursor = query_at_worker((uint8_t)(req->dport % workers[0]->n_workers));
	}
	q = lb_query_create(&want, cursor, err);
	if (!q)
		return -EBUSY;
	q->query.done = done;
	q->query.ctx = ctx;
	query_start(&q->query);
	return 1;
}

/* Gives @w a world in which only the address of number @index has ports, all of them free. */
static void lb_explain_world(struct worker *w, unsigned index)
{
	own.world = *world_current;
	own.lb = lb_main.now->world;
	memcpy(own.pool, lb_main.now->pool, sizeof(own.pool));
	for (unsigned k = 0; k < LB_POOL_MAX; k++)
		own.pool[k].records = NULL;
	if (index < LB_POOL_MAX)
		own.pool[index].records = own.records;
	own.lb.pool = own.pool;
	own.world.lb = &own.lb;
	w->world = &own.world;
}

/* The pool's address whose ports are looked at: that of the flow, of the destination, or one that a
 * new flow could get. LB_POOL_MAX: none. */
static unsigned lb_explain_index(
	const struct lb_query *q, const struct lb_front *f, const struct api_explain *req)
{
	const struct lb_world *lb = &lb_main.now->world;

	if (q && q->query.n > 0 && q->found[0].flow.nat)
		return q->found[0].flow.nat >> 16;
	if (f->is_pool)
		return lb_explain_nat(f, req) >> 16;
	if (req->dst.family == 4)
		return lb->n_pool4 > 0 ? lb->pool_list4[0] : LB_POOL_MAX;
	return lb->n_pool6 > 0 ? lb->pool_list6[0] : LB_POOL_MAX;
}

/* Lets @w hold the NAT port of @c, whose record is @record. */
static void lb_explain_hold(
	struct worker *w, const struct lb_flow_copy *c, const struct lb_nat *record)
{
	const struct lb_pool_address *a = &own.pool[c->flow.nat >> 16];
	struct lb_nat *mine = &own.records[c->flow.nat & 0xffff];

	*mine = *record;
	mine->seen = lb_tick(w) - c->idle_ticks;
	w->lb->ports->pool[c->flow.nat >> 16] = (struct lb_nat_ports){
		.records = a->records,
		.life = a->life,
		.in_use = 1,
		.unused = LB_NAT_PORTS,
	};
}

/* Puts a copy of @c into the tables of @w. Its time is the worker's own, which need not be ours. */
static struct lb_flow *lb_explain_add(struct worker *w, const struct lb_flow_copy *c)
{
	struct lb_flow4 f4 = {.flow = c->flow};
	struct lb_flow6 f6 = {.flow = c->flow};
	uint64_t hash;

	f4.flow.seen = f6.flow.seen = lb_tick(w) - c->idle_ticks;
	if (c->family == 6) {
		memcpy(f6.src, c->client, 16);
		memcpy(f6.dst, c->vip, 16);
		hash = lb_flow6_hash(w, f6.src, f6.dst, c->flow.protocol, c->flow.ports);
		return &lb_flow6_add(w, hash, &f6)->flow;
	}
	memcpy(&f4.src_be, c->client, 4);
	memcpy(&f4.dst_be, c->vip, 4);
	hash = lb_flow4_hash(w, f4.src_be, f4.dst_be, c->flow.protocol, c->flow.ports);
	return &lb_flow4_add(w, hash, &f4)->flow;
}

/* Fills in @fate about the flow @c. False: its time is over, and the packet begins another. */
static bool lb_explain_known(struct worker *w, const struct lb_query *q,
	const struct api_explain *req, struct lb_fate *fate)
{
	const struct lb_flow_copy *c = &q->found[0];
	const struct lb_flow *flow;

	if (c->flow.nat && !q->has_record)
		return false;
	if (c->flow.nat)
		lb_explain_hold(w, c, &q->record);
	flow = lb_explain_add(w, c);
	if (!fate->is_pool &&
		!lb_flow_goes_on(w, flow, req->protocol == IPPROTO_TCP ? LB_TCP_SYN : 0))
		return false;
	lb_flow_fill(&fate->flow, c);
	fate->backend = &lb_main.now->backends[c->flow.backend];
	return true;
}

/* Fills in how many backends service @s has. */
static void lb_explain_count(uint16_t s, struct lb_fate *fate)
{
	const struct lb_block *b = lb_main.now;

	for (uint16_t n = 0; n < LB_BACKENDS_MAX; n++) {
		if (b->backends[n].addr.family == 0 || b->backends[n].service != s ||
			b->backends[n].use == API_BACKEND_REMOVED)
			continue;
		fate->n_backends++;
		fate->n_usable += lb_block_usable(b, n);
	}
}

/* Fills in @fate about the choice for a packet that begins a flow. */
static void lb_explain_choose(const struct api_explain *req, struct lb_fate *fate)
{
	const struct lb_world *lb = &lb_main.now->world;
	uint32_t ports = lb_explain_ports(req);
	uint64_t choice;
	uint16_t n;

	if (req->dst.family == 6)
		choice = flow_hash_ip6(
			lb->choice_key, req->src.bytes, req->dst.bytes, req->protocol, ports);
	else
		choice = flow_hash_ip4(lb->choice_key, ip_addr_v4_be(&req->src),
			ip_addr_v4_be(&req->dst), req->protocol, ports);
	n = lb_choose(fate->service, choice);
	fate->backend = n == LB_NO_BACKEND ? NULL : &lb->backends[n];
}

void lb_explain_enter(struct worker *w, const struct api_explain *req, const struct query *query,
	struct lb_fate *fate)
{
	const struct lb_query *q = (const struct lb_query *)query;
	const struct lb_front *f = lb_explain_front(req);
	const struct lb_world *lb;
	uint16_t s;

	*fate = (struct lb_fate){};
	if (!f || lb_worker_init(w, NULL) < 0)
		return;
	own.records = lb_records_map();
	if (!own.records) {
		lb_explain_leave(w);
		return;
	}
	lb_explain_world(w, lb_explain_index(q, f, req));
	lb = &lb_main.now->world;
	fate->is_balanced = true;
	fate->is_pool = f->is_pool;
	if (q && q->query.n > 0) {
		w->id = q->found[0].worker;
		fate->is_known = lb_explain_known(w, q, req, fate);
	} else if (f->is_pool) {
		w->id = (uint8_t)(req->dport % w->n_workers);
	}
	s = f->is_pool ? LB_NO_SERVICE
		       : lb_service_find(lb, (uint16_t)(f - lb_main.now->fronts), req->protocol,
				 htobe16(req->dport));
	if (fate->is_known)
		s = fate->backend->service;
	if (s == LB_NO_SERVICE)
		return;
	fate->service = &lb->services[s];
	lb_explain_count(s, fate);
	if (!fate->is_known)
		lb_explain_choose(req, fate);
}

void lb_explain_leave(struct worker *w)
{
	lb_worker_fini(w);
	if (own.records)
		lb_records_unmap(own.records);
	own.records = NULL;
	w->id = 0;
	w->world = world_current;
}
