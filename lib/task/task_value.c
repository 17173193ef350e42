/* SPDX-License-Identifier: BSD-3-Clause */
/* Intervals of numbers and pointers; see task_value.h. Any thread. */
#include "lib/task/task_value.h"

#define SIGNED_MAX ((uint64_t)INT64_MAX)

struct task_value task_value_any(uint32_t bits)
{
	return (struct task_value){
		.type = TASK_NUMBER, .max = bits == 64 ? UINT64_MAX : (1ULL << bits) - 1};
}

static uint8_t low_zeros(uint64_t n)
{
	return n == 0 ? 64 : (uint8_t)__builtin_ctzll(n);
}

struct task_value task_value_number(uint64_t n)
{
	return (struct task_value){.type = TASK_NUMBER, .min = n, .max = n, .zeros = low_zeros(n)};
}

struct task_value task_value_pointer(enum task_type type, int64_t offset)
{
	struct task_value v = task_value_number(TASK_OFFSET_ZERO + (uint64_t)offset);

	v.type = type;
	v.zeros = low_zeros((uint64_t)offset);
	return v;
}

static struct task_value between(uint64_t min, uint64_t max)
{
	return (struct task_value){.type = TASK_NUMBER, .min = min, .max = max};
}

struct task_value task_value_low32(struct task_value v)
{
	if (v.min >> 32 == v.max >> 32) {
		v.min = (uint32_t)v.min;
		v.max = (uint32_t)v.max;
	} else {
		v.min = 0;
		v.max = UINT32_MAX;
	}
	return v;
}

/* All bits up to the highest one of @n. */
static uint64_t fill(uint64_t n)
{
	return n == 0 ? 0 : UINT64_MAX >> __builtin_clzll(n);
}

static struct task_value add(struct task_value a, struct task_value b)
{
	uint64_t min, max;

	/* When both ends wrap, all between them do. */
	if (__builtin_add_overflow(a.min, b.min, &min) !=
		__builtin_add_overflow(a.max, b.max, &max))
		return task_value_any(64);
	return between(min, max);
}

static struct task_value sub(struct task_value a, struct task_value b)
{
	uint64_t min, max;

	if (__builtin_sub_overflow(a.min, b.max, &min) !=
		__builtin_sub_overflow(a.max, b.min, &max))
		return task_value_any(64);
	return between(min, max);
}

static struct task_value mul(struct task_value a, struct task_value b)
{
	uint64_t max;

	if (__builtin_mul_overflow(a.max, b.max, &max))
		return task_value_any(64);
	return between(a.min * b.min, max);
}

static struct task_value mod(struct task_value a, struct task_value b)
{
	return a.max < b.min ? between(a.min, a.max) : between(0, MIN_OF(a.max, b.max - 1));
}

static struct task_value lsh(struct task_value a, struct task_value b)
{
	if (a.max > UINT64_MAX >> b.max)
		return task_value_any(64);
	return between(a.min << b.min, a.max << b.max);
}

static struct task_value arsh(struct task_value a, struct task_value b, bool is_64)
{
	if (a.max > (is_64 ? SIGNED_MAX : INT32_MAX))
		return task_value_any(is_64 ? 64 : 32);
	return between(a.min >> b.max, a.max >> b.min);
}

/* AND, OR, XOR. */
static struct task_value bitwise(enum task_alu op, struct task_value a, struct task_value b)
{
	bool is_known = a.min == a.max && b.min == b.max;

	if (op == TASK_AND)
		return is_known ? task_value_number(a.min & b.min)
				: between(0, MIN_OF(a.max, b.max));
	if (op == TASK_OR)
		return is_known ? task_value_number(a.min | b.min)
				: between(MAX_OF(a.min, b.min), fill(a.max | b.max));
	return is_known ? task_value_number(a.min ^ b.min) : between(0, fill(a.max | b.max));
}

/* The lowest bits of the result that are zero. */
static uint32_t zeros_of(enum task_alu op, const struct task_value *a, const struct task_value *b)
{
	switch (op) {
	case TASK_ADD:
	case TASK_SUB:
	case TASK_OR:
	case TASK_XOR:
		return MIN_OF(a->zeros, b->zeros);
	case TASK_AND:
		return MAX_OF(a->zeros, b->zeros);
	case TASK_MUL:
		return MIN_OF(a->zeros + b->zeros, 64);
	case TASK_LSH:
		return (uint32_t)MIN_OF(a->zeros + b->min, 64);
	case TASK_RSH:
		return a->zeros > b->max ? (uint32_t)(a->zeros - b->max) : 0;
	case TASK_MOV:
		return b->zeros;
	case TASK_NEG:
		return a->zeros;
	case TASK_DIV:
	case TASK_MOD:
	case TASK_ARSH:
	case TASK_END:
		return 0;
	}
	return 0;
}

static struct task_value bounds_of(
	enum task_alu op, bool is_64, struct task_value a, struct task_value b)
{
	switch (op) {
	case TASK_ADD:
		return add(a, b);
	case TASK_SUB:
		return sub(a, b);
	case TASK_MUL:
		return mul(a, b);
	case TASK_DIV:
		return between(a.min / b.max, a.max / b.min);
	case TASK_MOD:
		return mod(a, b);
	case TASK_OR:
	case TASK_AND:
	case TASK_XOR:
		return bitwise(op, a, b);
	case TASK_LSH:
		return lsh(a, b);
	case TASK_RSH:
		return between(a.min >> b.max, a.max >> b.min);
	case TASK_ARSH:
		return arsh(a, b, is_64);
	case TASK_NEG:
		return sub(task_value_number(0), a);
	case TASK_MOV:
		return b;
	case TASK_END:
		break;
	}
	return task_value_any(64);
}

struct task_value task_value_alu(
	enum task_alu op, bool is_64, struct task_value a, struct task_value b)
{
	struct task_value result;
	uint32_t zeros;

	if (!is_64) {
		a = task_value_low32(a);
		b = task_value_low32(b);
	}
	result = bounds_of(op, is_64, a, b);
	zeros = zeros_of(op, &a, &b);
	if (!is_64)
		result = task_value_low32(result);
	if (result.min == result.max)
		zeros = low_zeros(result.min);
	result.zeros = (uint8_t)zeros;
	return result;
}

enum task_move task_value_move(struct task_value *pointer, const struct task_value *by, int sign)
{
	bool is_known = by->min == by->max;
	int64_t low, high;

	/* A number that is known may be negative; of others, none that is small is. */
	if (is_known ? by->min + TASK_INDEX_MAX > 2 * TASK_INDEX_MAX : by->max > TASK_INDEX_MAX)
		return TASK_MOVE_UNBOUNDED;
	low = (int64_t)(sign > 0 ? by->min : -by->max);
	high = (int64_t)(sign > 0 ? by->max : -by->min);
	pointer->min += (uint64_t)low;
	pointer->max += (uint64_t)high;
	pointer->zeros = MIN_OF(pointer->zeros, by->zeros);
	if (pointer->min == pointer->max)
		pointer->zeros = low_zeros((uint64_t)task_value_offset(pointer->min));
	if (task_value_offset(pointer->min) < -TASK_OFFSET_MAX ||
		task_value_offset(pointer->max) > TASK_OFFSET_MAX)
		return TASK_MOVE_FAR;
	return TASK_MOVE_DONE;
}

/* a >= b + @more; false: that cannot be. */
static bool at_least(struct task_value *a, struct task_value *b, uint64_t more)
{
	if (b->min > UINT64_MAX - more || a->max < more)
		return false;
	a->min = MAX_OF(a->min, b->min + more);
	b->max = MIN_OF(b->max, a->max - more);
	return true;
}

/* The same for signed numbers, as far as bounds without sign can say it. */
static bool at_least_signed(struct task_value *a, struct task_value *b, uint64_t more)
{
	if (more == 1 && b->min == UINT64_MAX && b->max == UINT64_MAX) {
		a->max = MIN_OF(a->max, SIGNED_MAX);
		return true;
	}
	if (b->max > SIGNED_MAX)
		return true;
	a->max = MIN_OF(a->max, SIGNED_MAX);
	return at_least(a, b, more);
}

static bool equal(struct task_value *a, struct task_value *b)
{
	a->min = b->min = MAX_OF(a->min, b->min);
	a->max = b->max = MIN_OF(a->max, b->max);
	return true;
}

static bool differ(struct task_value *a, const struct task_value *b)
{
	if (b->min != b->max)
		return true;
	if (a->min == b->min && a->min < UINT64_MAX)
		a->min++;
	if (a->max == b->max && a->max > 0)
		a->max--;
	return true;
}

/* Narrows by what holds; false: the jump cannot go this way. */
static bool narrow(enum task_jump op, bool taken, struct task_value *a, struct task_value *b)
{
	switch (op) {
	case TASK_JEQ:
		return taken ? equal(a, b) : differ(a, b);
	case TASK_JNE:
		return taken ? differ(a, b) : equal(a, b);
	case TASK_JGT:
		return taken ? at_least(a, b, 1) : at_least(b, a, 0);
	case TASK_JGE:
		return taken ? at_least(a, b, 0) : at_least(b, a, 1);
	case TASK_JLT:
		return taken ? at_least(b, a, 1) : at_least(a, b, 0);
	case TASK_JLE:
		return taken ? at_least(b, a, 0) : at_least(a, b, 1);
	case TASK_JSGT:
		return taken ? at_least_signed(a, b, 1) : at_least_signed(b, a, 0);
	case TASK_JSGE:
		return taken ? at_least_signed(a, b, 0) : at_least_signed(b, a, 1);
	case TASK_JSLT:
		return taken ? at_least_signed(b, a, 1) : at_least_signed(a, b, 0);
	case TASK_JSLE:
		return taken ? at_least_signed(b, a, 0) : at_least_signed(a, b, 1);
	case TASK_JA:
	case TASK_JSET:
	case TASK_CALL:
	case TASK_EXIT:
		break;
	}
	return true;
}

void task_value_refine(enum task_jump op, bool taken, struct task_value *a, struct task_value *b)
{
	struct task_value x = *a, y = *b;

	/* A way that no value takes may be checked with any: with those that are known. */
	if (!narrow(op, taken, &x, &y) || x.min > x.max || y.min > y.max)
		return;
	*a = x;
	*b = y;
}

struct task_value task_value_join(const struct task_value *a, const struct task_value *b)
{
	if (a->type != b->type)
		return (struct task_value){.type = TASK_UNSET};
	return (struct task_value){
		.type = a->type,
		.min = MIN_OF(a->min, b->min),
		.max = MAX_OF(a->max, b->max),
		.zeros = MIN_OF(a->zeros, b->zeros),
	};
}
