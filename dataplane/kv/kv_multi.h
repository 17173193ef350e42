/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Transactions: commands that wait for EXEC, kept with copies of their arguments. MULTI, EXEC and
 * DISCARD are built on it. Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_MULTI_H
#define DATAPLANE_KV_KV_MULTI_H

#include "dataplane/kv/kv_command.h"

struct kv_queued {
	struct kv_queued *next;
	const struct kv_command *command;
	uint32_t argc;
	struct resp_arg argv[]; /* their bytes follow */
};

struct kv_multi {
	struct kv_queued *first;
	struct kv_queued *last;
	uint32_t n;
	uint32_t flags; /* of all commands, or-ed */
	uint64_t bytes; /* of arguments: counted in CLIENT LIST's multi-mem */
};

/* Queues a command of @c, whose flag KV_CLIENT_MULTI is set. Once one has failed (DIRTY flags)
 * nothing is kept. 0 or -ENOMEM. */
int kv_multi_queue(struct worker *w, struct kv_client *c, const struct kv_call *call);

/* Forgets what is queued and clears the client's flags MULTI and DIRTY_*. Watches are the
 * business of WATCH. */
void kv_multi_discard(struct worker *w, struct kv_client *c);

/* Frees what EXEC took out of its client before running it. */
void kv_multi_free(struct worker *w, struct kv_multi *m);

#endif
