/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Growing and shrinking an index in place, home by home. Growing goes from the last home to the
 * first, so what moves goes up into buckets that are free or already of the new size; shrinking the
 * other way round. Segments come and go on the way. Thread: worker.
 */
#include <errno.h>

#include "dataplane/kv/kv_index_resize.h"

#define FULL_PERCENT     85 /* grows from here on */
#define CRAMMED_PERCENT  97 /* without memory to grow into, no key is added from here on */
#define EMPTY_PERCENT    12 /* shrinks from here on */
#define SHRUNK_PERCENT   55
#define SHRINK_ABOVE     512 /* buckets */
#define HOMES_PER_INSERT 2
#define DIRECTORY_MIN    16 /* entries */

bool kv_index_segment_add(struct kv_index *ix, uint32_t segment)
{
	void *p;

	if (ix->directory[segment])
		return true;
	p = kv_arena_alloc(ix->arena, KV_SEGMENT_BYTES, KV_FOR_OTHERS);
	if (!p)
		return false;
	memset(p, 0, KV_SEGMENT_BYTES);
	ix->directory[segment] = (uint32_t)((uint64_t)((uint8_t *)p - ix->base) >> KV_PAGE_SHIFT);
	ix->present++;
	return true;
}

void kv_index_segment_del(struct kv_index *ix, uint32_t segment)
{
	if (!ix->directory[segment])
		return;
	kv_arena_free(ix->arena, kv_arena_page_at(ix->arena, ix->directory[segment]));
	ix->directory[segment] = 0;
	ix->present--;
}

/* Segments of @n homes and the buckets behind them. */
static uint32_t segments_of(uint32_t n)
{
	return (n + KV_INDEX_TAIL + KV_SEGMENT_MASK) >> KV_SEGMENT_SHIFT;
}

/* Makes the directory reach to @segments; it doubles, so copying it is rare and short. */
static bool directory_reserve(struct kv_index *ix, uint32_t segments)
{
	uint32_t want = MAX_OF(ix->segments, (uint32_t)DIRECTORY_MIN);
	uint32_t *directory;

	if (segments <= ix->segments)
		return true;
	while (want < segments)
		want *= 2;
	directory = kv_arena_alloc(ix->arena, want * sizeof(*directory), KV_FOR_OTHERS);
	if (!directory)
		return false;
	memset(directory, 0, want * sizeof(*directory));
	if (ix->directory) {
		memcpy(directory, ix->directory, ix->segments * sizeof(*directory));
		kv_arena_free(ix->arena, ix->directory);
	}
	ix->directory = directory;
	ix->segments = want;
	return true;
}

/* Begins to have @n homes. */
static bool resize_start(struct kv_index *ix, uint32_t n)
{
	if (!directory_reserve(ix, segments_of(n)))
		return false;
	ix->n_new = n;
	ix->far_old = ix->far;
	ix->far = 0;
	ix->moved = n > ix->n ? ix->n : 0;
	return true;
}

static void resize_end(struct kv_index *ix)
{
	ix->n = ix->n_new;
	ix->n_new = 0;
	ix->far_old = 0;
	/* Something may have gone beyond the tail while there was more. */
	for (uint32_t i = segments_of(MAX_OF(ix->n, ix->far)); i < ix->segments; i++)
		kv_index_segment_del(ix, i);
}

/* Takes the items of home @home, of the old size, out of their buckets. How many. */
static unsigned home_take(struct kv_index *ix, uint32_t home, uint32_t refs[KV_HOME_ITEMS_MAX],
	uint64_t hashes[KV_HOME_ITEMS_MAX])
{
	struct kv_place at = {.home = home, .number = home};
	unsigned n = 0;
	bool more;

	do {
		at.bucket = kv_index_bucket(ix, at.number);
		more = at.bucket->passed > 0; /* before anything is taken out */
		for (at.slot = 0; at.slot < KV_BUCKET_SLOTS; at.slot++) {
			uint32_t ref = at.bucket->refs[at.slot];
			uint64_t hash;

			if (!at.bucket->tags[at.slot])
				continue;
			hash = kv_index_hash(ix, kv_index_item(ix, ref));
			if (kv_index_scale(hash, ix->n) != home)
				continue;
			BRAID_ASSERT(n < KV_HOME_ITEMS_MAX);
			refs[n] = ref;
			hashes[n++] = hash;
			kv_index_take(ix, &at);
		}
		at.number++;
	} while (more);
	return n;
}

/* Fetches the items of the home that comes next. */
static void home_prefetch(const struct kv_index *ix, uint32_t home)
{
	const struct kv_bucket *b = kv_index_bucket(ix, home);

	for (unsigned slot = 0; slot < KV_BUCKET_SLOTS; slot++)
		if (b->tags[slot])
			rte_prefetch0(kv_index_item(ix, b->refs[slot]));
}

/* Whether the segments that home @home grows into are there. Those above always are. */
static bool home_room(struct kv_index *ix, uint32_t home)
{
	uint64_t start = (((uint64_t)home << 32) + ix->n - 1) / ix->n;
	uint32_t segment = kv_index_scale(start << 32, ix->n_new) >> KV_SEGMENT_SHIFT;

	for (; segment < segments_of(ix->n_new) && !ix->directory[segment]; segment++)
		if (!kv_index_segment_add(ix, segment))
			return false;
	return true;
}

/* Moves one home. False: there is no memory. */
static bool home_move(struct kv_index *ix)
{
	bool grows = ix->n_new > ix->n;
	uint32_t home = grows ? ix->moved - 1 : ix->moved;
	uint32_t refs[KV_HOME_ITEMS_MAX];
	uint64_t hashes[KV_HOME_ITEMS_MAX];
	uint32_t version;
	unsigned n;

	if (grows && !home_room(ix, home))
		return false;
	n = home_take(ix, home, refs, hashes);
	version = kv_index_bucket(ix, home)->version;
	ix->moved = grows ? home : home + 1;
	for (unsigned i = 0; i < n; i++) {
		struct kv_bucket *b = kv_index_bucket(ix, kv_index_home(ix, hashes[i]));

		if (b->version < version)
			b->version = version;
		BRAID_ASSERT(kv_index_put(ix, hashes[i], refs[i]) == 0);
	}
	if (grows ? home > 1 : home + 2 < ix->n)
		home_prefetch(ix, grows ? home - 2 : home + 2);
	return true;
}

/* Slots of @n homes, @percent of them. */
static uint64_t share(uint32_t n, unsigned percent)
{
	return (uint64_t)n * KV_BUCKET_SLOTS * percent / 100;
}

/* The first memory of an index. */
static int begin(struct kv_index *ix)
{
	ix->n = KV_INDEX_MIN;
	if (directory_reserve(ix, 1) && kv_index_segment_add(ix, 0))
		return 0;
	return -ENOMEM;
}

bool kv_index_is_sparse(const struct kv_index *ix)
{
	return !ix->n_new && ix->n > SHRINK_ABOVE && ix->count <= share(ix->n, EMPTY_PERCENT);
}

bool kv_index_resize_step(struct kv_index *ix, unsigned homes)
{
	uint32_t n;

	if (ix->n == 0 || !ix->directory[0])
		return false;
	if (!ix->n_new) {
		n = (uint32_t)(ix->count * 100 / SHRUNK_PERCENT / KV_BUCKET_SLOTS) + KV_INDEX_MIN;
		if (!kv_index_is_sparse(ix) || !resize_start(ix, n))
			return false;
	}
	for (; homes > 0; homes--) {
		if (!home_move(ix))
			return false;
		if (ix->moved == (ix->n_new > ix->n ? 0 : ix->n)) {
			resize_end(ix);
			return kv_index_is_sparse(ix);
		}
	}
	return true;
}

int kv_index_reserve(struct kv_index *ix)
{
	if (UNLIKELY(ix->n == 0 || !ix->directory || !ix->directory[0]) && begin(ix))
		return -ENOMEM;
	if (!ix->n_new && ix->count >= share(ix->n, FULL_PERCENT) && ix->n < KV_INDEX_MAX)
		(void)resize_start(ix, MAX_OF(ix->n + ix->n / 4, ix->n + KV_INDEX_MIN));
	if (UNLIKELY(ix->n_new))
		(void)kv_index_resize_step(ix, HOMES_PER_INSERT);
	return ix->count < share(ix->n_new ? MIN_OF(ix->n, ix->n_new) : ix->n, CRAMMED_PERCENT)
		       ? 0
		       : -ENOMEM;
}
