/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of a shard share. Thread: worker, the owner. */
#ifndef DATAPLANE_KV_KV_SHARD_IMPL_H
#define DATAPLANE_KV_KV_SHARD_IMPL_H

#include "dataplane/kv/kv_arena.h"
#include "dataplane/kv/kv_expiry.h"
#include "dataplane/kv/kv_index.h"
#include "dataplane/kv/kv_shard.h"

#define KV_WIDE_FROM_BYTES 4096 /* items from here on can expire without being copied */
#define KV_CLOCK_SHIFT     28   /* nanoseconds to ticks of recency: 268 ms */
#define KV_POOL_SIZE       16   /* candidates for eviction, as Redis's EVPOOL_SIZE */

/* Memory of a flushed database on its way back. */
struct kv_flushed {
	struct kv_flushed *next;
	struct kv_index index;
	struct kv_index_drain drain;
};

struct kv_db {
	struct kv_index index;
	struct kv_expiry expiry;
	struct kv_flushed *flushed; /* for the next flush, so that it cannot fail */
};

/* A key that may be evicted next. */
struct kv_candidate {
	uint64_t hash;
	uint64_t score; /* the higher the better to evict */
	uint8_t db;
};

struct kv_shard {
	struct worker *w;
	uint64_t max_bytes;
	enum kv_policy policy;
	bool is_lfu;         /* the policy is one of frequency */
	bool is_replica;     /* has been replayed to: others decide what expires and is evicted */
	bool expires_lazily; /* only when looked up */
	uint64_t n_pins;
	struct key_hash secret;
	struct kv_arena arena;
	struct kv_observer observer;
	struct kv_observer watcher; /* WATCH's */
	struct kv_counters counters;
	uint64_t version; /* of the last effect */
	uint32_t depth;   /* of begin */
	bool begun;       /* KV_EFFECT_BEGIN is out */
	struct kv_flushed *flushed;
	uint64_t goal_bytes; /* room that a refused write wanted */
	uint32_t n_pool;
	struct kv_candidate pool[KV_POOL_SIZE]; /* by score, ascending */
	struct worker_task task;
	struct wheel_timer timer;          /* of the next expiry */
	struct kv_db dbs[KV_DATABASES];    /* by the number that items know */
	struct kv_db *named[KV_DATABASES]; /* by the number that commands use, see SWAPDB */
	uint8_t names[KV_DATABASES];       /* the other way round */
};

static inline uint64_t kv_shard_now_ms(const struct kv_shard *s)
{
	return worker_wall_ms(s->w);
}

/* The database that commands call @db. */
static inline struct kv_db *kv_shard_db(const struct kv_shard *s, uint8_t db)
{
	return s->named[db % KV_DATABASES];
}

/* The number by which items know the database that commands call @db. */
static inline unsigned kv_shard_db_number(const struct kv_shard *s, uint8_t db)
{
	return (unsigned)(kv_shard_db(s, db) - s->dbs) % KV_DATABASES;
}

/* Whether @it is over, as Redis counts: it lives in the millisecond of its expiry. */
static inline bool kv_item_is_over(const struct kv_item *it, uint64_t now_ms)
{
	return it->flags & KV_ITEM_EXPIRES && kv_item_wide(it)->expiry_ms < now_ms;
}

/* Makes sure that kv_shard_work is called. */
void kv_shard_wake(struct kv_shard *s);

/* Makes sure that it is called at @time_ms. */
void kv_shard_wake_at(struct kv_shard *s, uint64_t time_ms);

/* kv_effect.c: tells the observer, in order. */
void kv_effect_emit(struct kv_shard *s, struct kv_effect *e, const struct kv_item *it);

/* kv_change.c: takes @it out of index and expiry, says so and frees it. */
void kv_change_drop(struct kv_shard *s, struct kv_item *it, enum kv_why why);

/* kv_release.c: the block of @it, which nothing refers to any more but pins. */
void kv_item_release(struct kv_shard *s, struct kv_item *it);

/* Whether somebody has pinned @it, or one beside it. */
bool kv_item_is_pinned(const struct kv_shard *s, const struct kv_item *it);

/* kv_room.c: a block of @bytes within the limit, after @credit bytes are given back; what may be
 * evicted is. */
void *kv_room_alloc(struct kv_shard *s, uint64_t bytes, uint64_t credit);

/* Frees a bit of what nobody needs: flushed memory, slabs that are nearly empty, and, down to the
 * limit, keys. True: more is to do. */
bool kv_room_work(struct kv_shard *s);

/* Whether keys should go so that commands and replies have memory, although items have theirs. */
static inline bool kv_room_is_short(const struct kv_shard *s)
{
	return s->policy != KV_NOEVICTION && s->arena.free_pages < s->arena.kept_pages / 2;
}

/* Index and record of a database with room for one key more. 0 or -ENOMEM. */
int kv_room_reserve(struct kv_shard *s, struct kv_db *db);

/* kv_evict.c: evicts one key; false: the policy lets none go. */
bool kv_evict_one(struct kv_shard *s);

/* The recency or frequency of a new item. */
void kv_evict_born(struct kv_shard *s, struct kv_item *it);

/* @it was used once more, under a policy by frequency. */
void kv_evict_count(struct kv_shard *s, struct kv_item *it);

/* The clock of recency. */
static inline uint32_t kv_evict_clock(const struct kv_shard *s)
{
	return (uint32_t)(s->w->now_ns >> KV_CLOCK_SHIFT) & ((1u << KV_USE_BITS) - 1);
}

/* @it was used. Its line is written only when the clock has gone on. */
static inline void kv_evict_touch(struct kv_shard *s, struct kv_item *it)
{
	if (UNLIKELY(s->is_lfu))
		kv_evict_count(s, it);
	else if (it->use != kv_evict_clock(s))
		it->use = kv_evict_clock(s) & ((1u << KV_USE_BITS) - 1);
}

/* Sets the policy and forgets the candidates. */
void kv_evict_policy(struct kv_shard *s, enum kv_policy policy);

#endif
