/* SPDX-License-Identifier: BSD-3-Clause */
/* Settings, start and end of programs and jobs. Thread: main; the settings: any. */
#include "dataplane/task/task_compile.h"
#include "dataplane/task/task_request.h"

static struct task_settings settings;

void task_settings_default(struct task_settings *s)
{
	*s = (struct task_settings){
		.jobs_max = 64,
		.jobs_per_client = 16,
		.quota_percent = 100,
		.result_bytes_max = 64ULL << 20,
		.result_ttl_s = 3600,
		.grace_s = 60,
	};
}

const struct task_settings *task_settings(void)
{
	return &settings;
}

/* Children run on any CPU that no worker has. */
static void place_children(struct task_compile_setup *setup, const struct conf_node *node)
{
	for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
		CPU_SET(cpu, &setup->cpus);
	for (uint16_t i = 0; i < node->n_workers; i++)
		CPU_CLR(node->workers[i], &setup->cpus);
}

int task_init(const struct conf *conf, struct base_error *err)
{
	const struct conf_compute *c = &conf->compute;
	struct task_compile_setup setup;

	settings = (struct task_settings){
		.quantum_ns = c->quantum_us * (uint32_t)NSEC_PER_USEC,
		.jobs_max = c->jobs,
		.jobs_per_client = c->jobs_per_client,
		.quota_percent = c->quota_percent,
		.result_bytes_max = c->result_bytes,
		.result_ttl_s = c->result_ttl_ms / 1000,
		.grace_s = c->grace_ms / 1000,
	};
	task_compile_setup_default(&setup);
	place_children(&setup, &conf->node);
	task_compile_setup_set(&setup);
	return task_libraries_init(err);
}

void task_fini(void)
{
	task_requests_fini();
	task_libraries_fini();
}
