/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Effects: what a change did, in the order of versions, to whoever observes the shard; and their
 * replay. An item is dirty from its change until all members have it: while there is one member,
 * that is until the observer has returned. Thread: worker.
 */
#include <errno.h>

#include "dataplane/kv/kv_shard_impl.h"

static void emit(struct kv_shard *s, struct kv_effect *e)
{
	e->version = ++s->version;
	s->counters.effects++;
	if (s->observer.on_effect)
		s->observer.on_effect(s->observer.ctx, e);
}

void kv_effect_emit(struct kv_shard *s, struct kv_effect *e, const struct kv_item *it)
{
	if (it) {
		e->db = s->names[it->db];
		e->type = it->type;
		e->form = it->form;
		e->key = kv_item_key(it, &e->key_len);
	}
	if (e->kind != KV_EFFECT_SWAP) {
		if (s->observer.on_change)
			s->observer.on_change(s->observer.ctx, e->db, e->key, e->key_len);
		if (UNLIKELY(s->watcher.on_change != NULL))
			s->watcher.on_change(s->watcher.ctx, e->db, e->key, e->key_len);
	}
	if (s->is_replica)
		return;
	if (s->depth > 0 && !s->begun) {
		struct kv_effect begin = {.kind = KV_EFFECT_BEGIN};

		s->begun = true;
		emit(s, &begin);
	}
	emit(s, e);
}

void kv_shard_begin(struct kv_shard *s)
{
	s->depth++;
}

void kv_shard_end(struct kv_shard *s)
{
	struct kv_effect end = {.kind = KV_EFFECT_END};

	BRAID_ASSERT(s->depth > 0);
	if (--s->depth > 0 || !s->begun)
		return;
	s->begun = false;
	emit(s, &end);
}

void kv_shard_observe(struct kv_shard *s, const struct kv_observer *o)
{
	s->observer = *o;
}

void kv_shard_watch(struct kv_shard *s, const struct kv_observer *o)
{
	s->watcher = *o;
}

static int replay_set(struct kv_shard *s, const struct kv_key *k, const struct kv_effect *e)
{
	struct kv_write v = {
		.value = e->value,
		.len = e->value_len,
		.expiry_ms = e->expiry_ms,
		.form = e->form,
	};

	return kv_shard_set(s, k, &v, NULL);
}

static int replay_write(struct kv_shard *s, const struct kv_key *k, const struct kv_effect *e)
{
	struct kv_patch p = {.offset = e->offset, .bytes = e->value, .len = e->value_len};
	uint32_t total;

	return kv_shard_write(s, k, &p, &total);
}

static int replay(struct kv_shard *s, const struct kv_effect *e)
{
	struct kv_key k = {};

	if (e->key)
		kv_key_make(s, &k, e->db, e->key, e->key_len);
	switch ((enum kv_effect_kind)e->kind) {
	case KV_EFFECT_SET:
		return replay_set(s, &k, e);
	case KV_EFFECT_DEL:
		return kv_shard_del(s, &k) ? 0 : -ENOENT;
	case KV_EFFECT_WRITE:
		return replay_write(s, &k, e);
	case KV_EFFECT_EXPIRE:
		return kv_shard_expire(s, &k, e->expiry_ms);
	case KV_EFFECT_FLUSH:
		kv_shard_flush(s, e->db);
		return 0;
	case KV_EFFECT_SWAP:
		kv_shard_swap(s, e->db, e->other_db);
		return 0;
	case KV_EFFECT_BEGIN:
	case KV_EFFECT_END:
		return 0;
	}
	return -EINVAL;
}

int kv_shard_replay(struct kv_shard *s, const struct kv_effect *e)
{
	int rc;

	if (e->version != s->version + 1)
		return -EINVAL;
	s->is_replica = true;
	rc = replay(s, e);
	if (rc == 0)
		s->version = e->version;
	return rc;
}
