/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The form of single instructions: known codes of -mcpu=v2, fields that are not used are 0, jumps
 * go forward and inside. Any thread.
 */
#include "lib/task/task_check_impl.h"

/* Which fields an instruction uses. */
struct form {
	bool dst;
	bool src;
	bool off;
	bool imm;
	bool writes; /* its dst */
};

static enum task_rule check_fields(const struct task_insn *i, struct form form)
{
	if ((form.dst && i->dst >= TASK_REGISTERS) || (form.src && i->src >= TASK_REGISTERS))
		return TASK_RULE_register_unknown;
	if ((!form.dst && i->dst != 0) || (!form.src && i->src != 0) ||
		(!form.off && i->off != 0) || (!form.imm && i->imm != 0))
		return TASK_RULE_opcode_reserved;
	if (form.writes && i->dst == TASK_FRAME)
		return TASK_RULE_register_frame;
	return TASK_ACCEPTED;
}

/* Its code for x86 moves one of the two over the other before it reads both (22.11.11). */
static bool needs_two_registers(uint32_t op)
{
	return op == TASK_DIV || op == TASK_MOD || op == TASK_LSH || op == TASK_RSH ||
	       op == TASK_ARSH;
}

static enum task_rule check_alu(const struct task_insn *i)
{
	bool by_register = task_insn_by_register(i);
	uint32_t op = task_insn_op(i);
	struct form form = {.dst = true, .writes = true, .src = by_register, .imm = !by_register};

	if (op > TASK_END)
		return TASK_RULE_opcode;
	if (op == TASK_ARSH && task_insn_class(i) == TASK_ALU)
		return TASK_RULE_shift_32_bit;
	if (by_register && i->dst == i->src && needs_two_registers(op))
		return TASK_RULE_operand_itself;
	if (op == TASK_END) {
		if (task_insn_class(i) != TASK_ALU)
			return TASK_RULE_opcode;
		form.src = false;
		form.imm = true;
	}
	if (op == TASK_NEG) {
		if (by_register)
			return TASK_RULE_opcode;
		form.imm = false;
	}
	return check_fields(i, form);
}

static enum task_rule check_memory(const struct task_insn *i)
{
	enum task_class class = task_insn_class(i);
	uint32_t mode = i->code & 0xe0;

	if (class == TASK_STX && mode == TASK_MODE_ATOMIC)
		return TASK_RULE_opcode_atomic;
	if (mode != TASK_MODE_MEM)
		return TASK_RULE_opcode;
	return check_fields(i, (struct form){
				       .dst = true,
				       .off = true,
				       .src = class != TASK_ST,
				       .imm = class == TASK_ST,
				       .writes = class == TASK_LDX,
			       });
}

static enum task_rule check_number(struct task_checker *c, uint32_t at)
{
	const struct task_insn *i = &c->f->insns[at];
	uint32_t mode = i->code & 0xe0;

	if (mode == TASK_MODE_ABS || mode == TASK_MODE_IND)
		return TASK_RULE_opcode_packet;
	if (i->code != TASK_LD_IMM64)
		return TASK_RULE_opcode;
	if (at + 1 == c->f->n_insns)
		return TASK_RULE_number_cut;
	if (i[1].code != 0 || i[1].dst != 0 || i[1].src != 0 || i[1].off != 0)
		return TASK_RULE_number_half;
	c->marks[at + 1] |= TASK_MARK_HALF;
	if (i->src != TASK_IMM_NUMBER && i->src != TASK_IMM_RODATA)
		return TASK_RULE_number_kind;
	if (i->src == TASK_IMM_RODATA && (i[1].imm != 0 || (uint32_t)i->imm > c->rodata_len))
		return TASK_RULE_rodata_outside;
	return check_fields(
		i, (struct form){.dst = true, .src = true, .imm = true, .writes = true});
}

/* A jump to behind the next instruction by its offset. */
static enum task_rule check_target(struct task_checker *c, uint32_t at)
{
	int32_t off = c->f->insns[at].off;

	if (off < 0)
		return at + 1 < (uint32_t)-off ? TASK_RULE_jump_outside : TASK_RULE_jump_back;
	if (at + 1 + (uint32_t)off >= c->f->n_insns)
		return TASK_RULE_jump_outside;
	c->marks[at + 1 + (uint32_t)off] |= TASK_MARK_TARGET;
	return TASK_ACCEPTED;
}

static enum task_rule check_jump(struct task_checker *c, uint32_t at)
{
	const struct task_insn *i = &c->f->insns[at];
	bool by_register = task_insn_by_register(i);
	uint32_t op = task_insn_op(i);
	struct form form = {.dst = true, .off = true, .src = by_register, .imm = !by_register};
	enum task_rule rule;

	if (op > TASK_JSLE ||
		(by_register && (op == TASK_JA || op == TASK_CALL || op == TASK_EXIT)))
		return TASK_RULE_opcode;
	/* Its code for x86 has one byte of the constant where there must be four (22.11.11). */
	if (op == TASK_JSET && !by_register)
		return TASK_RULE_jump_bits;
	if (op == TASK_CALL) {
		if (i->src == TASK_CALL_LOCAL)
			return TASK_RULE_call_local;
		if (i->src != TASK_CALL_HELPER)
			return TASK_RULE_call_kind;
		return check_fields(i, (struct form){.imm = true});
	}
	if (op == TASK_EXIT)
		return check_fields(i, (struct form){.dst = false});
	if (op == TASK_JA)
		form = (struct form){.off = true};
	rule = check_fields(i, form);
	return rule != TASK_ACCEPTED ? rule : check_target(c, at);
}

enum task_rule task_check_form(struct task_checker *c, uint32_t at)
{
	const struct task_insn *i = &c->f->insns[at];

	if (c->marks[at] & TASK_MARK_HALF)
		return TASK_ACCEPTED;
	switch (task_insn_class(i)) {
	case TASK_LD:
		return check_number(c, at);
	case TASK_LDX:
	case TASK_ST:
	case TASK_STX:
		return check_memory(i);
	case TASK_ALU:
	case TASK_ALU64:
		return check_alu(i);
	case TASK_JMP:
		return check_jump(c, at);
	case TASK_JMP32:
		return TASK_RULE_opcode_32_bit_jump;
	}
	return TASK_RULE_opcode;
}
