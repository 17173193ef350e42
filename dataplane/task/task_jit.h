/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Drives librte_bpf: gives it a program that the checker has accepted and task_lower has written,
 * and has it verified and compiled. Addresses of helpers and constants may be another process's:
 * nothing is called or read there. What DPDK 22.11 makes for x86-64 (and arm64) has no address of
 * its own in it, so it may be copied elsewhere. For braid-jit and tests; needs no EAL. Thread: any.
 */
#ifndef DATAPLANE_TASK_TASK_JIT_H
#define DATAPLANE_TASK_TASK_JIT_H

#include <rte_bpf.h>

#include "lib/task/task_insn.h"

#define TASK_JIT_HELPERS_MAX 16
#define TASK_JIT_SYMBOLS_MAX 1024 /* helpers, and different places in constants */

/* A helper: its first argument is the context, all others are numbers. */
struct task_jit_helper {
	uint64_t address;
	uint32_t n_args;
	uint32_t reserved;
};

/* What programs of an object share. Helper number i is helpers[i - 1]. */
struct task_jit_world {
	uint64_t rodata; /* address of its constants */
	uint32_t rodata_len;
	uint32_t n_helpers;
	struct task_jit_helper helpers[TASK_JIT_HELPERS_MAX];
};

/* What one compilation needs; about 150 KiB. */
struct task_jit {
	struct rte_bpf_xsym symbols[TASK_JIT_SYMBOLS_MAX];
	uint32_t n_symbols;
};

/* Code, valid until rte_bpf_destroy(bpf). */
struct task_jit_code {
	struct rte_bpf *bpf;
	struct rte_bpf_jit jit;
};

/* A program, as task_lower wrote it. */
struct task_jit_program {
	struct task_insn *insns; /* are changed */
	uint32_t n_insns;
	uint32_t ctx_bytes;
};

/*
 * Verifies and compiles @p. 0 and the @code; or a negative errno: -EINVAL: the verifier refuses it
 * (it says why in DPDK's log), -E2BIG: too many places in constants, -ENOTSUP: no compiler for this
 * machine.
 */
int task_jit_compile(struct task_jit *jit, const struct task_jit_world *world,
	const struct task_jit_program *p, struct task_jit_code *code);

#endif
