/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands whose reply is the outcome of a job: FEACH, and FMAP of many items. They are long
 * commands, which sleep while the job goes on. Thread: worker.
 */
#ifndef DATAPLANE_KV_KV_COMPUTE_H
#define DATAPLANE_KV_KV_COMPUTE_H

#include "dataplane/kv/kv_job.h"

/*
 * Makes the reply of @c, a command that runs at its client, out of a job: called by its function
 * with what is to be done, whose items are arguments of the call, and then for every further piece,
 * @c->cancel included, with NULL; pieces are those with @c->resume. The job is submitted in the
 * second one, when the arguments stay. In @spec only what is to be done counts.
 */
void kv_compute_call(struct kv_call *c, const struct task_spec *spec);

/* The same of a call whose arguments stay already: records, as @ask says. */
void kv_compute_ask(struct kv_call *c, const struct kv_ask *ask);

#endif
