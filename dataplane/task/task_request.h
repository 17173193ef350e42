/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way of requests from workers to the main thread and back. Private to this folder. Thread:
 * any.
 */
#ifndef DATAPLANE_TASK_TASK_REQUEST_H
#define DATAPLANE_TASK_TASK_REQUEST_H

#include "dataplane/task/task.h"

#define TASK_REQUESTS_MAX 64 /* waiting or under way, of all workers */

extern _Atomic uint32_t task_requests_n;

/* Forgets all requests without answers, and stops what is under way. No worker may be left. Main.
 */
void task_requests_fini(void);

#endif
