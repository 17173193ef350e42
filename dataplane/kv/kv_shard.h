/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A shard: the keys of a worker in 16 databases, their memory, expiry, eviction and the stream of
 * effects (DESIGN section 9). All times are UNIX milliseconds, absolute. Every change of a key goes
 * through the functions under "changes", which emit one effect each. Nothing allocates after
 * creation: items come from the shard's arena. Thread: worker, the owner.
 */
#ifndef DATAPLANE_KV_KV_SHARD_H
#define DATAPLANE_KV_KV_SHARD_H

#include "dataplane/core/worker.h"
#include "dataplane/kv/kv_item.h"

enum kv_policy { /* Redis's maxmemory-policy */
	KV_NOEVICTION,
	KV_ALLKEYS_LRU,
	KV_ALLKEYS_LFU,
	KV_ALLKEYS_RANDOM,
	KV_VOLATILE_LRU,
	KV_VOLATILE_LFU,
	KV_VOLATILE_RANDOM,
	KV_VOLATILE_TTL,
};

/* What happens to a key, in the order of happening. Replaying them into an empty shard of the same
 * secret gives the same keys, values and expiry times. */
enum kv_effect_kind {
	KV_EFFECT_SET,    /* whole value, expiry_ms */
	KV_EFFECT_DEL,    /* deleted, expired or evicted: why says which */
	KV_EFFECT_WRITE,  /* bytes at offset; the value grows with zeros as far as needed */
	KV_EFFECT_EXPIRE, /* expiry_ms, 0: persist */
	KV_EFFECT_FLUSH,  /* everything in db, UINT8_MAX: in all */
	KV_EFFECT_SWAP,   /* what db and other_db hold changes places */
	KV_EFFECT_BEGIN,  /* of a MULTI: what follows up to END is one entry */
	KV_EFFECT_END,
};

enum kv_why { KV_WHY_COMMAND, KV_WHY_EXPIRED, KV_WHY_EVICTED };

struct kv_effect {
	uint64_t version; /* counts up by one per effect of the shard */
	uint8_t kind;
	uint8_t db;
	uint8_t type; /* enum kv_type */
	uint8_t why;
	uint8_t form; /* enum kv_form */
	uint8_t other_db;
	uint32_t key_len;
	uint32_t value_len;
	uint32_t offset; /* WRITE */
	uint64_t expiry_ms;
	const uint8_t *key; /* valid during the call */
	const uint8_t *value;
};

struct kv_shard;

/* Counters; read by INFO and metrics. */
struct kv_counters {
	uint64_t hits;
	uint64_t misses;
	uint64_t expired;
	uint64_t evicted;
	uint64_t effects;
	uint64_t refused_oom;
};

struct kv_shard_options {
	uint64_t memory_bytes; /* of the arena: keys, values, index */
	enum kv_policy policy;
	uint8_t secret[16]; /* of the key hash */
};

/* Creates the shard of worker @w; NULL with the sentence. Main thread, before the worker starts (a
 * test may use any thread). The arena is mapped on huge pages where there are some. */
struct kv_shard *kv_shard_create(
	struct worker *w, const struct kv_shard_options *options, struct base_error *err);

/* Unmaps it with all in it. Main thread, after its worker has ended. */
void kv_shard_destroy(struct kv_shard *s);

/* Fills in @k: slot and keyed hash. */
void kv_key_make(
	const struct kv_shard *s, struct kv_key *k, uint8_t db, const void *bytes, uint32_t len);

/* The slot of a key: that of what stands between its first '{' and the next '}', unless nothing
 * does. */
uint16_t kv_key_slot(const uint8_t *bytes, uint32_t len);

/* --- looking --- */

#define KV_KEYS_MAX 64 /* fetched or counted at once */

/* First step of looking up many keys: asks for the memory where the search of @k begins. */
void kv_shard_prefetch(const struct kv_shard *s, const struct kv_key *k);

/* The second, a while later: brings what lookups of these @n keys, at most KV_KEYS_MAX, will touch
 * into the cache. */
void kv_shard_fetch(const struct kv_shard *s, const struct kv_key *const keys[], uint32_t n);

enum kv_look {
	KV_LOOK_READ = 1,  /* count hit or miss */
	KV_LOOK_TOUCH = 2, /* recency and frequency (Redis's LOOKUP_NOTOUCH is its absence) */
};

/* The live item of @k or NULL; one that has expired is deleted first. @look: enum kv_look bits. */
struct kv_item *kv_shard_find(struct kv_shard *s, const struct kv_key *k, unsigned look);

/* How many of @n keys, at most KV_KEYS_MAX and all of one database, kv_shard_find would find. */
uint32_t kv_shard_count(
	struct kv_shard *s, const struct kv_key *const keys[], uint32_t n, unsigned look);

/* --- changes --- */

/* A change may evict and move other items: pointers to items are valid up to the next change unless
 * they are pinned, and a value to be written must not lie in an item that is not. */

struct kv_write {
	const void *value;
	uint32_t len;
	uint64_t expiry_ms; /* 0: never */
	bool keep_expiry;   /* of the old item, if any */
	uint8_t form;       /* enum kv_form of the new item */
};

/* Sets the whole value, whatever was there. *@it (may be NULL) is the item. 0, -ENOMEM (limit
 * reached and nothing may be evicted, or no room) or -E2BIG. */
int kv_shard_set(
	struct kv_shard *s, const struct kv_key *k, const struct kv_write *v, struct kv_item **it);

/* Bytes for a part of a value. */
struct kv_patch {
	uint32_t offset;
	const void *bytes;
	uint32_t len;
};

/* Writes @len bytes at @offset of the string @k, which is made or grown with zeros; its form is
 * KV_FORM_PATCHED from then on. Bytes of a pinned item are not changed in place. The expiry
 * stays. *@total is the new length. 0, -ENOMEM, -E2BIG. */
int kv_shard_write(
	struct kv_shard *s, const struct kv_key *k, const struct kv_patch *p, uint32_t *total);

/* Takes room for a value of @len bytes of @k out of what is free, evicting if the policy lets, and
 * chains it to *@taken: for commands that set all of their keys or none. False: there is none. */
bool kv_shard_room_take(struct kv_shard *s, const struct kv_key *k, uint32_t len, void **taken);

/* Gives all of @taken back. */
void kv_shard_room_give(struct kv_shard *s, void *taken);

/* Whether there is so much room that @bytes of new items need not be tried. */
bool kv_shard_room_is_plenty(const struct kv_shard *s, uint64_t bytes);

/* Deletes it; false: there was none. Big ones are freed in quanta. */
bool kv_shard_del(struct kv_shard *s, const struct kv_key *k);

/* Sets the absolute expiry of a live item, 0: never. One that lies in the past deletes it. 0,
 * -ENOENT or -ENOMEM. */
int kv_shard_expire(struct kv_shard *s, const struct kv_key *k, uint64_t expiry_ms);

/* Forgets all keys of @db (UINT8_MAX: of all) at once; the memory comes back in quanta. */
void kv_shard_flush(struct kv_shard *s, uint8_t db);

/* Lets the keys of the databases @db and @other change places, at once. */
void kv_shard_swap(struct kv_shard *s, uint8_t db, uint8_t other);

/* What follows up to kv_shard_end is one entry of the effects. A pair inside a pair is part of the
 * outer one, so that a command of several changes may use it inside a transaction. */
void kv_shard_begin(struct kv_shard *s);

/* Ends what kv_shard_begin began. */
void kv_shard_end(struct kv_shard *s);

/* --- watching --- */

/* The shard calls @on_effect for every effect and @on_change (WATCH) for every key that changes, or
 * with NULL for a flush. */
struct kv_observer {
	void *ctx;
	void (*on_effect)(void *ctx, const struct kv_effect *e);
	void (*on_change)(void *ctx, uint8_t db, const uint8_t *key, uint32_t len);
	/* WATCH's: two databases are about to change places; not of an observer of effects. */
	void (*on_swap)(void *ctx, uint8_t db, uint8_t other);
};

/* Sets the observer, which must outlive the shard's use of @o->ctx. */
void kv_shard_observe(struct kv_shard *s, const struct kv_observer *o);

/* Calls @o's on_change, as an observer's and beside it, and on_swap. An empty one: no more.
 * WATCH's.
 */
void kv_shard_watch(struct kv_shard *s, const struct kv_observer *o);

/* Applies @e to this shard as a replica does: no eviction, no expiry of its own. 0 or -errno. */
int kv_shard_replay(struct kv_shard *s, const struct kv_effect *e);

/* --- many keys --- */

#define KV_CURSOR_BITS 56

/* One walk over the items of a database. */
struct kv_scan {
	uint8_t db;
	uint32_t count;  /* items wanted per call, about */
	uint64_t cursor; /* 0 at the start, 0 at the end */
	/* Sees each item; expired ones that are not yet deleted are left out. Must not change the
	 * shard. */
	void (*fn)(void *ctx, const struct kv_item *it);
	void *ctx;
};

/*
 * Visits about @scan->count items from @scan->cursor on and moves it: every key that is there from
 * the first call to the last is visited exactly once, even while the index grows or shrinks.
 * Bounded: at most count * 10 buckets. Cursors are below 1 << KV_CURSOR_BITS: SCAN puts the worker
 * above them. Any number below is a cursor: clients make them up.
 */
void kv_shard_scan(struct kv_shard *s, struct kv_scan *scan);

/* A random live item of @db, NULL: it is empty. */
struct kv_item *kv_shard_random(struct kv_shard *s, uint8_t db);

/* Keys in @db, not yet deleted expired ones included; and how many of them have an expiry. */
uint64_t kv_shard_size(const struct kv_shard *s, uint8_t db);

/* Of them, those that have an expiry. */
uint64_t kv_shard_expires(const struct kv_shard *s, uint8_t db);

/* --- memory and time --- */

/* Bytes in use: items with their size classes, and the index. */
uint64_t kv_shard_used_bytes(const struct kv_shard *s);

/* Bytes of the index of @db. */
uint64_t kv_shard_index_bytes(const struct kv_shard *s, uint8_t db);

/* Bytes that @it takes, its part of the index included (MEMORY USAGE). */
uint64_t kv_shard_item_bytes(const struct kv_shard *s, const struct kv_item *it);

/* Seconds since last use; logarithmic frequency 0..255 (OBJECT IDLETIME, FREQ). */
uint32_t kv_shard_idle_s(const struct kv_shard *s, const struct kv_item *it);

/* Logarithmic frequency, under a policy that counts it. */
uint8_t kv_shard_frequency(const struct kv_shard *s, const struct kv_item *it);

/* Makes @it count for eviction as one that was last used @idle_s seconds ago, or, under a policy by
 * frequency, has @frequency; -1: as a new one. */
void kv_shard_use_set(struct kv_shard *s, struct kv_item *it, int64_t idle_s, int64_t frequency);

/* Changes limit and policy at run time (CONFIG SET). The limit cannot exceed memory_bytes. */
void kv_shard_limit_set(struct kv_shard *s, uint64_t max_bytes, enum kv_policy policy);

/* The limit in force. */
uint64_t kv_shard_limit_bytes(const struct kv_shard *s);

/* The policy in force. */
enum kv_policy kv_shard_policy(const struct kv_shard *s);

/* The counters; they live as long as the shard. */
const struct kv_counters *kv_shard_counters(const struct kv_shard *s);

/* Sets them to 0 (CONFIG RESETSTAT). */
void kv_shard_counters_reset(struct kv_shard *s);

/* Pins @it: its bytes stay until the last unpin, even if it is deleted meanwhile. For replies that
 * send large values without copying. */
void kv_shard_pin(struct kv_shard *s, struct kv_item *it);

/* Takes one pin away. */
void kv_shard_unpin(struct kv_shard *s, struct kv_item *it);

/* Scratch memory of the arena for queries and replies, counted in used_bytes; NULL when there is
 * none. Sizes up to KV_VALUE_BYTES_MAX. */
void *kv_shard_alloc(struct kv_shard *s, uint64_t bytes);

/* The same, evicting a bounded number of keys as the policy lets: not while an item is looked at
 * that is not pinned. */
void *kv_shard_alloc_evicting(struct kv_shard *s, uint64_t bytes);

/* Evicts a bounded number of keys, as the policy lets, when there is little left for
 * kv_shard_alloc: between commands. */
void kv_shard_keep_room(struct kv_shard *s);

/* Whether kv_shard_work is making room for what was refused last: it may be tried again when this
 * is false, and will be refused for good when nothing is left to evict. */
bool kv_shard_is_making_room(const struct kv_shard *s);

/* Gives back what kv_shard_alloc gave. */
void kv_shard_free(struct kv_shard *s, void *p);

/* Whether items that are over are deleted by kv_shard_work too, not only when they are looked up.
 * They are from the start; tests of clients say no. */
void kv_shard_expire_actively(struct kv_shard *s, bool yes);

/* One quantum of what is left to do: freeing, growing the index, evicting. True: more is to do. */
bool kv_shard_work(struct kv_shard *s);

#endif
