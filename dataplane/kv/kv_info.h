/* SPDX-License-Identifier: BSD-3-Clause */
/* INFO's sections; each adds its lines, of all workers together. Thread: worker. */
#ifndef DATAPLANE_KV_KV_INFO_H
#define DATAPLANE_KV_KV_INFO_H

#include "dataplane/kv/kv_admin.h"
#include "dataplane/kv/kv_text.h"

/* The sum over all workers of the counter at @offset of their struct kv_stats. */
uint64_t kv_info_sum(const struct worker *w, size_t offset);
#define KV_INFO_SUM(w, field) kv_info_sum(w, offsetof(struct kv_stats, field))

/* The part of the store of worker @i, or NULL. */
const struct kv_worker *kv_info_part(const struct worker *w, unsigned i);

/* The sections. */
#define KV_INFO_SECTION(name) void kv_info_##name(struct kv_call *c, struct kv_text *t);
KV_INFO_SECTION(server)
KV_INFO_SECTION(clients)
KV_INFO_SECTION(memory)
KV_INFO_SECTION(persistence)
KV_INFO_SECTION(stats)
KV_INFO_SECTION(replication)
KV_INFO_SECTION(cpu)
KV_INFO_SECTION(modules)
KV_INFO_SECTION(commandstats)
KV_INFO_SECTION(errorstats)
KV_INFO_SECTION(latencystats)
KV_INFO_SECTION(cluster)
KV_INFO_SECTION(keyspace)
KV_INFO_SECTION(compute)
#undef KV_INFO_SECTION

#endif
