/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory for what clients have under way: incomplete commands, replies that wait, transactions. It
 * comes from the arena of the shard, so that it counts as used; a reserve of small pieces keeps
 * short commands going when the arena is full. Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_MEMORY_H
#define DATAPLANE_KV_KV_MEMORY_H

#include "dataplane/kv/kv_shard.h"

#define KV_RESERVE_PIECES      512
#define KV_RESERVE_PIECE_BYTES 2048

/* Pieces in reserve; lies in struct kv_worker. */
struct kv_reserve {
	uint8_t *bytes; /* [KV_RESERVE_PIECES][KV_RESERVE_PIECE_BYTES] */
	void *free;     /* a list through the pieces */
	uint32_t n_free;
};

/* Takes the reserve's memory. 0 or -ENOMEM. Main thread. */
int kv_reserve_init(struct kv_reserve *r);

/* Frees it. Main thread. */
void kv_reserve_fini(struct kv_reserve *r);

/* @bytes of memory, or NULL: the client that needs them must go. Freed with kv_memory_free by the
 * same worker. */
void *kv_memory_alloc(struct worker *w, uint64_t bytes);

/* The same, and keys are evicted for it as the policy lets: not while an item is looked at. */
void *kv_memory_alloc_evicting(struct worker *w, uint64_t bytes);

/* Gives it back; NULL is allowed. */
void kv_memory_free(struct worker *w, void *p);

#endif
