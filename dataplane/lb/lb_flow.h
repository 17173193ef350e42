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
 * A burst is looked up in three passes, so that memory answers while the others are worked on:
 * lb_flow4_hash() and lb_flow4_prefetch(), then lb_flow_likely_slot(), then that slot is compared.
 */
#ifndef DATAPLANE_LB_LB_FLOW_H
#define DATAPLANE_LB_LB_FLOW_H

#include <emmintrin.h>
#include <string.h>

#include "dataplane/lb/lb.h"
#include "lib/hash/flow_hash.h"

#define LB_TICK_SHIFT        20 /* time of flows: ticks of 2^20 ns, as the wheel's */
#define LB_FLOW_BUCKET_SLOTS 8
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

_Static_assert(sizeof(struct lb_flow4) == 32, "two IPv4 flows in a cache line");
_Static_assert(sizeof(struct lb_flow6) == 48, "four IPv6 flows in three cache lines");

/*
 * A table: n_buckets buckets of LB_FLOW_BUCKET_SLOTS slots each, bucket after bucket. A slot is
 * free when its state is LB_FLOW_FREE, which is when its tag is 0.
 */
struct lb_table {
	void *slots;        /* struct lb_flow4[] or lb_flow6[], cache-line aligned */
	uint16_t *tags;     /* one per slot, 16-byte aligned */
	uint32_t n_buckets; /* any number: hashes are scaled, not masked */
	uint32_t n_flows;   /* slots in use */
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

/* One of the two buckets of @hash; now and then they are the same. */
static inline uint32_t lb_flow_bucket(const struct lb_table *t, uint64_t hash, unsigned which)
{
	uint32_t half = which ? (uint32_t)(hash >> 32) : (uint32_t)hash;

	return (uint32_t)(((uint64_t)half * t->n_buckets) >> 32);
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

/* The number, in the table, of slot @slot (0 to 15) of the buckets of @hash. */
static inline size_t lb_flow_slot(const struct lb_table *t, uint64_t hash, unsigned slot)
{
	return (size_t)lb_flow_bucket(t, hash, slot / LB_FLOW_BUCKET_SLOTS) * LB_FLOW_BUCKET_SLOTS +
	       slot % LB_FLOW_BUCKET_SLOTS;
}

/* Whether so many flows are in @t that second buckets matter. */
static inline bool lb_flow_is_crowded(const struct lb_table *t)
{
	return t->n_flows > t->n_buckets * (LB_FLOW_BUCKET_SLOTS / 4);
}

/* Fetches the tags of @hash: before lb_flow_likely_slot() and lb_flow4_add(). */
static inline void lb_flow4_prefetch(const struct lb_table *t, uint64_t hash)
{
	rte_prefetch0(t->tags + lb_flow_slot(t, hash, 0));
	if (lb_flow_is_crowded(t))
		rte_prefetch0(t->tags + lb_flow_slot(t, hash, LB_FLOW_BUCKET_SLOTS));
}

/* The same for IPv6. */
static inline void lb_flow6_prefetch(const struct lb_table *t, uint64_t hash)
{
	lb_flow4_prefetch(t, hash);
}

/* Where a new flow of @hash belongs (0 to 15, as above): in the first bucket, whose tags are looked
 * at first, while it has room to spare, then in the one with more free slots; LB_FLOW_NO_SLOT when
 * both are full. */
static inline unsigned lb_flow_free_slot(const struct lb_table *t, uint64_t hash)
{
	uint32_t free_slots = lb_flow_slots_with(t, hash, 0);
	uint32_t first = free_slots & ((1u << LB_FLOW_BUCKET_SLOTS) - 1);
	uint32_t second = free_slots ^ first;

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
	uint16_t tag = lb_flow_tag(hash);
	uint32_t bucket = lb_flow_bucket(t, hash, 0);
	__m128i same =
		_mm_cmpeq_epi16(((const __m128i *)t->tags)[bucket], _mm_set1_epi16((short)tag));
	uint32_t found = (uint32_t)_mm_movemask_epi8(same); /* two bits per slot */
	unsigned slot;

	if (LIKELY(found))
		return (size_t)bucket * LB_FLOW_BUCKET_SLOTS + __builtin_ctz(found) / 2;
	found = lb_flow_slots_with(t, hash, tag);
	slot = found ? (unsigned)__builtin_ctz(found) : lb_flow_free_slot(t, hash);
	return lb_flow_slot(t, hash, slot % LB_FLOW_NO_SLOT);
}

/* Whether @a and @b, flows of the IP version that @is_ip6 says, have the same key. */
static inline bool lb_flow_same(const void *a, const void *b, bool is_ip6)
{
	const struct lb_flow4 *a4 = a, *b4 = b;
	const struct lb_flow6 *a6 = a, *b6 = b;
	const struct lb_flow *fa = is_ip6 ? &a6->flow : &a4->flow;
	const struct lb_flow *fb = is_ip6 ? &b6->flow : &b4->flow;

	return memcmp(a, b, is_ip6 ? 32 : 8) == 0 && fa->ports == fb->ports &&
	       fa->protocol == fb->protocol;
}

/* The slot of @t with the key of @want, or NULL. @is_ip6 is a constant. */
static inline void *lb_flow_find(
	const struct lb_table *t, uint64_t hash, const void *want, bool is_ip6)
{
	size_t bytes = is_ip6 ? sizeof(struct lb_flow6) : sizeof(struct lb_flow4);
	uint32_t found = lb_flow_slots_with(t, hash, lb_flow_tag(hash));

	for (; found; found &= found - 1) {
		unsigned slot = (unsigned)__builtin_ctz(found);
		char *f = (char *)t->slots + lb_flow_slot(t, hash, slot) * bytes;

		if (LIKELY(lb_flow_same(f, want, is_ip6)))
			return f;
	}
	return NULL;
}

/*
 * Stores @flow, which must not be in the table: in a free slot of its buckets (the emptier one
 * first) or in place of an idle flow, which ends. NULL when all of them are alive. Counts the flow
 * for its backend. What lb_flow4_find() has found stays where it is unless it ends.
 */
struct lb_flow4 *lb_flow4_add(struct worker *w, uint64_t hash, const struct lb_flow4 *flow);

/* The same for IPv6. */
struct lb_flow6 *lb_flow6_add(struct worker *w, uint64_t hash, const struct lb_flow6 *flow);

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
