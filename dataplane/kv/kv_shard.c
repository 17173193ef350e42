/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Looking things up in a shard, its numbers, and the work it does between bursts. Thread: worker.
 */
#include "dataplane/kv/kv_shard_impl.h"

#define EXPIRED_PER_PIECE 8  /* items */
#define MOVES_PER_PIECE   32 /* between lists of those that expire */
#define HOMES_PER_PIECE   4
#define WAIT_MAX_MS       100 /* the system's clock may be set forward meanwhile */
#define SCAN_BUCKETS      10  /* per item wanted */

_Static_assert(KV_KEYS_MAX == KV_BULK_MAX, "the index must take as many keys at once");

void kv_shard_prefetch(const struct kv_shard *s, const struct kv_key *k)
{
	kv_index_prefetch(&kv_shard_db(s, k->db)->index, k->hash);
}

void kv_shard_fetch(const struct kv_shard *s, const struct kv_key *const keys[], uint32_t n)
{
	uint32_t start = 0;

	BRAID_ASSERT(n <= KV_KEYS_MAX);
	if (n == 1)
		return; /* its lookup would have to wait just as long */
	for (uint32_t i = 1; i <= n; i++) {
		if (i < n && keys[i]->db == keys[start]->db)
			continue;
		kv_index_fetch_bulk(
			&kv_shard_db(s, keys[start]->db)->index, &keys[start], i - start);
		start = i;
	}
}

/* Deletes @it, which is over, unless others decide that. */
static void over(struct kv_shard *s, struct kv_item *it)
{
	if (!s->is_replica)
		kv_change_drop(s, it, KV_WHY_EXPIRED);
}

/* What a lookup that found @it, or NULL, has found. */
static struct kv_item *found(struct kv_shard *s, struct kv_item *it, unsigned look)
{
	if (it && UNLIKELY(kv_item_is_over(it, kv_shard_now_ms(s)))) {
		over(s, it);
		it = NULL;
	}
	if (!it) {
		s->counters.misses += look & KV_LOOK_READ;
		return NULL;
	}
	s->counters.hits += look & KV_LOOK_READ;
	if (look & KV_LOOK_TOUCH)
		kv_evict_touch(s, it);
	return it;
}

struct kv_item *kv_shard_find(struct kv_shard *s, const struct kv_key *k, unsigned look)
{
	struct kv_place at;

	return found(s, kv_index_find(&kv_shard_db(s, k->db)->index, k, &at), look);
}

uint32_t kv_shard_count(
	struct kv_shard *s, const struct kv_key *const keys[], uint32_t n, unsigned look)
{
	struct kv_item *items[KV_KEYS_MAX];
	uint64_t version = s->version;
	uint32_t sum = 0;

	BRAID_ASSERT(n <= KV_KEYS_MAX);
	if (n > 0)
		kv_index_find_bulk(&kv_shard_db(s, keys[0]->db)->index, keys, n, items);
	for (uint32_t i = 0; i < n; i++) {
		/* When one that is over was deleted, the same key may come again. */
		if (LIKELY(s->version == version))
			sum += found(s, items[i], look) != NULL;
		else
			sum += kv_shard_find(s, keys[i], look) != NULL;
	}
	return sum;
}

/* What kv_shard_scan hands down to the index. */
struct scanning {
	struct kv_scan *scan;
	uint64_t now_ms;
	uint32_t left;
};

static void scan_one(void *ctx, struct kv_item *it, uint64_t hash)
{
	struct scanning *scanning = ctx;

	scanning->left -= scanning->left > 0;
	if (!kv_item_is_over(it, scanning->now_ms))
		scanning->scan->fn(scanning->scan->ctx, it);
}

void kv_shard_scan(struct kv_shard *s, struct kv_scan *scan)
{
	struct scanning scanning = {
		.scan = scan, .now_ms = kv_shard_now_ms(s), .left = MAX_OF(scan->count, 1u)};
	struct kv_index_walk walk = {
		.from = scan->cursor, .buckets = 1, .fn = scan_one, .ctx = &scanning};
	uint64_t buckets = (uint64_t)scanning.left * SCAN_BUCKETS;

	while (scanning.left > 0 && buckets-- > 0 && walk.from < 1ULL << 32)
		walk.from = kv_index_walk(&kv_shard_db(s, scan->db)->index, &walk);
	scan->cursor = walk.from < 1ULL << 32 ? walk.from : 0;
}

/* Some items of a place, to choose from. */
struct choice {
	struct kv_item *it;
	uint32_t n;
	struct kv_shard *s;
};

static void choose_one(void *ctx, struct kv_item *it, uint64_t hash)
{
	struct choice *choice = ctx;

	/* The n-th item replaces the one chosen so far with probability 1 / n. */
	if (worker_random(choice->s->w) % ++choice->n == 0)
		choice->it = it;
}

struct kv_item *kv_shard_random(struct kv_shard *s, uint8_t db)
{
	struct kv_db *d = kv_shard_db(s, db);

	while (d->index.count > 0) {
		struct choice choice = {.s = s};
		struct kv_index_walk walk = {.from = worker_random(s->w) >> 32,
			.buckets = 1,
			.fn = choose_one,
			.ctx = &choice};

		while (!choice.it) {
			walk.from = kv_index_walk(&d->index, &walk);
			walk.from &= UINT32_MAX;
		}
		if (!kv_item_is_over(choice.it, kv_shard_now_ms(s)) || s->is_replica)
			return choice.it;
		over(s, choice.it);
	}
	return NULL;
}

uint64_t kv_shard_size(const struct kv_shard *s, uint8_t db)
{
	return kv_shard_db(s, db)->index.count;
}

uint64_t kv_shard_expires(const struct kv_shard *s, uint8_t db)
{
	return kv_shard_db(s, db)->expiry.count;
}

uint64_t kv_shard_used_bytes(const struct kv_shard *s)
{
	return s->arena.used_bytes;
}

uint64_t kv_shard_index_bytes(const struct kv_shard *s, uint8_t db)
{
	return kv_index_bytes(&kv_shard_db(s, db)->index);
}

uint64_t kv_shard_item_bytes(const struct kv_shard *s, const struct kv_item *it)
{
	return kv_arena_block_bytes(&s->arena, it) + sizeof(struct kv_bucket) / KV_BUCKET_SLOTS + 1;
}

void kv_shard_limit_set(struct kv_shard *s, uint64_t max_bytes, enum kv_policy policy)
{
	s->max_bytes = MIN_OF(max_bytes, s->arena.map_bytes);
	kv_evict_policy(s, policy);
	kv_shard_wake(s);
}

uint64_t kv_shard_limit_bytes(const struct kv_shard *s)
{
	return s->max_bytes;
}

enum kv_policy kv_shard_policy(const struct kv_shard *s)
{
	return s->policy;
}

const struct kv_counters *kv_shard_counters(const struct kv_shard *s)
{
	return &s->counters;
}

void kv_shard_counters_reset(struct kv_shard *s)
{
	s->counters = (struct kv_counters){};
}

void *kv_shard_alloc(struct kv_shard *s, uint64_t bytes)
{
	if (UNLIKELY(kv_room_is_short(s)))
		kv_shard_wake(s);
	return bytes > KV_ARENA_BYTES_MAX
		       ? NULL
		       : kv_arena_alloc(&s->arena, MAX_OF(bytes, 1u), KV_FOR_OTHERS);
}

void kv_shard_free(struct kv_shard *s, void *p)
{
	kv_arena_free(&s->arena, p);
}

void kv_shard_wake(struct kv_shard *s)
{
	worker_task_add(s->w, &s->task);
}

void kv_shard_wake_at(struct kv_shard *s, uint64_t time_ms)
{
	int64_t offset_ns = atomic_load_explicit(&s->w->wall_offset_ns, memory_order_relaxed);
	uint64_t now_ms = kv_shard_now_ms(s);
	uint64_t latest_ms = now_ms + WAIT_MAX_MS;
	uint64_t at_ms = MIN_OF(MAX_OF(time_ms, now_ms), latest_ms); /* expiry may be in 1970 */
	uint64_t at_ns = (uint64_t)((int64_t)(at_ms * NSEC_PER_MSEC) - offset_ns);

	if (s->w->wheel && (!wheel_pending(&s->timer) || at_ns < s->timer.expiry_ns))
		wheel_add(s->w->wheel, &s->timer, at_ns);
}

/* Deletes a few items that are over; true: there may be more. */
static bool expire(struct kv_shard *s)
{
	uint64_t now_ms = kv_shard_now_ms(s), next_ms = KV_EXPIRY_NEVER;
	unsigned deleted = 0;

	for (unsigned d = 0; d < KV_DATABASES && !s->is_replica && !s->expires_lazily; d++) {
		struct kv_expiry *e = &s->dbs[d].expiry;
		unsigned moves = MOVES_PER_PIECE;
		struct kv_item *it;

		while (e->count > 0 && deleted < EXPIRED_PER_PIECE &&
			(it = kv_expiry_next(e, &s->arena, now_ms, &moves))) {
			kv_change_drop(s, it, KV_WHY_EXPIRED);
			deleted++;
		}
		if (e->count > 0)
			next_ms = MIN_OF(next_ms, kv_expiry_next_ms(e));
	}
	if (next_ms <= now_ms && next_ms != KV_EXPIRY_NEVER)
		return true;
	if (next_ms != KV_EXPIRY_NEVER)
		kv_shard_wake_at(s, next_ms);
	return false;
}

void kv_shard_expire_actively(struct kv_shard *s, bool yes)
{
	s->expires_lazily = !yes;
	kv_shard_wake(s);
}

static bool resize(struct kv_shard *s)
{
	bool more = false;

	for (unsigned d = 0; d < KV_DATABASES; d++)
		more |= kv_index_resize_step(&s->dbs[d].index, HOMES_PER_PIECE);
	return more;
}

bool kv_shard_work(struct kv_shard *s)
{
	bool more = expire(s);

	more |= resize(s);
	return kv_room_work(s) || more;
}
