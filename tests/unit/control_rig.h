/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control as a whole in the test's own process: a runtime directory, a configuration file, a fake
 * dataplane, and clients in threads of their own. Thread: the test's.
 */
#ifndef TESTS_UNIT_CONTROL_RIG_H
#define TESTS_UNIT_CONTROL_RIG_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/core/core.h"
#include "tests/unit/fake_dataplane.h"

#define WAIT_S 20

static const char head[] = "node:\n"
			   "  name: n1\n"
			   "  workers: [1]\n"
			   "  main: 0\n"
			   "  ports:\n"
			   "    - {name: lan, device: net_null0, addresses: [192.0.2.1/24]}\n"
			   "metrics: {listen: \"127.0.0.1:29465\"}\n";
static const char one_route[] = "routes: [{prefix: 198.51.100.0/24, via: 192.0.2.254}]\n";

/* A runtime directory, a file, a dataplane and a control. */
struct rig {
	char dir[64];
	char file[80];
	char control_socket[96];
	struct event_base *base;
	struct core *core;
	struct fake_dataplane *fake;
};

static inline void write_config(const struct rig *r, const char *start, const char *rest)
{
	FILE *f = fopen(r->file, "w");

	assert_non_null(f);
	fprintf(f, "%s%s", start, rest);
	assert_int_equal(fclose(f), 0);
}

static inline void start_control(struct rig *r)
{
	struct core_options options = {0};
	struct base_error err = {0};

	base_strlcpy(options.config, r->file, sizeof(options.config));
	base_strlcpy(options.runtime, r->dir, sizeof(options.runtime));
	r->core = core_create(r->base, &options, &err);
	if (!r->core)
		fail_msg("%s", err.text);
}

static inline void stop_control(struct rig *r)
{
	core_destroy(r->core);
	r->core = NULL;
}

static inline int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));

	base_strlcpy(r->dir, "/tmp/braid-control-test-XXXXXX", sizeof(r->dir));
	assert_non_null(mkdtemp(r->dir));
	snprintf(r->file, sizeof(r->file), "%s/braid.yaml", r->dir);
	snprintf(r->control_socket, sizeof(r->control_socket), "%s/control.sock", r->dir);
	r->base = event_base_new();
	write_config(r, head, one_route);
	*state = r;
	return 0;
}

static inline int teardown(void **state)
{
	struct rig *r = *state;
	char command[128];

	stop_control(r);
	if (r->fake)
		fake_dataplane_stop(r->fake);
	event_base_free(r->base);
	snprintf(command, sizeof(command), "rm -rf %s", r->dir);
	assert_int_equal(system(command), 0);
	free(r);
	return 0;
}

static inline double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Runs the loop for a short while. */
static inline void turn(struct rig *r)
{
	event_base_loop(r->base, EVLOOP_NONBLOCK);
	usleep(500);
}

/* Runs the loop until the dataplane has @n commits. */
static inline void wait_commits(struct rig *r, unsigned n)
{
	double end = now_s() + WAIT_S;

	while (__atomic_load_n(&r->fake->n_commits, __ATOMIC_ACQUIRE) < n && now_s() < end)
		turn(r);
	assert_int_equal(r->fake->n_commits, n);
	for (unsigned i = 0; i < 40; i++)
		turn(r);
}

/* One request by a client in a thread of its own, while the loop runs. */
struct request {
	const struct rig *rig;
	enum api_type type;
	struct api_control_apply apply;
	struct api_control_drain drain;
	int rc;
	struct base_error err;
	uint8_t reply[API_MSG_MAX_BYTES];
	unsigned n_progress;
	bool finished;
};

static inline void on_progress(void *ctx, const struct api_header *hdr)
{
	((struct request *)ctx)->n_progress += hdr->type == API_control_progress;
}

static inline void *client(void *arg)
{
	struct request *q = arg;
	const void *reply;
	struct api_client c;

	q->rc = api_client_open(&c, q->rig->control_socket, "test", NULL, &q->err);
	if (q->rc == 0) {
		c.on_event = on_progress;
		c.ctx = q;
		q->rc = api_call(&c, q->type,
			q->type == API_control_apply ? (const void *)&q->apply : &q->drain, &reply,
			&q->err);
		if (q->rc == 0)
			memcpy(q->reply, reply,
				((struct api_header *)c.buf)->length_bytes -
					sizeof(struct api_header));
		api_client_close(&c);
	}
	__atomic_store_n(&q->finished, true, __ATOMIC_RELEASE);
	return NULL;
}

static inline void ask(struct rig *r, struct request *q)
{
	double end = now_s() + WAIT_S;
	pthread_t thread;

	q->rig = r;
	assert_int_equal(pthread_create(&thread, NULL, client, q), 0);
	while (!__atomic_load_n(&q->finished, __ATOMIC_ACQUIRE) && now_s() < end)
		turn(r);
	assert_true(q->finished);
	pthread_join(thread, NULL);
}

/* Applies r->file; the caller frees. */
static inline struct request *apply(struct rig *r, uint32_t flags)
{
	struct request *q = calloc(1, sizeof(*q));

	q->type = API_control_apply;
	q->apply.flags = flags;
	base_strlcpy(q->apply.path, r->file, sizeof(q->apply.path));
	ask(r, q);
	return q;
}

static inline struct api_control_status status_of(struct rig *r)
{
	struct request *q = calloc(1, sizeof(*q));
	struct api_control_status s;

	q->type = API_control_status;
	ask(r, q);
	assert_int_equal(q->rc, 0);
	memcpy(&s, q->reply, sizeof(s));
	free(q);
	return s;
}

#endif
