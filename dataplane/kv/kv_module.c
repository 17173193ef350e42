/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts and ends the store. Thread: main. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_function.h"
#include "dataplane/kv/kv_job.h"
#include "dataplane/kv/kv_periodic.h"
#include "dataplane/kv/kv_route.h"
#include "dataplane/kv/kv_worker.h"

#define LEAST_OUTPUT_BYTES (1u << 20)
#define MOST_OUTPUT_BYTES  (1u << 30)

/* What the workers are started with; the memory's owner is nobody. */
static struct kv_settings settings;

void kv_settings_default(struct kv_settings *s, uint64_t memory_bytes)
{
	*s = (struct kv_settings){
		.memory_bytes = memory_bytes,
		.query_max_bytes = 1u << 30,
		.output_hard_bytes = MAX_OF(
			LEAST_OUTPUT_BYTES, MIN_OF(memory_bytes / 4, (uint64_t)MOST_OUTPUT_BYTES)),
		.slow_us = 10000,
		.clients_max = 10000,
		.bulk_max_bytes = KV_VALUE_BYTES_MAX,
		.keepalive_s = 300,
		.port = 6379,
		.policy = KV_NOEVICTION,
	};
}

void kv_settings_set(const struct kv_settings *s)
{
	settings = *s;
}

const struct kv_settings *kv_settings_get(void)
{
	return &settings;
}

int kv_reserve_init(struct kv_reserve *r)
{
	r->bytes = malloc((size_t)KV_RESERVE_PIECES * KV_RESERVE_PIECE_BYTES);
	if (!r->bytes)
		return -ENOMEM;
	r->n_free = KV_RESERVE_PIECES;
	for (size_t i = 0; i < KV_RESERVE_PIECES; i++) {
		void *piece = r->bytes + i * KV_RESERVE_PIECE_BYTES;

		memcpy(piece, &r->free, sizeof(r->free));
		r->free = piece;
	}
	return 0;
}

void kv_reserve_fini(struct kv_reserve *r)
{
	free(r->bytes);
}

static int take_memory(struct worker *w, struct kv_worker *kv, struct base_error *err)
{
	struct kv_shard_options options = {
		.memory_bytes = settings.memory_bytes / w->n_workers,
		.policy = settings.policy,
	};

	memcpy(options.secret, settings.secret, sizeof(options.secret));
	kv->clients_max = settings.clients_max;
	kv->clients = aligned_alloc(CACHE_LINE_BYTES, kv->clients_max * sizeof(struct kv_client));
	kv->commands = calloc(kv_commands_count, sizeof(kv->commands[0]));
	kv->reply_bytes = malloc(KV_REPLY_BYTES);
	if (!kv->clients || !kv->commands || !kv->reply_bytes || kv_reserve_init(&kv->reserve) < 0)
		return base_error_set(err, ENOMEM,
			"worker %u: no memory for %u clients (lower store.max_clients)", w->id,
			kv->clients_max);
	memset(kv->clients, 0, kv->clients_max * sizeof(struct kv_client));
	kv->shard = kv_shard_create(w, &options, err);
	return kv->shard ? 0 : -ENOMEM;
}

static void free_memory(struct kv_worker *kv)
{
	if (kv->shard)
		kv_shard_destroy(kv->shard);
	kv_reserve_fini(&kv->reserve);
	free(kv->reply_bytes);
	free(kv->commands);
	free(kv->clients);
	free(kv);
}

static void init(struct worker *w, struct kv_worker *kv)
{
	for (uint32_t i = 0; i < kv->clients_max; i++)
		kv->clients[i].next = i + 1;
	kv->clients[kv->clients_max - 1].next = UINT32_MAX;
	kv->see_first = UINT32_MAX;
	kv->next_id = w->id + 1u;
	kv->settings = settings;
	kv->ns_start = w->now_ns;
	kv->reply = (struct kv_reply){
		.w = w,
		.buffer = kv->reply_bytes,
		.size = KV_REPLY_BYTES,
		.version = 2,
	};
	kv->see_task.run = kv_client_see_task;
	kv->room_task.run = kv_worker_room_task;
	kv->pause_timer.fn = kv_worker_on_pause_end;
	kv->cron_timer.fn = kv_worker_on_cron;
	wheel_add(w->wheel, &kv->cron_timer, w->now_ns);
}

int kv_worker_init(struct worker *w, struct base_error *err)
{
	struct kv_worker *kv;
	int ret;

	if (w->id == w->main_id || settings.memory_bytes == 0)
		return 0;
	kv_commands_init();
	kv = calloc(1, sizeof(*kv));
	if (!kv)
		return base_error_set(err, ENOMEM, "worker %u: no memory for the store", w->id);
	ret = take_memory(w, kv, err);
	if (ret < 0) {
		free_memory(kv);
		return ret;
	}
	init(w, kv);
	w->kv = kv;
	if (kv_route_init(w) == 0 && kv_jobs_init(w) == 0 && kv_admin_init(w, kv) == 0 &&
		kv_functions_init(w) == 0)
		return 0;
	kv_worker_fini(w);
	return base_error_set(err, ENOMEM, "worker %u: no memory for the store", w->id);
}

void kv_worker_fini(struct worker *w)
{
	struct kv_worker *kv = w->kv;

	if (!kv)
		return;
	wheel_del(w->wheel, &kv->cron_timer);
	wheel_del(w->wheel, &kv->pause_timer);
	kv_route_fini(w);
	kv_functions_fini(w);
	kv_jobs_fini(w);
	kv_admin_fini(w, kv);
	free_memory(kv);
	w->kv = NULL;
}

int kv_route_init(struct worker *w)
{
	struct kv_route *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	w->kv->route = r;
	r->reply_bytes = malloc(KV_REPLY_BYTES);
	if (!r->reply_bytes)
		return -ENOMEM;
	r->reply = (struct kv_reply){
		.w = w,
		.buffer = r->reply_bytes,
		.size = KV_REPLY_BYTES,
		.version = 2,
	};
	kv_route_mail_init(r);
	return 0;
}

void kv_route_fini(struct worker *w)
{
	if (w->kv->route)
		free(w->kv->route->reply_bytes);
	free(w->kv->route);
	w->kv->route = NULL;
}
