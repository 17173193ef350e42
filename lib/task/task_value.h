/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the checker knows of a register or a slot of the stack: a number between two bounds, or a
 * pointer into one region with an offset between two bounds (interval analysis: Cousot and Cousot,
 * POPL 1977). Pure functions; each result holds every value that can occur. Any thread.
 */
#ifndef LIB_TASK_TASK_VALUE_H
#define LIB_TASK_TASK_VALUE_H

#include "lib/task/task_insn.h"

#define TASK_OFFSET_ZERO (1ULL << 32) /* stands for offset 0 of a pointer */
#define TASK_OFFSET_MAX  (1 << 24)    /* bytes from the start of its region, either way */
#define TASK_INDEX_MAX   (1 << 20)    /* what may be added to a pointer */

enum task_type {
	TASK_UNSET,
	TASK_NUMBER,
	TASK_CTX,
	TASK_STACK, /* offsets from its end, so negative */
	TASK_RODATA,
};

struct task_value {
	uint64_t min; /* of a pointer: TASK_OFFSET_ZERO + offset */
	uint64_t max;
	enum task_type type;
	uint8_t zeros; /* lowest bits that are zero; of a pointer: of its offset */
};

/* Why a pointer cannot be moved. */
enum task_move {
	TASK_MOVE_DONE,
	TASK_MOVE_UNBOUNDED, /* by a number that may be anything */
	TASK_MOVE_FAR,
};

/* Any number of @bits bits. */
struct task_value task_value_any(uint32_t bits);

/* This number. */
struct task_value task_value_number(uint64_t n);

/* A pointer to @offset in the region. */
struct task_value task_value_pointer(enum task_type type, int64_t offset);

static inline bool task_value_is_pointer(const struct task_value *v)
{
	return v->type >= TASK_CTX;
}

/* The offset of a pointer, when @bound is its min or max. */
static inline int64_t task_value_offset(uint64_t bound)
{
	return (int64_t)(bound - TASK_OFFSET_ZERO);
}

/* What the lowest 32 bits of a number may be. */
struct task_value task_value_low32(struct task_value v);

/*
 * The result of an ALU instruction on two numbers, in 64 or 32 bits; not END. A divisor is not 0,
 * a shift is less than the width.
 */
struct task_value task_value_alu(
	enum task_alu op, bool is_64, struct task_value a, struct task_value b);

/* Moves a pointer by a number; @sign is 1 or -1. */
enum task_move task_value_move(struct task_value *pointer, const struct task_value *by, int sign);

/* Narrows two numbers by what holds behind a jump that was taken, or not. */
void task_value_refine(enum task_jump op, bool taken, struct task_value *a, struct task_value *b);

/* What is either @a or @b; UNSET when they have nothing in common. */
struct task_value task_value_join(const struct task_value *a, const struct task_value *b);

#endif
