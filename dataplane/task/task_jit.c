/* SPDX-License-Identifier: BSD-3-Clause */
/* Driving librte_bpf; see task_jit.h. Thread: any. */
#include <errno.h>
#include <string.h>

#include <rte_errno.h>

#include "dataplane/task/task_jit.h"

_Static_assert(sizeof(struct ebpf_insn) == sizeof(struct task_insn), "the same instructions");

static void name_helpers(struct task_jit *jit, const struct task_jit_world *world, uint32_t bytes)
{
	for (uint32_t n = 0; n < world->n_helpers; n++) {
		const struct task_jit_helper *h = &world->helpers[n];
		struct rte_bpf_xsym *s = &jit->symbols[n];

		*s = (struct rte_bpf_xsym){
			.name = "helper",
			.type = RTE_BPF_XTYPE_FUNC,
			.func = {.nb_args = h->n_args,
				.ret = {.type = RTE_BPF_ARG_RAW, .size = sizeof(uint64_t)}},
		};
		memcpy(&s->func.val, &h->address, sizeof(s->func.val));
		for (uint32_t a = 0; a < h->n_args; a++)
			s->func.args[a] = (struct rte_bpf_arg){
				.type = RTE_BPF_ARG_RAW, .size = sizeof(uint64_t)};
		s->func.args[0] = (struct rte_bpf_arg){.type = RTE_BPF_ARG_PTR, .size = bytes};
	}
	jit->n_symbols = world->n_helpers;
}

/* Names a place in the constants, of which @len bytes follow. False: there are too many. */
static bool name_constant(struct task_jit *jit, uint64_t place, uint32_t len)
{
	for (uint32_t i = jit->n_symbols; i > 0; i--) {
		const struct rte_bpf_xsym *s = &jit->symbols[i - 1];

		if (s->type == RTE_BPF_XTYPE_VAR && (uintptr_t)s->var.val == place)
			return true;
	}
	if (jit->n_symbols == TASK_JIT_SYMBOLS_MAX)
		return false;
	jit->symbols[jit->n_symbols++] = (struct rte_bpf_xsym){
		.name = "constants",
		.type = RTE_BPF_XTYPE_VAR,
		.var = {.val = (void *)(uintptr_t)place,
			.desc = {.type = RTE_BPF_ARG_PTR, .size = len}},
	};
	return true;
}

/* Puts addresses and numbers of symbols into the code. */
static bool link_code(
	struct task_jit *jit, const struct task_jit_world *world, const struct task_jit_program *p)
{
	for (uint32_t i = 0; i < p->n_insns; i++) {
		struct task_insn *insn = &p->insns[i];
		uint64_t place = world->rodata + (uint32_t)insn->imm;

		if (insn->code == TASK_OP(TASK_CALL, TASK_JMP))
			insn->imm--;
		if (insn->code != TASK_LD_IMM64 || i + 1 == p->n_insns)
			continue;
		i++;
		if (insn->src != TASK_IMM_RODATA)
			continue;
		/* Behind the last byte it is a number: nothing can be read there. */
		if ((uint32_t)insn->imm < world->rodata_len &&
			!name_constant(jit, place, world->rodata_len - (uint32_t)insn->imm))
			return false;
		insn->src = TASK_IMM_NUMBER;
		insn[0].imm = (int32_t)place;
		insn[1].imm = (int32_t)(place >> 32);
	}
	return true;
}

int task_jit_compile(struct task_jit *jit, const struct task_jit_world *world,
	const struct task_jit_program *p, struct task_jit_code *code)
{
	struct rte_bpf_prm program = {
		.ins = (const struct ebpf_insn *)p->insns,
		.nb_ins = p->n_insns,
		.xsym = jit->symbols,
		.prog_arg = {.type = RTE_BPF_ARG_PTR, .size = p->ctx_bytes},
	};

	name_helpers(jit, world, p->ctx_bytes);
	if (!link_code(jit, world, p))
		return -E2BIG;
	program.nb_xsym = jit->n_symbols;
	code->bpf = rte_bpf_load(&program);
	if (!code->bpf)
		return rte_errno ? -rte_errno : -EINVAL;
	if (rte_bpf_get_jit(code->bpf, &code->jit) == 0 && code->jit.func)
		return 0;
	rte_bpf_destroy(code->bpf);
	return -ENOTSUP;
}
