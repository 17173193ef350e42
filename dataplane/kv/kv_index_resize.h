/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of an index share. Thread: worker, the owner. */
#ifndef DATAPLANE_KV_KV_INDEX_RESIZE_H
#define DATAPLANE_KV_KV_INDEX_RESIZE_H

#include "dataplane/kv/kv_index.h"

/* Puts @ref where @hash wants it, counting no change; 0 or -ENOMEM. */
int kv_index_put(struct kv_index *ix, uint64_t hash, uint32_t ref);

/* Takes it out, counting no change. */
void kv_index_take(struct kv_index *ix, const struct kv_place *at);

/* Makes segment @segment, empty; false: no memory. */
bool kv_index_segment_add(struct kv_index *ix, uint32_t segment);

/* Gives it back, if it is there. */
void kv_index_segment_del(struct kv_index *ix, uint32_t segment);

#endif
