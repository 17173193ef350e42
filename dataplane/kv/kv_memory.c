/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory for what clients have under way. Thread: worker. */
#include "dataplane/kv/kv_memory.h"
#include "dataplane/kv/kv_worker.h"

void *kv_memory_alloc(struct worker *w, uint64_t bytes)
{
	struct kv_reserve *r = &w->kv->reserve;
	void *p = kv_shard_alloc(w->kv->shard, bytes);

	if (p || bytes > KV_RESERVE_PIECE_BYTES || !r->free)
		return p;
	p = r->free;
	r->free = *(void **)p;
	r->n_free--;
	return p;
}

void *kv_memory_alloc_evicting(struct worker *w, uint64_t bytes)
{
	void *p = kv_memory_alloc(w, bytes);

	return LIKELY(p != NULL) ? p : kv_shard_alloc_evicting(w->kv->shard, bytes);
}

void kv_memory_free(struct worker *w, void *p)
{
	struct kv_reserve *r = &w->kv->reserve;
	uintptr_t offset = (uintptr_t)p - (uintptr_t)r->bytes;

	if (offset >= (uintptr_t)KV_RESERVE_PIECES * KV_RESERVE_PIECE_BYTES) {
		if (p)
			kv_shard_free(w->kv->shard, p);
		return;
	}
	*(void **)p = r->free;
	r->free = p;
	r->n_free++;
}
