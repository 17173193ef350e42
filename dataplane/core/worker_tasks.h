/* SPDX-License-Identifier: BSD-3-Clause */
/* What the turn of a worker knows of its tasks. Private to core. Thread: worker. */
#ifndef DATAPLANE_CORE_WORKER_TASKS_H
#define DATAPLANE_CORE_WORKER_TASKS_H

#include "dataplane/core/worker.h"

/* Runs tasks for the time that @moved packets and messages of this turn leave them (DESIGN section
 * 4). How many pieces. */
unsigned worker_tasks_run(struct worker *w, unsigned moved);

#endif
