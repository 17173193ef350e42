/* SPDX-License-Identifier: BSD-3-Clause */
/* Single messages beside a push: they go ahead of it, are told apart from it, and end with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/core/session.h"
#include "tests/unit/fake_dataplane.h"

#define WAIT_S   20
#define N_ROUTES 30000 /* a dozen messages */

/* Sent when no objects are left: the last routes, the balancer's settings, COMMIT. */
#define MESSAGES_AT_END 3

/* What the owner of the session heard. */
struct rig {
	char dir[64];
	struct event_base *base;
	struct session *session;
	struct fake_dataplane *fake;
	struct conf *conf;
	bool up, down, pushed;
	int status;
	bool ask_in_push, ask_at_end;
	unsigned n_at_end; /* messages sent once all objects were */
	unsigned n_asked, n_answers, n_answers_in_push;
	int answer_status;
};

/* Asks for the backends; whether it could. */
static bool ask(struct rig *r)
{
	const struct api_dump dump = {0};
	bool taken = session_ask(r->session, API_backend_dump, &dump, sizeof(dump));

	r->n_asked += taken;
	return taken;
}

static void on_up(void *ctx, const struct api_hello_reply *hello)
{
	((struct rig *)ctx)->up = true;
}

static void on_down(void *ctx, const char *why)
{
	((struct rig *)ctx)->down = true;
}

static void on_progress(void *ctx, uint32_t done, uint32_t total)
{
	struct rig *r = ctx;

	if (r->ask_in_push)
		ask(r);
	r->n_at_end += done == total;
	if (r->ask_at_end && r->n_at_end == MESSAGES_AT_END)
		ask(r);
}

static void on_pushed(
	void *ctx, int status, const struct base_error *err, const struct api_commit_reply *counts)
{
	struct rig *r = ctx;

	r->pushed = true;
	r->status = status;
}

static void on_answer(void *ctx, const struct api_header *hdr)
{
	struct rig *r = ctx;

	r->n_answers++;
	r->n_answers_in_push += session_state(r->session) == SESSION_PUSHING;
	r->answer_status = hdr->status;
	assert_true(hdr->type == API_backend_dump || hdr->type == API_backend_state);
}

static const struct session_ops ops = {.on_up = on_up,
	.on_down = on_down,
	.on_progress = on_progress,
	.on_pushed = on_pushed,
	.on_answer = on_answer};

/* Runs the loop until *@flag. */
static void wait_for(struct rig *r, const bool *flag)
{
	time_t end = time(NULL) + WAIT_S;

	while (!*flag && time(NULL) < end) {
		event_base_loop(r->base, EVLOOP_NONBLOCK);
		usleep(200);
	}
	assert_true(*flag);
}

static void wait_answers(struct rig *r, unsigned n)
{
	time_t end = time(NULL) + WAIT_S;

	while (r->n_answers < n && time(NULL) < end) {
		event_base_loop(r->base, EVLOOP_NONBLOCK);
		usleep(200);
	}
	assert_int_equal(r->n_answers, n);
}

static struct conf *many_routes(void)
{
	struct conf_error err = {0};
	struct conf *conf = NULL;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	fprintf(f, "node: {name: n1, workers: [1], ports: [{name: lan, device: net_null0, "
		   "addresses: [192.0.2.1/24]}]}\nroutes:\n");
	for (unsigned i = 0; i < N_ROUTES; i++)
		fprintf(f, "  - {prefix: 10.%u.%u.0/24, via: 192.0.2.9}\n", i / 256, i % 256);
	fclose(f);
	if (conf_load_text("test.yaml", text, len, &conf, &err) < 0)
		fail_msg("%s", err.text);
	free(text);
	return conf;
}

static int setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	char path[96];

	base_strlcpy(r->dir, "/tmp/braid-session-test-XXXXXX", sizeof(r->dir));
	assert_non_null(mkdtemp(r->dir));
	r->base = event_base_new();
	r->conf = many_routes();
	r->fake = fake_dataplane_start(r->dir, "n1");
	snprintf(path, sizeof(path), "%s/dataplane.sock", r->dir);
	r->session = session_create(r->base, path, &ops, r);
	assert_false(ask(r));
	wait_for(r, &r->up);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct rig *r = *state;

	session_destroy(r->session);
	event_base_free(r->base);
	if (r->fake)
		fake_dataplane_stop(r->fake);
	conf_free(r->conf);
	rmdir(r->dir);
	free(r);
	return 0;
}

static void a_message_is_answered_without_any_push(void **state)
{
	struct rig *r = *state;

	assert_true(ask(r));
	assert_false(ask(r));
	wait_answers(r, 1);
	assert_true(ask(r));
	wait_answers(r, 2);
	assert_int_equal(r->answer_status, 0);
}

static void a_message_goes_ahead_of_what_is_left_of_a_push(void **state)
{
	struct rig *r = *state;

	r->ask_in_push = true;
	session_push(r->session, r->conf, 1, false);
	wait_for(r, &r->pushed);
	assert_int_equal(r->status, 0);
	assert_int_equal(r->fake->installed.n_routes, N_ROUTES);
	assert_true(r->n_answers_in_push > 0);
	wait_answers(r, r->n_asked);
}

static void no_message_travels_with_a_commit(void **state)
{
	struct rig *r = *state;

	r->ask_at_end = true;
	session_push(r->session, r->conf, 1, false);
	wait_for(r, &r->pushed);
	assert_int_equal(r->n_at_end, MESSAGES_AT_END);
	assert_int_equal(r->n_asked, 0);
	assert_true(ask(r));
	wait_answers(r, 1);
}

static void a_refused_message_does_not_hurt_a_push(void **state)
{
	struct rig *r = *state;
	const struct api_list none = {0};

	base_strlcpy(r->fake->state_refusal.text, "not now", 16);
	session_push(r->session, r->conf, 1, false);
	assert_true(session_ask(r->session, API_backend_state, &none, sizeof(none)));
	wait_for(r, &r->pushed);
	wait_answers(r, 1);
	assert_true(r->answer_status < 0);
	assert_int_equal(r->status, 0);
}

static void a_message_is_forgotten_with_the_connection(void **state)
{
	struct rig *r = *state;

	assert_true(ask(r));
	fake_dataplane_kill(r->fake);
	r->fake = NULL;
	wait_for(r, &r->down);
	assert_int_equal(r->n_answers, 0);
	assert_false(ask(r));
	r->fake = fake_dataplane_start(r->dir, "n1");
	r->up = false;
	wait_for(r, &r->up);
	assert_true(ask(r));
	wait_answers(r, 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(a_message_is_answered_without_any_push),
		CASE(a_message_goes_ahead_of_what_is_left_of_a_push),
		CASE(no_message_travels_with_a_commit),
		CASE(a_refused_message_does_not_hurt_a_push),
		CASE(a_message_is_forgotten_with_the_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
