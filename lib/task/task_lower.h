/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes accepted programs the way that librte_bpf 22.11 takes them. Its verifier knows "pointer +=
 * number", but not "number += pointer", which clang emits when it likes: such an instruction
 * becomes four, which borrow the pointer's register and the lowest slot of the stack, which the
 * checker keeps free for that. Pure functions. Any thread.
 */
#ifndef LIB_TASK_TASK_LOWER_H
#define LIB_TASK_TASK_LOWER_H

#include "lib/task/task_check.h"

#define TASK_LOWERED_MAX(n_insns) (4 * (n_insns)) /* instructions that @n_insns may become */

/*
 * Writes the function @f, accepted with the verdict @v, to @out, which has room for
 * TASK_LOWERED_MAX(f->n_insns). How many instructions that are.
 */
uint32_t task_lower(
	const struct task_function *f, const struct task_verdict *v, struct task_insn *out);

/* The instruction of @f that instruction @at of what task_lower wrote comes from; n_insns: none. */
uint32_t task_lower_origin(
	const struct task_function *f, const struct task_verdict *v, uint32_t at);

#endif
