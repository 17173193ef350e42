/* SPDX-License-Identifier: BSD-3-Clause */
/* Programs as librte_bpf takes them; see task_lower.h. Any thread. */
#include "lib/task/task_lower.h"

#define SWAPPED_INSNS 4

static bool is_swapped(const struct task_verdict *v, uint32_t at)
{
	return v->swapped[at / 8] >> at % 8 & 1;
}

/* How many instructions the one at @i becomes. */
static uint32_t length(const struct task_verdict *v, uint32_t i, bool is_masked)
{
	return (is_swapped(v, i) ? SWAPPED_INSNS : 1) + (is_masked && v->index_bits[i] > 0);
}

/* Where each instruction comes to lie. */
static uint32_t place_all(const struct task_function *f, const struct task_verdict *v,
	bool is_masked, uint16_t place[TASK_INSNS_MAX])
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < f->n_insns; i++) {
		place[i] = (uint16_t)n;
		n += length(v, i, is_masked);
	}
	return n;
}

/* The register that holds the index keeps its @bits bits, which are all that it has. */
static void put_mask(struct task_insn *out, uint8_t index, uint8_t bits)
{
	BRAID_ASSERT(bits < 31);
	*out = (struct task_insn){
		.code = TASK_OP(TASK_AND, TASK_ALU64), .dst = index & 15, .imm = (1 << bits) - 1};
}

/* number += pointer: keep the pointer, move it, take it, restore it. */
static void put_swapped(struct task_insn *out, const struct task_insn *i)
{
	const uint8_t slot = TASK_MODE_MEM | 0x18; /* 8 bytes */

	out[0] = (struct task_insn){.code = TASK_STX | slot,
		.dst = TASK_FRAME,
		.src = i->src,
		.off = -TASK_STACK_BYTES};
	out[1] = (struct task_insn){.code = i->code, .dst = i->src, .src = i->dst};
	out[2] = (struct task_insn){.code = TASK_OP(TASK_MOV, TASK_ALU64 | TASK_BY_REGISTER),
		.dst = i->dst,
		.src = i->src};
	out[3] = (struct task_insn){.code = TASK_LDX | slot,
		.dst = i->src,
		.src = TASK_FRAME,
		.off = -TASK_STACK_BYTES};
}

static bool is_jump(const struct task_insn *i)
{
	return task_insn_class(i) == TASK_JMP && task_insn_op(i) != TASK_CALL &&
	       task_insn_op(i) != TASK_EXIT;
}

static inline uint32_t lower(const struct task_function *f, const struct task_verdict *v,
	bool is_masked, struct task_insn *out)
{
	uint16_t place[TASK_INSNS_MAX];
	uint32_t n;

	BRAID_ASSERT(v->rule == TASK_ACCEPTED && f->n_insns <= TASK_INSNS_MAX);
	n = place_all(f, v, is_masked, place);
	for (uint32_t i = 0; i < f->n_insns; i++) {
		const struct task_insn *insn = &f->insns[i];
		struct task_insn *at = out + place[i];

		if (is_masked && v->index_bits[i] > 0)
			put_mask(at++, is_swapped(v, i) ? insn->dst : insn->src, v->index_bits[i]);
		if (is_swapped(v, i)) {
			put_swapped(at, insn);
			continue;
		}
		*at = *insn;
		if (is_jump(insn))
			at->off = (int16_t)(place[i + 1 + (uint32_t)insn->off] - place[i] - 1);
		if (insn->code == TASK_LD_IMM64 && i + 1 < f->n_insns) {
			i++;
			out[place[i]] = f->insns[i];
		}
	}
	return n;
}

uint32_t task_lower(
	const struct task_function *f, const struct task_verdict *v, struct task_insn *out)
{
	return lower(f, v, false, out);
}

uint32_t task_lower_masked(
	const struct task_function *f, const struct task_verdict *v, struct task_insn *out)
{
	return lower(f, v, true, out);
}

uint32_t task_lower_origin(const struct task_function *f, const struct task_verdict *v, uint32_t at)
{
	uint32_t end = 0;

	for (uint32_t i = 0; i < f->n_insns; i++) {
		end += length(v, i, false);
		if (at < end)
			return i;
	}
	return f->n_insns;
}
