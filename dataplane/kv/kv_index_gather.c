/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Walking over an index by many items at a time: first which they are, then, when their memory has
 * arrived, what is in them. An item's key, of which its hash is made, is looked at only where a
 * bucket may hold items of other homes. Thread: worker, the owner.
 */
#include "dataplane/kv/kv_index.h"

/* A home, or the part of one that is in the range. */
struct home {
	uint64_t from; /* hash >> 32 */
	uint64_t to;
	uint32_t number;
	bool is_whole;
};

/* Whether keys of earlier homes may lie in bucket @number. While the index is resized there may be
 * no segment before it. */
static bool is_passed(const struct kv_index *ix, uint32_t number)
{
	if (number == 0 || !ix->directory[(number - 1) >> KV_SEGMENT_SHIFT])
		return false;
	return kv_index_bucket(ix, number - 1)->passed > 0;
}

/* The home of position @g->from. @is_start: that is where a home starts, or an edge. */
static struct home home_at(const struct kv_index *ix, const struct kv_gather *g, bool is_start)
{
	uint64_t to = kv_index_home_end(ix, g->from);

	return (struct home){
		.from = g->from,
		.to = MIN_OF(to, g->end),
		.number = kv_index_home(ix, g->from << 32),
		.is_whole = is_start && to <= g->end,
	};
}

/* Whether the position before @from is of another home. */
static bool starts_home(const struct kv_index *ix, uint64_t from)
{
	return from == 0 || kv_index_home(ix, from << 32) != kv_index_home(ix, (from - 1) << 32);
}

/* Forgets the items from number @start on that are others'. */
static void sift(const struct kv_index *ix, struct kv_gather *g, uint32_t start)
{
	uint32_t n = start;

	for (uint32_t i = start; i < g->n; i++)
		if (kv_gathered_is_one(ix, &g->all[i]))
			g->all[n++] = g->all[i];
	g->n = n;
}

/* Adds what is in @b. */
static inline void bucket_add(const struct kv_index *ix, struct kv_gather *g,
	const struct kv_bucket *b, uint32_t first, uint32_t last)
{
	unsigned used = ~kv_bucket_match(b, 0) & ((1u << KV_BUCKET_SLOTS) - 1);

	for (; used; used &= used - 1) {
		struct kv_item *it = kv_index_item(ix, b->refs[__builtin_ctz(used)]);

		kv_prefetch(it);
		kv_prefetch((const uint8_t *)it + CACHE_LINE_BYTES);
		g->all[g->n++] = (struct kv_gathered){.it = it, .first = first, .last = last};
	}
}

/* Adds what may be of @home; how many buckets were visited. */
static uint32_t home_add(const struct kv_index *ix, struct kv_gather *g, const struct home *home)
{
	const struct kv_bucket *b = kv_index_bucket(ix, home->number);
	uint32_t first = (uint32_t)home->from, last = (uint32_t)(home->to - 1);
	uint32_t start = g->n, number = home->number;

	if (LIKELY(home->is_whole && !is_passed(ix, number)))
		bucket_add(ix, g, b, 0, UINT32_MAX);
	else
		bucket_add(ix, g, b, first, last);
	while (UNLIKELY(b->passed > 0)) {
		/* A long way past others: few are of this home, and they may have to make room. */
		if (g->n + KV_BUCKET_SLOTS > KV_GATHER_MAX)
			sift(ix, g, start);
		BRAID_ASSERT(g->n + KV_BUCKET_SLOTS <= KV_GATHER_MAX);
		b = kv_index_bucket(ix, ++number);
		bucket_add(ix, g, b, first, last);
	}
	return number - home->number + 1;
}

uint32_t kv_index_gather(
	const struct kv_index *ix, struct kv_gather *g, uint32_t items, uint32_t buckets)
{
	uint32_t visited = 0;
	bool is_start;

	BRAID_ASSERT(items <= KV_GATHER_ITEMS);
	g->n = 0;
	if (ix->count == 0) {
		g->from = g->end;
		return 0;
	}
	is_start = starts_home(ix, g->from);
	while (g->n < items && visited < buckets && g->from < g->end) {
		struct home home = home_at(ix, g, is_start);

		visited += home_add(ix, g, &home);
		g->from = home.to;
		is_start = true;
	}
	return visited;
}
