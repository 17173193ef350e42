/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Compiling the programs of a library in a process of its own, braid-jit, because librte_bpf's
 * verifier may take time that is exponential in a program's length: the child has a limit of CPU
 * time and memory, runs where no worker does if there is such a CPU, and is killed at a deadline.
 * Nothing here waits longer than it is told to. Thread: main.
 */
#ifndef DATAPLANE_TASK_TASK_COMPILE_H
#define DATAPLANE_TASK_TASK_COMPILE_H

#include <sched.h>
#include <sys/types.h>

#include "dataplane/task/task_code.h"

#define TASK_COMPILE_WALL_NS (3 * NSEC_PER_SEC) /* when the machine has no CPU for the child */

/* How children are started. */
struct task_compile_setup {
	char program[256]; /* the path of braid-jit; empty: there is none */
	uint64_t wall_ns;  /* the longest that one may take */
	cpu_set_t cpus;    /* where they run; none: where the main thread does */
};

/* Functions as task_lower wrote them, and what they call and read. */
struct task_compile_input {
	const struct task_object *object;
	const struct task_insn *insns; /* of all functions: of each as it is, then masked */
	uint32_t n_insns[TASK_FUNCTIONS_MAX];
	uint32_t n_masked[TASK_FUNCTIONS_MAX]; /* 0: there is nothing to mask */
	uint32_t cpu_us;                       /* that it may take */
};

/* A compilation under way. */
struct task_compile {
	pid_t pid;  /* 0: none */
	int pid_fd; /* readable when it has ended; -1: none */
	int fd;     /* where the answer comes from; -1: it is over */
	uint32_t n_functions;
	uint32_t cpu_us;
	uint64_t deadline_ns;
	int why; /* 0, or why it was killed: -ETIMEDOUT, -EFBIG, -ENOMEM, -EPIPE: it did not end */
	int status; /* as of waitpid */
	uint8_t *answer;
	size_t len;
	size_t size;
};

/* The program is looked for beside this one (in a build tree), then where it is installed. */
void task_compile_setup_default(struct task_compile_setup *setup);

/* How children are started from now on. */
void task_compile_setup_set(const struct task_compile_setup *setup);

/* Starts a child. 0, or a negative errno with the sentence. End it with task_compile_end. */
int task_compile_start(
	struct task_compile *c, const struct task_compile_input *in, struct base_error *err);

/* Goes on, waiting for at most @wait_ms. True: it has not ended yet. */
bool task_compile_step(struct task_compile *c, int wait_ms);

/*
 * The result of one that has ended: 0 and the @code; or a negative errno and the sentence, or with
 * -ENOEXEC: the answer @a says which function was refused.
 */
int task_compile_result(struct task_compile *c, struct task_code *code, struct task_answer *a,
	struct base_error *err);

/* Kills a child that still runs, and frees all. */
void task_compile_end(struct task_compile *c);

#endif
