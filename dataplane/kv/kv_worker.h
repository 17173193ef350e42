/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A worker's part of the store: its shard, its clients, and what they share. Thread: worker;
 * others read n_clients only.
 */
#ifndef DATAPLANE_KV_KV_WORKER_H
#define DATAPLANE_KV_KV_WORKER_H

#include <stdatomic.h>

#include "dataplane/kv/kv.h"
#include "dataplane/kv/kv_client.h"
#include "dataplane/kv/kv_command.h"
#include "dataplane/kv/kv_memory.h"

#define KV_BATCH_COMMANDS 64   /* parsed before the first is run */
#define KV_BATCH_ARGS     1024 /* of them together */
#define KV_BRIEF_MAX      16   /* calls that share a reading of the clock */
#define KV_ERROR_KINDS    64   /* prefixes that errorstats tells apart */
#define KV_ERROR_NAME_MAX 32

/* A command that was read and waits for its turn in the batch. */
struct kv_parsed {
	struct kv_input *input;
	const struct kv_command *command; /* NULL: unknown */
	const struct resp_arg *argv;      /* of kv->args, or memory of its own */
	uint32_t argc;                    /* 0: a protocol error */
	uint32_t start;                   /* where it begins in the input */
	bool in_query;                    /* it lies in the query buffer */
	bool own_args;
	bool has_key; /* key is its first one */
	struct kv_key key;
};

/* Of one row, for INFO commandstats. */
struct kv_command_stats {
	uint64_t calls;
	uint64_t cycles;
	uint64_t rejected; /* before it ran */
	uint64_t failed;   /* answered with an error */
};

/* Errors by their first word, for INFO errorstats. */
struct kv_error_stats {
	char name[KV_ERROR_NAME_MAX];
	uint64_t count;
};

/* Counters since start or CONFIG RESETSTAT. */
struct kv_stats {
	uint64_t connections; /* accepted */
	uint64_t rejected_connections;
	uint64_t commands;
	uint64_t input_bytes;
	uint64_t output_bytes;
	uint64_t error_replies;
	uint64_t protocol_errors;
	uint64_t local;     /* commands with keys that ran on the worker of their client */
	uint64_t forwarded; /* ... whose keys belong to another worker */
	uint64_t served;    /* for clients of other workers */
	uint64_t closed_output_limit;
	uint64_t closed_query_limit;
	uint64_t closed_memory; /* no memory for a query, a reply or a transaction */
	uint64_t closed_idle;
	uint64_t query_peak_bytes;
	uint64_t backlog_peak_bytes;
};

struct kv_admin;     /* what commands about the server keep */
struct kv_functions; /* what calls of users' functions need */
struct kv_jobs;

struct kv_worker {
	struct kv_shard *shard;
	struct kv_client *clients; /* [clients_max] */
	uint32_t clients_max;
	uint32_t client_free;  /* first free place, UINT32_MAX: none */
	uint32_t clients_used; /* places ever used */
	uint32_t see_first;    /* clients to see to when the batch is over */
	uint64_t next_id;
	_Atomic uint32_t n_clients; /* written by this worker, read by all */
	struct worker_task see_task;
	struct kv_reply reply; /* of the client whose commands run */
	uint8_t *reply_bytes;  /* [KV_REPLY_BYTES] */
	uint32_t n_parsed;
	uint32_t n_args;
	struct kv_parsed parsed[KV_BATCH_COMMANDS];
	struct resp_arg args[KV_BATCH_ARGS];
	uint64_t cycles;              /* when the last command ended */
	uint16_t brief[KV_BRIEF_MAX]; /* rows of calls since then that are timed together */
	uint32_t n_brief;
	uint64_t pause_until_ms;
	bool pause_all;
	struct wheel_timer pause_timer;
	struct wheel_timer cron_timer; /* time outs */
	uint32_t cron_at;              /* client it looks at next */
	struct worker_task room_task;  /* while clients wait for room */
	struct kv_reserve reserve;
	struct kv_settings settings;
	uint64_t config_version; /* of the configuration that settings follow */
	struct kv_stats stats;
	struct stats_kv told; /* what of it, and of the shard, is in the shared counters */
	struct kv_error_stats errors[KV_ERROR_KINDS];
	uint32_t n_errors;
	struct kv_command_stats *commands; /* [kv_commands_count] */
	/* Called for every command that took longer than settings.slow_us; SLOWLOG sets it. */
	void (*on_slow)(const struct kv_call *c, uint64_t us);
	uint32_t *latency_steps; /* calls by duration (kv_latency.h); NULL: not counted */
	struct kv_admin *admin;
	struct kv_functions *functions;
	/* Called when EXEC could not even start, with its transaction discarded: WATCH forgets. */
	void (*on_discard)(struct worker *w, struct kv_client *c);
	/* Called when a client goes: WATCH forgets what it watches. */
	void (*on_client_end)(struct worker *w, struct kv_client *c);
	struct kv_jobs *jobs;
	struct kv_route *route; /* what is under way between workers */
	uint64_t ns_start;      /* for uptime */
};

/* Counts an error by its first word. */
void kv_worker_count_error(struct kv_worker *kv, const char *text, uint32_t len);

/* CONFIG RESETSTAT, on this worker. */
void kv_worker_stats_reset(struct worker *w);

/* Clients of the node. */
uint32_t kv_worker_all_clients(const struct worker *w);

/* Whether @c may do anything: it has authenticated, or there is no password. */
static inline bool kv_client_is_trusted(const struct worker *w, const struct kv_client *c)
{
	return w->kv->settings.password[0] == '\0' || (c->flags & KV_CLIENT_AUTHENTICATED);
}

#endif
