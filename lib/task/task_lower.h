/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes accepted programs the way that librte_bpf 22.11 takes them. Its verifier knows "pointer +=
 * number", but not "number += pointer", which clang emits when it likes: such an instruction
 * becomes four, which borrow the pointer's register and the lowest slot of the stack, which the
 * checker keeps free for that. Nor does it see that an index is bounded by a comparison; a mask
 * that changes nothing, because the checker knows the bound, tells it. Pure functions. Any thread.
 */
#ifndef LIB_TASK_TASK_LOWER_H
#define LIB_TASK_TASK_LOWER_H

#include "lib/task/task_check.h"

#define TASK_LOWERED_MAX(n_insns) (5 * (n_insns)) /* instructions that @n_insns may become */

/*
 * Writes the function @f, accepted with the verdict @v, to @out, which has room for
 * TASK_LOWERED_MAX(f->n_insns). How many instructions that are.
 */
uint32_t task_lower(
	const struct task_function *f, const struct task_verdict *v, struct task_insn *out);

/* The same with each index masked before it moves a pointer. For what the verifier refuses without:
 * it rounds what is masked up to all ones, so some need to be left as they are. */
uint32_t task_lower_masked(
	const struct task_function *f, const struct task_verdict *v, struct task_insn *out);

/* The instruction of @f that instruction @at of what task_lower wrote comes from; n_insns: none. */
uint32_t task_lower_origin(
	const struct task_function *f, const struct task_verdict *v, uint32_t at);

#endif
