/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The walk of the checker over the instructions, paths that part and meet, and what users are
 * told; see task_check.h. Any thread that may allocate.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/task/task_check_impl.h"

/* What is told about a rule. */
struct rule {
	const char *name;
	const char *wrong;
	const char *cure;
};

static const struct rule rules[TASK_RULES] = {
	[TASK_ACCEPTED] = {"accepted", "", ""},
#define TASK_RULE(name, wrong, cure) [TASK_RULE_##name] = {#name, wrong, cure},
#include "lib/task/task_rules.def"
#undef TASK_RULE
};

const char *task_rule_name(enum task_rule rule)
{
	return rules[rule].name;
}

/* The union of what two paths bring. */
static void join(struct task_state *to, const struct task_state *from)
{
	for (uint32_t r = 0; r < TASK_REGISTERS; r++)
		to->registers[r] = task_value_join(&to->registers[r], &from->registers[r]);
	for (uint32_t s = 0; s < TASK_SLOTS; s++) {
		const struct task_value *a = &to->slots[s], *b = &from->slots[s];
		bool has_pointer = task_value_is_pointer(a) || task_value_is_pointer(b);

		to->written[s] &= from->written[s];
		if (has_pointer && a->type != b->type)
			to->written[s] = 0;
		to->slots[s] = task_value_join(a, b);
	}
	to->cost = MAX_OF(to->cost, from->cost);
}

/* Brings a state to the target of a jump. */
static void arrive(struct task_checker *c, uint32_t at, const struct task_state *with)
{
	uint32_t target = c->target_of[at];

	if (c->is_reached[target])
		join(&c->targets[target], with);
	else
		c->targets[target] = *with;
	c->is_reached[target] = true;
}

/* A jump with a condition: what is known parts. */
static enum task_rule check_condition(struct task_checker *c, uint32_t at)
{
	const struct task_insn *i = &c->f->insns[at];
	struct task_value *a = &c->now.registers[i->dst];
	struct task_value number = task_value_number((uint64_t)(int64_t)i->imm);
	struct task_value *b = task_insn_by_register(i) ? &c->now.registers[i->src] : &number;
	enum task_jump op = (enum task_jump)task_insn_op(i);
	struct task_value was_a = *a, was_b = *b;

	if (a->type == TASK_UNSET || b->type == TASK_UNSET)
		return TASK_RULE_unset;
	if (task_value_is_pointer(a) || task_value_is_pointer(b))
		return TASK_RULE_pointer_compare;
	task_value_refine(op, true, a, b);
	arrive(c, at + 1 + (uint32_t)i->off, &c->now);
	*a = was_a;
	*b = was_b;
	task_value_refine(op, false, a, b);
	return TASK_ACCEPTED;
}

static enum task_rule check_exit(const struct task_checker *c)
{
	const struct task_value *result = &c->now.registers[0];

	if (result->type == TASK_UNSET)
		return TASK_RULE_return_unset;
	return result->type == TASK_NUMBER ? TASK_ACCEPTED : TASK_RULE_return_pointer;
}

/* A jump, a call or the end; @goes_on says whether the next instruction follows. */
static enum task_rule check_jump(struct task_checker *c, uint32_t at, bool *goes_on)
{
	const struct task_insn *i = &c->f->insns[at];
	uint32_t op = task_insn_op(i);

	if (op == TASK_CALL)
		return task_check_call(c, i);
	if (op == TASK_EXIT) {
		*goes_on = false;
		return check_exit(c);
	}
	if (op == TASK_JA) {
		*goes_on = false;
		arrive(c, at + 1 + (uint32_t)i->off, &c->now);
		return TASK_ACCEPTED;
	}
	return check_condition(c, at);
}

static enum task_rule check_number(struct task_checker *c, const struct task_insn *i)
{
	c->now.registers[i->dst] = i->src == TASK_IMM_RODATA
					   ? task_value_pointer(TASK_RODATA, i->imm)
					   : task_value_number(task_insn_imm64(i));
	return TASK_ACCEPTED;
}

static enum task_rule check_insn(struct task_checker *c, uint32_t at, bool *goes_on)
{
	const struct task_insn *i = &c->f->insns[at];

	c->now.cost++;
	switch (task_insn_class(i)) {
	case TASK_LD:
		return check_number(c, i);
	case TASK_LDX:
	case TASK_ST:
	case TASK_STX:
		return task_check_memory(c, i);
	case TASK_ALU:
	case TASK_ALU64:
		return task_check_alu(c, i);
	case TASK_JMP:
		return check_jump(c, at, goes_on);
	case TASK_JMP32:
		break;
	}
	return TASK_RULE_opcode;
}

/* All instructions once, in their order. */
static enum task_rule walk(struct task_checker *c, struct task_verdict *v)
{
	bool goes_on = true;

	c->now = (struct task_state){.cost = 0};
	c->now.registers[1] = task_value_pointer(TASK_CTX, 0);
	c->now.registers[TASK_FRAME] = task_value_pointer(TASK_STACK, 0);
	for (v->insn = 0; v->insn < c->f->n_insns; v->insn++) {
		enum task_rule rule;

		if (c->marks[v->insn] & TASK_MARK_HALF)
			continue;
		if ((c->marks[v->insn] & TASK_MARK_TARGET) &&
			c->is_reached[c->target_of[v->insn]]) {
			if (goes_on)
				arrive(c, v->insn, &c->now);
			c->now = c->targets[c->target_of[v->insn]];
			goes_on = true;
		}
		if (!goes_on)
			return TASK_RULE_unreachable;
		c->is_swapped = false;
		c->index_bits = 0;
		rule = check_insn(c, v->insn, &goes_on);
		if (c->is_swapped)
			v->swapped[v->insn / 8] |= (uint8_t)(1 << v->insn % 8);
		v->index_bits[v->insn] = c->index_bits;
		if (rule != TASK_ACCEPTED)
			return rule;
		if (c->now.cost > TASK_COST_MAX)
			return TASK_RULE_cost;
		v->cost_max = MAX_OF(v->cost_max, c->now.cost);
	}
	v->result_bytes = MAX_OF(c->result_bytes, 1u);
	return TASK_ACCEPTED;
}

/* Each instruction by itself; numbers the targets of jumps. */
static enum task_rule check_forms(struct task_checker *c, struct task_verdict *v)
{
	const struct task_insn *last = &c->f->insns[c->f->n_insns - 1];

	for (v->insn = 0; v->insn < c->f->n_insns; v->insn++) {
		enum task_rule rule = task_check_form(c, v->insn);

		if (rule != TASK_ACCEPTED)
			return rule;
	}
	for (v->insn = 0; v->insn < c->f->n_insns; v->insn++) {
		if (!(c->marks[v->insn] & TASK_MARK_TARGET))
			continue;
		if (c->marks[v->insn] & TASK_MARK_HALF)
			return TASK_RULE_jump_middle;
		c->target_of[v->insn] = (uint16_t)c->n_targets++;
	}
	v->insn = c->f->n_insns - 1;
	if ((c->marks[v->insn] & TASK_MARK_HALF) || last->code != TASK_OP(TASK_EXIT, TASK_JMP))
		return TASK_RULE_no_exit;
	return TASK_ACCEPTED;
}

static enum task_rule check(struct task_checker *c, struct task_verdict *v)
{
	enum task_rule rule;

	if (c->f->n_insns == 0)
		return TASK_RULE_empty;
	if (c->f->n_insns > TASK_INSNS_MAX)
		return TASK_RULE_too_long;
	rule = check_forms(c, v);
	if (rule != TASK_ACCEPTED)
		return rule;
	c->targets = malloc(MAX_OF(c->n_targets, 1u) * sizeof(*c->targets));
	c->is_reached = calloc(MAX_OF(c->n_targets, 1u), sizeof(*c->is_reached));
	rule = c->targets && c->is_reached ? walk(c, v) : TASK_RULE_memory;
	free(c->targets);
	free(c->is_reached);
	return rule;
}

/* Says what is wrong, where, and how to mend it. */
static void tell(const struct task_function *f, struct task_verdict *v)
{
	const struct task_line *line = task_function_line(f, v->insn);
	char where[160] = "";

	v->line = line ? line->line : 0;
	if (line)
		snprintf(where, sizeof(where), "line %u: \"%.100s\": ", line->line, line->text);
	snprintf(v->text, sizeof(v->text), "%.64s: %sinstruction %u: %s; %s (%s)", f->name, where,
		v->insn, rules[v->rule].wrong, rules[v->rule].cure, rules[v->rule].name);
}

bool task_check(const struct task_function *f, uint32_t rodata_len, struct task_verdict *v)
{
	struct task_checker *c = calloc(1, sizeof(*c));

	*v = (struct task_verdict){.rule = TASK_RULE_memory};
	if (c) {
		c->f = f;
		c->rodata_len = rodata_len;
		v->rule = check(c, v);
	}
	free(c);
	if (v->rule == TASK_ACCEPTED)
		return true;
	v->cost_max = 0;
	tell(f, v);
	return false;
}
