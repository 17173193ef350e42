/* SPDX-License-Identifier: BSD-3-Clause */
/* The node of tests/unit/task_node.h. One thread. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ring.h>

#include "dataplane/core/mailbox.h"
#include "lib/task/task_check.h"
#include "lib/task/task_interp.h"
#include "tests/sim/sim_random.h"
#include "tests/unit/task_file.h"
#include "tests/unit/task_node.h"

#define START_NS     (1000 * NSEC_PER_SEC)
#define STEP_NS      10000
#define PROGRAMS_MAX 16
#define STEPS_MAX    100000

static struct {
	unsigned n_workers;
	uint64_t now_ns;
	uint64_t cost_ns;
	struct stats_worker *stats;
	struct rte_ring *rings[WORKER_SLOTS][WORKER_SLOTS];
	struct task_object *object;
	struct task_library *library;
	uint64_t blocks;
	uint64_t bytes;
	uint32_t fail_percent;
	struct sim_random random;
} node;

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "task_node: %s\n", what);
	abort();
}

static void *get(size_t bytes)
{
	void *p = malloc(bytes);

	if (!p)
		fail("out of memory");
	return p;
}

/* --- programs --- */

/* Runs function number @n by the interpreter. */
static uint64_t run(unsigned n, void *ctx)
{
	static struct task_run r;
	const struct task_function *f = &node.object->functions[n];

	node.now_ns += node.cost_ns;
	r.insns = f->insns;
	r.n_insns = f->n_insns;
	r.rodata = node.object->rodata;
	r.rodata_len = node.object->rodata_len;
	r.frame = CONTAINER_OF(ctx, struct task_frame, ctx);
	r.steps_max = STEPS_MAX;
	if (task_interp_run(&r) != TASK_STOP_EXIT)
		fail("a program went wrong");
	return r.registers[0];
}

#define RUN(n)                                                                                     \
	static uint64_t run_##n(void *ctx)                                                         \
	{                                                                                          \
		return run(n, ctx);                                                                \
	}
RUN(0)
RUN(1)
RUN(2)
RUN(3)
RUN(4)
RUN(5)
RUN(6)
RUN(7)
RUN(8)
RUN(9)
RUN(10)
RUN(11)
RUN(12)
RUN(13)
RUN(14)
RUN(15)

static uint64_t (*const runs[PROGRAMS_MAX])(void *ctx) = {run_0, run_1, run_2, run_3, run_4, run_5,
	run_6, run_7, run_8, run_9, run_10, run_11, run_12, run_13, run_14, run_15};

static void load(void)
{
	struct task_file file = task_file_read("jobs");
	struct base_error err = {};
	struct task_library *l;
	struct task_verdict v;

	node.object = task_object_create(file.bytes, file.len, &err);
	free(file.bytes);
	if (!node.object || node.object->n_functions > PROGRAMS_MAX)
		fail(err.text);
	l = calloc(1, sizeof(*l) + PROGRAMS_MAX * sizeof(l->programs[0]));
	if (!l)
		fail("out of memory");
	base_strlcpy(l->name, "jobs", sizeof(l->name));
	l->object = node.object;
	l->n_programs = node.object->n_functions;
	for (uint32_t i = 0; i < l->n_programs; i++) {
		const struct task_function *f = &node.object->functions[i];

		if (!task_check(f, node.object->rodata_len, &v))
			fail(v.text);
		l->programs[i] = (struct task_program){.run = runs[i],
			.function = f,
			.library = l,
			.cost_max = v.cost_max,
			.result_bytes = v.result_bytes};
	}
	node.library = l;
}

const struct task_program *task_node_program(const char *name)
{
	for (uint32_t i = 0; i < node.library->n_programs; i++)
		if (strcmp(node.library->programs[i].function->name, name) == 0)
			return &node.library->programs[i];
	fail(name);
}

void task_node_cost(uint64_t ns)
{
	node.cost_ns = ns;
}

struct task_settings *task_node_settings(void)
{
	return (struct task_settings *)(uintptr_t)task_settings();
}

/* --- memory: each block knows its worker --- */

struct block_head {
	uint64_t bytes;
	const struct worker *w;
};

static void *node_alloc(struct worker *w, uint64_t bytes)
{
	struct block_head *h;

	if (node.fail_percent && sim_percent(&node.random, node.fail_percent))
		return NULL;
	h = get(sizeof(*h) + bytes);
	*h = (struct block_head){.bytes = bytes, .w = w};
	memset(h + 1, 0xa5, bytes);
	node.blocks++;
	node.bytes += bytes;
	return h + 1;
}

static void node_free(struct worker *w, void *p)
{
	struct block_head *h = (struct block_head *)p - 1;

	if (h->w != w)
		fail("memory was given back to another worker");
	node.blocks--;
	node.bytes -= h->bytes;
	memset(p, 0x5a, h->bytes);
	free(h);
}

static const struct task_memory node_memory = {.alloc = node_alloc, .free = node_free};

void task_node_memory(uint32_t percent, uint64_t seed)
{
	node.fail_percent = percent;
	node.random.state = seed;
}

uint64_t task_node_blocks(void)
{
	return node.blocks;
}

uint64_t task_node_bytes(void)
{
	return node.bytes;
}

/* --- workers --- */

static uint64_t node_cycles(struct worker *w)
{
	return node.now_ns;
}

static const struct worker_ops node_ops = {.cycles = node_cycles};

static void connect_rings(unsigned entries)
{
	size_t size = (size_t)rte_ring_get_memsize(entries);

	for (unsigned src = 0; src < node.n_workers; src++) {
		for (unsigned dst = 0; dst < node.n_workers; dst++) {
			struct rte_ring *ring;

			if (src == dst)
				continue;
			ring = aligned_alloc(CACHE_LINE_BYTES, (size + 63) & ~(size_t)63);
			if (!ring || rte_ring_init(ring, "node", entries,
					     RING_F_SP_ENQ | RING_F_SC_DEQ) != 0)
				fail("no ring");
			node.rings[src][dst] = ring;
			workers[src]->outbox[dst] = ring;
			workers[dst]->inbox[src] = ring;
		}
	}
}

void task_node_start(unsigned n_workers)
{
	task_node_start_with(n_workers, MAILBOX_ENTRIES);
}

void task_node_start_with(unsigned n_workers, unsigned ring_entries)
{
	struct base_error err = {};

	memset(&node, 0, sizeof(node));
	node.n_workers = n_workers;
	node.now_ns = START_NS;
	node.cost_ns = 100;
	node.stats = calloc(n_workers, sizeof(*node.stats));
	load();
	*task_node_settings() = (struct task_settings){
		.jobs_max = 64,
		.jobs_per_client = 64,
		.quota_percent = 100,
		.result_bytes_max = 64ULL << 20,
	};
	task_memory_set(&node_memory);
	for (unsigned i = 0; i < n_workers; i++) {
		struct worker *w = worker_create(
			(uint8_t)i, (uint8_t)n_workers, &node_ops, &node.stats[i], NULL);

		if (!w)
			fail("no worker");
		workers[i] = w;
		w->ns_per_cycle_q32 = 1ULL << 32;
		w->now_ns = node.now_ns;
		w->rng = i + 1;
		wheel_init(w->wheel, node.now_ns);
		w->wheel->ctx = w;
		if (task_worker_init(w, &err) < 0)
			fail(err.text);
	}
	connect_rings(ring_entries);
}

void task_node_stop(void)
{
	if (node.blocks != 0)
		fail("memory of jobs was lost");
	if (atomic_load(&node.library->holds) != 0)
		fail("a program is still held");
	for (unsigned i = 0; i < node.n_workers; i++) {
		task_worker_fini(workers[i]);
		worker_destroy(workers[i]);
		workers[i] = NULL;
		for (unsigned k = 0; k < node.n_workers; k++)
			free(node.rings[i][k]);
	}
	free(node.stats);
	task_node_records(NULL, 0);
	free(node.library);
	task_object_destroy(node.object);
}

uint64_t task_node_now_ns(void)
{
	return node.now_ns;
}

void task_node_pass(uint64_t ns)
{
	node.now_ns += ns;
}

unsigned task_node_turn(unsigned i)
{
	return worker_turn(workers[i]);
}

static bool has_ended(const struct task_job *job)
{
	struct task_job_status s;

	task_job_status(job, &s);
	return s.state != TASK_JOB_RUNNING;
}

void task_node_run(const struct task_job *job, uint64_t ms)
{
	uint64_t until = node.now_ns + ms * NSEC_PER_MSEC;

	while (!has_ended(job)) {
		if (node.now_ns > until)
			fail("the job does not end");
		for (unsigned i = 0; i < node.n_workers; i++)
			task_node_turn(i);
		node.now_ns += STEP_NS;
	}
}

void task_node_run_ms(uint64_t ms)
{
	uint64_t until = node.now_ns + ms * NSEC_PER_MSEC;

	while (node.now_ns < until) {
		for (unsigned i = 0; i < node.n_workers; i++)
			task_node_turn(i);
		node.now_ns += STEP_NS;
	}
}
