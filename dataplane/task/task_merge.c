/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Merging accumulators, in the order of chunks: of ranges of hashes and, within one, of workers.
 * Chunks without records have none, so the outcome does not depend on how many workers there are.
 * Thread: worker.
 */
#include <errno.h>

#include "dataplane/task/task_job_impl.h"

int task_merge_init(struct worker *w, struct task_job *job)
{
	struct task_merger *m = task_alloc(w, sizeof(*m));

	if (!m)
		return -ENOMEM;
	job->merger = m;
	m->has_acc = m->explaining = false;
	task_exec_init(&m->exec, job->spec.merge, NULL, NULL);
	return 0;
}

/* Goes on looking for the place of a fault. */
static enum task_merge explain(struct task_merger *m)
{
	if (task_explain_step(&m->explain, &m->fault))
		return TASK_MERGE_MORE;
	m->explaining = false;
	return TASK_MERGE_FAILED;
}

enum task_merge task_merge_slot(struct task_job *job, uint32_t at)
{
	struct task_merger *m = job->merger;
	uint8_t *acc = m->exec.frame.ctx.merge.acc;
	const uint8_t *other = job->accs + (size_t)at * BRAID_ACC_BYTES;
	uint32_t range = at / job->n_parts;
	int32_t code;

	if (m->explaining)
		return explain(m);
	if (!m->has_acc) {
		memcpy(acc, other, BRAID_ACC_BYTES);
		m->has_acc = true;
		return TASK_MERGE_DONE;
	}
	memcpy(m->before, acc, BRAID_ACC_BYTES);
	code = task_exec_merge(&m->exec, range, other);
	if (code == BRAID_OK)
		return TASK_MERGE_DONE;
	memcpy(acc, m->before, BRAID_ACC_BYTES);
	m->fault = (struct task_fault){.number = range};
	task_explain_init(&m->explain, &m->exec, code);
	m->explaining = true;
	return TASK_MERGE_MORE;
}
