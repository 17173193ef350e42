/* SPDX-License-Identifier: BSD-3-Clause */
/* INFO's section of jobs: sums over all workers. Thread: worker. */
#include "dataplane/kv/kv_info.h"
#include "dataplane/kv/kv_job.h"

/* Adds the numbers of @from. */
static void add(struct kv_jobs *sum, const struct kv_jobs *from)
{
	const uint64_t *p = (const uint64_t *)&from->stats;
	uint64_t *out = (uint64_t *)&sum->stats;

	for (size_t i = 0; i < sizeof(sum->stats) / sizeof(*p); i++)
		out[i] += __atomic_load_n(&p[i], __ATOMIC_RELAXED);
	sum->n += __atomic_load_n(&from->n, __ATOMIC_RELAXED);
	sum->n_kept += __atomic_load_n(&from->n_kept, __ATOMIC_RELAXED);
	sum->kept_bytes += __atomic_load_n(&from->kept_bytes, __ATOMIC_RELAXED);
}

void kv_info_compute(struct kv_call *c, struct kv_text *t)
{
	const struct task_libraries *libraries = task_libraries();
	const struct kv_jobs_stats *s;
	struct kv_jobs sum = {.n = 0};

	for (unsigned i = 0; i < c->w->n_workers; i++) {
		const struct kv_worker *kv = kv_info_part(c->w, i);

		if (kv)
			add(&sum, kv->jobs);
	}
	s = &sum.stats;
	kv_text_add(t,
		"compute_libraries:%u\r\ncompute_functions:%u\r\njobs_running:%u\r\n"
		"jobs_kept:%u\r\njobs_kept_bytes:%lu\r\njobs_started:%lu\r\njobs_done:%lu\r\n"
		"jobs_failed:%lu\r\njobs_cancelled:%lu\r\njobs_busy:%lu\r\njobs_dropped:%lu\r\n",
		libraries->n, libraries->n_programs, sum.n - sum.n_kept, sum.n_kept,
		(unsigned long)sum.kept_bytes, (unsigned long)s->started, (unsigned long)s->done,
		(unsigned long)s->failed, (unsigned long)s->cancelled, (unsigned long)s->busy,
		(unsigned long)s->dropped);
	kv_text_add(t,
		"job_items:%lu\r\njob_records:%lu\r\njob_results:%lu\r\njob_faults:%lu\r\n"
		"job_cycles:%lu\r\njob_chunks_stolen:%lu\r\njob_chunks_again:%lu\r\n",
		(unsigned long)s->items, (unsigned long)s->records, (unsigned long)s->results,
		(unsigned long)s->faults, (unsigned long)s->cycles, (unsigned long)s->stolen,
		(unsigned long)s->again);
}
