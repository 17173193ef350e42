/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Room for new items within the limit: what flushes left behind goes first, then keys as the policy
 * says. When there are bytes but no pages, items move out of a slab with few of them into others of
 * its class. Thread: worker.
 */
#include <errno.h>

#include "dataplane/kv/kv_shard_impl.h"

#define STEPS_MAX           512 /* of freeing for one request */
#define KEEP_STEPS_MAX      128 /* the same, between two batches */
#define EVICTIONS_PER_PIECE 8
#define DRAIN_ITEMS         16 /* per step */
#define SLAB_BLOCKS_MAX     (KV_PAGE_BYTES / KV_BLOCK_BYTES_MIN)

static void drained(void *ctx, struct kv_item *it)
{
	kv_item_release(ctx, it);
}

/* Frees a few items of flushed databases; false: there are none. */
static bool drain(struct kv_shard *s)
{
	struct kv_flushed *f = s->flushed;

	if (!f)
		return false;
	f->drain.free = drained;
	f->drain.ctx = s;
	if (kv_index_drain_step(&f->index, &f->drain, DRAIN_ITEMS)) {
		s->flushed = f->next;
		kv_arena_free(&s->arena, f);
	}
	return true;
}

/* Marks the blocks of slab @page that are free. */
static void free_blocks(const struct kv_shard *s, uint32_t page, uint64_t map[])
{
	const struct kv_page *slab = &s->arena.pages[page];
	const uint8_t *base = kv_arena_page_at(&s->arena, page);
	uint32_t bytes = (uint32_t)kv_arena_block_bytes(&s->arena, base);
	uint16_t link = slab->free;

	while (link) {
		uint32_t offset = (uint32_t)(link - 1) << KV_REF_SHIFT;

		map[offset / bytes / 64] |= 1ULL << offset / bytes % 64;
		link = kv_arena_link(base + offset);
	}
}

/* Gives @it another block of its class; false: there is none. */
static bool move(struct kv_shard *s, struct kv_item *it)
{
	struct kv_db *db = &s->dbs[it->db];
	uint64_t hash = kv_index_hash(&db->index, it);
	uint32_t old = kv_arena_ref(&s->arena, it);
	struct kv_place at;
	struct kv_item *to;

	/* What is not found belongs to a flush and is freed by that. */
	if (!kv_index_find_ref(&db->index, hash, old, &at))
		return false;
	to = kv_arena_alloc(&s->arena, kv_arena_block_bytes(&s->arena, it), KV_FOR_ITEMS);
	if (!to)
		return false;
	memcpy(to, it, kv_item_size_bytes(it));
	at.bucket->refs[at.slot] = kv_arena_ref(&s->arena, to);
	if (to->flags & KV_ITEM_EXPIRES)
		kv_expiry_moved(&db->expiry, &s->arena, to, old);
	kv_arena_free(&s->arena, it);
	return true;
}

/* Empties a slab with few items, whose pages others can use then; false: there is none. */
static bool compact(struct kv_shard *s)
{
	uint64_t map[SLAB_BLOCKS_MAX / 64] = {};
	uint32_t page = s->flushed ? 0 : kv_arena_spare(&s->arena);
	uint8_t *base = kv_arena_page_at(&s->arena, page);
	uint32_t bytes, end, used;

	if (!page)
		return false;
	bytes = (uint32_t)kv_arena_block_bytes(&s->arena, base);
	end = (uint32_t)s->arena.pages[page].fresh << KV_REF_SHIFT;
	used = s->arena.pages[page].used;
	free_blocks(s, page, map);
	for (uint32_t i = 0; i * bytes < end && used > 0; i++) {
		if (map[i / 64] >> i % 64 & 1)
			continue;
		used--;
		if (!move(s, (struct kv_item *)(void *)(base + i * bytes))) {
			kv_arena_spare_keep(&s->arena, page);
			return false;
		}
	}
	return true;
}

/* @want bytes are not to be had in one go, but keys may be evicted for them: kv_shard_work does. */
static void make_room(struct kv_shard *s, uint64_t want)
{
	if (want >= s->max_bytes)
		return;
	s->goal_bytes = MAX_OF(s->goal_bytes, want);
	kv_shard_wake(s);
}

/* There was room for @want: what was to be made for as much, or less, is no longer needed. */
static void made_room(struct kv_shard *s, uint64_t want)
{
	if (UNLIKELY(s->goal_bytes > 0) && want >= s->goal_bytes)
		s->goal_bytes = 0;
}

void *kv_room_alloc(struct kv_shard *s, uint64_t bytes, uint64_t credit)
{
	uint64_t want = kv_arena_rounded(bytes);
	unsigned step;

	for (step = 0; step < STEPS_MAX; step++) {
		bool within = s->is_replica || s->arena.used_bytes + want <= s->max_bytes + credit;
		void *p = within ? kv_arena_alloc(&s->arena, bytes, KV_FOR_ITEMS) : NULL;

		if (LIKELY(p != NULL)) {
			made_room(s, want);
			return p;
		}
		if (drain(s) || (within && compact(s)))
			continue;
		if (!kv_evict_one(s))
			break;
	}
	s->counters.refused_oom++;
	if (step == STEPS_MAX)
		make_room(s, want);
	return NULL;
}

void *kv_shard_alloc_evicting(struct kv_shard *s, uint64_t bytes)
{
	uint64_t want = kv_arena_rounded(MAX_OF(bytes, 1u));

	for (unsigned step = 0; step < STEPS_MAX; step++) {
		void *p = kv_shard_alloc(s, bytes);

		if (p) {
			made_room(s, want);
			return p;
		}
		if (want >= s->max_bytes || (!drain(s) && !compact(s) && !kv_evict_one(s)))
			return NULL;
	}
	make_room(s, want);
	return NULL;
}

void kv_shard_keep_room(struct kv_shard *s)
{
	for (unsigned step = 0; step < KEEP_STEPS_MAX && UNLIKELY(kv_room_is_short(s)); step++)
		if (!drain(s) && !compact(s) && !kv_evict_one(s))
			return;
}

bool kv_shard_is_making_room(const struct kv_shard *s)
{
	return s->goal_bytes > 0;
}

int kv_room_reserve(struct kv_shard *s, struct kv_db *db)
{
	for (unsigned step = 0; step < STEPS_MAX; step++) {
		if (UNLIKELY(!db->flushed))
			db->flushed =
				kv_arena_alloc(&s->arena, sizeof(*db->flushed), KV_FOR_OTHERS);
		if (LIKELY(db->flushed && kv_index_reserve(&db->index) == 0))
			return 0;
		if (!drain(s) && !compact(s) && !kv_evict_one(s))
			break;
	}
	s->counters.refused_oom++;
	return -ENOMEM;
}

static uint64_t longest_run_bytes(const struct kv_shard *s)
{
	uint32_t page = kv_run_largest(&s->arena);

	return page ? (uint64_t)s->arena.pages[page].extent << KV_PAGE_SHIFT : 0;
}

/* Evicts a few keys; false: no more than @max bytes are in use, or nothing may go. */
static bool evict_down_to(struct kv_shard *s, uint64_t max)
{
	unsigned n = 0;

	while (n < EVICTIONS_PER_PIECE && s->arena.used_bytes > max && kv_evict_one(s))
		n++;
	return n > 0;
}

bool kv_room_work(struct kv_shard *s)
{
	uint64_t max = s->max_bytes - MIN_OF(s->goal_bytes, s->max_bytes);

	if (drain(s))
		return true;
	if (evict_down_to(s, max))
		return true;
	/* The bytes are there, but not in one piece. */
	if (s->arena.used_bytes <= max && s->goal_bytes > longest_run_bytes(s) &&
		(compact(s) || kv_evict_one(s)))
		return true;
	if (kv_room_is_short(s) && (compact(s) || kv_evict_one(s)))
		return true;
	s->goal_bytes = 0;
	return false;
}
