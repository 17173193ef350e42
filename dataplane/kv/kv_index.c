/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Insertion, removal and walks of an index; kv_index_bulk.c looks up many keys, kv_index_resize.c
 * changes its size. Thread: worker.
 */
#include <errno.h>

#include "dataplane/kv/kv_index.h"
#include "dataplane/kv/kv_index_resize.h"

void kv_index_init(struct kv_index *ix, struct kv_arena *arena, const struct key_hash *secret)
{
	*ix = (struct kv_index){.base = arena->base, .arena = arena, .secret = secret};
}

void kv_index_fini(struct kv_index *ix)
{
	for (uint32_t i = 0; i < ix->segments; i++)
		kv_index_segment_del(ix, i);
	if (ix->directory)
		kv_arena_free(ix->arena, ix->directory);
	kv_index_init(ix, ix->arena, ix->secret);
}

/* Whether bucket @number exists. */
static bool exists(const struct kv_index *ix, uint32_t number)
{
	uint32_t segment = number >> KV_SEGMENT_SHIFT;

	return segment < ix->segments && ix->directory[segment];
}

int kv_index_put(struct kv_index *ix, uint64_t hash, uint32_t ref)
{
	uint32_t home = kv_index_home(ix, hash), number = home;
	struct kv_bucket *b = kv_index_bucket(ix, home);
	uint32_t end = ix->n_new ? ix->n_new : ix->n;
	unsigned empty;
	unsigned slot;

	while (!(empty = kv_bucket_match(b, 0))) {
		if (!exists(ix, ++number))
			return -ENOMEM;
		b = kv_index_bucket(ix, number);
	}
	slot = (unsigned)__builtin_ctz(empty);
	b->tags[slot] = kv_index_tag(hash);
	b->refs[slot] = ref;
	if (UNLIKELY(home < end && number >= end + KV_INDEX_TAIL))
		ix->far = MAX_OF(ix->far, number + 1);
	for (uint32_t i = home; i < number; i++) {
		b = kv_index_bucket(ix, i);
		b->passed += b->passed < UINT8_MAX;
	}
	return 0;
}

void kv_index_take(struct kv_index *ix, const struct kv_place *at)
{
	at->bucket->tags[at->slot] = 0;
	for (uint32_t i = at->home; i < at->number; i++) {
		struct kv_bucket *b = kv_index_bucket(ix, i);

		b->passed -= b->passed < UINT8_MAX;
	}
}

int kv_index_insert(struct kv_index *ix, uint64_t hash, uint32_t ref)
{
	if (kv_index_put(ix, hash, ref))
		return -ENOMEM;
	ix->count++;
	kv_index_changed(ix, hash);
	return 0;
}

void kv_index_remove(struct kv_index *ix, const struct kv_place *at)
{
	kv_index_take(ix, at);
	kv_index_bucket(ix, at->home)->version++;
	ix->count--;
}

bool kv_index_find_ref(const struct kv_index *ix, uint64_t hash, uint32_t ref, struct kv_place *at)
{
	if (ix->count == 0)
		return false;
	at->home = at->number = kv_index_home(ix, hash);
	for (;; at->number++) {
		unsigned match;

		at->bucket = kv_index_bucket(ix, at->number);
		match = kv_bucket_match(at->bucket, kv_index_tag(hash));
		for (; match; match &= match - 1) {
			at->slot = (unsigned)__builtin_ctz(match);
			if (at->bucket->refs[at->slot] == ref)
				return true;
		}
		if (!at->bucket->passed)
			return false;
	}
}

struct kv_item *kv_index_find_hash(const struct kv_index *ix, uint64_t hash)
{
	uint32_t number = ix->count ? kv_index_home(ix, hash) : 0;
	const struct kv_bucket *b;

	if (ix->count == 0)
		return NULL;
	do {
		unsigned match;

		b = kv_index_bucket(ix, number++);
		match = kv_bucket_match(b, kv_index_tag(hash));
		for (; match; match &= match - 1) {
			struct kv_item *it =
				kv_index_item(ix, b->refs[(unsigned)__builtin_ctz(match)]);

			if (kv_index_hash(ix, it) == hash)
				return it;
		}
	} while (b->passed);
	return NULL;
}

/* The first position whose home among @n is @home. */
static uint64_t start_of(uint32_t home, uint32_t n)
{
	return (((uint64_t)home << 32) + n - 1) / n;
}

uint64_t kv_index_home_end(const struct kv_index *ix, uint64_t from)
{
	uint32_t old = kv_index_scale(from << 32, ix->n);
	uint32_t home = kv_index_home(ix, from << 32);
	bool is_new = ix->n_new && (old >= ix->moved) == (ix->n_new > ix->n);
	uint64_t next = start_of(home + 1, is_new ? ix->n_new : ix->n);
	uint64_t edge = ix->n_new ? start_of(ix->moved, ix->n) : 0;

	/* Across the edge between old and new, positions of one home would seem to be others'. */
	return edge > from && edge < next ? edge : next;
}

uint64_t kv_index_walk(const struct kv_index *ix, const struct kv_index_walk *walk)
{
	uint64_t from = walk->from;
	uint32_t left = walk->buckets;

	if (ix->count == 0)
		return 1ULL << 32;
	while (left > 0 && from < 1ULL << 32) {
		uint64_t to = kv_index_home_end(ix, from);
		uint32_t number = kv_index_home(ix, from << 32);
		const struct kv_bucket *b;

		do {
			b = kv_index_bucket(ix, number++);
			for (unsigned slot = 0; slot < KV_BUCKET_SLOTS; slot++) {
				struct kv_item *it = kv_index_item(ix, b->refs[slot]);
				uint64_t hash = b->tags[slot] ? kv_index_hash(ix, it) : 0;

				if (b->tags[slot] && hash >> 32 >= from && hash >> 32 < to)
					walk->fn(walk->ctx, it, hash);
			}
			left -= left > 0;
		} while (b->passed);
		from = to;
	}
	return from;
}

bool kv_index_drain_step(struct kv_index *ix, struct kv_index_drain *drain, unsigned n)
{
	uint32_t end = MAX_OF(ix->n, ix->n_new) + KV_INDEX_TAIL + 1;

	end = MAX_OF(end, MAX_OF(ix->far, ix->far_old));
	while (drain->bucket < ix->segments << KV_SEGMENT_SHIFT) {
		uint32_t segment = drain->bucket >> KV_SEGMENT_SHIFT;
		struct kv_bucket *b;

		if (!ix->directory[segment] || drain->bucket >= end) {
			kv_index_segment_del(ix, segment);
			drain->bucket = (segment + 1) << KV_SEGMENT_SHIFT;
			n -= n > 0;
			if (n == 0)
				return false;
			continue;
		}
		b = kv_index_bucket(ix, drain->bucket);
		for (; drain->slot < KV_BUCKET_SLOTS; drain->slot++) {
			if (!b->tags[drain->slot])
				continue;
			if (n-- == 0)
				return false;
			drain->free(drain->ctx, kv_index_item(ix, b->refs[drain->slot]));
		}
		drain->slot = 0;
		if ((++drain->bucket & KV_SEGMENT_MASK) == 0)
			kv_index_segment_del(ix, segment);
	}
	kv_index_fini(ix);
	return true;
}
