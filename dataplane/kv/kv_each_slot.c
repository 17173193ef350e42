/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a program reads the slot of records. What registers may be is followed once through the
 * instructions, whose jumps only go forward, as lib/task/task_check.h does; what is not understood
 * counts as reading it. Pure functions. Thread: any.
 */
#include <string.h>

#include "dataplane/kv/kv_each.h"
#include "lib/task/task_check.h"

#define SLOT_START  ((int32_t)offsetof(struct braid_each, slot))
#define SLOT_END    (SLOT_START + (int32_t)sizeof(uint32_t))
#define CALLER_KEPT 0x03c0 /* r6 to r9 */

/* Registers, by bit, that may point into the context. One may be in several of them. */
struct pointers {
	uint16_t start;  /* to its start */
	uint16_t above;  /* to its start or above it */
	uint16_t behind; /* behind the slot */
};

/* A walk through the instructions. */
struct follow {
	struct pointers now;
	struct pointers at[TASK_INSNS_MAX]; /* what jumps bring along */
};

static inline bool has(uint16_t set, uint32_t reg)
{
	return set >> reg & 1;
}

static bool points(const struct pointers *p, uint32_t reg)
{
	return has(p->start | p->above | p->behind, reg);
}

static void forget(struct pointers *p, uint32_t reg)
{
	uint16_t others = (uint16_t) ~(1u << reg);

	p->start &= others;
	p->above &= others;
	p->behind &= others;
}

/* @reg may be what @other is, too. */
static void join_register(struct pointers *p, uint32_t reg, uint32_t other)
{
	p->start |= (uint16_t)(has(p->start, other) << reg);
	p->above |= (uint16_t)(has(p->above, other) << reg);
	p->behind |= (uint16_t)(has(p->behind, other) << reg);
}

static void join(struct pointers *to, const struct pointers *from)
{
	to->start |= from->start;
	to->above |= from->above;
	to->behind |= from->behind;
}

/* Whether a load by @i may be of the slot. */
static bool loads_slot(const struct pointers *p, const struct task_insn *i)
{
	if (has(p->start, i->src) && i->off < SLOT_END &&
		i->off + (int32_t)task_insn_bytes(i) > SLOT_START)
		return true;
	return (has(p->above, i->src) && i->off < SLOT_END) ||
	       (has(p->behind, i->src) && i->off < 0);
}

/* An addition to a pointer. False: it is not understood. */
static bool add(struct pointers *p, const struct task_insn *i)
{
	if (task_insn_by_register(i)) {
		bool above = has(p->start | p->above, i->dst) || has(p->start | p->above, i->src);
		bool behind = has(p->behind, i->dst) || has(p->behind, i->src);

		forget(p, i->dst);
		p->above |= (uint16_t)(above << i->dst);
		p->behind |= (uint16_t)(behind << i->dst);
		return true;
	}
	if (i->imm < SLOT_END)
		return false;
	forget(p, i->dst);
	p->behind |= (uint16_t)(1u << i->dst);
	return true;
}

/* An instruction that calculates. False: it is not understood. */
static bool calculate(struct pointers *p, const struct task_insn *i)
{
	bool by_pointer = task_insn_by_register(i) && points(p, i->src);
	bool is_wide = task_insn_class(i) == TASK_ALU64;

	if (task_insn_op(i) == TASK_MOV) {
		forget(p, i->dst);
		if (by_pointer && is_wide)
			join_register(p, i->dst, i->src);
		return !by_pointer || is_wide;
	}
	if (!by_pointer && !points(p, i->dst))
		return true;
	return is_wide && task_insn_op(i) == TASK_ADD && add(p, i);
}

/* A call: what the helper reads is named by numbers, which are not followed. */
static bool call(struct pointers *p, const struct task_insn *i)
{
	const struct task_helper *h;

	if (i->imm < 1 || i->imm > BRAID_HELPERS_MAX)
		return false;
	h = &task_helpers[i->imm];
	for (unsigned a = 0; a < TASK_HELPER_ARGS_MAX; a++)
		if (h->args[a] == BRAID_ARG_READ)
			return false;
	p->start &= CALLER_KEPT;
	p->above &= CALLER_KEPT;
	p->behind &= CALLER_KEPT;
	return true;
}

/* Jumps: what is there after @i, number @n. False: it is not understood. */
static bool jump(
	const struct task_function *f, struct follow *w, const struct task_insn *i, uint32_t n)
{
	uint32_t op = task_insn_op(i), target = n + 1 + (uint32_t)(int32_t)i->off;

	if (op == TASK_CALL)
		return call(&w->now, i);
	if (op != TASK_EXIT) {
		if (i->off < 0 || target >= f->n_insns)
			return false;
		join(&w->at[target], &w->now);
	}
	if (op == TASK_EXIT || op == TASK_JA)
		w->now = (struct pointers){.start = 0};
	return true;
}

/* One instruction. False: it may read the slot, or is not understood. */
static bool step(const struct task_function *f, struct follow *w, uint32_t n)
{
	const struct task_insn *i = &f->insns[n];

	switch (task_insn_class(i)) {
	case TASK_LD:
		forget(&w->now, i->dst);
		return true;
	case TASK_LDX:
		if (loads_slot(&w->now, i))
			return false;
		forget(&w->now, i->dst);
		return true;
	case TASK_ST:
		return true;
	case TASK_STX:
		return !points(&w->now, i->src);
	case TASK_ALU:
	case TASK_ALU64:
		return calculate(&w->now, i);
	case TASK_JMP:
		return jump(f, w, i, n);
	case TASK_JMP32:
		break;
	}
	return false;
}

bool kv_each_reads_slot(const struct task_function *f)
{
	struct follow w = {.now.start = 1 << 1};

	if (f->n_insns > TASK_INSNS_MAX)
		return true;
	for (uint32_t n = 0; n < f->n_insns; n++) {
		join(&w.now, &w.at[n]);
		if (!step(f, &w, n))
			return true;
		n += f->insns[n].code == TASK_LD_IMM64;
	}
	return false;
}
