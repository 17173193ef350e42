/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A shard by itself: a worker made by hand whose time the test sets, short names for what is done
 * to keys, and a model of what must be there.
 */
#ifndef TESTS_UNIT_KV_SHARD_RIG_H
#define TESTS_UNIT_KV_SHARD_RIG_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/kv/kv_shard_impl.h"

#define RIG_WALL_MS 1700000000000ULL /* UNIX time when now_ns is 0 */

struct rig {
	struct worker *w;
	struct kv_shard *s;
};

static inline uint64_t rig_cycles(struct worker *w)
{
	return w->now_ns;
}

static inline void rig_start(struct rig *r, uint64_t bytes, enum kv_policy policy)
{
	struct kv_shard_options options = {
		.memory_bytes = bytes,
		.policy = policy,
		.secret = "0123456789abcde",
	};
	static const struct worker_ops ops = {.cycles = rig_cycles};
	struct base_error err = {};

	r->w = aligned_alloc(CACHE_LINE_BYTES, sizeof(*r->w));
	BRAID_ASSERT(r->w);
	memset(r->w, 0, sizeof(*r->w));
	r->w->ops = &ops;
	r->w->rng = 88172645463325252ULL;
	r->w->wall_offset_ns = (int64_t)(RIG_WALL_MS * NSEC_PER_MSEC);
	r->w->wheel = malloc(sizeof(*r->w->wheel));
	BRAID_ASSERT(r->w->wheel);
	wheel_init(r->w->wheel, 0);
	r->w->wheel->ctx = r->w;
	r->s = kv_shard_create(r->w, &options, &err);
	BRAID_ASSERT(r->s);
}

static inline void rig_stop(struct rig *r)
{
	kv_shard_destroy(r->s);
	free(r->w->wheel);
	free(r->w);
}

static inline uint64_t rig_now_ms(const struct rig *r)
{
	return worker_wall_ms(r->w);
}

/* What a turn of the worker does for the shard: timers, then up to @pieces of its tasks. */
static inline void rig_turn(struct rig *r, unsigned pieces)
{
	wheel_advance(r->w->wheel, r->w->now_ns, 64);
	while (pieces-- > 0 && worker_task_run(r->w))
		;
}

static inline struct kv_key rig_key(struct rig *r, const char *name)
{
	struct kv_key k;

	kv_key_make(r->s, &k, 0, name, (uint32_t)strlen(name));
	return k;
}

static inline int rig_set(struct rig *r, const char *name, const char *value, uint64_t expiry_ms)
{
	struct kv_key k = rig_key(r, name);
	struct kv_write v = {
		.value = value, .len = (uint32_t)strlen(value), .expiry_ms = expiry_ms};

	return kv_shard_set(r->s, &k, &v, NULL);
}

static inline struct kv_item *rig_find(struct rig *r, const char *name)
{
	struct kv_key k = rig_key(r, name);

	return kv_shard_find(r->s, &k, KV_LOOK_READ | KV_LOOK_TOUCH);
}

static inline bool rig_is(struct rig *r, const char *name, const char *value)
{
	const struct kv_item *it = rig_find(r, name);
	uint32_t len = 0;
	const uint8_t *bytes = it ? kv_item_value(it, &len) : NULL;

	return it && len == strlen(value) && memcmp(bytes, value, len) == 0;
}

#endif
