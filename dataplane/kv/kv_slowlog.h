/* SPDX-License-Identifier: BSD-3-Clause */
/* SLOWLOG: the commands that took longest lately, newest first. Thread: worker. */
#ifndef DATAPLANE_KV_KV_SLOWLOG_H
#define DATAPLANE_KV_KV_SLOWLOG_H

#include <stdatomic.h>

#include "dataplane/kv/kv_command.h"

#define KV_SLOWLOG_MAX   1024 /* slowlog-max-len cannot make it longer */
#define KV_SLOWLOG_COUNT 10   /* SLOWLOG GET without a number */

struct kv_slow;

/* Lies in struct kv_admin. */
struct kv_slowlog {
	struct kv_slow *first;    /* the newest */
	_Atomic uint64_t next_id; /* behind its own newest; other workers read it */
	uint32_t n;
	uint32_t max;
};

/* Keeps @call, which took @us. Without memory it is left out. */
void kv_slowlog_add(const struct kv_call *call, uint64_t us);

/* Forgets the oldest ones above @max. */
void kv_slowlog_trim(struct worker *w, uint32_t max);

#endif
