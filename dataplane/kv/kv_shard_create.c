/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes and ends shards. Thread: main. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/kv/kv_shard_impl.h"

/* Pages that items leave to commands and replies under way. */
#define KEPT_SHARE     64
#define KEPT_PAGES_MAX 4096

static bool run(struct worker *w, struct worker_task *t)
{
	return kv_shard_work(CONTAINER_OF(t, struct kv_shard, task));
}

/* Something expires: the task does it, so that no burst waits for it. */
static void timer_fired(void *ctx, struct wheel_timer *t)
{
	kv_shard_wake(CONTAINER_OF(t, struct kv_shard, timer));
}

struct kv_shard *kv_shard_create(
	struct worker *w, const struct kv_shard_options *options, struct base_error *err)
{
	struct kv_shard *s = aligned_alloc(CACHE_LINE_BYTES,
		(sizeof(*s) + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES * CACHE_LINE_BYTES);

	if (!s) {
		(void)base_error_set(err, ENOMEM, "no memory for a shard");
		return NULL;
	}
	memset(s, 0, sizeof(*s));
	if (kv_arena_init(&s->arena, options->memory_bytes, err)) {
		free(s);
		return NULL;
	}
	s->arena.kept_pages = MIN_OF(s->arena.n_pages / KEPT_SHARE, (uint32_t)KEPT_PAGES_MAX);
	s->w = w;
	s->max_bytes = options->memory_bytes;
	kv_evict_policy(s, options->policy);
	s->task.run = run;
	s->timer.fn = timer_fired;
	key_hash_init(&s->secret, options->secret);
	for (unsigned d = 0; d < KV_DATABASES; d++) {
		s->named[d] = &s->dbs[d];
		s->names[d] = (uint8_t)d;
		kv_index_init(&s->dbs[d].index, &s->arena, &s->secret);
		kv_expiry_init(&s->dbs[d].expiry, kv_shard_now_ms(s));
	}
	return s;
}

void kv_shard_destroy(struct kv_shard *s)
{
	if (!s)
		return;
	if (s->w->wheel)
		wheel_del(s->w->wheel, &s->timer);
	worker_task_remove(s->w, &s->task);
	kv_arena_fini(&s->arena);
	free(s);
}
