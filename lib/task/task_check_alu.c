/* SPDX-License-Identifier: BSD-3-Clause */
/* Arithmetic in the checker: numbers with numbers, and pointers moved by numbers. Any thread. */
#include "lib/task/task_check_impl.h"

/* The second operand: a register, or the immediate, extended by its sign. */
static struct task_value operand(const struct task_checker *c, const struct task_insn *i)
{
	if (task_insn_by_register(i))
		return c->now.registers[i->src];
	return task_value_number((uint64_t)(int64_t)i->imm);
}

static enum task_rule check_swap(struct task_value *dst, const struct task_insn *i)
{
	uint64_t max = i->imm == 64 ? UINT64_MAX : (1ULL << (i->imm & 63)) - 1;

	if (i->imm != 16 && i->imm != 32 && i->imm != 64)
		return TASK_RULE_swap_width;
	if (dst->type == TASK_UNSET)
		return TASK_RULE_unset;
	if (dst->type != TASK_NUMBER)
		return TASK_RULE_pointer_arithmetic;
	/* To little endian, this only cuts. */
	if ((i->code & TASK_SWAP) || dst->max > max)
		*dst = task_value_any((uint32_t)i->imm);
	return TASK_ACCEPTED;
}

static enum task_rule check_divisor(const struct task_insn *i, struct task_value by)
{
	/* Its code for x86 keeps only 32 bits of r0 over the division (seen with 22.11.11). */
	if (task_insn_class(i) == TASK_ALU)
		return TASK_RULE_divide_32_bit;
	if (by.max == 0)
		return TASK_RULE_divide_zero;
	return by.min == 0 ? TASK_RULE_divide_unproved : TASK_ACCEPTED;
}

static enum task_rule check_shift(const struct task_insn *i, struct task_value by)
{
	uint32_t bits = task_insn_class(i) == TASK_ALU ? 32 : 64;

	if (bits == 32)
		by = task_value_low32(by);
	if (by.min >= bits)
		return TASK_RULE_shift_wide;
	return by.max >= bits ? TASK_RULE_shift_unproved : TASK_ACCEPTED;
}

/* One of the operands is a pointer. */
static enum task_rule check_move(
	struct task_checker *c, const struct task_value *src, const struct task_insn *i)
{
	struct task_value *dst = &c->now.registers[i->dst];
	enum task_alu op = (enum task_alu)task_insn_op(i);
	struct task_value pointer = *dst, by = *src;
	enum task_move moved;

	if (task_insn_class(i) != TASK_ALU64)
		return TASK_RULE_pointer_half;
	if (op != TASK_ADD && op != TASK_SUB)
		return TASK_RULE_pointer_arithmetic;
	if (task_value_is_pointer(dst) && task_value_is_pointer(src))
		return TASK_RULE_pointer_pointer;
	if (task_value_is_pointer(src)) {
		/* Of r10 the compiler cannot borrow the register, as task_lower does. */
		if (op == TASK_SUB || i->src == TASK_FRAME)
			return TASK_RULE_pointer_arithmetic;
		c->is_swapped = true;
		pointer = *src;
		by = *dst;
	}
	moved = task_value_move(&pointer, &by, op == TASK_ADD ? 1 : -1);
	if (moved == TASK_MOVE_UNBOUNDED)
		return TASK_RULE_index_unbounded;
	if (moved == TASK_MOVE_FAR)
		return TASK_RULE_index_far;
	if (op == TASK_ADD && by.max > by.min)
		c->index_bits = (uint8_t)(64 - __builtin_clzll(by.max));
	*dst = pointer;
	return TASK_ACCEPTED;
}

enum task_rule task_check_alu(struct task_checker *c, const struct task_insn *i)
{
	enum task_alu op = (enum task_alu)task_insn_op(i);
	struct task_value *dst = &c->now.registers[i->dst], src = operand(c, i);
	enum task_rule rule = TASK_ACCEPTED;

	if (op == TASK_END)
		return check_swap(dst, i);
	if (src.type == TASK_UNSET || (op != TASK_MOV && dst->type == TASK_UNSET))
		return TASK_RULE_unset;
	if (op == TASK_MOV && task_value_is_pointer(&src)) {
		if (task_insn_class(i) != TASK_ALU64)
			return TASK_RULE_pointer_half;
		*dst = src;
		return TASK_ACCEPTED;
	}
	if (op != TASK_MOV && (task_value_is_pointer(dst) || task_value_is_pointer(&src)))
		return check_move(c, &src, i);
	if (op == TASK_DIV || op == TASK_MOD)
		rule = check_divisor(i, src);
	else if (op == TASK_LSH || op == TASK_RSH || op == TASK_ARSH)
		rule = check_shift(i, src);
	if (rule != TASK_ACCEPTED)
		return rule;
	if (op == TASK_MOV)
		*dst = task_value_number(0);
	*dst = task_value_alu(op, task_insn_class(i) == TASK_ALU64, *dst, src);
	return TASK_ACCEPTED;
}
