/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Programs compiled by librte_bpf, as a struct task_compiler, after task_lower has written them the
 * way its verifier knows. What it refuses all the same is not compared. One thread.
 */
#ifndef TESTS_UNIT_TASK_JIT_H
#define TESTS_UNIT_TASK_JIT_H

#include <rte_bpf.h>
#include <rte_log.h>

#include "lib/task/task_lower.h"
#include "tests/unit/task_rig.h"

#define TASK_JIT_SYMBOLS_MAX 64

_Static_assert(sizeof(struct ebpf_insn) == sizeof(struct task_insn), "the same instructions");

struct task_jit {
	struct rte_bpf *bpf;
	struct rte_bpf_xsym symbols[TASK_JIT_SYMBOLS_MAX];
	uint32_t n_symbols;
};

/* Names a place in the constants, of which @len bytes follow. */
static inline void task_jit_constant(struct task_jit *jit, const uint8_t *place, size_t len)
{
	if (jit->n_symbols == TASK_JIT_SYMBOLS_MAX || len == 0)
		return;
	jit->symbols[jit->n_symbols++] = (struct rte_bpf_xsym){
		.name = "constants",
		.type = RTE_BPF_XTYPE_VAR,
		.var = {.val = (void *)(uintptr_t)place,
			.desc = {.type = RTE_BPF_ARG_PTR, .size = len}},
	};
}

/* Helpers by their number less one: the context, then numbers. */
static inline void task_jit_helpers(struct task_jit *jit, enum task_kind kind)
{
	for (uint32_t n = 1; n <= BRAID_HELPERS_MAX; n++) {
		struct rte_bpf_xsym *s = &jit->symbols[n - 1];
		uint32_t a;

		*s = (struct rte_bpf_xsym){
			.name = task_helpers[n].name,
			.type = RTE_BPF_XTYPE_FUNC,
			.func = {.val = task_helpers[n].call,
				.ret = {.type = RTE_BPF_ARG_RAW, .size = sizeof(uint64_t)}},
		};
		for (a = 0; a < 5 && task_helpers[n].args[a] != BRAID_ARG_NONE; a++)
			s->func.args[a] = (struct rte_bpf_arg){
				.type = RTE_BPF_ARG_RAW, .size = sizeof(uint64_t)};
		s->func.args[0] = (struct rte_bpf_arg){
			.type = RTE_BPF_ARG_PTR, .size = task_layouts[kind].bytes};
		s->func.nb_args = a;
	}
	jit->n_symbols = BRAID_HELPERS_MAX;
}

/* Writes the program to @out; how many instructions it has then. */
static inline uint32_t task_jit_lower(const struct task_generated *g, struct task_insn *out)
{
	struct task_function f = {
		.name = "program", .kind = g->kind, .n_insns = g->n, .insns = g->insns};
	struct task_verdict v;

	BRAID_ASSERT(task_check(&f, TASK_GENERATED_RODATA, &v));
	return task_lower(&f, &v, out);
}

static inline uint64_t (*task_jit_compile(
	void *arg, const struct task_generated *g, const uint8_t *rodata))(void *ctx)
{
	static struct task_insn insns[TASK_LOWERED_MAX(TASK_GENERATED_MAX + 8)];
	uint32_t n;
	struct task_jit *jit = arg;
	struct rte_bpf_jit code = {.func = NULL};
	struct rte_bpf_prm program = {
		.ins = (const struct ebpf_insn *)insns,
		.xsym = jit->symbols,
		.prog_arg = {.type = RTE_BPF_ARG_PTR, .size = task_layouts[g->kind].bytes},
	};

	task_jit_helpers(jit, g->kind);
	n = task_jit_lower(g, insns);
	program.nb_ins = n;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t place = (uintptr_t)rodata + (uint32_t)insns[i].imm;

		if (insns[i].code == TASK_OP(TASK_CALL, TASK_JMP))
			insns[i].imm--;
		if (insns[i].code != TASK_LD_IMM64)
			continue;
		if (insns[i].src == TASK_IMM_RODATA) {
			task_jit_constant(jit, rodata + insns[i].imm,
				TASK_GENERATED_RODATA - (size_t)insns[i].imm);
			insns[i].src = 0;
			insns[i].imm = (int32_t)place;
			insns[i + 1].imm = (int32_t)(place >> 32);
		}
		i++;
	}
	program.nb_xsym = jit->n_symbols;
	jit->bpf = rte_bpf_load(&program);
	if (!jit->bpf)
		return NULL;
	if (rte_bpf_get_jit(jit->bpf, &code) == 0 && code.func)
		return code.func;
	rte_bpf_destroy(jit->bpf);
	return NULL;
}

static inline void task_jit_release(void *arg)
{
	struct task_jit *jit = arg;

	rte_bpf_destroy(jit->bpf);
}

/* A compiler; nothing is printed about what it refuses. */
static inline struct task_compiler task_jit_compiler(struct task_jit *jit)
{
	rte_log_set_global_level(RTE_LOG_EMERG);
	return (struct task_compiler){
		.compile = task_jit_compile, .release = task_jit_release, .arg = jit};
}

#endif
