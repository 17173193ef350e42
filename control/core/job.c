/* SPDX-License-Identifier: BSD-3-Clause */
/* One thread per job, its end reported through an eventfd. Thread: main. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "control/core/job.h"

struct job {
	pthread_t thread;
	int fd;
	struct event *event;
	void (*work)(void *ctx);
	void (*done)(void *ctx);
	void *ctx;
};

static void *run(void *arg)
{
	struct job *job = arg;
	const uint64_t one = 1;

	job->work(job->ctx);
	/* An eventfd at zero takes a one without fail. */
	BRAID_ASSERT(write(job->fd, &one, sizeof(one)) == sizeof(one));
	return NULL;
}

static void destroy(struct job *job)
{
	if (job->event)
		event_free(job->event);
	if (job->fd >= 0)
		close(job->fd);
	free(job);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct job *job = arg;
	void (*done)(void *ctx) = job->done;
	void *ctx = job->ctx;

	pthread_join(job->thread, NULL);
	destroy(job);
	done(ctx);
}

struct job *job_start(
	struct event_base *base, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->work = work;
	job->done = done;
	job->ctx = ctx;
	job->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (job->fd >= 0)
		job->event = event_new(base, job->fd, EV_READ, on_end, job);
	if (job->event && event_add(job->event, NULL) == 0 &&
		pthread_create(&job->thread, NULL, run, job) == 0)
		return job;
	destroy(job);
	return NULL;
}

void job_cancel(struct job *job)
{
	if (!job)
		return;
	pthread_join(job->thread, NULL);
	destroy(job);
}
