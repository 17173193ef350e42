/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Long commands: those whose functions said "unfinished" go on as tasks, with copies of their
 * arguments, while others are served. Their client reads no further command meanwhile, and they
 * wait for it when it does not read its replies. Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_LONG_H
#define DATAPLANE_KV_KV_LONG_H

#include "dataplane/kv/kv_command.h"

/* Makes the rest of @call, which is unfinished, a long command of its client. 0 or -ENOMEM: it has
 * been cancelled. */
int kv_long_start(const struct kv_call *call);

/* Drops the long command of @c, if any. */
void kv_long_cancel(struct worker *w, struct kv_client *c);

/* Calls the function of the long command of @c, if any, soon: it waits no longer for its wake_ms.
 */
void kv_long_wake(struct worker *w, struct kv_client *c);

/* The client has read its replies. */
void kv_long_go_on(struct worker *w, struct kv_client *c);

/* Runs the rest of @call, which is unfinished, at once. */
void kv_long_finish(struct kv_call *call);

#endif
