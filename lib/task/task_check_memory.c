/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Loads and stores in the checker. An access is fine when it is for every offset that its pointer
 * may have; on the stack there is only one, above the slot that task_lower uses. Any thread.
 */
#include "lib/task/task_check_impl.h"
#include "lib/task/task_helpers.h"

/* An access of @bytes at the offsets [low, high] of a region. */
struct access {
	enum task_type region;
	int64_t low;
	int64_t high;
	uint32_t bytes;
	bool is_write;
};

static enum task_rule check_region(const struct task_checker *c, const struct access *a)
{
	const struct task_layout *layout = &task_layouts[c->f->kind];
	int64_t end = a->high + a->bytes;

	switch (a->region) {
	case TASK_CTX:
		if (a->low < 0 || end > layout->bytes)
			return TASK_RULE_ctx_outside;
		if (a->is_write && a->low < layout->writable)
			return TASK_RULE_ctx_readonly;
		return TASK_ACCEPTED;
	case TASK_RODATA:
		if (a->is_write)
			return TASK_RULE_rodata_write;
		if (a->low < 0 || end > c->rodata_len)
			return TASK_RULE_rodata_outside;
		return TASK_ACCEPTED;
	case TASK_STACK:
		if (a->low != a->high)
			return TASK_RULE_stack_index;
		if (a->low < -TASK_STACK_BYTES + TASK_SLOT_BYTES || end > 0)
			return TASK_RULE_stack_outside;
		return TASK_ACCEPTED;
	case TASK_UNSET:
		return TASK_RULE_unset;
	case TASK_NUMBER:
		break;
	}
	return TASK_RULE_no_pointer;
}

/* Makes an access of an instruction, and checks it. */
static enum task_rule check_access(
	const struct task_checker *c, const struct task_insn *i, struct access *a)
{
	bool is_load = task_insn_class(i) == TASK_LDX;
	const struct task_value *base = &c->now.registers[is_load ? i->src : i->dst];
	enum task_rule rule;

	*a = (struct access){
		.region = base->type,
		.low = task_value_offset(base->min) + i->off,
		.high = task_value_offset(base->max) + i->off,
		.bytes = task_insn_bytes(i),
		.is_write = !is_load,
	};
	rule = check_region(c, a);
	if (rule != TASK_ACCEPTED)
		return rule;
	if (i->off % (int32_t)a->bytes != 0 ? a->low != a->high || a->low % a->bytes != 0
					    : base->zeros < (uint32_t)__builtin_ctz(a->bytes))
		return TASK_RULE_unaligned;
	return TASK_ACCEPTED;
}

static uint32_t slot_of(const struct access *a)
{
	return (uint32_t)(a->low + TASK_STACK_BYTES) / TASK_SLOT_BYTES;
}

/* The bits of the bytes of its slot that an access to the stack touches. */
static uint8_t bytes_of(const struct access *a)
{
	uint32_t first = (uint32_t)(a->low + TASK_STACK_BYTES) % TASK_SLOT_BYTES;

	return (uint8_t)(((1u << a->bytes) - 1) << first);
}

static enum task_rule load_stack(
	const struct task_state *s, const struct access *a, struct task_value *out)
{
	const struct task_value *slot = &s->slots[slot_of(a)];
	uint8_t bytes = bytes_of(a);

	if ((s->written[slot_of(a)] & bytes) != bytes)
		return TASK_RULE_stack_unset;
	if (a->bytes == TASK_SLOT_BYTES && slot->type != TASK_UNSET)
		*out = *slot;
	else if (task_value_is_pointer(slot))
		return TASK_RULE_stack_torn;
	return TASK_ACCEPTED;
}

static void store_stack(
	struct task_state *s, const struct access *a, const struct task_value *value)
{
	struct task_value *slot = &s->slots[slot_of(a)];
	uint8_t *written = &s->written[slot_of(a)];

	if (a->bytes == TASK_SLOT_BYTES) {
		*slot = *value;
		*written = UINT8_MAX;
		return;
	}
	/* What is left of a pointer must not be read as a number. */
	if (task_value_is_pointer(slot))
		*written = 0;
	slot->type = TASK_UNSET;
	*written |= bytes_of(a);
}

static enum task_rule check_load(struct task_checker *c, const struct task_insn *i)
{
	struct task_value loaded = task_value_any(8 * task_insn_bytes(i));
	struct access a;
	enum task_rule rule = check_access(c, i, &a);

	if (rule == TASK_ACCEPTED && a.region == TASK_STACK)
		rule = load_stack(&c->now, &a, &loaded);
	if (rule == TASK_ACCEPTED)
		c->now.registers[i->dst] = loaded;
	return rule;
}

void task_check_write(struct task_checker *c, int64_t from, int64_t end)
{
	int64_t start = offsetof(struct braid_map, result);
	int64_t stop = start + BRAID_RESULT_BYTES;

	if (c->f->kind == TASK_MAP && from < stop && end > start)
		c->result_bytes = MAX_OF(c->result_bytes, (uint32_t)(MIN_OF(end, stop) - start));
}

static enum task_rule check_store(struct task_checker *c, const struct task_insn *i)
{
	struct task_value value = task_value_number((uint64_t)(int64_t)i->imm);
	struct access a;
	enum task_rule rule;

	if (task_insn_class(i) == TASK_STX)
		value = c->now.registers[i->src];
	if (value.type == TASK_UNSET)
		return TASK_RULE_unset;
	rule = check_access(c, i, &a);
	if (rule != TASK_ACCEPTED)
		return rule;
	if (task_value_is_pointer(&value) && (a.region != TASK_STACK || a.bytes != TASK_SLOT_BYTES))
		return TASK_RULE_pointer_store;
	if (a.region == TASK_STACK)
		store_stack(&c->now, &a, &value);
	else
		task_check_write(c, a.low, a.high + a.bytes);
	return TASK_ACCEPTED;
}

enum task_rule task_check_memory(struct task_checker *c, const struct task_insn *i)
{
	return task_insn_class(i) == TASK_LDX ? check_load(c, i) : check_store(c, i);
}
