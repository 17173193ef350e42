/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flows of one worker: fixed-size tables, one for each IP version, of buckets with eight slots;
 * a flow lies in one of two buckets that its keyed hash names. The tags of a bucket, 16 bits of the
 * hash per slot, lie apart from the slots: a look-up compares both buckets' tags at once and then
 * reads one flow, and one that finds nothing reads none. 34 bytes for an IPv4 flow, 50 for IPv6, so
 * that memory stays below 64 bytes per flow at 80 % load. No timer per flow: a slot whose flow was
 * idle for too long is reused when its place is needed, and a slow sweep ends idle flows so that
 * the counts of backends fall. Thread: worker.
 *
 * Two slots of the first bucket are a flow's home: it lies there if one was free. Most look-ups so
 * read one place in memory, and no tags. A burst is looked up in passes, so that memory answers
 * while the others are worked on: lb_flow_home_fetch(), then lb_flow_home_find(); for the few that
 * are not at home lb_flow_tags_fetch(), then lb_flow_likely_slot().
 */
#ifndef DATAPLANE_LB_LB_FLOW_H
#define DATAPLANE_LB_LB_FLOW_H

#include <emmintrin.h>
#include <string.h>

#include "dataplane/lb/lb.h"
#include "lib/hash/flow_hash.h"

#define LB_TICK_SHIFT        20 /* time of flows: ticks of 2^20 ns, as the wheel's */
#define LB_FLOW_BUCKET_SLOTS 8
#define LB_FLOW_HOME_SLOTS   2 /* IPv4: one cache line */
#define LB_FLOW_HOME_MASK    3u
#define LB_FLOW_SPARE_SLOTS  4 /* left free in a first bucket while the second has more */
#define LB_FLOW_NO_SLOT      (2 * LB_FLOW_BUCKET_SLOTS) /* none of those of both buckets */

/* What both IP versions keep. */
struct lb_flow {
	uint32_t ports;   /* source and destination as in the packet, client to VIP */
	uint16_t backend; /* number in lb_world.backends */
	uint8_t protocol;
	uint8_t state; /* enum lb_flow_state: as seen from the client's packets */
	uint32_t seen; /* tick of the client's last packet */
	uint32_t nat;  /* pool index << 16 | port; 0: not NAT */
};

struct lb_flow4 {
	uint32_t src_be; /* client */
	uint32_t dst_be; /* VIP */
	struct lb_flow flow;
	uint32_t born; /* tick */
	uint32_t pkts; /* from the client */
};

struct lb_flow6 {
	uint8_t src[16];
	uint8_t dst[16];
	struct lb_flow flow;
};

/* In the first eight bytes of struct lb_flow: all but backend and state; and where the state is. */
#define LB_FLOW_KEY_MASK    0x00ff0000ffffffffULL
#define LB_FLOW_STATE_SHIFT 56

_Static_assert(sizeof(struct lb_flow4) == 32, "two IPv4 flows in a cache line");
_Static_assert(sizeof(struct lb_flow6) == 48, "four IPv6 flows in three cache lines");

/*
 * A table: n_buckets buckets of LB_FLOW_BUCKET_SLOTS slots each, bucket after bucket, of which as
 * many are in use as its flows need (lb_flow_grow.c). A slot is free when its state is
 * LB_FLOW_FREE, which is when its tag is 0.
 */
struct lb_table {
	void *slots;        /* struct lb_flow4[] or lb_flow6[], cache-line aligned */
	uint16_t *tags;     /* one per slot, 16-byte aligned */
	uint32_t n_buckets; /* any number: hashes are scaled, not masked */
	uint32_t n_first;   /* buckets in use when there is no flow */
	uint32_t n_wide;    /* buckets in use when split is 0 */
	uint32_t split;     /* of n_wide / 2 buckets, those from this one on are two */
	uint32_t n_flows;   /* slots in use */
	uint32_t n_changes; /* how often a flow came, moved or ended */
	uint32_t grow_at;   /* with so many flows or more */
	uint32_t cursor;    /* of the sweep: a bucket */
	bool is_ip6;        /* which kind the slots are */
};

/* Now, in ticks. */
static inline uint32_t lb_tick(const struct worker *w)
{
	return (uint32_t)(w->now_ns >> LB_TICK_SHIFT);
}

/* The hash of the flow of the client's packet, for lb_flow4_*. */
static inline uint64_t lb_flow4_hash(
	const struct worker *w, uint32_t src_be, uint32_t dst_be, uint8_t protocol, uint32_t ports)
{
	return flow_hash_ip4(w->flow_key, src_be, dst_be, protocol, ports);
}

/* The same for lb_flow6_*. */
static inline uint64_t lb_flow6_hash(const struct worker *w, const uint8_t src[16],
	const uint8_t dst[16], uint8_t protocol, uint32_t ports)
{
	return flow_hash_ip6(w->flow_key, src, dst, protocol, ports);
}

/* One of the two buckets of @hash when all are split; now and then they are the same. */
static inline uint32_t lb_flow_wide(const struct lb_table *t, uint64_t hash, unsigned which)
{
	uint32_t half = which ? (uint32_t)(hash >> 32) : (uint32_t)hash;

	return (uint32_t)((uint64_t)half * t->n_wide >> 32);
}

/* One of the two buckets of @hash. Without a jump: nobody can foresee which are split. */
static inline uint32_t lb_flow_bucket(const struct lb_table *t, uint64_t hash, unsigned which)
{
	uint32_t wide = lb_flow_wide(t, hash, which);

	return wide >> (wide / 2 < t->split);
}

/* What stands for @hash among the tags: bits that choose no bucket, and never 0. */
static inline uint16_t lb_flow_tag(uint64_t hash)
{
	uint16_t tag = (uint16_t)(hash ^ hash >> 32);

	return tag ? tag : 1;
}

/* The slots of the buckets of @hash that have @tag: bits 0 to 7 are the first bucket's. */
static inline uint32_t lb_flow_slots_with(const struct lb_table *t, uint64_t hash, uint16_t tag)
{
	const __m128i *tags = (const __m128i *)t->tags;
	__m128i want = _mm_set1_epi16((short)tag);
	__m128i first = _mm_cmpeq_epi16(tags[lb_flow_bucket(t, hash, 0)], want);
	__m128i second = _mm_cmpeq_epi16(tags[lb_flow_bucket(t, hash, 1)], want);

	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(first, second));
}

/* The first of the two slots (0, 2, 4 or 6 of the first bucket) that are the home of @hash. */
static inline unsigned lb_flow_home_slot(uint64_t hash)
{
	return (unsigned)hash & (LB_FLOW_BUCKET_SLOTS - LB_FLOW_HOME_SLOTS);
}

/* The number, in the table, of slot @slot (0 to 15) of the buckets of @hash. */
static inline size_t lb_flow_slot(const struct lb_table *t, uint64_t hash, unsigned slot)
{
	return (size_t)lb_flow_bucket(t, hash, slot / LB_FLOW_BUCKET_SLOTS) * LB_FLOW_BUCKET_SLOTS +
	       slot % LB_FLOW_BUCKET_SLOTS;
}

/* The number of the first of the two slots that are the home of @hash. */
static inline size_t lb_flow_home(const struct lb_table *t, uint64_t hash)
{
	return lb_flow_slot(t, hash, lb_flow_home_slot(hash));
}

/* Fetches the tags of @hash: before lb_flow_likely_slot() and lb_flow4_add(). */
static inline void lb_flow_tags_fetch(const struct lb_table *t, uint64_t hash)
{
	rte_prefetch0(t->tags + lb_flow_slot(t, hash, 0));
	rte_prefetch0(t->tags + lb_flow_slot(t, hash, LB_FLOW_BUCKET_SLOTS));
}

/* Where a new flow of @hash belongs (0 to 15, as above): at home, else in the first bucket while it
 * has room to spare, then in the one with more free slots; LB_FLOW_NO_SLOT when both are full. */
static inline unsigned lb_flow_free_slot(const struct lb_table *t, uint64_t hash)
{
	uint32_t free_slots = lb_flow_slots_with(t, hash, 0);
	uint32_t first = free_slots & ((1u << LB_FLOW_BUCKET_SLOTS) - 1);
	uint32_t second = free_slots ^ first;
	uint32_t home = first & LB_FLOW_HOME_MASK << lb_flow_home_slot(hash);

	if (LIKELY(home))
		return (unsigned)__builtin_ctz(home);
	if (UNLIKELY(!free_slots))
		return LB_FLOW_NO_SLOT;
	return (unsigned)__builtin_ctz(
		__builtin_popcount(first) > LB_FLOW_SPARE_SLOTS ||
				__builtin_popcount(first) >= __builtin_popcount(second)
			? first
			: second);
}

/* The number of the slot that @hash seems to have, else of the one that a new flow would get. */
static inline size_t lb_flow_likely_slot(const struct lb_table *t, uint64_t hash)
{
	uint32_t found = lb_flow_slots_with(t, hash, lb_flow_tag(hash));
	unsigned slot = found ? (unsigned)__builtin_ctz(found) : lb_flow_free_slot(t, hash);

	return lb_flow_slot(t, hash, slot % LB_FLOW_NO_SLOT);
}

/* Ports and protocol of a key as one word: the first eight bytes of struct lb_flow, or of struct
 * lb_l4, of which LB_FLOW_KEY_MASK is compared. */
static inline uint64_t lb_flow_word(const void *first)
{
	uint64_t word;

	memcpy(&word, first, sizeof(word));
	return word;
}

/* Whether the 16-byte @a and @b differ, bit by bit. */
static inline __m128i lb_flow_diff16(const void *a, const void *b)
{
	return _mm_xor_si128(_mm_loadu_si128(a), _mm_loadu_si128(b));
}

/* Not 0 if source and destination, which lie one behind the other at @a and at @b, differ. */
static inline uint64_t lb_flow_addrs_diff(const void *a, const void *b, const bool is_ip6)
{
	const uint8_t *a6 = a, *b6 = b;
	__m128i diff;

	if (!is_ip6)
		return lb_flow_word(a) ^ lb_flow_word(b);
	diff = _mm_or_si128(lb_flow_diff16(a6, b6), lb_flow_diff16(a6 + 16, b6 + 16));
	return 0xffff ^ (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(diff, _mm_setzero_si128()));
}

/* Whether the slot at @slot is that of a live flow between the addresses at @addrs, with ports and
 * protocol of @word. Without a jump: which of two slots it is nobody can foresee. */
static inline bool lb_flow_is(const void *slot, const void *addrs, uint64_t word, const bool is_ip6)
{
	const struct lb_flow4 *f4 = slot;
	const struct lb_flow6 *f6 = slot;
	uint64_t own = lb_flow_word(is_ip6 ? &f6->flow : &f4->flow);
	uint64_t diff = lb_flow_addrs_diff(slot, addrs, is_ip6) | ((own ^ word) & LB_FLOW_KEY_MASK);

	return (diff == 0) & (own >> LB_FLOW_STATE_SHIFT != LB_FLOW_FREE);
}

static inline size_t lb_flow_bytes(const bool is_ip6)
{
	return is_ip6 ? sizeof(struct lb_flow6) : sizeof(struct lb_flow4);
}

/* The hash of the flow in slot number @slot of @t. */
static inline uint64_t lb_flow_hash_of(
	const struct worker *w, const struct lb_table *t, size_t slot)
{
	const struct lb_flow6 *f6 = (const struct lb_flow6 *)t->slots + slot;
	const struct lb_flow4 *f4 = (const struct lb_flow4 *)t->slots + slot;

	if (t->is_ip6)
		return lb_flow6_hash(w, f6->src, f6->dst, f6->flow.protocol, f6->flow.ports);
	return lb_flow4_hash(w, f4->src_be, f4->dst_be, f4->flow.protocol, f4->flow.ports);
}

/* The home of @hash, which is being fetched: for lb_flow_home_find(). */
static inline void *lb_flow_home_fetch(const struct lb_table *t, uint64_t hash, const bool is_ip6)
{
	char *home = (char *)t->slots + lb_flow_home(t, hash) * lb_flow_bytes(is_ip6);

	rte_prefetch0(home);
	if (is_ip6)
		rte_prefetch0(home + CACHE_LINE_BYTES);
	return home;
}

/* The flow between @addrs with @word, if it is at @home; else NULL. */
static inline void *lb_flow_home_find(
	void *home, const void *addrs, uint64_t word, const bool is_ip6)
{
	char *second = (char *)home + lb_flow_bytes(is_ip6);
	bool is_first = lb_flow_is(home, addrs, word, is_ip6);
	bool is_second = lb_flow_is(second, addrs, word, is_ip6);
	void *found = is_second ? second : home;

	return (is_first | is_second) ? found : NULL;
}

/* The flow of @hash between @addrs with @word, or NULL. @is_ip6 is a constant. */
static inline void *lb_flow_find(const struct lb_table *t, uint64_t hash, const void *addrs,
	uint64_t word, const bool is_ip6)
{
	uint32_t found = lb_flow_slots_with(t, hash, lb_flow_tag(hash));

	for (; found; found &= found - 1) {
		unsigned slot = (unsigned)__builtin_ctz(found);
		char *f = (char *)t->slots + lb_flow_slot(t, hash, slot) * lb_flow_bytes(is_ip6);

		if (LIKELY(lb_flow_is(f, addrs, word, is_ip6)))
			return f;
	}
	return NULL;
}

/*
 * Stores @flow, which must not be in the table: in a free slot of its buckets (the emptier one
 * first), in place of an idle flow, which ends, or of one that can move to its other bucket. NULL
 * when all of them are alive and have nowhere to go. Counts the flow for its backend. What
 * lb_flow4_find() has found before may lie elsewhere afterwards.
 */
struct lb_flow4 *lb_flow4_add(struct worker *w, uint64_t hash, const struct lb_flow4 *flow);

/* The same for IPv6. */
struct lb_flow6 *lb_flow6_add(struct worker *w, uint64_t hash, const struct lb_flow6 *flow);

/* Gives @t, which has no memory yet, at least @n_buckets buckets. Main thread. */
void lb_flow_table_size(struct lb_table *t, uint32_t n_buckets);

/* Lets @t, which has no flows, use only its first buckets. */
void lb_flow_table_shrink(struct lb_table *t);

/* Goes a step further in the growth of @t, which has grow_at flows or more. Flows move. */
void lb_flow_grow(const struct worker *w, struct lb_table *t);

/* Whether the flow (and its NAT record, which sees the backend's side) was idle for too long, or
 * has lost its NAT address or all services. */
bool lb_flow_is_idle(const struct worker *w, const struct lb_flow *flow);

/* Ends @flow of @table: counts, gives its NAT port back, frees the slot. */
void lb_flow_end(struct worker *w, struct lb_table *table, struct lb_flow *flow);

/* Whether one more new flow may be stored now (token bucket of lb_world.new_flows_per_sec, burst of
 * a tenth of a second); takes the token. */
bool lb_flow_admit(struct worker *w);

/* Ends the flows among the next @n_buckets buckets of @table that are idle or have lost their
 * service. */
void lb_flow_sweep(struct worker *w, struct lb_table *table, uint32_t n_buckets);

/* The timer of struct lb_worker: sweeps the part of both tables that is due, and comes again. */
void lb_flow_on_sweep(void *ctx, struct wheel_timer *timer);

#endif
