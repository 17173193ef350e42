/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers ask the main thread for changes of libraries, and are told when they are done. Thread:
 * worker. */
#include <errno.h>
#include <stdatomic.h>

#include "dataplane/core/mailbox.h"
#include "dataplane/task/task_request.h"

_Atomic uint32_t task_requests_n;

int task_request_send(struct worker *w, struct task_request *r)
{
	uint32_t before = atomic_fetch_add_explicit(&task_requests_n, 1, memory_order_relaxed);

	r->from = w->id;
	r->status = 0;
	r->err.text[0] = r->name[0] = '\0';
	if (before < TASK_REQUESTS_MAX &&
		mailbox_send(w, w->main_id, MAIL_task_request, (uint64_t)(uintptr_t)r) == 0)
		return 0;
	atomic_fetch_sub_explicit(&task_requests_n, 1, memory_order_relaxed);
	return -EBUSY;
}

void task_on_done(struct worker *w, uint64_t arg)
{
	struct task_request *r = (struct task_request *)(uintptr_t)arg;

	r->done(w, r);
}
