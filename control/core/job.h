/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Work too long for the event loop (parsing a million routes, writing them) runs in a thread of its
 * own; the loop goes on and hears of its end. Thread: main, but for the work itself.
 */
#ifndef CONTROL_CORE_JOB_H
#define CONTROL_CORE_JOB_H

#include <event2/event.h>

#include "lib/base/base.h"

struct job;

/*
 * Runs @work(@ctx) in a new thread, then @done(@ctx) in the loop of @base; @work touches nothing
 * the loop may change meanwhile. NULL when there is no thread to be had. The job is freed after
 * @done.
 */
struct job *job_start(
	struct event_base *base, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx);

/* Waits for the work to end and frees the job without calling its `done`; NULL is allowed. */
void job_cancel(struct job *job);

#endif
