/* SPDX-License-Identifier: BSD-3-Clause */
/* What the parts of the checker share. Private to lib/task. Any thread that may allocate. */
#ifndef LIB_TASK_TASK_CHECK_IMPL_H
#define LIB_TASK_TASK_CHECK_IMPL_H

#include "lib/task/task_check.h"
#include "lib/task/task_value.h"

#define TASK_SLOT_BYTES 8
#define TASK_SLOTS      (TASK_STACK_BYTES / TASK_SLOT_BYTES)

/* Marks of an instruction. */
#define TASK_MARK_HALF   1 /* it is the second half of a LD_IMM64 */
#define TASK_MARK_TARGET 2 /* a jump leads here */

/*
 * What is known at a place in the program. A slot of the stack has a type only while all of its
 * bytes were written by one store of 8 bytes; bit b of written[s] says that byte b of slot s was
 * written.
 */
struct task_state {
	struct task_value registers[TASK_REGISTERS];
	struct task_value slots[TASK_SLOTS];
	uint8_t written[TASK_SLOTS];
	uint32_t cost; /* of the longest path to here */
};

struct task_checker {
	const struct task_function *f;
	uint32_t rodata_len;
	uint8_t marks[TASK_INSNS_MAX];
	uint16_t target_of[TASK_INSNS_MAX]; /* of a TARGET: its state in @targets */
	uint32_t n_targets;
	struct task_state *targets;
	bool *is_reached; /* by target: a jump came */
	struct task_state now;
	uint32_t result_bytes; /* of a map: of the result that may have been written */
	bool is_swapped;       /* the last ALU instruction added a pointer to a number */
	uint8_t index_bits;    /* ... which has so many bits */
};

/* The first rule that instruction @at breaks by its form, or TASK_ACCEPTED; sets marks. */
enum task_rule task_check_form(struct task_checker *c, uint32_t at);

/* An ALU instruction, END included. */
enum task_rule task_check_alu(struct task_checker *c, const struct task_insn *i);

/* Notes that a map may write the bytes [@from, @end) of its context. */
void task_check_write(struct task_checker *c, int64_t from, int64_t end);

/* A load or a store. */
enum task_rule task_check_memory(struct task_checker *c, const struct task_insn *i);

/* A call of a helper. */
enum task_rule task_check_call(struct task_checker *c, const struct task_insn *i);

#endif
