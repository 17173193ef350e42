/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control as a whole, in one process with a fake dataplane: it installs, adopts, replays, applies
 * all or nothing, and says why not.
 */
#include <errno.h>
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
static const char two_routes[] = "routes: [{prefix: 198.51.100.0/24, via: 192.0.2.253},\n"
				 "  {prefix: 203.0.113.0/24, action: blackhole}]\n";

/* A runtime directory, a file, a dataplane and a control. */
struct rig {
	char dir[64];
	char file[80];
	char control_socket[96];
	struct event_base *base;
	struct core *core;
	struct fake_dataplane *fake;
};

static void write_config(const struct rig *r, const char *start, const char *rest)
{
	FILE *f = fopen(r->file, "w");

	assert_non_null(f);
	fprintf(f, "%s%s", start, rest);
	assert_int_equal(fclose(f), 0);
}

static void start_control(struct rig *r)
{
	struct core_options options = {0};
	struct base_error err = {0};

	base_strlcpy(options.config, r->file, sizeof(options.config));
	base_strlcpy(options.runtime, r->dir, sizeof(options.runtime));
	r->core = core_create(r->base, &options, &err);
	if (!r->core)
		fail_msg("%s", err.text);
}

static void stop_control(struct rig *r)
{
	core_destroy(r->core);
	r->core = NULL;
}

static int setup(void **state)
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

static int teardown(void **state)
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

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* Runs the loop for a short while. */
static void turn(struct rig *r)
{
	event_base_loop(r->base, EVLOOP_NONBLOCK);
	usleep(500);
}

/* Runs the loop until the dataplane has @n commits. */
static void wait_commits(struct rig *r, unsigned n)
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
	int rc;
	struct base_error err;
	uint8_t reply[API_MSG_MAX_BYTES];
	unsigned n_progress;
	bool finished;
};

static void on_progress(void *ctx, const struct api_header *hdr)
{
	((struct request *)ctx)->n_progress += hdr->type == API_control_progress;
}

static void *client(void *arg)
{
	struct request *q = arg;
	const void *reply;
	struct api_client c;

	q->rc = api_client_open(&c, q->rig->control_socket, "test", NULL, &q->err);
	if (q->rc == 0) {
		c.on_event = on_progress;
		c.ctx = q;
		q->rc = api_call(&c, q->type, q->type == API_control_apply ? &q->apply : NULL,
			&reply, &q->err);
		if (q->rc == 0)
			memcpy(q->reply, reply,
				((struct api_header *)c.buf)->length_bytes -
					sizeof(struct api_header));
		api_client_close(&c);
	}
	__atomic_store_n(&q->finished, true, __ATOMIC_RELEASE);
	return NULL;
}

static void ask(struct rig *r, struct request *q)
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
static struct request *apply(struct rig *r, uint32_t flags)
{
	struct request *q = calloc(1, sizeof(*q));

	q->type = API_control_apply;
	q->apply.flags = flags;
	base_strlcpy(q->apply.path, r->file, sizeof(q->apply.path));
	ask(r, q);
	return q;
}

static struct api_control_status status_of(struct rig *r)
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

static const char *diff_of(const struct request *q)
{
	return (const char *)q->reply + sizeof(struct api_control_applied);
}

static void a_fresh_dataplane_gets_the_file(void **state)
{
	struct rig *r = *state;
	struct api_control_status s;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	assert_int_equal(r->fake->installed.n_interfaces, 1);
	assert_string_equal(r->fake->installed.interfaces[0].name, "lan");
	assert_int_equal(r->fake->installed.n_routes, 1);
	s = status_of(r);
	assert_int_equal(s.generation, 1);
	assert_int_equal(s.installed, 1);
	assert_int_equal(s.routes, 1);
	assert_string_equal(s.config_path, r->file);
}

static void a_dataplane_that_comes_later_is_found(void **state)
{
	struct rig *r = *state;
	double end;

	start_control(r);
	for (end = now_s() + 0.3; now_s() < end;)
		turn(r);
	assert_int_equal(status_of(r).dataplane_pid, 0);
	assert_non_null(strstr(status_of(r).last_error, "braid-dataplane is not running"));
	r->fake = fake_dataplane_start(r->dir, "n1");
	wait_commits(r, 1);
	assert_string_equal(status_of(r).last_error, "");
}

static void a_restarted_dataplane_gets_what_was_in_force_not_the_file(void **state)
{
	struct rig *r = *state;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	write_config(r, head, two_routes);
	fake_dataplane_kill(r->fake);
	r->fake = fake_dataplane_start(r->dir, "n1");
	wait_commits(r, 1);
	assert_int_equal(r->fake->installed.n_routes, 1);
	assert_int_equal(r->fake->generation, 2);
	assert_int_equal(status_of(r).reconnects, 1);
}

static void a_restarted_control_adopts_what_is_in_force(void **state)
{
	struct rig *r = *state;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	stop_control(r);
	write_config(r, head, two_routes);
	start_control(r);
	wait_commits(r, 1);
	assert_int_equal(status_of(r).generation, 1);
	assert_int_equal(status_of(r).routes, 1);
	assert_int_equal(r->fake->n_commits, 1);
}

static void a_restarted_control_with_a_broken_file_adopts_all_the_same(void **state)
{
	struct rig *r = *state;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	stop_control(r);
	write_config(r, head, "bananas: 3\n");
	start_control(r);
	wait_commits(r, 1);
	assert_int_equal(status_of(r).routes, 1);
}

static void a_generation_committed_in_the_moment_of_death_is_adopted(void **state)
{
	struct rig *r = *state;
	char from[96], to[96];

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	stop_control(r);
	/* As if control had died between the commit and the renaming. */
	snprintf(from, sizeof(from), "%s/applied.yaml", r->dir);
	snprintf(to, sizeof(to), "%s/next.yaml", r->dir);
	assert_int_equal(rename(from, to), 0);
	write_config(r, head, two_routes);
	start_control(r);
	wait_commits(r, 1);
	assert_int_equal(status_of(r).routes, 1);
	assert_int_equal(access(from, F_OK), 0);
	assert_int_not_equal(access(to, F_OK), 0);
}

static void an_apply_says_the_difference_and_takes_effect_as_one_generation(void **state)
{
	struct rig *r = *state;
	struct request *q;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	write_config(r, head, two_routes);
	q = apply(r, API_APPLY_DRY_RUN);
	assert_int_equal(q->rc, 0);
	assert_int_equal(r->fake->n_dry_runs, 1);
	assert_int_equal(r->fake->installed.n_routes, 1);
	assert_int_equal(status_of(r).generation, 1);
	free(q);
	q = apply(r, 0);
	assert_int_equal(q->rc, 0);
	assert_string_equal(diff_of(q),
		"+ route 203.0.113.0/24 blackhole\n"
		"~ route 198.51.100.0/24 via 192.0.2.254 -> via 192.0.2.253\n");
	assert_int_equal(r->fake->installed.n_routes, 2);
	assert_int_equal(r->fake->generation, 2);
	assert_int_equal(status_of(r).generation, 2);
	assert_true(q->n_progress > 0);
	free(q);
}

static void a_broken_file_changes_nothing(void **state)
{
	struct rig *r = *state;
	struct request *q;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	write_config(r, head, "rotues: []\n");
	q = apply(r, 0);
	assert_int_equal(q->rc, -EINVAL);
	assert_non_null(strstr(q->err.text, "braid.yaml:8:1: "));
	assert_non_null(strstr(q->err.text, "did you mean \"routes\"?"));
	assert_int_equal(r->fake->n_commits, 1);
	assert_int_equal(status_of(r).generation, 1);
	free(q);
}

static void the_dataplanes_refusal_reaches_the_user_verbatim(void **state)
{
	struct rig *r = *state;
	struct request *q;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	base_strlcpy(r->fake->refusal.text, "no room for route 203.0.113.0/24", 64);
	write_config(r, head, two_routes);
	q = apply(r, 0);
	assert_int_equal(q->rc, -EINVAL);
	assert_string_equal(q->err.text, "no room for route 203.0.113.0/24");
	assert_int_equal(r->fake->n_aborts, 1);
	assert_int_equal(r->fake->installed.n_routes, 1);
	assert_int_equal(status_of(r).generation, 1);
	free(q);
}

static void changes_that_need_a_restart_are_refused(void **state)
{
	static const char other[] =
		"node:\n  name: n1\n  workers: [1, 1]\n  main: 0\n  ports:\n"
		"    - {name: lan, device: net_null0, addresses: [192.0.2.1/24]}\n";
	struct rig *r = *state;
	struct request *q;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	write_config(r, other, one_route);
	q = apply(r, 0);
	assert_int_equal(q->rc, -EBUSY);
	assert_non_null(strstr(q->err.text, "\"workers\" of the node differs"));
	assert_non_null(strstr(q->err.text, "needs a restart"));
	free(q);
}

static void an_apply_without_a_dataplane_is_refused(void **state)
{
	struct rig *r = *state;
	struct request *q;

	start_control(r);
	q = apply(r, 0);
	assert_int_equal(q->rc, -ENOTCONN);
	assert_non_null(strstr(q->err.text, "braid-dataplane is not connected"));
	free(q);
}

static void a_dataplane_lost_in_an_apply_fails_it_and_keeps_the_old_state(void **state)
{
	struct rig *r = *state;
	struct request *q;

	r->fake = fake_dataplane_start(r->dir, "n1");
	start_control(r);
	wait_commits(r, 1);
	r->fake->hang_up_after = 3;
	write_config(r, head, two_routes);
	q = apply(r, 0);
	assert_int_equal(q->rc, -ECONNRESET);
	r->fake->hang_up_after = 0;
	free(q);
	assert_int_equal(status_of(r).routes, 1);
	assert_int_equal(r->fake->installed.n_routes, 1);
	q = NULL;
	while (!q || q->rc == -ENOTCONN) {
		free(q);
		q = apply(r, 0);
	}
	assert_int_equal(q->rc, 0);
	assert_int_equal(r->fake->installed.n_routes, 2);
	free(q);
}

static void a_dataplane_of_another_node_is_left_alone(void **state)
{
	struct rig *r = *state;
	double end;

	r->fake = fake_dataplane_start(r->dir, "other");
	start_control(r);
	for (end = now_s() + 0.5; now_s() < end;)
		turn(r);
	assert_int_equal(r->fake->n_commits, 0);
	assert_non_null(strstr(status_of(r).last_error, "is of node \"other\""));
}

static void a_dataplane_of_another_api_version_is_refused_with_the_remedy(void **state)
{
	struct rig *r = *state;
	double end;

	r->fake = fake_dataplane_start(r->dir, "n1");
	r->fake->version = 9;
	start_control(r);
	for (end = now_s() + 0.5; now_s() < end;)
		turn(r);
	assert_int_equal(r->fake->n_commits, 0);
	assert_non_null(strstr(status_of(r).last_error, "speaks API version 9"));
}

static void a_second_control_is_told_that_one_runs(void **state)
{
	struct rig *r = *state;
	struct core_options options = {0};
	struct base_error err = {0};

	start_control(r);
	base_strlcpy(options.config, r->file, sizeof(options.config));
	base_strlcpy(options.runtime, r->dir, sizeof(options.runtime));
	assert_null(core_create(r->base, &options, &err));
	assert_non_null(strstr(err.text, "another process is running on this socket"));
	assert_int_equal(status_of(r).dataplane_pid, 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_fresh_dataplane_gets_the_file),
		CASE(a_dataplane_that_comes_later_is_found),
		CASE(a_restarted_dataplane_gets_what_was_in_force_not_the_file),
		CASE(a_restarted_control_adopts_what_is_in_force),
		CASE(a_restarted_control_with_a_broken_file_adopts_all_the_same),
		CASE(a_generation_committed_in_the_moment_of_death_is_adopted),
		CASE(an_apply_says_the_difference_and_takes_effect_as_one_generation),
		CASE(a_broken_file_changes_nothing),
		CASE(the_dataplanes_refusal_reaches_the_user_verbatim),
		CASE(changes_that_need_a_restart_are_refused),
		CASE(an_apply_without_a_dataplane_is_refused),
		CASE(a_dataplane_lost_in_an_apply_fails_it_and_keeps_the_old_state),
		CASE(a_dataplane_of_another_node_is_left_alone),
		CASE(a_dataplane_of_another_api_version_is_refused_with_the_remedy),
		CASE(a_second_control_is_told_that_one_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
