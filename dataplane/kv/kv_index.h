/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Index of a database: an array of buckets of one cache line with twelve references each, in the
 * order of the keys' hashes: the home of a key is hash * n >> 32. What finds its home full goes to
 * the next bucket with room, and every bucket passed counts it, so that a search knows where to end
 * (linear probing by buckets: at 85 percent a key lies in its home in 19 of 20 cases).
 *
 * Because homes are ordered by hash, the array can grow and shrink by any factor in place, home by
 * home, from one end to the other: homes on one side of @moved are of the old size, on the other
 * side of the new one. The array is made of segments so that it need not be contiguous. A scan goes
 * by hash, not by bucket; resizing does not disturb it. Thread: worker, the owner.
 */
#ifndef DATAPLANE_KV_KV_INDEX_H
#define DATAPLANE_KV_KV_INDEX_H

#include <emmintrin.h>
#include <string.h>

#include <rte_prefetch.h>

#include "dataplane/kv/kv_arena.h"
#include "dataplane/kv/kv_item.h"
#include "lib/hash/key_hash.h"

#define KV_BUCKET_SLOTS   12
#define KV_SEGMENT_SHIFT  9 /* buckets of a segment: 32 KiB */
#define KV_SEGMENT_BYTES  (sizeof(struct kv_bucket) << KV_SEGMENT_SHIFT)
#define KV_SEGMENT_MASK   ((1u << KV_SEGMENT_SHIFT) - 1)
#define KV_INDEX_MIN      4  /* buckets */
#define KV_INDEX_TAIL     16 /* buckets behind the last home, for what the last homes cannot hold */
#define KV_INDEX_MAX      (1u << 30) /* buckets */
#define KV_BULK_MAX       64         /* keys looked up at once */
#define KV_HOME_ITEMS_MAX 128        /* of one home; the mean is 10 and the hash is keyed */

struct kv_bucket {
	uint8_t tags[KV_BUCKET_SLOTS]; /* 8 bits of the hash, 0: the slot is empty */
	uint32_t version : 24;         /* of the homes here: counts every change of a key */
	uint32_t passed : 8;           /* keys that lie further on; 255: not known any more */
	uint32_t refs[KV_BUCKET_SLOTS];
} CACHE_ALIGNED;

struct kv_index {
	const uint8_t *base; /* of the arena */
	uint32_t *directory; /* page of each segment, 0: not there */
	uint32_t n;          /* homes */
	uint32_t n_new;      /* homes after the resizing that is going on; 0: none is */
	uint32_t moved;      /* growing: homes from here on are moved; shrinking: those below */
	uint32_t far;        /* bucket behind the last used one, if that is beyond the tail */
	uint32_t far_old;    /* the same of before the resizing that is going on */
	uint64_t count;      /* items */
	uint32_t segments;   /* entries of the directory */
	uint32_t present;    /* segments there */
	struct kv_arena *arena;
	const struct key_hash *secret;
};

/* Where an item lies. */
struct kv_place {
	struct kv_bucket *bucket;
	uint32_t number; /* of the bucket */
	uint32_t home;
	unsigned slot;
};

/* What is empty takes no memory; the first insertion allocates. */
void kv_index_init(struct kv_index *ix, struct kv_arena *arena, const struct key_hash *secret);

/* Frees all of it at once; the items are the caller's. For a flush use kv_index_drain_step. */
void kv_index_fini(struct kv_index *ix);

/* Makes sure that an insertion finds room, moving a few homes if the index is being resized. 0 or
 * -ENOMEM. */
int kv_index_reserve(struct kv_index *ix);

/* Finds the items of @n keys, at most KV_BULK_MAX, all at once: NULL for those that are not there.
 * Each must have been given to kv_index_prefetch a while ago, or it has to wait for memory. */
void kv_index_find_bulk(const struct kv_index *ix, const struct kv_key *const keys[], unsigned n,
	struct kv_item *items[]);

/* Brings what lookups of @n keys, at most KV_BULK_MAX, will touch into the cache, values too: for
 * commands that come one after another. They too were given to kv_index_prefetch. */
void kv_index_fetch_bulk(const struct kv_index *ix, const struct kv_key *const keys[], unsigned n);

/* Inserts @ref under @hash; the key must not be there and kv_index_reserve must have been called.
 * 0 or -ENOMEM. */
int kv_index_insert(struct kv_index *ix, uint64_t hash, uint32_t ref);

/* Takes out what is at @at. */
void kv_index_remove(struct kv_index *ix, const struct kv_place *at);

/* Finds @ref, whose key has @hash. */
bool kv_index_find_ref(const struct kv_index *ix, uint64_t hash, uint32_t ref, struct kv_place *at);

/* An item whose key has @hash; NULL: there is none. */
struct kv_item *kv_index_find_hash(const struct kv_index *ix, uint64_t hash);

/* Moves up to @homes homes if it is being resized, starts to shrink if it is too empty. True: more
 * is to do. */
bool kv_index_resize_step(struct kv_index *ix, unsigned homes);

/* Whether kv_index_resize_step would start to shrink it. */
bool kv_index_is_sparse(const struct kv_index *ix);

/* A walk over items by their hashes. */
struct kv_index_walk {
	uint64_t from;
	uint32_t buckets;
	void (*fn)(void *ctx, struct kv_item *it, uint64_t hash);
	void *ctx;
};

/*
 * Calls @fn for the items with hash >> 32 from @from on, home by home, until @buckets were visited.
 * The position to go on from; 1 << 32: the end.
 */
uint64_t kv_index_walk(const struct kv_index *ix, const struct kv_index_walk *walk);

/* The first position (hash >> 32) behind @from that has another home. The index must have one. */
uint64_t kv_index_home_end(const struct kv_index *ix, uint64_t from);

#define KV_GATHER_ITEMS 64 /* at most wanted at once */
#define KV_GATHER_MAX   (KV_GATHER_ITEMS + KV_HOME_ITEMS_MAX + KV_BUCKET_SLOTS)

/* An item that was met, and of which part of all hashes it must be to be one of these. */
struct kv_gathered {
	struct kv_item *it;
	uint32_t first; /* hash >> 32; all of them: it is one */
	uint32_t last;
};

/* Some items of a range of hashes, on their way into the cache. */
struct kv_gather {
	uint64_t from; /* hash >> 32 to go on from; at the end: @end */
	uint64_t end;
	uint32_t n;
	struct kv_gathered all[KV_GATHER_MAX];
};

/*
 * Fills @g, home by home, until there are @items, at most KV_GATHER_ITEMS, or @buckets were
 * visited, and asks for their memory. How many buckets were. Walks of this kind meet each item that
 * is there all the time exactly once, as those of kv_index_walk; those that kv_gathered_is_one
 * denies were met on the way only.
 */
uint32_t kv_index_gather(
	const struct kv_index *ix, struct kv_gather *g, uint32_t items, uint32_t buckets);

/* An index on its way back to the arena. */
struct kv_index_drain {
	uint32_t bucket; /* 0 at the start */
	unsigned slot;
	void (*free)(void *ctx, struct kv_item *it);
	void *ctx;
};

/* Takes up to @n items out, from bucket *@at on, for @free; frees segments behind it. True: it is
 * empty now and has no memory. */
bool kv_index_drain_step(struct kv_index *ix, struct kv_index_drain *drain, unsigned n);

/* Bytes of its buckets. */
static inline uint64_t kv_index_bytes(const struct kv_index *ix)
{
	return (uint64_t)ix->present * KV_SEGMENT_BYTES;
}

static inline struct kv_item *kv_index_item(const struct kv_index *ix, uint32_t ref)
{
	return (struct kv_item *)(uintptr_t)(ix->base + ((uint64_t)ref << KV_REF_SHIFT));
}

static inline uint64_t kv_index_hash(const struct kv_index *ix, const struct kv_item *it)
{
	return key_hash_of(ix->secret, kv_item_key_bytes(it), it->key_len);
}

/* The tag of @hash: bits that the home does not use, never 0. */
static inline uint8_t kv_index_tag(uint64_t hash)
{
	uint8_t tag = (uint8_t)hash;

	return (uint8_t)(tag + !tag);
}

static inline uint32_t kv_index_scale(uint64_t hash, uint32_t n)
{
	return (uint32_t)((hash >> 32) * n >> 32);
}

/* The home of @hash. */
static inline uint32_t kv_index_home(const struct kv_index *ix, uint64_t hash)
{
	uint32_t home = kv_index_scale(hash, ix->n);

	if (UNLIKELY(ix->n_new && (home >= ix->moved) == (ix->n_new > ix->n)))
		return kv_index_scale(hash, ix->n_new);
	return home;
}

/* Bucket @number, whose segment must be there. */
static inline struct kv_bucket *kv_index_bucket(const struct kv_index *ix, uint32_t number)
{
	uint64_t page = ix->directory[number >> KV_SEGMENT_SHIFT];

	return (struct kv_bucket *)(uintptr_t)(ix->base + (page << KV_PAGE_SHIFT)) +
	       (number & KV_SEGMENT_MASK);
}

/* Bit per slot whose tag is @tag. */
static inline unsigned kv_bucket_match(const struct kv_bucket *b, uint8_t tag)
{
	__m128i tags = _mm_load_si128((const __m128i *)(const void *)b);
	__m128i equal = _mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag));

	return (unsigned)_mm_movemask_epi8(equal) & ((1u << KV_BUCKET_SLOTS) - 1);
}

/* Whether @len bytes are equal, fast where there are few. */
static inline bool kv_bytes_equal(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	uint64_t differ = 0;

	if (LIKELY(len >= 8 && len <= 16))
		return !((key_hash_load8(a) ^ key_hash_load8(b)) |
			 (key_hash_load8(a + len - 8) ^ key_hash_load8(b + len - 8)));
	if (len < 8) {
		for (uint32_t i = 0; i < len; i++)
			differ |= (uint64_t)(a[i] ^ b[i]);
		return !differ;
	}
	if (len > 64)
		return memcmp(a, b, len) == 0;
	for (uint32_t i = 0; i + 8 < len; i += 8)
		differ |= key_hash_load8(a + i) ^ key_hash_load8(b + i);
	return !(differ | (key_hash_load8(a + len - 8) ^ key_hash_load8(b + len - 8)));
}

/* Whether @g is in its range: looks at its key. */
static inline bool kv_gathered_is_one(const struct kv_index *ix, const struct kv_gathered *g)
{
	uint32_t position;

	if (LIKELY(g->first == 0 && g->last == UINT32_MAX))
		return true;
	position = (uint32_t)(kv_index_hash(ix, g->it) >> 32);
	return position >= g->first && position <= g->last;
}

/* Whether @it is the item of @k. */
static inline bool kv_item_has_key(const struct kv_item *it, const struct kv_key *k)
{
	return it->key_len == k->len && kv_bytes_equal(kv_item_key_bytes(it), k->bytes, k->len);
}

/* The item of @k or NULL; *@at says where. */
static inline struct kv_item *kv_index_find(
	const struct kv_index *ix, const struct kv_key *k, struct kv_place *at)
{
	uint8_t tag = kv_index_tag(k->hash);
	struct kv_bucket *b;

	if (UNLIKELY(ix->count == 0))
		return NULL;
	at->home = at->number = kv_index_home(ix, k->hash);
	for (;; at->number++) {
		unsigned match;

		b = kv_index_bucket(ix, at->number);
		for (match = kv_bucket_match(b, tag); match; match &= match - 1) {
			unsigned slot = (unsigned)__builtin_ctz(match);
			struct kv_item *it = kv_index_item(ix, b->refs[slot]);

			if (LIKELY(kv_item_has_key(it, k))) {
				at->bucket = b;
				at->slot = slot;
				return it;
			}
		}
		if (LIKELY(!b->passed))
			return NULL;
	}
}

/* Asks for the line of @p, for the second-level cache: many more lines can be on their way to that
 * than to the first (on Zen 4 batches of 64 lookups among a million keys take 45 cycles each, 75
 * through the first). */
static inline void kv_prefetch(const void *p)
{
	rte_prefetch1(p);
}

/* Asks for the home of @hash. */
static inline void kv_index_prefetch(const struct kv_index *ix, uint64_t hash)
{
	if (LIKELY(ix->count != 0))
		kv_prefetch(kv_index_bucket(ix, kv_index_home(ix, hash)));
}

/* The home of @hash counts a change of a key. */
static inline void kv_index_changed(struct kv_index *ix, uint64_t hash)
{
	kv_index_bucket(ix, kv_index_home(ix, hash))->version++;
}

#endif
