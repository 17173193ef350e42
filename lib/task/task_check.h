/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The profile checker: decides whether a program may run on a worker. It follows all paths at once,
 * once through the instructions in their order, and keeps for each register and each slot of the
 * stack what it may hold (task_value.h); where paths meet, their union. That needs jumps that only
 * go forward, and gives the longest path in the same walk. Time and memory are linear in the
 * number of instructions.
 *
 * An accepted program: ends; reads registers and bytes of the stack only after they were written;
 * loads and stores only aligned and inside its context, its 504 bytes of stack (at offsets that
 * are known) and its constants; writes only what its kind may write; divides by no zero; does not
 * store pointers but in whole slots of its stack, nor calculate with them, compare or return them;
 * gives helpers its context and numbers. Any thread that may allocate.
 */
#ifndef LIB_TASK_TASK_CHECK_H
#define LIB_TASK_TASK_CHECK_H

#include "lib/task/task_elf.h"

#define TASK_INSNS_MAX        4096
#define TASK_COST_MAX         65536 /* instructions of one call, helpers included */
#define TASK_VERDICT_TEXT_MAX 512

enum task_rule {
	TASK_ACCEPTED,
#define TASK_RULE(name, ...) TASK_RULE_##name,
#include "lib/task/task_rules.def"
#undef TASK_RULE
	TASK_RULES,
};

struct task_verdict {
	enum task_rule rule; /* the first that is broken, or TASK_ACCEPTED */
	uint32_t insn;       /* where */
	uint32_t line;       /* of C, or 0: not known */
	/* Accepted: bit i % 8 of byte i / 8: instruction i adds a pointer to a number. */
	uint8_t swapped[TASK_INSNS_MAX / 8];
	/* Accepted: instruction i adds a number of at most so many bits to a pointer; 0: it does
	 * not, or the number is always the same. */
	uint8_t index_bits[TASK_INSNS_MAX];
	uint32_t cost_max; /* accepted: instructions of the longest path, helpers included */
	/* Accepted, a map: bytes of the result, from its start, beyond which it writes none. */
	uint32_t result_bytes;
	char text[TASK_VERDICT_TEXT_MAX]; /* what is wrong, where, and how to mend it */
};

/* Checks a function whose object has @rodata_len bytes of constants. Whether it may run. */
bool task_check(const struct task_function *f, uint32_t rodata_len, struct task_verdict *v);

/* The name of a rule, as in task_rules.def; "accepted" for none. */
const char *task_rule_name(enum task_rule rule);

#endif
