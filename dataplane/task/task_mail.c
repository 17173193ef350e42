/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Letters and signals between workers. What finds no place in a ring waits in its order; signals
 * go behind the letters that wait. Those to this worker itself are served by a task, so that
 * nothing calls itself. Thread: worker.
 */
#include "dataplane/task/task_job_impl.h"

#define SELF_PER_PIECE 8

static void serve(struct worker *w, struct task_letter *l)
{
	switch ((enum task_letter_kind)l->kind) {
	case TASK_LETTER_CHUNK:
		task_chunk_arrive(w, CONTAINER_OF(l, struct task_chunk, letter));
		break;
	case TASK_LETTER_CHUNK_DONE:
		task_chunk_back(w, CONTAINER_OF(l, struct task_chunk, letter));
		break;
	case TASK_LETTER_PART:
		task_part_arrive(w, CONTAINER_OF(l, struct task_part, letter));
		break;
	case TASK_LETTER_PART_BACK:
		task_part_back(w, CONTAINER_OF(l, struct task_part, letter));
		break;
	}
}

static bool post(struct worker *w, struct task_letter *l)
{
	return mailbox_send(w, l->to, MAIL_task_letter, (uint64_t)(uintptr_t)l) == 0;
}

void task_letter_send(
	struct worker *w, struct task_letter *l, enum task_letter_kind kind, uint8_t to)
{
	struct task_worker *tw = w->task;
	struct task_queue *q = to == w->id ? &tw->self : &tw->out[to];

	l->kind = (uint8_t)kind;
	l->to = to;
	if (to != w->id && !q->first && post(w, l))
		return;
	task_queue_push(q, l);
	worker_task_add(w, &tw->mail_task);
}

/* Sends the signals for worker @to that wait. False: there is no room for all. */
static bool send_signals(struct worker *w, uint8_t to)
{
	uint8_t *bits = &w->task->signals[to];

	while (*bits != 0) {
		uint32_t signal = (uint32_t)__builtin_ctz(*bits);

		if (mailbox_send(w, to, MAIL_task_signal, signal | (uint64_t)w->id << 8) != 0)
			return false;
		*bits = (uint8_t)(*bits & (*bits - 1u));
	}
	return true;
}

void task_signal_send(struct worker *w, enum task_signal signal, uint8_t to)
{
	struct task_worker *tw = w->task;

	tw->signals[to] |= (uint8_t)(1u << signal);
	if (tw->out[to].first || !send_signals(w, to))
		worker_task_add(w, &tw->mail_task);
}

static bool mail_task(struct worker *w, struct worker_task *t)
{
	struct task_worker *tw = w->task;
	bool left = false;

	for (uint8_t i = 0; i < w->n_workers; i++) {
		struct task_queue *q = &tw->out[i];

		while (q->first) {
			struct task_letter *next = q->first->next;

			if (!post(w, q->first)) /* else it is the receiver's, its link, too */
				break;
			q->first = next;
		}
		left |= q->first != NULL || !send_signals(w, i);
	}
	for (unsigned k = 0; tw->self.first && k < SELF_PER_PIECE; k++)
		serve(w, task_queue_pop(&tw->self));
	return left || tw->self.first;
}

void task_mail_init(struct task_worker *tw)
{
	tw->mail_task.run = mail_task;
	tw->mail_task.class = WORKER_LATENCY;
}

void task_on_letter(struct worker *w, uint64_t arg)
{
	serve(w, (struct task_letter *)(uintptr_t)arg);
}
