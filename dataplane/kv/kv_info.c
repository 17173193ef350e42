/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * INFO: which sections, and the small ones. Counters of other workers are read where they lie, as
 * the control process reads those of packets. Thread: worker.
 */
#include <string.h>

#include "dataplane/kv/kv_info.h"

static const struct {
	const char *name;
	const char *title;
	bool by_default;
	bool in_all;
	void (*fn)(struct kv_call *c, struct kv_text *t);
} sections[] = {
	{"server", "# Server\r\n", true, true, kv_info_server},
	{"clients", "# Clients\r\n", true, true, kv_info_clients},
	{"memory", "# Memory\r\n", true, true, kv_info_memory},
	{"persistence", "# Persistence\r\n", true, true, kv_info_persistence},
	{"stats", "# Stats\r\n", true, true, kv_info_stats},
	{"replication", "# Replication\r\n", true, true, kv_info_replication},
	{"cpu", "# CPU\r\n", true, true, kv_info_cpu},
	{"modules", "# Modules\r\n", true, true, kv_info_modules},
	{"commandstats", "# Commandstats\r\n", false, true, kv_info_commandstats},
	{"errorstats", "# Errorstats\r\n", true, true, kv_info_errorstats},
	{"latencystats", "# Latencystats\r\n", false, true, kv_info_latencystats},
	{"cluster", "# Cluster\r\n", true, true, kv_info_cluster},
	{"keyspace", "# Keyspace\r\n", true, true, kv_info_keyspace},
	{"compute", "# Compute\r\n", true, true, kv_info_compute},
};

const struct kv_worker *kv_info_part(const struct worker *w, unsigned i)
{
	if (i == w->id)
		return w->kv;
	return workers[i] ? workers[i]->kv : NULL;
}

uint64_t kv_info_sum(const struct worker *w, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < w->n_workers; i++) {
		const struct kv_worker *kv = kv_info_part(w, i);

		if (kv)
			sum += __atomic_load_n(
				(const uint64_t *)((const char *)&kv->stats + offset),
				__ATOMIC_RELAXED);
	}
	return sum;
}

/* Whether section @s is meant by one of the call's words, or by there being none. */
static bool is_wanted(const struct kv_call *c, unsigned s)
{
	if (c->argc == 1)
		return sections[s].by_default;
	for (uint32_t i = 1; i < c->argc; i++) {
		if (kv_arg_is(c, i, sections[s].name))
			return true;
		if (sections[s].by_default && kv_arg_is(c, i, "default"))
			return true;
		if (sections[s].in_all && (kv_arg_is(c, i, "all") || kv_arg_is(c, i, "everything")))
			return true;
	}
	return false;
}

void kv_cmd_info(struct kv_call *c)
{
	struct kv_text t = {.w = c->w};

	for (unsigned s = 0; s < ARRAY_SIZE(sections); s++) {
		if (!is_wanted(c, s))
			continue;
		if (t.len > 0)
			kv_text_add(&t, "\r\n");
		kv_text_add(&t, "%s", sections[s].title);
		sections[s].fn(c, &t);
	}
	kv_text_reply(&t, c->reply, true);
}

void kv_info_server(struct kv_call *c, struct kv_text *t)
{
	const struct kv_admin *admin = c->w->kv->admin;
	uint64_t up_s = (c->w->now_ns - c->w->kv->ns_start) / NSEC_PER_SEC;
	char id[KV_ID_DIGITS + 1];

	kv_admin_id(c->w, UINT8_MAX, id);
	kv_text_add(t,
		"redis_version:%s\r\nredis_git_sha1:00000000\r\nredis_git_dirty:0\r\n"
		"redis_build_id:braid\r\nredis_mode:%s\r\nos:%s\r\narch_bits:64\r\n",
		KV_REDIS_VERSION, kv_admin_is_cluster(c->client) ? "cluster" : "standalone",
		admin->host.os);
	kv_text_add(t,
		"monotonic_clock:X86 TSC\r\nmultiplexing_api:poll-mode\r\ngcc_version:%d.%d.%d\r\n"
		"process_id:%d\r\nprocess_supervised:no\r\nrun_id:%s\r\ntcp_port:%u\r\n",
		__GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__, admin->host.process_id, id,
		c->w->kv->settings.port);
	kv_text_add(t,
		"server_time_usec:%lu\r\nuptime_in_seconds:%lu\r\nuptime_in_days:%lu\r\nhz:10\r\n"
		"configured_hz:10\r\nlru_clock:%lu\r\nexecutable:braid-dataplane\r\n"
		"config_file:\r\nio_threads_active:%d\r\n",
		(unsigned long)(c->now_ms * 1000), (unsigned long)up_s,
		(unsigned long)(up_s / 86400), (unsigned long)(c->now_ms / 1000 & 0xffffff),
		c->w->n_workers > 1);
}

/* Clients whose next command waits for the end of a pause. */
static uint32_t paused_clients(const struct kv_call *c)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < c->w->n_workers; i++) {
		const struct kv_worker *kv = kv_info_part(c->w, i);

		if (!kv || kv->pause_until_ms <= c->now_ms)
			continue;
		for (uint32_t k = 0; k < kv->clients_used; k++)
			n += (kv->clients[k].flags & KV_CLIENT_USED) &&
			     (kv->clients[k].waits & KV_WAIT_PAUSE);
	}
	return n;
}

void kv_info_clients(struct kv_call *c, struct kv_text *t)
{
	kv_text_add(t,
		"connected_clients:%u\r\ncluster_connections:0\r\nmaxclients:%u\r\n"
		"client_recent_max_input_buffer:%lu\r\nclient_recent_max_output_buffer:%lu\r\n"
		"blocked_clients:%u\r\ntracking_clients:0\r\nclients_in_timeout_table:0\r\n",
		kv_worker_all_clients(c->w), c->w->kv->settings.clients_max,
		(unsigned long)c->w->kv->stats.query_peak_bytes,
		(unsigned long)c->w->kv->stats.backlog_peak_bytes, paused_clients(c));
}

/* There is nothing on a disk. */
void kv_info_persistence(struct kv_call *c, struct kv_text *t)
{
	uint64_t effects = 0;

	for (unsigned i = 0; i < c->w->n_workers; i++) {
		const struct kv_worker *kv = kv_info_part(c->w, i);

		if (kv)
			effects += kv_shard_counters(kv->shard)->effects;
	}
	kv_text_add(t,
		"loading:0\r\nasync_loading:0\r\ncurrent_cow_peak:0\r\ncurrent_cow_size:0\r\n"
		"current_cow_size_age:0\r\ncurrent_fork_perc:0.00\r\n"
		"current_save_keys_processed:0\r\ncurrent_save_keys_total:0\r\n"
		"rdb_changes_since_last_save:%lu\r\nrdb_bgsave_in_progress:0\r\n"
		"rdb_last_save_time:%lu\r\nrdb_last_bgsave_status:ok\r\n"
		"rdb_last_bgsave_time_sec:-1\r\nrdb_current_bgsave_time_sec:-1\r\n",
		(unsigned long)effects, (unsigned long)(c->w->kv->admin->start_ms / 1000));
	kv_text_add(t, "rdb_saves:0\r\nrdb_last_cow_size:0\r\nrdb_last_load_keys_expired:0\r\n"
		       "rdb_last_load_keys_loaded:0\r\naof_enabled:0\r\n"
		       "aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0\r\n"
		       "aof_last_rewrite_time_sec:-1\r\naof_current_rewrite_time_sec:-1\r\n"
		       "aof_last_bgrewrite_status:ok\r\naof_rewrites:0\r\n"
		       "aof_rewrites_consecutive_failures:0\r\naof_last_write_status:ok\r\n"
		       "aof_last_cow_size:0\r\nmodule_fork_in_progress:0\r\n"
		       "module_fork_last_cow_size:0\r\n");
}

void kv_info_replication(struct kv_call *c, struct kv_text *t)
{
	char id[KV_ID_DIGITS + 1];

	kv_admin_id(c->w, UINT8_MAX, id);
	kv_text_add(t,
		"role:master\r\nconnected_slaves:0\r\nmaster_failover_state:no-failover\r\n"
		"master_replid:%s\r\nmaster_replid2:0000000000000000000000000000000000000000\r\n"
		"master_repl_offset:0\r\nsecond_repl_offset:-1\r\nrepl_backlog_active:0\r\n"
		"repl_backlog_size:1048576\r\nrepl_backlog_first_byte_offset:0\r\n"
		"repl_backlog_histlen:0\r\n",
		id);
}

void kv_info_modules(struct kv_call *c, struct kv_text *t)
{
}

void kv_info_cluster(struct kv_call *c, struct kv_text *t)
{
	kv_text_add(t, "cluster_enabled:%d\r\n", kv_admin_is_cluster(c->client));
}

void kv_info_keyspace(struct kv_call *c, struct kv_text *t)
{
	for (unsigned db = 0; db < KV_DATABASES; db++) {
		uint64_t keys = 0, expires = 0;

		for (unsigned i = 0; i < c->w->n_workers; i++) {
			const struct kv_worker *kv = kv_info_part(c->w, i);

			if (!kv)
				continue;
			keys += kv_shard_size(kv->shard, (uint8_t)db);
			expires += kv_shard_expires(kv->shard, (uint8_t)db);
		}
		if (keys > 0)
			kv_text_add(t, "db%u:keys=%lu,expires=%lu,avg_ttl=0\r\n", db,
				(unsigned long)keys, (unsigned long)expires);
	}
}
