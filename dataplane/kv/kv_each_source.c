/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Visits records for a job. Their memory is asked for some records ahead of the program, as for
 * look-ups of many keys. Thread: worker.
 */
#include "dataplane/kv/kv_each.h"
#include "dataplane/kv/kv_route.h"
#include "dataplane/kv/kv_shard_impl.h"
#include "dataplane/kv/kv_worker.h"

#define BUCKETS_SPARE 16 /* visited in vain by one call, beside one for each record */
#define CHUNK_HASHES  ((1ULL << 32) / TASK_RECORD_CHUNKS)

/* A walk of one call. */
struct visit {
	struct worker *w;
	struct task_part *part;
	const struct kv_each *each;
	uint64_t now_ms;
};

/* Whether the record is selected; *@slot is its slot where somebody wants to know. */
static inline bool is_selected(
	const struct kv_each *each, const uint8_t *key, uint32_t len, uint32_t *slot)
{
	if (each->match.bytes && !kv_glob_match(&each->match, key, len, false))
		return false;
	*slot = 0;
	if (LIKELY(!each->has_slots && !each->wants_slot))
		return true;
	*slot = kv_key_slot(key, len);
	return !each->has_slots || (*slot >= each->first_slot && *slot <= each->last_slot);
}

/* Runs the program over @it if it is selected. False: the part is over. */
static inline bool visit_item(const struct visit *v, const struct kv_item *it)
{
	struct task_record r;
	uint64_t expiry_ms;

	if (UNLIKELY(kv_item_is_over(it, v->now_ms)))
		return true;
	r.key = kv_item_key(it, &r.key_len);
	if (!is_selected(v->each, r.key, r.key_len, &r.slot))
		return true;
	expiry_ms = kv_item_expiry_ms(it);
	r.value = kv_item_value(it, &r.value_len);
	r.ttl_ms = expiry_ms ? expiry_ms - v->now_ms : BRAID_TTL_NONE;
	r.type = kv_item_type(it);
	r.flags = it->flags & (KV_ITEM_DIRTY | KV_ITEM_EXPIRES);
	return task_part_record(v->w, v->part, &r);
}

/* Whether this worker has slots of those that are selected. */
static bool has_any(const struct worker *w, const struct kv_each *each)
{
	return !each->is_empty &&
	       (!each->has_slots || (kv_slot_owner(each->first_slot, w->n_workers) <= w->id &&
					    kv_slot_owner(each->last_slot, w->n_workers) >= w->id));
}

static bool walk(struct worker *w, struct task_part *part, uint32_t chunk, uint64_t *at, uint32_t n)
{
	const struct kv_each *each = task_part_select(part);
	const struct visit v = {.w = w, .part = part, .each = each, .now_ms = worker_wall_ms(w)};
	const struct kv_index *ix = &kv_shard_db(w->kv->shard, each->db)->index;
	uint64_t start = chunk * CHUNK_HASHES;
	struct kv_gather g;
	uint32_t left = MAX_OF(n, 1u), buckets = left + BUCKETS_SPARE;

	if (!has_any(w, each))
		return false;
	g.from = start + *at;
	g.end = start + CHUNK_HASHES;
	while (left > 0 && buckets > 0 && g.from < g.end) {
		uint32_t visited =
			kv_index_gather(ix, &g, MIN_OF(left, (uint32_t)KV_GATHER_ITEMS), buckets);

		for (uint32_t i = 0; i < g.n; i++)
			if (LIKELY(kv_gathered_is_one(ix, &g.all[i])) &&
				!visit_item(&v, g.all[i].it))
				return false;
		left -= MIN_OF(left, g.n);
		buckets -= MIN_OF(buckets, visited);
	}
	*at = g.from - start;
	return g.from < g.end;
}

static uint64_t count(struct worker *w, const struct task_job *job)
{
	const struct kv_each *each = task_job_spec(job)->select;

	return has_any(w, each) ? kv_shard_size(w->kv->shard, each->db) : 0;
}

const struct task_source kv_each_source = {.walk = walk, .count = count};
