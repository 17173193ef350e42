/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls of helpers in the checker: arguments are the context and numbers. What is always refused at
 * run time is refused here; the rest the helper checks. Any thread.
 */
#include "lib/task/task_check_impl.h"
#include "lib/task/task_helpers.h"

/* The most that a helper writes to the place that argument @index names. */
static uint64_t write_max(const struct task_checker *c, const struct task_helper *h, uint32_t index)
{
	struct task_value len;

	if (index + 1 == TASK_HELPER_ARGS_MAX || h->args[index + 1] != BRAID_ARG_LENGTH)
		return BRAID_DECIMAL_BYTES;
	len = task_value_low32(c->now.registers[2 + index]);
	return MIN_OF(len.max, (uint64_t)BRAID_LENGTH_MAX);
}

/* Refuses an argument, and adds to the cost what it adds to the work. */
static enum task_rule check_arg(struct task_checker *c, const struct task_helper *h, uint32_t index)
{
	const struct task_value *v = &c->now.registers[1 + index];
	const struct task_layout *layout = &task_layouts[c->f->kind];
	enum braid_arg arg = (enum braid_arg)h->args[index];
	struct task_value low = task_value_low32(*v);
	uint64_t max = arg == BRAID_ARG_SPAN ? BRAID_SPAN_MAX : BRAID_LENGTH_MAX;

	if (v->type == TASK_UNSET)
		return TASK_RULE_call_unset;
	if (arg == BRAID_ARG_CTX)
		return v->type == TASK_CTX && v->min == TASK_OFFSET_ZERO &&
				       v->max == TASK_OFFSET_ZERO
			       ? TASK_ACCEPTED
			       : TASK_RULE_call_context;
	if (v->type != TASK_NUMBER)
		return TASK_RULE_call_pointer;
	if (arg == BRAID_ARG_READ || arg == BRAID_ARG_WRITE) {
		if (low.min > layout->bytes)
			return TASK_RULE_call_outside;
		if (arg == BRAID_ARG_WRITE && low.max < layout->writable)
			return TASK_RULE_call_readonly;
	}
	if (arg == BRAID_ARG_WRITE)
		task_check_write(c, (int64_t)low.min, (int64_t)(low.max + write_max(c, h, index)));
	if (arg == BRAID_ARG_LENGTH || arg == BRAID_ARG_SPAN) {
		if (low.min > max)
			return TASK_RULE_call_length;
		c->now.cost += (uint32_t)(MIN_OF(low.max, max) * h->cost_per_8 / 8);
	}
	return TASK_ACCEPTED;
}

enum task_rule task_check_call(struct task_checker *c, const struct task_insn *i)
{
	const struct task_helper *h;

	if (i->imm < 1 || i->imm > BRAID_HELPERS_MAX)
		return TASK_RULE_call_unknown;
	h = &task_helpers[i->imm];
	c->now.cost += h->cost;
	for (uint32_t n = 0; n < TASK_HELPER_ARGS_MAX && h->args[n] != BRAID_ARG_NONE; n++) {
		enum task_rule rule = check_arg(c, h, n);

		if (rule != TASK_ACCEPTED)
			return rule;
	}
	for (uint32_t r = 1; r <= TASK_HELPER_ARGS_MAX; r++)
		c->now.registers[r].type = TASK_UNSET;
	c->now.registers[0] = task_value_any(64);
	return TASK_ACCEPTED;
}
