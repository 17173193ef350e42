/* SPDX-License-Identifier: BSD-3-Clause */
/* Adding, ending and sweeping of flows, and the limit of new ones. Thread: worker. */
#include "dataplane/lb/lb_impl.h"

#define SLOTS_MASK    ((1u << LB_FLOW_BUCKET_SLOTS) - 1)
#define MOVE_SLOTS    7              /* of a bucket in use on average: flows move no more */
#define SWEEP_SHARE   10             /* of a table at most at once, however late the sweep is */
#define SWEEP_AHEAD   4              /* buckets whose records are on their way */
#define BURST_PER_SEC 10             /* the tokens of a tenth of a second */
#define PER_NSEC_Q64  18446744074ULL /* 2^64 / NSEC_PER_SEC */

/* The flow in slot number @slot of @t. */
static struct lb_flow *flow_at(const struct lb_table *t, size_t slot)
{
	return t->is_ip6 ? &((struct lb_flow6 *)t->slots)[slot].flow
			 : &((struct lb_flow4 *)t->slots)[slot].flow;
}

static bool expired(
	const struct worker *w, enum lb_flow_state state, uint32_t seen, bool is_closing)
{
	enum lb_flow_state life = is_closing ? LB_FLOW_TCP_CLOSING : state;

	return lb_tick(w) - seen > w->world->lb->idle_ticks[life];
}

/* Whether the client of @flow spoke so lately that it does not matter what its record says. */
static bool spoke_lately(const struct worker *w, const struct lb_flow *flow)
{
	return !expired(w, flow->state, flow->seen, false) &&
	       !expired(w, flow->state, flow->seen, true);
}

bool lb_flow_is_idle(const struct worker *w, const struct lb_flow *flow)
{
	const struct lb_nat *nat;
	bool closing;

	if (UNLIKELY(!w->world->lb))
		return true;
	if (flow->nat == 0)
		return expired(w, flow->state, flow->seen, false);
	nat = lb_nat_held(w, flow->nat);
	if (UNLIKELY(!nat))
		return true;
	if (LIKELY(spoke_lately(w, flow)))
		return false;
	/* What one side has closed is a connection still (RFC 5382 REQ-5). */
	closing = nat->reset ||
		  (flow->state == LB_FLOW_TCP_CLOSING && nat->state == LB_FLOW_TCP_CLOSING);
	return expired(w, flow->state, flow->seen, closing) &&
	       expired(w, nat->state, nat->seen, closing);
}

void lb_flow_end(struct worker *w, struct lb_table *table, struct lb_flow *flow)
{
	struct stats_backend *stats = &w->stats->backends[flow->backend];
	size_t offset = (size_t)((char *)flow - (char *)table->slots);
	size_t slot =
		table->is_ip6 ? offset / sizeof(struct lb_flow6) : offset / sizeof(struct lb_flow4);

	BRAID_ASSERT(flow->state != LB_FLOW_FREE && table->tags[slot] != 0);
	stats->ended_flows++;
	if (flow->nat) {
		const struct lb_nat *nat = lb_nat_held(w, flow->nat);

		if (nat && !nat->answered)
			stats->silent++;
		lb_nat_give(w, flow->nat);
	}
	flow->state = LB_FLOW_FREE;
	table->tags[slot] = 0;
	table->n_flows--;
	table->n_changes++;
	w->stats->flows--;
}

/* Ends an idle flow among those in both buckets of @hash. Which of their slots it had, or
 * LB_FLOW_NO_SLOT. */
static unsigned replace_idle(struct worker *w, struct lb_table *t, uint64_t hash)
{
	for (unsigned slot = 0; slot < LB_FLOW_NO_SLOT; slot++)
		rte_prefetch0(flow_at(t, lb_flow_slot(t, hash, slot)));
	for (unsigned slot = 0; slot < LB_FLOW_NO_SLOT; slot++) {
		struct lb_flow *flow = flow_at(t, lb_flow_slot(t, hash, slot));

		if (lb_flow_is_idle(w, flow)) {
			lb_flow_end(w, t, flow);
			return slot;
		}
	}
	return LB_FLOW_NO_SLOT;
}

/* The slots in use of one bucket, a bit each. */
static uint32_t used_slots(const struct lb_table *t, uint32_t bucket)
{
	__m128i no_tag = _mm_cmpeq_epi16(((const __m128i *)t->tags)[bucket], _mm_setzero_si128());

	return ~(uint32_t)_mm_movemask_epi8(_mm_packs_epi16(no_tag, no_tag)) & SLOTS_MASK;
}

/* The bucket, other than the one it lies in, in which the flow in slot number @slot of @t may lie
 * too; that one again if both are the same. */
static uint32_t other_bucket(const struct worker *w, const struct lb_table *t, size_t slot)
{
	uint64_t hash = lb_flow_hash_of(w, t, slot);
	uint32_t first = lb_flow_bucket(t, hash, 0);

	return first == slot / LB_FLOW_BUCKET_SLOTS ? lb_flow_bucket(t, hash, 1) : first;
}

/*
 * Moves one of the flows that fill both buckets of @hash to its other bucket, if that has room: one
 * step of cuckoo hashing (Pagh and Rodler, 2001). Which of the slots it had, or LB_FLOW_NO_SLOT.
 */
static unsigned move_one(struct worker *w, struct lb_table *t, uint64_t hash)
{
	size_t bytes = t->is_ip6 ? sizeof(struct lb_flow6) : sizeof(struct lb_flow4);
	uint32_t others[LB_FLOW_NO_SLOT];

	for (unsigned slot = 0; slot < LB_FLOW_NO_SLOT; slot++) {
		others[slot] = other_bucket(w, t, lb_flow_slot(t, hash, slot));
		rte_prefetch0(t->tags + (size_t)others[slot] * LB_FLOW_BUCKET_SLOTS);
	}
	for (unsigned slot = 0; slot < LB_FLOW_NO_SLOT; slot++) {
		size_t to = (size_t)others[slot] * LB_FLOW_BUCKET_SLOTS;
		uint32_t free_slots = ~used_slots(t, others[slot]) & SLOTS_MASK;
		size_t from = lb_flow_slot(t, hash, slot);

		if (!free_slots)
			continue;
		to += (unsigned)__builtin_ctz(free_slots);
		memcpy((char *)t->slots + to * bytes, (char *)t->slots + from * bytes, bytes);
		t->tags[to] = t->tags[from];
		return slot;
	}
	return LB_FLOW_NO_SLOT;
}

/* Makes room among the slots of @hash, which are all in use. Which one is to be used now, or
 * LB_FLOW_NO_SLOT. */
static __attribute__((noinline)) unsigned make_room(
	struct worker *w, struct lb_table *t, uint64_t hash)
{
	unsigned slot = replace_idle(w, t, hash);

	if (slot != LB_FLOW_NO_SLOT || t->n_flows >= t->n_buckets * MOVE_SLOTS)
		return slot;
	return move_one(w, t, hash);
}

/* Copies @flow of @bytes to its place in @t and counts it. The copy or NULL. */
static inline void *add(
	struct worker *w, struct lb_table *t, uint64_t hash, const void *flow, size_t bytes)
{
	unsigned free_slot;
	size_t slot;
	char *place;

	t->n_changes++;
	if (UNLIKELY(t->n_flows >= t->grow_at))
		lb_flow_grow(w, t);
	free_slot = lb_flow_free_slot(t, hash);
	if (UNLIKELY(free_slot == LB_FLOW_NO_SLOT))
		free_slot = make_room(w, t, hash);
	if (UNLIKELY(free_slot == LB_FLOW_NO_SLOT))
		return NULL;
	slot = lb_flow_slot(t, hash, free_slot);
	place = (char *)t->slots + slot * bytes;
	memcpy(place, flow, bytes);
	BRAID_ASSERT(flow_at(t, slot)->state != LB_FLOW_FREE);
	t->tags[slot] = lb_flow_tag(hash);
	t->n_flows++;
	w->stats->flows++;
	w->stats->backends[flow_at(t, slot)->backend].new_flows++;
	return place;
}

struct lb_flow4 *lb_flow4_add(struct worker *w, uint64_t hash, const struct lb_flow4 *flow)
{
	return add(w, &w->lb->flows4, hash, flow, sizeof(*flow));
}

struct lb_flow6 *lb_flow6_add(struct worker *w, uint64_t hash, const struct lb_flow6 *flow)
{
	return add(w, &w->lb->flows6, hash, flow, sizeof(*flow));
}

bool lb_flow_admit(struct worker *w)
{
	struct lb_worker *lb = w->lb;
	uint64_t rate = w->world->lb->new_flows_per_sec;
	uint64_t most = MAX_OF((rate << 32) / BURST_PER_SEC, 1ULL << 32);
	uint64_t passed_ns = MIN_OF(w->now_ns - lb->tokens_ns, NSEC_PER_SEC);
	unsigned __int128 earned = (unsigned __int128)(rate * passed_ns) * PER_NSEC_Q64 >> 32;

	if (rate == 0)
		return false;
	lb->tokens_ns = w->now_ns;
	lb->tokens = (uint64_t)MIN_OF(lb->tokens + earned, most);
	if (lb->tokens < 1ULL << 32)
		return false;
	lb->tokens -= 1ULL << 32;
	return true;
}

/* Fetches the records that the sweep will need for the flows of @bucket. */
static void fetch_records(const struct worker *w, const struct lb_table *t, uint32_t bucket)
{
	size_t first = (size_t)bucket * LB_FLOW_BUCKET_SLOTS;

	for (uint32_t used = used_slots(t, bucket); used; used &= used - 1) {
		const struct lb_flow *flow = flow_at(t, first + (unsigned)__builtin_ctz(used));

		if (flow->nat && !spoke_lately(w, flow))
			rte_prefetch0(lb_nat_held(w, flow->nat));
	}
}

void lb_flow_sweep(struct worker *w, struct lb_table *table, uint32_t n_buckets)
{
	const struct lb_world *lb = w->world->lb;

	for (; n_buckets > 0; n_buckets--) {
		size_t first = (size_t)table->cursor * LB_FLOW_BUCKET_SLOTS;
		uint32_t used = used_slots(table, table->cursor);

		if (LIKELY(lb != NULL))
			fetch_records(w, table, (table->cursor + SWEEP_AHEAD) % table->n_buckets);
		for (; used; used &= used - 1) {
			struct lb_flow *flow =
				flow_at(table, first + (unsigned)__builtin_ctz(used));

			if (lb_flow_is_idle(w, flow) || lb->backends[flow->backend].service_gone)
				lb_flow_end(w, table, flow);
		}
		table->cursor = table->cursor + 1 == table->n_buckets ? 0 : table->cursor + 1;
	}
}

/* How many buckets of @t are due after @passed_ns. */
static uint32_t share(const struct lb_table *t, uint64_t passed_ns)
{
	const uint64_t round_ns = LB_SWEEP_NS * LB_SWEEP_ROUNDS;
	uint64_t part_ns = MIN_OF(passed_ns, round_ns / SWEEP_SHARE);

	return t->n_flows == 0 ? 0 : (uint32_t)(t->n_buckets * part_ns / round_ns) + 1;
}

void lb_flow_on_sweep(void *ctx, struct wheel_timer *timer)
{
	struct worker *w = ctx;
	struct lb_worker *lb = CONTAINER_OF(timer, struct lb_worker, sweep);
	uint64_t passed_ns = w->now_ns - lb->swept_ns;
	uint32_t n_flows = lb->flows4.n_flows + lb->flows6.n_flows;

	lb->swept_ns = w->now_ns;
	lb_flow_sweep(w, &lb->flows4, share(&lb->flows4, passed_ns));
	lb_flow_sweep(w, &lb->flows6, share(&lb->flows6, passed_ns));
	if (lb->flows4.n_flows == 0)
		lb_flow_table_shrink(&lb->flows4);
	if (lb->flows6.n_flows == 0)
		lb_flow_table_shrink(&lb->flows6);
	wheel_add(w->wheel, timer, w->now_ns + LB_SWEEP_NS / (1 + n_flows / LB_SWEEP_FLOWS));
}
