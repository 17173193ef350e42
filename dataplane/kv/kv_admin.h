/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the commands about connections and the server keep on each worker: watched keys, settings,
 * the slow log, latencies. Private to the files of those commands. Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_ADMIN_H
#define DATAPLANE_KV_KV_ADMIN_H

#include "dataplane/kv/kv_latency.h"
#include "dataplane/kv/kv_setting.h"
#include "dataplane/kv/kv_slowlog.h"
#include "dataplane/kv/kv_watch.h"
#include "dataplane/kv/kv_worker.h"

#define KV_REDIS_VERSION "7.0.15" /* whose commands and sentences these are */

#define KV_ID_DIGITS    40  /* of nodes and runs, hexadecimal */
#define KV_SLOWLOG_LEN  128 /* slowlog-max-len at the start */
#define KV_RATE_SAMPLES 16
#define KV_SAMPLE_NS    (100 * NSEC_PER_MSEC) /* between them */

/* Counters at a time. */
struct kv_sample {
	uint64_t time_ns;
	uint64_t commands;
	uint64_t input_bytes;
	uint64_t output_bytes;
};

struct kv_rates {
	struct kv_sample samples[KV_RATE_SAMPLES];
	uint64_t n;
	uint64_t commands_per_s;
	uint64_t input_per_s;
	uint64_t output_per_s;
	uint64_t peak_bytes; /* of the shard */
};

/* What INFO says of the machine; asked for at the start. */
struct kv_host {
	char os[128];
	uint64_t memory_bytes;
	int process_id;
};

struct kv_admin {
	struct kv_watches watches;
	struct kv_stored stored;
	struct kv_slowlog slow;
	struct kv_latency latency;
	struct kv_rates rates;
	struct kv_host host;
	uint32_t *pack_table;     /* [LZF_TABLE_ENTRIES], zero: DUMP's */
	struct wheel_timer timer; /* of samples */
	uint64_t start_ms;        /* UNIX time */
};

/* Makes them ready; @kv has its settings. 0 or -ENOMEM. Main thread, as kv_admin_fini. */
int kv_admin_init(struct worker *w, struct kv_worker *kv);

/* Frees it; what was taken from the arena goes with that. */
void kv_admin_fini(struct worker *w, struct kv_worker *kv);

/* What kv_admin_init arms: a command took long. Worker. */
void kv_admin_on_slow(const struct kv_call *call, uint64_t us);

/* Likewise: rates and peaks, every 100 ms. */
void kv_admin_on_sample(void *ctx, struct wheel_timer *t);

/* Whether @c came in by a worker's own port, where the node is a cluster. */
static inline bool kv_admin_is_cluster(const struct kv_client *c)
{
	return c->tag != 0;
}

/* Sets the client's name; false: refused and answered. */
bool kv_client_name_set(struct kv_call *c, const struct resp_arg *name);

/* Answers a subcommand with too many arguments. */
void kv_admin_refuse_sub(struct kv_call *c);

/* Digits that tell worker @worker of this node from all others; UINT8_MAX: the node. */
void kv_admin_id(const struct worker *w, uint8_t worker, char out[KV_ID_DIGITS + 1]);

#endif
