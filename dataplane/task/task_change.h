/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes of the published libraries, one after the other, in the main thread's turns: what is
 * asked for is made whole aside, then published, or nothing changes. Thread: main.
 */
#ifndef DATAPLANE_TASK_TASK_CHANGE_H
#define DATAPLANE_TASK_TASK_CHANGE_H

#include "dataplane/task/task_load.h"

/* A change: the library that is being loaded, and all that will be published. */
struct task_changing {
	bool is_loading;
	uint32_t at; /* RESTORE: the next payload in the bytes */
	uint32_t n;
	uint32_t n_made;
	struct task_library *all[TASK_LIBRARIES_MAX];  /* as they will be */
	struct task_library *made[TASK_LIBRARIES_MAX]; /* of those the new ones */
	struct task_load load;
};

/* Begins what @r asks for. */
void task_change_start(struct task_changing *c, const struct task_request *r);

/* A piece of it, which waits for at most @wait_ms. True: more is to do; false: it is done, or
 * nothing has changed, as the answer in @r says. */
bool task_change_step(struct task_changing *c, struct task_request *r, int wait_ms);

/* Drops what is under way; nothing has changed. */
void task_change_end(struct task_changing *c);

#endif
