/* SPDX-License-Identifier: BSD-3-Clause */
/* The store's part of the shared counters (lib/api/stats.h). Thread: worker. */
#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_job.h"
#include "dataplane/kv/kv_periodic.h"

/* The words that count; gauges are behind them. */
#define COUNTERS (offsetof(struct stats_kv, commands_per_s) / sizeof(uint64_t))

/* Commands by what Redis flags them as. */
static void add_kinds(const struct kv_worker *kv, struct stats_kv *now)
{
	for (uint32_t i = 0; i < kv_commands_count; i++) {
		if (kv_commands[i].flags & KV_WRITE)
			now->writes += kv->commands[i].calls;
		else if (kv_commands[i].flags & KV_READONLY)
			now->reads += kv->commands[i].calls;
	}
}

/* What was counted since the start, or since CONFIG RESETSTAT. */
static struct stats_kv count(const struct kv_worker *kv)
{
	const struct kv_stats *s = &kv->stats;
	const struct kv_jobs_stats *jobs = &kv->jobs->stats;
	const struct kv_counters *shard = kv_shard_counters(kv->shard);
	struct stats_kv now = {
		.commands = s->commands,
		.hits = shard->hits,
		.misses = shard->misses,
		.expired = shard->expired,
		.evicted = shard->evicted,
		.effects = shard->effects,
		.refused_oom = shard->refused_oom,
		.connections = s->connections,
		.rejected = s->rejected_connections,
		.local = s->local,
		.forwarded = s->forwarded,
		.served = s->served,
		.input_bytes = s->input_bytes,
		.output_bytes = s->output_bytes,
		.error_replies = s->error_replies,
		.protocol_errors = s->protocol_errors,
		.closed_output_limit = s->closed_output_limit,
		.closed_query_limit = s->closed_query_limit,
		.closed_memory = s->closed_memory,
		.closed_idle = s->closed_idle,
		.jobs_done = jobs->done,
		.jobs_failed = jobs->failed,
		.jobs_cancelled = jobs->cancelled,
		.jobs_busy = jobs->busy,
		.job_items = jobs->items,
		.job_records = jobs->records,
		.job_results = jobs->results,
		.job_faults = jobs->faults,
		.job_cycles = jobs->cycles,
		.job_stolen = jobs->stolen,
		.job_again = jobs->again,
	};

	add_kinds(kv, &now);
	return now;
}

static void tell_gauges(const struct worker *w, struct stats_kv *out)
{
	const struct kv_worker *kv = w->kv;
	uint32_t n = w->n_workers, next = ((w->id + 1u) * KV_SLOTS + n - 1) / n;
	uint64_t keys = 0, expires = 0;

	for (uint8_t db = 0; db < KV_DATABASES; db++) {
		keys += kv_shard_size(kv->shard, db);
		expires += kv_shard_expires(kv->shard, db);
	}
	out->commands_per_s = kv->admin->rates.commands_per_s;
	out->clients = atomic_load_explicit(&kv->n_clients, memory_order_relaxed);
	out->keys = keys;
	out->expires = expires;
	out->used_bytes = kv_shard_used_bytes(kv->shard);
	out->limit_bytes = kv_shard_limit_bytes(kv->shard);
	out->first_slot = ((uint32_t)w->id * KV_SLOTS + n - 1) / n;
	out->slots = next - out->first_slot;
	out->jobs_running = kv_jobs_running(w);
	out->jobs_kept = kv->jobs->n_kept;
	out->job_kept_bytes = kv->jobs->kept_bytes;
}

void kv_stats_tell(struct worker *w)
{
	struct kv_worker *kv = w->kv;
	struct stats_kv now = count(kv);
	const uint64_t *counted = (const uint64_t *)&now, *told = (const uint64_t *)&kv->told;
	uint64_t *out = (uint64_t *)&w->stats->kv;

	for (size_t i = 0; i < COUNTERS; i++)
		out[i] += counted[i] - told[i];
	kv->told = now;
	tell_gauges(w, &w->stats->kv);
}
