/* SPDX-License-Identifier: BSD-3-Clause */
/* INFO's sections of numbers: memory, stats, cpu, commandstats, errorstats, latencystats. Thread:
 * worker. */
#include <string.h>

#include "dataplane/kv/kv_info.h"

/* Sums over the shards and rates of all workers. */
struct totals {
	uint64_t used_bytes;
	uint64_t peak_bytes;
	uint64_t commands_per_s;
	uint64_t input_per_s;
	uint64_t output_per_s;
	uint64_t cycles; /* in commands */
	struct kv_counters counters;
};

static struct totals sum_up(const struct worker *w)
{
	struct totals sum = {.used_bytes = 0};

	for (unsigned i = 0; i < w->n_workers; i++) {
		const struct kv_worker *kv = kv_info_part(w, i);
		const struct kv_counters *counters;
		uint64_t used;

		if (!kv)
			continue;
		used = kv_shard_used_bytes(kv->shard);
		counters = kv_shard_counters(kv->shard);
		sum.used_bytes += used;
		sum.peak_bytes += MAX_OF(used, kv->admin->rates.peak_bytes);
		sum.commands_per_s += kv->admin->rates.commands_per_s;
		sum.input_per_s += kv->admin->rates.input_per_s;
		sum.output_per_s += kv->admin->rates.output_per_s;
		sum.counters.hits += counters->hits;
		sum.counters.misses += counters->misses;
		sum.counters.expired += counters->expired;
		sum.counters.evicted += counters->evicted;
		for (uint32_t k = 0; k < kv_commands_count; k++)
			sum.cycles += kv->commands[k].cycles;
	}
	return sum;
}

static void add_bytes(struct kv_text *t, const char *name, uint64_t bytes)
{
	kv_text_add(t, "%s:%lu\r\n%s_human:", name, (unsigned long)bytes, name);
	kv_text_human(t, bytes);
	kv_text_add(t, "\r\n");
}

/* Per cent of @whole with two digits behind the point. */
static void add_percent(struct kv_text *t, const char *name, uint64_t part, uint64_t whole)
{
	kv_text_add(t, "%s:", name);
	kv_text_fixed(t, whole ? (uint64_t)((__uint128_t)part * 10000 / whole) : 0, 2);
	kv_text_add(t, "%%\r\n");
}

void kv_info_memory(struct kv_call *c, struct kv_text *t)
{
	const struct kv_settings *now = &c->w->kv->settings;
	struct totals sum = sum_up(c->w);

	add_bytes(t, "used_memory", sum.used_bytes);
	add_bytes(t, "used_memory_rss", c->w->kv->admin->stored.memory_bytes);
	add_bytes(t, "used_memory_peak", sum.peak_bytes);
	add_percent(t, "used_memory_peak_perc", sum.used_bytes, sum.peak_bytes);
	kv_text_add(t,
		"used_memory_overhead:0\r\nused_memory_startup:0\r\n"
		"used_memory_dataset:%lu\r\nused_memory_dataset_perc:100.00%%\r\n",
		(unsigned long)sum.used_bytes);
	kv_text_add(t,
		"allocator_allocated:%lu\r\nallocator_active:%lu\r\n"
		"allocator_resident:%lu\r\n",
		(unsigned long)sum.used_bytes, (unsigned long)sum.used_bytes,
		(unsigned long)c->w->kv->admin->stored.memory_bytes);
	add_bytes(t, "total_system_memory", c->w->kv->admin->host.memory_bytes);
	add_bytes(t, "used_memory_lua", 0);
	kv_text_add(t, "number_of_cached_scripts:0\r\nnumber_of_functions:0\r\n"
		       "number_of_libraries:0\r\n");
	add_bytes(t, "maxmemory", now->memory_bytes);
	kv_text_add(t,
		"maxmemory_policy:%s\r\nmem_fragmentation_ratio:1.00\r\n"
		"mem_fragmentation_bytes:0\r\nmem_not_counted_for_evict:0\r\n"
		"mem_replication_backlog:0\r\nmem_clients_slaves:0\r\nmem_clients_normal:0\r\n"
		"mem_cluster_links:0\r\nmem_aof_buffer:0\r\nmem_allocator:braid\r\n"
		"active_defrag_running:0\r\nlazyfree_pending_objects:0\r\nlazyfreed_objects:0\r\n",
		kv_policy_name((enum kv_policy)now->policy));
}

void kv_info_stats(struct kv_call *c, struct kv_text *t)
{
	const struct worker *w = c->w;
	struct totals sum = sum_up(w);

	kv_text_add(t,
		"total_connections_received:%lu\r\ntotal_commands_processed:%lu\r\n"
		"instantaneous_ops_per_sec:%lu\r\ntotal_net_input_bytes:%lu\r\n"
		"total_net_output_bytes:%lu\r\n",
		(unsigned long)KV_INFO_SUM(w, connections), (unsigned long)KV_INFO_SUM(w, commands),
		(unsigned long)sum.commands_per_s, (unsigned long)KV_INFO_SUM(w, input_bytes),
		(unsigned long)KV_INFO_SUM(w, output_bytes));
	kv_text_add(t, "total_net_repl_input_bytes:0\r\ntotal_net_repl_output_bytes:0\r\n"
		       "instantaneous_input_kbps:");
	kv_text_fixed(t, sum.input_per_s * 100 / 1024, 2);
	kv_text_add(t, "\r\ninstantaneous_output_kbps:");
	kv_text_fixed(t, sum.output_per_s * 100 / 1024, 2);
	kv_text_add(t,
		"\r\ninstantaneous_input_repl_kbps:0.00\r\ninstantaneous_output_repl_kbps:0.00\r\n"
		"rejected_connections:%lu\r\nsync_full:0\r\nsync_partial_ok:0\r\n"
		"sync_partial_err:0\r\nexpired_keys:%lu\r\nexpired_stale_perc:0.00\r\n"
		"expired_time_cap_reached_count:0\r\nexpire_cycle_cpu_milliseconds:0\r\n",
		(unsigned long)KV_INFO_SUM(w, rejected_connections),
		(unsigned long)sum.counters.expired);
	kv_text_add(t,
		"evicted_keys:%lu\r\nevicted_clients:%lu\r\ntotal_eviction_exceeded_time:0\r\n"
		"current_eviction_exceeded_time:0\r\nkeyspace_hits:%lu\r\nkeyspace_misses:%lu\r\n"
		"pubsub_channels:0\r\npubsub_patterns:0\r\npubsubshard_channels:0\r\n"
		"latest_fork_usec:0\r\ntotal_forks:0\r\nmigrate_cached_sockets:0\r\n"
		"slave_expires_tracked_keys:0\r\nactive_defrag_hits:0\r\nactive_defrag_misses:0\r\n"
		"active_defrag_key_hits:0\r\nactive_defrag_key_misses:0\r\n",
		(unsigned long)sum.counters.evicted, (unsigned long)KV_INFO_SUM(w, closed_memory),
		(unsigned long)sum.counters.hits, (unsigned long)sum.counters.misses);
	kv_text_add(t,
		"total_active_defrag_time:0\r\ncurrent_active_defrag_time:0\r\n"
		"tracking_total_keys:0\r\ntracking_total_items:0\r\ntracking_total_prefixes:0\r\n"
		"unexpected_error_replies:0\r\ntotal_error_replies:%lu\r\n"
		"dump_payload_sanitizations:0\r\ntotal_reads_processed:%lu\r\n"
		"total_writes_processed:%lu\r\nio_threaded_reads_processed:0\r\n"
		"io_threaded_writes_processed:0\r\nreply_buffer_shrinks:0\r\n"
		"reply_buffer_expands:0\r\n",
		(unsigned long)KV_INFO_SUM(w, error_replies),
		(unsigned long)KV_INFO_SUM(w, commands), (unsigned long)KV_INFO_SUM(w, commands));
	kv_text_add(t,
		"braid_commands_local:%lu\r\nbraid_commands_forwarded:%lu\r\n"
		"braid_commands_served:%lu\r\nbraid_closed_output_limit:%lu\r\n"
		"braid_closed_query_limit:%lu\r\nbraid_closed_idle:%lu\r\n",
		(unsigned long)KV_INFO_SUM(w, local), (unsigned long)KV_INFO_SUM(w, forwarded),
		(unsigned long)KV_INFO_SUM(w, served),
		(unsigned long)KV_INFO_SUM(w, closed_output_limit),
		(unsigned long)KV_INFO_SUM(w, closed_query_limit),
		(unsigned long)KV_INFO_SUM(w, closed_idle));
}

static uint64_t ns_of(const struct worker *w, uint64_t cycles)
{
	return (uint64_t)(((__uint128_t)cycles * w->ns_per_cycle_q32) >> 32);
}

/* A worker polls all the time; what is told is the time that went into commands. */
void kv_info_cpu(struct kv_call *c, struct kv_text *t)
{
	uint64_t us = ns_of(c->w, sum_up(c->w).cycles) / 1000;

	kv_text_add(t, "used_cpu_sys:0.000000\r\nused_cpu_user:");
	kv_text_fixed(t, us, 6);
	kv_text_add(t, "\r\nused_cpu_sys_children:0.000000\r\nused_cpu_user_children:0.000000\r\n"
		       "used_cpu_sys_main_thread:0.000000\r\nused_cpu_user_main_thread:");
	kv_text_fixed(t, us, 6);
	kv_text_add(t, "\r\n");
}

void kv_info_commandstats(struct kv_call *c, struct kv_text *t)
{
	for (uint32_t row = 0; row < kv_commands_count; row++) {
		struct kv_command_stats sum = {.calls = 0};
		uint64_t ns;

		for (unsigned i = 0; i < c->w->n_workers; i++) {
			const struct kv_worker *kv = kv_info_part(c->w, i);

			if (!kv)
				continue;
			sum.calls += kv->commands[row].calls;
			sum.cycles += kv->commands[row].cycles;
			sum.rejected += kv->commands[row].rejected;
			sum.failed += kv->commands[row].failed;
		}
		if (sum.calls == 0 && sum.rejected == 0 && sum.failed == 0)
			continue;
		ns = ns_of(c->w, sum.cycles);
		kv_text_add(t,
			"cmdstat_%s:calls=%lu,usec=%lu,usec_per_call=", kv_commands[row].name,
			(unsigned long)sum.calls, (unsigned long)(ns / 1000));
		kv_text_fixed(t, sum.calls ? ns / 10 / sum.calls : 0, 2);
		kv_text_add(t, ",rejected_calls=%lu,failed_calls=%lu\r\n",
			(unsigned long)sum.rejected, (unsigned long)sum.failed);
	}
}

/* What all workers have counted under @name. */
static uint64_t errors_of(const struct worker *w, const char *name)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < w->n_workers; i++) {
		const struct kv_worker *kv = kv_info_part(w, i);

		for (uint32_t k = 0; kv && k < kv->n_errors; k++)
			if (strcmp(kv->errors[k].name, name) == 0)
				sum += kv->errors[k].count;
	}
	return sum;
}

/* Whether a worker before @end has @name too: then it has been told already. */
static bool is_told(const struct worker *w, unsigned end, const char *name)
{
	for (unsigned i = 0; i < end; i++) {
		const struct kv_worker *kv = kv_info_part(w, i);

		for (uint32_t k = 0; kv && k < kv->n_errors; k++)
			if (strcmp(kv->errors[k].name, name) == 0)
				return true;
	}
	return false;
}

void kv_info_errorstats(struct kv_call *c, struct kv_text *t)
{
	for (unsigned i = 0; i < c->w->n_workers; i++) {
		const struct kv_worker *kv = kv_info_part(c->w, i);

		for (uint32_t k = 0; kv && k < kv->n_errors; k++)
			if (!is_told(c->w, i, kv->errors[k].name))
				kv_text_add(t, "errorstat_%s:count=%lu\r\n", kv->errors[k].name,
					(unsigned long)errors_of(c->w, kv->errors[k].name));
	}
}

/* The time in nanoseconds within which @percent of the @total calls in @steps were. */
static uint64_t percentile_ns(
	const struct worker *w, const uint64_t *steps, uint64_t total, double percent)
{
	uint64_t want = (uint64_t)(percent / 100 * (double)total + 0.5), sum = 0;
	uint32_t k = 0;

	for (want = MAX_OF(want, 1u); k < KV_LATENCY_STEPS; k++) {
		sum += steps[k];
		if (sum >= want)
			break;
	}
	return kv_latency_step_ns(w, MIN_OF(k, (uint32_t)KV_LATENCY_STEPS - 1));
}

void kv_info_latencystats(struct kv_call *c, struct kv_text *t)
{
	const struct kv_stored *stored = &c->w->kv->admin->stored;
	uint64_t steps[KV_LATENCY_STEPS];

	for (uint32_t row = 0; stored->tracks_latency && row < kv_commands_count; row++) {
		uint64_t total = kv_latency_sum(c->w, row, steps);

		if (total == 0)
			continue;
		kv_text_add(t, "latency_percentiles_usec_%s:", kv_commands[row].name);
		for (uint32_t i = 0; i < stored->n_percentiles; i++) {
			double percent = stored->percentiles[i];

			kv_text_add(t, "%sp", i > 0 ? "," : "");
			kv_text_trimmed(t, (uint64_t)(percent * 1e6 + 0.5), 6);
			kv_text_add(t, "=");
			kv_text_fixed(t, percentile_ns(c->w, steps, total, percent), 3);
		}
		kv_text_add(t, "\r\n");
	}
}
