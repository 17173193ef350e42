/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store: Redis clients on the node's own addresses, served from memory (DESIGN section 9).
 * Settings come from the configuration; a worker has its own copy, which CONFIG SET changes.
 * Thread: main, but for the callbacks of TCP.
 */
#ifndef DATAPLANE_KV_KV_H
#define DATAPLANE_KV_KV_H

#include "dataplane/core/worker.h"
#include "dataplane/tcp/tcp.h"
#include "lib/api/api.h"
#include "lib/conf/conf.h"

#define KV_PASSWORD_MAX 512

/* What a store is started with, and what may change while it runs. */
struct kv_settings {
	uint64_t memory_bytes;      /* of all workers together; 0: there is no store */
	uint64_t query_max_bytes;   /* client-query-buffer-limit */
	uint64_t output_hard_bytes; /* client-output-buffer-limit normal: closed above it */
	uint64_t output_soft_bytes; /* ... or when above this for output_soft_s */
	uint64_t slow_us;           /* slowlog-log-slower-than; UINT64_MAX: nothing is */
	uint32_t output_soft_s;
	uint32_t clients_max;           /* of the node; each worker has room for as many */
	uint32_t timeout_s;             /* of silent clients, 0: never */
	uint32_t bulk_max_bytes;        /* proto-max-bulk-len */
	uint32_t keepalive_s;           /* tcp-keepalive */
	uint16_t port;                  /* and the next n_workers ones */
	uint8_t policy;                 /* enum kv_policy */
	bool protected_mode;            /* no password: only from loopback */
	char password[KV_PASSWORD_MAX]; /* of user "default"; empty: none */
	uint8_t secret[16];             /* of the hash of keys */
};

/* The defaults, for @memory_bytes. The secret is zero. */
void kv_settings_default(struct kv_settings *s, uint64_t memory_bytes);

/* The settings workers will be started with; before kv_worker_init. */
void kv_settings_set(const struct kv_settings *s);

/* Those settings. */
const struct kv_settings *kv_settings_get(void);

/* Takes the memory of @w's part of the store: shard, clients, buffers. Nothing on the main thread's
 * worker, or without a store. 0 or a negative errno with the sentence. */
int kv_worker_init(struct worker *w, struct base_error *err);

/* Frees it; clients are forgotten without a word. */
void kv_worker_fini(struct worker *w);

/* Reads the settings that workers are started with. 0 or a negative errno with the sentence. Main
 * thread. */
int kv_config_init(const struct conf *conf, struct base_error *err);

/* The parts of struct module (dataplane/modules.h) for the store's part of a generation. Main
 * thread. */
void kv_config_forget(void);

/* Refuses a store in a dataplane that was started without. 0 or -EBUSY. */
int kv_config_check(struct api_commit_reply *counts, struct base_error *err);

/* Builds listeners and settings aside. 0 or -ENOMEM. */
int kv_config_prepare(unsigned quantum, struct base_error *err);

/* Frees what was built. */
int kv_config_rollback(unsigned quantum);

/* Hangs them into @next. */
void kv_config_apply(struct world *next);

/* Frees what they replaced. */
int kv_config_published(unsigned quantum);

/* Forgets the store; the workers have ended. */
void kv_config_fini(void);

/* What TCP calls. */
extern const struct tcp_app kv_tcp_app;

#endif
