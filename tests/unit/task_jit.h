/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs compiled by librte_bpf, as a struct task_compiler, after task_lower has written them the
 * way its verifier knows. What it refuses all the same is not compared. One thread.
 */
#ifndef TESTS_UNIT_TASK_JIT_H
#define TESTS_UNIT_TASK_JIT_H

#include <rte_log.h>

#include "dataplane/task/task_jit.h"
#include "lib/task/task_lower.h"
#include "tests/unit/task_rig.h"

struct task_jit_rig {
	struct task_jit jit;
	struct task_jit_code code;
};

/* What all programs of the rig may call and read. */
static inline void task_jit_world(struct task_jit_world *world, const uint8_t *rodata)
{
	*world = (struct task_jit_world){.rodata = (uintptr_t)rodata,
		.rodata_len = TASK_GENERATED_RODATA,
		.n_helpers = BRAID_HELPERS_MAX};
	for (uint32_t n = 1; n <= BRAID_HELPERS_MAX; n++) {
		struct task_jit_helper *h = &world->helpers[n - 1];

		h->address = (uintptr_t)task_helpers[n].call;
		while (h->n_args < TASK_HELPER_ARGS_MAX &&
			task_helpers[n].args[h->n_args] != BRAID_ARG_NONE)
			h->n_args++;
	}
}

/* Writes the program to @out; how many instructions it has then. */
static inline uint32_t task_jit_lower(
	const struct task_generated *g, bool is_masked, struct task_insn *out)
{
	struct task_function f = {
		.name = "program", .kind = g->kind, .n_insns = g->n, .insns = g->insns};
	struct task_verdict v;

	BRAID_ASSERT(task_check(&f, TASK_GENERATED_RODATA, &v));
	return is_masked ? task_lower_masked(&f, &v, out) : task_lower(&f, &v, out);
}

static inline uint64_t (
	*task_jit_take(void *arg, const struct task_generated *g, const uint8_t *rodata))(void *ctx)
{
	static struct task_insn insns[TASK_LOWERED_MAX(TASK_GENERATED_MAX + 8)];
	struct task_jit_rig *rig = arg;
	struct task_jit_program p = {.insns = insns, .ctx_bytes = task_layouts[g->kind].bytes};
	struct task_jit_world world;

	task_jit_world(&world, rodata);
	for (int is_masked = 0; is_masked < 2; is_masked++) {
		p.n_insns = task_jit_lower(g, is_masked, insns);
		if (task_jit_compile(&rig->jit, &world, &p, &rig->code) == 0)
			return rig->code.jit.func;
	}
	return NULL;
}

static inline void task_jit_release(void *arg)
{
	struct task_jit_rig *rig = arg;

	rte_bpf_destroy(rig->code.bpf);
}

/* A compiler; nothing is printed about what it refuses. */
static inline struct task_compiler task_jit_compiler(struct task_jit_rig *rig)
{
	rte_log_set_global_level(RTE_LOG_EMERG);
	return (struct task_compiler){
		.compile = task_jit_take, .release = task_jit_release, .arg = rig};
}

#endif
