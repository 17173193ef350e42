/* SPDX-License-Identifier: BSD-3-Clause */
/* Generations over a real socket: who may stage, what is answered when, what is left of a client.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "dataplane/core/server.h"
#include "tests/unit/route_node.h"

#define TURNS_MAX 100000000u

/* A client's side of a test, on a thread of its own; it writes down what it is told. */
struct script {
	void (*run)(struct script *s);
	char path[64];
	_Atomic bool done;
	int status[8];
	unsigned n_status;
	struct base_error err; /* of the last refusal */
	struct api_commit_reply counts;
};

static int start(void **state)
{
	static struct script s;
	struct server_identity identity = {.node = "n1"};
	struct base_error err = {};

	memset(&s, 0, sizeof(s));
	node_start(ROUTE_NODE);
	snprintf(s.path, sizeof(s.path), "/tmp/generation-test-%d", (int)getpid());
	if (server_init(s.path, &identity, &err) < 0)
		fail_msg("%s", err.text);
	*state = &s;
	return 0;
}

static int end(void **state)
{
	server_fini();
	return route_node_stop(state);
}

static void *client_main(void *arg)
{
	struct script *s = arg;

	s->run(s);
	s->done = true;
	return NULL;
}

/* Runs the client against this node. */
static void play(struct script *s, void (*run)(struct script *s))
{
	pthread_t thread;

	s->run = run;
	assert_int_equal(pthread_create(&thread, NULL, client_main, s), 0);
	for (unsigned i = 0; !s->done; i++) {
		assert_true(i < TURNS_MAX);
		server_poll();
		generation_step(100);
	}
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < 10; i++)
		server_poll();
}

static void call(struct script *s, struct api_client *c, enum api_type type, const void *body)
{
	const void *reply;
	int status = api_call(c, type, body, &reply, &s->err);

	s->status[s->n_status++] = status;
	if (status == 0 && type == API_commit)
		memcpy(&s->counts, reply, sizeof(s->counts));
}

static void call_begin(struct script *s, struct api_client *c, uint64_t generation)
{
	struct api_begin body = {.generation = generation};

	call(s, c, API_begin, &body);
}

static void call_commit(struct script *s, struct api_client *c, uint64_t generation, uint32_t flags)
{
	struct api_commit body = {.generation = generation, .flags = flags};

	call(s, c, API_commit, &body);
}

/* Sends interface "lan" with the address 10.9.0.1/24, or with a broken one. */
static void call_interface(struct script *s, struct api_client *c, bool good)
{
	struct {
		struct api_list list;
		struct api_interface interface;
	} body = {.list = {.count = 1},
		.interface = {.name = "lan", .port = "lan", .mtu = 1500, .n_addresses = 1}};

	body.interface.addresses[0] = route_addr(good ? "10.9.0.1/24" : "10.9.0.0/24");
	call(s, c, API_interface_set, &body);
}

static void run_commit(struct script *s)
{
	struct api_client c;

	if (api_client_open(&c, s->path, "test", NULL, &s->err) < 0)
		return;
	call_begin(s, &c, 7);
	call_interface(s, &c, true);
	call_commit(s, &c, 7, API_COMMIT_DRY_RUN);
	call_begin(s, &c, 8);
	call_interface(s, &c, true);
	call_commit(s, &c, 8, 0);
	api_client_close(&c);
}

static void a_commit_is_answered_when_it_is_done(void **state)
{
	struct script *s = *state;

	play(s, run_commit);
	assert_int_equal(s->n_status, 6);
	for (unsigned i = 0; i < s->n_status; i++)
		assert_int_equal(s->status[i], 0);
	assert_int_equal(s->counts.interfaces.changed, 1);
	assert_int_equal(s->counts.interfaces.removed, 1);
	assert_int_equal(world_current->generation, 8);
	assert_int_equal(route_lookup("10.9.0.1")->kind, NEXTHOP_LOCAL);
}

static void run_refused(struct script *s)
{
	struct api_client c;

	if (api_client_open(&c, s->path, "test", NULL, &s->err) < 0)
		return;
	call_begin(s, &c, 7);
	call_interface(s, &c, false);
	call_commit(s, &c, 7, 0);
	call(s, &c, API_abort, NULL);
	api_client_close(&c);
}

static void a_refused_message_cannot_be_committed(void **state)
{
	static const int want[] = {0, -EINVAL, -EINVAL, 0};
	struct script *s = *state;

	play(s, run_refused);
	assert_int_equal(s->n_status, ARRAY_SIZE(want));
	assert_memory_equal(s->status, want, sizeof(want));
	assert_string_equal(
		s->err.text, "a message of generation 7 was refused: abort it and send it again");
	assert_false(generation_is_open());
	assert_int_equal(route_lookup("192.0.2.1")->kind, NEXTHOP_LOCAL);
}

static void run_two_clients(struct script *s)
{
	struct api_client a, b;

	if (api_client_open(&a, s->path, "a", NULL, &s->err) < 0)
		return;
	if (api_client_open(&b, s->path, "b", NULL, &s->err) < 0)
		return;
	call_begin(s, &a, 7);
	call_begin(s, &b, 8);
	call_interface(s, &b, true);
	call(s, &b, API_abort, NULL);
	call_commit(s, &b, 7, 0);
	api_client_close(&a);
	usleep(10000);
	call_begin(s, &b, 8);
	call_interface(s, &b, true);
	call_commit(s, &b, 8, 0);
	api_client_close(&b);
}

static void one_client_stages_at_a_time_and_its_end_ends_it(void **state)
{
	static const int want[] = {0, -EBUSY, -EBUSY, -EBUSY, -EBUSY, 0, 0, 0};
	struct script *s = *state;

	play(s, run_two_clients);
	assert_int_equal(s->n_status, ARRAY_SIZE(want));
	assert_memory_equal(s->status, want, sizeof(want));
	assert_string_equal(s->err.text,
		"another client is staging a generation: is a second braid-control running?");
	assert_int_equal(world_current->generation, 8);
}

static void run_vanish(struct script *s)
{
	struct api_client c;

	if (api_client_open(&c, s->path, "test", NULL, &s->err) < 0)
		return;
	call_begin(s, &c, 7);
	call_interface(s, &c, true);
	api_client_close(&c);
}

static void what_a_vanished_client_staged_is_forgotten(void **state)
{
	struct script *s = *state;

	play(s, run_vanish);
	assert_int_equal(s->n_status, 2);
	assert_false(generation_is_open());
	assert_int_not_equal(world_current->generation, 7);
}

/* Sends a commit that will fail, and goes without waiting for the answer. */
static void run_vanish_in_commit(struct script *s)
{
	struct {
		struct api_list list;
		struct api_nexthop set;
	} nexthops = {.list = {.count = 1}, .set = {.action = API_ACTION_BLACKHOLE}};
	struct {
		struct api_list list;
		struct api_route route;
	} routes = {.list = {.count = 1}, .route = {.prefix = route_addr("10.9.0.0/24")}};
	struct api_header hdr = {.type = API_commit, .sequence = 100};
	struct api_commit commit = {.generation = 7};
	struct api_client c;

	if (api_client_open(&c, s->path, "test", NULL, &s->err) < 0)
		return;
	call_begin(s, &c, 7);
	call_interface(s, &c, true);
	call(s, &c, API_nexthop_set, &nexthops);
	call(s, &c, API_route_set, &routes);
	s->status[s->n_status++] = api_send(c.fd, &hdr, &commit, NULL, 0);
	api_client_close(&c);
	usleep(10000);
	if (api_client_open(&c, s->path, "test", NULL, &s->err) < 0)
		return;
	call_begin(s, &c, 8);
	api_client_close(&c);
}

static void a_failed_commit_without_its_client_locks_nobody_out(void **state)
{
	struct script *s = *state;

	play(s, run_vanish_in_commit);
	assert_int_equal(s->n_status, 6);
	for (unsigned i = 0; i < s->n_status; i++)
		assert_int_equal(s->status[i], 0);
	assert_int_equal(generation_result(&s->err), -EEXIST);
	assert_false(generation_is_open());
}

static void run_out_of_order(struct script *s)
{
	struct api_client c;

	if (api_client_open(&c, s->path, "test", NULL, &s->err) < 0)
		return;
	call_interface(s, &c, true);
	call_commit(s, &c, 7, 0);
	call(s, &c, API_abort, NULL);
	call_begin(s, &c, 0);
	api_client_close(&c);
}

static void messages_out_of_order_are_refused(void **state)
{
	static const int want[] = {-EPROTO, -EPROTO, 0, -EINVAL};
	struct script *s = *state;

	play(s, run_out_of_order);
	assert_int_equal(s->n_status, ARRAY_SIZE(want));
	assert_memory_equal(s->status, want, sizeof(want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_commit_is_answered_when_it_is_done, start, end),
		cmocka_unit_test_setup_teardown(a_refused_message_cannot_be_committed, start, end),
		cmocka_unit_test_setup_teardown(
			one_client_stages_at_a_time_and_its_end_ends_it, start, end),
		cmocka_unit_test_setup_teardown(
			what_a_vanished_client_staged_is_forgotten, start, end),
		cmocka_unit_test_setup_teardown(
			a_failed_commit_without_its_client_locks_nobody_out, start, end),
		cmocka_unit_test_setup_teardown(messages_out_of_order_are_refused, start, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
