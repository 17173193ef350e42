/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Growth of flow tables. Few flows lie close together, in the front of a table, so that they take
 * few pages: what a look-up waits for is often not the cache line but its translation. A table
 * doubles by splitting its buckets one by one, from the last one down (linear hashing, Litwin 1980,
 * with scaled hashes): bucket b becomes 2b and 2b + 1, whose places are free or have been left.
 * Each new flow pays for one bucket, so that a table has doubled long before it is crowded. Thread:
 * worker.
 */
#include "dataplane/lb/lb_impl.h"

#define FIRST_BUCKETS_MAX 1024 /* of a table without flows */
#define GROW_SLOTS        4    /* so many slots per flow, or the table grows */

/* How many flows there may be without the table growing, when nothing is being split. */
static uint32_t flows_max(const struct lb_table *t)
{
	if (t->n_wide == t->n_buckets)
		return UINT32_MAX;
	return t->n_wide * (LB_FLOW_BUCKET_SLOTS / GROW_SLOTS);
}

void lb_flow_table_size(struct lb_table *t, uint32_t n_buckets)
{
	unsigned doublings = 0;

	t->n_first = MAX_OF(n_buckets, 1u);
	for (; t->n_first > FIRST_BUCKETS_MAX; doublings++)
		t->n_first = (t->n_first + 1) / 2;
	t->n_buckets = t->n_first << doublings;
	lb_flow_table_shrink(t);
}

void lb_flow_table_shrink(struct lb_table *t)
{
	BRAID_ASSERT(t->n_flows == 0);
	t->n_wide = t->n_first;
	t->split = 0;
	t->grow_at = flows_max(t);
}

/* Moves the flow in slot number @from to slot number @to. */
static void move(struct lb_table *t, size_t from, size_t to)
{
	struct lb_flow4 *f4 = t->slots;
	struct lb_flow6 *f6 = t->slots;

	if (from == to)
		return;
	if (t->is_ip6) {
		f6[to] = f6[from];
		f6[from].flow.state = LB_FLOW_FREE;
	} else {
		f4[to] = f4[from];
		f4[from].flow.state = LB_FLOW_FREE;
	}
	t->tags[to] = t->tags[from];
	t->tags[from] = 0;
}

/* Distributes the flows of bucket @bucket, which keep their slots, over the two that follow it. */
static void split_bucket(const struct worker *w, struct lb_table *t, uint32_t bucket)
{
	for (unsigned i = LB_FLOW_BUCKET_SLOTS; i-- > 0;) {
		size_t from = (size_t)bucket * LB_FLOW_BUCKET_SLOTS + i;
		uint32_t to;
		uint64_t hash;

		if (t->tags[from] == 0)
			continue;
		hash = lb_flow_hash_of(w, t, from);
		to = lb_flow_wide(t, hash, 0);
		if (to / 2 != bucket)
			to = lb_flow_wide(t, hash, 1);
		BRAID_ASSERT(to / 2 == bucket);
		move(t, from, (size_t)to * LB_FLOW_BUCKET_SLOTS + i);
	}
}

void lb_flow_grow(const struct worker *w, struct lb_table *t)
{
	if (t->split == 0) {
		t->split = t->n_wide;
		t->n_wide *= 2;
		t->grow_at = 0;
	}
	t->split--;
	split_bucket(w, t, t->split);
	if (t->split == 0)
		t->grow_at = flows_max(t);
}
