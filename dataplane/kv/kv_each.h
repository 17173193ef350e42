/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Records of the store as what jobs run over: each worker visits those of its own shard, chunk by
 * chunk; a chunk is one of TASK_RECORD_CHUNKS equal parts of all hashes. Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_EACH_H
#define DATAPLANE_KV_KV_EACH_H

#include "dataplane/kv/kv_item.h"
#include "dataplane/task/task.h"

/* Which records, as the select of a job (struct task_spec). */
struct kv_each {
	struct resp_arg match; /* a glob for keys; no bytes: all */
	uint16_t first_slot;
	uint16_t last_slot;
	uint8_t db;
	bool has_slots;  /* only keys of these slots */
	bool wants_slot; /* the program may read the slot */
	bool is_empty;   /* of a type that no record has */
};

/* Visits them. */
extern const struct task_source kv_each_source;

/* Whether the program may read the slot of a record, whose calculation takes as long as many a
 * program: false only when it surely does not. Linear in its instructions. */
bool kv_each_reads_slot(const struct task_function *f);

#endif
