/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes of keys, each with its effect. A value that keeps its size class is overwritten in place
 * unless it is pinned; otherwise a new item takes the place of the old one. Making room for it may
 * evict any key, the old one too, so the old one is looked up afterwards. Thread: worker.
 */
#include <errno.h>

#include "dataplane/kv/kv_shard_impl.h"

#define GROWTH_FROM_BYTES 4096 /* values from here on grow with room to spare */
#define GROWTH_DIVISOR    8
#define ENOUGH_BYTES      (4u << 20) /* free, and nothing is tried first */

/* What an item is going to be. */
struct shape {
	uint32_t key_len;
	uint32_t value_len;
	uint64_t expiry_ms;
	bool wide;
	uint64_t bytes;
};

static struct shape shape_of(uint32_t key_len, uint32_t value_len, uint64_t expiry_ms)
{
	struct shape shape = {
		.key_len = key_len,
		.value_len = value_len,
		.expiry_ms = expiry_ms,
		.bytes = sizeof(struct kv_item) + (uint64_t)key_len + value_len,
	};

	shape.wide = expiry_ms || shape.bytes >= KV_WIDE_FROM_BYTES;
	if (shape.wide)
		shape.bytes += sizeof(struct kv_item_wide);
	return shape;
}

/* The live item of @k; one that is over is deleted first. */
static struct kv_item *look(struct kv_shard *s, const struct kv_key *k, struct kv_place *at)
{
	struct kv_item *it = kv_index_find(&kv_shard_db(s, k->db)->index, k, at);

	if (!it || s->is_replica || !kv_item_is_over(it, kv_shard_now_ms(s)))
		return it;
	kv_change_drop(s, it, KV_WHY_EXPIRED);
	return NULL;
}

/* Begins a change of @it. */
static void changing(struct kv_shard *s, const struct kv_key *k, struct kv_item *it)
{
	it->flags |= KV_ITEM_DIRTY;
	kv_index_changed(&kv_shard_db(s, k->db)->index, k->hash);
}

/* Ends it: @e says what happened. */
static void changed(struct kv_shard *s, struct kv_item *it, struct kv_effect *e)
{
	e->expiry_ms = kv_item_expiry_ms(it);
	kv_effect_emit(s, e, it);
	it->flags &= ~(unsigned)KV_ITEM_DIRTY & 15;
}

static void expiry_set(struct kv_shard *s, struct kv_item *it, uint64_t expiry_ms)
{
	struct kv_expiry *e = &s->dbs[it->db].expiry;
	bool had = it->flags & KV_ITEM_EXPIRES;

	if (expiry_ms && had) {
		kv_expiry_change(e, &s->arena, it, expiry_ms);
	} else if (expiry_ms) {
		it->flags |= KV_ITEM_EXPIRES;
		kv_item_wide(it)->expiry_ms = expiry_ms;
		kv_expiry_add(e, &s->arena, it);
	} else if (had) {
		kv_expiry_del(e, &s->arena, it);
		it->flags &= ~(unsigned)KV_ITEM_EXPIRES & 15;
	}
	if (expiry_ms && expiry_ms < KV_EXPIRY_NEVER)
		kv_shard_wake_at(s, expiry_ms + 1);
}

/* Whether @it can have @bytes where it is, without more slack than a new one would have; makes its
 * run longer or shorter if it is one. */
static bool fits(struct kv_shard *s, struct kv_item *it, uint64_t bytes)
{
	uint64_t had = kv_item_size_bytes(it);

	if (kv_item_is_pinned(s, it))
		return false;
	/* Small ones always fill the class of their size, so their slab need not be asked. */
	if (had < GROWTH_FROM_BYTES && bytes < GROWTH_FROM_BYTES)
		return kv_arena_rounded(had) == kv_arena_rounded(bytes);
	if (bytes <= KV_SLAB_BLOCK_MAX)
		return kv_arena_rounded(bytes) == kv_arena_block_bytes(&s->arena, it);
	if (bytes > had && s->arena.used_bytes + (bytes - had) > s->max_bytes)
		return bytes <= kv_arena_block_bytes(&s->arena, it);
	return kv_arena_resize(&s->arena, it, bytes);
}

/* Whether @it can grow to @bytes where it is, into the room it got to spare or behind it. */
static bool can_grow(struct kv_shard *s, struct kv_item *it, uint64_t bytes)
{
	if (bytes < GROWTH_FROM_BYTES)
		return fits(s, it, bytes);
	if (!(it->flags & KV_ITEM_WIDE) || kv_item_is_pinned(s, it))
		return false;
	return bytes <= kv_arena_block_bytes(&s->arena, it) || fits(s, it, bytes);
}

/* An item of @shape with its key, in a block that is @spare bytes larger if possible. Other items
 * may be gone afterwards, also the one that has the key so far. NULL: no memory. */
static struct kv_item *item_make(
	struct kv_shard *s, const struct kv_key *k, const struct shape *shape, uint64_t spare)
{
	struct kv_db *db = kv_shard_db(s, k->db);
	struct kv_place at;
	struct kv_item *old = kv_index_find(&db->index, k, &at);
	uint64_t credit = old ? kv_arena_block_bytes(&s->arena, old) : 0;
	struct kv_item *it;

	if (!old && kv_room_reserve(s, db))
		return NULL;
	it = kv_room_alloc(s, shape->bytes + spare, credit);
	if (!it && spare)
		it = kv_room_alloc(s, shape->bytes, credit);
	if (!it)
		return NULL;
	*it = (struct kv_item){
		.flags = shape->wide ? KV_ITEM_WIDE : 0,
		.db = kv_shard_db_number(s, k->db) & 15,
		.value_len = shape->value_len,
		.key_len = shape->key_len,
	};
	memcpy(kv_item_key_bytes(it), k->bytes, k->len);
	kv_evict_born(s, it);
	return it;
}

/* Puts @it into the index, in place of the item that is there under its key, if any. 0 or -ENOMEM,
 * then @it is gone. */
static int item_place(
	struct kv_shard *s, const struct kv_key *k, struct kv_item *it, uint64_t expiry_ms)
{
	struct kv_db *db = kv_shard_db(s, k->db);
	struct kv_place at;
	struct kv_item *old = kv_index_find(&db->index, k, &at);

	if (old) {
		it->use = old->use;
		at.bucket->refs[at.slot] = kv_arena_ref(&s->arena, it);
		expiry_set(s, old, 0);
		kv_item_release(s, old);
	} else if (kv_index_insert(&db->index, k->hash, kv_arena_ref(&s->arena, it))) {
		kv_item_release(s, it);
		s->counters.refused_oom++;
		return -ENOMEM;
	} else if (UNLIKELY(db->index.n_new != 0)) {
		kv_shard_wake(s);
	}
	expiry_set(s, it, expiry_ms);
	return 0;
}

int kv_shard_set(
	struct kv_shard *s, const struct kv_key *k, const struct kv_write *v, struct kv_item **out)
{
	struct kv_effect e = {.kind = KV_EFFECT_SET, .value_len = v->len};
	struct kv_place at;
	struct kv_item *it;
	struct shape shape;
	uint64_t expiry_ms = v->expiry_ms;

	if (k->len > KV_KEY_BYTES_MAX || v->len > KV_VALUE_BYTES_MAX)
		return -E2BIG;
	it = look(s, k, &at);
	if (v->keep_expiry)
		expiry_ms = it ? kv_item_expiry_ms(it) : 0;
	shape = shape_of(k->len, v->len, expiry_ms);
	if (it && it->flags & KV_ITEM_WIDE && !shape.wide) {
		shape.wide = true;
		shape.bytes += sizeof(struct kv_item_wide);
	}
	if (it && shape.wide == !!(it->flags & KV_ITEM_WIDE) && fits(s, it, shape.bytes)) {
		changing(s, k, it);
		memmove(kv_item_key_bytes(it) + k->len, v->value, v->len);
		it->value_len = v->len;
		expiry_set(s, it, expiry_ms);
	} else {
		shape = shape_of(k->len, v->len, expiry_ms);
		it = item_make(s, k, &shape, 0);
		if (!it)
			return -ENOMEM;
		memcpy(kv_item_key_bytes(it) + k->len, v->value, v->len);
		if (item_place(s, k, it, expiry_ms))
			return -ENOMEM;
		changing(s, k, it);
	}
	it->form = v->form & 3;
	it->type = KV_STRING;
	e.value = kv_item_value(it, &e.value_len);
	changed(s, it, &e);
	if (out)
		*out = it;
	return 0;
}

/* Writes the patch into the value of @it, which is long enough and had @had bytes so far. */
static void patch(struct kv_item *it, const struct kv_patch *p, uint32_t had)
{
	uint8_t *value = kv_item_key_bytes(it) + it->key_len;

	memmove(value + p->offset, p->bytes, p->len);
	if (p->offset > had)
		memset(value + had, 0, p->offset - had);
	it->form = KV_FORM_PATCHED;
}

/* A new item with the value of @k so far and room for @total bytes; -ENOMEM. */
static int grow(struct kv_shard *s, const struct kv_key *k, uint32_t total, struct kv_item **out)
{
	struct kv_place at;
	struct kv_item *old = kv_index_find(&kv_shard_db(s, k->db)->index, k, &at);
	uint64_t expiry_ms = old ? kv_item_expiry_ms(old) : 0;
	struct shape shape = shape_of(k->len, total, expiry_ms);
	uint32_t had = old ? old->value_len : 0;
	uint64_t spare = had && shape.bytes >= GROWTH_FROM_BYTES ? shape.bytes / GROWTH_DIVISOR : 0;
	struct kv_item *it;

	if (old)
		kv_shard_pin(s, old); /* its bytes are needed even if it is evicted */
	it = item_make(s, k, &shape, spare);
	if (it && old)
		memcpy(kv_item_key_bytes(it) + k->len, kv_item_key_bytes(old) + k->len, had);
	if (it && item_place(s, k, it, expiry_ms))
		it = NULL;
	if (old)
		kv_shard_unpin(s, old);
	*out = it;
	return it ? 0 : -ENOMEM;
}

int kv_shard_write(
	struct kv_shard *s, const struct kv_key *k, const struct kv_patch *p, uint32_t *total)
{
	struct kv_effect e = {.kind = KV_EFFECT_WRITE, .offset = p->offset, .value_len = p->len};
	uint64_t end = (uint64_t)p->offset + p->len;
	struct kv_place at;
	struct kv_item *it;
	uint32_t had;

	if (k->len > KV_KEY_BYTES_MAX || end > KV_VALUE_BYTES_MAX)
		return -E2BIG;
	it = look(s, k, &at);
	had = it ? it->value_len : 0;
	end = MAX_OF(end, (uint64_t)had);
	if (!it || !can_grow(s, it, kv_item_size_bytes(it) - had + end)) {
		if (grow(s, k, (uint32_t)end, &it))
			return -ENOMEM;
	}
	changing(s, k, it);
	it->value_len = (uint32_t)end & ((1u << 30) - 1);
	patch(it, p, had);
	*total = (uint32_t)end;
	e.value = kv_item_key_bytes(it) + k->len + p->offset;
	changed(s, it, &e);
	return 0;
}

bool kv_shard_room_take(struct kv_shard *s, const struct kv_key *k, uint32_t len, void **taken)
{
	struct kv_place at;
	struct kv_db *db = kv_shard_db(s, k->db);
	struct kv_item *it = kv_index_find(&db->index, k, &at);
	struct shape shape = shape_of(k->len, len, 0);
	void **block;

	/* It is overwritten where it is. */
	if (it && shape.wide == !!(it->flags & KV_ITEM_WIDE) && !kv_item_is_pinned(s, it) &&
		kv_arena_rounded(shape.bytes) == kv_arena_block_bytes(&s->arena, it))
		return true;
	if (!it && kv_room_reserve(s, db))
		return false;
	block = kv_room_alloc(s, shape.bytes, 0);
	if (!block)
		return false;
	*(struct kv_item *)(void *)block = (struct kv_item){};
	*block = *taken;
	*taken = block;
	return true;
}

void kv_shard_room_give(struct kv_shard *s, void *taken)
{
	while (taken) {
		void **block = taken;

		taken = *block;
		kv_item_release(s, (struct kv_item *)(void *)block);
	}
}

bool kv_shard_room_is_plenty(const struct kv_shard *s, uint64_t bytes)
{
	uint64_t enough = ENOUGH_BYTES + 4 * bytes;

	return s->arena.used_bytes + enough < s->max_bytes &&
	       (uint64_t)s->arena.free_pages << KV_PAGE_SHIFT >
		       enough + ((uint64_t)s->arena.kept_pages << KV_PAGE_SHIFT);
}

void kv_change_drop(struct kv_shard *s, struct kv_item *it, enum kv_why why)
{
	struct kv_db *db = &s->dbs[it->db];
	struct kv_effect e = {.kind = KV_EFFECT_DEL, .why = (uint8_t)why};
	struct kv_place at;

	BRAID_ASSERT(kv_index_find_ref(
		&db->index, kv_index_hash(&db->index, it), kv_arena_ref(&s->arena, it), &at));
	kv_index_remove(&db->index, &at);
	expiry_set(s, it, 0);
	s->counters.expired += why == KV_WHY_EXPIRED;
	it->flags |= KV_ITEM_DIRTY;
	kv_effect_emit(s, &e, it);
	kv_item_release(s, it);
}

bool kv_shard_del(struct kv_shard *s, const struct kv_key *k)
{
	struct kv_place at;
	struct kv_item *it = look(s, k, &at);

	if (!it)
		return false;
	kv_change_drop(s, it, KV_WHY_COMMAND);
	if (UNLIKELY(kv_index_is_sparse(&kv_shard_db(s, k->db)->index)))
		kv_shard_wake(s);
	return true;
}

/* Makes @it wide; *@it is another one afterwards. */
static int widen(struct kv_shard *s, const struct kv_key *k, struct kv_item **it)
{
	uint64_t had = kv_item_size_bytes(*it), bytes = had + sizeof(struct kv_item_wide);
	struct shape shape = shape_of(k->len, (*it)->value_len, 1);
	uint32_t form = (*it)->form;
	struct kv_item *old = *it, *to;
	int rc = -ENOMEM;

	if (fits(s, old, bytes)) {
		uint8_t *key = kv_item_key_bytes(old);

		memmove(key + sizeof(struct kv_item_wide), key, (uint64_t)k->len + old->value_len);
		old->flags |= KV_ITEM_WIDE;
		return 0;
	}
	kv_shard_pin(s, old);
	to = item_make(s, k, &shape, 0);
	if (to) {
		memcpy(kv_item_key_bytes(to) + k->len, kv_item_key_bytes(old) + k->len,
			old->value_len);
		to->form = form & 3;
		rc = item_place(s, k, to, 0);
	}
	kv_shard_unpin(s, old);
	*it = to;
	return rc;
}

int kv_shard_expire(struct kv_shard *s, const struct kv_key *k, uint64_t expiry_ms)
{
	struct kv_effect e = {.kind = KV_EFFECT_EXPIRE};
	struct kv_place at;
	struct kv_item *it = look(s, k, &at);

	if (!it)
		return -ENOENT;
	if (!s->is_replica && expiry_ms && expiry_ms <= kv_shard_now_ms(s)) {
		kv_change_drop(s, it, KV_WHY_COMMAND);
		return 0;
	}
	if (expiry_ms && !(it->flags & KV_ITEM_WIDE) && widen(s, k, &it))
		return -ENOMEM;
	changing(s, k, it);
	expiry_set(s, it, expiry_ms);
	changed(s, it, &e);
	return 0;
}

/* Takes away all keys of @d; the memory follows in quanta. */
static void forget(struct kv_shard *s, struct kv_db *d)
{
	struct kv_flushed *f = d->flushed;

	if (!f)
		return;
	*f = (struct kv_flushed){.next = s->flushed, .index = d->index};
	s->flushed = f;
	d->flushed = NULL;
	kv_index_init(&d->index, &s->arena, &s->secret);
	kv_expiry_init(&d->expiry, kv_shard_now_ms(s));
}

void kv_shard_flush(struct kv_shard *s, uint8_t db)
{
	struct kv_effect e = {.kind = KV_EFFECT_FLUSH, .db = db};

	for (unsigned d = 0; d < KV_DATABASES; d++)
		if (db == UINT8_MAX || d == db)
			forget(s, kv_shard_db(s, (uint8_t)d));
	kv_evict_policy(s, s->policy);
	kv_effect_emit(s, &e, NULL);
	kv_shard_wake(s);
}

void kv_shard_swap(struct kv_shard *s, uint8_t db, uint8_t other)
{
	struct kv_effect e = {.kind = KV_EFFECT_SWAP, .db = db, .other_db = other};
	struct kv_db *one = kv_shard_db(s, db), *two = kv_shard_db(s, other);

	if (one == two)
		return;
	/* Who watches has to see what is where before it changes. */
	if (UNLIKELY(s->watcher.on_swap != NULL))
		s->watcher.on_swap(s->watcher.ctx, db, other);
	s->named[db % KV_DATABASES] = two;
	s->named[other % KV_DATABASES] = one;
	s->names[one - s->dbs] = other;
	s->names[two - s->dbs] = db;
	kv_effect_emit(s, &e, NULL);
}
