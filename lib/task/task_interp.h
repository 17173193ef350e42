/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A plain interpreter that checks each access itself: slow and obvious. It is what the checker and
 * compiled programs are compared with, and knows nothing of either. Pure functions. Any thread.
 */
#ifndef LIB_TASK_TASK_INTERP_H
#define LIB_TASK_TASK_INTERP_H

#include "lib/task/task_helpers.h"
#include "lib/task/task_insn.h"

/* Why a run ended. */
enum task_stop {
	TASK_STOP_EXIT,
	TASK_STOP_STEPS,    /* too many instructions */
	TASK_STOP_JUMP,     /* it left the program */
	TASK_STOP_OPCODE,   /* no such instruction, or no such helper */
	TASK_STOP_REGISTER, /* it read a register that is not set, or wrote r10 */
	TASK_STOP_MEMORY,   /* it left its memory, or wrote what it may only read */
	TASK_STOP_STACK,    /* it read bytes of the stack that it had not written */
	TASK_STOP_ALIGN,
	TASK_STOP_DIVIDE, /* by 0 */
	TASK_STOP_SHIFT,  /* by the width or more */
};

/* A run: what it needs, its state, and how it ended. */
struct task_run {
	const struct task_insn *insns;
	const uint8_t *rodata;
	struct task_frame *frame;
	uint32_t n_insns;
	uint32_t rodata_len;
	uint32_t steps_max;
	/* state and result */
	uint32_t at;
	uint32_t steps;
	enum task_stop stop;
	uint32_t set; /* bit r: register r was written */
	uint64_t registers[TASK_REGISTERS];
	bool written[TASK_STACK_BYTES];
	__attribute__((aligned(16))) uint8_t stack[TASK_STACK_BYTES];
};

/*
 * Runs a program, whose instructions and memory the caller has filled in. How it ended; after
 * TASK_STOP_EXIT its result is in registers[0], otherwise @run->at is where it stopped.
 */
enum task_stop task_interp_run(struct task_run *run);

/* Makes @run stand before its first instruction, for task_interp_continue. */
void task_interp_start(struct task_run *run);

/* Goes on where task_interp_start or TASK_STOP_STEPS left it, as far as steps_max lets, which the
 * caller has raised. */
enum task_stop task_interp_continue(struct task_run *run);

#endif
