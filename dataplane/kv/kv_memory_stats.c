/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MEMORY STATS: the numbers of all workers together, in the order of Redis 7.0, less what only its
 * allocator knows. What counts as overhead is the indexes. Thread: worker.
 */
#include "dataplane/kv/kv_info.h"
#include "lib/wire/number.h"

#define NUMBERS 17 /* beside one for each database in use */

struct totals {
	uint64_t used_bytes;
	uint64_t peak_bytes;
	uint64_t overhead_bytes;
	uint64_t keys;
	uint64_t index_bytes[KV_DATABASES];
	unsigned n_dbs; /* with keys */
	bool has_keys[KV_DATABASES];
};

static void sum_up(const struct worker *w, struct totals *sum)
{
	for (unsigned i = 0; i < w->n_workers; i++) {
		const struct kv_worker *kv = kv_info_part(w, i);
		uint64_t used;

		if (!kv)
			continue;
		used = kv_shard_used_bytes(kv->shard);
		sum->used_bytes += used;
		sum->peak_bytes += MAX_OF(used, kv->admin->rates.peak_bytes);
		for (uint8_t db = 0; db < KV_DATABASES; db++) {
			uint64_t keys = kv_shard_size(kv->shard, db);

			sum->keys += keys;
			sum->index_bytes[db] += kv_shard_index_bytes(kv->shard, db);
			sum->has_keys[db] |= keys > 0;
		}
	}
	for (uint8_t db = 0; db < KV_DATABASES; db++) {
		sum->overhead_bytes += sum->index_bytes[db];
		sum->n_dbs += sum->has_keys[db];
	}
}

static void number(struct kv_call *c, const char *name, uint64_t n)
{
	kv_reply_text(c->reply, name);
	kv_reply_int(c->reply, (int64_t)n);
}

static void percent(struct kv_call *c, const char *name, uint64_t part, uint64_t whole)
{
	kv_reply_text(c->reply, name);
	kv_reply_double(c->reply, whole ? 100.0 * (double)part / (double)whole : 0);
}

static void databases(struct kv_call *c, const struct totals *sum)
{
	for (unsigned db = 0; db < KV_DATABASES; db++) {
		char name[NUMBER_INT_TEXT_MAX + 4] = "db.";

		if (!sum->has_keys[db])
			continue;
		number_format_int(name + 3, db);
		kv_reply_text(c->reply, name);
		kv_reply_map(c->reply, 3);
		number(c, "overhead.hashtable.main", sum->index_bytes[db]);
		number(c, "overhead.hashtable.expires", 0);
		number(c, "overhead.hashtable.slot-to-keys", 0);
	}
}

void kv_cmd_memory_stats(struct kv_call *c)
{
	struct totals sum = {.used_bytes = 0};
	uint64_t dataset;

	sum_up(c->w, &sum);
	dataset = sum.used_bytes - MIN_OF(sum.used_bytes, sum.overhead_bytes);
	kv_reply_map(c->reply, NUMBERS + sum.n_dbs);
	number(c, "peak.allocated", sum.peak_bytes);
	number(c, "total.allocated", sum.used_bytes);
	number(c, "startup.allocated", 0);
	number(c, "replication.backlog", 0);
	number(c, "clients.slaves", 0);
	number(c, "clients.normal", 0);
	number(c, "cluster.links", 0);
	number(c, "aof.buffer", 0);
	number(c, "lua.caches", 0);
	number(c, "functions.caches", 0);
	databases(c, &sum);
	number(c, "overhead.total", sum.overhead_bytes);
	number(c, "keys.count", sum.keys);
	number(c, "keys.bytes-per-key", sum.keys ? sum.used_bytes / sum.keys : 0);
	number(c, "dataset.bytes", dataset);
	percent(c, "dataset.percentage", dataset, sum.used_bytes);
	percent(c, "peak.percentage", sum.used_bytes, sum.peak_bytes);
	number(c, "allocator.allocated", sum.used_bytes);
}
