/* SPDX-License-Identifier: BSD-3-Clause */
/* The workers' side of questions about flows: copies what matches. Thread: worker. */
#include <string.h>

#include "dataplane/lb/lb_query.h"

/* The part of flow number @slot that both IP versions have. */
static const struct lb_flow *flow_at(const struct lb_table *t, size_t slot)
{
	if (t->is_ip6)
		return &((const struct lb_flow6 *)t->slots)[slot].flow;
	return &((const struct lb_flow4 *)t->slots)[slot].flow;
}

/* Copies flow number @slot of @t into @c. */
static void copy_flow(
	const struct worker *w, const struct lb_table *t, size_t slot, struct lb_flow_copy *c)
{
	const struct lb_flow4 *f4 = t->slots;
	const struct lb_flow6 *f6 = t->slots;
	const struct lb_backend *b;
	const struct lb_nat *nat;

	*c = (struct lb_flow_copy){.worker = w->id, .flow = *flow_at(t, slot)};
	c->family = t->is_ip6 ? 6 : 4;
	if (t->is_ip6) {
		memcpy(c->client, f6[slot].src, 16);
		memcpy(c->vip, f6[slot].dst, 16);
	} else {
		memcpy(c->client, &f4[slot].src_be, 4);
		memcpy(c->vip, &f4[slot].dst_be, 4);
	}
	b = &w->world->lb->backends[c->flow.backend];
	c->state = c->flow.state;
	c->idle_ticks = lb_tick(w) - c->flow.seen;
	c->port_be = b->port_be ? b->port_be : (uint16_t)(c->flow.ports >> 16);
	nat = c->flow.nat ? lb_nat_held(w, c->flow.nat) : NULL;
	if (!nat)
		return;
	c->port_be = nat->backend_port_be;
	c->idle_ticks = MIN_OF(c->idle_ticks, lb_tick(w) - nat->seen);
	if (nat->state == LB_FLOW_TCP_CLOSING)
		c->state = LB_FLOW_TCP_CLOSING;
}

/* Whether flow number @slot of @t is wanted. Reads nothing but that flow: there are many. */
static bool matches(const struct worker *w, const struct lb_table *t, size_t slot,
	const struct lb_query_want *want)
{
	const struct lb_backend *b = &w->world->lb->backends[flow_at(t, slot)->backend];
	const struct lb_flow4 *f4 = t->slots;
	const struct lb_flow6 *f6 = t->slots;

	if (want->client.family != 0 &&
		(want->client.family != (t->is_ip6 ? 6 : 4) ||
			memcmp(want->client.bytes,
				t->is_ip6 ? f6[slot].src : (const uint8_t *)&f4[slot].src_be,
				t->is_ip6 ? 16 : 4) != 0))
		return false;
	if (want->service != LB_NO_SERVICE && b->service != want->service)
		return false;
	return want->backend.family == 0 || ip_addr_same_host(&want->backend, &b->addr);
}

/* Copies what matches from the next buckets of @t, until there is no room for another bucket. */
static void dump(const struct worker *w, struct lb_query *lq, const struct lb_table *t)
{
	struct query *q = &lq->query;

	for (unsigned i = 0; i < LB_QUERY_BUCKETS && q->at < t->n_buckets; i++, q->at++) {
		size_t first = (size_t)q->at * LB_FLOW_BUCKET_SLOTS;

		if (q->n + LB_FLOW_BUCKET_SLOTS > LB_QUERY_FLOWS) {
			q->is_full = true;
			return;
		}
		for (unsigned k = 0; k < LB_FLOW_BUCKET_SLOTS; k++) {
			if (t->tags[first + k] != 0 && matches(w, t, first + k, &lq->want))
				copy_flow(w, t, first + k, &lq->found[q->n++]);
		}
	}
	q->is_end = q->at >= t->n_buckets;
}

/* The slot of the flow from @src to @dst, SIZE_MAX: none. */
static size_t find(const struct worker *w, const struct lb_table *t, const uint8_t src[16],
	const uint8_t dst[16], const struct lb_flow *like)
{
	struct lb_flow4 want4 = {.flow = *like};
	struct lb_flow6 want6 = {.flow = *like};
	const struct lb_flow6 *found6;
	const struct lb_flow4 *found4;

	if (t->is_ip6) {
		memcpy(want6.src, src, 16);
		memcpy(want6.dst, dst, 16);
		found6 = lb_flow6_find(
			w, lb_flow6_hash(w, src, dst, like->protocol, like->ports), &want6);
		return found6 ? (size_t)(found6 - (const struct lb_flow6 *)t->slots) : SIZE_MAX;
	}
	memcpy(&want4.src_be, src, 4);
	memcpy(&want4.dst_be, dst, 4);
	found4 = lb_flow4_find(w,
		lb_flow4_hash(w, want4.src_be, want4.dst_be, like->protocol, like->ports), &want4);
	return found4 ? (size_t)(found4 - (const struct lb_flow4 *)t->slots) : SIZE_MAX;
}

/* The flow of the question, by its own key or by that in the record of its NAT port. */
static void find_one(const struct worker *w, struct lb_query *q)
{
	const struct lb_query_want *want = &q->want;
	struct lb_flow like = {.ports = want->ports, .protocol = want->protocol};
	const uint8_t *src = want->client.bytes, *dst = want->vip.bytes;
	bool is_ip6 = want->client.family == 6;
	const struct lb_nat *nat;
	size_t slot;

	q->query.is_end = true;
	q->query.has_all = want->kind == LB_QUERY_PORT;
	if (want->kind == LB_QUERY_PORT) {
		nat = lb_nat_held(w, want->nat);
		if (!nat || nat->state == LB_FLOW_FREE)
			return;
		src = nat->client;
		dst = nat->vip;
		is_ip6 = nat->family == 6;
		like.ports = (uint32_t)nat->vip_port_be << 16 | nat->client_port_be;
		like.protocol = nat->protocol;
	}
	slot = find(w, is_ip6 ? &w->lb->flows6 : &w->lb->flows4, src, dst, &like);
	if (slot == SIZE_MAX)
		return;
	copy_flow(w, is_ip6 ? &w->lb->flows6 : &w->lb->flows4, slot, &q->found[q->query.n++]);
	q->query.has_all = true;
	nat = q->found[0].flow.nat ? lb_nat_held(w, q->found[0].flow.nat) : NULL;
	q->has_record = nat != NULL;
	if (nat)
		q->record = *nat;
}

void lb_query_look(struct worker *w, struct query *query)
{
	struct lb_query *q = lb_query_of(query);

	if (!w->world->lb)
		query->is_end = true;
	else if (q->want.kind == LB_QUERY_DUMP)
		dump(w, q, query->part ? &w->lb->flows6 : &w->lb->flows4);
	else
		find_one(w, q);
}
