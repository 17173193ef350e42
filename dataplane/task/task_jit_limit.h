/* SPDX-License-Identifier: BSD-3-Clause */
/* What braid-jit gives up before it looks at a program. Thread: main, of braid-jit. */
#ifndef DATAPLANE_TASK_TASK_JIT_LIMIT_H
#define DATAPLANE_TASK_TASK_JIT_LIMIT_H

#include "lib/base/base.h"

/*
 * Leaves the process @cpu_us of CPU, what it has used so far included, 256 MB of address space,
 * no new files, no privileges, and the few system calls that compiling needs; it dies with its
 * parent. What goes beyond that kills it: SIGPROF says that it was the time. 0 or -errno.
 */
int task_jit_limit(uint32_t cpu_us);

#endif
