/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens between a command's arrival and its function: existence, arity, authentication,
 * memory, transactions, pauses, counters; the sentences are Redis's. Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_EXEC_H
#define DATAPLANE_KV_KV_EXEC_H

#include "dataplane/kv/kv_command.h"
#include "dataplane/kv/kv_worker.h"

enum kv_exec_result {
	KV_EXEC_DONE, /* answered, queued, or under way somewhere: read on */
	KV_EXEC_WAIT, /* not now: offer it again; the client has a reason in its waits */
};

/* Runs one command of a client and answers to kv->reply, which is the client's. */
enum kv_exec_result kv_exec(struct worker *w, struct kv_parsed *p);

/* Whether the worker has used up its memory and must not evict: commands that need more fail. */
bool kv_exec_is_full(const struct worker *w);

/* Shares the time since the clock was last read among the brief calls since then: after a batch. */
void kv_exec_time_brief(struct worker *w);

/* Calls the function of @c and counts it. */
void kv_exec_call(struct kv_call *c);

#endif
